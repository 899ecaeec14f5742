"""Reconstructions of some inputs, layer by layer."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from infoflow.figures.say import listed, say
from infoflow.figures.style import name_point
from infoflow.files.conventions import OK
from infoflow.files.results import Result
from infoflow.studies.trainability.experiment import Experiment
from infoflow.studies.trainability.figures._shared import (
    data_kind,
    farthest,
    probe_variable,
    show_picture,
    title,
    variance_within,
)

IMAGES = 3
COLUMNS = 10
MOST_HEIGHT = 22.0
"""Inches of all rows."""
NARROWEST = 7.0
"""Inches that the title needs."""


def draw(cube: xr.Dataset, experiment: Experiment, probes: Mapping[tuple[float, float], Result]) -> Figure:
    """For every highlighted (σ_w², σ_b²) a block of rows, one per input; the input is on the left."""
    points = sorted(probes, key=lambda p: (p[1], p[0]))
    last = min(*(p["pictures"].shape[1] for p in probes.values()), cube.sizes["layer"])
    layers = sorted({round(l) for l in np.geomspace(1, last, COLUMNS)})
    first = probes[points[0]]
    shape = tuple(np.atleast_1d(first.attributes["image_shape"]))
    images = farthest(first["inputs"], IMAGES)
    side = min(0.62, MOST_HEIGHT / (len(images) * len(points)))
    width = max(NARROWEST, side * (len(layers) + 1) + 1.6)
    figure = plt.figure(figsize=(width, side * len(images) * len(points) + 1.3))
    axes = figure.subplots(
        len(images) * len(points), len(layers) + 1, squeeze=False, gridspec_kw={"wspace": 0.05, "hspace": 0.05}
    )
    kept, within = [], data_kind(cube, experiment) == "photographs"
    for number, point in enumerate(points):
        probe, block = probes[point], axes[number * len(images) : (number + 1) * len(images)]
        for row, image in zip(block, images, strict=True):
            show_picture(row[0], probe["inputs"][image], shape)
            for ax, l in zip(row[1:], layers, strict=True):
                show_reconstruction(ax, probe, l, image, shape)
        w, b = point
        edge = float(cube["edge_of_chaos"].sel(sigma_b2=b))
        bias = f"$\\sigma_b^2$ = {b:g}\n" if len({b for _, b in points}) > 1 else ""
        label = f"{bias}{name_point(w, edge, experiment.sigma_w2, chr(10))}"
        block[len(images) // 2, 0].set_ylabel(label, rotation=0, va="center", ha="right", labelpad=12)
        pairs = [(probe["inputs"][i], probe["pictures"][0, layers[-1] - 1, i]) for i in images]
        if within:
            kept.append((w, np.nanmean([variance_within(x, c, shape) for x, c in pairs])))
        else:
            explained = probe_variable(cube, "explained_variance").sel(sigma_w2=w, sigma_b2=b, layer=layers[-1])
            kept.append((w, float(explained.isel(replica=0))))
    for ax, label in zip(axes[0], ["input", *(f"$C^{{{l}}}$" for l in layers)], strict=True):
        ax.set_title(label)
    said = listed([f"{v:.2f} ({w:g})".replace("-", "\N{MINUS SIGN}") for w, v in kept])
    measure = "R² within the pictures shown" if within else "R² over all inputs"
    finding = f"From layer {layers[-1]} {measure} is {said}, by σ_w² in brackets"
    against = "the picture's own mean colour" if within else "the mean image"
    caption = (
        "Inputs (left; the first one, and those that differ most from it) and their reconstructions from layer l of "
        f"replica 0; crosses: the probe diverged. R² is measured against {against}, which alone has zero. Not shown: "
        "other inputs and replicas, which figure relative_entropy averages."
    )
    return say(figure, finding, caption, title(cube, experiment))


def show_reconstruction(ax: Axes, probe: Result, layer: int, image: int, shape: tuple[int, ...]) -> None:
    """The picture from a layer, counted from 1, of replica 0; a cross where the probe diverged."""
    if probe["probe_status"][0, layer - 1] == OK:
        show_picture(ax, probe["pictures"][0, layer - 1, image], shape)
        return
    ax.set_axis_off()
    ax.plot([0, 1], [0, 1], [0, 1], [1, 0], color="0.6", linewidth=0.6, transform=ax.transAxes)
