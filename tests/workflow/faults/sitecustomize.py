"""Faults of jobs: Python runs this file at its start, wherever this directory is on PYTHONPATH.

A job that is forked has them when its script begins.

INFOFLOW_FAULTS names a JSON list, in a directory of its own, of what happens to the processes of a job's script:

    {"script": "train_network", "times": 1, "chance": 0.05, "action": "kill", "seconds": 0.5}

`times`: to so many processes at most, and `chance`: to each with that probability (1 both, if not given; null: to all).
Actions: `kill` (SIGKILL) and `sleep`, after and for `seconds`, a number or [least, most]; `kill_at_write`, as soon as a
file is whole but not yet in its place, after so many (`after`) that went well; `hold`, until there is a file `release`
in that directory; `fill`, which holds `mb` of memory for `seconds`; `limit`: no file may be larger than so many `kb`,
as if the disk were full. Files `started.<script>.<number>` and `fault<index>.<number>` in the directory tell how many
processes were started, and how many had the fault.
"""

import itertools
import json
import os
import random
import re
import resource
import runpy
import signal
import sys
import threading
import time
from pathlib import Path

SCRIPT = re.compile(r"\.snakemake/scripts/tmp\w+\.(\w+)\.py$")


def claim(directory: Path, name: str, times: int | None) -> int | None:
    """The number of this process among those with the fault, None if they were enough."""
    number = 0
    while times is None or number < times:
        try:
            os.close(os.open(directory / f"{name}.{number}", os.O_CREAT | os.O_EXCL))
            return number
        except FileExistsError:
            number += 1
    return None


def suffer(directory: Path, action: str, seconds: float = 0.0, mb: int = 0, kb: int = 0, after: int = 0) -> None:
    if action == "kill":
        timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL))
        timer.daemon = True
        timer.start()
    elif action == "kill_at_write":
        whole = itertools.count()
        synchronise = os.fsync

        def fsync(file: int) -> None:
            synchronise(file)
            if next(whole) == after:
                os.kill(os.getpid(), signal.SIGKILL)

        os.fsync = fsync
    elif action == "hold":
        end = time.monotonic() + 300
        while not (directory / "release").exists() and time.monotonic() < end:
            time.sleep(0.05)
    elif action == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (kb << 10, kb << 10))
    elif action == "fill":
        held = bytearray(mb << 20)
        held[::4096] = b"x" * len(held[::4096])
        time.sleep(seconds)
    else:
        time.sleep(seconds)


def main(faults: Path) -> None:
    if "forkserver.py" in map(os.path.basename, sys.orig_argv):
        run = runpy.run_path

        def run_path(path: str, **options: object) -> object:
            meet(faults, path)
            return run(path, **options)

        runpy.run_path = run_path
    elif script := next((a for a in sys.orig_argv if SCRIPT.search(a)), None):
        meet(faults, script)


def meet(faults: Path, path: str) -> None:
    """What happens to the process of a script."""
    script = SCRIPT.search(path)[1]
    started = claim(faults.parent, f"started.{script}", None)
    for index, fault in enumerate(json.loads(faults.read_text())):
        if fault.pop("script") != script:
            continue
        times, chance = fault.pop("times", 1), fault.pop("chance", 1.0)
        generator = random.Random(f"{script} {started}")
        if generator.random() < chance and claim(faults.parent, f"fault{index}", times) is not None:
            if isinstance(fault.get("seconds"), list):
                fault["seconds"] = generator.uniform(*fault["seconds"])
            suffer(faults.parent, **fault)


if "INFOFLOW_FAULTS" in os.environ:
    main(Path(os.environ["INFOFLOW_FAULTS"]))
