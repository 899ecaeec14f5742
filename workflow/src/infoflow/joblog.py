"""What a job tells its user: progress in its log file, and one clear line when it fails."""

import gc
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infoflow.errors import InfoflowError


@contextmanager
def job_log(path: str | Path, scripts: str | Path) -> Iterator[None]:
    """Send the log messages of the block to `path`; an exception ends the process with exit status 1.

    Jobs import heavy libraries inside the block: a failure is then in the log, and the import of torch is a tenth
    faster, because garbage is looked for less often.

    Args:
        path: the log file.
        scripts: directory of the scripts of the workflow that runs the job.

    An InfoflowError is told in its one line, anything else with its traceback in the log. Success ends the process too:
    nothing is left to do, and torch takes a third of a second to tear down what the system frees at once.
    """
    gc.set_threshold(100_000)
    logging.raiseExceptions = False  # on a full disk, a traceback for every line would hide the one that counts
    logging.basicConfig(
        filename=path,
        filemode="w",
        level=logging.INFO,
        format="%(asctime)s %(message)s",
        datefmt="%H:%M:%S",
        force=True,
    )
    logger = logging.getLogger("infoflow")
    try:
        package, expected = Path(__file__).resolve().parent, Path(scripts).resolve().parent / "src/infoflow"
        if package != expected:
            raise InfoflowError(
                f"infoflow is installed from {package}, but this workflow has its own in {expected}, which its "
                "results would be attributed to; run it in an environment without infoflow, or in the one that "
                "`make setup` makes here"
            )
        yield
        logger.info("done")
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
    except InfoflowError as error:
        logger.error("error: %s", error)
        sys.exit(f"error: {error}")
    except Exception as error:
        logger.exception("unexpected error")
        sys.exit(f"unexpected error: {error!r}; the traceback is in {path}")
