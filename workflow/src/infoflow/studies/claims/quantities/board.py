"""Of the leaderboard."""

from collections.abc import Sequence

import xarray as xr

from infoflow.studies.claims.intervals import Interval, exact


def standing(cube: xr.Dataset, grid: str, score: str, measure: str) -> Interval:
    """AUROC, error of the boundary or another measure of a score, with its bootstrap interval."""
    one = cube.sel(grid=grid, score=score)
    return Interval(*(float(one[f"{measure}{end}"]) for end in ("", "_low", "_high")))


def boundary_factor(cube: xr.Dataset, grid: str, kind: str) -> Interval:
    """Largest trainable depth over ξ_c: `calibrated` on the other columns, or `true`; median and range of columns."""
    one = cube.sel(grid=grid)
    return Interval(*(float(one[f"{kind}_factor{end}"]) for end in ("", "_low", "_high")))


def printed_standing(cube: xr.Dataset, grid: str, scores: Sequence[str], measure: str) -> Interval:
    """A measure of several scores in this very run: to compare with what is printed of it."""
    return exact([float(cube[measure].sel(grid=grid, score=score)) for score in scores])
