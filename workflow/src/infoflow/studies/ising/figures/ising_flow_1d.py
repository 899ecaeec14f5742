"""One-dimensional Ising model: couplings, relative entropies and refined probes along the decimation."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from infoflow.figures.say import say
from infoflow.figures.style import WIDEST, curve_colours

LEAST = 1e-8
"""Couplings below this are not drawn."""


def draw(cube: xr.Dataset) -> Figure:
    """Against the number of decimations: couplings; relative entropies; conditional entropy and mutual information."""
    shown = cube.sel(coupling=cube["highlighted"] == 1)
    n = cube["step"].values
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(WIDEST, 4.3))
    for colour, k in zip(curve_colours(shown.sizes["coupling"]), shown["coupling"].values):
        one = shown.sel(coupling=k)
        flow = one["flow"].where(one["flow"] > LEAST)
        left.semilogy(n, flow, "o-", color=colour, markersize=3, label=f"$K_0$ = {k:g}")
        middle.plot(n, one["relative_entropy_b"], "o-", color=colour, markersize=3)
        middle.plot(n, one["relative_entropy_a"], "--", color=colour)
        middle.axhline(float(one["asymptote"]), color=colour, linewidth=0.8, linestyle=":")
        right.plot(n, one["conditional_entropy"], "o-", color=colour, markersize=3)
        right.plot(n, one["mutual_information"], "--", color=colour)
    left.set(ylabel="coupling $K_n$", title="flow to the fixed point $K = 0$, exact")
    left.legend()
    middle.set(ylabel="relative entropy per spin, nats", title="relative entropy, exact")
    _name_lines(middle, [("o-", "B: decimated spins made uniform"), ("--", "A: same lattice"), (":", "asymptote")])
    middle.set_ylim(0, 1.42 * float(shown["asymptote"].max()))
    right.set(ylabel="nats per spin", title="refined probes, exact")
    _name_lines(right, [("o-", "entropy of decimated given kept"), ("--", "mutual information")])
    right.set_ylim(0, 1.3 * float(shown["conditional_entropy"].max()))
    for ax in (left, middle, right):
        ax.set_xlabel("decimations $n$")
        ax.xaxis.get_major_locator().set_params(integer=True)
    return say(figure, *summary(cube), f"Ising chain, {cube.sizes['coupling']} couplings")


def summary(cube: xr.Dataset) -> tuple[str, str]:
    """Finding and caption: what the numbers of this run say of the claims."""
    rises, gaps = {}, {}
    for name in ("a", "b"):
        entropy = cube[f"relative_entropy_{name}"]
        rises[name] = float(entropy.diff("step").min())
        gaps[name] = float(abs(entropy.isel(step=-1) - cube["asymptote"]).max())
    falls = "never falls" if min(rises.values()) >= -1e-12 else f"falls by up to {-min(rises.values()):.2g}"
    low, high = float(cube["asymptote"].min()), float(cube["asymptote"].max())
    steps = cube.sizes["step"] - 1
    finding = f"The relative entropy {falls} over {cube.sizes['coupling']} couplings, by definition A and B"
    text = (
        f"Curves of {int((cube['highlighted'] == 1).sum())} couplings; left, the coupling, drawn down to {LEAST:g}. "
        f"The asymptote depends on the coupling, from {low:.4f} to {high:.4f}; after {steps} decimations B is within "
        f"{gaps['b']:.1g} of it, A within {gaps['a']:.1g}"
    )
    if "ring_relative_entropy_b" in cube:
        ring = float(np.abs(cube["ring_relative_entropy_b"] - cube["relative_entropy_b"]).max())
        text += f"; a finite ring, which is not shown, differs by at most {ring:.1g}"
    return finding, f"{text}."


def _name_lines(ax, lines) -> None:
    for style, label in lines:
        ax.plot([], [], style, color="0.3", markersize=3, label=label)
    ax.legend(loc="upper right")
