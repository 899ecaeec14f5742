"""Relative and differential entropy against the layer, for chosen σ_w²."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import xarray as xr
from matplotlib.figure import Figure

from infoflow.figures.style import LINES, curve_colours, finite_entropy, name_point, over_replicas
from infoflow.studies.trainability.experiment import Experiment
from infoflow.studies.trainability.figures._shared import probe_variable, title


def draw(cube: xr.Dataset, experiment: Experiment, probes: Mapping) -> Figure:
    """One row per σ_b²; lines are means and bands standard deviations over replicas."""
    measures = (
        ("relative entropy $D(x\\,\\|\\,C^l)$ (nats)", probe_variable(cube, "relative_entropy").sel(quantile=0.5)),
        (
            "differential entropy $H(C^l)$ (nats/pixel)",
            finite_entropy(probe_variable(cube, "differential_entropy")),
        ),
    )
    rows = len(experiment.sigma_b2)
    figure, axes = plt.subplots(rows, 2, figsize=(9, 0.8 + 3 * rows), squeeze=False, sharex=True)
    colours = curve_colours(len(experiment.highlight))
    for row, b in zip(axes, experiment.sigma_b2, strict=True):
        edge = float(cube["edge_of_chaos"].sel(sigma_b2=b))
        for ax, (label, values) in zip(row, measures, strict=True):
            for w, colour, line in zip(experiment.highlight, colours, LINES):
                here = values.sel(sigma_w2=w, sigma_b2=b)
                mean, spread = over_replicas(here)
                label_of = name_point(w, edge, experiment.sigma_w2)
                ax.plot(here["layer"], mean, color=colour, linestyle=line, label=label_of)
                ax.fill_between(here["layer"], mean - spread, mean + spread, color=colour, alpha=0.25, linewidth=0)
            ax.set(xlabel="layer $l$", ylabel=label, xlim=(0.5, cube.sizes["layer"] + 0.5))
            ax.xaxis.get_major_locator().set_params(integer=True)
            ax.set_title(f"$\\sigma_b^2$ = {b:g}")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=min(4, len(colours)))
    figure.suptitle(f"Entropies of the reconstruction from layer $l$: {title(cube, experiment)}")
    return figure
