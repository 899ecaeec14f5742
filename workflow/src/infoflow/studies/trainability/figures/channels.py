"""What is left of pictures in every layer of one network, and in single channels of some layers."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from infoflow.figures.say import listed, say
from infoflow.figures.style import WIDEST
from infoflow.files.results import Result
from infoflow.studies.trainability.experiment import Experiment
from infoflow.studies.trainability.figures._shared import (
    farthest,
    show_picture,
    title,
    variance_within,
)
from infoflow.studies.trainability.figures.reconstructions import show_reconstruction

COLUMNS = 9


def draw(cube: xr.Dataset, experiment: Experiment, probes: Mapping[tuple[float, float], Result]) -> Figure:
    """For every image a block: the input, its reconstruction from every layer, and from the chosen channels."""
    probe = probes[min(probes)]
    shape = tuple(np.atleast_1d(probe.attributes["image_shape"]))
    names = [n or str(k) for k, n in enumerate(np.atleast_1d(probe.attributes["layer_names"]), start=1)]
    pairs = np.reshape(probe.attributes["shown_channels"], (-1, 2))
    images = farthest(probe["inputs"][: probe["channel_pictures"].shape[2]], 2)
    layers = probe["pictures"].shape[1]
    rows = -(-(layers + 1) // COLUMNS)
    more = -(-len(pairs) // COLUMNS)
    figure, axes = plt.subplots(
        height := len(images) * (rows + more), COLUMNS, figsize=(WIDEST, 0.8 + 1.08 * height), squeeze=False
    )
    for ax in axes.flat:
        ax.axis("off")
    for number, image in enumerate(images):
        block = axes[number * (rows + more) : (number + 1) * (rows + more)]
        first, *others = block[:rows].flat
        _place(first, "input", probe["inputs"][image], shape)
        for l, (ax, name) in enumerate(zip(others, names), start=1):
            ax.axis("on")
            show_reconstruction(ax, probe, l, image, shape)
            ax.set_title(name, fontsize=8)
        for k, (ax, (layer, channel)) in enumerate(zip(block[rows:].flat, pairs)):
            label = f"{names[layer - 1]}\nchannel {channel}"
            _place(ax, label, probe["channel_pictures"][0, k, image], shape)
    last = probe["pictures"][0, -1]
    within = [variance_within(probe["inputs"][i], last[i], shape) for i in images]
    said = listed([f"{v:.2f}".replace("-", "−") for v in within])
    trained = "trained" if probe.attributes["weights"] != "random" else "untrained"
    finding = f"From the last layer of the {trained} network R² within a picture is {said}"
    meaning = "" if trained == "trained" else " In a random network no channel means anything in particular."
    caption = (
        "What is left of pictures in every layer of one network (replica 0), and in single channels: all others of the "
        "layer are set to zero, and the contrast of what remains is stretched. R² within a picture is measured against "
        f"the picture's own mean colour: below zero, that colour alone does better.{meaning}"
    )
    return say(figure, finding, caption, title(cube, experiment))


def _place(ax: plt.Axes, label: str, pixels: np.ndarray, shape: tuple[int, ...]) -> None:
    ax.axis("on")
    show_picture(ax, pixels, shape)
    ax.set_title(label, fontsize=8)
