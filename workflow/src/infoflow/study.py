"""Files of cubes, those of the studies (`figures.STUDIES`) and of `cubes`; they open with plain `xr.open_dataset`.

Every variable has `long_name`, `units` and, where it is not plain, `comment`; global attributes say what made the cube.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import xarray as xr

from infoflow import __version__
from infoflow.errors import InfoflowError
from infoflow.record import check_parameters, spent
from infoflow.store import check_seal, sealed


def describe_study(cube: xr.Dataset, attributes: Mapping[str, Any]) -> xr.Dataset:
    """The cube with its global attributes; mappings are kept as JSON."""
    return cube.assign_attrs(
        {
            "Conventions": "CF-1.11",
            "source": f"infoflow {__version__}",
            "history": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} merged by infoflow {__version__}",
            **{k: json.dumps(v, sort_keys=True) if isinstance(v, Mapping) else v for k, v in attributes.items()},
        }
    )


def write_study(cube: xr.Dataset, path: str | Path, rule: str) -> None:
    """Write a cube (zlib 4, checksums); whole or not at all. What the rule cost is added to attribute `cost`.

    Raises:
        InfoflowError: a variable lacks its description, or the file could not be written.
    """
    validate_study(cube)
    cube = cube.assign_attrs(cost=spent(rule, cube.attrs.get("cost", "{}")))
    encoding = {
        name: {"zlib": True, "complevel": 4, "fletcher32": True, "_FillValue": None}
        for name, variable in cube.variables.items()
        if variable.ndim
    }
    with sealed(path) as temporary:
        cube.to_netcdf(temporary, engine="netcdf4", format="NETCDF4", encoding=encoding)


def read_study(path: str | Path) -> xr.Dataset:
    """Read a cube into memory.

    Raises:
        InfoflowError: the file is missing, damaged, or not a cube.
    """
    cube = load_cube(path)
    validate_study(cube)
    return cube


def load_cube(path: str | Path) -> xr.Dataset:
    """Read a cube of any schema into memory.

    Raises:
        InfoflowError: the file is missing or damaged.
    """
    try:
        check_seal(path)
        return xr.load_dataset(path, engine="netcdf4")
    except Exception as error:  # netCDF4 and xarray raise almost anything
        raise InfoflowError(f"{path}: not a whole cube ({error}); delete it and run again") from error


def read_parts(paths: Iterable[str | Path], made_by: Mapping[str, Any]) -> list[xr.Dataset]:
    """Read the results that a cube is merged from.

    Args:
        made_by: the parameters that they have to be made with, see `record.check_parameters`.

    Raises:
        InfoflowError: one of them is missing, damaged or out of date.
    """
    parts = []
    for path in paths:
        parts.append(read_study(path))
        check_parameters(path, parts[-1].attrs, made_by)
    return parts


def validate_study(cube: xr.Dataset) -> None:
    """Check that every variable says what it is.

    Raises:
        InfoflowError: one of them does not.
    """
    if not cube.data_vars:
        raise InfoflowError("cube: it holds nothing")
    for name, variable in cube.variables.items():
        for attribute in ("long_name", "units"):
            if attribute not in variable.attrs:
                raise InfoflowError(f"cube: {name} has no {attribute}")
