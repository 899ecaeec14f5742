"""What is left of pictures in every layer of one network, and in single channels of some layers."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from infoflow.files.results import Result
from infoflow.studies.trainability.experiment import Experiment
from infoflow.studies.trainability.figures._shared import show_picture, title
from infoflow.studies.trainability.figures.reconstructions import show_reconstruction

COLUMNS = 12


def draw(cube: xr.Dataset, experiment: Experiment, probes: Mapping[tuple[float, float], Result]) -> Figure:
    """For every image a block: the input, its reconstruction from every layer, and from the chosen channels."""
    probe = probes[min(probes)]
    shape = tuple(np.atleast_1d(probe.attributes["image_shape"]))
    names = [n or str(k) for k, n in enumerate(np.atleast_1d(probe.attributes["layer_names"]), start=1)]
    pairs = np.reshape(probe.attributes["shown_channels"], (-1, 2))
    images = _different(probe["inputs"][: probe["channel_pictures"].shape[2]])
    layers = probe["pictures"].shape[1]
    rows = -(-(layers + 1) // COLUMNS)
    more = -(-len(pairs) // COLUMNS)
    figure, axes = plt.subplots(
        height := len(images) * (rows + more), COLUMNS, figsize=(1.02 * COLUMNS, 0.6 + 1.25 * height), squeeze=False
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
            ax.set_title(name, fontsize=7)
        for k, (ax, (layer, channel)) in enumerate(zip(block[rows:].flat, pairs)):
            label = f"{names[layer - 1]}\nchannel {channel}"
            _place(ax, label, probe["channel_pictures"][0, k, image], shape)
    figure.suptitle(
        f"Inputs reconstructed from every layer, and from single channels (contrast stretched)\n"
        f"{title(cube, experiment)}; {'untrained' if probe.attributes['weights'] == 'random' else 'trained'} network"
    )
    return figure


def _different(inputs: np.ndarray) -> list[int]:
    """The first of some images and the one that differs most from it; only the first if there is no other."""
    distance = np.square(inputs.astype(float) - inputs[0]).sum(1)
    return [0, int(distance.argmax())] if distance.any() else [0]


def _place(ax: plt.Axes, label: str, pixels: np.ndarray, shape: tuple[int, ...]) -> None:
    ax.axis("on")
    show_picture(ax, pixels, shape)
    ax.set_title(label, fontsize=7)
