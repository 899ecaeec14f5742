"""What the figures of the leaderboard share: rows of scores, panels of grids, symbols."""

import math

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from infoflow.figures.style import WIDEST
from infoflow.studies.leaderboard.variables import JUDGED, OVERALL

MOST_COLUMNS = 3
ROW, BESIDES = 0.19, 1.3
"""Inches of a score, and of title and axis."""
BASELINE = "negative_depth"
CASES = {1: "no ground truth", 2: "all networks are trainable", 3: "no network is trainable"}
STYLES = {
    "nothing": ("0.45", "X"),
    "theory": ("black", "s"),
    "reconstruction": ("#c2410c", "o"),
    "forward": ("#b8a200", "^"),
    "gradients": ("#3a9bc1", "D"),
}
"""Colour and symbol by what is computed, told apart without colour."""


def kind(score: xr.Dataset) -> str:
    """What is computed: nothing, theory, forward pass, reconstruction, or gradients."""
    needs = score["needs"].item()
    return needs if needs in STYLES else "gradients"


def say_score(score: xr.Dataset) -> str:
    """Its title, at the beginning of a sentence."""
    title = score["title"].item().replace("R2", "R²")
    return title[:1].upper() + title[1:]


def judged_grids(board: xr.Dataset) -> int:
    """Number of grids that something is judged on."""
    return int((board["grid_case"].isel(grid=slice(-1)) == JUDGED).sum())


def shown_grids(board: xr.Dataset) -> list[str]:
    """All grids, "overall" first if it is the mean of several."""
    *grids, overall = board["grid"].values.tolist()
    return [overall, *grids] if judged_grids(board) > 1 else grids


def sorted_scores(board: xr.Dataset, measure: str, descending: bool) -> list[str]:
    """Names of the scores that have a value on a grid, the best at the first grid that is shown in front."""
    values = board[measure].sel(grid=shown_grids(board))
    sign = -1 if descending else 1
    known = [str(s) for s in board["score"].values if np.isfinite(values.sel(score=s)).any()]

    def place(name: str) -> tuple[bool, float]:
        first = float(values.isel(grid=0).sel(score=name))
        return math.isnan(first), sign * (np.nanmean(values.sel(score=name)) if math.isnan(first) else first)

    return sorted(known, key=place)


def make_panels(board: xr.Dataset, scores: list[str]) -> tuple[Figure, dict[str, Axes]]:
    """A panel per grid, rows of scores alike in all; those that nothing is judged on say why."""
    grids = shown_grids(board)
    columns = min(MOST_COLUMNS, len(grids))
    rows = math.ceil(len(grids) / columns)
    size = WIDEST, 1.2 + rows * (BESIDES + ROW * max(len(scores), 8))
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, sharex=True, sharey=True)
    for ax in axes.flat[len(grids) :]:
        ax.remove()
    panels = dict(zip(grids, axes.flat))
    titles = board["title"].sel(score=scores).values if scores else []
    names = [str(t).replace(" R2", " $R^2$") for t in titles]
    for ax in axes[:, 0]:
        ax.set_yticks(range(len(scores)), names)
    for grid, ax in panels.items():
        here = board.sel(grid=grid)
        for y in range(0, len(scores), 2):
            ax.axhspan(y - 0.5, y + 0.5, color="0.96", zorder=0)
        ax.set(ylim=(max(len(scores), 1) - 0.4, -0.6))
        networks = here["networks"].values.max(initial=0)
        count = judged_grids(board)
        what = f"mean of {count} grids, each counted once" if grid == OVERALL else f"{networks} networks"
        ax.set_title(f"{grid}:\n{what}")
        if case := CASES.get(int(here["grid_case"])):
            ax.text(0.5, 0.5, case, transform=ax.transAxes, ha="center", color="0.4")
    return figure, panels


def draw_value(ax: Axes, score: xr.Dataset, measure: str, row: float, **changes) -> None:
    """A symbol with its interval; filled if the score can see both sides of the edge of chaos."""
    value, low, high = (float(score[f"{measure}{end}"]) for end in ("", "_low", "_high"))
    if math.isnan(value):
        return
    colour, marker = STYLES[kind(score)]
    style = {"color": colour, "marker": marker, "markersize": 5, "linestyle": "none", "elinewidth": 0.9, "capsize": 2}
    face = colour if score["two_sided"] else "white"
    ax.errorbar(value, row, xerr=error_bars(value, low, high), **style | {"markerfacecolor": face} | changes)


def error_bars(value: float, low: float, high: float) -> np.ndarray | None:
    """For `errorbar`, [2, 1]; None if there is no interval. An interval may lie beside its value."""
    return None if math.isnan(low) else np.array([[max(0, value - low)], [max(0, high - value)]])


def handles() -> list:
    """Of the legend: what is computed, and what filled symbols are."""
    found = [
        plt.Line2D([], [], color=colour, marker=marker, linestyle="", label=name)
        for name, (colour, marker) in STYLES.items()
    ]
    return found + [
        plt.Line2D([], [], color="0.3", marker="p", linestyle="", markerfacecolor=face, label=name)
        for name, face in (("sees both sides of the edge of chaos", "0.3"), ("one-sided", "white"))
    ]
