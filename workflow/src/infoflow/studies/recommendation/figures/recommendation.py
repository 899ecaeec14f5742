"""A card per experiment: which σ_w² train at which depth, the best one, and how deep usual initialisations go."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from infoflow.figures.say import listed, say
from infoflow.figures.style import SIGMA_W2
from infoflow.studies.recommendation.initializations import INITIALIZATIONS
from infoflow.studies.recommendation.variables import MEASURED
from infoflow.studies.trainability.columns import ENDS

SURE, LIKELY = "0.35", "0.75"
MARKERS = dict(zip(INITIALIZATIONS, ("o", "s", "^", "D", "v")))


def draw(cube: xr.Dataset) -> Figure:
    """Two cards a row."""
    names = cube["experiment"].values.tolist()
    columns = min(2, len(names))
    rows = -(-len(names) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(max(4.9 * columns, 6), 0.9 + 3.9 * rows), squeeze=False)
    for ax, name in zip(axes.flat, names):
        _draw_card(ax, cube.sel(experiment=name), name)
    for ax in axes.flat[len(names) :]:
        ax.set_visible(False)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    caption = (
        "Bars: the σ_w² at which at least half of the networks of a depth train, dark where that is sure at 95 %, "
        "light where it is likely. Star: the column that trains deepest, with a 95 % interval; above the deepest "
        "network of the grid it is an extrapolation. Usual initialisations are read off between neighbouring columns, "
        "at the σ_b² of the grid that is closest to theirs; those beyond the grid are not shown."
    )
    return say(figure, _finding(cube), caption, ", ".join(names))


def _finding(cube: xr.Dataset) -> str:
    """The best column of every experiment."""
    said = []
    for name in cube["experiment"].values:
        one = cube.sel(experiment=name)
        if np.isfinite(float(one["best_depth"])):
            said.append(f"σ_w² = {float(one['best_sigma_w2']):g} on {name}, {_depth(one)}")
    return f"Deepest trains {listed(said)}" if said else "No network trains"


def _depth(one: xr.Dataset) -> str:
    """At which half of the networks of the best column train; beyond the grid no number is said."""
    depth, low, high = (float(one[f"best_depth{end}"]) for end in ENDS)
    last = int(one["deepest_depth"])
    return f"more than depth {last}" if depth > last else f"depth {depth:.0f} [{low:.0f}, {high:.0f}]"


def _draw_card(ax: Axes, one: xr.Dataset, name: str) -> None:
    known = one.sel(depth=one["sigma_w2_low"].notnull())
    depths = known["depth"].values
    for start, colour, width, label in (
        ("", LIKELY, 6, "at least half of the networks train"),
        ("sure_", SURE, 3, "surely so (95 %)"),
    ):
        low, high = (known[f"{start}sigma_w2_{end}"].values for end in ("low", "high"))
        ax.hlines(depths, low, high, color=colour, linewidth=width, label=label)
        ax.plot(np.r_[low, high], np.r_[depths, depths], "|", color=colour, markersize=width + 3)
    for key, about in INITIALIZATIONS.items():
        here = one.sel(initialization=key)
        if here["initialization_case"] != MEASURED or key in ("lecun", "orthogonal"):  # at the same point as Glorot
            continue
        depth, low, high = (float(here[f"initialization_depth{end}"]) for end in ("", "_low", "_high"))
        label = {"glorot": "Glorot, LeCun, orthogonal"}.get(key, about.title)
        error = [[depth - low], [high - depth]]
        style = {"color": "#3a9bc1", "markerfacecolor": "white", "capsize": 2, "zorder": 4}
        ax.errorbar(about.sigma_w2, depth, error, marker=MARKERS[key], linestyle="none", label=label, **style)
    best = float(one["best_depth"])
    if np.isfinite(best):
        w = float(one["best_sigma_w2"])
        ax.plot(w, best, "*", color="#c2410c", markersize=12, zorder=5, label="deepest")
        alike = float(one["alike_sigma_w2_low"]), float(one["alike_sigma_w2_high"])
        span = f"{alike[0]:g} to {alike[1]:g}" if alike[0] < alike[1] else f"{w:g}"
        ax.set_title(
            f"{name}: {SIGMA_W2} = {w:g}, {_depth(one)}\n"
            f"as good within the intervals: {SIGMA_W2} = {span}, at $\\sigma_b^2$ = {float(one['best_sigma_b2']):g}"
        )
    else:
        ax.set_title(f"{name}: nothing was trained")
    ax.set(xlabel=SIGMA_W2, ylabel="depth", yscale="log")
    if len(depths):
        some = depths[:: max(1, len(depths) // 8)]
        ax.set_yticks(some, [str(d) for d in some])
        ax.set_yticks([], minor=True)
