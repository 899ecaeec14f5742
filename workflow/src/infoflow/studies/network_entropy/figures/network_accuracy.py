"""Accuracy of the trained networks over (σ_w², depth), with multiples of the correlation length."""

import math

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from infoflow.figures.say import say
from infoflow.figures.style import SIGMA_W2
from infoflow.studies.network_entropy.figures._shared import activation, networks, title
from infoflow.theory import meanfield

MULTIPLES = ((1, ":", r"$\xi_c$"), (math.pi, "--", r"$\pi\,\xi_c$"), (2 * math.pi, "-", r"$2\pi\,\xi_c$"))


def draw(cube: xr.Dataset) -> Figure:
    """One point per (σ_w², depth), coloured by its mean accuracy; ξ_c exact as lines, as published as crosses."""
    figure, ax = plt.subplots(figsize=(8, 5))
    part = cube.isel(sigma_b2=0)
    w, depth = np.meshgrid(cube["sigma_w2"], cube["depth"], indexing="ij")
    accuracy = part["accuracy"].mean("replica").transpose("sigma_w2", "depth").values
    known = np.isfinite(accuracy)
    top = 1.12 * float(cube["depth"].max())
    low, high = _margins(cube["sigma_w2"].values)
    fine = np.linspace(low, high, 400)
    if (phi := activation(cube)) in meanfield.ACTIVATIONS:
        exact = meanfield.depth_scales(fine, float(part["sigma_b2"]), phi).xi_c
        for factor, style, label in MULTIPLES:
            ax.plot(fine, factor * exact, color="black", linewidth=1, linestyle=style, label=label)
            ax.plot(cube["sigma_w2"], factor * part["xi_published"], "+", color="0.4", markersize=5)
        ax.plot([], [], "+", color="0.4", label=r"with $1/|\ln\chi_1|$, interpolated")
    edge = float(part["edge_of_chaos"])
    if low < edge < high:
        ax.axvline(edge, color="0.6", linewidth=0.8, linestyle="-.", label="edge of chaos")
    if known.any():
        dots = ax.scatter(
            w[known], depth[known], c=accuracy[known], vmin=0, vmax=1, s=70, edgecolor="black", linewidth=0.5, zorder=5
        )
        figure.colorbar(dots, label="test accuracy, mean over replicas")
        for x, y, value in zip(w[known], depth[known], accuracy[known]):
            ax.annotate(f"{value:.2f}", (x, y), textcoords="offset points", xytext=(7, 6), fontsize=8)
    if (~known).any():
        unknown = "diverged" if "trained" in networks(cube) else "not trained"
        ax.plot(w[~known], depth[~known], "x", color="crimson", label=unknown)
    ax.set(xlim=(low, high), ylim=(0, top), xlabel=SIGMA_W2, ylabel="depth (hidden layers)")
    ax.yaxis.get_major_locator().set_params(integer=True)
    figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    settings = f"{title(cube, networks_too=False)}, {cube.sizes['replica']} replicas"
    caption = (
        "Test accuracy after all epochs, mean over replicas, a circle with its number per (σ_w², depth). Lines: "
        "multiples of ξ_c of mean-field theory; crosses: the same of the published length 1/|ln χ₁| with interpolated "
        "q*, at the samples. A fall of the accuracy at the greatest depth on both sides of the edge of chaos would "
        "support that the phase decides what trains; intervals are ± the standard error over replicas. Not shown: "
        "anything between the circles; there are few of them."
    )
    return say(figure, _verdict(part), caption, settings)


def _margins(values: np.ndarray) -> tuple[float, float]:
    margin = 0.06 * (values[-1] - values[0]) or 0.3
    return max(values[0] - margin, 1e-3), values[-1] + margin


def _verdict(part: xr.Dataset) -> str:
    """Where the deepest networks are best, in numbers."""
    deep = part["accuracy"].isel(depth=-1).mean("replica")
    if not deep.notnull().any():
        return "No network was trained"
    replicas = part["accuracy"].isel(depth=-1)
    error = replicas.std("replica", ddof=1) / np.sqrt(replicas.notnull().sum("replica"))

    best = int(np.nanargmax(deep.values))

    def told(k: int) -> str:
        noise = f" ± {float(error[k]):.2f}" if np.isfinite(error[k]) else ""
        return f"{float(deep[k]):.2f}{noise} at {'σ_w² = ' if k == best else ''}{float(deep['sigma_w2'][k]):g}"

    others = [told(k) for k in sorted({0, deep.size - 1} - {best})]
    beside = f"; {' and '.join(others)}" if others else ""
    return f"At depth {int(deep['depth'])} the accuracy is {told(best)}{beside}"
