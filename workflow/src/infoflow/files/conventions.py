"""What all cubes have in common: flags, axes, and what a cube has to say of itself."""

from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np
import xarray as xr

from infoflow.errors import InfoflowError
from infoflow.files.results import Result

OK, DIVERGED, MISSING = 0, 1, 2
POINT = ("sigma_w2", "sigma_b2", "depth")


def validate(cube: xr.Dataset, dimensions: Sequence[str] | None = None, needed: Collection[str] = ()) -> None:
    """Check that every variable says what it is, and has its dimensions in order.

    Args:
        dimensions: all that there are, in their order; None: any.
        needed: variables that have to be there.

    Raises:
        InfoflowError: a variable is missing, lacks its description or units, or has its dimensions out of order.
    """
    if not cube.data_vars:
        raise InfoflowError("cube: it holds nothing")
    for name in needed:
        if name not in cube:
            raise InfoflowError(f"cube: {name} is missing")
    for name, variable in cube.variables.items():
        order = [dimensions.index(d) for d in variable.dims if d in dimensions] if dimensions else None
        if order is not None and (len(order) != variable.ndim or order != sorted(order)):
            raise InfoflowError(f"cube: dimensions of {name} are {variable.dims}, not in the order {dimensions}")
        for attribute in ("long_name", "units"):
            if attribute not in variable.attrs:
                raise InfoflowError(f"cube: {name} has no {attribute}")


def place(
    cube: xr.Dataset,
    name: str,
    dimensions: Sequence[str],
    fill: float,
    dtype: type,
    results: Mapping[tuple, Result],
    value: Callable[[Result], np.ndarray],
) -> None:
    """Fill a variable point by point; `dimensions` starts with those that a point selects."""
    array = np.full([cube.sizes[d] for d in dimensions], fill, dtype)
    selecting = [d for d in POINT if d in dimensions]
    index = {d: {v: i for i, v in enumerate(cube[d].values.tolist())} for d in selecting}
    for point, result in results.items():
        where = [index[d][v] for d, v in zip(POINT, point) if d in selecting]
        part = np.asarray(value(result))
        array[(*where, *(slice(n) for n in part.shape))] = part
    cube[name] = (tuple(dimensions), array)


def add_deviations(cube: xr.Dataset) -> None:
    """Coordinates sigma_w and sigma_b beside the variances."""
    for axis in ("sigma_w", "sigma_b"):
        cube.coords[axis] = np.sqrt(cube[f"{axis}2"])
