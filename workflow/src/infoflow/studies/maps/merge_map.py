"""The NetCDF cube of a map: the entropies of several experiments over (σ_w², layer), and the layer where they collapse.

Dimensions, in this order, each only where it applies: experiment, sigma_w2, sigma_b2, layer. What is measured is a mean
over replicas; all of it is there once more as `theory_…`, of infinite width, NaN for architectures without theory.

| variable | dimensions | |
|---|---|---|
| differential_entropy, explained_variance | experiment, sigma_w2, sigma_b2, layer | H in nats; R² |
| collapse_layer | experiment, sigma_w2, sigma_b2 | first layer whose H is below the threshold |
| collapse_case | experiment, sigma_w2, sigma_b2 | collapsed, beyond the depth (censored), unknown |
| collapse_slope | experiment | of collapse_layer against ξ_c, through the origin, on the ordered side |
| collapse_ratio, …_low, …_high | experiment | median of collapse_layer/ξ_c, and its range over the same columns |
| fitted_columns, beyond_columns | experiment | columns of the ordered side that are fitted, and that are censored |
| xi_c | experiment, sigma_w2, sigma_b2 | mean field |
| edge_of_chaos | experiment, sigma_b2 | mean field, σ_w² |
| dataset, architecture, method, layers, replicas | experiment | |
| threshold, published_collapse, published_rule | | nats; in ξ_c |

A column is one (σ_w², σ_b²); the ordered side are those with σ_w² below the edge of chaos.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from infoflow.errors import InfoflowError
from infoflow.files.conventions import add_deviations, validate
from infoflow.files.cubes import about_job, describe_cube, write_cube
from infoflow.jobs.job import Job
from infoflow.studies.maps.about import CUBE
from infoflow.studies.maps.variables import (
    BEYOND_DEPTH,
    COLLAPSED,
    PUBLISHED_COLLAPSE,
    PUBLISHED_RULE,
    TAILS,
    THEORY,
    UNKNOWN,
)
from infoflow.studies.trainability.cube import read_trainability

DIMENSIONS = ("experiment", "sigma_w2", "sigma_b2", "layer")
REFERENCES = "arXiv:2406.12916; arXiv:1611.01232"
_COLUMN, _MAPS = DIMENSIONS[:3], ("differential_entropy", "explained_variance")


def merge_map(job: Job) -> None:
    """Merge the cubes of some experiments into one map, and write it.

    Parameters of the job: `cubes`, by experiment those that its cube is made with; `experiments`, `threshold`, see
    `merge_maps`.
    """
    cubes = {Path(path).stem: read_trainability(path, job["cubes"][Path(path).stem]) for path in job.files("cubes")}
    about = about_job(job, ())  # what the cubes cost stands in these
    write_cube(merge_maps(cubes, job["experiments"], job["threshold"], about), job.output, job.rule)


def merge_maps(
    cubes: Mapping[str, xr.Dataset],
    experiments: Sequence[Mapping[str, str]],
    threshold: float,
    attributes: Mapping[str, Any],
) -> xr.Dataset:
    """Put the maps of experiments side by side, and find where they collapse.

    Args:
        cubes: of the experiments, by name, with the same values of sigma_w2 and sigma_b2.
        experiments: name, dataset, architecture and method of each, in the order in which they are shown.
        threshold: H below which a layer counts as collapsed, nats.
        attributes: further global attributes.

    Raises:
        InfoflowError: there is nothing to merge, or the cubes do not belong together.
    """
    if not experiments:
        raise InfoflowError("no results to merge")
    names = [about["name"] for about in experiments]
    first = cubes[names[0]]
    for name in names:
        if any(not np.array_equal(cubes[name][axis], first[axis]) for axis in ("sigma_w2", "sigma_b2")):
            raise InfoflowError(f"the results do not belong together: the axes of {names[0]} and {name} differ")
    deepest = max(cubes[name].sizes["layer"] for name in names)
    cube = xr.Dataset(
        coords={
            "experiment": names,
            **{axis: first[axis].values for axis in ("sigma_w2", "sigma_b2")},
            "layer": np.arange(1, deepest + 1),
        }
    )
    for key in ("dataset", "architecture", "method"):
        cube[key] = ("experiment", np.array([about[key] for about in experiments], dtype=object))
    for key, axis in (("layers", "layer"), ("replicas", "replica")):
        cube[key] = ("experiment", np.array([cubes[name].sizes[axis] for name in names], np.int32))
    for key, dimensions in (("xi_c", DIMENSIONS[1:3]), ("edge_of_chaos", ("sigma_b2",))):
        values = [cubes[name][key].transpose(*dimensions).values for name in names]
        cube[key] = (("experiment", *dimensions), np.stack(values))
    known = {"threshold": threshold, "published_collapse": PUBLISHED_COLLAPSE, "published_rule": PUBLISHED_RULE}
    for key, value in known.items():
        cube[key] = ((), np.float64(value))
    for prefix in ("", THEORY):
        for key in _MAPS:
            maps = [_over_replicas(cubes[name], prefix + key, deepest) for name in names]
            cube[prefix + key] = (DIMENSIONS, np.stack(maps))
        _add_collapse(cube, prefix)
    add_deviations(cube)
    for name in cube.variables:
        cube[name].attrs = CUBE[name]
    networks = {name: json.loads(cubes[name].attrs["architecture"]) for name in names}
    cube = describe_cube(cube, {"references": REFERENCES, "architectures": networks, **attributes})
    validate_map(cube)
    return cube


def validate_map(cube: xr.Dataset) -> None:
    """Check a cube against the schema.

    Raises:
        InfoflowError: a variable is missing, lacks its description or units, or has its dimensions out of order.
    """
    validate(cube, DIMENSIONS, ("differential_entropy", "collapse_layer", "theory_collapse_layer", "collapse_slope"))


def _over_replicas(cube: xr.Dataset, name: str, layers: int) -> np.ndarray:
    """A variable of the probe of the deepest network, [σ_w², σ_b², layers]; NaN where nothing is known."""
    found = np.full((cube.sizes["sigma_w2"], cube.sizes["sigma_b2"], layers), np.nan, np.float32)
    if name in cube:
        values = cube[name].isel(depth=-1) if "depth" in cube[name].dims else cube[name]
        mean = values.astype(np.float64).mean("replica").transpose(*DIMENSIONS[1:])
        found[..., : mean.sizes["layer"]] = mean
    return found


def _add_collapse(cube: xr.Dataset, prefix: str) -> None:
    """The layer where each column collapses, and its proportion to ξ_c on the ordered side."""
    entropy = cube[f"{prefix}differential_entropy"]
    below = (entropy < cube["threshold"]).values
    beyond = cube["layer"] > cube["layers"]
    whole = (entropy.notnull() | beyond).all("layer").transpose(*_COLUMN).values
    case = np.where(below.any(-1), COLLAPSED, np.where(whole, BEYOND_DEPTH, UNKNOWN))
    layer = np.where(case == COLLAPSED, cube["layer"].values[below.argmax(-1)], np.nan)
    cube[f"{prefix}collapse_layer"] = (_COLUMN, layer.astype(np.float32))
    cube[f"{prefix}collapse_case"] = (_COLUMN, case.astype(np.int8))
    xi = cube["xi_c"].values
    ordered = (cube["sigma_w2"] < cube["edge_of_chaos"]).transpose(*_COLUMN).values & np.isfinite(xi) & (xi > 0)
    fitted, censored = ordered & (case == COLLAPSED), ordered & (case == BEYOND_DEPTH)
    found = np.array([_fit(x[f], l[f]) for x, l, f in zip(xi, layer, fitted)])
    for name, values in zip(("slope", "ratio", "ratio_low", "ratio_high"), found.T):
        cube[f"{prefix}collapse_{name}"] = ("experiment", values)
    for name, columns in (("fitted", fitted), ("beyond", censored)):
        cube[f"{prefix}{name}_columns"] = ("experiment", columns.sum((1, 2)).astype(np.int32))


def _fit(xi: np.ndarray, layer: np.ndarray) -> tuple[float, float, float, float]:
    """Slope of the layer against ξ_c through the origin; median and tails of their ratio. All [n]; NaN for n = 0."""
    if not len(xi):
        return (np.nan,) * 4
    return (xi @ layer / (xi @ xi), *np.percentile(layer / xi, (50, *TAILS)))
