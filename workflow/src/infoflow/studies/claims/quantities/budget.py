"""Of the probing budget: the probe of an experiment with fewer steps and samples."""

import xarray as xr

from infoflow.studies.claims.intervals import Interval, exact


def budget_auroc(cube: xr.Dataset, method: str, score: str) -> Interval:
    """AUROC at the full width after every fraction of the steps, in this very run: to compare with what is printed."""
    one = cube["auroc"].isel(width=-1, samples=-1).sel(probe_method=method, score=score)
    return exact(one.sortby("fraction").values)


def budget_loss(
    cube: xr.Dataset, method: str, score: str, fraction: float = 1.0, samples: int | None = None
) -> Interval:
    """AUROC of the full probe less that of the shorter one at the full width, on the same resamples."""
    one = cube.isel(width=-1).sel(probe_method=method, score=score).sel(fraction=fraction, method="nearest")
    one = one.isel(samples=-1) if samples is None else one.sel(samples=samples)
    return Interval(*(float(one[f"auroc_loss{end}"]) for end in ("", "_low", "_high")))
