"""Histograms of the pre-activations of every layer, with the Gaussian of the same mean and variance."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from infoflow.figures.say import say
from infoflow.figures.style import WIDEST
from infoflow.studies.network_entropy.figures._shared import (
    chosen,
    deepest,
    name_weight,
    networks,
    over_images,
    title,
    width,
)

LAYERS = 5


def draw(cube: xr.Dataset) -> Figure:
    """One row per σ_w², one column per layer; filled, untrained; line, trained networks; dashed, the Gaussian."""
    part = deepest(cube)
    weights, last = chosen(cube, 4), part.sizes["layer"]
    layers = sorted({1, *(round(x) for x in np.geomspace(min(2, last), last, LAYERS - 1))})
    figure, axes = plt.subplots(
        len(weights),
        len(layers),
        figsize=(min(WIDEST, 1 + 2.2 * len(layers)), 1.4 + 1.8 * len(weights)),
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    s = part["bin"].values
    gaussian = np.exp(-(s**2) / 2) / np.sqrt(2 * np.pi)
    there = networks(cube)
    for row, w in zip(axes, weights):
        for ax, l in zip(row, layers):
            here = part.sel(sigma_w2=w, layer=l)
            notes = []
            for name, colour in zip(there, ("0.6", "#c2410c")):
                one = here.sel(network=name)
                density = one["histogram"].mean("replica")
                if name == "untrained":
                    ax.bar(s, density, width=s[1] - s[0], color="0.8", label=name)
                else:
                    ax.step(s, density, where="mid", color=colour, linewidth=1, label=name)
                variance = float(one["pre_activation_variance"].mean())
                kurtosis = float(one["excess_kurtosis"].mean())
                notes.append((f"$\\sigma^2$ {variance:.3g}\n$\\kappa$ {kurtosis:+.2f}", name))
            ax.plot(s, gaussian, color="black", linestyle="--", linewidth=0.8, label="Gaussian")
            for (text, name), x, side in zip(notes, (0.02, 0.98), ("left", "right")):
                colour = "0.35" if name == "untrained" else "#c2410c"
                ax.text(x, 0.97, text, transform=ax.transAxes, ha=side, va="top", fontsize=8, color=colour)
            ax.set(xlim=(s[0], s[-1]), ylim=(0, 1.75 * gaussian.max()), yticks=[])
            if ax in axes[0]:
                ax.set_title(f"layer {l}")
            if ax in axes[-1]:
                ax.set_xlabel(r"$(z - \mu)/\sigma$")
        row[0].set_ylabel(f"{name_weight(w)}\ndensity")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    mean, error = over_images(part["excess_kurtosis"].sel(network="untrained").mean(("sigma_w2", "layer")))
    # the plain excess kurtosis of N Gaussian values is too small by 6/(N + 1)
    bias = -6 / (width(cube) + 1)
    noise = f" ± {float(error):.3f}" if np.isfinite(error) else ""
    finding = (
        f"Excess kurtosis of untrained networks: {float(mean):+.3f}{noise} over all layers; Gaussians of this width "
        f"have {bias:+.3f}"
    ).replace("-", "−")
    caption = (
        "Pre-activations across the neurons of a layer, standardised per image: untrained (grey) and trained networks "
        "(line), and the Gaussian of the same mean and variance (dashed). Numbers: variance and excess kurtosis, at "
        "the left of untrained, at the right of trained networks. Where all images have become one, in the ordered "
        "phase, the histogram is that of few values. Not shown: layers of another width."
    )
    return say(figure, finding, caption, f"depth {int(part['depth'])}, {title(cube)}")
