"""Maps of the differential entropy over (σ_w², layer), one panel per experiment, all on one scale."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

from infoflow.figures.chosen import MOST_BIASES, evenly
from infoflow.figures.say import say as say_all
from infoflow.figures.style import (
    ENTROPY_FLOOR,
    NORMS,
    SIGMA_W2,
    WIDEST,
    cell_edges,
    mark_edge,
    tick_samples,
)
from infoflow.studies.maps.figures._shared import (
    POINTS,
    correlation_length,
    has_theory,
    say,
    say_fit,
    say_numbers,
    title,
)
from infoflow.studies.maps.variables import THEORY

LEGEND = {"frameon": True, "facecolor": "0.75", "framealpha": 1, "edgecolor": "none"}
"""Some lines are white."""
MOST_NAMES = 4
"""Experiments that the heading has a number of."""
UNKNOWN, CONTOUR = "0.85", "orangered"
"""Of what diverged or is missing; of the theory."""
NARROWEST = 8.4
"""Inches that the title needs."""
MARGIN = 4.0
"""Nats below the threshold that a contour sees: it runs between layers, and the entropy can fall without end."""


def draw(cube: xr.Dataset) -> Figure:
    """H from a stated floor on; ξ_c, the published rule, the theory's H at the threshold, and the edge of chaos."""
    names, threshold = cube["experiment"].values, float(cube["threshold"])
    biases = evenly(cube["sigma_b2"].values.tolist(), MOST_BIASES)
    panels = [(name, b) for b in biases for name in names]
    rows, columns = _arrange(len(names)) if len(biases) == 1 else (len(biases), len(names))
    size = min(max(NARROWEST, 2 + 3.9 * columns), WIDEST), 1.8 + (3.1 if columns < 3 else 2.6) * rows
    alike = len(np.unique(cube["layers"])) == 1
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, sharex=True, sharey=alike)
    for ax in axes.flat[len(panels) :]:
        ax.remove()
    shown, limits = axes.flat[: len(panels)].tolist(), _limits(cube)
    for n, (ax, (name, b)) in enumerate(zip(shown, panels)):
        mesh = draw_panel(ax, cube, name, b, limits)
        said = say_panel(cube.sel(experiment=name)) if n < len(names) else []  # once, as it is of all σ_b²
        ax.set_title("\n".join([*said, *([f"$\\sigma_b^2$ = {b:g}"] if len(biases) > 1 else [])]))
        ax.set_ylabel("" if n % columns else "layer $l$")
        lowest = n + columns >= len(panels)
        ax.set_xlabel(SIGMA_W2 if lowest else "")
        ax.tick_params(labelbottom=lowest)
    label = f"differential entropy $H(C^l)$\n(nats per pixel), cut at {say(limits[0])}"
    figure.colorbar(mesh, ax=shown, extend="both", label=label, aspect=40)
    entries = {label: handle for ax in shown for handle, label in zip(*ax.get_legend_handles_labels())}
    if entries:
        figure.legend(entries.values(), entries, loc="outside lower center", ncols=3, **LEGEND)
    shown_ = (
        f"; {len(biases)} of {cube.sizes['sigma_b2']} values of σ_b²" if len(biases) < cube.sizes["sigma_b2"] else ""
    )
    settings = f"{title(cube)}{shown_}; collapse: layer where $H$ < {say(threshold)}; {say_numbers()}"
    caption = (
        "Differential entropy of what can be reconstructed from every layer of untrained networks, cut at "
        f"{say(limits[0])}, means over replicas, one colour scale for all experiments. White lines are the correlation "
        "length and the published rule, which are no fits; red, where the theory of infinite width reaches the "
        "threshold. Theory that was computed at the samples of the grid alone is drawn as crosses."
    )
    return say_all(figure, finding(cube), caption, settings)


