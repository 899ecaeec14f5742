"""What the figures of the relative entropy through networks share."""

import json

import numpy as np
import xarray as xr

from infoflow.figures.style import SIGMA_W2
from infoflow.files.conventions import OK
from infoflow.studies.network_entropy.variables import SAME

BESIDE = {"trained": "-", "untrained": "--"}
"""Line styles, as published."""
ILL_CONDITIONED = 0.05
"""|asymptote| per N/2 below which D_m is not divided by it, nor below three standard errors: noise over noise."""


def activation(cube: xr.Dataset) -> str:
    return json.loads(cube.attrs["architecture"])["activation"]


def width(cube: xr.Dataset) -> int:
    """Neurons of layer 1 of the deepest network."""
    return int(cube["layer_width"][-1, 0])


def deepest(cube: xr.Dataset) -> xr.Dataset:
    """The deepest networks and the first σ_b²: in the layers as wide as the first one."""
    part = cube.isel(sigma_b2=0, depth=-1)
    return part.isel(layer=np.flatnonzero(part["layer_case"].values == SAME))


def chosen(cube: xr.Dataset, count: int) -> list[float]:
    """At most so many values of σ_w², spread over the axis, its ends included."""
    values = cube["sigma_w2"].values.tolist()
    if len(values) <= count:
        return values
    return [values[round(k * (len(values) - 1) / (count - 1))] for k in range(count)]


def networks(cube: xr.Dataset) -> list[str]:
    """Those of which there are results."""
    there = (cube["status"] == OK).any([d for d in cube["status"].dims if d != "network"])
    return [name for name in cube["network"].values.tolist() if bool(there.sel(network=name))]


def over_images(values: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    """Mean over replicas and images, and its standard error from the spread of the replicas; NaN for a single one.

    The images of a replica went through the same weights, and are not independent of each other.
    """
    per_replica = values.mean("image")
    count = per_replica.notnull().sum("replica")
    return per_replica.mean("replica"), per_replica.std("replica", ddof=1) / np.sqrt(count)


def title(cube: xr.Dataset, networks_too: bool = True) -> str:
    """One line that says what was measured."""
    parts = [cube.attrs["dataset"], f"width {width(cube)}", f"$\\sigma_b^2$ = {float(cube['sigma_b2'][0]):g}"]
    if networks_too:
        parts.append(f"{cube.sizes['replica']} replicas × {cube.sizes['image']} images")
    if cube.sizes["sigma_b2"] > 1:
        parts.append(f"first of {cube.sizes['sigma_b2']} values of $\\sigma_b^2$")
    return ", ".join(parts)


def step_back(curve: xr.DataArray) -> float:
    """How far a curve over the layers goes back from an earlier extreme, at most; zero if it is monotone."""
    values = curve.values if curve.values[-1] >= curve.values[0] else -curve.values
    return float((np.maximum.accumulate(values) - values).max())


def say_changes(part: xr.Dataset, name: str, weights: list[float]) -> str:
    """`untrained: +97 ± 20 (83 back) at σ_w² = 1, ...`: D_m of the last layer, in nats, and its largest step back."""
    said = []
    for w in weights:
        mean, error = over_images(part["relative_entropy"].sel(sigma_w2=w, network=name))
        noise = f" ± {float(error[-1]):.0f}" if np.isfinite(error[-1]) else ""
        said.append(f"{float(mean[-1]):+.0f}{noise} ({step_back(mean):.0f} back) at {w:g}")
    return f"{name}: {', '.join(said)}"


def name_weight(value: float) -> str:
    return f"{SIGMA_W2} = {value:g}"
