"""The same few scores on every grid, data set and architecture, on one scale."""

import math

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from infoflow.figures.say import listed, say
from infoflow.figures.style import CATEGORIES, WIDEST
from infoflow.studies.leaderboard.figures._shared import BASELINE, CASES, error_bars

SHOWN = ("differential_entropy", "theory_differential_entropy", "explained_variance", "mean_field", "gradient_ratio")
"""Scores, of those that there are; the baseline comes last."""
MEASURES = {
    "auroc": "AUROC of all networks",
    "auroc_within_depth": "AUROC of networks of equal depth",
    "boundary_error": "depth off by a factor of",
}


def draw(cube: xr.Dataset) -> Figure:
    """A group of rows per grid, a column per measure."""
    grids = cube["grid"].values[:-1].tolist()
    scores = [s for s in (*SHOWN, BASELINE) if s in cube["score"].values]
    rows = len(grids) * (len(scores) + 1)
    figure, axes = plt.subplots(1, 3, figsize=(WIDEST, 2.6 + 0.17 * rows), sharey=True)
    for ax, (measure, label) in zip(axes, MEASURES.items()):
        for number, grid in enumerate(grids):
            _draw_grid(ax, cube.sel(grid=grid), scores, measure, number * (len(scores) + 1))
        ax.axvline(1 if measure == "boundary_error" else 0.5, color="0.7", linewidth=0.8, zorder=0)
        ax.set_xlabel(label)
        if measure == "boundary_error":
            ax.set_xlim(left=0.97)
        else:
            ax.set_xlim(-0.02, 1.02)
    middle = [number * (len(scores) + 1) + (len(scores) - 1) / 2 for number in range(len(grids))]
    axes[0].set_yticks(middle, grids)
    axes[0].set_ylim(rows - 0.5, -1)
    if scores:
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    caption = (
        "The same scores on every grid, with 95 % intervals over columns and replicas. Left: ranking of all networks, "
        "which the baseline that counts layers does well at, too. Middle: pairs of equal depth alone, where that "
        "baseline has one half. Right: how far the predicted largest trainable depth is off, by thresholds chosen on "
        "all other columns; one is perfect."
    )
    return say(figure, finding(cube, grids), caption, f"{len(grids)} grid{'s' if len(grids) > 1 else ''}")


def _draw_grid(ax: Axes, here: xr.Dataset, scores: list[str], measure: str, first: int) -> None:
    ax.axhline(first - 1, color="0.85", linewidth=0.8)
    if case := CASES.get(int(here["grid_case"])) or (not scores and "none of these scores"):
        at = {"ha": "center", "va": "center", "color": "0.4", "transform": ax.get_yaxis_transform()}
        ax.text(0.5, first + len(scores) / 2, case, **at)
    for row, (name, style) in enumerate(zip(scores, CATEGORIES)):
        value, low, high = (float(here[f"{measure}{end}"].sel(score=name)) for end in ("", "_low", "_high"))
        if measure == "boundary_error":
            value, low, high = (math.exp(v) for v in (value, low, high))
        label = str(here["title"].sel(score=name).item()).replace("R2", "$R^2$") if first == 0 else None
        look = {"color": style["color"], "marker": style["marker"], "markersize": 5, "capsize": 2, "elinewidth": 0.9}
        ax.errorbar(value, first + row, xerr=error_bars(value, low, high), linestyle="none", label=label, **look)


def finding(cube: xr.Dataset, grids: list[str]) -> str:
    """On which grids the entropy is shown to be better than counting layers."""
    main = SHOWN[0]
    if main not in cube["score"].values:
        return "No grid has the entropy of a cascade"
    gain = cube["auroc_gain_low"].sel(score=main, grid=grids)
    known = [g for g in grids if np.isfinite(cube["auroc"].sel(score=main, grid=g))]
    better = [g for g in known if float(gain.sel(grid=g)) > 0]
    text = f"H is shown to rank better than depth alone on {len(better)} of {len(known)} grids"
    return f"{text}: {listed(better)}" if 0 < len(better) <= 4 else text
