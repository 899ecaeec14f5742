"""Quality of every predictor of trainability against what it costs."""

from collections.abc import Callable, Sequence

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from infoflow.studies.leaderboard.figures._shared import (
    COLOURS,
    ONE_PASS,
    colour,
    error_bars,
    known_scores,
    make_panels,
    name_score,
)

STEP = 0.045
"""Between names one below the other, as a share of the height of a panel."""
NAMES = 1.04
"""Where the names stand, as a share of the width of a panel."""
APART = 0.08
"""Between symbols of equal cost, in decades."""
FREE, UNKNOWN = "free", "?"


def draw(cube: xr.Dataset) -> Figure:
    """AUROC with its interval against cost, one panel per grid; names at the right, in the order of their symbols."""
    figure, panels = make_panels(cube, 5.4, 4.2)
    for grid, ax in panels.items():
        scores = known_scores(cube.sel(grid=grid), "auroc")
        if scores:
            draw_panel(ax, scores)
        else:
            ax.set(xticks=[], yticks=[])
    symbols = [
        plt.Line2D([], [], color=c, marker="o", linestyle="", label=name)
        for name, c in {**COLOURS, "gradients": ONE_PASS}.items()
    ]
    symbols += [
        plt.Line2D([], [], color="0.3", marker="o", linestyle="", markerfacecolor=face, label=name)
        for name, face in (("sees both sides of the edge of chaos", "0.3"), ("one-sided", "white"))
    ]
    symbols.append(plt.Line2D([], [], color=COLOURS["nothing"], linestyle=":", label="no better than depth alone"))
    figure.legend(handles=symbols, loc="outside lower center", ncols=4 if len(panels) > 1 else 2)
    figure.suptitle("Predictors of trainability: quality against cost, 95 % intervals")
    return figure


def draw_panel(ax: Axes, scores: Sequence[xr.Dataset]) -> None:
    """One grid; `scores` are those that are known."""
    costs = np.array([float(s["relative_cost"]) for s in scores])
    place, ticks = cost_axis(costs)
    areas = np.array([float(s["auroc"]) for s in scores])
    positions = side_by_side(np.array([place(cost) for cost in costs]))
    for score, position, area in zip(scores, positions, areas, strict=True):
        low, high = (float(score[f"auroc_{end}"]) for end in ("low", "high"))
        ax.errorbar(
            position,
            area,
            yerr=error_bars(area, low, high),
            marker="o",
            markersize=5,
            color=colour(score),
            markerfacecolor=colour(score) if score["two_sided"] else "white",
            elinewidth=0.7,
            capsize=2,
            zorder=4,
        )
    known = [float(s[f"auroc_{end}"]) for s in scores for end in ("low", "high")]
    lowest = np.nanmin([*areas, *known, 0.45])
    for area in (a for s, a in zip(scores, areas) if s["needs"] == "nothing"):
        ax.axhline(area, color=COLOURS["nothing"], linestyle=":", zorder=0)
    ax.set_xticks(list(ticks), list(ticks.values()))
    ax.set(xlim=(min([*ticks, *positions]) - 0.4, max([*ticks, *positions]) + 0.4), ylim=(lowest - 0.03, 1.03))
    ax.set(xlabel="seconds of scoring per second of training", ylabel="AUROC")
    if FREE in ticks.values():
        ax.axvline(min(ticks) + 0.5, color="0.85", linewidth=0.8)
    low, high = ax.get_ylim()
    heights = spread((areas - low) / (high - low), STEP)
    for score, position, area, height in zip(scores, positions, areas, heights, strict=True):
        start = ax.transData + ax.transAxes.inverted()
        x, y = start.transform((position, area))
        ax.plot([x, NAMES - 0.01], [y, height], transform=ax.transAxes, color="0.8", linewidth=0.5, clip_on=False)
        said = f"{name_score(score)}  {area:.3f}"
        ax.text(NAMES, height, said, transform=ax.transAxes, va="center", fontsize=6.5, color=colour(score))


def side_by_side(positions: np.ndarray) -> np.ndarray:
    """The same, but a little apart where several are equal, so that their intervals can be told apart."""
    moved = positions.copy()
    for position in np.unique(positions):
        same = np.flatnonzero(positions == position)
        moved[same] += APART * (np.arange(len(same)) - (len(same) - 1) / 2)
    return moved


def cost_axis(costs: np.ndarray) -> tuple[Callable[[float], float], dict[float, str]]:
    """Where a cost is on an axis of decades, with places for what is free at the left, and not known at the right.

    Returns:
        the position of a cost, and the labels of the ticks by their positions.
    """
    logs = np.log10(costs[np.isfinite(costs) & (costs > 0)])
    first, last = (int(np.floor(logs.min())), int(np.ceil(logs.max()))) if logs.size else (0, 0)
    last = max(last, first + 1) if logs.size else 0
    ticks = {float(d): f"$10^{{{d}}}$" for d in range(first, last + 1)} if logs.size else {}
    free, unknown = first - 1.0, last + 1.0
    ticks |= {free: FREE} if (costs == 0).any() else {}
    ticks |= {unknown: UNKNOWN} if np.isnan(costs).any() else {}

    def place(cost: float) -> float:
        return unknown if np.isnan(cost) else free if cost == 0 else float(np.log10(cost))

    return place, dict(sorted(ticks.items()))


def spread(heights: np.ndarray, step: float) -> np.ndarray:
    """Heights in the same order, at least one step apart, and no farther from the given ones than they have to be."""
    order = np.argsort(heights, kind="stable")
    groups: list[list[float]] = []  # centre and number of names that touch each other
    for height in heights[order]:
        groups.append([height, 1])
        while len(groups) > 1 and groups[-1][0] - groups[-2][0] < step * (groups[-1][1] + groups[-2][1]) / 2:
            (upper, n), (lower, m) = groups.pop(), groups.pop()
            groups.append([(upper * n + lower * m) / (n + m), n + m])
    placed = [centre + step * (k - (count - 1) / 2) for centre, count in groups for k in range(int(count))]
    for k in reversed(range(len(placed))):  # not above the panel
        placed[k] = min(placed[k], 1 - step * (len(placed) - 1 - k))
    found = np.empty(len(heights))
    found[order] = placed
    return found
