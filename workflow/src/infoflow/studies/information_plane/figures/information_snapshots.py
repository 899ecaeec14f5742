"""The information plane before, during and after training: every layer of every replica of the reference network."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from infoflow.studies.information_plane.figures._shared import (
    LABEL,
    MARKERS,
    known_estimator,
    last_hidden,
    layer_colours,
    layer_handles,
    layer_names,
    mean_and_error,
    no_values,
    one,
    plane,
    say,
    say_estimator,
    sound,
    title,
    usable,
    write_heading,
    write_legend,
)

MIDDLE = 1 / 8
"""The epoch between the first and the last, as a part of the last."""


def draw(cube: xr.Dataset) -> Figure:
    """One panel per epoch; small symbols, replicas; large ones, their mean."""
    cube = sound(cube)
    reference = usable(cube)[0]
    estimator = known_estimator(cube, [reference])
    network = one(cube, reference).isel(estimator=estimator)
    moments = _moments(cube["epoch"].values)
    figure, axes = plt.subplots(
        1, len(moments), figsize=(1.4 + 3.4 * len(moments), 4.6), sharex=True, sharey=True, squeeze=False
    )
    for ax, k in zip(axes[0], moments):
        plane(ax, cube)
        _draw_layers(ax, network.isel(epoch=k))
        epoch = int(network["epoch"][k])
        ax.set_title("untrained" if epoch == 0 else f"epoch {epoch}")
    axes[0, 0].set_ylabel(LABEL)
    write_legend(figure, layer_handles(layer_names(network), layer_colours(network)))
    how = f"estimator: {say_estimator(cube, estimator)}; grey: out of bounds"
    said = _say(network.isel(epoch=moments))
    write_heading(figure, "Information plane of every replica", *title(cube, [reference]), how, said)
    return figure


def _moments(epochs: np.ndarray) -> list[int]:
    """Indices of the first epoch, of one during training, and of the last."""
    logs = np.log1p(epochs)
    middle = int(abs(logs - np.log1p(MIDDLE * epochs[-1])).argmin())
    return sorted({0, middle, len(epochs) - 1})


def _draw_layers(ax: Axes, now: xr.Dataset) -> None:
    if not bool(now["input_information"].notnull().any()):
        return no_values(ax)
    for l, (marker, colour) in enumerate(zip(MARKERS * now.sizes["layer"], layer_colours(now))):
        x, y = (now[f"{what}_information"].isel(layer=l) for what in ("input", "label"))
        if now.sizes["replica"] > 1:
            ax.plot(x, y, marker, color=colour, markersize=4.5, alpha=0.5, markeredgewidth=0, clip_on=False, zorder=3)
        style = {"markersize": 8, "markeredgecolor": "black", "clip_on": False, "zorder": 5}
        ax.plot(x.mean(), y.mean(), marker, color=colour, **style)


def _say(network: xr.Dataset) -> str:
    """Where the last hidden layer is at the epochs shown."""
    said = []
    for name, sign in (("input_information", "$I(X;T)$"), ("label_information", "$I(T;Y)$")):
        mean, error = mean_and_error(last_hidden(network, name))
        said.append(f"{sign} " + " → ".join(say(float(m), float(e)) for m, e in zip(mean, error)))
    return f"last hidden layer: {', '.join(said)} bits"
