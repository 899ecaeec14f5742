"""The layer where the differential entropy collapses against ξ_c, of all experiments of a map."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from infoflow.figures.say import say as say_all
from infoflow.figures.style import LINES, SIGMA_W2, WIDEST, curve_colours, mark_edge
from infoflow.studies.maps.figures._shared import has_theory, say, say_fit, say_numbers, title
from infoflow.studies.maps.figures.map import finding
from infoflow.studies.maps.variables import BEYOND_DEPTH, COLLAPSED, THEORY, UNKNOWN

MARKERS = "os^Dv<"
XI, LAYER = r"$\xi_c$", "layer of the collapse"


def draw(cube: xr.Dataset) -> Figure:
    """Left, the layer against ξ_c; right, their ratio against σ_w². Above both, the columns that have no such layer."""
    names = cube["experiment"].values.tolist()
    figure, axes = plt.subplots(
        2,
        2,
        figsize=(WIDEST, 6.4 + 0.22 * len(names)),
        sharex="col",
        height_ratios=(0.35 + 0.17 * len(names), 4),
    )
    (strip, right_strip), (left, right) = axes
    left.set(xscale="log", yscale="log", xlabel=f"correlation length {XI} (layers)", ylabel=LAYER)
    right.set(xlabel=SIGMA_W2, ylabel=f"{LAYER} / {XI}")
    for k, (name, colour) in enumerate(zip(names, curve_colours(len(names)))):
        here = cube.sel(experiment=name).stack(column=("sigma_b2", "sigma_w2"))  # σ_w² ascending for each σ_b²
        draw_columns(left, right, here, {"color": colour, "marker": MARKERS[k]})
        draw_theory(left, right, here, {"color": colour, "linestyle": LINES[k]})
        strips = (strip, here["xi_c"].values, _furthest(cube)), (right_strip, here["sigma_w2"].values, np.inf)
        for ax, position, furthest in strips:
            draw_strip(ax, here["collapse_case"].values, position, k, colour, furthest)
        label = say_experiment(cube.sel(experiment=name), name)
        left.plot([], [], color=colour, marker=MARKERS[k], linestyle=LINES[k], label=label)
    _draw_published(left, right, cube)
    _finish_panels(left, right, cube)
    _finish_strips(strip, right_strip, cube)
    for edge in np.unique(cube["edge_of_chaos"].values):
        for ax in (right, right_strip):
            mark_edge(ax, float(edge))
    _add_legend(figure, left)
    threshold = say(float(cube["threshold"]))
    cases = cube["collapse_case"].values
    caption = (
        f"The first layer whose differential entropy is below {threshold}, of every column of the maps, against the "
        "mean-field correlation length and as their ratio. Lines: networks of infinite width, as far as they collapse "
        f"within the depth. In the strips above, {int((cases == BEYOND_DEPTH).sum())} columns that do not collapse "
        f"within the depth, of which only a bound is known, and {int((cases == UNKNOWN).sum())} that are not known; "
        "they are in no fit. Not shown: errors of the slopes; the brackets are ranges of single ratios."
    )
    settings = f"layer where $H$ < {threshold}; {title(cube)}; {say_numbers()}"
    return say_all(figure, finding(cube), caption, settings)


def draw_columns(left: Axes, right: Axes, here: xr.Dataset, style: dict) -> None:
    """What was measured of an experiment: a symbol per column that collapses, filled on the ordered side."""
    layer, xi = here["collapse_layer"].values, here["xi_c"].values
    ordered = (here["sigma_w2"] < here["edge_of_chaos"]).values
    for chosen, face in ((ordered, style["color"]), (~ordered, "white")):
        at = chosen & np.isfinite(layer) & np.isfinite(xi) & (xi > 0)
        look = {**style, "linestyle": "none", "markersize": 4, "markerfacecolor": face, "markeredgewidth": 0.8}
        left.plot(xi[at], layer[at], **look)
        right.plot(here["sigma_w2"].values[at], layer[at] / xi[at], **look)


def draw_theory(left: Axes, right: Axes, here: xr.Dataset, style: dict) -> None:
    """The same by theory: a line on either side of the edge of chaos, as far as it collapses within the depth."""
    layer, xi, w = (here[name].values for name in (f"{THEORY}collapse_layer", "xi_c", "sigma_w2"))
    ordered, bias = (here["sigma_w2"] < here["edge_of_chaos"]).values, here["sigma_b2"].values
    length = np.where(np.isfinite(xi) & (xi > 0), xi, np.nan)
    for b in np.unique(bias):
        for side in (True, False):
            at = (bias == b) & (ordered == side)
            single = {"marker": "." if np.isfinite((layer / length)[at]).sum() == 1 else ""}
            left.plot(length[at], layer[at], linewidth=1, **style, **single)
            right.plot(w[at], (layer / length)[at], linewidth=1, **style, **single)


def draw_strip(
    ax: Axes, case: np.ndarray, position: np.ndarray, row: int, colour: tuple, furthest: float = np.inf
) -> None:
    """The columns without a layer of the collapse, in the row of their experiment; at the end what is beyond it."""
    for which, marker in ((BEYOND_DEPTH, "^"), (UNKNOWN, "x")):
        known = position[(case == which) & (position > 0)]
        for at, sign in ((known[known <= furthest], marker), (np.full((known > furthest).sum(), furthest), ">")):
            ax.plot(at, np.full(len(at), row), sign, color=colour, markersize=3.5, markeredgewidth=0.8, zorder=4)


def say_experiment(one: xr.Dataset, name: str) -> str:
    """The fit of an experiment, and how many columns it leaves out, for the legend."""
    if not np.isfinite(one["xi_c"]).any():
        return rf"{name}: mean-field theory knows no {XI}"
    theory = f"theory {say_fit(one, THEORY)}" if has_theory(one) else "no theory"
    said = f"{name}: {say_fit(one, '')}, {theory}"
    fitted, beyond = int(one["fitted_columns"]), int(one["beyond_columns"])
    return f"{said}; {fitted} columns, {beyond} more beyond the depth"


def _furthest(cube: xr.Dataset) -> float:
    """Where the axis of ξ_c ends at most, which has no end towards the edge of chaos: behind all that can collapse."""
    return 3 * int(cube["layers"].max()) / float(cube["published_rule"])


def _draw_published(left: Axes, right: Axes, cube: xr.Dataset) -> None:
    """Lines of proportionality, over all of ξ_c that is shown."""
    ends = np.array(left.get_xlim())
    for name, style, what in (
        ("published_collapse", "-", "where the published map collapses"),
        ("published_rule", "--", "published rule of trainability"),
    ):
        factor, look = float(cube[name]), {"color": "crimson", "linewidth": 1.2, "linestyle": style}
        left.plot(ends, factor * ends, label=rf"${factor:g}\,\xi_c$, {what}", zorder=0, **look)
        right.axhline(factor, zorder=0, **look)
    left.set_xlim(ends)


def _finish_panels(left: Axes, right: Axes, cube: xr.Dataset) -> None:
    """Limits and ticks."""
    found = np.concatenate([cube[f"{prefix}collapse_layer"].values.ravel() for prefix in ("", THEORY)])
    deepest, weights = int(cube["layers"].max()), cube["sigma_w2"].values
    left.set_ylim(0.7 * found[np.isfinite(found)].min(initial=deepest), 1.3 * deepest)
    for axis in (left.xaxis, left.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter(NullFormatter())
    margin = 0.02 * (np.ptp(weights) or 1)
    right.set(xlim=(weights[0] - margin, weights[-1] + margin), ylim=(0, None))
    if not (cube["collapse_case"] == COLLAPSED).any():
        style = {"ha": "center", "color": "0.4", "backgroundcolor": "white"}
        left.text(0.5, 0.5, "no column collapses", transform=left.transAxes, **style)


def _finish_strips(strip: Axes, right_strip: Axes, cube: xr.Dataset) -> None:
    """Rows, and above them what their symbols mean, of those that there are."""
    rows, cases = cube.sizes["experiment"], cube["collapse_case"].values
    for ax in (strip, right_strip):
        ax.set(ylim=(rows - 0.4, -0.6), yticks=[])
        ax.spines["left"].set_visible(False)
        ax.tick_params(labelbottom=False, bottom=False, which="both")
    counts = [(BEYOND_DEPTH, "▲ no collapse within the depth"), (UNKNOWN, "× diverged or missing")]
    said = [f"{what} ({n})" for case, what in counts if (n := int((cases == case).sum()))]
    further = (cases != COLLAPSED) & (cube["xi_c"].values > _furthest(cube))
    strip.set_title("; ".join([*said, *([f"▶ larger {XI}"] if further.any() else [])]), loc="left")
    edges = np.unique(cube["edge_of_chaos"].values)
    right_strip.set_title("dashed: edge of chaos" if np.isfinite(edges).any() else "", loc="left")


def _add_legend(figure: Figure, left: Axes) -> None:
    """Experiments, lines, and what symbols and lines mean."""
    symbols = {"color": "0.4", "marker": "o", "linestyle": "none", "markersize": 4}
    left.plot([], [], label="measured, ordered side", **symbols)
    left.plot([], [], label="measured, elsewhere", markerfacecolor="white", **symbols)
    left.plot([], [], color="0.4", linewidth=1, label="theory")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=2)
