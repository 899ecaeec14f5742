"""Train the networks that were reported not to, and keep what came of it; goes on where it was stopped.

    python -m infoflow.studies.check_calibration.truth [--match c01]

A line of a table per network and seed is added as soon as it is known; lines that are there are not computed again. A
line that was cut off when the process was killed is dropped, and computed again.
"""

import argparse
import csv
import fcntl
import io
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import torch

from infoflow.errors import InfoflowError
from infoflow.studies.check_calibration.networks.case import Case, train_case
from infoflow.studies.check_calibration.networks.cases import CASES

COLUMNS = ("name", "family", "arm", "seed", "succeeded", "steps", "loss", "accuracy", "diverged", "seconds")
TABLE = Path(__file__).with_name("truth_cases.csv")
"""The one that tests compare with."""

Row = dict[str, str]
Key = tuple[str, str, int]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="infoflow.studies.check_calibration.truth", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--match", default="", help="only networks whose name begins like that")
    parser.add_argument("--table", type=Path, default=TABLE, help="file to write to")
    given = parser.parse_args(arguments)
    try:
        chosen = [case for case in CASES if case.name.startswith(given.match)]
        complete(given.table, chosen, lambda line: print(line, flush=True))
    except InfoflowError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def complete(path: Path, cases: Iterable[Case], tell: Callable[[str], None] = lambda _: None) -> None:
    """Train whatever has no line in a table yet.

    Seeds come one after the other, each of all networks: a table that is half done has something of everything.

    Raises:
        InfoflowError: the table has other columns, its folder is not there, or data is missing.
    """
    if not path.parent.is_dir():
        raise InfoflowError(f"{path}: cannot be written, there is no such folder; make it first")
    done = {key(row) for row in read_table(path)} if _mend(path) else set()
    cases = list(cases)
    wanted = [(case, seed) for seed in range(max((c.seeds for c in cases), default=0)) for case in cases]
    wanted = [(c, seed) for c, seed in wanted if seed < c.seeds and (c.name, c.arm, seed) not in done]
    for k, row in enumerate(_train_all(wanted), start=1):
        _append(path, row)
        tell(f"{k}/{len(wanted)} " + " ".join(row[c] for c in ("name", "arm", "seed", "succeeded", "steps", "seconds")))


def read_table(path: Path) -> list[Row]:
    """Rows of a table as text, in the order of the file.

    Raises:
        InfoflowError: there is no such table, or it has other columns.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            if tuple(reader.fieldnames or ()) != COLUMNS:
                raise InfoflowError(f"{path}: its columns are not {', '.join(COLUMNS)}; move it away")
            return list(reader)
    except OSError as error:
        raise InfoflowError(f"{path}: cannot be read ({error}); make it with {__name__}") from error


def key(row: Row) -> Key:
    """What names a network: name, arm, seed."""
    return row["name"], row["arm"], int(row["seed"])


def _train_all(wanted: Sequence[tuple[Case, int]]) -> Iterable[Row]:
    torch.set_num_threads(1)  # so that rounding, and with it chaos, is the same whatever the machine
    for case, seed in wanted:
        found = train_case(case, seed)
        values: dict[str, Any] = {
            "name": case.name,
            "family": case.family,
            "arm": case.arm,
            "seed": seed,
            "succeeded": int(found.succeeded),
            "steps": found.steps,
            "loss": f"{found.loss:.4g}",
            "accuracy": f"{found.accuracy:.4g}",
            "diverged": int(found.diverged),
            "seconds": f"{found.seconds:.1f}",
        }
        yield {column: str(value) for column, value in values.items()}


def _append(path: Path, row: Row) -> None:
    """One write of a whole line, under a lock: several processes can share a table."""
    with path.open("a+b", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        if not file.seek(0, os.SEEK_END):
            writer.writeheader()
        writer.writerow(row)
        file.write(text.getvalue().encode())
        os.fsync(file.fileno())


def _mend(path: Path) -> bool:
    """Drop a last line without an end; whether there is anything else."""
    if not path.is_file():
        return False
    with path.open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        end = file.read().rfind(b"\n") + 1
        file.truncate(end)
    return end > 0


if __name__ == "__main__":
    sys.exit(main())
