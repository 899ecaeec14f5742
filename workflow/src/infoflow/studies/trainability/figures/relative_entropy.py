"""Relative and differential entropy against the layer, for chosen σ_w²."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import xarray as xr
from matplotlib.figure import Figure

from infoflow.figures.style import LINES, curve_colours, finite_entropy, name_point, over_replicas
from infoflow.studies.trainability.experiment import Experiment
from infoflow.studies.trainability.figures._shared import probe_variable, theory_variable, title

DOTS = 12
"""Of the theory, on a curve."""


def draw(cube: xr.Dataset, experiment: Experiment, probes: Mapping) -> Figure:
    """One row per σ_b²; lines are means and bands standard deviations over replicas, circles theory."""
    labels = {
        "relative_entropy": "relative entropy $D(x\\,\\|\\,C^l)$ (nats)",
        "differential_entropy": "differential entropy $H(C^l)$ (nats/pixel)",
        "explained_variance": "explained variance $R^2$",
    }
    rows = len(experiment.sigma_b2)
    figure, axes = plt.subplots(rows, 3, figsize=(12.5, 0.9 + 3 * rows), squeeze=False, sharex=True)
    colours = curve_colours(len(experiment.highlight))
    for row, b in zip(axes, experiment.sigma_b2, strict=True):
        edge = float(cube["edge_of_chaos"].sel(sigma_b2=b))
        for ax, (name, label) in zip(row, labels.items(), strict=True):
            values, theory = (_shown(name, of) for of in (probe_variable(cube, name), theory_variable(cube, name)))
            for w, colour, line in zip(experiment.highlight, colours, LINES):
                here = values.sel(sigma_w2=w, sigma_b2=b)
                mean, spread = over_replicas(here)
                label_of = name_point(w, edge, experiment.sigma_w2)
                ax.plot(here["layer"], mean, color=colour, linestyle=line, label=label_of)
                ax.fill_between(here["layer"], mean - spread, mean + spread, color=colour, alpha=0.25, linewidth=0)
                if theory is not None:
                    there = theory.sel(sigma_w2=w, sigma_b2=b).isel(
                        layer=slice(None, None, -(-len(here["layer"]) // DOTS))
                    )
                    ax.plot(there["layer"], there, "o", color=colour, markerfacecolor="none", markersize=4)
            if theory is not None:
                ax.plot([], [], "o", color="0.3", markerfacecolor="none", markersize=4, label="theory, infinite width")
            ax.set(xlabel="layer $l$", ylabel=label, xlim=(0.5, cube.sizes["layer"] + 0.5))
            ax.xaxis.get_major_locator().set_params(integer=True)
            ax.set_title(f"$\\sigma_b^2$ = {b:g}")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=min(5, len(colours) + 1))
    figure.suptitle(f"Entropies of the reconstruction from layer $l$: {title(cube, experiment)}")
    return figure


def _shown(name: str, values: xr.DataArray | None) -> xr.DataArray | None:
    """Of quantiles the median; of the entropy what can be drawn."""
    if values is None or name == "explained_variance":
        return values
    return values.sel(quantile=0.5) if name == "relative_entropy" else finite_entropy(values)
