"""Predicted against true largest trainable depth, column by column, beside whoever counts layers."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from infoflow.figures.say import interval, say
from infoflow.figures.style import SIGMA_W2, WIDEST
from infoflow.studies.trainability.experiment import Experiment
from infoflow.studies.trainability.figures._names import name_score
from infoflow.studies.trainability.figures._shared import label_depths, title
from infoflow.studies.trainability.scores import MAIN_SCORE, MEAN_FIELD, NEGATIVE_DEPTH
from infoflow.studies.trainability.variables import ALL_TRAINABLE, NONE_TRAINABLE

STYLES = (("s", "#c2410c"), ("D", "#0b0b4f"), ("^", "#3a9bc1"), ("x", "black"))


def draw(cube: xr.Dataset, experiment: Experiment, probes: Mapping) -> Figure:
    """Left, depths over σ_w²; right, predicted against true."""
    scores = shown_scores(cube)
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDEST, 4.7), width_ratios=(1.25, 1))
    _draw_columns(left, cube, scores)
    _draw_pairs(right, cube, scores)
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    case = cube["column_case"].values
    open_ = int(np.isin(case, (ALL_TRAINABLE, NONE_TRAINABLE)).sum())
    caption = (
        "Left: the depth at which half of the networks of a column train, with its 95 % interval, and where scores put "
        "the largest trainable depth, with thresholds chosen on all other columns. Right: predicted against true; a "
        "score that only counts layers (×) says the same everywhere. The factors are exp of the mean "
        f"|ln(predicted/true)|, with 95 % intervals. Of {case.size} columns {open_} are open: all depths of the grid "
        "train there, or none."
    )
    return say(figure, _finding(cube), caption, title(cube, experiment))


def shown_scores(cube: xr.Dataset) -> list[str]:
    """The entropy of the main method and of theory, mean field, and the baseline; of those that the cube has."""
    wanted = (MAIN_SCORE, f"theory_{MAIN_SCORE}", MEAN_FIELD, NEGATIVE_DEPTH)
    return [
        name
        for name in wanted
        if name in cube["score"].values and cube["predicted_depth"].sel(score=name).notnull().any()
    ]


def _finding(cube: xr.Dataset) -> str:
    """Whether the main score finds the boundary better than a constant depth."""
    error = {
        n: [float(cube[f"boundary_error{e}"].sel(score=n)) for e in ("", "_low", "_high")]
        for n in (MAIN_SCORE, NEGATIVE_DEPTH)
    }
    told = {n: interval(*np.exp(v), digits=2) for n, v in error.items()}
    if np.isnan(error[MAIN_SCORE][0]):
        return "Predicted and true boundary: no column has its boundary among the depths"
    return f"Boundary off by a factor of {told[MAIN_SCORE]} with H, {told[NEGATIVE_DEPTH]} with one depth for all"


def _draw_columns(ax: Axes, cube: xr.Dataset, scores: list[str]) -> None:
    x = np.arange(cube.sizes["sigma_w2"] * cube.sizes["sigma_b2"])
    middle, low, high = (cube[f"threshold_depth{end}"].values.ravel() for end in ("", "_low", "_high"))
    style = {"color": "0.5", "marker": "o", "markersize": 7, "capsize": 3, "linestyle": "none"}
    ax.errorbar(
        x, middle, np.stack([middle - low, high - middle]), label="half of the networks train, 95 % interval", **style
    )
    for (marker, colour), score in zip(STYLES, scores):
        predicted = cube["predicted_depth"].sel(score=score).values.ravel()
        ax.plot(x, predicted, marker, color=colour, markersize=6, label=name_score(score), fillstyle="none")
    names = [f"{w:g}" for w in np.repeat(cube["sigma_w2"].values, cube.sizes["sigma_b2"])]
    step = max(1, len(x) // 16)
    ax.set_xticks(x[::step], names[::step])
    ax.set(xlabel=SIGMA_W2, ylabel="largest trainable depth", yscale="log")
    label_depths(ax.yaxis, cube["depth"].values)


def _draw_pairs(ax: Axes, cube: xr.Dataset, scores: list[str]) -> None:
    depths = cube["depth"].values
    ends = depths[0] / 1.5, depths[-1] * 1.5
    ax.plot(ends, ends, color="0.7", linewidth=1)
    true, case = cube["trainable_depth"].values.ravel(), cube["column_case"].values.ravel()
    true = np.where(case == NONE_TRAINABLE, depths[0] / 1.3, true)
    shift = np.linspace(-0.03, 0.03, len(scores))
    for (marker, colour), score, by in zip(STYLES, scores, shift):
        predicted = cube["predicted_depth"].sel(score=score).values.ravel()
        for censored, fill in ((False, "full"), (True, "none")):
            here = np.isin(case, (ALL_TRAINABLE, NONE_TRAINABLE)) == censored
            at = true[here] * np.exp(by), predicted[here] * np.exp(by)  # apart, where they are equal
            ax.plot(*at, marker, color=colour, markersize=5, fillstyle=fill)
    ax.set(xscale="log", yscale="log", xlim=ends, ylim=ends, xlabel="true largest trainable depth", ylabel="predicted")
    for axis in (ax.xaxis, ax.yaxis):
        label_depths(axis, depths)
    ax.set_title("open: beyond the depths of the grid")
