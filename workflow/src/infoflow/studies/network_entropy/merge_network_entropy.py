"""The NetCDF cube of the relative entropy through the networks of one (dataset, architecture).

Dimensions, in this order, each only where it applies: sigma_w2, sigma_b2, depth, network (untrained, trained),
replica, image, layer, bin. `layer` counts from 1, first the hidden layers, then those of the readout head; m = layer -
1. `point` below stands for (sigma_w2, sigma_b2, depth).

| variable | dimensions | |
|---|---|---|
| relative_entropy, sampling_error | point, network, replica, image, layer | D_m as published, nats |
| gaussian_divergence | likewise | true relative entropy of the two Gaussians, nats |
| pre_activation_mean, pre_activation_variance, excess_kurtosis | likewise | across neurons |
| histogram | point, network, replica, layer, bin | density of the standardised pre-activations |
| status | point, network, replica | ok, diverged, missing |
| accuracy | point, replica | of the trained networks |
| closed_form | point, image, layer | (N/2) ln(q^l/q^1), nats |
| asymptote | point, image | (N/2) ln(q*/q^1), nats |
| collapse | point, network, layer | mean D_m over mean asymptote |
| scaled_layer | sigma_w2, sigma_b2, layer | m/ξ_q |
| q_star, chi_1, c_star, chi_c, xi_c, xi_q, xi_published | sigma_w2, sigma_b2 | mean field |
| edge_of_chaos | sigma_b2 | mean field |
| layer_width, layer_case | depth, layer | neurons; whether as many as in layer 1 |
| mean_square_input | image | ⟨x²⟩ |
| entropy_seconds, train_seconds | point | |

Nothing is NaN but what its comment names.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from infoflow.errors import InfoflowError
from infoflow.files.conventions import MISSING, OK, POINT, add_deviations, place, validate
from infoflow.files.cubes import about_job, describe_cube, write_cube
from infoflow.files.names import decode
from infoflow.files.results import Result, attributes_of, read_results
from infoflow.jobs.job import Job
from infoflow.studies.network_entropy import theory
from infoflow.studies.network_entropy.about import CUBE
from infoflow.studies.network_entropy.variables import ABSENT, BINS, DIFFERS, NETWORKS, SAME
from infoflow.theory import meanfield

DIMENSIONS = (*POINT, "network", "replica", "image", "layer", "bin")
REFERENCES = "arXiv:2107.06898; arXiv:1611.01232; arXiv:1606.05340"

_PER_LAYER = ("network", "replica", "image", "layer")
_MEASURED = {
    **dict.fromkeys(("relative_entropy", "sampling_error", "gaussian_divergence"), _PER_LAYER),
    **dict.fromkeys(("pre_activation_mean", "pre_activation_variance", "excess_kurtosis"), _PER_LAYER),
    "histogram": ("network", "replica", "layer", "bin"),
    "status": ("network", "replica"),
    "accuracy": ("replica",),
}


def merge_network_entropy(job: Job) -> None:
    """Merge the results of all points of an entry, and write its cube."""
    results = read_results(dict.fromkeys(job.files("points"), job["points"]))
    cube = merge_entropy(
        {Path(path).stem: result for path, result in results.items()},
        dataset=job["dataset"],
        architecture=job["points"]["architecture"],
        attributes=about_job(job, attributes_of(*results.values(), job.inputs["dataset"])),
    )
    write_cube(cube, job.output, job.rule)


def merge_entropy(
    results: Mapping[str, Result], *, dataset: str, architecture: Mapping[str, Any], attributes: Mapping[str, Any]
) -> xr.Dataset:
    """Put what `network_entropy` wrote into one data set, and mean-field theory beside it.

    Args:
        results: by the name of the point (`names.encode`).
        dataset: its name in the config.
        architecture: its entry of the config.
        attributes: further global attributes.

    Raises:
        InfoflowError: there is nothing to merge, or the results do not belong together.
    """
    if not results:
        raise InfoflowError("no results to merge")
    found = {decode(name): result for name, result in results.items()}
    inputs = {result["mean_square_input"].tobytes() for result in found.values()}
    if len(inputs) > 1:
        raise InfoflowError("the results do not belong together: their images differ; delete them and run again")
    first = next(iter(found.values()))
    axes = [sorted({point[k] for point in found}) for k in range(3)]
    cube = xr.Dataset(
        coords={
            **dict(zip(POINT, axes)),
            "network": list(NETWORKS),
            "replica": np.arange(max(r["status"].shape[1] for r in found.values())),
            "image": np.arange(len(first["mean_square_input"])),
            "layer": np.arange(1, max(len(r["layer_width"]) for r in found.values()) + 1),
            "bin": (BINS[1:] + BINS[:-1]) / 2,
        }
    )
    cube["mean_square_input"] = ("image", first["mean_square_input"])
    for name, dimensions in _MEASURED.items():
        fill, dtype = (MISSING, np.int8) if name == "status" else (np.nan, np.float32)
        place(cube, name, (*POINT, *dimensions), fill, dtype, found, lambda r, n=name: r[n])
    for name in ("entropy_seconds", "train_seconds"):
        place(cube, name, POINT, np.nan, np.float32, found, lambda r, n=name: r.attributes[n])
    place(cube, "hidden_layers", ("depth",), 0, np.int32, found, lambda r: r.attributes["hidden_layers"])
    place(cube, "layer_width", ("depth", "layer"), 0, np.int32, found, lambda r: r["layer_width"])
    width = cube["layer_width"]
    cube["layer_case"] = xr.where(
        width == 0, ABSENT, xr.where(width == width.isel(layer=0, drop=True), SAME, DIFFERS)
    ).astype(np.int8)
    _add_theory(cube, architecture["activation"])
    _add_collapse(cube)
    _annotate(cube, {"dataset": dataset, "architecture": architecture, **attributes})
    validate_network_cube(cube)
    return cube


def validate_network_cube(cube: xr.Dataset) -> None:
    """Check a cube against the schema.

    Raises:
        InfoflowError: a variable is missing, lacks its description or units, or has its dimensions out of order.
    """
    validate(cube, DIMENSIONS, ("relative_entropy", "status", "closed_form", "asymptote", "layer_case"))
    if (cube["relative_entropy"].isel(layer=0).isnull() & (cube["status"] == OK)).any():
        raise InfoflowError("cube: relative_entropy is NaN where status is ok")


def _add_theory(cube: xr.Dataset, activation: str) -> None:
    """Mean-field quantities, the closed form, and its asymptote; NaN for activations without theory."""
    known, smooth = activation in meanfield.ACTIVATIONS, activation in meanfield.SMOOTH
    weights, biases = cube["sigma_w2"].values, cube["sigma_b2"].values
    w, b = np.meshgrid(weights, biases, indexing="ij")
    scales = meanfield.depth_scales(w, b, activation) if known else None
    for name in meanfield.SCALES:
        cube[name] = (POINT[:2], getattr(scales, name) if known else np.full(w.shape, np.nan))
    edge = meanfield.edge_of_chaos(biases, activation) if known else np.full(biases.shape, np.nan)
    cube["edge_of_chaos"] = (("sigma_b2",), np.atleast_1d(edge))
    length = np.vectorize(theory.interpolated_correlation_length, otypes=[float])
    cube["xi_published"] = (POINT[:2], length(w, b, activation) if smooth else np.full(w.shape, np.nan))
    with np.errstate(divide="ignore", invalid="ignore"):
        cube["scaled_layer"] = (cube["layer"] - 1) / cube["xi_q"]
    cube["scaled_layer"] = cube["scaled_layer"].transpose(*POINT[:2], "layer")

    shape = [*w.shape, cube.sizes["image"], cube.sizes["layer"]]
    per_neuron, final = np.full(shape, np.nan), np.full(shape[:3], np.nan)
    for i, j in np.ndindex(*w.shape) if known else ():
        first = w[i, j] * cube["mean_square_input"].values + b[i, j]
        with np.errstate(divide="ignore", invalid="ignore"):  # black images without bias
            per_neuron[i, j] = theory.closed_form(first, w[i, j], b[i, j], 1, shape[-1], activation)
            final[i, j] = theory.asymptote(first, w[i, j], b[i, j], 1, activation)
    width = cube["layer_width"].isel(layer=0, drop=True)
    same = cube["layer_case"] == SAME
    curve = xr.DataArray(per_neuron, dims=(*POINT[:2], "image", "layer")) * width
    cube["closed_form"] = curve.where(same).transpose(*POINT, "image", "layer").astype(np.float32)
    constant = same.isel(layer=min(1, cube.sizes["layer"] - 1), drop=True)
    limit = xr.DataArray(final, dims=(*POINT[:2], "image")) * width
    cube["asymptote"] = limit.where(constant).transpose(*POINT, "image").astype(np.float32)


def _add_collapse(cube: xr.Dataset) -> None:
    over = ("replica", "image")
    measured = cube["relative_entropy"].mean(over).where(cube["layer_case"] == SAME)
    collapse = measured / cube["asymptote"].mean("image")
    cube["collapse"] = collapse.transpose(*POINT, "network", "layer").astype(np.float32)


def _annotate(cube: xr.Dataset, attributes: Mapping[str, Any]) -> None:
    add_deviations(cube)
    for name in cube.variables:
        cube[name].attrs = CUBE[name]
    cube.attrs = describe_cube(cube, {"references": REFERENCES, **attributes}).attrs
