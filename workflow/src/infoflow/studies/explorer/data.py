"""What the page shows of an experiment: values of its cube as JSON, in the cube's own number formats.

An array is `{"dims": names, "shape": sizes, "type": f4, f8, i1 or i4, "data": base64 of the little-endian values}`: NaN
and ±inf are what they are, and no digit is lost.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from infoflow.studies.trainability.experiment import Experiment
from infoflow.studies.trainability.figures._shared import criterion, title
from infoflow.studies.trainability.scores import FREE, MEASURES, fixed_threshold
from infoflow.verdict.auroc import best_threshold

CURVES = ("differential_entropy", "explained_variance", "relative_entropy")
"""Per layer, of every method of probing; of the relative entropy the median over images."""
OF_TRUTH = (
    *("trainable", "truth_source", "reached_accuracy", "winning_rate"),
    *("train_probability", "train_probability_low", "train_probability_high"),
    *("trainable_depth", "threshold_depth", "threshold_depth_low", "threshold_depth_high", "column_case"),
    *("train_status", "accuracy", "loss"),
    *("prediction_score", "predicted_trainable"),
    *(f"{name}{end}" for name in ("auroc", "auroc_within_depth", "auroc_gain") for end in ("", "_low", "_high")),
)
"""Of experiments with ground truth."""
_SHORT = {
    "differential_entropy": "H",
    "explained_variance": "R²",
    "negative_relative_entropy": "−D",
    "saturation_depth": "saturation depth of D / depth",
    "negative_depth": "−depth, which counts layers",
    "mean_field": "mean field, 6 ξ_c / depth",
}
"""Scores that are called otherwise than in tables."""
_TYPES = {"float32": "f4", "float64": "f8", "int8": "i1", "int32": "i4", "int64": "i4"}


def describe_experiment(
    cube: xr.Dataset,
    experiment: Experiment,
    methods: Mapping[str, Mapping[str, Any]],
    predictors: Mapping[str, str],
) -> dict[str, Any]:
    """An experiment as JSON.

    Args:
        cube: cut to it, see `select_experiment`.
        methods: `title` of every method of probing, and whether it needs a `network`.
        predictors: what predictors are called.
    """
    truth = "trainable" in cube and experiment.truth is not None
    found = {
        "name": experiment.name,
        "dataset": experiment.dataset,
        "title": title(cube, experiment),
        "truth": criterion(cube) if truth else None,
        "truth_dataset": experiment.truth,
        "success_accuracy": json.loads(cube.attrs["train"])["success_accuracy"] if truth else None,
        "axes": {
            **{axis: cube[axis].values.tolist() for axis in ("sigma_w2", "sigma_b2", "depth", "layers", "layer")},
            "replica": cube.sizes["replica"],
            "learning_rate": cube["learning_rate"].values.tolist() if truth else [],
            "epoch": cube["epoch"].values.tolist() if truth else [],
        },
        "methods": describe_methods(cube, methods),
        "scores": describe_scores(cube, methods, predictors) if truth else [],
        "arrays": {name: pack(values) for name, values in shown_arrays(cube, methods, truth).items()},
    }
    return json.loads(json.dumps(found, allow_nan=False))


def describe_methods(cube: xr.Dataset, methods: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Methods of probing that the cube has curves of, the main one first."""
    main = str(cube.attrs.get("probe_method", ""))
    prefixes = {main: "", **{name: f"{name}_" for name in methods if f"{name}_{CURVES[0]}" in cube}}
    return [
        {"name": name, "prefix": prefix, **methods.get(name, {"title": name or "probe", "network": True})}
        for name, prefix in prefixes.items()
    ]


def describe_scores(
    cube: xr.Dataset, methods: Mapping[str, Mapping[str, Any]], predictors: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Scores in the order of the cube: what they are called, and thresholds on all networks and of the fixed rule."""
    found = []
    known = cube["trainable"].values >= 0
    positive = cube["trainable"].values == 1
    for name, method, measure in zip(*(cube[f"score{end}"].values.tolist() for end in ("", "_method", "_measure"))):
        words = _SHORT.get(measure) or (MEASURES[measure].title if measure in MEASURES else predictors.get(measure))
        values = cube["prediction_score"].sel(score=name).transpose(*cube["trainable"].dims).values.astype(float)
        usable = known & ~np.isnan(values)
        found.append(
            {
                "name": name,
                "title": f"{words or measure}, {methods[method]['title']}" if method in methods else words or measure,
                "free": measure in FREE,
                "best": _number(best_threshold(values[usable], positive[usable])),
                "fixed": _number(fixed_threshold(measure)),
            }
        )
    return found


def shown_arrays(cube: xr.Dataset, methods: Mapping[str, Mapping[str, Any]], truth: bool) -> dict[str, xr.DataArray]:
    """What is shown of the cube, by name; of theory, whose replicas are all alike, one."""
    found = {name: cube[name] for name in ("edge_of_chaos", "xi_c")}
    for method in describe_methods(cube, methods):
        for curve in CURVES:
            values = cube[method["prefix"] + curve]
            values = values.sel(quantile=0.5, drop=True) if "quantile" in values.dims else values
            found[method["prefix"] + curve] = values if method["network"] else values.isel(replica=[0])
    if truth:
        found |= {name: cube[name] for name in OF_TRUTH if name in cube}
    return found


def pack(values: xr.DataArray) -> dict[str, Any]:
    """An array, see above."""
    kind = _TYPES[values.dtype.name]
    array = np.ascontiguousarray(values.values.astype(f"<{kind}"))
    return {
        "dims": list(values.dims),
        "shape": list(array.shape),
        "type": kind,
        "data": base64.b64encode(array.tobytes()).decode(),
    }


def unpack(packed: Mapping[str, Any]) -> np.ndarray:
    """The inverse of `pack`: the values alone."""
    return np.frombuffer(base64.b64decode(packed["data"]), f"<{packed['type']}").reshape(packed["shape"])


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
