"""AUROC of reduced probes against what they cost."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from infoflow.figures.style import LINES, curve_colours
from infoflow.studies.probing_budget.variables import CRITERIA, TOLERANCE

NAMES = {
    "differential_entropy": "differential entropy $H$",
    "explained_variance": "explained variance $R^2$",
    "negative_relative_entropy": "relative entropy $-D$",
}
AXES = {"fraction": ("fewer steps", "o"), "samples": ("fewer samples", "s"), "width": ("narrower networks", "^")}
MARKED = dict(zip(CRITERIA, (("*", "★"), ("D", "◇"))))


def draw(cube: xr.Dataset) -> Figure:
    """A panel per method and score: the axes of the budget one at a time, all combinations as dots, the cheapest."""
    methods, scores = cube["probe_method"].values, cube["score"].values
    figure, panels = plt.subplots(
        len(methods),
        len(scores),
        figsize=(12.5, 0.8 + 3.5 * len(methods)),
        sharex="row",
        sharey=True,
        squeeze=False,
    )
    for row, method in zip(panels, methods):
        for ax, score in zip(row, scores):
            part = cube.sel(probe_method=method, score=score)
            draw_panel(ax, part)
            found = (f"{sign} {_describe(part, criterion)}" for criterion, (_, sign) in MARKED.items())
            ax.set_title("\n".join([f"{method}, {NAMES[score]}", *found]), fontsize=8)
        row[0].set_ylabel("AUROC against the ground truth")
    for ax in panels[-1]:
        ax.set_xlabel("cost over that of the full probe of the method")
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    figure.suptitle(_heading(cube))
    return figure


def draw_panel(ax: Axes, part: xr.Dataset) -> None:
    """AUROC of all settings of a method and a score."""
    cost, area = part["relative_cost"], part["auroc"]
    full = {"width": -1, "fraction": -1, "samples": -1}
    ax.set_xscale("log")
    ax.plot(cost.values.ravel(), area.values.ravel(), ".", color="0.7", markersize=4, label="all combinations")
    best = float(area.isel(full))
    if np.isfinite(best):
        ax.axhspan(best - TOLERANCE, best, color="0.88", label=f"up to {TOLERANCE:g} below the full probe")
    for (axis, (label, marker)), colour, style in zip(AXES.items(), curve_colours(len(AXES)), LINES):
        one = part.isel({name: last for name, last in full.items() if name != axis})
        x, y = one["relative_cost"].values, one["auroc"].values
        ax.plot(x, y, color=colour, linestyle=style, marker=marker, markersize=4, label=label)
        ax.vlines(x, one["auroc_low"].values, one["auroc_high"].values, color=colour, linewidth=0.6, alpha=0.5)
    ax.plot(float(cost.isel(full)), best, "o", color="black", markersize=6, label="full probe")
    for (criterion, (marker, _)), name in zip(
        MARKED.items(), ("cheapest that loses no more, by the estimate", "… by its 95 % interval")
    ):
        chosen = _cheapest(part, criterion)
        at = [] if chosen is None else [float(cost.sel(chosen))], [] if chosen is None else [float(area.sel(chosen))]
        look = {"markerfacecolor": "none" if marker == "D" else "crimson", "markeredgecolor": "crimson"}
        ax.plot(*at, marker, markersize=10, linestyle="none", zorder=5, label=name, **look)


def _cheapest(part: xr.Dataset, criterion: str) -> dict | None:
    one = part.sel(criterion=criterion)
    chosen = {axis: one[f"cheapest_{axis}"].item() for axis in ("width", "fraction", "samples")}
    return chosen if chosen["width"] else None


def _describe(part: xr.Dataset, criterion: str) -> str:
    """`width 16, 1/30 steps, 10 samples: cost 0.04 (0.02 to 0.9)`: the cheapest sufficient setting."""
    chosen = _cheapest(part, criterion)
    if chosen is None:
        return "not defined"
    one = part.sel(criterion=criterion)
    counted = "steps" if int(part["steps"].max()) > 1 else "images"
    low, high = (float(one[f"cheapest_relative_cost_{end}"]) for end in ("low", "high"))
    range_ = f" ({low:.2g} to {high:.2g})" if np.isfinite(low) else ""
    return (
        f"width {chosen['width']}, {_part(chosen['fraction'])} {counted}, {chosen['samples']} samples: "
        f"cost {float(one['cheapest_relative_cost']):.2g}{range_}"
    )


def _part(fraction: float) -> str:
    inverse = round(1 / fraction)
    return "all" if fraction == 1 else f"1/{inverse}" if abs(inverse * fraction - 1) < 0.02 else f"{fraction:.2g}"


def _heading(cube: xr.Dataset) -> str:
    full = cube.isel(width=-1, fraction=-1, samples=-1)
    seconds = ", ".join(
        f"{method} {float(full['cost_seconds'][k]):.2g} s ({float(full['training_cost'][k]):.2g} of full training)"
        for k, method in enumerate(cube["probe_method"].values)
    )
    networks = int(cube["networks"].max())
    return f"How little probing is enough: {cube.attrs['experiment']}, {networks} networks; full probe: {seconds}"
