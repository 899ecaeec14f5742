"""Mean and spread of the gradients over mini-batches, and their ratio, for every layer over training."""

import math

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from infoflow.figures.say import listed
from infoflow.figures.style import WIDEST
from infoflow.studies.information_plane.figures._shared import (
    MARKERS,
    deepest,
    epoch_axis,
    family,
    layer_colours,
    layer_names,
    no_values,
    one,
    sound,
    title,
    write_heading,
    write_legend,
)


def draw(cube: xr.Dataset) -> Figure:
    """One column per activation. Above, |⟨g⟩|/|W| (solid) and √tr Cov g/|W| (dashed); below, their ratio.

    Geometric means over replicas, of which the bands below are the standard deviation.
    """
    cube = sound(cube)
    chosen = family(cube, "activation")
    figure, axes = plt.subplots(
        2, len(chosen), figsize=(min(WIDEST, 1.6 + 4.2 * len(chosen)), 7.4), sharex=True, sharey="row", squeeze=False
    )
    for column, n in zip(axes.T, chosen):
        network = one(cube, n)
        _draw_gradients(column[0], network)
        _draw_ratio(column[1], network)
        column[0].set_title(str(cube["activation"].values[n]))
        column[1].set_xlabel("epoch")
    axes[0, 0].set_ylabel("gradient / norm of the weights")
    axes[1, 0].set_ylabel("signal to noise (mean / spread)")
    most = deepest(cube, chosen)
    handles = [
        plt.Line2D([], [], color=c, marker=m, markersize=4, label=name)
        for name, c, m in zip(layer_names(most), layer_colours(most), MARKERS * most.sizes["layer"])
    ]
    for style, name in (("-", r"mean $|\langle g\rangle|$"), ("--", r"spread $\sqrt{\mathrm{tr\,Cov}\,g}$")):
        handles.append(plt.Line2D([], [], color="black", linestyle=style, label=name))
    write_legend(figure, handles)
    batch = f", over batches of {cube.attrs['batch_size']}" if "batch_size" in cube.attrs else ""
    caption = (
        f"Gradients of every layer{batch}: norm of their mean and their spread, over the norm of the weights; below, "
        "their ratio with the standard deviation over replicas. Means over replicas are geometric. That the ratio "
        "falls where layers are compressed would tie compression to diffusion; the panels of activations tell whether "
        "it falls without. Not shown: errors of the upper curves."
    )
    write_heading(figure, _finding(cube, chosen), caption, *title(cube, chosen, "activation"))
    return figure


def _finding(cube: xr.Dataset, chosen: list[int]) -> str:
    """Between which epochs the ratio falls below one, by activation."""
    said = []
    for n in chosen:
        network = one(cube, n)
        mean = signal_to_noise(network).mean("replica")
        falls = [crossing(network["epoch"].values, mean.isel(layer=l).values) for l in range(network.sizes["layer"])]
        known = [fall for fall in falls if np.isfinite(fall)]
        if known:
            name = str(cube["activation"].values[n])
            said.append(f"epochs {min(known):.0f} to {max(known):.0f} in {len(known)} of {len(falls)} layers ({name})")
    return (
        f"Signal to noise of the gradients falls below one at {listed(said)}"
        if said
        else "Signal to noise stays above one"
    )


def signal_to_noise(network: xr.Dataset) -> xr.DataArray:
    """log10(mean/spread) of the gradients; NaN where one of them is zero."""
    mean, spread = (_logarithm(network[name]) for name in ("gradient_mean", "gradient_spread"))
    return mean - spread


def crossing(epochs: np.ndarray, logarithm: np.ndarray) -> float:
    """Epoch at which the ratio, given as its logarithm, first falls below 1; between two epochs by interpolation.

    0 if it starts there, ∞ if it never does, NaN if nothing is known.
    """
    known = np.isfinite(logarithm)
    epochs, logarithm = epochs[known].astype(float), logarithm[known]
    if not len(epochs):
        return math.nan
    below = np.flatnonzero(logarithm < 0)
    if not len(below):
        return math.inf
    k = int(below[0])
    if k == 0:
        return 0.0
    part = logarithm[k - 1] / (logarithm[k - 1] - logarithm[k])
    return float(np.expm1(np.interp(part, [0, 1], np.log1p(epochs[k - 1 : k + 1]))))


def _logarithm(values: xr.DataArray) -> xr.DataArray:
    return np.log10(values.where(values > 0))


def _draw_gradients(ax: Axes, network: xr.Dataset) -> None:
    for name, style in (("gradient_mean", "-"), ("gradient_spread", "--")):
        curves = 10 ** (_logarithm(network[name]) - _logarithm(network["weight_norm"])).mean("replica")
        for l, symbols in enumerate(_symbols(network)):
            ax.plot(network["epoch"], curves.isel(layer=l), linestyle=style, linewidth=1.2, **symbols)
    ax.set_yscale("log")
    epoch_axis(ax, network["epoch"].values)


def _draw_ratio(ax: Axes, network: xr.Dataset) -> None:
    ratio = signal_to_noise(network)
    ax.set_yscale("log")
    epoch_axis(ax, network["epoch"].values)
    if not bool(ratio.notnull().any()):
        return no_values(ax)
    mean, spread = ratio.mean("replica"), ratio.std("replica")
    for l, symbols in enumerate(_symbols(network)):
        m, s = mean.isel(layer=l), spread.isel(layer=l)
        ax.fill_between(network["epoch"], 10 ** (m - s), 10 ** (m + s), color=symbols["color"], alpha=0.15, linewidth=0)
        ax.plot(network["epoch"], 10**m, linewidth=1.4, **symbols)
    ax.axhline(1, color="black", linewidth=0.8, linestyle=":")
    falls = [crossing(network["epoch"].values, mean.isel(layer=l).values) for l in range(network.sizes["layer"])]
    said = [f"{name.removeprefix('layer ')}: {_say(fall)}" for name, fall in zip(layer_names(network), falls)]
    rows = [", ".join(said[k : k + 4]) for k in range(0, len(said), 4)]
    ax.set_title("below 1 from epoch, by layer:\n" + "\n".join(rows), fontsize=8)


def _symbols(network: xr.Dataset) -> list[dict]:
    """Colour and marker of every layer, the latter at other epochs than those of its neighbours."""
    epochs, layers = network.sizes["epoch"], network.sizes["layer"]
    every = max(1, epochs // 4)
    return [
        {
            "color": colour,
            "marker": marker,
            "markersize": 3.5,
            "markevery": (min(l * every // layers, epochs - 1), every),
        }
        for l, (colour, marker) in enumerate(zip(layer_colours(network), MARKERS * layers))
    ]


def _say(epoch: float) -> str:
    if np.isnan(epoch):
        return "?"
    return f"{epoch:.{0 if epoch >= 10 else 1}f}" if np.isfinite(epoch) else "never"
