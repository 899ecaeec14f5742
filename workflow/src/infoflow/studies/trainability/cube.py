"""The cube of an experiment, read and checked."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import xarray as xr

from infoflow.errors import InfoflowError
from infoflow.files.conventions import OK, validate
from infoflow.files.cubes import read_cube

DIMENSIONS = (
    "sigma_w2",
    "sigma_b2",
    "depth",
    "replica",
    "layer",
    "learning_rate",
    "epoch",
    "quantile",
    "measure",
    "score",
    "predictor",
)


def read_trainability(path: str | Path, made_by: Mapping[str, Any] | None = None) -> xr.Dataset:
    """Read the cube of an experiment into memory, see `cubes.read_cube`.

    Raises:
        InfoflowError: the file is missing, damaged, out of date, or not such a cube.
    """
    cube = read_cube(path, made_by)
    validate_trainability(cube)
    return cube


def validate_trainability(cube: xr.Dataset) -> None:
    """Check a cube against the schema.

    Raises:
        InfoflowError: a variable is missing, lacks its description or units, or has its dimensions out of order; or
            there is NaN where the status is ok.
    """
    validate(cube, DIMENSIONS, ("probe_status", "differential_entropy", "xi_c"))
    if (cube["differential_entropy"].isnull() & (cube["probe_status"] == OK)).any():
        raise InfoflowError("cube: differential_entropy is NaN where probe_status is ok")
