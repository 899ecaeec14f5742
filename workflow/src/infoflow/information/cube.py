"""The NetCDF cube of the information plane, all networks of a run in one.

Dimensions, in this order: estimator, network, replica, epoch, layer. `layer` counts from 1, the last one of a network
is its output; NaN where a network has no such layer.

| variable | dimensions | |
|---|---|---|
| input_information, label_information | all | I(X;T), I(T;Y), bits |
| relative_entropy, differential_entropy, explained_variance | network, replica, epoch, layer | of the reconstruction |
| train_accuracy, test_accuracy, train_loss, test_loss | network, replica, epoch | |
| gradient_mean, gradient_spread, gradient_snr, weight_norm | network, replica, epoch, layer | |
| status | network, replica | ok, diverged |
| layer_width | network, layer | |
| chi_1, xi_c, edge_of_chaos | network | mean field |
| train_seconds, information_seconds, reconstruction_seconds | network | |
| input_entropy, label_entropy | | H(X), H(Y), bits |

Settings of a network are coordinates along `network`, named like those of the config; kind and constants of an
estimator are coordinates along `estimator`.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from infoflow import meanfield
from infoflow.cubes import ABOUT as CUBE_ABOUT
from infoflow.errors import InfoflowError
from infoflow.estimators import output_names
from infoflow.evaluation import ABOUT as EVALUATION_ABOUT
from infoflow.evaluation import DIVERGED, OK, STATUS
from infoflow.information.plan import AXES, RECONSTRUCTED, TRUNCATED_VARIANCE, TrainedNetwork, name_widths
from infoflow.store import Result
from infoflow.study import describe_study

DIMENSIONS = ("estimator", "network", "replica", "epoch", "layer")
REFERENCES = "arXiv:1703.00810; arXiv:2406.12916"

_UNKNOWN = "NaN from where a network diverged, and in layers that it does not have"
_NOISE = "estimate; what the estimator adds to T, noise or bins, is in estimator_constants"
_BY_MINI_BATCHES = "over the mini-batches of an epoch, the network held as it is; weights without biases"


def _about(title: str, units: str = "1", comment: str = "") -> dict[str, str]:
    return {"long_name": title, "units": units} | ({"comment": comment} if comment else {})


ABOUT: dict[str, dict] = {
    "network": _about("network, by its settings"),
    "estimator": _about("estimator of information, by its name in the config"),
    "estimator_kind": _about("what the estimator does"),
    "estimator_constants": _about("constants of the estimator", comment="JSON"),
    "replica": CUBE_ABOUT["replica"],
    "epoch": _about("epochs of training", comment="0: the untrained network"),
    "layer": _about("layer, counted from 1: hidden layers, then the output"),
    "activation": _about("activation of the hidden layers"),
    "hidden": _about("widths of the hidden layers", comment="10x32: ten layers of 32 units"),
    "hidden_layers": _about("number of hidden layers"),
    "train_fraction": _about("share of the samples that are trained on"),
    "optimizer": _about("how the weights are changed"),
    "learning_rate": _about("learning rate"),
    "initialization": _about(
        "distribution of the untrained weights", comment="truncated_normal: cut off at two standard deviations"
    ),
    "sigma_w2": CUBE_ABOUT["sigma_w2"],
    "sigma_b2": CUBE_ABOUT["sigma_b2"],
    "input_information": _about("mutual information of layer and input, I(X;T)", "bit", f"{_NOISE}; {_UNKNOWN}"),
    "label_information": _about("mutual information of layer and label, I(T;Y)", "bit", f"{_NOISE}; {_UNKNOWN}"),
    "relative_entropy": _about(
        "relative entropy D(input || reconstruction), mean over samples", comment=f"in nats; hidden layers; {_UNKNOWN}"
    ),
    "differential_entropy": EVALUATION_ABOUT["differential_entropy"]
    | {"comment": f"in nats; -inf where all reconstructions agree exactly in a pixel; hidden layers; {_UNKNOWN}"},
    "explained_variance": EVALUATION_ABOUT["explained_variance"] | {"comment": f"hidden layers; {_UNKNOWN}"},
    "train_accuracy": _about("accuracy on the samples that are trained on"),
    "test_accuracy": _about("accuracy on the other samples", comment="NaN if there are none"),
    "train_loss": _about("mean cross-entropy of the samples that are trained on", comment="in nats"),
    "test_loss": _about("mean cross-entropy of the other samples", comment="in nats; NaN if there are none"),
    "gradient_mean": _about("norm of the mean gradient of the weights into a layer", comment=_BY_MINI_BATCHES),
    "gradient_spread": _about(
        "root of the trace of the covariance of that gradient",
        comment=f"{_BY_MINI_BATCHES}; NaN if there is but one mini-batch",
    ),
    "gradient_snr": _about(
        "gradient_mean over gradient_spread", comment="above 1: drift, below: diffusion; NaN if there is no spread"
    ),
    "weight_norm": _about("Frobenius norm of the weights into a layer"),
    "status": {"long_name": "outcome of the training", **STATUS},
    "layer_width": _about("units of a layer", comment="0: there is no such layer"),
    "train_seconds": _about("seconds of training all replicas", "s"),
    "information_seconds": _about("seconds of estimating information, all replicas and epochs", "s"),
    "reconstruction_seconds": _about("seconds of reconstructing, all replicas and epochs", "s"),
    "input_entropy": _about("entropy of the input, H(X)", "bit", "all samples are equally likely"),
    "label_entropy": _about("entropy of the label, H(Y)", "bit"),
    **{name: CUBE_ABOUT[name] for name in ("chi_1", "xi_c", "edge_of_chaos")},
}
"""Attributes of all variables of the cube."""

_PARTS = ("train", "test")
_OF_GRADIENTS = ("gradient_mean", "gradient_spread", "weight_norm")


def merge_information(
    results: Mapping[TrainedNetwork, tuple[Result, Result]],
    *,
    estimators: Mapping[str, Mapping[str, Any]],
    attributes: Mapping[str, Any],
) -> xr.Dataset:
    """Put what `jobs.train_job` and `jobs.measure_job` wrote into one data set.

    Args:
        results: both, of every network.
        estimators: entries of the config.
        attributes: further global attributes.

    Raises:
        InfoflowError: there is nothing to merge, the results do not belong together, or a value breaks a bound.
    """
    if not results:
        raise InfoflowError("no results to merge")
    trained, measured = ([pair[part] for pair in results.values()] for part in (0, 1))
    counts = measured[0]["label_counts"]
    if any(not np.array_equal(one["label_counts"], counts) for one in measured):
        raise InfoflowError("the results do not belong together: their samples differ; delete them and run again")
    cube = xr.Dataset(coords=_coordinates(results, trained, estimators))
    share = counts[counts > 0] / counts.sum()
    cube["input_entropy"] = np.log2(counts.sum())
    cube["label_entropy"] = -(share * np.log2(share)).sum()
    for name in ("input_information", "label_information"):
        cube[name] = _stack(cube, [one[name] for one in measured], DIMENSIONS)
    for name in RECONSTRUCTED:
        cube[name] = _stack(cube, [one[name] for one in measured], DIMENSIONS[1:])
    for name in ("accuracy", "loss"):
        for index, part in enumerate(_PARTS):
            cube[f"{part}_{name}"] = _stack(cube, [one[name][..., index] for one in trained], DIMENSIONS[1:4])
    for name in _OF_GRADIENTS:
        cube[name] = _stack(cube, [one[name] for one in trained], DIMENSIONS[1:])
    with np.errstate(divide="ignore", invalid="ignore"):
        cube["gradient_snr"] = cube["gradient_mean"] / cube["gradient_spread"].where(cube["gradient_spread"] > 0)
    diverged = np.stack([one["diverged"] for one in trained])
    cube["status"] = (("network", "replica"), np.where(diverged, DIVERGED, OK).astype(np.int8))
    cube["layer_width"] = _stack(cube, [one.attributes["widths"][1:] for one in trained], ("network", "layer"), 0)
    for name, parts in (("train", trained), ("information", measured), ("reconstruction", measured)):
        cube[f"{name}_seconds"] = ("network", [float(one.attributes[f"{name}_seconds"]) for one in parts])
    _add_theory(cube)
    for name in cube.variables:
        cube[name].attrs = ABOUT[name]
    cube.attrs = describe_study(cube, {"references": REFERENCES, **attributes}).attrs
    validate_information(cube)
    return cube


def validate_information(cube: xr.Dataset) -> None:
    """Check what holds for every estimate: 0 ≤ I(T;Y) ≤ H(Y) and I(T;Y) ≤ I(X;T) ≤ H(X), to the rounding of float32.

    Raises:
        InfoflowError: a value breaks a bound, or is missing where the network did not diverge.
    """
    known = (cube["status"] == OK) & (cube["layer_width"] > 0)
    label, information = cube["label_information"], cube["input_information"]
    checks = {
        "is NaN": label.isnull() | information.isnull(),
        "is below zero": label < 0,
        "exceeds H(Y)": label > cube["label_entropy"] * (1 + 1e-6),
        "exceeds I(X;T)": label > information + 1e-6,
        "belongs to an I(X;T) above H(X)": information > cube["input_entropy"] * (1 + 1e-6),
    }
    for problem, found in checks.items():
        if bool((found & known).any()):
            where = np.argwhere((found & known).transpose(*DIMENSIONS).values)[0]
            at = ", ".join(f"{d} {cube[d].values[k]}" for d, k in zip(DIMENSIONS, where))
            raise InfoflowError(f"cube: label_information at {at} {problem}")


def _coordinates(
    results: Mapping[TrainedNetwork, Any], trained: Sequence[Result], estimators: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    epochs, replicas = trained[0]["epoch"], trained[0]["parameters"].shape[0]
    settings = {axis: [getattr(network, axis) for network in results] for axis in AXES if axis != "hidden"}
    settings["hidden"] = [name_widths(network.hidden) for network in results]
    settings["hidden_layers"] = [len(network.hidden) for network in results]
    names = output_names(estimators)
    entries = [estimators[entry] for entry in names.values()]
    return {
        "estimator": list(names),
        "estimator_kind": ("estimator", [entry["kind"] for entry in entries]),
        "estimator_constants": (
            "estimator",
            [json.dumps({k: v for k, v in entry.items() if k != "kind"}, sort_keys=True) for entry in entries],
        ),
        "network": [network.name for network in results],
        **{name: ("network", values) for name, values in settings.items()},
        "replica": np.arange(replicas),
        "epoch": epochs,
        "layer": np.arange(1, max(len(one.attributes["widths"]) for one in trained)),
    }


def _stack(cube: xr.Dataset, parts: Sequence[np.ndarray], dimensions: Sequence[str], fill: float = np.nan):
    """Values of all networks, those of layers that a network does not have filled in."""
    shape = tuple(cube.sizes[d] for d in dimensions)
    whole = np.full(shape, fill, np.result_type(*parts))
    network = dimensions.index("network")
    for k, part in enumerate(parts):
        target = whole[(slice(None),) * network + (k,)]
        target[..., : part.shape[-1]] = part
    return tuple(dimensions), whole


def _add_theory(cube: xr.Dataset) -> None:
    scales: dict[str, list[float]] = {"chi_1": [], "xi_c": [], "edge_of_chaos": []}
    for k in range(cube.sizes["network"]):
        one = cube.isel(network=k)
        activation, b = str(one["activation"].values), float(one["sigma_b2"])
        known = activation in meanfield.ACTIVATIONS
        # that of a Gaussian of the variance that cutting off leaves
        w = float(one["sigma_w2"]) * (TRUNCATED_VARIANCE if one["initialization"] == "truncated_normal" else 1)
        depth = meanfield.depth_scales(w, b, activation) if known else None
        scales["chi_1"].append(float(depth.chi_1) if known else np.nan)
        scales["xi_c"].append(float(depth.xi_c) if known else np.nan)
        scales["edge_of_chaos"].append(float(meanfield.edge_of_chaos(b, activation)) if known else np.nan)
    for name, values in scales.items():
        cube[name] = ("network", values)