def finding(cube: xr.Dataset) -> str:
    """The slope of the collapse against ξ_c, by experiment."""
    slopes = {str(n): float(cube["collapse_slope"].sel(experiment=n)) for n in cube["experiment"].values}
    known = [f"{slope:.3g} ξ_c ({name})" for name, slope in slopes.items() if np.isfinite(slope)]
    if not known:
        return "Nowhere on the ordered side H collapses within the depth, or no ξ_c is known"
    more = f" and {len(known) - MOST_NAMES} more" if len(known) > MOST_NAMES else ""
    return f"On the ordered side what layers keep collapses after {', '.join(known[:MOST_NAMES])}{more}"


def say_panel(one: xr.Dataset) -> list[str]:
    """Lines above the panel of an experiment: its name, and what was found."""
    theory = f"theory: {say_fit(one, THEORY)}" if has_theory(one) else "no theory"
    return [str(one["experiment"].values), f"collapse: {say_fit(one, '')}", theory]


def draw_panel(ax: Axes, cube: xr.Dataset, name: str, b: float, limits: tuple[float, float]) -> QuadMesh:
    """The map of one experiment for one σ_b² and what is drawn over it."""
    here = cube.sel(experiment=name, sigma_b2=b).isel(layer=slice(int(cube["layers"].sel(experiment=name))))
    entropy = here["differential_entropy"].transpose("layer", "sigma_w2")
    x, y = cell_edges(here["sigma_w2"]), cell_edges(here["layer"])
    if entropy.isnull().any():
        ax.axhspan(y[0], y[-1], color=UNKNOWN, linewidth=0, zorder=0, label="diverged or missing")
    look = {"vmin": limits[0], "vmax": limits[1], "cmap": NORMS["differential_entropy"][0], "rasterized": True}
    mesh = ax.pcolormesh(x, y, entropy.clip(min=limits[0]), **look)
    tick_samples(ax.xaxis, here["sigma_w2"].values)
    ax.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]))
    ax.yaxis.get_major_locator().set_params(integer=True)
    at, xi = correlation_length(cube, name, b)
    rule = float(cube["published_rule"])
    for factor, style in ((rule, "-"), (1, ":")) if np.isfinite(xi).sum() > 1 else ():
        shown = np.where(np.isfinite(xi), factor * xi, np.nan).clip(max=10 * y[-1])
        label = r"$\xi_c$" if factor == 1 else rf"${factor:g}\,\xi_c$, published rule"
        if len(at) == len(here["sigma_w2"]) < POINTS:  # computed at the samples alone
            look = {"marker": "P" if factor > 1 else "X", "linestyle": "none", "markeredgecolor": "black"}
            ax.plot(at, shown, color="white", markersize=6, label=label, **look)
            continue
        ax.plot(at, shown, color="black", linewidth=3.2, linestyle=style, alpha=0.6)
        ax.plot(at, shown, color="white", linewidth=1.6, linestyle=style, label=label)
    draw_contour(ax, here, float(cube["threshold"]))
    mark_edge(ax, float(here["edge_of_chaos"]), "edge of chaos")
    return mesh


def draw_contour(ax: Axes, here: xr.Dataset, threshold: float) -> None:
    """Where the theory's H is the threshold, if it is anywhere."""
    theory = here[f"{THEORY}differential_entropy"].transpose("layer", "sigma_w2").clip(min=threshold - MARGIN)
    values = theory.values
    if min(values.shape) < 2 or not ((values < threshold).any() and (values > threshold).any()):
        return
    ax.contour(theory["sigma_w2"], theory["layer"], theory, [threshold], colors=CONTOUR, linewidths=1.5, linestyles="-")
    ax.plot([], [], color=CONTOUR, linewidth=1.5, label=f"$H$ = {say(threshold)} by theory")


def _arrange(panels: int) -> tuple[int, int]:
    """Rows and columns: up to three beside each other, but four as a square."""
    columns = 2 if panels == 4 else min(panels, 3)
    return -(-panels // columns), columns


def _limits(cube: xr.Dataset) -> tuple[float, float]:
    """Of the colours: those of all figures, further down if the threshold is."""
    norm = NORMS["differential_entropy"][1]
    return min(ENTROPY_FLOOR, float(cube["threshold"])), float(norm.vmax)
