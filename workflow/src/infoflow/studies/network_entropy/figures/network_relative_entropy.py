"""Normalised D_m against the layer, trained and untrained."""

import math

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from infoflow.figures.say import say
from infoflow.figures.style import SIGMA_W2, WIDEST, curve_colours
from infoflow.studies.network_entropy.figures._shared import (
    BESIDE,
    activation,
    chosen,
    deepest,
    name_weight,
    networks,
    over_images,
    say_changes,
    title,
    width,
)
from infoflow.studies.network_entropy.theory import asymptote
from infoflow.theory import meanfield


def draw(cube: xr.Dataset) -> Figure:
    """Left, D_m/[(N/2) ln(2πe σ_w²)] over m, as published; right, D_m at the last layer over σ_w², which has no kink.

    Error bars: standard error over replicas of the mean over images; grey bands: standard deviation over images.
    """
    part = deepest(cube)
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDEST, 5), width_ratios=(1.4, 1))
    weights, there = chosen(cube, 6), networks(cube)
    half = width(cube) / 2
    for w, colour in zip(weights, curve_colours(len(weights))):
        unit = half * math.log(2 * math.pi * math.e * w)
        found = {name: part["relative_entropy"].sel(sigma_w2=w, network=name) / unit for name in there}
        for name, values in found.items():
            mean, error = over_images(values)
            m = mean["layer"] - 1
            if name == "untrained":
                spread = values.mean("replica").std("image")
                left.fill_between(m, mean - spread, mean + spread, color=colour, alpha=0.1, linewidth=0)
            label = name_weight(w) if name == there[-1] else None
            left.plot(m, mean, color=colour, linestyle=BESIDE[name], label=label, linewidth=1.3)
            left.errorbar(m, mean, error, fmt="none", ecolor=colour, elinewidth=0.8, alpha=0.7)
    left.axhline(0, color="0.5", linewidth=0.8)
    for name in there:
        left.plot([], [], color="black", linestyle=BESIDE[name], label=name)
    left.set(xlabel="$m$ (layers after the first)", ylabel=r"$D_m\,/\,[(N/2)\,\ln(2\pi e\,\sigma_w^2)]$")
    left.xaxis.get_major_locator().set_params(integer=True)
    _draw_ends(right, part, there, half, activation(cube))
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    inputs = cube["mean_square_input"]
    told = "; ".join(say_changes(part, name, weights) for name in there)
    caption = (
        "D_m between the pre-activations of layer 1 and those m layers later; no true divergence, it may be negative. "
        "Left: in units of (N/2) ln(2πe σ_w²), as published; error bars, standard error over replicas of the mean over "
        "images; bands, standard deviation over images. Right: the last layer over σ_w², and its mean-field asymptote. "
        f"In nats, with the largest step back in brackets, {told}."
    )
    settings = (
        f"{title(cube)}, depth {int(part['depth'])}, $\\langle x^2\\rangle$ {float(inputs.min()):.3f} to "
        f"{float(inputs.max()):.3f}"
    )
    return say(figure, _finding(part, weights, half), caption, settings)


def _finding(part: xr.Dataset, weights: list[float], half: float) -> str:
    """D_m of the last layer of untrained networks, by σ_w²."""
    said = []
    for w in weights:
        mean, error = over_images(part["relative_entropy"].sel(sigma_w2=w, network="untrained") / half)
        noise = f" ± {float(error[-1]):.2f}" if np.isfinite(error[-1]) else ""
        said.append(f"{float(mean[-1]):.2f}{noise} ({w:g})".replace("-", "−"))
    return f"D_m of the last untrained layer, over N/2, is {', '.join(said)}, by σ_w² in brackets"


def _draw_ends(ax: plt.Axes, part: xr.Dataset, there: list[str], half: float, phi: str) -> None:
    """D_m/(N/2) in the last layer of that width over σ_w², and its mean-field asymptote."""
    w = part["sigma_w2"]
    last = part["relative_entropy"].isel(layer=-1) / half
    for name, marker, colour in zip(there, "os", ("black", "#c2410c")):
        mean, error = over_images(last.sel(network=name))
        label = f"{name}, $m$ = {int(part['layer'][-1]) - 1}"
        ax.errorbar(w, mean, error, fmt=marker, markersize=4, color=colour, capsize=2, label=label)
    inputs, b = part["mean_square_input"].values, float(part["sigma_b2"])
    fine = np.linspace(float(w.min()), float(w.max()), 80)
    if phi in meanfield.ACTIVATIONS:
        ends = [asymptote(v * inputs + b, v, b, 2, phi).mean() for v in fine]
        ax.plot(fine, ends, color="0.4", label=r"$\ln(q^*/q^1)$, mean field")
    edge = float(part["edge_of_chaos"])
    if float(w.min()) < edge < float(w.max()):
        ax.axvline(edge, color="0.6", linewidth=0.8, linestyle="-.", label="edge of chaos")
    ax.axhline(0, color="0.5", linewidth=0.8)
    ax.set(xlabel=SIGMA_W2, ylabel="$D_m/(N/2)$, mean over images")
    ax.legend()
