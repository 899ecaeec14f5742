"""Whether depth over the correlation length is all that counts: curves of every σ_w² over depth/ξ_c."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from infoflow.figures.say import say
from infoflow.figures.style import SIGMA_W2, WIDEST
from infoflow.studies.trainability.experiment import Experiment
from infoflow.studies.trainability.figures._shared import share_trained, shown_biases, title
from infoflow.studies.trainability.figures.entropy_maps import LABELS, LEVELS, has_truth, measure

RULE = 6.0
"""Published: networks are trainable up to so many ξ_c (arXiv:1611.01232)."""
LEVEL = {"differential_entropy": LEVELS["differential_entropy"], "explained_variance": 0.5, "share": 0.5}


def draw(cube: xr.Dataset, experiment: Experiment, probes: Mapping) -> Figure:
    """Entropy, explained variance, and the share that trains, over layer or depth in units of ξ_c."""
    panels = ["differential_entropy", "explained_variance", *(["share"] if has_truth(cube) else [])]
    figure, axes = plt.subplots(1, len(panels), figsize=(WIDEST, 4.6), squeeze=False, sharex=True)
    norm = LogNorm(*_range(cube["sigma_w2"].values))
    spreads = {name: _draw_panel(ax, cube, shown_biases(experiment), name, norm) for ax, name in zip(axes[0], panels)}
    axes[0, 0].set_xscale("log")
    bar = figure.colorbar(plt.cm.ScalarMappable(norm, "viridis"), ax=axes, label=SIGMA_W2, format="{x:g}", aspect=30)
    bar.minorticks_off()
    bar.set_ticks(_some(cube["sigma_w2"].values))
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    caption = (
        "If the correlation length decided alone, the curves of one phase would fall on each other. Solid with dots: "
        "ordered side of the edge of chaos; dashed with crosses: chaotic side; means over replicas. Vertical line: the "
        "published rule, trainable up to 6 ξ_c. Not shown: columns close to the edge whose ξ_c is larger than the "
        "deepest network, where something else limits the depth."
    )
    return say(figure, _finding(spreads), caption, title(cube, experiment))


def passed(x: np.ndarray, y: np.ndarray, level: float) -> float:
    """Where a falling curve first passes a level, interpolated in the logarithm of x; NaN if it does not."""
    known = np.isfinite(y)
    x, y = x[known], y[known]
    below = np.flatnonzero(y < level)
    if not len(below) or below[0] == 0:
        return np.nan
    k = int(below[0])
    part = (y[k - 1] - level) / (y[k - 1] - y[k])
    return float(np.exp(np.log(x[k - 1]) + part * (np.log(x[k]) - np.log(x[k - 1]))))


def _draw_panel(ax: Axes, cube: xr.Dataset, biases: list[float], name: str, norm: LogNorm) -> dict[bool, list[float]]:
    """Gives where the curves pass the level, by whether they are of the ordered side."""
    values = share_trained(cube) if name == "share" else measure(cube, name).mean("replica")
    axis = "depth" if name == "share" else "layer"
    found: dict[bool, list[float]] = {True: [], False: []}
    for b in biases:
        edge = float(cube["edge_of_chaos"].sel(sigma_b2=b))
        for w in cube["sigma_w2"].values:
            xi = float(cube["xi_c"].sel(sigma_w2=w, sigma_b2=b))
            if not 0 < xi <= cube["layer"].values[-1]:
                continue
            curve = values.sel(sigma_w2=w, sigma_b2=b)
            x, ordered = curve[axis].values / xi, bool(w < edge or np.isnan(edge))
            style = {"linestyle": "-" if ordered else "--", "marker": "o" if ordered else "x", "markersize": 2.5}
            every = max(1, len(x) // 10)
            ax.plot(x, curve.values, color=plt.get_cmap("viridis")(norm(w)), linewidth=1, markevery=every, **style)
            found[ordered].append(passed(x, curve.values, LEVEL[name]))
    for label, style in (("ordered side", "-o"), ("chaotic side", "--x")):
        ax.plot([], [], style, color="0.3", markersize=3, linewidth=1, label=label)
    ax.axvline(RULE, color="#c2410c", linewidth=1, linestyle=":", label=r"published rule, $6\,\xi_c$")
    ax.axhline(LEVEL[name], color="0.6", linewidth=0.8, zorder=0)
    ax.set_xlabel(f"{axis} / $\\xi_c$")
    ax.set_title({**LABELS, "share": "share of the networks that train"}[name])
    if name == "explained_variance":
        ax.set_ylim(-1, 1.03)
    return found


def _finding(spreads: Mapping[str, Mapping[bool, list[float]]]) -> str:
    """Where the curves pass their levels, as a range over σ_w², on either side."""
    names = {
        "differential_entropy": "H reaches −12",
        "explained_variance": "R² one half",
        "share": "half of the networks train",
    }
    said = []
    for name, sides in spreads.items():
        values = np.array(sides[True])
        values = values[np.isfinite(values)]
        if len(values):
            said.append(f"{names[name]} at {values.min():.2g} to {values.max():.2g} ξ_c")
    return (
        f"On the ordered side {', '.join(said)}"
        if said
        else "No column of the ordered side passes a level within the depth"
    )


def _range(values: np.ndarray) -> tuple[float, float]:
    low, high = float(values[values > 0].min(initial=values.max() or 1.0)), float(values.max() or 1.0)
    return (low, high) if low < high else (low / 2, 2 * high)


def _some(values: np.ndarray) -> list[float]:
    step = max(1, -(-len(values) // 7))
    return [float(v) for v in values[::step] if v > 0]
