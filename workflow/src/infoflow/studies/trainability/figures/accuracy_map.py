"""Ground truth over (σ_w², depth), with the predictions drawn over it."""

import json
from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

from infoflow.figures.style import SIGMA_W2, cell_edges, mark_edge, over_replicas
from infoflow.files.conventions import DIVERGED
from infoflow.reconstruction.cases import NOT_SATURATED
from infoflow.studies.trainability.experiment import Experiment
from infoflow.studies.trainability.figures._shared import beyond_depth, probe_variable, title
from infoflow.theory import meanfield
from infoflow.theory.architectures import has_fixed_points

LEGEND = {"frameon": True, "facecolor": "0.75", "framealpha": 1, "edgecolor": "none"}
"""The lines are white."""


def draw(cube: xr.Dataset, experiment: Experiment, probes: Mapping) -> Figure:
    """One panel per σ_b²: accuracy, saturation depth of the relative entropy, depth of R² = 0, ξ_c and 6 ξ_c."""
    panels = len(experiment.sigma_b2)
    figure, axes = plt.subplots(1, panels, figsize=(1 + 5.2 * panels, 4.4), squeeze=False, sharey=True)
    for ax, b in zip(axes[0], experiment.sigma_b2, strict=True):
        mesh = draw_accuracy(ax, cube, b)
        ax.set_title(f"$\\sigma_b^2$ = {b:g}")
    figure.colorbar(mesh, ax=axes[0].tolist(), label="best test accuracy, mean over replicas")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, **LEGEND)
    figure.suptitle(f"Can it be trained? {title(cube, experiment)}")
    return figure


def draw_accuracy(ax: plt.Axes, cube: xr.Dataset, b: float) -> QuadMesh:
    """The map of the accuracy for one σ_b² and everything that is drawn over it."""
    accuracy = cube["best_accuracy"].mean("replica").transpose("sigma_b2", "depth", "sigma_w2")
    x, y = cell_edges(cube["sigma_w2"]), cell_edges(cube["depth"])
    y[0] = max(y[0], 0.5)
    mesh = ax.pcolormesh(x, y, accuracy.sel(sigma_b2=b), vmin=0, vmax=1, rasterized=True)
    ax.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]), xlabel=SIGMA_W2)
    ax.yaxis.get_major_locator().set_params(integer=True)
    ax.set_ylabel("depth" if beyond_depth(cube) else "depth (hidden layers)")
    at, xi = _correlation_length(cube, b, max(x[0], 1e-3), x[-1])
    for factor, style, label in ((6, "-", r"$6\,\xi_c$"), (1, ":", r"$\xi_c$")) if np.isfinite(xi).any() else ():
        ax.plot(at, factor * xi, color="black", linewidth=3.2, linestyle=style, alpha=0.6)
        ax.plot(at, factor * xi, color="white", linewidth=1.6, linestyle=style, label=label)
    _draw_saturation(ax, cube.sel(sigma_b2=b), y[-1])
    _draw_explained(ax, cube.sel(sigma_b2=b))
    mark_edge(ax, float(cube["edge_of_chaos"].sel(sigma_b2=b)), "edge of chaos")
    return mesh


def _correlation_length(cube: xr.Dataset, b: float, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """ξ_c and the σ_w² that it is known at: a fine axis where it is a closed form, else those of the grid."""
    architecture = json.loads(cube.attrs["architecture"])
    if has_fixed_points(architecture):
        fine = np.linspace(low, high, 400)
        return fine, meanfield.depth_scales(fine, b, architecture["activation"]).xi_c
    return cube["sigma_w2"].values, cube["xi_c"].sel(sigma_b2=b).values


def _draw_saturation(ax: plt.Axes, cube: xr.Dataset, top: float) -> None:
    """Of most of the replicas whose probe is whole: a depth, or a mark at the top; nothing where all diverged."""
    names = ("saturation_depth", "saturation_case", "probe_status")
    saturation, case, status = (probe_variable(cube, name) for name in names)
    whole = (status != DIVERGED).all("layer")  # else it is of a shallower network, not to be compared with the others
    saturation, case = (v.sel(measure="relative_entropy_ratio").where(whole) for v in (saturation, case))
    within, beyond = saturation.notnull().sum("replica"), (case == NOT_SATURATED).sum("replica")
    mean, spread = over_replicas(saturation - beyond_depth(cube))
    style = {"color": "crimson", "markeredgecolor": "white", "linestyle": "none", "zorder": 5}
    here, above = (within > beyond).values, ((beyond > 0) & (within <= beyond)).values
    if here.any():
        ax.errorbar(
            cube["sigma_w2"].values[here],
            mean.values[here],
            spread.values[here],
            marker="o",
            markersize=6,
            ecolor="crimson",
            capsize=2,
            label="saturation depth of $D$",
            **style,
        )
    if above.any():
        ax.plot(
            cube["sigma_w2"].values[above],
            np.full(above.sum(), top - 0.02 * (top - ax.get_ylim()[0])),
            marker="^",
            markersize=7,
            label="not saturated within the depth",
            clip_on=False,
            **style,
        )


def _draw_explained(ax: plt.Axes, cube: xr.Dataset) -> None:
    """The first layer whose reconstruction is worse than the mean image, where there is one."""
    explained = probe_variable(cube, "explained_variance").mean("replica").transpose("sigma_w2", "layer")
    worse = (explained < 0).values
    first = np.where(worse.any(axis=1), cube["layer"].values[worse.argmax(axis=1)], np.nan) - beyond_depth(cube)
    ax.plot(
        cube["sigma_w2"],
        first,
        marker="s",
        markersize=5,
        color="darkorange",
        markeredgecolor="black",
        linestyle="none",
        zorder=5,
        label="first layer with $R^2 < 0$",
    )
