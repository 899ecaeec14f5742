"""I(X;T) over training by every estimator: whether a layer is compressed depends on who asks."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from infoflow.figures.say import listed
from infoflow.figures.style import LINES, WIDEST, over_replicas
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
        len(estimators),
        len(chosen),
        figsize=(min(WIDEST, 1.6 + 3.6 * len(chosen)), 2.1 + 2.3 * len(estimators)),
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    falls = []
    for column, n in zip(axes.T, chosen):
        network, activation = one(cube, n), str(cube["activation"].values[n])
        for ax, k in zip(column, estimators):
            said, fallen = _draw_layers(ax, network.isel(estimator=k))
            falls.append((activation, fallen))
            name = ", ".join(part for part in name_estimator(cube, k) if part)
            ax.set_title(f"{activation}, {name}\n{said}", fontsize=8)
        column[-1].set_xlabel("epoch")
    for ax in axes[:, 0]:
        ax.set_ylabel(INPUT)
    axes[0, 0].set_ylim(0, 1.04 * float(cube["input_entropy"]))
    most = deepest(cube, chosen)
    handles = [
        plt.Line2D([], [], color=c, linestyle=s, label=name)
        for name, c, s in zip(layer_names(most), layer_colours(most), LINES * most.sizes["layer"])
    ]
    write_legend(figure, handles)
    told = [
        f"{sum(f for a, f in falls if a == name)} of {sum(a == name for a, _ in falls)} estimators ({name})"
        for name in dict.fromkeys(name for name, _ in falls)
    ]
    caption = (
        "I(X;T) of every layer during training, bands: standard deviation over replicas. Above each panel: how much "
        "the last hidden layer changes from its peak to the end, with the standard error over replicas; the peak of "
        "each replica is that of the others' mean, so that noise alone gives no fall. For a deterministic network the "
        "true I(X;T) stays as long as no two inputs have the same T: what changes is how many of them an estimator can "
        "tell apart. Not shown: other constants of the estimators."
    )
    finding = f"I(X;T) of the last hidden layer falls, by more than two standard errors, by {listed(told)}"
    write_heading(figure, finding, caption, *title(cube, chosen, "activation"))
    return figure


def change(curves: xr.DataArray) -> tuple[float, float, int]:
    """Change from the peak to the end, mean over replicas, its standard error, and the epoch of the peak of the mean.

    The peak of a replica is that of the mean of the others, if there are: on its own noise it would be too high.

    Args:
        curves: [replica, epoch].
    """
    known = curves.dropna("replica")
    values = known.transpose("replica", "epoch").values
    mean = np.nanmean(curves.transpose("replica", "epoch").values, axis=0)
    if not len(values):
        return np.nan, np.nan, int(curves["epoch"][int(np.nanargmax(mean))])
    alone = len(values) == 1
    peaks = [int((values if alone else np.delete(values, r, axis=0)).mean(0).argmax()) for r in range(len(values))]
    changes = values[:, -1] - values[np.arange(len(values)), peaks]
    error = float(changes.std(ddof=1) / np.sqrt(len(changes))) if not alone else np.nan
    return float(changes.mean()), error, int(curves["epoch"][int(np.nanargmax(mean))])


def _draw_layers(ax: Axes, network: xr.Dataset) -> tuple[str, bool]:
    """One curve per layer.

    Returns:
        how the last hidden layer changes, and whether it falls by more than two standard errors.
    """
    values = network["input_information"]
    epoch_axis(ax, network["epoch"].values)
    if not bool(values.notnull().any()):
        no_values(ax)
        return "", False
    mean, spread = over_replicas(values)
    for l, (colour, line) in enumerate(zip(layer_colours(network), LINES * network.sizes["layer"])):
        m, s = mean.isel(layer=l), spread.isel(layer=l)
        ax.fill_between(network["epoch"], m - s, m + s, color=colour, alpha=0.18, linewidth=0)
        ax.plot(network["epoch"], m, color=colour, linestyle=line, linewidth=1.5)
    last = last_hidden(network, "input_information")
    if not bool(last.notnull().any()):
        return "", False
    by, error, since = change(last)
    if since == int(network["epoch"][-1]):
        return "still rising at the end", False
    text = f"{say(by, error, sign='+')} bits since epoch {since}".replace("-", "−")
    return text, bool(np.isfinite(error) and by < -2 * error)
