"""Maps over (σ_w², layer) of the three measures of what a layer keeps of the input."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

from infoflow.figures.say import say
from infoflow.figures.style import (
    ENTROPY_FLOOR,
    LINES,
    NORMS,
    SIGMA_W2,
    WIDEST,
    cell_edges,
    curve_colours,
    finite_entropy,
    mark_edge,
    over_replicas,
    tick_samples,
)
from infoflow.studies.trainability.experiment import Experiment
from infoflow.studies.trainability.figures._shared import (
    data_kind,
    probe_variable,
    share_trained,
    shown_biases,
    theory_variable,
    title,
)

LEVELS = {"differential_entropy": -12.0, "explained_variance": 0.5}
"""Contours that are drawn of what was measured, and of theory."""
LABELS = {
    "relative_entropy": "relative entropy $D(x\\,\\|\\,C^l)$ (nats)",
    "differential_entropy": "differential entropy $H(C^l)$ (nats/pixel)",
    "explained_variance": "explained variance $R^2$",
}
EXTEND = {"relative_entropy": "max", "differential_entropy": "min", "explained_variance": "min"}


def draw(cube: xr.Dataset, experiment: Experiment, probes: Mapping) -> Figure:
    """One column per measure, one row per σ_b²; means over replicas. A single σ_w² gives curves in place of maps."""
    biases, found = shown_biases(experiment), {name: measure(cube, name) for name in LABELS}
    several = cube.sizes["sigma_w2"] > 1
    figure = _draw_maps(cube, biases, found) if several else _draw_curves(cube, biases)
    bar = f"; {explain_bar(cube)}" if has_truth(cube) and several else ""
    caption = (
        "What layer l of the untrained network keeps of the input: relative entropy (median over inputs), differential "
        "entropy of the reconstructions and explained variance, "
        f"means over {cube.sizes['replica']} replicas; in all figures of a quantity its colours mean the same values. "
        f"{_say_theory(cube)}{_say_variance(cube, experiment)}"
    )
    # a number that would be taken for more than it is
    but = ", most of it between the two photographs" if data_kind(cube, experiment) == "photographs" else ""
    return say(figure, finding(cube, biases) + but, caption, f"{title(cube, experiment)}{bar}")


def measure(cube: xr.Dataset, name: str) -> xr.DataArray:
    """A measure of the main method: of quantiles the median, of the entropy what can be drawn."""
    values = probe_variable(cube, name)
    if name == "relative_entropy":
        return values.sel(quantile=0.5)
    return finite_entropy(values) if name == "differential_entropy" else values


def collapse_layers(cube: xr.Dataset, b: float) -> tuple[np.ndarray, np.ndarray]:
    """The first layer where the mean of H over replicas is below its level, NaN if none is; and where H is known."""
    entropy = measure(cube, "differential_entropy").mean("replica").sel(sigma_b2=b).transpose("sigma_w2", "layer")
    below = (entropy < LEVELS["differential_entropy"]).values
    layer = np.where(below.any(1), entropy["layer"].values[below.argmax(1)], np.nan)
    return layer, entropy.notnull().all("layer").values


def finding(cube: xr.Dataset, biases: list[float]) -> str:
    """Where the entropy collapses, of the first σ_b² that has columns which do."""
    level, last = f"{LEVELS['differential_entropy']:g}".replace("-", "−"), int(cube["layer"][-1])
    for b in biases:
        layer, known = collapse_layers(cube, b)
        w, edge = cube["sigma_w2"].values, float(cube["edge_of_chaos"].sel(sigma_b2=b))
        at = f" (σ_b² = {b:g})" if len(biases) > 1 else ""
        if not (inside := np.isfinite(layer)).any():
            continue
        text = f"H falls below {level} for {_range(w[inside], 'σ_w² = ')}, after {_range(layer[inside])} layers{at}"
        if np.isfinite(edge):
            beyond = known & (w > edge)
            kept = int((~inside[beyond]).sum())
            text += f"; right of the edge of chaos it stays above in {kept} of {int(beyond.sum())} columns"
        return text
    lowest = float(measure(cube, "differential_entropy").mean("replica").min())
    text = f"H stays above {level} in all {last} layers, at {lowest:.1f} or more".replace("-", "−")
    explained = measure(cube, "explained_variance").mean("replica").isel(layer=-1)
    return f"{text}; R² of layer {last}: {_range(np.round(explained.values.ravel(), 2))}".replace("-", "−")


def _range(values: np.ndarray, name: str = "") -> str:
    low, high = np.nanmin(values), np.nanmax(values)
    return f"{name}{low:g}" if low == high else f"{name}{low:g} to {high:g}"


def _say_theory(cube: xr.Dataset) -> str:
    levels = "Lines are H = −12 and R² = 0.5: solid as measured"
    if theory_variable(cube, "differential_entropy") is None:
        return f"{levels}; there is no theory of this cascade here."
    return f"{levels}, dashed by the theory of infinite width; what lies between is what finitely many units lose."


def _say_variance(cube: xr.Dataset, experiment: Experiment) -> str:
    if data_kind(cube, experiment) != "photographs":
        return ""
    return (
        " Not shown: how much is kept within a picture. The crops come from two photographs, and most of the variance "
        "that R² counts is between these two: whoever knows which of them it is has most of it."
    )


def _draw_maps(cube: xr.Dataset, biases: list[float], found: Mapping[str, xr.DataArray]) -> Figure:
    rows = len(biases)
    figure, axes = plt.subplots(rows, 3, figsize=(WIDEST, 1.1 + 3.4 * rows), squeeze=False, sharex=True, sharey=True)
    for row, b in zip(axes, biases, strict=True):
        for ax, (name, label) in zip(row, LABELS.items(), strict=True):
            here = found[name].mean("replica").sel(sigma_b2=b).transpose("layer", "sigma_w2")
            mesh = _draw_map(ax, here, name)
            figure.colorbar(mesh, ax=ax, extend=EXTEND[name])
            _finish_map(ax, cube, b, label)
            _draw_contours(ax, name, here, theory_variable(cube, name), b)
        row[0].set_ylabel(f"layer $l$  ($\\sigma_b^2$ = {b:g})")
    known = {label: line for ax in axes.flat for line, label in zip(*ax.get_legend_handles_labels())}
    if known:
        figure.legend(known.values(), known, loc="outside lower center", ncols=min(3, len(known)))
    return figure


def _draw_curves(cube: xr.Dataset, biases: list[float]) -> Figure:
    """Of a single σ_w² the measures against the layer, a curve per σ_b²."""
    figure, axes = plt.subplots(1, 3, figsize=(WIDEST, 3.9))
    for ax, (name, label) in zip(axes, LABELS.items(), strict=True):
        for b, colour, line in zip(biases, curve_colours(len(biases)), LINES):
            mean, spread = over_replicas(measure(cube, name).isel(sigma_w2=0).sel(sigma_b2=b))
            ax.fill_between(mean["layer"], mean - spread, mean + spread, color=colour, alpha=0.25, linewidth=0)
            style = {"color": colour, "linestyle": line, "marker": "o", "markersize": 3}
            ax.plot(mean["layer"], mean, label=f"$\\sigma_b^2$ = {b:g}", **style)
        if name == "explained_variance":
            ax.axhline(0, color="0.5", linestyle=":", linewidth=1)
        ax.set(xlabel="layer $l$", title=label)
        ax.xaxis.get_major_locator().set_params(integer=True)
    if len(biases) > 1:
        axes[0].legend()
    return figure


def draw_entropy(ax: Axes, cube: xr.Dataset, b: float) -> QuadMesh:
    """The map of the differential entropy alone."""
    here = measure(cube, "differential_entropy").mean("replica").sel(sigma_b2=b).transpose("layer", "sigma_w2")
    mesh = _draw_map(ax, here, "differential_entropy")
    _finish_map(ax, cube, b, LABELS["differential_entropy"])
    ax.set_ylabel("layer $l$")
    return mesh


def _draw_map(ax: Axes, values: xr.DataArray, name: str) -> QuadMesh:
    edges = cell_edges(values["sigma_w2"]), cell_edges(values["layer"])
    colours, norm = NORMS[name]
    tick_samples(ax.xaxis, values["sigma_w2"].values)
    return ax.pcolormesh(*edges, values, norm=norm, cmap=colours, rasterized=True)


def _draw_contours(ax: Axes, name: str, measured: xr.DataArray, theory: xr.DataArray | None, b: float) -> None:
    """Where a measure passes its level: solid as measured, dashed by theory. What lies between is the finite width."""
    if name not in LEVELS or min(measured.shape) < 2:
        return
    of_theory = None if theory is None else theory.sel(sigma_b2=b).transpose("layer", "sigma_w2")
    for values, line, label in ((measured, "-", "measured"), (of_theory, "--", "theory, infinite width")):
        if values is not None and (values < LEVELS[name]).any() and (values > LEVELS[name]).any():
            finite = values.clip(min=ENTROPY_FLOOR) if name == "differential_entropy" else values
            axes = values["sigma_w2"], values["layer"]
            ax.contour(*axes, finite, [LEVELS[name]], colors="white", linewidths=2.6, linestyles="-")
            ax.contour(*axes, finite, [LEVELS[name]], colors="orangered", linewidths=1.3, linestyles=line)
            ax.plot([], [], color="orangered", linestyle=line, label=f"$H = -12$, $R^2 = 0.5$, {label}")


def _finish_map(ax: Axes, cube: xr.Dataset, b: float, label: str) -> None:
    """Edge of chaos, labels, and above the map the trainability bar."""
    ax.yaxis.get_major_locator().set_params(integer=True)
    mark_edge(ax, float(cube["edge_of_chaos"].sel(sigma_b2=b)), "edge of chaos")
    ax.set_xlabel(SIGMA_W2)
    ax.set_title(label, y=1.06 if has_truth(cube) else None)  # by itself it moves above the bar after the layout
    if has_truth(cube):
        share = share_trained(cube).isel(depth=-1).sel(sigma_b2=b)
        bar = ax.inset_axes([0, 1.01, 1, 0.05], sharex=ax)
        colours, norm = NORMS["share"]
        bar.pcolormesh(cell_edges(share["sigma_w2"]), [0, 1], share.values[None], cmap=colours, norm=norm)
        bar.tick_params(labelbottom=False, bottom=False, labelleft=False, left=False, which="both")
        for side in bar.spines.values():
            side.set(visible=True, linewidth=0.6)


def has_truth(cube: xr.Dataset) -> bool:
    """Whether networks of the experiment were trained; others of its cube may have been."""
    return "trainable" in cube and cube.sizes["depth"] > 0


def explain_bar(cube: xr.Dataset) -> str:
    """What the bar above the maps shows."""
    return f"bar above: share of the networks of depth {int(cube['depth'][-1])} that train, dark none, yellow all"
