"""The information plane before, during and after training: every layer of every replica of the reference network."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from infoflow.figures.style import WIDEST
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


def draw(cube: xr.Dataset) -> Figure:
    """One panel per epoch; small symbols, replicas; large ones, their mean."""
    cube = sound(cube)
    reference = usable(cube)[0]
    estimator = known_estimator(cube, [reference])
    network = one(cube, reference).isel(estimator=estimator)
    moments = _moments(network)
    figure, axes = plt.subplots(
        1, len(moments), figsize=(min(WIDEST, 1.4 + 3.4 * len(moments)), 4.6), sharex=True, sharey=True, squeeze=False
    )
    for ax, k in zip(axes[0], moments):
        plane(ax, cube)
        _draw_layers(ax, network.isel(epoch=k))
        epoch = int(network["epoch"][k])
        ax.set_title("untrained" if epoch == 0 else f"epoch {epoch}")
    axes[0, 0].set_ylabel(LABEL)
    write_legend(figure, layer_handles(layer_names(network), layer_colours(network)))
    how = f"estimator: {say_estimator(cube, estimator)}; grey: out of bounds"
    finding, more = _say(network.isel(epoch=moments))
    caption = (
        "Every layer of every replica of the reference network (small) and their mean (large), untrained, at the epoch "
        f"where I(X;T) of the last hidden layer is largest, and at the end; {more}. Layers that lie on each other hide "
        "each other. The maximum is chosen on a noisy mean, so that the fall after it is too large. Not shown: other "
        "estimators."
    )
    write_heading(figure, finding, caption, *title(cube, [reference]), how)
    return figure


def _moments(network: xr.Dataset) -> list[int]:
    """Indices of the first epoch, of that where the last hidden layer knows most of the input, and of the last."""
    mean = last_hidden(network, "input_information").mean("replica").values
    largest = {int(np.nanargmax(mean))} if np.isfinite(mean).any() else set()
    return sorted({0, *largest, network.sizes["epoch"] - 1})


def _draw_layers(ax: Axes, now: xr.Dataset) -> None:
    if not bool(now["input_information"].notnull().any()):
        return no_values(ax)
    for l, (marker, colour) in enumerate(zip(MARKERS * now.sizes["layer"], layer_colours(now))):
        x, y = (now[f"{what}_information"].isel(layer=l) for what in ("input", "label"))
        if now.sizes["replica"] > 1:
            ax.plot(x, y, marker, color=colour, markersize=4.5, alpha=0.5, markeredgewidth=0, clip_on=False, zorder=3)
        style = {"markersize": 8, "markeredgecolor": "black", "clip_on": False, "zorder": 5}
        ax.plot(x.mean(), y.mean(), marker, color=colour, **style)


def _say(network: xr.Dataset) -> tuple[str, str]:
    """Where the last hidden layer is at the epochs shown: I(X;T), and I(T;Y)."""
    said = []
    for name, sign in (("input_information", "I(X;T)"), ("label_information", "I(T;Y)")):
        mean, error = mean_and_error(last_hidden(network, name))
        said.append(f"{sign} " + " → ".join(say(float(m), float(e)) for m, e in zip(mean, error)))
    return f"Of the last hidden layer {said[0]} bits", f"{said[1]} bits"
