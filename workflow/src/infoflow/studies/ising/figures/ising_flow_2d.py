"""Square-lattice Ising model: couplings and relative entropies along the decimation, below, at and above K_c."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from infoflow.figures.say import say
from infoflow.figures.style import WIDEST, curve_colours

LARGEST = 20.0
"""Couplings above this are not drawn."""
LEAST = 1e-4


def draw(cube: xr.Dataset) -> Figure:
    """Against the number of decimations: couplings; definition A, both directions; definition B on a small torus."""
    shown = cube.sel(coupling=cube["highlighted"] == 1)
    n, m = cube["step"].values, cube["decimation"].values
    figure, axes = plt.subplots(2, 2, figsize=(WIDEST, 7.6))
    flow, forward, reverse, torus = axes.flat
    truncated = float(cube["truncated_critical_coupling"])
    critical = float(cube["critical_coupling"])
    for colour, k in zip(curve_colours(shown.sizes["coupling"]), shown["coupling"].values):
        one = shown.sel(coupling=k)
        inside = (one["flow"] > LEAST) & (one["flow"] < LARGEST)
        phase = "" if abs(k / critical - 1) > 1e-4 else " ($K_c$)"
        flow.semilogy(n, one["flow"].where(inside), "o-", color=colour, markersize=3, label=f"$K_0$ = {k:g}{phase}")
        forward.semilogy(n[1:], one["relative_entropy_a"][1:], "o-", color=colour, markersize=3)
        reverse.semilogy(n[1:], one["reverse_relative_entropy_a"][1:], "o-", color=colour, markersize=3)
        torus.plot(m, one["enumerated_relative_entropy"], "o-", color=colour, markersize=3)
        torus.plot([m[1]], [one["relative_entropy"]], "x", color=colour, markersize=7)
        torus.axhline(float(one["asymptote"]), color=colour, linewidth=0.9, linestyle=":")
    flow.axhline(truncated, color="black", linestyle="--", linewidth=0.8)
    flow.annotate(f"its fixed point, {truncated:.4f}", (n[-1], truncated), ha="right", va="bottom", fontsize=8)
    flow.set(ylabel="coupling $K_n$", title="truncated flow (Maris, Kadanoff)")
    flow.set_xlim(-0.5, n[-1] + 0.5)
    forward.set(ylabel=r"$D(p_{K_0}\,\|\,p_{K_n})$ per site, nats", title="definition A, truncated")
    figure.legend(*flow.get_legend_handles_labels(), loc="outside lower center", ncols=5)
    reverse.set(ylabel=r"$D(p_{K_n}\,\|\,p_{K_0})$ per site, nats", title="A reversed, truncated")
    side = round(float(cube["enumerated_kept"][0]) ** 0.5)
    torus.set(ylabel="relative entropy per site, nats", title=f"definition B, exact: {side} × {side} torus")
    for style, label in (("o-", f"{side} × {side} torus"), ("x", "infinite lattice, $n$ = 1"), (":", "its asymptote")):
        torus.plot([], [], style, color="0.3", markersize=4, label=label)
    torus.set_ylim(0, 1.35 * float(shown["asymptote"].max()))
    torus.legend(loc="upper left", fontsize=8)
    for ax in axes.flat:
        ax.set_xlabel("decimations $n$, each by √2")
        ax.xaxis.get_major_locator().set_params(integer=True)
    return say(figure, *summary(cube), f"square lattice, {cube.sizes['coupling']} couplings")


def summary(cube: xr.Dataset) -> tuple[str, str]:
    """Finding and caption: what the numbers of this run say of the claims."""
    least = float(cube["enumerated_relative_entropy"].diff("decimation").min())
    exact = "never falls" if least >= -1e-12 else f"falls by up to {-least:.2g}"
    above = cube.sel(coupling=cube["coupling"] > cube["truncated_critical_coupling"])
    below = cube.sel(coupling=cube["coupling"] < cube["truncated_critical_coupling"])
    steps, fixed = cube.sizes["step"] - 1, float(cube["truncated_critical_coupling"])
    side = round(float(cube["enumerated_kept"][0]) ** 0.5)
    finding = (
        f"Definition B {exact} on either side of K_c; of A the truncated flow decides, whose fixed point is {fixed:.3f}"
    )
    text = (
        "The flow is truncated to one coupling and sends all K₀ below its fixed point to zero, K_c among them. B is "
        f"exact, on a torus of {side} × {side} spins, where it is not the infinite lattice's (dotted)"
    )
    if below.sizes["coupling"]:
        gap = float((below["asymptote"] - below["relative_entropy_a"].isel(step=-1)).max())
        over = float((below["relative_entropy_a"].isel(step=-1) - below["asymptote"]).max())
        stays = f"is at most {gap:.2g} below" if over < 1e-9 else f"is up to {over:.2g} above"
        text += f". A, for K₀ < {fixed:.4f}, {stays} the exact asymptote after {steps} steps"
    if above.sizes["coupling"]:
        last, before = (above["relative_entropy_a"].isel(step=-n) for n in (1, 2))
        most = int(np.argmax(last.values))
        back = above["reverse_relative_entropy_a"].isel(step=-1)
        text += (
            f"; beyond, it does not saturate: {float(last[most]):.3g} at K₀ = {float(above['coupling'][most]):g}, "
            f"{float(last[most] / before[most]):.2f} times that of the step before; reversed, there, it is at most "
            f"{float(back.max()):.3f}"
        )
    return finding, f"{text}. Not shown: larger tori."
