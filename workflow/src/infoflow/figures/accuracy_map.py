"""Ground truth over (σ_w², depth), with the predictions drawn over it."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from infoflow import meanfield
from infoflow.figures._style import SIGMA_W2, cell_edges, mark_edge, over_replicas, probe_variable, title
from infoflow.grid import Experiment


def draw(cube: xr.Dataset, experiment: Experiment, probes: Mapping) -> Figure:
    """One panel per σ_b²: accuracy, saturation depth of the relative entropy, depth of R² = 0, ξ_c and 6 ξ_c."""
    panels = len(experiment.sigma_b2)
    figure, axes = plt.subplots(1, panels, figsize=(1 + 5.2 * panels, 4.4), squeeze=False, sharey=True)
    accuracy = cube["best_accuracy"].mean("replica").transpose("sigma_b2", "depth", "sigma_w2")
    x, y = cell_edges(cube["sigma_w2"]), cell_edges(cube["depth"])
    y[0] = max(y[0], 0.5)
    for ax, b in zip(axes[0], experiment.sigma_b2, strict=True):
        mesh = ax.pcolormesh(x, y, accuracy.sel(sigma_b2=b), vmin=0, vmax=1, rasterized=True)
        ax.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]), xlabel=SIGMA_W2, title=f"$\\sigma_b^2$ = {b:g}")

        fine = np.linspace(max(x[0], 1e-3), x[-1], 400)
        xi = meanfield.depth_scales(fine, b, cube.attrs["activation"]).xi_c
        for factor, style, label in ((6, "-", r"$6\,\xi_c$"), (1, ":", r"$\xi_c$")):
            ax.plot(fine, factor * xi, color="black", linewidth=3.2, linestyle=style, alpha=0.6)
            ax.plot(fine, factor * xi, color="white", linewidth=1.6, linestyle=style, label=label)
        _draw_saturation(ax, cube.sel(sigma_b2=b), y[-1])
        _draw_explained(ax, cube.sel(sigma_b2=b))
        mark_edge(ax, float(cube["edge_of_chaos"].sel(sigma_b2=b)), "edge of chaos")
    axes[0, 0].set_ylabel("depth (hidden layers)")
    figure.colorbar(mesh, ax=axes[0].tolist(), label="best test accuracy, mean over replicas")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    box = {"frameon": True, "facecolor": "0.75", "framealpha": 1, "edgecolor": "none"}  # the lines are white
    figure.legend(handles, labels, loc="outside lower center", ncols=3, **box)
    figure.suptitle(f"Can it be trained? {title(cube, experiment)}")
    return figure


def _draw_saturation(ax: plt.Axes, cube: xr.Dataset, top: float) -> None:
    saturation = cube["saturation_depth"].sel(measure="relative_entropy_ratio")
    if "depth" in saturation.dims:
        saturation = saturation.isel(depth=-1)
    deep = saturation.notnull().mean("replica") > 0.5  # of most replicas
    mean, spread = over_replicas(saturation)
    style = {"color": "crimson", "markeredgecolor": "white", "linestyle": "none", "zorder": 5}
    here = deep.values
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
    if (~here).any():
        ax.plot(
            cube["sigma_w2"].values[~here],
            np.full((~here).sum(), top - 0.02 * (top - ax.get_ylim()[0])),
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
    first = np.where(worse.any(axis=1), cube["layer"].values[worse.argmax(axis=1)], np.nan)
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
