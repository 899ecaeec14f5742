"""Of the leaderboard."""

import xarray as xr

from infoflow.studies.claims.intervals import Interval


def standing(cube: xr.Dataset, grid: str, score: str, measure: str) -> Interval:
    """AUROC, error of the boundary or another measure of a score, with its bootstrap interval."""
    one = cube.sel(grid=grid, score=score)
    return Interval(*(float(one[f"{measure}{end}"]) for end in ("", "_low", "_high")))
