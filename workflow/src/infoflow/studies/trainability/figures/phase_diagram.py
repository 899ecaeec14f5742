"""The plane (σ_w², σ_b²): how deep networks train, and after how many layers what they know of the input collapses."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from infoflow.figures.say import say
from infoflow.figures.style import SIGMA_W2, WIDEST, cell_edges, tick_samples
from infoflow.studies.trainability.experiment import Experiment
from infoflow.studies.trainability.figures._shared import title
from infoflow.studies.trainability.figures.entropy_maps import LEVELS, collapse_layers, has_truth, measure

UNKNOWN, NEVER = "0.75", "white"


def draw(cube: xr.Dataset, experiment: Experiment, probes: Mapping) -> Figure:
    """Maps of all σ_b²: layer of the collapse, R² of the last layer, and with ground truth the depth that trains."""
    panels = {
        "layer where $H$ falls below −12": _collapse(cube),
        "$R^2 > 0.5$ up to layer": _last_above(cube),
    }
    if has_truth(cube):
        panels["depth at which half of the networks train"] = cube["threshold_depth"].transpose("sigma_b2", "sigma_w2")
    last = float(cube["layer"][-1])
    rows = 1
    figure, axes = plt.subplots(rows, len(panels), figsize=(WIDEST, 4.2), squeeze=False, sharex=True, sharey=True)
    for ax, (label, values) in zip(axes[0], panels.items(), strict=True):
        mesh = _draw_plane(ax, cube, values, last)
        ax.set_title(label)
    axes[0, 0].set_ylabel(r"$\sigma_b^2$")
    figure.colorbar(mesh, ax=axes, label="layer, depth", extend="max", aspect=30)
    handles = axes[0, 0].get_legend_handles_labels()
    if handles[0]:
        figure.legend(*handles, loc="outside lower center", ncols=2)
    caption = (
        "Every (σ_w², σ_b²) of the grid is a cell, on one scale of layers. White: the layer is not reached within the "
        "depth of the probe; grey: not known, since the probe diverged or no network of the column was trained. Not "
        "shown: replicas, of which these are means."
    )
    return say(figure, _finding(cube), caption, title(cube, experiment, all_biases=True))


def _collapse(cube: xr.Dataset) -> xr.DataArray:
    found = [collapse_layers(cube, b) for b in cube["sigma_b2"].values]
    values = np.array([np.where(known, np.where(np.isnan(layer), np.inf, layer), np.nan) for layer, known in found])
    return xr.DataArray(values, {"sigma_b2": cube["sigma_b2"], "sigma_w2": cube["sigma_w2"]}, ("sigma_b2", "sigma_w2"))


def _last_above(cube: xr.Dataset) -> xr.DataArray:
    """The layer before R² first falls below its level; ∞ if it does not, NaN where it is not known."""
    explained = measure(cube, "explained_variance").mean("replica").transpose("sigma_b2", "sigma_w2", "layer")
    below = explained < LEVELS["explained_variance"]
    first = below.argmax("layer")
    layer = xr.where(below.any("layer"), explained["layer"].values[first] - 1, np.inf)
    return layer.where(explained.notnull().all("layer")).transpose("sigma_b2", "sigma_w2")


def _draw_plane(ax: Axes, cube: xr.Dataset, values: xr.DataArray, last: float):
    x, y = cell_edges(cube["sigma_w2"]), cell_edges(cube["sigma_b2"])
    ax.set_facecolor(UNKNOWN)
    never = np.ma.masked_where(~np.isinf(values.values), np.ones(values.shape))
    ax.pcolormesh(x, y, never, cmap="Greys", vmin=1, vmax=2, rasterized=True)
    finite = np.ma.masked_invalid(values.values)
    mesh = ax.pcolormesh(x, y, finite, cmap="viridis", vmin=0, vmax=last, rasterized=True)
    edge = cube["edge_of_chaos"].values
    if np.isfinite(edge).any():
        ax.plot(edge, cube["sigma_b2"].values, color="white", linewidth=2.2)
        ax.plot(edge, cube["sigma_b2"].values, "--", color="black", linewidth=1, label="edge of chaos")
    ax.set(xlabel=SIGMA_W2, xlim=(x[0], x[-1]), ylim=(y[0], y[-1]))
    tick_samples(ax.xaxis, cube["sigma_w2"].values)
    tick_samples(ax.yaxis, cube["sigma_b2"].values)
    return mesh


def _finding(cube: xr.Dataset) -> str:
    """How many columns on either side of the edge collapse; where networks train deepest."""
    layer = _collapse(cube)
    ordered = xr.broadcast(layer["sigma_w2"] < cube["edge_of_chaos"], layer)[0].transpose(*layer.dims).values
    collapse = np.isfinite(layer.values)
    if not np.isfinite(cube["edge_of_chaos"]).any():
        return f"H falls below −12 within the depth in {int(collapse.sum())} of {collapse.size} columns"
    text = (
        f"H falls below −12 in {int(collapse[ordered].sum())} of {int(ordered.sum())} columns left of the edge of "
        f"chaos, in {int(collapse[~ordered].sum())} of {int((~ordered).sum())} right of it"
    )
    if has_truth(cube) and cube["threshold_depth"].notnull().any():
        flat = cube["threshold_depth"].stack(column=("sigma_w2", "sigma_b2"))
        best = flat.isel(column=int(np.nanargmax(flat.values)))
        w, b = float(best["sigma_w2"]), float(best["sigma_b2"])
        text += f"; deepest at σ_w² = {w:g}, σ_b² = {b:g}"
    return text
