"""What the figures of the relative entropy through networks share."""

import json
import math
from dataclasses import dataclass

import numpy as np
import xarray as xr

from infoflow.figures._style import SIGMA_W2
from infoflow.network_cube import SAME
from infoflow.network_entropy import OK

BESIDE = {"trained": "-", "untrained": "--"}
"""Line styles, as published."""
ILL_CONDITIONED = 0.05
"""|asymptote| per N/2 below which D_m is not divided by it, nor below three standard errors: noise over noise."""

SIGNIFICANT = 3
"""Standard errors from which on a step back counts. The largest of the steps in a flat curve of noise is 2 to 3."""


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


@dataclass(frozen=True)
class Trend:
    """How a curve over the layers goes.

    Attributes:
        word: `rises` or `falls` monotonically, `neither`, or `unknown` with a single replica.
        back: the largest step back from an earlier extreme, in the units of the curve.
        errors: how many standard errors that is.
    """

    word: str
    back: float
    errors: float


def trend(values: xr.DataArray) -> Trend:
    """Of D_m [replica, image, layer], which is monotone unless it steps back by SIGNIFICANT standard errors.

    The error is that of the replicas' own steps back, since layers share the noise of the first one, and pooled over
    the layers, since few replicas do not tell the error of a single one.
    """
    curves = values.mean("image").transpose("replica", "layer").values
    curves = curves[np.isfinite(curves).all(axis=1)]
    if len(curves) < 2:
        return Trend("unknown", math.nan, math.nan)
    sign = 1 if curves[:, -1].mean() >= curves[:, 0].mean() else -1
    curves = sign * curves
    mean = curves.mean(0)
    top = np.array([mean[: l + 1].argmax() for l in range(len(mean))])
    steps = curves[:, top] - curves
    variance = steps.var(0, ddof=1)
    error = math.sqrt(variance[variance > 0].mean() / len(curves)) if variance.any() else 0.0
    back = float(steps.mean(0).max())
    errors = back / error if error > 0 else 0.0
    return Trend("neither" if errors > SIGNIFICANT else "rises" if sign > 0 else "falls", back, errors)


def say_trends(part: xr.Dataset, name: str) -> str:
    """`untrained: rises monotonically at σ_w² = 2, 3; falls at 1`, of the part of a cube that `deepest` gives."""
    found: dict[str, list[str]] = {}
    for w in part["sigma_w2"].values.tolist():
        way = trend(part["relative_entropy"].sel(sigma_w2=w, network=name))
        how = f" ({way.back:.0f} nats back, {way.errors:.1f} standard errors)" if way.word == "neither" else ""
        found.setdefault(way.word, []).append(f"{w:g}{how}")
    words = {
        "rises": "rises monotonically",
        "falls": "falls monotonically",
        "neither": "not monotone",
        "unknown": "unknown, one replica,",
    }
    parts = [f"{said} at {SIGMA_W2} = {', '.join(found[word])}" for word, said in words.items() if word in found]
    return f"{name}: {'; '.join(parts)}"


def name_weight(value: float) -> str:
    return f"{SIGMA_W2} = {value:g}"
