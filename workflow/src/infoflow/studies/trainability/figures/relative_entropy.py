"""What layers keep of the input, as curves: relative and differential entropy, explained variance."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from infoflow.figures.say import listed, say
from infoflow.figures.style import (
    ENTROPY_FLOOR,
    LINES,
    WIDEST,
    curve_colours,
    finite_entropy,
    name_point,
    over_replicas,
)
from infoflow.studies.trainability.experiment import Experiment
from infoflow.studies.trainability.figures._shared import data_kind, shown_biases, theory_variable, title
from infoflow.studies.trainability.figures.entropy_maps import LABELS, LEVELS, measure

DOTS = 12
"""Of the theory, on a curve."""
LINES_OF = {
    "relative_entropy": (),
    "differential_entropy": ((LEVELS["differential_entropy"], "collapse"), (ENTROPY_FLOOR, "floor of float32")),
    "explained_variance": ((1.0, "the input itself"), (0.5, "half"), (0.0, "the mean image")),
}
"""Lines of reference."""
LOWEST_R2 = -1.0


def draw(cube: xr.Dataset, experiment: Experiment, probes: Mapping) -> Figure:
    """One row per σ_b²; lines are means and bands standard deviations over replicas, circles theory."""
    biases = shown_biases(experiment)
    rows = len(biases)
    figure, axes = plt.subplots(rows, 3, figsize=(WIDEST, 1.2 + 3 * rows), squeeze=False, sharex=True)
    for row, b in zip(axes, biases, strict=True):
        for ax, name in zip(row, LABELS, strict=True):
            _draw_panel(ax, cube, experiment, name, b)
        if rows > 1:
            row[0].set_title(f"$\\sigma_b^2$ = {b:g}")
    handles = axes[0, 0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=min(4, len(experiment.highlight) + 1))
    known = "Circles: theory of infinite width, at the layers it was computed for" if _has_theory(cube) else ""
    within = (
        " Not shown: what is kept within a picture; the crops come from two photographs, and R² counts what lies "
        "between."
        if data_kind(cube, experiment) == "photographs"
        else ""
    )
    caption = (
        "Relative entropy (median over inputs), differential entropy and explained variance of the reconstruction "
        f"from layer l; lines are means and bands standard deviations over {cube.sizes['replica']} replicas. Dotted: "
        "the level where all reconstructions have become one, the floor of float32, and R² of the input itself, of "
        f"half of it and of the mean image. {known or 'There is no theory of this cascade here'}.{within}"
    )
    return say(figure, _finding(cube, experiment, biases[0]), caption, title(cube, experiment))


def _has_theory(cube: xr.Dataset) -> bool:
    return theory_variable(cube, "differential_entropy") is not None


def _draw_panel(ax: Axes, cube: xr.Dataset, experiment: Experiment, name: str, b: float) -> None:
    values, theory = measure(cube, name), _shown(name, theory_variable(cube, name))
    edge = float(cube["edge_of_chaos"].sel(sigma_b2=b))
    lowest, highest = np.inf, -np.inf
    for w, colour, line in zip(experiment.highlight, curve_colours(len(experiment.highlight)), LINES):
        here = values.sel(sigma_w2=w, sigma_b2=b)
        mean, spread = over_replicas(here)
        ax.plot(here["layer"], mean, color=colour, linestyle=line, label=name_point(w, edge, experiment.sigma_w2))
        ax.fill_between(here["layer"], mean - spread, mean + spread, color=colour, alpha=0.25, linewidth=0)
        ends = np.array([(mean - spread).min(), (mean + spread).max()], float)
        lowest, highest = np.fmin(lowest, ends[0]), np.fmax(highest, ends[1])
        if theory is not None:
            there = theory.sel(sigma_w2=w, sigma_b2=b).isel(layer=slice(None, None, -(-len(here["layer"]) // DOTS)))
            ax.plot(there["layer"], there, "o", color=colour, markerfacecolor="none", markersize=4)
    if theory is not None:
        ax.plot([], [], "o", color="0.3", markerfacecolor="none", markersize=4, label="theory, infinite width")
    ax.set(xlabel="layer $l$", ylabel=LABELS[name], xlim=(0.5, cube.sizes["layer"] + 0.5))
    _mark_levels(ax, name, lowest, highest)
    ax.xaxis.get_major_locator().set_params(integer=True)


def _mark_levels(ax: Axes, name: str, lowest: float, highest: float) -> None:
    """Lines of reference, of those that lie where the curves are; R² is cut below, and says so."""
    if name == "explained_variance":
        bottom = max(min(lowest, 0.0) - 0.05, LOWEST_R2)
        ax.set_ylim(bottom, 1.05)
        if lowest < LOWEST_R2:
            ax.annotate(
                f"cut: down to {lowest:.2g}".replace("-", "−"), (0.03, 0.02), xycoords="axes fraction", fontsize=8
            )
    for level, label in LINES_OF[name]:
        low, high = ax.get_ylim()
        if low <= level <= high:
            ax.axhline(level, color="0.45", linestyle=":", linewidth=1, zorder=0)
            above, right = level + 0.06 * (high - low) < high, level >= 1
            ax.annotate(
                label,
                (0.99 if right else 0.01, level),
                xycoords=("axes fraction", "data"),
                ha="right" if right else "left",
                va="bottom" if above else "top",
                fontsize=8,
                color="0.35",
            )


def _finding(cube: xr.Dataset, experiment: Experiment, b: float) -> str:
    """After how many layers half of the variance is gone."""
    explained = measure(cube, "explained_variance").mean("replica").sel(sigma_b2=b)
    told = []
    for w in experiment.highlight:
        curve = explained.sel(sigma_w2=w)
        below = np.flatnonzero(curve.values < LEVELS["explained_variance"])
        after = f"layer {int(curve['layer'][below[0]])}" if len(below) else f"no layer up to {int(curve['layer'][-1])}"
        told.append(f"{after} ({w:g})")
    return f"R² falls below one half in {listed(told)}, by σ_w² in brackets"


def _shown(name: str, values: xr.DataArray | None) -> xr.DataArray | None:
    """Of quantiles the median; of the entropy what can be drawn."""
    if values is None or name == "explained_variance":
        return values
    return values.sel(quantile=0.5) if name == "relative_entropy" else finite_entropy(values)
