"""Maps over (σ_w², layer) of the three measures of what a layer keeps of the input."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

from infoflow.figures.style import SIGMA_W2, cell_edges, colour_limits, finite_entropy, mark_edge
from infoflow.studies.trainability.experiment import Experiment
from infoflow.studies.trainability.figures._shared import probe_variable, share_trained, theory_variable, title

LEVELS = {"differential_entropy": -12.0, "explained_variance": 0.5}
"""Contours that are drawn of what was measured, and of theory."""


def draw(cube: xr.Dataset, experiment: Experiment, probes: Mapping) -> Figure:
    """One column per measure, one row per σ_b²; means over replicas. Above, the accuracy of the deepest network."""
    entropy = finite_entropy(probe_variable(cube, "differential_entropy")).mean("replica")
    divergence = probe_variable(cube, "relative_entropy").sel(quantile=0.5).mean("replica")
    explained = probe_variable(cube, "explained_variance").mean("replica")

    measures = (
        (
            "relative_entropy",
            "relative entropy $D(x\\,\\|\\,C^l)$ (nats)",
            divergence,
            colour_limits(divergence.values),
            "viridis_r",
        ),
        (
            "differential_entropy",
            "differential entropy $H(C^l)$ (nats per pixel)",
            entropy,
            colour_limits(entropy.values),
            "viridis",
        ),
        (
            "explained_variance",
            "explained variance $R^2$",
            explained,
            (max(colour_limits(explained.values)[0], -1), 1),
            "viridis",
        ),
    )
    rows = len(experiment.sigma_b2)
    figure, axes = plt.subplots(rows, 3, figsize=(10.5, 0.6 + 3.2 * rows), squeeze=False, sharex=True, sharey=True)
    for row, b in zip(axes, experiment.sigma_b2, strict=True):
        for ax, (name, label, values, (low, high), colours) in zip(row, measures, strict=True):
            here = values.sel(sigma_b2=b).transpose("layer", "sigma_w2")
            mesh = _draw_map(ax, here, low, high, colours)
            figure.colorbar(mesh, ax=ax, extend="min" if values is explained else "both")
            _finish_map(ax, cube, b, label)
            _draw_contours(ax, name, here, theory_variable(cube, name), b)
        row[0].set_ylabel(f"layer $l$  ($\\sigma_b^2$ = {b:g})")
    known = {label: line for ax in axes.flat for line, label in zip(*ax.get_legend_handles_labels())}
    if known:
        figure.legend(known.values(), known, loc="outside lower center", ncols=len(known))
    bar = f"\n{explain_bar(cube)}" if has_truth(cube) else ""
    figure.suptitle(f"What a layer keeps of the input: {title(cube, experiment)}{bar}")
    return figure


def draw_entropy(ax: Axes, cube: xr.Dataset, b: float) -> QuadMesh:
    """The map of the differential entropy alone."""
    entropy = finite_entropy(probe_variable(cube, "differential_entropy")).mean("replica")
    low, high = colour_limits(entropy.values)
    here = entropy.sel(sigma_b2=b).transpose("layer", "sigma_w2")
    mesh = _draw_map(ax, here, low, high, "viridis")
    _finish_map(ax, cube, b, "differential entropy $H(C^l)$ (nats per pixel)")
    ax.set_ylabel("layer $l$")
    return mesh


def _draw_map(ax: Axes, values: xr.DataArray, low: float, high: float, colours: str) -> QuadMesh:
    edges = cell_edges(values["sigma_w2"]), cell_edges(values["layer"])
    return ax.pcolormesh(*edges, values, vmin=low, vmax=high, cmap=colours, rasterized=True)


def _draw_contours(ax: Axes, name: str, measured: xr.DataArray, theory: xr.DataArray | None, b: float) -> None:
    """Where a measure passes its level: solid as measured, dashed by theory. What lies between is the finite width."""
    if name not in LEVELS or min(measured.shape) < 2:
        return
    of_theory = None if theory is None else theory.sel(sigma_b2=b).transpose("layer", "sigma_w2")
    for values, line, label in ((measured, "-", "measured"), (of_theory, "--", "theory, infinite width")):
        if values is not None and (values < LEVELS[name]).any() and (values > LEVELS[name]).any():
            finite = values.clip(min=2 * LEVELS[name]) if name == "differential_entropy" else values
            axes = values["sigma_w2"], values["layer"]
            ax.contour(*axes, finite, [LEVELS[name]], colors="orangered", linewidths=1.3, linestyles=line)
            ax.plot([], [], color="orangered", linestyle=line, label=f"$H = -12$, $R^2 = 0.5$, {label}")


def _finish_map(ax: Axes, cube: xr.Dataset, b: float, label: str) -> None:
    """Edge of chaos, labels, and above the map the trainability bar."""
    ax.yaxis.get_major_locator().set_params(integer=True)
    mark_edge(ax, float(cube["edge_of_chaos"].sel(sigma_b2=b)), "edge of chaos")
    ax.set_xlabel(SIGMA_W2)
    ax.set_title(label, pad=14 if has_truth(cube) else None)
    if has_truth(cube):
        accuracy = share_trained(cube).isel(depth=-1).sel(sigma_b2=b)
        bar = ax.inset_axes([0, 1.01, 1, 0.05], sharex=ax)
        bar.pcolormesh(cell_edges(accuracy["sigma_w2"]), [0, 1], accuracy.values[None], cmap="Greys", vmin=0, vmax=1)
        bar.tick_params(labelbottom=False, bottom=False, labelleft=False, left=False)
        for side in bar.spines.values():
            side.set(visible=True, linewidth=0.6)


def has_truth(cube: xr.Dataset) -> bool:
    """Whether networks of the experiment were trained; others of its cube may have been."""
    return "trainable" in cube and cube.sizes["depth"] > 0


def explain_bar(cube: xr.Dataset) -> str:
    """What the bar above the maps shows."""
    return f"bar: share of the networks of depth {int(cube['depth'][-1])} that train, white none, black all"
