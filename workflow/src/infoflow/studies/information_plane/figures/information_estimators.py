"""I(X;T) over training by every estimator: whether a layer is compressed depends on who asks."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from infoflow.figures.style import LINES, over_replicas
from infoflow.studies.information_plane.figures._shared import (
    INPUT,
    deepest,
    epoch_axis,
    family,
    last_hidden,
    layer_colours,
    layer_names,
    name_estimator,
    no_values,
    one,
    say,
    sound,
    title,
    write_heading,
    write_legend,
)


def draw(cube: xr.Dataset) -> Figure:
    """One row per activation, one column per estimator; bands: standard deviation over replicas."""
    cube = sound(cube)
    chosen, estimators = family(cube, "activation"), range(cube.sizes["estimator"])
    figure, axes = plt.subplots(
        len(chosen),
        len(estimators),
        figsize=(1.6 + 2.5 * len(estimators), 1.9 + 2.5 * len(chosen)),
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    for row, n in zip(axes, chosen):
        network = one(cube, n)
        for ax, k in zip(row, estimators):
            said = _draw_layers(ax, network.isel(estimator=k))
            above = [part for part in name_estimator(cube, k) if part] if n == chosen[0] else []
            ax.set_title("\n".join([*above, said]), fontsize=8)
        row[0].set_ylabel(f"{cube['activation'].values[n]}\n{INPUT}")
    top = float(cube["input_entropy"])
    axes[0, 0].set_ylim(0, 1.04 * top)
    for ax in axes[-1]:
        ax.set_xlabel("epoch")
    most = deepest(cube, chosen)
    handles = [
        plt.Line2D([], [], color=c, linestyle=s, label=name)
        for name, c, s in zip(layer_names(most), layer_colours(most), LINES * most.sizes["layer"])
    ]
    write_legend(figure, handles)
    how = "above the panels: change of the last hidden layer from its maximum to the end"
    write_heading(figure, "$I(X;T)$ of every layer by estimator", *title(cube, chosen, "activation"), how)
    return figure


def change(curves: xr.DataArray) -> tuple[float, float, int]:
    """Change from the maximum of the mean curve to its end, its standard error, and the epoch of the maximum.

    Args:
        curves: [replica, epoch].
    """
    mean = curves.mean("replica")
    top = int(np.nanargmax(mean.values))
    changes = (curves.isel(epoch=-1) - curves.isel(epoch=top)).dropna("replica")
    error = float(changes.std(ddof=1)) / np.sqrt(changes.size) if changes.size > 1 else np.nan
    return float(changes.mean()) if changes.size else np.nan, error, int(mean["epoch"][top])


def _draw_layers(ax: Axes, network: xr.Dataset) -> str:
    """One curve per layer.

    Returns:
        how the last hidden layer changes.
    """
    values = network["input_information"]
    epoch_axis(ax, network["epoch"].values)
    if not bool(values.notnull().any()):
        no_values(ax)
        return ""
    mean, spread = over_replicas(values)
    for l, (colour, line) in enumerate(zip(layer_colours(network), LINES * network.sizes["layer"])):
        m, s = mean.isel(layer=l), spread.isel(layer=l)
        ax.fill_between(network["epoch"], m - s, m + s, color=colour, alpha=0.18, linewidth=0)
        ax.plot(network["epoch"], m, color=colour, linestyle=line, linewidth=1.5)
    last = last_hidden(network, "input_information")
    if not bool(last.notnull().any()):
        return ""
    by, error, since = change(last)
    return f"{say(by, error, sign='+')} bits since epoch {since}"
