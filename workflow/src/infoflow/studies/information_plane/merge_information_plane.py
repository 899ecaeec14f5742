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

from infoflow.errors import InfoflowError
from infoflow.files.conventions import DIVERGED, OK
from infoflow.files.cubes import about_job, describe_cube, write_cube
from infoflow.files.results import Result, attributes_of, read_results
from infoflow.jobs.job import Job
from infoflow.studies.information_plane.about import CUBE
from infoflow.studies.information_plane.networks import AXES, TrainedNetwork, name_widths
from infoflow.studies.information_plane.variables import RECONSTRUCTED, TRUNCATED_VARIANCE
from infoflow.theory import meanfield

DIMENSIONS = ("estimator", "network", "replica", "epoch", "layer")
REFERENCES = "arXiv:1703.00810; arXiv:2406.12916"

_PARTS = ("train", "test")
_OF_GRADIENTS = ("gradient_mean", "gradient_spread", "weight_norm")


def merge_information_plane(job: Job) -> None:
    """Merge what was trained and measured of all networks, and write the cube."""
    made_by = [job["networks"][name] for name in job["order"]]
    trained = read_results(dict(zip(job.files("trained"), (one["trained"] for one in made_by), strict=True)))
    measured = read_results(dict(zip(job.files("measured"), made_by, strict=True)))
    results = {
        TrainedNetwork(**one["network"] | {"hidden": tuple(one["network"]["hidden"])}): pair
        for one, pair in zip(made_by, zip(trained.values(), measured.values(), strict=True), strict=True)
    }
    sources = attributes_of(job.inputs["dataset"], *trained.values(), *measured.values())
    about = {"dataset": job["dataset"], "batch_size": job["batch_size"], **about_job(job, sources)}
    cube = merge_information(results, estimators=job["estimators"], outputs=job["outputs"], attributes=about)
    write_cube(cube, job.output, job.rule)


def merge_information(
    results: Mapping[TrainedNetwork, tuple[Result, Result]],
    *,
    estimators: Mapping[str, Mapping[str, Any]],
    outputs: Mapping[str, str],
    attributes: Mapping[str, Any],
) -> xr.Dataset:
    """Put what `train_snapshots` and `measure_information` wrote into one data set.

    Args:
        results: both, of every network.
        estimators: entries of the config.
        outputs: by the name of every estimate, that of its entry, in the order of the results.
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
    cube = xr.Dataset(coords=_coordinates(results, trained, estimators, outputs))
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
        cube[name].attrs = CUBE[name]
    cube.attrs = describe_cube(cube, {"references": REFERENCES, **attributes}).attrs
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
    results: Mapping[TrainedNetwork, Any],
    trained: Sequence[Result],
    estimators: Mapping[str, Mapping[str, Any]],
    outputs: Mapping[str, str],
) -> dict[str, Any]:
    epochs, replicas = trained[0]["epoch"], trained[0]["parameters"].shape[0]
    settings = {axis: [getattr(network, axis) for network in results] for axis in AXES if axis != "hidden"}
    settings["hidden"] = [name_widths(network.hidden) for network in results]
    settings["hidden_layers"] = [len(network.hidden) for network in results]
    entries = [estimators[entry] for entry in outputs.values()]
    return {
        "estimator": list(outputs),
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
