"""Quality of every predictor of trainability, and what it costs."""

import math

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from infoflow.figures.say import interval, say
from infoflow.studies.leaderboard.figures._shared import (
    BASELINE,
    draw_value,
    handles,
    make_panels,
    say_score,
    shown_grids,
    sorted_scores,
)


def draw(cube: xr.Dataset) -> Figure:
    """A row per score, the best at the top: AUROC with its interval, and at the right of a panel its cost."""
    scores = sorted_scores(cube, "auroc", descending=True)
    figure, panels = make_panels(cube, scores)
    for grid, ax in panels.items():
        draw_panel(ax, cube.sel(grid=grid), scores)
    lines = [
        plt.Line2D([], [], color="0.3", linestyle=":", label="depth alone, the baseline"),
        plt.Line2D([], [], color="0.7", label="chance; below it, a score with the wrong sign"),
    ]
    figure.legend(handles=[*handles(), *lines], loc="outside lower center", ncols=3)
    caption = (
        "Area under the ROC curve against the ground truth, with 95 % intervals over columns and replicas: a score has "
        "to be above the dotted line, which counts layers, to be worth computing. At the right of each panel: seconds "
        "of scoring per second of training of the same networks; the scores of one cascade share one probe. Open "
        "symbols are monotone in σ_w² and cannot see both sides of the edge of chaos. Not shown: how far the predicted "
        "depth is off, in figure leaderboard_boundary."
    )
    return say(figure, finding(cube, scores), caption, ", ".join(cube["grid"].values[:-1].tolist()))


def draw_panel(ax: Axes, here: xr.Dataset, scores: list[str]) -> None:
    """One grid."""
    ax.axvline(0.5, color="0.7", linewidth=0.8, zorder=1)
    baseline = float(here["auroc"].sel(score=BASELINE)) if BASELINE in here["score"].values else math.nan
    if np.isfinite(baseline):
        ax.axvline(baseline, color="0.3", linestyle=":", zorder=1)
    for row, name in enumerate(scores):
        score = here.sel(score=name)
        draw_value(ax, score, "auroc", row)
        if np.isfinite(score["auroc"]):
            at = {"xycoords": ("axes fraction", "data"), "va": "center", "fontsize": 8, "color": "0.35"}
            ax.annotate(say_cost(float(score["relative_cost"])), (1.02, row), **at)
    ax.set(xlim=(-0.02, 1.02), xlabel="AUROC; at the right, cost")


def say_cost(cost: float) -> str:
    """Of a second of training; `free` of what needs no network, `?` if it is not known."""
    if math.isnan(cost):
        return "?"
    return "free" if cost == 0 else f"{cost:.1g}" if cost >= 1e-4 else f"10$^{{{math.floor(math.log10(cost))}}}$"


def finding(cube: xr.Dataset, scores: list[str]) -> str:
    """The best score, and how many are better than counting layers."""
    if not scores:
        return "No grid has networks that train and networks that do not"
    here = cube.sel(grid=shown_grids(cube)[0])
    best = here.sel(score=scores[0])
    area = interval(*(float(best[f"auroc{end}"]) for end in ("", "_low", "_high")))
    better = int((here["auroc_gain_low"] > 0).sum())
    others = len(scores) - (BASELINE in scores)
    text = f"{say_score(best)} ranks best, AUROC {area}"
    return f"{text}; {better} of {others} scores are shown to be better than depth alone"
