"""Files of cubes; they open with plain `xr.open_dataset`.

Every variable has `long_name`, `units` and, where it is not plain, `comment`; global attributes say what made the cube.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import xarray as xr

from infoflow import __version__
from infoflow.files.conventions import validate
from infoflow.files.results import opened, sealed
from infoflow.jobs.job import Job
from infoflow.jobs.provenance import software
from infoflow.jobs.record import add_costs, check_parameters, spent


def about_job(job: Job, sources: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Global attributes of a cube: title, config, parameters, software, and what all jobs cost that it comes from.

    Args:
        job: that merges it; its parameters have `title` and `config`.
        sources: global attributes of the results that it is merged from.
    """
    return {
        "title": job["title"],
        "config": job["config"],
        "parameters": job.parameters,
        "cost": add_costs(sources),
        **software(),
    }


def describe_cube(cube: xr.Dataset, attributes: Mapping[str, Any]) -> xr.Dataset:
    """The cube with its global attributes; mappings are kept as JSON."""
    return cube.assign_attrs(
        {
            "Conventions": "CF-1.11",
            "source": f"infoflow {__version__}",
            "history": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} merged by infoflow {__version__}",
            **{k: json.dumps(v, sort_keys=True) if isinstance(v, Mapping) else v for k, v in attributes.items()},
        }
    )


def write_cube(cube: xr.Dataset, path: str | Path, rule: str) -> None:
    """Write a cube (zlib 4, checksums); whole or not at all. What the rule cost is added to attribute `cost`.

    Raises:
        InfoflowError: a variable lacks its description, or the file could not be written.
    """
    validate(cube)
    cube = cube.assign_attrs(cost=spent(rule, cube.attrs.get("cost", "{}")))
    encoding = {
        name: {"zlib": True, "complevel": 4, "fletcher32": True, "_FillValue": None}
        for name, variable in cube.variables.items()
        if variable.ndim
    }
    with sealed(path, cube.attrs.get("parameters", "")) as temporary:
        cube.to_netcdf(temporary, engine="netcdf4", format="NETCDF4", encoding=encoding)


def read_cube(path: str | Path, made_by: Mapping[str, Any] | None = None) -> xr.Dataset:
    """Read a cube, or a result, into memory.

    Args:
        made_by: the parameters that it has to be made with, see `record.check_parameters`; None: any.

    Raises:
        InfoflowError: the file is missing, damaged, out of date, or not a cube.
    """
    with opened(path, "cube") as file:
        cube = xr.open_dataset(xr.backends.NetCDF4DataStore(file)).load()
        cube.set_close(None)  # it is closed here
    validate(cube)
    if made_by is not None:
        check_parameters(path, cube.attrs, made_by)
    return cube
