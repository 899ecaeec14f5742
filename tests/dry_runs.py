"""Dry runs of Snakemake, each in a process of its own that is forked where Snakemake is imported already.

That import is half of what a dry run costs, and the tests make two hundred. Of the package nothing is imported before
the fork. Orders are lines of JSON on the standard input, answers are exit statuses on the standard output.
"""

import contextlib
import gc
import json
import os
import signal
import sys
import traceback


def dry_run(order: dict) -> None:
    """As `python -m snakemake` does it; ends the process."""
    from snakemake.cli import main

    output = os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(output, stream)
    signal.alarm(order["limit"])
    os.chdir(order["directory"])
    os.environ["PYTHONPATH"] = os.pathsep.join(order["path"])
    sys.path[:0] = order["path"]
    status = 1
    try:
        main(order["arguments"])
    except SystemExit as end:
        status = end.code
    except BaseException:
        traceback.print_exc()
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)


def serve() -> None:
    import snakemake.cli
    import snakemake.report  # noqa: F401

    gc.disable()  # none of the processes lives long
    for line in sys.stdin:
        if (child := os.fork()) == 0:
            dry_run(json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    serve()
