"""The NetCDF cube of one (dataset, architecture): merge, validate, read.

Dimensions, in this order, each only where it applies: sigma_w2, sigma_b2, depth, replica, layer, epoch, and then the
short ones of single variables (quantile, measure, score, predictor). `layer` counts hidden layers from 1; `depth` is
counted as the architecture does, and the coordinate `layers` has the number of hidden layers of each depth. `probe`
below stands for the dimensions of one probe: (sigma_w2, sigma_b2), and depth too if the layout is not prefix-invariant.

| variable | dimensions | |
|---|---|---|
| relative_entropy | probe, replica, layer, quantile | D(input ‖ reconstruction), nats |
| relative_entropy_mean | probe, replica, layer | its mean over samples, nats |
| differential_entropy | probe, replica, layer | nats |
| explained_variance | probe, replica, layer | R² |
| reconstruction_loss, pre_activation_variance | probe, replica, layer | |
| saturation_depth, saturation_case | probe, replica, measure | layers |
| probe_status | probe, replica, layer | ok, diverged, missing |
| probe_seconds | probe | wall-clock of all replicas |
| ridge_…: most of the above | likewise | of a method of probing that is scored beside the main one |
| accuracy, loss | sigma_w2, sigma_b2, depth, replica, epoch | NaN after a replica has stopped |
| best_accuracy, epochs_run, trainable, train_status | sigma_w2, sigma_b2, depth, replica | |
| train_seconds | sigma_w2, sigma_b2, depth | wall-clock of all replicas |
| layers | depth | hidden layers of a network of that depth: as many, or with those of a stem |
| q_star, chi_1, c_star, chi_c, xi_c, xi_q | sigma_w2, sigma_b2 | mean field |
| edge_of_chaos | sigma_b2 | mean field, σ_w² |
| pre_activation_variance_theory, …_spread | probe, layer | mean field, and its standard deviation at finite width |
| prediction_score, predicted_trainable | sigma_w2, sigma_b2, depth, replica, score | |
| auroc, auroc_low, auroc_high | score | with a 95 % interval over grid points |
| predictor_raw | sigma_w2, sigma_b2, depth, replica, predictor | of the literature; scores: prediction_score |
| predictor_seconds, predictor_memory | sigma_w2, sigma_b2, depth, predictor | of scoring all replicas |

A point that was not computed is `missing`, one with numbers that were not finite `diverged`, of a probe from the first
layer on that has them; nothing else is NaN but what its comment names.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from infoflow import theory
from infoflow.divergence import NOT_SATURATED
from infoflow.errors import InfoflowError
from infoflow.evaluation import ABOUT as PROBE_ABOUT
from infoflow.evaluation import DIVERGED, MISSING, OK, QUANTILES, SATURATION_MEASURES, STATUS
from infoflow.grid import decode
from infoflow.scoring import auroc, best_threshold, bootstrap_auroc
from infoflow.store import Result
from infoflow.study import describe_study, load_cube, write_study

logger = logging.getLogger(__name__)

DIMENSIONS = ("sigma_w2", "sigma_b2", "depth", "replica", "layer", "epoch", "quantile", "measure", "score", "predictor")
SCORES = ("differential_entropy", "explained_variance", "negative_relative_entropy", "saturation_depth")
"""Scores of a probe; those of a further method carry its name, like `ridge_explained_variance`."""
PUBLISHED_MEASURE = "relative_entropy_ratio"
"""The curve whose saturation depth is a score, over the number of layers."""
MEAN_FIELD = "mean_field"
# From which score on a network is predicted trainable; None: chosen on the other columns of the grid.
THRESHOLDS = {"explained_variance": 0.0, "saturation_depth": 1.0, "mean_field": 1.0}
REFERENCES = "arXiv:2406.12916; arXiv:1611.01232; arXiv:1606.05340"

_THEORY = (
    "NaN for architectures that it is not known for; of residual networks chi_1 is the factor of the mean squared "
    "gradient per block, and xi_c the blocks over which it changes by e, both averaged over all blocks"
)
_FLAGS = {"units": "1", "flag_values": np.array([-1, 0, 1], np.int8)}
ABOUT: dict[str, dict] = {
    "sigma_w2": {"long_name": "variance of the weights times the fan-in, sigma_w^2", "units": "1"},
    "sigma_b2": {"long_name": "variance of the biases, sigma_b^2", "units": "1"},
    "sigma_w": {"long_name": "square root of sigma_w2", "units": "1"},
    "sigma_b": {"long_name": "square root of sigma_b2", "units": "1"},
    "depth": {"long_name": "depth of the network, as its architecture counts it", "units": "1"},
    "layers": {"long_name": "number of hidden layers of a network of that depth", "units": "1"},
    "replica": {"long_name": "index of the independent random network", "units": "1"},
    "layer": {"long_name": "hidden layer, counted from 1", "units": "1"},
    "epoch": {"long_name": "pass over the training set, counted from 1", "units": "1"},
    "quantile": {"long_name": "quantile over the evaluation samples", "units": "1"},
    "measure": {"long_name": "curve over the layers whose saturation is measured", "units": "1"},
    "score": {"long_name": "score of trainability, higher meaning more likely trainable", "units": "1"},
    "probe_seconds": {"long_name": "seconds of the probe of all replicas; NaN where missing", "units": "s"},
    "q_star": {"long_name": "mean-field fixed point of the pre-activation variance", "units": "1", "comment": _THEORY},
    "chi_1": {"long_name": "mean-field slope of the correlation map at c = 1", "units": "1", "comment": _THEORY},
    "c_star": {"long_name": "mean-field fixed point of the correlation", "units": "1", "comment": _THEORY},
    "chi_c": {
        "long_name": "mean-field slope of the correlation map at its fixed point",
        "units": "1",
        "comment": _THEORY,
    },
    "xi_c": {
        "long_name": "mean-field correlation length",
        "units": "1",
        "comment": f"in layers; inf at the edge; {_THEORY}",
    },
    "xi_q": {
        "long_name": "mean-field relaxation length of the variance",
        "units": "1",
        "comment": f"in layers; {_THEORY}",
    },
    "edge_of_chaos": {"long_name": "mean-field sigma_w^2 at which chi_1 = 1", "units": "1", "comment": _THEORY},
    "pre_activation_variance_theory": {
        "long_name": "mean-field recursion of the pre-activation variance of the same image",
        "units": "1",
        "comment": _THEORY,
    },
    "pre_activation_variance_theory_spread": {
        "long_name": "standard deviation of the pre-activation variance at the network's width",
        "units": "1",
        "comment": f"NaN for residual networks; {_THEORY}",
    },
    "accuracy": {
        "long_name": "accuracy on the test set after each epoch",
        "units": "1",
        "comment": "NaN after a replica has stopped (epochs_run), and where train_status is missing",
    },
    "loss": {
        "long_name": "mean training loss of each epoch",
        "units": "1",
        "comment": "cross-entropy in nats; NaN as in accuracy, or where it diverged",
    },
    "train_status": {"long_name": "outcome of the full training", **STATUS},
    "train_seconds": {
        "long_name": "seconds of full training of all replicas; NaN where missing",
        "units": "s",
    },
    "best_accuracy": {
        "long_name": "best accuracy on the test set",
        "units": "1",
        "comment": "NaN where train_status is missing",
    },
    "epochs_run": {"long_name": "epochs until the replica stopped", "units": "1"},
    "trainable": {
        "long_name": "whether the success accuracy was reached",
        "flag_meanings": "missing not_trainable trainable",
        **_FLAGS,
    },
    "prediction_score": {
        "long_name": "score of the last hidden layer",
        "units": "1",
        "comment": "NaN where probe_status of that layer is not ok, where the saturation is unknown, and where there "
        "is no theory; saturation_depth is inf where it has not saturated within the probe",
    },
    "predicted_trainable": {
        "long_name": "predicted label",
        "flag_meanings": "undefined not_trainable trainable",
        "comment": "explained variance >= 0; mean_field = 6 xi_c / depth >= 1; entropies from the threshold with the "
        "best balanced accuracy on all other columns of sigma_w2",
        **_FLAGS,
    },
    "auroc": {
        "long_name": "area under the ROC curve of the score against trainable",
        "units": "1",
        "comment": "NaN, as its interval, if all networks are trainable or none is",
    },
    "auroc_low": {"long_name": "2.5 % bootstrap quantile of auroc over grid points", "units": "1"},
    "auroc_high": {"long_name": "97.5 % bootstrap quantile of auroc over grid points", "units": "1"},
    "auroc_networks": {
        "long_name": "number of networks that auroc is computed from",
        "units": "1",
        "comment": "those that were trained and have a score; all others are unscored",
    },
    "predictor": {"long_name": "predictor that needs no training, see infoflow.predictors", "units": "1"},
    "predictor_raw": {
        "long_name": "what the predictor measures, as the literature has it",
        "units": "1",
        "comment": "NaN where the predictor does not apply",
    },
    "predictor_seconds": {"long_name": "seconds of scoring all replicas; NaN where missing", "units": "s"},
    "predictor_memory": {
        "long_name": "by how much the memory in use grew at most while all replicas were scored",
        "units": "byte",
        "comment": "zero if memory that was held already was enough; NaN where missing, or not told by the system",
    },
}
"""Attributes of the variables that the merge adds to those of the probes."""

_OF_THE_NETWORK = ("pre_activation_variance",)
"""Variables of a probe that do not depend on its reconstruction networks."""

_RECORDED = ("probe_method", "device", "torch_version", "cuda_version", "precision", "tf32", "determinism", "threads")


def merge_cube(
    evaluations: Mapping[str, Result],
    trainings: Mapping[str, Result],
    beside: Mapping[str, Mapping[str, Result]] | None = None,
    predictors: Mapping[str, Result] | None = None,
    *,
    prefix_invariant: bool,
    architecture: Mapping[str, Any],
    success_accuracy: float,
    seed: int,
    attributes: Mapping[str, Any],
) -> xr.Dataset:
    """Put the results of all points into one data set, and judge the predictions by the ground truth.

    Args:
        evaluations: what `evaluate_kl` wrote, by the name of the point (`grid.encode`).
        trainings: what `train_network` wrote, likewise; empty for a probe without ground truth.
        beside: by further methods of probing, evaluations of the same points.
        predictors: what `score_predictor` wrote, by the name of the deepest point of a column; may have more depths.
        prefix_invariant: whether one probe serves all depths.
        architecture: its entry of the config, for the mean-field quantities.
        success_accuracy: from which a network counts as trainable.
        seed: of the bootstrap.
        attributes: further global attributes.

    Raises:
        InfoflowError: there is nothing to merge, or the results do not belong together.
    """
    if not evaluations:
        raise InfoflowError("no results to merge")
    probes = {decode(name): result for name, result in evaluations.items()}
    truths = {decode(name): result for name, result in trainings.items()}
    points = [*probes, *truths]
    others = {
        f"{method}_": {decode(name): result for name, result in results.items()}
        for method, results in (beside or {}).items()
    }
    scores = [*(f"{prefix}{name}" for prefix in ("", *others) for name in SCORES), MEAN_FIELD]
    columns = {decode(name)[:2]: result for name, result in (predictors or {}).items()} if truths else {}
    if columns:
        (named,) = {tuple(np.atleast_1d(result.attributes["predictors"]).tolist()) for result in columns.values()}
        scores += named
    depths = sorted({d for _, _, d in (truths if prefix_invariant and truths else points)})
    beyond = {_layers(result) - depth for (_, _, depth), result in probes.items()}
    if len(beyond) > 1:
        raise InfoflowError("the results do not belong together: they count their layers differently")
    cube = xr.Dataset(
        coords={
            "sigma_w2": sorted({w for w, _, _ in points}),
            "sigma_b2": sorted({b for _, b, _ in points}),
            "depth": depths,
            "layers": ("depth", np.array(depths) + beyond.pop()),
            "replica": np.arange(max(len(r["probe_status"]) for r in probes.values())),
            "layer": np.arange(1, max(r["differential_entropy"].shape[1] for r in probes.values()) + 1),
            "quantile": list(QUANTILES),
            "measure": list(SATURATION_MEASURES),
            "score": scores,
        }
    )
    for prefix, results in {"": probes, **others}.items():
        _add_probes(cube, results, prefix_invariant, prefix)
    _add_mean_field(cube, probes, prefix_invariant, architecture)
    if truths:
        _add_trainings(cube, truths, success_accuracy)
        if columns:
            _add_predictors(cube, columns, named)
        _add_predictions(cube, np.random.default_rng(seed))
    else:
        cube = cube.drop_dims("score")
    machines = _machines([*evaluations.values(), *trainings.values()])
    _annotate(cube, {"architecture": architecture, **machines, **attributes})
    validate_cube(cube)
    return cube


def write_cube(cube: xr.Dataset, path: str | Path) -> None:
    """Write a cube, see `study.write_study`."""
    write_study(cube, path, "merge_cube")


def read_cube(path: str | Path) -> xr.Dataset:
    """Read a cube into memory.

    Raises:
        InfoflowError: the file is missing, damaged, or not a cube.
    """
    cube = load_cube(path)
    validate_cube(cube)
    return cube


def validate_cube(cube: xr.Dataset) -> None:
    """Check a cube against the schema.

    Raises:
        InfoflowError: a variable lacks its description, units or status, or has its dimensions out of order.
    """
    for name, variable in cube.variables.items():
        order = [DIMENSIONS.index(d) for d in variable.dims if d in DIMENSIONS]
        if len(order) != variable.ndim or order != sorted(order):
            raise InfoflowError(f"cube: dimensions of {name} are {variable.dims}, not in the order {DIMENSIONS}")
        for attribute in ("long_name", "units"):
            if attribute not in variable.attrs:
                raise InfoflowError(f"cube: {name} has no {attribute}")
    for name in ("probe_status", "differential_entropy", "xi_c"):
        if name not in cube:
            raise InfoflowError(f"cube: {name} is missing")
    if (cube["differential_entropy"].isnull() & (cube["probe_status"] == OK)).any():
        raise InfoflowError("cube: differential_entropy is NaN where probe_status is ok")


def computed_points(cube: xr.Dataset, status: str) -> set[tuple]:
    """(σ_w², σ_b²), and depth if it applies, of the points that are not missing, by a status variable of the cube."""
    if status not in cube:
        return set()
    within = [d for d in ("replica", "layer") if d in cube[status].dims]
    computed = (cube[status] != MISSING).any(within).to_series()
    return set(computed[computed].index)


def at_depth(cube: xr.Dataset, variable: str) -> xr.DataArray:
    """A per-layer variable of the probe in the last hidden layer of every depth of the ground truth."""
    values = cube[variable]
    if "depth" not in values.dims:
        return values.sel(layer=cube["layers"]).drop_vars("layer")
    pairs = zip(cube["depth"].values, cube["layers"].values)
    return xr.concat([values.sel(depth=d, layer=l, drop=True) for d, l in pairs], dim=cube["depth"])


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
    selecting = [d for d in ("sigma_w2", "sigma_b2", "depth") if d in dimensions]
    index = {d: {v: i for i, v in enumerate(cube[d].values.tolist())} for d in selecting}
    for point, result in results.items():
        where = [index[d][v] for d, v in zip(("sigma_w2", "sigma_b2", "depth"), point) if d in selecting]
        part = np.asarray(value(result))
        array[(*where, *(slice(n) for n in part.shape))] = part
    cube[name] = (tuple(dimensions), array)


def _add_probes(cube: xr.Dataset, probes: Mapping[tuple, Result], prefix_invariant: bool, prefix: str) -> None:
    selecting = ["sigma_w2", "sigma_b2"] if prefix_invariant else ["sigma_w2", "sigma_b2", "depth"]
    extra = {
        "relative_entropy": ["replica", "layer", "quantile"],
        "saturation_depth": ["replica", "measure"],
        "saturation_case": ["replica", "measure"],
    }
    fills = {"probe_status": (MISSING, np.int8), "saturation_case": (-1, np.int8)}
    ends = cube["layers"].values if prefix_invariant else []  # layers that networks of the grid end with
    for name in PROBE_ABOUT:
        if prefix and name in _OF_THE_NETWORK:
            continue
        fill, dtype = fills.get(name, (np.nan, np.float32))
        dimensions = [*selecting, *extra.get(name, ["replica", "layer"])]

        def of_probe(result: Result, name: str = name) -> np.ndarray:
            return _of_deepest(result, name, ends) if name.startswith("saturation_") else result[name]

        place(cube, prefix + name, dimensions, fill, dtype, probes, of_probe)
    seconds = f"{prefix}probe_seconds"
    place(cube, seconds, selecting, np.nan, np.float32, probes, lambda r: r.attributes["probe_seconds"])


def _of_deepest(result: Result, name: str, ends: Sequence[int]) -> np.ndarray:
    """A saturation of a probe, [replica, measure]: of the deepest network of which all layers are ok.

    The networks are the probed one and those that end with one of the layers `ends`: a deeper one that diverges does
    not take from the others what they would say without it. Where the shallowest diverges it is unknown.
    """
    ok = result["probe_status"] == OK
    probed = ok.shape[1]
    last = np.array(sorted({probed, *(int(l) for l in ends if l <= probed)})) - 1
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
    deepest = max(depth for _, _, depth in probes)
    for name, values in theory.depth_scales(architecture, w, b, image, deepest).items():
        cube[name] = (("sigma_w2", "sigma_b2"), values)
    cube["edge_of_chaos"] = (("sigma_b2",), theory.edge_of_chaos(architecture, cube["sigma_b2"].values))
    alike: dict[tuple[int, ...], list[tuple]] = {}
    for point, result in probes.items():
        alike.setdefault(tuple(np.atleast_1d(result.attributes["layer_widths"]).tolist()), []).append(point)
    curves = {}
    for widths, points in alike.items():
        w, b = np.transpose(points)[:2]
        curves |= zip(points, np.stack(theory.layer_variances(architecture, image, w, b, widths), axis=1))
    dimensions = ["sigma_w2", "sigma_b2", *(() if prefix_invariant else ("depth",)), "layer"]
    for row, name in enumerate(("pre_activation_variance_theory", "pre_activation_variance_theory_spread")):
        place(cube, name, dimensions, np.nan, np.float32, curves, lambda t, r=row: t[r])


def _layers(result: Result) -> int:
    return np.size(result.attributes["layer_widths"])


def _image(result: Result) -> np.ndarray:
    """The image that the pre-activation variance is of."""
    return result["first_image"].reshape(np.atleast_1d(result.attributes["image_shape"])).astype(np.float64)


def _add_trainings(cube: xr.Dataset, truths: Mapping[tuple, Result], success_accuracy: float) -> None:
    epochs = max(r["accuracy"].shape[1] for r in truths.values())
    cube.coords["epoch"] = np.arange(1, epochs + 1)
    point = ["sigma_w2", "sigma_b2", "depth"]
    for name in ("accuracy", "loss"):
        place(cube, name, [*point, "replica", "epoch"], np.nan, np.float32, truths, lambda r, n=name: r[n])
    place(
        cube,
        "train_status",
        [*point, "replica"],
        MISSING,
        np.int8,
        truths,
        lambda r: np.where(r["diverged"], DIVERGED, OK),
    )
    place(cube, "train_seconds", point, np.nan, np.float32, truths, lambda r: r.attributes["train_seconds"])
    known = cube["train_status"] != MISSING
    best = cube["accuracy"].max("epoch")
    cube["best_accuracy"] = best
    cube["epochs_run"] = cube["accuracy"].notnull().sum("epoch").astype(np.int32)
    # Rounded like the stored accuracies, or one that meets the threshold exactly would be missed.
    cube["trainable"] = xr.where(known, (best >= np.float32(success_accuracy)).astype(np.int8), np.int8(-1))


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
    known = (cube["train_status"] != MISSING).any("replica").to_series()
    results = {where: columns[where[:2]] for where in known[known].index if where[:2] in columns}
    for name, of in dimensions.items():

        def at_point(part: tuple[Result, int], name: str = name) -> np.ndarray:
            result, d = part
            return np.moveaxis(result[name][:, d], 0, -1)

        parts = {w: (r, int(np.flatnonzero(r["depth"] == w[2])[0])) for w, r in results.items()}
        place(cube, f"predictor_{name}", of, np.nan, np.float64, parts, at_point)


def _add_predictions(cube: xr.Dataset, generator: np.random.Generator) -> None:
    """Scores at layer = depth, the labels that they predict, and their areas under the ROC curve."""
    point = ("sigma_w2", "sigma_b2", "depth", "replica")
    names = cube["score"].values.tolist()
    scores = [_score(cube, name).transpose(*point).values.astype(np.float32) for name in names]
    known, positive = cube["trainable"].values >= 0, cube["trainable"].values == 1
    if positive[known].all() or not positive[known].any():
        logger.warning("all networks are trainable, or none is: the AUROC is undefined (NaN)")

    usable = [known & ~np.isnan(score) for score in scores]
    areas = [_area(*arguments, positive, generator) for arguments in zip(scores, usable)]
    predicted = [_predict(name, *arguments, positive) for name, *arguments in zip(names, scores, usable)]
    cube["prediction_score"] = ((*point, "score"), np.stack(scores, axis=-1))
    cube["predicted_trainable"] = ((*point, "score"), np.stack(predicted, axis=-1))
    for name, column in zip(("auroc", "auroc_low", "auroc_high"), np.transpose(areas)):
        cube[name] = (("score",), column)
    cube["auroc_networks"] = (("score",), np.array([u.sum() for u in usable], np.int32))
    if "predictor_score" in cube:
        del cube["predictor_score"]
    for name, (area, low, high) in zip(names, areas):
        cube.attrs |= {f"auroc_{name}": area, f"auroc_{name}_interval": [low, high]}


def _score(cube: xr.Dataset, name: str) -> xr.DataArray:
    """A score of every network; higher means more likely trainable."""
    if name in cube.coords.get("predictor", ()):
        return cube["predictor_score"].sel(predictor=name, drop=True)
    if name == MEAN_FIELD:
        return (6 * cube["xi_c"] / cube["depth"]).expand_dims(replica=cube["replica"])
    if name.endswith("saturation_depth"):
        depth = cube[name].sel(measure=PUBLISHED_MEASURE, drop=True)
        case = cube[name.replace("depth", "case")].sel(measure=PUBLISHED_MEASURE, drop=True)
        # what has not saturated within the probe does so beyond every depth that is judged and did not diverge
        ok = at_depth(cube, name.replace("saturation_depth", "probe_status")) == OK
        return (depth.where(case != NOT_SATURATED, np.inf) / cube["layers"]).where(ok)
    if name.endswith("negative_relative_entropy"):
        relative_entropy = name.replace("negative_relative_entropy", "relative_entropy")
        return -at_depth(cube, relative_entropy).sel(quantile=0.5, drop=True)
    return at_depth(cube, name)


def _area(
    score: np.ndarray, usable: np.ndarray, positive: np.ndarray, generator: np.random.Generator
) -> tuple[float, float, float]:
    """AUROC and its interval; all arrays are [σ_w², σ_b², depth, replica]."""
    replicas = score.shape[-1]
    points = usable.reshape(-1, replicas).any(axis=1)
    rows = np.where(usable, score, np.nan).reshape(-1, replicas)[points]
    interval = bootstrap_auroc(rows, positive.reshape(-1, replicas)[points], generator)
    return auroc(score[usable], positive[usable]), *interval


def _predict(name: str, score: np.ndarray, usable: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """Predicted label of every network, -1 where there is none; arrays as in `_area`."""
    predicted = np.full(score.shape, -1, np.int8)
    for column in range(len(score)):
        threshold = next((t for known, t in THRESHOLDS.items() if name.endswith(known)), None)
        if threshold is None:
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


def _annotate(cube: xr.Dataset, attributes: Mapping[str, Any]) -> None:
    about = ABOUT | PROBE_ABOUT
    for name in set(cube.variables) - set(about):  # of a further method
        method, _, known = name.partition("_")
        about[name] = about[known] | {"long_name": f"{about[known]['long_name']}, method {method}"}
    for axis in ("sigma_w", "sigma_b"):
        cube.coords[axis] = np.sqrt(cube[f"{axis}2"])
    for name in cube.variables:
        cube[name].attrs = about[name]
    cube.attrs = describe_study(cube, {"references": REFERENCES, **attributes}).attrs
