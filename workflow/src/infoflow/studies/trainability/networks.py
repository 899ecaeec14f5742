"""The networks of a cube in rows of points, as they are judged."""

import numpy as np
import xarray as xr

from infoflow.files.conventions import POINT
from infoflow.verdict.standing import Grid, make_grid


def rows_of(values: xr.DataArray) -> np.ndarray:
    """A variable of every network as [point, replica, ...], points in the order (σ_w², σ_b², depth)."""
    ordered = values.transpose(*POINT, "replica", ...).values
    return ordered.reshape(-1, *ordered.shape[3:])


def grid_of(
    cube: xr.Dataset,
    seed: int,
    experiment: str,
    resamples: int | None = None,
    boundary_resamples: int | None = None,
) -> Grid:
    """The networks of a cube with ground truth, with resamples that are the same wherever it is judged.

    Args:
        cube: with global attribute `draws`.
        seed: of the run.
        resamples, boundary_resamples: see `standing.make_grid`.
    """
    labels = rows_of(cube["trainable"]).astype(float)
    columns = np.arange(cube.sizes["sigma_w2"] * cube.sizes["sigma_b2"])
    columns, depths = (a.ravel() for a in np.meshgrid(columns, cube["depth"].values, indexing="ij"))
    return make_grid(
        np.where(labels >= 0, labels, np.nan),
        rows_of(cube["reached_accuracy"]).astype(float),
        columns,
        depths,
        (seed, experiment),
        cube.attrs["draws"],
        resamples,
        boundary_resamples,
    )
