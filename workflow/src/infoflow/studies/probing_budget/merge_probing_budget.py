"""The NetCDF cube of the study of how little probing is enough.

Dimensions, in this order, each only where it applies: sigma_w2, sigma_b2, depth, replica, probe_method, width,
fraction, samples, score, criterion. A setting is one (probe_method, width, fraction, samples); the full probe is the
last of every axis but the method's. `grid` below stands for (sigma_w2, sigma_b2, depth), `method` for probe_method.

| variable | dimensions | |
|---|---|---|
| prediction_score | grid, replica, setting, score | score of the last hidden layer of every depth |
| trainable | grid, replica | of the experiment's cube |
| train_seconds | grid, replica | likewise |
| auroc, auroc_low, auroc_high, networks | setting, score | with a 95 % interval |
| auroc_loss, auroc_loss_low, auroc_loss_high | setting, score | AUROC of the full probe less the setting's, paired |
| sufficient_share | setting, score | share of resamples in which it loses no more than the tolerance |
| sufficient | setting, score, criterion | whether it loses no more than the tolerance |
| cost_seconds | setting | all columns and replicas, from drawing the networks to the scores |
| relative_cost, training_cost | setting | cost_seconds over those of the full probe, over those of full training |
| fit_seconds, compose_seconds, evaluate_seconds | as far as they depend on it | parts of cost_seconds |
| steps, training_images | method, fraction | |
| cheapest_… width, fraction, samples, relative_cost | method, score, criterion | the cheapest sufficient setting |
| cheapest_relative_cost_low, …_high | method, score, criterion | interval of its cost over the resamples |

Intervals draw columns and replicas, the same for all settings, as in the leaderboard.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from infoflow.errors import InfoflowError
from infoflow.files.conventions import POINT, add_deviations, validate
from infoflow.files.cubes import about_job, describe_cube, write_cube
from infoflow.files.names import decode
from infoflow.files.results import Result, attributes_of, read_results
from infoflow.jobs.job import Job
from infoflow.studies.probing_budget.about import CUBE
from infoflow.studies.probing_budget.variables import CRITERIA, SCORES, SETTING, TOLERANCE
from infoflow.studies.trainability.cube import read_trainability
from infoflow.verdict.auroc import auroc
from infoflow.verdict.resampling import auroc_interval, draw_weights, interval, resample_stream, weighted_auroc

DIMENSIONS = (*POINT, "replica", *SETTING, "score", "criterion")
REFERENCES = "arXiv:2406.12916"


def merge_probing_budget(job: Job) -> None:
    """Merge the reduced probes of all columns with the ground truth of their experiment, and write the cube."""
    points = job["points"]
    results = read_results(dict.fromkeys(job.files("points"), points))
    cube = merge_budget(
        {Path(path).stem: result for path, result in results.items()},
        read_trainability(job.inputs["truth"], job["truth"]),
        axes=job["axes"],
        methods=list(points["probes"]),
        budget=points["budget"],
        experiment=job["experiment"],
        seed=points["run"]["seed"],
        attributes={
            "experiment": job["experiment"],
            **about_job(job, attributes_of(*results.values(), job.inputs["dataset"])),
        },
    )
    write_cube(cube, job.output, job.rule)


def merge_budget(
    results: Mapping[str, Result],
    truth: xr.Dataset,
    *,
    axes: Mapping[str, Sequence[float]],
    methods: Sequence[str],
    budget: Mapping[str, Sequence],
    experiment: str,
    seed: int,
    attributes: Mapping[str, Any],
) -> xr.Dataset:
    """Judge the scores of all settings by the ground truth, and find the cheapest that are as good as the full probe.

    Args:
        results: what `probe_budget` wrote, by the name of the point (`names.encode`).
        truth: the cube of the experiment.
        axes: values of sigma_w2, sigma_b2 and depth of the experiment.
        methods: of the probe, in the order of the results.
        budget: `fractions` and `samples`, in the order of the results.
        experiment: its name.
        seed: of the bootstrap.
        attributes: further global attributes.

    Raises:
        InfoflowError: there is nothing to merge, or the results do not belong together.
    """
    if not results:
        raise InfoflowError("no results to merge")
    found = {decode(name): result for name, result in results.items()}
    first = next(iter(found.values()))
    if any(not np.array_equal(r["width"], first["width"]) for r in found.values()):
        raise InfoflowError("the results do not belong together: their widths differ; delete them and run again")
    truth = truth.sel({name: list(values) for name, values in axes.items()})
    cube = xr.Dataset(
        coords={
            **{name: truth[name].values for name in (*POINT, "replica")},
            "probe_method": list(methods),
            "width": first["width"],
            "fraction": list(budget["fractions"]),
            "samples": list(budget["samples"]),
            "score": list(SCORES),
            "criterion": list(CRITERIA),
        }
    )
    cube["prediction_score"] = ((*POINT, "replica", *SETTING, "score"), _collect(cube, found))
    for name in ("trainable", "train_seconds"):
        cube[name] = (
            truth[name]
            .transpose(*POINT, "replica")
            .drop_vars([c for c in truth[name].coords if c not in truth[name].dims])
        )
    _add_costs(cube, list(found.values()))
    _judge(cube, experiment, seed, truth.attrs["draws"])
    add_deviations(cube)
    for name in cube.variables:
        cube[name].attrs = CUBE[name]
    cube = describe_cube(cube, {"references": REFERENCES, "tolerance": TOLERANCE, **attributes})
    validate_budget_cube(cube)
    return cube


def validate_budget_cube(cube: xr.Dataset) -> None:
    """Check a cube against the schema.

    Raises:
        InfoflowError: a variable is missing, lacks its description or units, or has its dimensions out of order.
    """
    validate(cube, DIMENSIONS, ("auroc", "auroc_loss_high", "relative_cost", "sufficient", "cheapest_relative_cost"))


def _collect(cube: xr.Dataset, found: Mapping[tuple, Result]) -> np.ndarray:
    """The score of the last hidden layer of every point of the grid, from the shallowest probe that holds it."""
    shape = [cube.sizes[d] for d in (*POINT, "replica", *SETTING, "score")]
    scores = np.full(shape, np.nan, np.float32)
    for i, w in enumerate(cube["sigma_w2"].values.tolist()):
        for j, b in enumerate(cube["sigma_b2"].values.tolist()):
            probed = [depth for (of_w, of_b, depth) in found if (of_w, of_b) == (w, b)]
            for k, depth in enumerate(cube["depth"].values.tolist()):
                if not (deep := [d for d in probed if d >= depth]):
                    raise InfoflowError(f"the results do not belong together: no probe of depth {depth} at {w}, {b}")
                of_layers = found[w, b, min(deep)]["layer_score"]
                if of_layers.shape[4] != shape[3]:
                    raise InfoflowError("the results do not belong together: they differ in their replicas")
                scores[i, j, k] = np.moveaxis(of_layers[..., depth - 1, :], 4, 0)
    return scores


def _add_costs(cube: xr.Dataset, results: Sequence[Result]) -> None:
    for name, dimensions in (("fit", SETTING[:3]), ("compose", SETTING), ("evaluate", SETTING)):
        seconds = np.sum([r[f"{name}_seconds"] for r in results], axis=0, dtype=np.float64)
        cube[f"{name}_seconds"] = (dimensions, seconds)
    for name in ("steps", "training_images"):
        cube[name] = (("probe_method", "fraction"), results[0][name])
    cost = (cube["compose_seconds"] + cube["evaluate_seconds"] + cube["fit_seconds"]).transpose(*SETTING)
    cube["cost_seconds"] = cost
    cube["relative_cost"] = cost / cost.isel(width=-1, fraction=-1, samples=-1, drop=True)
    training = float(cube["train_seconds"].sum())
    cube["training_cost"] = cost / (training if training > 0 else np.nan)


def _judge(cube: xr.Dataset, experiment: str, seed: int, draws: str) -> None:
    """AUROC of every setting, with what it loses, and the cheapest sufficient setting of every method and score."""
    points = [cube.sizes[d] for d in POINT]
    labels = cube["trainable"].values.reshape(int(np.prod(points)), -1)
    columns = np.repeat(np.arange(points[0] * points[1]), points[2])
    weights = draw_weights(columns, labels.shape[1], resample_stream(seed, experiment), draws)
    sizes = {d: cube.sizes[d] for d in (*SETTING, "score")}
    scores = cube["prediction_score"].values.reshape(*labels.shape, *sizes.values())
    values = {name: np.full(tuple(sizes.values()), np.nan) for name in _JUDGED}
    networks = np.zeros(tuple(sizes.values()), np.int32)
    sufficient = np.full((*sizes.values(), len(CRITERIA)), -1, np.int8)
    shape = sizes["probe_method"], sizes["score"], len(CRITERIA)
    cheapest = {name: np.full(shape, np.nan) for name in ("fraction", *_COSTS)}
    cheapest |= {name: np.zeros(shape, np.int32) for name in ("width", "samples")}
    settings = (sizes["width"], sizes["fraction"], sizes["samples"])
    full = tuple(n - 1 for n in settings)
    for m in range(sizes["probe_method"]):
        cost = cube["relative_cost"].values[m]
        for s in range(sizes["score"]):
            resampled = np.empty((*settings, len(weights)))
            for setting in np.ndindex(settings):
                where = (m, *setting, s)
                one = scores[(slice(None), slice(None), *where)]
                known = (labels >= 0) & ~np.isnan(one)
                networks[where] = known.sum()
                values["auroc"][where] = auroc(one[known], labels[known] == 1)
                resampled[setting] = weighted_auroc(one, labels, weights)
                bounds = auroc_interval(one, labels, columns, weights, draws)
                values["auroc_low"][where], values["auroc_high"][where] = bounds
            loss = resampled[full] - resampled
            values["auroc_loss"][m, ..., s] = values["auroc"][(m, *full, s)] - values["auroc"][m, ..., s]
            values["auroc_loss_low"][m, ..., s], values["auroc_loss_high"][m, ..., s] = interval(loss)
            usable = ~np.isnan(loss)
            within = (loss <= TOLERANCE + _ROUNDING) & usable
            if not usable.any():
                continue
            values["sufficient_share"][m, ..., s] = within.sum(-1) / np.maximum(usable.sum(-1), 1)
            for c, name in enumerate(("auroc_loss", "auroc_loss_high")):
                # who judges fewer networks is not compared with the full probe
                good = (values[name][m, ..., s] <= TOLERANCE + _ROUNDING) & (
                    networks[m, ..., s] == networks[(m, *full, s)]
                )
                sufficient[m, ..., s, c] = np.where(np.isnan(values[name][m, ..., s]), -1, good)
                if good.any():
                    best = np.unravel_index(np.argmin(np.where(good, cost, np.inf)), settings)
                    for axis, index in zip(("width", "fraction", "samples"), best):
                        cheapest[axis][m, s, c] = cube[axis].values[index]
                    cheapest["relative_cost"][m, s, c] = cost[best]
            of_resample = np.where(within, cost[..., None], np.inf).min((0, 1, 2))
            tails = interval(of_resample[np.isfinite(of_resample)])
            cheapest["relative_cost_low"][m, s, 0], cheapest["relative_cost_high"][m, s, 0] = tails
    for name, array in values.items():
        cube[name] = (tuple(sizes), array)
    cube["networks"] = (tuple(sizes), networks)
    cube["sufficient"] = ((*sizes, "criterion"), sufficient)
    for name, array in cheapest.items():
        cube[f"cheapest_{name}"] = (("probe_method", "score", "criterion"), array)


_JUDGED = (
    "auroc",
    "auroc_low",
    "auroc_high",
    "auroc_loss",
    "auroc_loss_low",
    "auroc_loss_high",
    "sufficient_share",
)
_COSTS = ("relative_cost", "relative_cost_low", "relative_cost_high")
_ROUNDING = 1e-9
