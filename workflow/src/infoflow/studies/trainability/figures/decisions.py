"""What a trained network decides by: inputs reconstructed from its layers, and the prototypes of the classes."""

import math
from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from infoflow.figures.say import say
from infoflow.files.results import Result
from infoflow.studies.trainability.experiment import Experiment
from infoflow.studies.trainability.figures._shared import show_picture

COLUMNS = 10
CELL = 0.72
"""Inches of a picture."""
MARGIN = 1.5
"""Inches of the text beside the pictures."""
NARROWEST = 6.0
"""Inches that the titles need."""
LONGEST_NAME = 12
"""Characters of a class."""


def draw(cube: xr.Dataset, experiment: Experiment, probes: Mapping[tuple[float, float], Result]) -> Figure:
    """Above, a row per input, from the input through the layers to the scores; below, a prototype of every class."""
    (found,) = probes.values()
    w, b, depth = experiment.decisions
    shown, layers = _shown_inputs(found, experiment.images), _shown_layers(found)
    classes = found["prototypes"].shape[1]
    rows = math.ceil(classes / COLUMNS)
    heights = [CELL * len(shown) + 0.4, (CELL + 0.7) * rows + 0.5]
    width = max(NARROWEST, MARGIN + CELL * max(len(layers) + 1, min(COLUMNS, classes)))
    figure = plt.figure(figsize=(width, sum(heights) + 0.7))
    above, below = figure.subfigures(2, 1, height_ratios=heights)
    _draw_inputs(above, found, shown, layers)
    _draw_prototypes(below, found, rows)
    seen = found["prototype_predictions"]
    hits = f"{(seen == np.arange(classes)).sum()} of {seen.size}"
    caption = (
        f"Above: inputs, the first {experiment.images} that the network takes for what they are and the first "
        f"{experiment.images} that it does not, with the class that it sees and its probability, and what can be "
        "reconstructed from its layers and from nothing but its scores. Below: the scores of one class sent back "
        "through the inverses of all layers, and what the network sees in that. Pixels are clipped to their range. "
        "Not shown: the other replicas; training stopped at the success accuracy."
    )
    finding = f"{hits} prototypes, sent back from the scores, are seen as their class by the network"
    settings = (
        f"{experiment.truth}, {experiment.architecture}, trained at σ_w² = {w:g}, σ_b² = {b:g}, depth {depth}, "
        f"accuracy {_percent(found['accuracy'][0])}; replica 0 of {len(found['accuracy'])}"
    )
    return say(figure, finding, caption, settings)


def _shown_inputs(found: Result, images: int) -> list[int]:
    """The first inputs that are classified correctly, then the first that are not."""
    right = found["predictions"][0] == found["labels"]
    return [*np.flatnonzero(right)[:images], *np.flatnonzero(~right)[:images]]


def _shown_layers(found: Result) -> list[int]:
    """Some hidden layers, the first and the last among them, and the scores, which are the last of all layers."""
    hidden = int(found.attributes["hidden_layers"])
    return [*sorted({round(l) for l in np.geomspace(1, hidden, COLUMNS - 2)}), found["pictures"].shape[1]]


def _draw_inputs(figure: Figure, found: Result, shown: list[int], layers: list[int]) -> None:
    axes = figure.subplots(len(shown), len(layers) + 1, squeeze=False)
    for row, k in zip(axes, shown, strict=True):
        for ax, picture in zip(row, [found["inputs"][k], *(found["pictures"][0, l - 1, k] for l in layers)]):
            _draw_picture(ax, picture, found)
        label, seen, probability = found["labels"][k], found["predictions"][0, k], found["probabilities"][0, k]
        of, told = _name(label, found), _name(seen, found)
        between = " " if len(of + told) < LONGEST_NAME else "\n"
        text = f"{of}{between}seen as {told}\n({_percent(probability)})"
        text += "" if label == seen else ": wrong"
        weight = "normal" if label == seen else "bold"
        row[0].set_ylabel(text, rotation=0, va="center", ha="right", labelpad=8, fontweight=weight)
    names = ["input", *(f"layer {l}" for l in layers[:-1]), "scores"]
    for ax, name in zip(axes[0], names, strict=True):
        ax.set_title(name)


def _draw_prototypes(figure: Figure, found: Result, rows: int) -> None:
    prototypes, seen = found["prototypes"][0], found["prototype_predictions"]
    classes = np.arange(len(prototypes))
    axes = figure.subplots(rows, min(COLUMNS, len(classes)), squeeze=False)
    for ax in axes.flat[len(classes) :]:
        ax.set_axis_off()
    for ax, k in zip(axes.flat, classes):
        _draw_picture(ax, prototypes[k], found)
        text = f"seen as {_name(seen[0, k], found)}\n({_percent(found['prototype_probabilities'][0, k])})"
        ax.set_title(_name(k, found) if "class_names" in found.attributes else f"class {k}")
        ax.set_xlabel(text, fontweight="normal" if seen[0, k] == k else "bold")
    figure.suptitle(
        "Prototypes: the scores of one class sent back to the input\n"
        f"({(seen == classes).sum()} of {seen.size}, over all replicas, are seen as their class)",
        fontsize=9,
    )


def _draw_picture(ax: Axes, pixels: np.ndarray, found: Result) -> None:
    show_picture(ax, pixels, tuple(np.atleast_1d(found.attributes["image_shape"])))


def _name(seen: int, found: Result) -> str:
    """A class by its name or number; the end of a long name is left out."""
    if seen < 0:
        return "nothing"
    if (names := found.attributes.get("class_names")) is None:
        return str(seen)
    name = str(np.atleast_1d(names)[seen])
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def _percent(probability: float) -> str:
    return f"{100 * probability:.0f} %"
