"""AUROC of reduced probes against what they cost."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from infoflow.figures.say import say
from infoflow.figures.style import LINES, WIDEST, curve_colours
from infoflow.studies.probing_budget.variables import CRITERIA, TOLERANCE
from infoflow.verdict.auroc import auroc

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
    baseline = depth_alone(cube)
    figure, panels = plt.subplots(
        len(methods),
        len(scores),
        figsize=(WIDEST, 1.4 + 3.3 * len(methods)),
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    for row, method in zip(panels, methods):
        for ax, score in zip(row, scores):
            part = cube.sel(probe_method=method, score=score)
            draw_panel(ax, part)
            ax.axhline(baseline, color="0.3", linestyle=":", linewidth=1, label="depth alone, the baseline")
            found = (f"{sign} {_describe(part, criterion)}" for criterion, (_, sign) in MARKED.items())
            ax.set_title("\n".join([f"{method}, {NAMES[score]}", *found]), fontsize=8)
        row[0].set_ylabel("AUROC against the ground truth")
    for ax in panels[-1]:
        ax.set_xlabel("cost over that of the full probe of the method")
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    networks = int(cube["networks"].max())
    caption = (
        "AUROC of reduced probes over their cost, that of the full probe of the same method being one. Curves change "
        "one knob at a time, dots are all combinations. Stars are chosen among many, some of which are that good by "
        "chance: in brackets, which costs the same choice takes in 95 % of the resamples; diamonds lose no more by "
        "their 95 % interval. Not shown: intervals of the combinations; the same networks judge the choice and its "
        "quality."
    )
    settings = f"{cube.attrs['experiment']}, {networks} networks; seconds of the computation alone; {_say_cost(cube)}"
    return say(figure, _finding(cube, baseline), caption, settings)


def depth_alone(cube: xr.Dataset) -> float:
    """AUROC of the score that counts layers, on the same networks."""
    label = cube["trainable"]
    depth = cube["depth"].broadcast_like(label)
    known = (label >= 0).values
    return auroc(-depth.values[known].astype(float), label.values[known] == 1)


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
    ax.plot(float(cost.isel(full)), best, "h", color="black", markersize=7, linestyle="none", label="full probe")
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
        f"width {chosen['width']}, {_part(chosen['fraction'])} {counted}, {chosen['samples']} samples:\n"
        f"cost {float(one['cheapest_relative_cost']):.2g}{range_}"
    )


def _part(fraction: float) -> str:
    inverse = round(1 / fraction)
    return "all" if fraction == 1 else f"1/{inverse}" if abs(inverse * fraction - 1) < 0.02 else f"{fraction:.2g}"


def _say_cost(cube: xr.Dataset) -> str:
    """What the full probes cost."""
    full = cube.isel(width=-1, fraction=-1, samples=-1)
    said = [
        f"{method} {float(full['cost_seconds'][k]):.2g} s, {float(full['training_cost'][k]):.2g} of full training"
        for k, method in enumerate(cube["probe_method"].values)
    ]
    return f"full probes: {'; '.join(said)}"


def _finding(cube: xr.Dataset, baseline: float) -> str:
    """Cost of the cheapest sufficient setting of the first method and score, as sure as it is."""
    part = cube.isel(probe_method=0, score=0).sel(criterion=CRITERIA[0])
    area = float(part["auroc"].isel(width=-1, fraction=-1, samples=-1))
    if not np.isfinite(area):
        return "Nothing to rank: all networks train, or none"
    text = f"H by the {cube['probe_method'].values[0]} cascade: AUROC {area:.3f}, depth alone {baseline:.3f}"
    cost, low, high = (float(part[f"cheapest_relative_cost{end}"]) for end in ("", "_low", "_high"))
    sure = f", in 95 % of the resamples {low:.2g} to {high:.2g}" if np.isfinite(low) else ""
    return f"{text}; as good at {cost:.2g} of the cost{sure}" if np.isfinite(cost) else text
