"""The NetCDF cube of an experiment, and the job that merges it.

Dimensions, in this order, each only where it applies: sigma_w2, sigma_b2, depth, replica, layer, and then the short
ones of single variables (learning_rate, epoch, quantile, measure, score, predictor). `layer` counts hidden layers from
1; `depth` is counted as the architecture does, and the coordinate `layers` has the number of hidden layers of each
depth. `probe` below stands for the dimensions of one probe: (sigma_w2, sigma_b2), and depth too if the layout is not
prefix-invariant.

| variable | dimensions | |
|---|---|---|
| relative_entropy | probe, replica, layer, quantile | D(input ‖ reconstruction), nats |
| relative_entropy_mean | probe, replica, layer | its mean over samples, nats |
| differential_entropy | probe, replica, layer | nats |
| explained_variance | probe, replica, layer | R² |
| reconstruction_loss | probe, replica, layer | of methods that train or fit reconstruction networks |
| pre_activation_variance | probe, replica, layer | |
| constant_states | probe, replica, layer | of the kernel cascade: whether a layer is the same for all inputs |
| saturation_depth, saturation_case | probe, replica, measure | layers |
| probe_status | probe, replica, layer | ok, diverged, missing |
| probe_seconds | probe | wall-clock of all replicas |
| theory_…, adam_…: most of the above | likewise | of a method of probing that is scored beside the main one |
| accuracy, loss | sigma_w2, sigma_b2, depth, replica, learning_rate, epoch | NaN after a replica has stopped |
| train_status, epochs_run | sigma_w2, sigma_b2, depth, replica, learning_rate | missing: not tried |
| trainable, truth_source | sigma_w2, sigma_b2, depth, replica | label, and whether it was trained or inferred |
| reached_accuracy, winning_rate, epochs_to_success | sigma_w2, sigma_b2, depth, replica | |
| train_seconds | sigma_w2, sigma_b2, depth, replica | wall-clock |
| train_probability, …_low, …_high | sigma_w2, sigma_b2, depth | that a network can be trained |
| threshold_depth, …_low, …_high, trainable_depth, column_case | sigma_w2, sigma_b2 | the boundary |
| layers | depth | hidden layers of a network of that depth: as many, or with those of a stem |
| q_star, chi_1, c_star, chi_c, xi_c, xi_q | sigma_w2, sigma_b2 | mean field |
| edge_of_chaos | sigma_b2 | mean field, σ_w² |
| pre_activation_variance_theory, …_spread | probe, layer | mean field, and its standard deviation at finite width |
| pre_activation_variance_theory_…: log_mean, log_spread, mean_spread | probe, layer | of ln(variance / mean field) |
| prediction_score, predicted_trainable | sigma_w2, sigma_b2, depth, replica, score | |
| auroc, auroc_within_depth, each with …_low, …_high | score | 95 % intervals, over columns and replicas |
| auroc_gain, …_low, …_high | score | AUROC above that of −depth |
| auroc_spread | score | standard deviation between runs with other seeds |
| predicted_depth | sigma_w2, sigma_b2, score | largest trainable depth, threshold chosen on the other columns |
| boundary_error, least_boundary_error, each with …_low, …_high | score | mean |ln(predicted/true depth)| |
| predictor_raw | sigma_w2, sigma_b2, depth, replica, predictor | of the literature; scores: prediction_score |
| predictor_seconds, predictor_memory | sigma_w2, sigma_b2, depth, predictor | of scoring all replicas |

A point that was not computed is `missing`, one with numbers that were not finite `diverged`, of a probe from the first
layer on that has them; nothing else is NaN but what its comment names.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from infoflow.errors import InfoflowError
from infoflow.files.conventions import MISSING, OK, POINT, add_deviations, place
from infoflow.files.cubes import about_job, describe_cube, write_cube
from infoflow.files.names import decode
from infoflow.files.results import Result, attributes_of, read_result, read_results
from infoflow.jobs.job import Job
from infoflow.jobs.record import probing_to_training
from infoflow.studies.trainability.about import CUBE, EVALUATED
from infoflow.studies.trainability.cube import validate_trainability
from infoflow.studies.trainability.histories import OF_TRAINING
from infoflow.studies.trainability.networks import grid_of, rows_of
from infoflow.studies.trainability.scores import fixed_threshold, names_of_scores, score_of
from infoflow.studies.trainability.variables import (
    ALL_TRAINABLE,
    BRACKETED,
    COLUMN_MISSING,
    ESTIMATED,
    INFERRED,
    NO_WEIGHTS,
    NONE_TRAINABLE,
    NOT_KNOWN,
    NOT_MONOTONE,
    PICTURES,
    QUANTILES,
    SATURATION_MEASURES,
    SURE,
    TRAINED,
)
from infoflow.theory import architectures as theory
from infoflow.verdict.auroc import best_threshold
from infoflow.verdict.standing import Estimate, Grid, area_of, bootstrap_boundary, find_boundary, gain_of, spread_of
from infoflow.verdict.threshold import depth_grid

logger = logging.getLogger(__name__)

REFERENCES = "arXiv:2406.12916; arXiv:1611.01232; arXiv:1606.05340"
_OF_THE_NETWORK = ("pre_activation_variance", "constant_states")
_VARIANCES = {
    "recursion": "pre_activation_variance_theory",
    **{name: f"pre_activation_variance_theory_{name}" for name in ("spread", "log_mean", "log_spread", "mean_spread")},
}
"""Of `theory.architectures.Variances`, by field."""
"""Variables of a probe that do not depend on its reconstruction networks."""

_IMAGES = ("train_images", "test_images")
_RECORDED = ("probe_method", "device", "torch_version", "cuda_version", "precision", "tf32", "determinism", "threads")


def merge_cube(job: Job) -> None:
    """Merge the results of all points of an experiment, and write its cube.

    Parameters of the job: `made_by`, by input, those of what is merged; `axes`, `prefix_invariant`, `architecture`,
    `train` and `run`, see `merge_results`; `truth`, the data set of the trainings.
    """
    # All at once, so that one message names all that are damaged.
    files = {name: job.files(name) for name in job["made_by"]}
    read = read_results({f: _made_by(f, job["made_by"][name]) for name in files for f in files[name]}, skip=PICTURES)
    results = {name: {Path(f).stem: read[f] for f in of} for name, of in files.items()}
    datasets = {Path(f).stem: read_result(f, skip=_IMAGES) for f in job.files("datasets")}
    about = about_job(job, attributes_of(*datasets.values(), *read.values()))
    truth = {"chance_accuracy": _chance(datasets[job["truth"]])} if job["truth"] else {}
    if (names := datasets[job["truth"]].attributes.get("class_names") if job["truth"] else None) is not None:
        truth["class_names"] = names
    cube = merge_results(
        results,
        **{name: job[name] for name in ("axes", "prefix_invariant", "architecture", "train", "run")},
        experiment=Path(job.output).stem,
        attributes={**about, **truth, "probing_to_training": probing_to_training(about["cost"])},
    )
    write_cube(cube, job.output, job.rule)


def _chance(dataset: Result) -> float:
    """Accuracy of whoever takes all test images for the most frequent class."""
    return float(np.bincount(dataset["test_labels"]).max() / len(dataset["test_labels"]))


def _made_by(path: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    """The parameters of one file: of those that differ from point to point, its own."""
    depths = parameters.get("depths")
    return {**parameters, "depths": depths[Path(path).stem]} if isinstance(depths, Mapping) else parameters


def merge_results(
    results: Mapping[str, Mapping[str, Result]],
    *,
    axes: Mapping[str, Sequence[float]],
    prefix_invariant: bool,
    architecture: Mapping[str, Any],
    train: Mapping[str, Any] | None,
    experiment: str,
    run: Mapping[str, Any],
    attributes: Mapping[str, Any],
) -> xr.Dataset:
    """Put the results of all points into one data set, and judge the predictions by the ground truth.

    Args:
        results: by the name of the point (`names.encode`): `evaluations` of the main method of probing, of further ones
            under their names; `trainings`, or `searches` by the name of the deepest point of a column, none for a probe
            without ground truth; `predictors` likewise by columns, which may have more depths.
        axes: of the experiment, `sigma_w2`, `sigma_b2` and `depth`, ascending.
        prefix_invariant: whether one probe serves all depths; it may be deeper, if other experiments share it.
        architecture: its entry of the config, for the mean-field quantities.
        train: how the networks are trained, `settings.train_settings`; None, if there is no ground truth.
        experiment: its name.
        run: its seed, for the bootstrap, and draws of weights, independent of each other or common to all columns.
        attributes: further global attributes.

    Raises:
        InfoflowError: there is nothing to merge, or the results do not belong together.
    """
    parts = {part: {decode(name): result for name, result in found.items()} for part, found in results.items()}
    probes, truths = parts.pop("evaluations", {}), parts.pop("trainings", {})
    searches = parts.pop("searches", {})
    truths = {point: one for column, result in searches.items() for point, one in _of_search(column, result)} or truths
    predicted = parts.pop("predictors", {})
    if not probes:
        raise InfoflowError("no results to merge")
    columns = {point[:2]: result for point, result in predicted.items()} if truths else {}
    named: tuple[str, ...] = ()
    if columns:
        (named,) = {tuple(np.atleast_1d(result.attributes["predictors"]).tolist()) for result in columns.values()}
    main = str(next(iter(probes.values())).attributes.get("probe_method", ""))
    scores, methods, measures = zip(*names_of_scores([main, *parts], named))
    layers = _layers_of(probes, axes["depth"], prefix_invariant)
    cube = xr.Dataset(
        coords={
            **{axis: list(axes[axis]) for axis in POINT},
            "layers": ("depth", layers),
            "replica": np.arange(_replicas(probes, truths)),
            "layer": np.arange(1, max(layers) + 1),
            "quantile": list(QUANTILES),
            "measure": list(SATURATION_MEASURES),
            "score": list(scores),
            "score_method": ("score", list(methods)),
            "score_measure": ("score", list(measures)),
        },
        attrs={"draws": run["draws"]},
    )
    for prefix, found in {"": probes, **{f"{method}_": found for method, found in parts.items()}}.items():
        _add_probes(cube, found, prefix_invariant, prefix)
    _add_mean_field(cube, probes, prefix_invariant, architecture)
    if truths:
        _add_trainings(cube, truths, train)
        _add_boundary(cube, infer=bool(searches))
        if named:
            _add_predictors(cube, columns, named)
        _add_predictions(cube, run["seed"], experiment)
    else:
        cube = cube.drop_dims("score")
    machines = _machines([*probes.values(), *truths.values()])
    _annotate(
        cube, parts, {"architecture": architecture, **({"train": train} if train else {}), **machines, **attributes}
    )
    validate_trainability(cube)
    return cube


def _add_probes(cube: xr.Dataset, probes: Mapping[tuple, Result], prefix_invariant: bool, prefix: str) -> None:
    selecting = ["sigma_w2", "sigma_b2"] if prefix_invariant else ["sigma_w2", "sigma_b2", "depth"]
    extra = {
        "relative_entropy": ["replica", "layer", "quantile"],
        "saturation_depth": ["replica", "measure"],
        "saturation_case": ["replica", "measure"],
    }
    fills = {"probe_status": (MISSING, np.int8), "saturation_case": (-1, np.int8), "constant_states": (-1, np.int8)}
    ends = cube["layers"].values if prefix_invariant else []  # layers that networks of the grid end with
    for name in EVALUATED:
        if (prefix and name in _OF_THE_NETWORK) or not any(name in r.variables for r in probes.values()):
            continue
        fill, dtype = fills.get(name, (np.nan, np.float32))
        dimensions = [*selecting, *extra.get(name, ["replica", "layer"])]

        def of_probe(result: Result, name: str = name) -> np.ndarray:
            saturation = name.startswith("saturation_")
            found = _of_deepest(result, name, ends) if saturation else result[name][:, : cube.sizes["layer"]]
            for_all = result.attributes.get("weights") == NO_WEIGHTS
            return np.repeat(found, cube.sizes["replica"], axis=0) if for_all else found

        place(cube, prefix + name, dimensions, fill, dtype, probes, of_probe)
    seconds = f"{prefix}probe_seconds"
    place(cube, seconds, selecting, np.nan, np.float32, probes, lambda r: r.attributes["probe_seconds"])


def _of_deepest(result: Result, name: str, ends: Sequence[int]) -> np.ndarray:
    """A saturation of a probe, [replica, measure]: of the deepest network of which all layers are ok.

    The networks are those that end with one of the layers `ends`, or the probed one: a deeper one that diverges does
    not take from the others what they would say without it. Where the shallowest diverges it is unknown.
    """
    ok = result["probe_status"] == OK
    probed = ok.shape[1]
    last = np.array(sorted({int(l) for l in ends if l <= probed} or {probed})) - 1
    deepest = last[np.maximum(ok[:, last].sum(axis=1), 1) - 1]  # behind a layer that is not ok none is
    return result[name][np.arange(len(ok)), deepest]


def _add_mean_field(
    cube: xr.Dataset, probes: Mapping[tuple, Result], prefix_invariant: bool, architecture: Mapping[str, Any]
) -> None:
    images = {_image(result).tobytes(): _image(result) for result in probes.values()}
    if len(images) > 1:
        raise InfoflowError("the results do not belong together: their evaluation sets differ")
    (image,) = images.values()
    w, b = np.meshgrid(cube["sigma_w2"].values, cube["sigma_b2"].values, indexing="ij")
    for name, values in theory.depth_scales(architecture, w, b, image, int(cube["depth"].max())).items():
        cube[name] = (("sigma_w2", "sigma_b2"), values)
    cube["edge_of_chaos"] = (("sigma_b2",), theory.edge_of_chaos(architecture, cube["sigma_b2"].values))
    alike: dict[tuple[int, ...], list[tuple]] = {}
    for point, result in probes.items():
        alike.setdefault(tuple(np.atleast_1d(result.attributes["layer_widths"]).tolist()), []).append(point)
    curves = {}
    for widths, points in alike.items():
        w, b = np.transpose(points)[:2]
        found = theory.layer_variances(architecture, image, w, b, widths)
        curves |= zip(points, np.stack([getattr(found, name) for name in _VARIANCES], axis=1))
    dimensions = ["sigma_w2", "sigma_b2", *(() if prefix_invariant else ("depth",)), "layer"]
    for row, name in enumerate(_VARIANCES.values()):
        place(cube, name, dimensions, np.nan, np.float32, curves, lambda t, r=row: t[r][: cube.sizes["layer"]])


def _replicas(probes: Mapping[tuple, Result], truths: Mapping[tuple, Result]) -> int:
    counts = [len(result["probe_status"]) for result in probes.values()]
    return max(*counts, *(len(result["seconds"]) for result in truths.values()), 1)


def _layers_of(probes: Mapping[tuple, Result], depths: Sequence[int], prefix_invariant: bool) -> np.ndarray:
    """Hidden layers of the networks of some depths: of any number if each depth has a probe of its own."""
    counted = {(depth, _layers(result)) for (_, _, depth), result in probes.items()}
    beyond = {layers - depth for depth, layers in counted}
    if len(beyond) == 1:
        return np.array(depths) + beyond.pop()
    if prefix_invariant or len(dict(counted)) < len(counted) or not set(depths) <= set(dict(counted)):
        raise InfoflowError("the results do not belong together: they count their layers differently")
    return np.array([dict(counted)[depth] for depth in depths])


def _layers(result: Result) -> int:
    return np.size(result.attributes["layer_widths"])


def _image(result: Result) -> np.ndarray:
    """The image that the pre-activation variance is of."""
    return result["first_image"].reshape(np.atleast_1d(result.attributes["image_shape"])).astype(np.float64)


def _of_search(column: tuple[float, float, int], result: Result) -> Iterator[tuple[tuple, Result]]:
    """The points that a search has trained, as if they were results of single points."""
    for d, depth in enumerate(result["depth"].tolist()):
        if (result["order"][d] >= 0).any():
            yield (*column[:2], depth), Result({name: result[name][d] for name in OF_TRAINING}, result.attributes)


def _add_trainings(cube: xr.Dataset, truths: Mapping[tuple, Result], train: Mapping[str, Any]) -> None:
    cube.coords["learning_rate"] = list(train["learning_rate"])
    cube.coords["epoch"] = np.arange(1, max(r["accuracy"].shape[-1] for r in truths.values()) + 1)
    network = ["sigma_w2", "sigma_b2", "depth", "replica"]
    for name in ("accuracy", "loss"):
        of = [*network, "learning_rate", "epoch"]
        place(cube, name, of, np.nan, np.float32, truths, lambda r, n=name: r[n])
    place(cube, "train_status", [*network, "learning_rate"], MISSING, np.int8, truths, lambda r: r["status"])
    place(cube, "train_seconds", network, np.nan, np.float32, truths, lambda r: r["seconds"])
    known = (cube["train_status"] != MISSING).any("learning_rate")
    # Rounded like the stored accuracies, or one that meets the threshold exactly would be missed.
    enough = cube["accuracy"] >= np.float32(train["success_accuracy"])
    cube["reached_accuracy"] = cube["accuracy"].max(("learning_rate", "epoch"))
    cube["epochs_run"] = cube["accuracy"].notnull().sum("epoch").astype(np.int32)
    won = enough.any("epoch")
    cube["winning_rate"] = (
        cube["learning_rate"][won.argmax("learning_rate")].drop_vars("learning_rate").where(won.any("learning_rate"))
    )
    first = cube["epoch"].where(enough).min("epoch")
    cube["epochs_to_success"] = first.isel(learning_rate=won.argmax("learning_rate")).drop_vars("learning_rate")
    cube["trainable"] = xr.where(known, won.any("learning_rate").astype(np.int8), np.int8(-1))
    cube["truth_source"] = xr.where(known, np.int8(TRAINED), np.int8(NOT_KNOWN))


def _add_boundary(cube: xr.Dataset, infer: bool) -> None:
    """Down to which depth the networks of every column can be trained, and with which probability at each depth.

    Args:
        infer: whether networks that were not trained are labelled by that, where it is all but certain.
    """
    grid = depth_grid(cube["depth"].values)
    column = ("sigma_w2", "sigma_b2")
    label = cube["trainable"].transpose(*column, "depth", "replica").values
    source = cube["truth_source"].transpose(*column, "depth", "replica").values.copy()
    shape = label.shape[:2]
    probability, thresholds = np.full((3, *label.shape[:3]), np.nan), np.full((3, *shape), np.nan)
    trainable, case = np.full(shape, np.nan), np.full(shape, COLUMN_MISSING, np.int8)
    for w, b in np.ndindex(shape):
        known = label[w, b] >= 0
        if not known.any():
            continue
        good, trained = (label[w, b] == 1).sum(1), known.sum(1)
        found = grid.fit(good, trained)
        probability[:, w, b] = found.probability, *found.probability_quantiles(0.025, 0.975)
        thresholds[:, w, b] = found.quantiles(0.5, 0.025, 0.975)
        count = int(found.of_counts.argmax())
        trainable[w, b] = grid.depths[count - 1] if count else 0
        case[w, b] = _case_of(good, trained, count)
        if infer and case[w, b] != NOT_MONOTONE:
            p = found.probability[:, None]
            sure = ~known & ((p >= SURE) | (p <= 1 - SURE))
            label[w, b] = np.where(sure, p >= SURE, label[w, b])
            source[w, b] = np.where(sure, INFERRED, source[w, b])
    for end, of_depths, of_columns in zip(("", "_low", "_high"), probability, thresholds):
        cube[f"train_probability{end}"] = ((*column, "depth"), of_depths.astype(np.float32))
        cube[f"threshold_depth{end}"] = (column, of_columns)
    cube["trainable_depth"], cube["column_case"] = (column, trainable), (column, case)
    cube["trainable"], cube["truth_source"] = (((*column, "depth", "replica"), v) for v in (label, source))


def _case_of(good: np.ndarray, trained: np.ndarray, count: int) -> int:
    """What kind of column it is, by how many of the trained networks of each depth are good."""
    usual = trained >= min(2, trained.max())
    fails, works = np.flatnonzero(usual & (2 * good < trained)), np.flatnonzero(usual & (2 * good > trained))
    if len(fails) and len(works) and fails[0] < works[-1]:
        return NOT_MONOTONE
    return ALL_TRAINABLE if count == len(good) else NONE_TRAINABLE if not count else BRACKETED


def _add_predictors(cube: xr.Dataset, columns: Mapping[tuple, Result], names: Sequence[str]) -> None:
    """What the predictors say of the trained networks, and what it cost."""
    cube.coords["predictor"] = list(names)
    point = ("sigma_w2", "sigma_b2", "depth")
    dimensions = {
        "score": (*point, "replica", "predictor"),
        "raw": (*point, "replica", "predictor"),
        "seconds": (*point, "predictor"),
        "memory": (*point, "predictor"),
    }
    known = (cube["trainable"] >= 0).any("replica").to_series()
    results = {where: columns[where[:2]] for where in known[known].index if where[:2] in columns}
    for name, of in dimensions.items():

        def at_point(part: tuple[Result, int], name: str = name) -> np.ndarray:
            result, d = part
            return np.moveaxis(result[name][:, d], 0, -1)

        parts = {w: (r, int(np.flatnonzero(r["depth"] == w[2])[0])) for w, r in results.items()}
        place(cube, f"predictor_{name}", of, np.nan, np.float64, parts, at_point)


def _add_predictions(cube: xr.Dataset, seed: int, experiment: str) -> None:
    """Scores at layer = depth, what they predict, and how well."""
    point = ("sigma_w2", "sigma_b2", "depth", "replica")
    names, measures = cube["score"].values.tolist(), cube["score_measure"].values.tolist()
    scores = [score_of(cube, n, m).transpose(*point).values.astype(np.float32) for n, m in zip(names, measures)]
    known, positive = cube["trainable"].values >= 0, cube["trainable"].values == 1
    if positive[known].all() or not positive[known].any():
        logger.warning("all networks are trainable, or none is: the AUROC is undefined (NaN)")

    usable = [known & ~np.isnan(score) for score in scores]
    predicted = [_predict(m, *arguments, positive) for m, *arguments in zip(measures, scores, usable)]
    cube["prediction_score"] = ((*point, "score"), np.stack(scores, axis=-1))
    cube["predicted_trainable"] = ((*point, "score"), np.stack(predicted, axis=-1))
    _judge(cube, grid_of(cube, seed, experiment))
    cube["auroc_networks"] = (("score",), np.array([u.sum() for u in usable], np.int32))
    if "predictor_score" in cube:
        del cube["predictor_score"]
    for name in names:
        area, *bounds = (float(cube[f"auroc{end}"].sel(score=name)) for end in ("", "_low", "_high"))
        cube.attrs |= {f"auroc_{name}": area, f"auroc_{name}_interval": bounds}


def _judge(cube: xr.Dataset, grid: Grid) -> None:
    """How well every score does, beside the baseline, and where it puts the boundary of every column."""
    columns = cube.sizes["sigma_w2"], cube.sizes["sigma_b2"]
    found: dict[str, list[Estimate]] = {name: [] for name in ESTIMATED}
    spread, predicted = [], []
    for name in cube["score"].values.tolist():
        values = rows_of(cube["prediction_score"].sel(score=name)).astype(float)
        area = area_of(values, grid)
        one = area, area_of(values, grid, within=True), gain_of(values, grid, area), *bootstrap_boundary(values, grid)
        for measure, estimate in zip(found, one, strict=True):
            found[measure].append(estimate)
        spread.append(spread_of(values, grid))
        boundary = find_boundary(values, grid.labels, grid.columns, grid.depths)
        depths = np.full(np.prod(columns), np.nan)
        depths[boundary.columns] = boundary.predicted
        predicted.append(depths.reshape(columns))
    for measure, estimates in found.items():
        for end, part in (("", "value"), ("_low", "low"), ("_high", "high")):
            cube[f"{measure}{end}"] = (("score",), np.array([getattr(e, part) for e in estimates]))
    cube["auroc_spread"] = (("score",), np.array(spread))
    cube["predicted_depth"] = (("sigma_w2", "sigma_b2", "score"), np.stack(predicted, axis=-1))


def _predict(measure: str, score: np.ndarray, usable: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """Predicted label of every network, -1 where there is none; arrays as in `_area`."""
    predicted = np.full(score.shape, -1, np.int8)
    fixed = fixed_threshold(measure)
    for column in range(len(score)):
        threshold = fixed
        if np.isnan(fixed):
            others = usable.copy()
            others[column] = False
            threshold = best_threshold(score[others], positive[others])
        if not np.isnan(threshold):
            predicted[column] = np.where(usable[column], score[column] >= threshold, -1)
    return predicted


def _machines(results: Sequence[Result]) -> dict[str, str]:
    """What the jobs recorded of their machines; several values are joined."""
    recorded = {
        name: "; ".join(sorted({str(r.attributes[name]) for r in results if name in r.attributes}))
        for name in _RECORDED
    }
    return {name: value for name, value in recorded.items() if value}


def _annotate(cube: xr.Dataset, methods: Iterable[str], attributes: Mapping[str, Any]) -> None:
    """Give everything its attributes; `methods` are the further ones of probing, whose variables begin with them."""
    about = dict(CUBE)
    for method in methods:
        about |= {
            f"{method}_{name}": {**known, "long_name": f"{known['long_name']}, method {method}"}
            for name, known in CUBE.items()
        }
    add_deviations(cube)
    for name in cube.variables:
        cube[name].attrs = about[name]
    cube.attrs = describe_cube(cube, {"references": REFERENCES, **attributes}).attrs
