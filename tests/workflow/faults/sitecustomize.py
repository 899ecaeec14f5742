"""Faults of jobs: Python runs this file at its start, wherever this directory is on PYTHONPATH.

INFOFLOW_FAULTS names a JSON list, in a directory of its own, of what happens to the processes of a job's script:

    {"script": "train_network", "times": 1, "chance": 0.05, "action": "kill", "seconds": 0.5}

`times`: to so many processes at most, and `chance`: to each with that probability (1 both, if not given; null: to all).
Actions: `kill` (SIGKILL) and `sleep`, after and for `seconds`; `fill`, which holds `mb` of memory for `seconds`.
"""

import json
import os
import random
import re
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


def suffer(action: str, seconds: float = 0.0, mb: int = 0) -> None:
    if action == "kill":
        timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL))
        timer.daemon = True
        timer.start()
    elif action == "fill":
        held = bytearray(mb << 20)
        held[::4096] = b"x" * len(held[::4096])
        time.sleep(seconds)
    else:
        time.sleep(seconds)


def main(faults: Path) -> None:
    script = next((m[1] for a in sys.orig_argv if (m := SCRIPT.search(a))), None)
    if script is None:
        return
    started = claim(faults.parent, f"started.{script}", None)
    for index, fault in enumerate(json.loads(faults.read_text())):
        if fault.pop("script") != script:
            continue
        times, chance = fault.pop("times", 1), fault.pop("chance", 1.0)
        if (
            random.Random(f"{script} {started}").random() < chance
            and claim(faults.parent, f"fault{index}", times) is not None
        ):
            suffer(**fault)


if "INFOFLOW_FAULTS" in os.environ:
    main(Path(os.environ["INFOFLOW_FAULTS"]))
