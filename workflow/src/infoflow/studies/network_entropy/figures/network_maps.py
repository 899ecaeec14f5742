"""Mean-field maps of the variance and of the correlation, with their fixed points."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from infoflow.figures.say import say
from infoflow.figures.style import LINES, SIGMA_W2, WIDEST, curve_colours
from infoflow.studies.network_entropy.figures._shared import activation, chosen, name_weight
from infoflow.theory import meanfield


def draw(cube: xr.Dataset) -> Figure:
    """Left, V(q) with q*; in the middle, the correlation map with c*; right, the lengths ξ_q and ξ_c over σ_w²."""
    phi, b = activation(cube), float(cube["sigma_b2"][0])
    if phi not in meanfield.ACTIVATIONS:
        figure = plt.figure(figsize=(6, 1.2))
        figure.text(0.5, 0.3, "no maps", ha="center", va="center", color="0.4")
        return say(figure, f"Mean-field theory does not know the maps of {phi}", "There is nothing to draw.")
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(WIDEST, 4.4))
    scales = cube.isel(sigma_b2=0)
    weights = chosen(cube, 6)
    fixed = scales["q_star"].sel(sigma_w2=weights).values
    largest = max(1.0, 1.15 * fixed[np.isfinite(fixed)].max(initial=0))
    q, c = np.linspace(0, largest, 150), np.linspace(0, 1, 101)
    for ax, end in ((left, largest), (middle, 1.0)):
        ax.plot([0, end], [0, end], color="0.6", linewidth=0.8)
        ax.set(xlim=(0, end), ylim=(0, end), aspect="equal")
    for w, colour, line in zip(weights, curve_colours(len(weights)), LINES):
        here = scales.sel(sigma_w2=w)
        q_star, c_star = float(here["q_star"]), float(here["c_star"])
        label = f"{name_weight(w)}: $q^*$ = {q_star:.3f}, $c^*$ = {c_star:.3f}"
        left.plot(q, meanfield.variance_map(q, w, b, phi), color=colour, linestyle=line, label=label)
        if np.isfinite(q_star):
            left.plot(q_star, q_star, "o", color=colour, clip_on=False, zorder=5)
        if q_star > 0 or phi in ("relu", "leaky_relu"):  # their map does not need a variance
            middle.plot(c, meanfield.correlation_map(c, w, b, phi), color=colour, linestyle=line)
            middle.plot(c_star, c_star, "o", color=colour, clip_on=False, zorder=5)
    left.set(xlabel="$q^l$", ylabel="$q^{l+1} = V(q^l)$", title="variance map")
    middle.set(xlabel="$c^l$", ylabel="$c^{l+1}$", title="correlation map")
    _draw_lengths(right, scales, b, phi)
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    caption = (
        "Mean-field maps of wide random networks: variance with its fixed point q*, correlation with its stable fixed "
        "point c*, which leaves one at the edge of chaos, and the lengths over which both are approached. Squares: the "
        "published length 1/|ln χ₁| with an interpolated q*, at the samples. The relative entropy knows the variance "
        "alone, whose length has no singularity. Not shown: any measurement; all of this is theory."
    )
    return say(figure, _say_edge(float(scales["edge_of_chaos"]), b, phi), caption, f"{phi}, σ_b² = {b:g}")


def _say_edge(edge: float, b: float, phi: str) -> str:
    if np.isnan(edge):
        return "There is no edge of chaos"
    lengths = meanfield.depth_scales(edge, b, phi)
    said = [_say(name, v) for name, v in (("ξ_c", lengths.xi_c), ("ξ_q", lengths.xi_q))]
    return f"At the edge of chaos, σ_w² = {edge:.4f}, {said[0]} and {said[1]}"


def _say(name: str, length: float) -> str:
    return f"{name} is {length:.2f} layers" if length < 1e6 else f"{name} diverges"


def _draw_lengths(ax: plt.Axes, scales: xr.Dataset, b: float, phi: str) -> None:
    """ξ_q and ξ_c of mean-field theory, and what interpolation, as published, gives at the values of the axis."""
    edge = float(scales["edge_of_chaos"])
    low, high = float(scales["sigma_w2"].min()), float(scales["sigma_w2"].max())
    low, high = (low, high) if high > low else (0.5 * low, 1.5 * low)
    # None of the nodes comes so close to the edge that the curve would end above the axis in a line of its own.
    fine = np.linspace(low, high, 240)
    exact = meanfield.depth_scales(fine, b, phi)
    ax.plot(fine, exact.xi_c, color="black", label=r"$\xi_c$")
    ax.plot(fine, exact.xi_q, color="#c2410c", linestyle="--", label=r"$\xi_q$")
    ax.plot(
        scales["sigma_w2"],
        scales["xi_published"],
        "s",
        markersize=4,
        markerfacecolor="none",
        color="0.35",
        label=r"$1/|\ln\chi_1|$, interpolated $q^*$",
    )
    if low < edge < high:
        ax.axvline(edge, color="0.6", linewidth=0.8, linestyle=":", label="edge of chaos")
    ax.set(yscale="log", ylim=(0.5, 300), xlabel=SIGMA_W2, ylabel="layers", title="lengths")
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2))
