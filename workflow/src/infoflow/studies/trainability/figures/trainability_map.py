"""Ground truth over (σ_w², depth): which share of the networks can be trained, and how fast."""

import json
from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

from infoflow.figures.say import listed, say
from infoflow.figures.style import NORMS, SIGMA_W2, WIDEST, cell_edges, mark_edge, tick_samples
from infoflow.studies.trainability.columns import ENDS, best_column
from infoflow.studies.trainability.experiment import Experiment
from infoflow.studies.trainability.figures._shared import (
    beyond_depth,
    criterion,
    label_depths,
    share_trained,
    shown_biases,
    title,
)
from infoflow.studies.trainability.scores import MAIN_SCORE
from infoflow.studies.trainability.variables import ALL_TRAINABLE, INFERRED, NONE_TRAINABLE, NOT_MONOTONE
from infoflow.theory import meanfield
from infoflow.theory.architectures import has_fixed_points

LEGEND = {"frameon": True, "facecolor": "0.75", "framealpha": 1, "edgecolor": "none"}
"""Some lines are white."""


def draw(cube: xr.Dataset, experiment: Experiment, probes: Mapping) -> Figure:
    """One row per σ_b²: the share of the networks that train, and the epochs that they take."""
    biases = shown_biases(experiment)
    rows = len(biases)
    figure, axes = plt.subplots(rows, 2, figsize=(WIDEST, 1.6 + 3.6 * rows), squeeze=False, sharex=True, sharey=True)
    for (left, right), b in zip(axes, biases, strict=True):
        figure.colorbar(draw_share(left, cube, b), ax=left, label="share of the networks that train")
        figure.colorbar(_draw_epochs(right, cube, b), ax=right, label="epochs to success, median")
        left.set_title(f"$\\sigma_b^2$ = {b:g}")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, **LEGEND)
    caption = (
        "Left: which share of the networks reaches the success accuracy, at which trainings stop; triangles: columns "
        "of which all depths train, or none. Right: the epochs that it takes. Beside the boundary verdicts are of "
        "these draws on this processor: other arithmetic changes some of them, other seeds more."
    )
    return say(figure, finding(cube, biases), caption, f"{title(cube, experiment)}; {criterion(cube)}")


def finding(cube: xr.Dataset, biases: list[float]) -> str:
    """Which σ_w² trains deepest, and how deep the ends of the axis go."""
    here = cube.sel(sigma_b2=biases)
    best = best_column(here)
    w, b = best["best_sigma_w2"], best["best_sigma_b2"]
    if np.isnan(w):
        return (
            "No network was trained, or none could be" if not (cube["trainable"] == 1).any() else "All networks train"
        )
    at = f", σ_b² = {b:g}" if cube.sizes["sigma_b2"] > 1 else ""
    depth, low, high = (best[f"best_depth{end}"] for end in ENDS)
    last = cube["depth"].values[-1]
    how = f"half of its networks at depth {depth:.0f} [{low:.0f}, {high:.0f}]"
    if depth > last:  # what lies beyond the grid is extrapolated
        how = f"at least half of its networks at every depth, to {last}"
    text = f"σ_w² = {w:g}{at} trains deepest, {how}"
    ends = [
        f"{'more than ' if float(one) > last else ''}{min(float(one), last):.0f} at {float(one['sigma_w2']):g}"
        for one in (here["threshold_depth"].sel(sigma_b2=b).isel(sigma_w2=k) for k in (0, -1))
        if np.isfinite(one) and float(one["sigma_w2"]) != w
    ]
    return f"{text}; {listed(ends)}" if ends else text


