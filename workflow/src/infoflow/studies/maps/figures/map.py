"""Maps of the differential entropy over (σ_w², layer), one panel per experiment, all on one scale."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

from infoflow.figures.style import ENTROPY_FLOOR, SIGMA_W2, cell_edges, mark_edge
from infoflow.studies.maps.figures._shared import correlation_length, has_theory, say, say_fit, say_numbers, title
from infoflow.studies.maps.variables import THEORY

LEGEND = {"frameon": True, "facecolor": "0.75", "framealpha": 1, "edgecolor": "none"}
"""Some lines are white."""
UNKNOWN, CONTOUR = "0.85", "orangered"
"""Of what diverged or is missing; of the theory."""
NARROWEST = 8.4
"""Inches that the title needs."""
MARGIN = 4.0
"""Nats below the threshold that a contour sees: it runs between layers, and the entropy can fall without end."""


def draw(cube: xr.Dataset) -> Figure:
    """H from a stated floor on; ξ_c, the published rule, the theory's H at the threshold, and the edge of chaos."""
    names, biases, threshold = cube["experiment"].values, cube["sigma_b2"].values, float(cube["threshold"])
    panels = [(name, b) for b in biases for name in names]
    rows, columns = _arrange(len(names)) if len(biases) == 1 else (len(biases), len(names))
    size = max(NARROWEST, 2 + 3.9 * columns), 1.6 + 3.1 * rows
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
    figure.colorbar(mesh, ax=shown, extend="min", label=label, aspect=40)
    entries = {label: handle for ax in shown for handle, label in zip(*ax.get_legend_handles_labels())}
    if entries:
        figure.legend(entries.values(), entries, loc="outside lower center", ncols=3, **LEGEND)
    heading = f"Where layers lose the input: {title(cube)}"
    figure.suptitle(f"{heading}\ncollapse: layer where $H$ < {say(threshold)}; {say_numbers()}")
    return figure


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
    mesh = ax.pcolormesh(x, y, entropy.clip(min=limits[0]), vmin=limits[0], vmax=limits[1], rasterized=True)
    ax.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]))
    ax.yaxis.get_major_locator().set_params(integer=True)
    at, xi = correlation_length(cube, name, b)
    rule = float(cube["published_rule"])
    for factor, style in ((rule, "-"), (1, ":")) if np.isfinite(xi).sum() > 1 else ():
        shown = np.where(np.isfinite(xi), factor * xi, np.nan).clip(max=10 * y[-1])
        ax.plot(at, shown, color="black", linewidth=3.2, linestyle=style, alpha=0.6)
        label = r"$\xi_c$" if factor == 1 else rf"${factor:g}\,\xi_c$, published rule"
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
    """Of the colours: from the floor, where float32 comes to rest, or the threshold, to the largest entropy."""
    floor = min(ENTROPY_FLOOR, float(cube["threshold"]))
    entropy = cube["differential_entropy"].values
    top = float(entropy[np.isfinite(entropy)].max(initial=floor))
    return floor, top if top > floor else floor + 1
