"""Square-lattice Ising model: which probes of the first decimation see K_c, and how sharply."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from infoflow.figures.say import say
from infoflow.figures.style import WIDEST, curve_colours

PROBES = {
    "conditional_entropy": ("entropy of decimated given kept", "#3a9bc1", "o"),
    "mutual_information": ("mutual information", "#7d1f6b", "s"),
    "entropy": ("entropy = ln 2 − asymptote", "black", "^"),
}
"""The relative entropy of the first decimation is ½ ln 2 less the first of them, so its slope is that with a sign."""
SLOPES = {"conditional_entropy": "conditional_entropy_slope", "mutual_information": "information_slope"}


def draw(cube: xr.Dataset) -> Figure:
    """Above: values, and slopes of the two refined probes; below: steepest slopes and where they are, against size."""
    figure, axes = plt.subplots(2, 3, figsize=(WIDEST, 8.2))
    draw_values(axes[0, 0], cube)
    for ax, name in zip(axes[0, 1:], SLOPES):
        draw_slopes(ax, cube, name)
    slopes = axes[0, 1].get_legend_handles_labels()  # curves fill the panels
    figure.legend(*slopes, loc="outside lower center", ncols=4, fontsize=8, title="slopes, above")
    draw_heights(axes[1, 0], cube)
    draw_positions(axes[1, 1], cube)
    draw_sharpness(axes[1, 2], cube)
    return say(figure, *summary(cube), f"square lattice, first decimation, {cube.sizes['coupling']} couplings")


def draw_values(ax: Axes, cube: xr.Dataset) -> None:
    """The probes of the infinite lattice, of the small torus and of the largest sampled one."""
    k = cube["coupling"].values
    ax.plot(k, cube["relative_entropy"], color="#b8a200", linestyle="--", label="relative entropy (B)")
    for name in SLOPES:
        title, colour, marker = PROBES[name]
        ax.plot(k, cube[name], color=colour, label=title)
        ax.plot(k, cube[f"enumerated_{name}"].isel(decimation=1), ":", color=colour)
        if f"sampled_{name}" in cube:
            largest = cube.isel(side=-1)
            values, errors = largest[f"sampled_{name}"], largest[f"sampled_{name}_error"]
            ax.errorbar(cube["sampled_coupling"], values, errors, fmt=marker, color=colour, markersize=4)
    kept = int(cube["enumerated_kept"][0])
    ax.plot([], [], ":", color="0.3", label=f"torus of {kept} spins, enumerated")
    if "side" in cube.dims:
        ax.plot([], [], "o", color="0.3", markersize=4, label=f"{int(cube['side'][-1])}², Monte Carlo")
    ax.set(
        xlabel="coupling $K_0$",
        ylabel="nats per site",
        xlim=(0, k.max()),
        title="values; lines: infinite lattice, exact",
    )
    ax.set_ylim(0, 0.65)
    ax.legend(loc="upper left", fontsize=8)
    _mark_critical(ax, cube, 0.6)


def draw_slopes(ax: Axes, cube: xr.Dataset, name: str) -> None:
    """The derivative of one probe: strips, tori, and the infinite lattice."""
    near = cube["near_coupling"].values
    for colour, width in zip(curve_colours(cube.sizes["width"]), cube["width"].values):
        ax.plot(near, cube[f"strip_{name}_slope"].sel(width=width), color=colour, linewidth=1, label=f"strip, {width}")
    ax.plot(near, cube[f"limit_{name}_slope"], color="black", linestyle="--", linewidth=1, label="infinite lattice")
    sampled = f"sampled_{SLOPES[name]}"
    if sampled in cube:
        inside = cube.sel(sampled_coupling=abs(2 * cube["sampled_coupling"] - near[0] - near[-1]) <= near[-1] - near[0])
        for side, marker in zip(cube["side"].values[-2:], ("v", "o")):
            one = inside.sel(side=side)
            ax.errorbar(
                one["sampled_coupling"],
                one[sampled],
                one[f"{sampled}_error"],
                fmt=marker,
                color="#c2410c",
                markersize=4,
                markerfacecolor="white" if marker == "v" else "#c2410c",
                linewidth=1,
                label=f"{side}², Monte Carlo",
            )
    ax.set(xlabel="coupling $K_0$", ylabel="slope by $K_0$, nats per site", xlim=(near[0], near[-1]))
    ax.set_title(f"slope: {PROBES[name][0]}")
    _mark_critical(ax, cube)


def draw_heights(ax: Axes, cube: xr.Dataset) -> None:
    """The steepest falls of strips, and those of tori at K_c, against the size; the growth that theory says."""
    width = cube["width"].values
    sizes = np.array([width[0], 1.3 * max(width[-1], *(cube["side"].values if "side" in cube.dims else [0]))])
    for name, (title, colour, marker) in PROBES.items():
        steepest = cube[f"strip_{name}_steepest"].values
        ax.plot(width, steepest, marker, color=colour, markersize=5, label=title)
        grows = -float(cube[f"limit_{name}_amplitude"])
        ax.plot(sizes, steepest[-1] - grows * np.log(sizes / width[-1]), "-", color=colour, linewidth=0.8)
        slopes = _at_critical(cube, name)
        if slopes is not None:
            ax.errorbar(cube["side"], *slopes, fmt=marker, color=colour, markerfacecolor="white", markersize=5)
    ax.plot([], [], "ko", label="strips, exact: steepest")
    ax.plot([], [], "ko", markerfacecolor="white", label="tori, Monte Carlo: at $K_c$")
    ax.plot([], [], "k-", linewidth=0.8, label="slope of theory: A ln size")
    ax.set(
        xscale="log", xlabel="width or side, sites", ylabel="−slope, nats per site", title="steepest fall against size"
    )
    shown = sorted({*width.tolist()[::2], *(cube["side"].values.tolist() if "side" in cube.dims else [])})
    ax.set_xticks(shown, [f"{size}" for size in shown])
    ax.minorticks_off()
    low, high = ax.get_ylim()
    ax.set_ylim(0, high + 0.95 * (high - max(low, 0)))
    ax.legend(fontsize=8, loc="upper left")


def draw_positions(ax: Axes, cube: xr.Dataset) -> None:
    """How far from K_c strips are steepest."""
    width, critical = cube["width"].values, float(cube["critical_coupling"])
    for name, (title, colour, marker) in PROBES.items():
        shift = cube[f"strip_{name}_steepest_coupling"].values - critical
        power = np.polyfit(np.log(width[-3:]), np.log(np.abs(shift[-3:])), 1)[0]
        sign = "above" if shift[-1] > 0 else "below"
        ax.loglog(
            width,
            np.abs(shift),
            f"{marker}-",
            color=colour,
            markersize=5,
            label=f"{title}: {sign}, ~ size$^{{{power:.2f}}}$",
        )
    ax.set(
        xlabel="width of the strip, sites",
        ylabel=r"$|K_\mathrm{steepest}-K_c|$",
        title="where strips are steepest (exact)",
    )
    ax.set_xticks(width, [f"{w}" for w in width])
    ax.minorticks_off()
    low, high = ax.get_ylim()
    ax.set_ylim(low, high * (high / low) ** 0.5)
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter(lambda y, _: f"{y:g}")
    ax.legend(fontsize=8, loc="upper left")


def draw_sharpness(ax: Axes, cube: xr.Dataset) -> None:
    """The growth of the slope per ln size, relative to the range of the probe, which no constant changes."""
    found = sharpness(cube)
    order = np.arange(len(found))[::-1]
    bars = ax.barh(order, list(found.values()), color=["#b8a200", "black", "#3a9bc1", "#7d1f6b"], height=0.6)
    ax.bar_label(
        bars, [f"{value:.2f}" if np.isfinite(value) else "?" for value in found.values()], padding=3, fontsize=8
    )
    ax.set_yticks(order, list(found))
    ax.margins(x=0.15)
    ax.set(xlabel="|A| / (largest − smallest value)", title="growth of the slope per ln size")


def sharpness(cube: xr.Dataset) -> dict[str, float]:
    """|A| of every probe over its range on the couplings, infinite lattice: alike for probes alike but for "
    "constants."""

    def ratio(amplitude: str, value: str) -> float:
        values = cube[value].values
        span = float(np.ptp(values[np.isfinite(values)]))
        return abs(float(cube[f"limit_{amplitude}_amplitude"])) / span if span else np.nan

    return {
        "relative\nentropy,\n$n$ = 1": ratio("conditional_entropy", "relative_entropy"),
        "its\nasymptote": ratio("entropy", "asymptote"),
        "conditional\nentropy": ratio("conditional_entropy", "conditional_entropy"),
        "mutual\ninformation": ratio("mutual_information", "mutual_information"),
    }


