"""Square-lattice Ising model: what the relative entropy tends to, through the transition."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from infoflow.figures.say import say


def draw(cube: xr.Dataset) -> Figure:
    """Against K0: left, the relative entropy after the first and after all decimations; right, its slope."""
    k, critical = cube["coupling"].values, float(cube["critical_coupling"])
    near = cube["near_coupling"].values
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.8, 4.4))
    left.plot(k, cube["asymptote"], "k-", linewidth=2, label="asymptote of B, infinite lattice (Onsager)")
    last = cube["enumerated_relative_entropy"].isel(decimation=-1)
    kept = cube["enumerated_kept"].values
    left.plot(k, last, "k:", label=f"B, {kept[0]} spins, all but one decimated (enumerated)")
    left.plot(k, cube["relative_entropy"], color="#3a9bc1", label="B, first decimation, infinite lattice")
    if "sampled_relative_entropy" in cube:
        side = int(cube["side"][-1])
        sampled = cube["sampled_relative_entropy"].isel(side=-1)
        error = cube["sampled_relative_entropy_error"].isel(side=-1)
        left.errorbar(
            cube["sampled_coupling"],
            sampled,
            error,
            fmt="o",
            color="#3a9bc1",
            markersize=4,
            label=f"{side}², Monte Carlo",
        )
    left.axhline(np.log(2), color="0.6", linewidth=0.8, linestyle="-.", label="ln 2")
    left.set(ylabel="relative entropy per site, nats", xlim=(0, k.max()), title="values")
    left.set_ylim(0, 1.42)
    left.legend(loc="upper left", fontsize=8)
    right.plot(near, -cube["limit_entropy_slope"], "k-", linewidth=2, label="asymptote, infinite lattice")
    widest = cube.isel(width=-1)
    right.plot(near, -widest["strip_entropy_slope"], "k:", label=f"asymptote, strip of width {int(widest['width'])}")
    slope = -cube["limit_conditional_entropy_slope"]
    right.plot(near, slope, color="#3a9bc1", linestyle="--", label="first decimation, infinite lattice")
    right.set(ylabel="slope $dD/dK_0$ per site, nats", xlim=(near[0], near[-1]), title="slopes: logarithmic at $K_c$")
    right.legend(fontsize=8)
    for ax in (left, right):
        ax.axvline(critical, ymax=0.62 if ax is left else 1, color="crimson", linewidth=0.9, linestyle="--")
        ax.set_xlabel("coupling $K_0$")
        ax.annotate(
            " $K_c$", (critical, 0.02), xycoords=("data", "axes fraction"), color="crimson", ha="left", va="bottom"
        )
    return say(figure, *summary(cube), f"square lattice, {cube.sizes['coupling']} couplings")


def summary(cube: xr.Dataset) -> tuple[str, str]:
    """Finding and caption: what the numbers of this run say of the claims."""
    k, asymptote = cube["coupling"].values, cube["asymptote"]
    critical = float(cube["critical_coupling"])
    at = float(np.interp(critical, k, asymptote))
    monotone = "grows" if (asymptote.diff("coupling") > 0).all() else "does not only grow"
    slope = -float(cube["limit_entropy_amplitude"])
    finding = (
        f"The asymptote {monotone} with K₀ and has no step at K_c, where it is {at:.3f}; its slope diverges, as "
        f"{abs(slope):.3f} ln 1/|K₀ − K_c|"
    )
    caption = (
        f"Left: the relative entropy after the first and after all decimations, from {float(asymptote[0]):.4f} to "
        f"{float(asymptote[-1]):.4f}; lines are exact, Monte Carlo has its standard errors, most of them within the "
        "symbols. Right: slopes, which on the grid of couplings are drawn up to a finite height only. Not shown: "
        "larger couplings."
    )
    return finding, caption
