"""Decide the claims from the cubes of several runs together, and compare with the verdicts that are recorded.

    python -m infoflow.studies.claims.check results [more results ...] [--write docs/claims.md]

Of several cubes of a name a claim takes the first one that is of its experiment.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import xarray as xr

from infoflow.errors import InfoflowError
from infoflow.files.cubes import read_cube
from infoflow.studies.claims.entries import read_claims, read_evidence
from infoflow.studies.claims.quantities.registry import QUANTITIES
from infoflow.studies.claims.tables import count, list_changes, write_markdown
from infoflow.studies.claims.verdicts import judge


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; its exit status is 1 if a verdict has changed, in either direction."""
    parser = argparse.ArgumentParser(prog="infoflow.studies.claims.check", description=__doc__.split("\n")[0])
    parser.add_argument("results", nargs="+", type=Path, help="directories with the results of runs")
    parser.add_argument("--write", type=Path, help="Markdown file for the table of all claims")
    given = parser.parse_args(arguments)
    try:
        evidence = read_evidence()
        cubes = find_cubes(given.results, {one.cube for one in evidence.values()})
        judged = judge(read_claims(), evidence, cubes, QUANTITIES)
        if given.write is not None:
            given.write.write_text(write_markdown(judged, evidence), encoding="utf-8")
    except (InfoflowError, OSError) as error:
        print(f"error: {error}")
        return 1
    changes = list_changes(judged)
    print(count(judged))
    for change in changes:
        print(f"changed: {change}")
    return 1 if changes else 0


def find_cubes(folders: Iterable[Path], names: Iterable[str]) -> dict[str, list[xr.Dataset]]:
    """By name, the cubes of some results in the order of their directories.

    Raises:
        InfoflowError: a directory has no cubes, or one of them is damaged.
    """
    found: dict[str, list[xr.Dataset]] = {}
    for folder in folders:
        cubes = next((c for c in (folder / "cubes", folder / "results/cubes") if c.is_dir()), None)
        if cubes is None:
            raise InfoflowError(f"{folder}: has no cubes; name a directory with the results of a run")
        for name in names:
            if (path := cubes / f"{name}.nc").is_file():
                found.setdefault(name, []).append(read_cube(path))
    return found


if __name__ == "__main__":
    sys.exit(main())
