"""Reconstructions of some inputs, layer by layer."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from infoflow.figures.style import name_point
from infoflow.files.conventions import OK
from infoflow.files.results import Result
from infoflow.studies.trainability.experiment import Experiment
from infoflow.studies.trainability.figures._shared import show_picture, title

IMAGES = 3
COLUMNS = 10
NARROWEST = 5.5
"""Inches that the title needs."""


def draw(cube: xr.Dataset, experiment: Experiment, probes: Mapping[tuple[float, float], Result]) -> Figure:
    """For every highlighted (σ_w², σ_b²) a block of rows, one per input; the input is on the left."""
    shape = None
    points = sorted(probes, key=lambda p: (p[1], p[0]))
    last = min(p["pictures"].shape[1] for p in probes.values())
    layers = sorted({round(l) for l in np.geomspace(1, last, COLUMNS)})
    figure = plt.figure(figsize=(max(NARROWEST, 0.62 * (len(layers) + 1) + 1.6), 0.62 * IMAGES * len(points) + 0.9))
    blocks = figure.subfigures(len(points), 1, squeeze=False)[:, 0]
    for number, (block, point) in enumerate(zip(blocks, points, strict=True)):
        probe = probes[point]
        shape = tuple(np.atleast_1d(probe.attributes["image_shape"]))
        images = min(IMAGES, len(probe["inputs"]))
        axes = block.subplots(images, len(layers) + 1, squeeze=False, gridspec_kw={"wspace": 0.05, "hspace": 0.05})
        for row in range(images):
            show_picture(axes[row, 0], probe["inputs"][row], shape)
            for ax, l in zip(axes[row, 1:], layers, strict=True):
                show_reconstruction(ax, probe, l, row, shape)
        if number == 0:
            for ax, label in zip(axes[0], ["input", *(f"$C^{{{l}}}$" for l in layers)], strict=True):
                ax.set_title(label)
        w, b = point
        edge = float(cube["edge_of_chaos"].sel(sigma_b2=b))
        label = f"$\\sigma_b^2$ = {b:g}\n{name_point(w, edge, experiment.sigma_w2, chr(10))}"
        axes[images // 2, 0].set_ylabel(label, rotation=0, va="center", ha="right", labelpad=12)
    figure.suptitle(f"Inputs reconstructed from layer $l$: {title(cube, experiment)} (replica 0 shown)")
    return figure


def show_reconstruction(ax: Axes, probe: Result, layer: int, image: int, shape: tuple[int, ...]) -> None:
    """The picture from a layer, counted from 1, of replica 0; a cross where the probe diverged."""
    if probe["probe_status"][0, layer - 1] == OK:
        show_picture(ax, probe["pictures"][0, layer - 1, image], shape)
        return
    ax.set_axis_off()
    ax.plot([0, 1], [0, 1], [0, 1], [1, 0], color="0.6", linewidth=0.6, transform=ax.transAxes)
