"""Ground truth over (σ_w², depth): which share of the networks can be trained, and how fast."""

import json
from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

from infoflow.figures.style import SIGMA_W2, cell_edges, mark_edge
from infoflow.studies.trainability.experiment import Experiment
from infoflow.studies.trainability.figures._shared import beyond_depth, criterion, label_depths, share_trained, title
from infoflow.studies.trainability.scores import MAIN_SCORE
from infoflow.studies.trainability.variables import ALL_TRAINABLE, INFERRED, NONE_TRAINABLE, NOT_MONOTONE
from infoflow.theory import meanfield
from infoflow.theory.architectures import has_fixed_points

LEGEND = {"frameon": True, "facecolor": "0.75", "framealpha": 1, "edgecolor": "none"}
"""Some lines are white."""


def draw(cube: xr.Dataset, experiment: Experiment, probes: Mapping) -> Figure:
    """One row per σ_b²: the share of the networks that train, and the epochs that they take."""
    rows = len(experiment.sigma_b2)
    figure, axes = plt.subplots(rows, 2, figsize=(11, 1.4 + 3.9 * rows), squeeze=False, sharex=True, sharey=True)
    for (left, right), b in zip(axes, experiment.sigma_b2, strict=True):
        figure.colorbar(draw_share(left, cube, b), ax=left, label="share of the networks that train")
        figure.colorbar(_draw_epochs(right, cube, b), ax=right, label="epochs to success, median")
        left.set_title(f"$\\sigma_b^2$ = {b:g}")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, **LEGEND)
    figure.suptitle(f"Can it be trained? {title(cube, experiment)}\n{criterion(cube)}")
    return figure


def draw_share(ax: Axes, cube: xr.Dataset, b: float) -> QuadMesh:
    """The share of the networks that train for one σ_b², the boundary, and what predicts it."""
    share = share_trained(cube).transpose("sigma_b2", "depth", "sigma_w2").sel(sigma_b2=b)
    mesh = _draw_cells(ax, share, vmin=0, vmax=1)
    x, y = cell_edges(cube["sigma_w2"]), depth_edges(cube)
    inferred = (cube["truth_source"] == INFERRED).any("replica") & ~(cube["truth_source"] == 0).any("replica")
    inferred = inferred.transpose("sigma_b2", "depth", "sigma_w2").sel(sigma_b2=b).values
    if inferred.any():
        d, w = np.nonzero(inferred)
        at = cube["sigma_w2"].values[w], cube["depth"].values[d]
        ax.plot(*at, ".", color="0.5", markersize=2, label="inferred, not trained; white: not known")
    at, xi = _correlation_length(cube, b, max(x[0], 1e-3), x[-1])
    if np.isfinite(xi).any():
        ax.plot(at, 6 * xi, color="black", linewidth=3.2, alpha=0.6)
        ax.plot(at, 6 * xi, color="white", linewidth=1.6, label=r"mean field: $6\,\xi_c$")
    _draw_boundary(ax, cube.sel(sigma_b2=b), y)
    _draw_prediction(ax, cube.sel(sigma_b2=b))
    mark_edge(ax, float(cube["edge_of_chaos"].sel(sigma_b2=b)), "edge of chaos")
    ax.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]))
    return mesh


def _draw_epochs(ax: Axes, cube: xr.Dataset, b: float) -> QuadMesh:
    epochs = cube["epochs_to_success"].median("replica").transpose("sigma_b2", "depth", "sigma_w2").sel(sigma_b2=b)
    mesh = _draw_cells(ax, epochs, cmap="viridis_r", vmin=0, vmax=json.loads(cube.attrs["train"])["epochs"])
    mark_edge(ax, float(cube["edge_of_chaos"].sel(sigma_b2=b)))
    ax.set_title("white: none reached it, or none was trained")
    return mesh


def _draw_cells(ax: Axes, values: xr.DataArray, **options) -> QuadMesh:
    x, y = cell_edges(values["sigma_w2"]), depth_edges(values)
    mesh = ax.pcolormesh(x, y, values.values, rasterized=True, **options)
    ax.set(xlabel=SIGMA_W2, ylabel="depth" if beyond_depth(values) else "depth (hidden layers)", yscale="log")
    label_depths(ax.yaxis, values["depth"].values)
    return mesh


def depth_edges(values: xr.Dataset | xr.DataArray) -> np.ndarray:
    """Edges of cells around the depths, halfway between neighbours on a logarithmic axis."""
    logs = np.log(values["depth"].values.astype(float))
    if len(logs) == 1:
        return np.exp(logs[0] + np.array([-0.3, 0.3]))
    middle = (logs[1:] + logs[:-1]) / 2
    return np.exp(np.concatenate([[2 * logs[0] - middle[0]], middle, [2 * logs[-1] - middle[-1]]]))


def _correlation_length(cube: xr.Dataset, b: float, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """ξ_c and the σ_w² that it is known at: a fine axis where it is a closed form, else those of the grid."""
    architecture = json.loads(cube.attrs["architecture"])
    if has_fixed_points(architecture):
        fine = np.linspace(low, high, 400)
        return fine, meanfield.depth_scales(fine, b, architecture["activation"]).xi_c
    return cube["sigma_w2"].values, cube["xi_c"].sel(sigma_b2=b).values


def _draw_boundary(ax: Axes, cube: xr.Dataset, edges: np.ndarray) -> None:
    """The depth at which half of the networks train, with its interval; arrows where it is beyond the depths."""
    case, w = cube["column_case"].values, cube["sigma_w2"].values
    middle, low, high = (cube[f"threshold_depth{end}"].values for end in ("", "_low", "_high"))
    style = {"color": "black", "markerfacecolor": "white", "linestyle": "none", "zorder": 5}
    inside = ~np.isin(case, (ALL_TRAINABLE, NONE_TRAINABLE)) & np.isfinite(middle)
    label = "half of the networks train, with 95 % interval"
    if inside.any():
        ends = np.maximum(low, edges[0]), np.minimum(high, edges[-1])
        error = np.maximum(np.stack([middle - ends[0], ends[1] - middle]), 0)[:, inside]
        ax.errorbar(w[inside], middle[inside], error, marker="o", markersize=5, capsize=2, label=label, **style)
    for kind, marker, at, label in (
        (ALL_TRAINABLE, "^", edges[-1], "all depths train"),
        (NONE_TRAINABLE, "v", edges[0], "no depth trains"),
    ):
        if (case == kind).any():
            ax.plot(
                w[case == kind], np.full((case == kind).sum(), at), marker=marker, clip_on=False, label=label, **style
            )
    if (odd := case == NOT_MONOTONE).any():
        ax.plot(w[odd], middle[odd], marker="x", label="deeper networks train than some that do not", **style)


def _draw_prediction(ax: Axes, cube: xr.Dataset) -> None:
    """Where the main score puts the boundary, of columns that have a threshold from others."""
    predicted = cube["predicted_depth"].sel(score=MAIN_SCORE)
    ax.plot(
        cube["sigma_w2"],
        predicted,
        marker="s",
        markersize=4,
        color="crimson",
        markeredgecolor="white",
        linestyle="none",
        zorder=6,
        label=f"predicted by $H$, {cube.attrs.get('probe_method', '')}",
    )