def summary(cube: xr.Dataset) -> tuple[str, str]:
    """Finding and caption: what the numbers of this run say."""
    k = cube["coupling"].values
    peak = int(np.argmax(cube["mutual_information"].values))
    amplitudes = {name: abs(float(cube[f"limit_{name}_amplitude"])) for name in PROBES}
    finding = (
        f"No probe has a peak at K_c, the mutual information has its at K₀ ≈ {k[peak]:.3g}; "
        "the slopes of all diverge there"
    )
    caption = (
        f"On a lattice slopes at K_c grow as A ln size: A = {amplitudes['conditional_entropy']:.3f} for relative and "
        f"conditional entropy, which are the same but for sign and a constant, {amplitudes['mutual_information']:.3f} "
        f"for the mutual information, {amplitudes['entropy']:.3f} for the asymptote. The last panel has |A| over the "
        "range of the probe on the couplings shown, which constants do not change; another range of couplings changes "
        "it. Lines are exact, points are Monte Carlo with standard errors. Not shown: larger lattices."
    )
    return finding, caption


def _at_critical(cube: xr.Dataset, name: str) -> tuple[np.ndarray, np.ndarray] | None:
    """-slope and error of the tori at the sampled coupling closest to K_c, if that is K_c."""
    if "sampled_coupling" not in cube.coords:
        return None
    critical = float(cube["critical_coupling"])
    at = cube.sel(sampled_coupling=critical, method="nearest")
    if abs(float(at["sampled_coupling"]) - critical) > 1e-5:
        return None
    if name == "entropy":
        return critical * at["sampled_heat"].values, critical * at["sampled_heat_error"].values
    return -at[f"sampled_{SLOPES[name]}"].values, at[f"sampled_{SLOPES[name]}_error"].values


def _mark_critical(ax: Axes, cube: xr.Dataset, height: float = 1.0) -> None:
    critical = float(cube["critical_coupling"])
    ax.axvline(critical, ymax=height, color="0.5", linewidth=0.9, linestyle="--")
    place = {"xycoords": ("data", "axes fraction"), "color": "0.4", "ha": "left", "va": "top"}
    ax.annotate(" $K_c$", (critical, height - 0.01), **place)