def draw_share(ax: Axes, cube: xr.Dataset, b: float) -> QuadMesh:
    """The share of the networks that train for one σ_b², the boundary, and what predicts it."""
    share = share_trained(cube).transpose("sigma_b2", "depth", "sigma_w2").sel(sigma_b2=b)
    colours, norm = NORMS["share"]
    mesh = _draw_cells(ax, share, cmap=colours, norm=norm)
    x, y = cell_edges(cube["sigma_w2"]), depth_edges(cube)
    inferred = (cube["truth_source"] == INFERRED).any("replica") & ~(cube["truth_source"] == 0).any("replica")
    inferred = inferred.transpose("sigma_b2", "depth", "sigma_w2").sel(sigma_b2=b).values
    if inferred.any():
        d, w = np.nonzero(inferred)
        at = cube["sigma_w2"].values[w], cube["depth"].values[d]
        ax.plot(*at, ".", color="0.5", markersize=2, label="inferred, not trained; white: not known")
    at, xi = _correlation_length(cube, b, max(x[0], 1e-3), x[-1])
    label = r"mean field: $6\,\xi_c$"
    if np.isfinite(xi).any() and len(at) > cube.sizes["sigma_w2"]:
        ax.plot(at, 6 * xi, color="black", linewidth=3.2, alpha=0.6)
        ax.plot(at, 6 * xi, color="white", linewidth=1.6, label=label)
    elif np.isfinite(xi).any():  # computed at the samples: nothing is known between
        ax.plot(at, 6 * xi, "P", color="white", markeredgecolor="black", markersize=7, linestyle="none", label=label)
    _draw_boundary(ax, cube.sel(sigma_b2=b), y)
    ax.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]))
    _draw_prediction(ax, cube.sel(sigma_b2=b))
    mark_edge(ax, float(cube["edge_of_chaos"].sel(sigma_b2=b)), "edge of chaos")
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
    tick_samples(ax.xaxis, values["sigma_w2"].values)
    ax.set(xlabel=SIGMA_W2, ylabel="depth" if beyond_depth(values) else "depth (hidden layers)", yscale="log")
    label_depths(ax.yaxis, values["depth"].values)
    return mesh


def depth_edges(values: xr.Dataset | xr.DataArray) -> np.ndarray:
    """Edges of cells of the depths, halfway between neighbours on a logarithmic axis; the last ones at their "
    "samples."""
    logs = np.log(values["depth"].values.astype(float))
    if len(logs) == 1:
        return np.exp(logs[0] + np.array([-0.3, 0.3]))
    middle = (logs[1:] + logs[:-1]) / 2
    return np.exp(np.concatenate([logs[:1], middle, logs[-1:]]))


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
        draw_intervals(ax, w[inside], middle[inside], low[inside], high[inside], edges, label, style)
    for kind, marker, at, label in (
        (ALL_TRAINABLE, "^", edges[-1], "all depths train"),
        (NONE_TRAINABLE, "v", edges[0], "no depth trains"),
    ):
        if (case == kind).any():
            at_end = w[case == kind], np.full((case == kind).sum(), at)
            ax.plot(*at_end, marker=marker, markersize=7, clip_on=False, label=label, **style)
    if (odd := case == NOT_MONOTONE).any():
        ax.plot(w[odd], middle[odd], marker="x", label="deeper networks train than some that do not", **style)


def draw_intervals(ax: Axes, x, middle, low, high, edges: np.ndarray, label: str, style: dict) -> None:
    """Values with their intervals; where one goes on beyond the axis, a small arrow says so."""
    ends = np.clip(low, edges[0], edges[-1]), np.clip(high, edges[0], edges[-1])
    value = np.clip(middle, edges[0], edges[-1])
    error = np.maximum(np.stack([value - ends[0], ends[1] - value]), 0)
    ax.errorbar(x, value, error, marker="o", markersize=5, capsize=2, label=label, **style)
    ax.plot(x, value, marker="o", markersize=5, clip_on=False, **style)
    for beyond, marker, end in ((low < edges[0], 7, edges[0]), (high > edges[-1], 6, edges[-1])):  # carets, based
        at = np.asarray(x)[beyond]
        if not len(at):  # a line without points, not clipped, would be laid out at the origin
            continue
        ax.plot(at, np.full(len(at), end), marker=marker, color="black", markersize=4, linestyle="none", clip_on=False)


def _draw_prediction(ax: Axes, cube: xr.Dataset) -> None:
    """Where the main score puts the boundary, of columns that have a threshold from others."""
    predicted = cube["predicted_depth"].sel(score=MAIN_SCORE)
    inside = np.isfinite(predicted.values)
    if not inside.any():
        return
    lowest, highest = ax.get_ylim()
    ax.plot(
        cube["sigma_w2"].values[inside],
        predicted.values[inside].clip(lowest, highest),
        marker="s",
        markersize=5,
        color="crimson",
        markeredgecolor="white",
        linestyle="none",
        zorder=6,
        clip_on=False,
        label=f"predicted by $H$, {cube.attrs.get('probe_method', '')}",
    )
