"""The job that reads off what to take: ranges of σ_w² by depth, the best one, and how deep usual initialisations go.

| variable | dimensions | |
|---|---|---|
| sigma_w2_low, sigma_w2_high, sure_… | experiment, depth | columns that train |
| best_sigma_w2, best_sigma_b2, best_depth, …_low, …_high, alike_sigma_w2_low, …_high, deepest_depth | experiment | |
| initialization_depth, …_low, …_high, initialization_case | experiment, initialization | |
| at_sigma_b2 | experiment, initialization | |
| initialization_sigma_w2, initialization_sigma_b2 | initialization | |
"""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from infoflow.files.cubes import about_job, describe_cube, write_cube
from infoflow.files.results import replaced
from infoflow.jobs.job import Job
from infoflow.studies.recommendation.about import CUBE
from infoflow.studies.recommendation.initializations import INITIALIZATIONS
from infoflow.studies.recommendation.variables import DIMENSIONS, MEASURED, OUTSIDE, UNKNOWN
from infoflow.studies.trainability.columns import ENDS, best_column
from infoflow.studies.trainability.cube import read_trainability

REFERENCES = "arXiv:2406.12916; arXiv:1611.01232; arXiv:1502.01852"


def recommend(job: Job) -> None:
    """Read off recommendations from the cubes of all experiments with ground truth, and write cube and table."""
    cubes = {Path(path).stem: read_trainability(path, job["cubes"][Path(path).stem]) for path in job.files("cubes")}
    found = read_off(cubes, about_job(job, ()))  # what the cubes cost stands in these
    path, table = job.outputs
    write_table(found, table)
    write_cube(found, path, job.rule)


def read_off(cubes: Mapping[str, xr.Dataset], attributes: Mapping[str, Any] | None = None) -> xr.Dataset:
    """Recommendations of some experiments.

    Args:
        cubes: with ground truth, by the name of the experiment.
        attributes: further global attributes.
    """
    depths = sorted({d for cube in cubes.values() for d in cube["depth"].values.tolist()})
    names = list(INITIALIZATIONS)
    found = xr.Dataset(coords={"experiment": list(cubes), "depth": depths, "initialization": names})
    columns = [
        {
            **best_column(cube),
            "deepest_depth": cube["depth"].values[-1],
            **_ranges(cube, depths),
            **_initializations(cube),
        }
        for cube in cubes.values()
    ]
    per = {"sigma_w2": ("depth",), "sure": ("depth",), "initialization": ("initialization",), "at": ("initialization",)}
    for name in columns[0]:
        further = next((of for start, of in per.items() if name.startswith(start)), ())
        found[name] = (("experiment", *further), np.array([column[name] for column in columns]))
    for axis in ("sigma_w2", "sigma_b2"):
        values = [getattr(one, axis) for one in INITIALIZATIONS.values()]
        found[f"initialization_{axis}"] = (("initialization",), np.array(values))
    for name in found.variables:
        found[name].attrs = CUBE[name]
    found = found.transpose(*DIMENSIONS)
    found.attrs = describe_cube(found, {"references": REFERENCES, **(attributes or {})}).attrs
    return found


def _ranges(cube: xr.Dataset, depths: Sequence[int]) -> dict[str, Any]:
    """Ends of the columns that train at every depth, of the σ_b² of the best column."""
    best = best_column(cube)["best_sigma_b2"]
    b = float(cube["sigma_b2"][0]) if np.isnan(best) else best
    found: dict[str, Any] = {"range_sigma_b2": b}
    for name, variable in (("sigma_w2", "train_probability"), ("sure_sigma_w2", "train_probability_low")):
        trains = cube[variable].sel(sigma_b2=b).transpose("depth", "sigma_w2") >= 0.5
        ends = np.full((2, len(depths)), np.nan)
        for depth, row in zip(cube["depth"].values.tolist(), trains.values):
            if row.any():
                values = cube["sigma_w2"].values[row]
                ends[:, depths.index(depth)] = values[0], values[-1]
        found[f"{name}_low"], found[f"{name}_high"] = ends
    return found


def _initializations(cube: xr.Dataset) -> dict[str, Any]:
    """How deep the usual initialisations go, of the closest σ_b² of the grid."""
    w, b = cube["sigma_w2"].values, cube["sigma_b2"].values
    depth, case = np.full((3, len(INITIALIZATIONS)), np.nan), np.full(len(INITIALIZATIONS), UNKNOWN, np.int8)
    at = np.full(len(INITIALIZATIONS), np.nan)
    for k, one in enumerate(INITIALIZATIONS.values()):
        at[k] = b[np.abs(b - one.sigma_b2).argmin()]
        curves = [np.log(cube[f"threshold_depth{end}"].sel(sigma_b2=at[k]).values) for end in ENDS]
        known = np.isfinite(curves[0])
        if not known.any():
            continue
        inside = w[known][0] <= one.sigma_w2 <= w[known][-1]
        case[k] = MEASURED if inside else OUTSIDE
        if inside:
            depth[:, k] = [np.exp(np.interp(one.sigma_w2, w[known], curve[known])) for curve in curves]
    found = {f"initialization_depth{end}": values for end, values in zip(ENDS, depth)}
    return {**found, "initialization_case": case, "at_sigma_b2": at}


def write_table(found: xr.Dataset, path: str | Path) -> None:
    """Write a row per experiment and question, as CSV; empty where there is no value.

    Raises:
        InfoflowError: the file could not be written.
    """
    with replaced(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["experiment", "question", "sigma_w2", "sigma_b2", "value", "low", "high"])
        for name in found["experiment"].values.tolist():
            one = found.sel(experiment=name)
            depth = [one[f"best_depth{end}"].item() for end in ENDS]
            best = one["best_sigma_w2"].item(), one["best_sigma_b2"].item()
            writer.writerow([name, "best: depth", *map(_number, (*best, *depth))])
            alike = one["alike_sigma_w2_low"].item(), one["alike_sigma_w2_high"].item()
            writer.writerow(
                [name, "as good within the intervals: sigma_w2", *map(_number, (np.nan, best[1], np.nan, *alike))]
            )
            for d in one["depth"].values.tolist():
                ends = [one[f"sigma_w2_{end}"].sel(depth=d).item() for end in ("low", "high")]
                if np.isfinite(ends[0]):
                    of = np.nan, one["range_sigma_b2"].item(), np.nan
                    writer.writerow([name, f"trains at depth {d}: sigma_w2", *map(_number, (*of, *ends))])
            for key, about in INITIALIZATIONS.items():
                here = one.sel(initialization=key)
                of = about.sigma_w2, here["at_sigma_b2"].item()
                depth = [here[f"initialization_depth{end}"].item() for end in ENDS]
                writer.writerow([name, f"{about.title}: depth", *map(_number, (*of, *depth))])


def _number(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.4g}"
