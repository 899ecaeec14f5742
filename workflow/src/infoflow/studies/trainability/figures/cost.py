"""What probing costs, and how well it predicts, against full training."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from matplotlib.transforms import ScaledTranslation, Transform

from infoflow.figures.say import interval, say
from infoflow.figures.style import CATEGORIES, WIDEST
from infoflow.studies.trainability.experiment import Experiment
from infoflow.studies.trainability.figures._names import NAMES, name_score
from infoflow.studies.trainability.figures._shared import beyond_depth, label_depths, title
from infoflow.studies.trainability.scores import MAIN_SCORE, NEGATIVE_DEPTH

PROBE = "probe_seconds"


def draw(cube: xr.Dataset, experiment: Experiment, probes: Mapping) -> Figure:
    """Left, seconds per replica against depth; right, the AUROC of every score with its interval."""
    height = 1.2 + auroc_height(cube)
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDEST, max(3.6, height)), width_ratios=(1.2, 1))
    draw_seconds(left, cube)
    draw_auroc(right, cube)
    probing, training, method = _seconds(cube)
    cost = f"; {method} takes 1 s per {training / probing:.3g} s of training" if probing and training else ""
    caption = (
        "Left: wall-clock seconds of the computation alone, per network; figure resources has those of whole jobs. "
        "Right: area under the ROC curve with 95 % intervals over columns and replicas; diamonds, pairs of equal depth "
        "alone, where the baseline that counts layers has one half. Figure leaderboard has the scores of the "
        "literature."
    )
    return say(figure, say_quality(cube) + cost, caption, title(cube, experiment))


def say_quality(cube: xr.Dataset) -> str:
    """How well the main score does, beside whoever counts layers."""
    found = {n: [float(cube[f"auroc{e}"].sel(score=n)) for e in ("", "_low", "_high")] for n in _MAIN}
    if np.isnan(found[MAIN_SCORE][0]):
        return "Nothing to rank: all networks train, or none"
    main, baseline = (interval(*found[name]) for name in _MAIN)
    return f"H ranks what trains with AUROC {main}, depth alone with {baseline}"


_MAIN = (MAIN_SCORE, NEGATIVE_DEPTH)


def _seconds(cube: xr.Dataset) -> tuple[float, float, str]:
    """Of the main probe and of training, over the whole grid; and what the probe is called."""
    return float(cube[PROBE].sum()), float(cube["train_seconds"].sum()), cube.attrs.get("probe_method", "adam")


def draw_seconds(ax: Axes, cube: xr.Dataset) -> None:
    """Seconds per network of training and of probing."""
    replicas = cube.sizes["replica"]
    train = cube["train_seconds"].mean("replica")
    flat = train.stack(point=("sigma_w2", "sigma_b2"))
    depth = cube["depth"].values
    ax.fill_between(
        depth, flat.min("point"), flat.max("point"), color="0.8", edgecolor="0.5", label="training, range over the grid"
    )
    ax.plot(depth, flat.mean("point"), "ko-", markersize=4, label="training until success, mean")
    methods = {name.removesuffix(PROBE).rstrip("_"): cube[name] for name in cube.data_vars if name.endswith(PROBE)}
    total = float(cube["train_seconds"].sum())
    for (method, seconds), look in zip(methods.items(), CATEGORIES[1:]):
        probe = seconds / replicas
        ratio = f" (1 : {total / float(seconds.sum()):.3g})" if float(seconds.sum()) else ""
        label = f"probe, {method or cube.attrs.get('probe_method', 'adam')}{ratio}"
        if "depth" in probe.dims:
            ax.plot(depth, probe.mean(("sigma_w2", "sigma_b2")), label=label, markersize=4, **look)
        else:
            ax.axhline(
                float(probe.mean()),
                color=look["color"],
                linestyle=look["linestyle"],
                label=f"{label}, all depths at once",
            )
    ax.set(
        xlabel="depth" if beyond_depth(cube) else "depth (hidden layers)", ylabel="seconds per network", yscale="log"
    )
    ax.xaxis.get_major_locator().set_params(integer=True)
    if len(depth) == 1:  # between whole numbers there is none
        label_depths(ax.xaxis, depth)
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.legend(loc="upper left", bbox_to_anchor=(-0.05, 0), bbox_transform=_below(ax))
    ax.set_title(f"whole grid: training {total:.0f} s on {cube.attrs.get('device', '?')}; in brackets, its share")


def auroc_height(cube: xr.Dataset) -> float:
    """Inches that the names of the scores of `draw_auroc` need."""
    return 0.24 * sum(name.endswith(tuple(NAMES)) for name in cube["score"].values.tolist())


def draw_auroc(ax: Axes, cube: xr.Dataset) -> None:
    """The area under the ROC curve of the cascades and of what is free; figure `leaderboard` has the others."""
    shown = [name.endswith(tuple(NAMES)) for name in cube["score"].values.tolist()]
    known = cube.sel(score=(cube["auroc_networks"] > 0) & shown)
    area = known["auroc"].values
    order = np.arange(len(area))[::-1]
    error = np.abs(np.stack([area - known["auroc_low"].values, known["auroc_high"].values - area]))
    better = known["auroc_gain_low"].values > 0
    for some, fill, label in (
        (better, "black", "better than depth alone"),
        (~better, "white", "not shown to be better"),
    ):
        if some.any():
            style = {"fmt": "o", "color": "black", "markerfacecolor": fill, "capsize": 3, "label": label}
            ax.errorbar(area[some], order[some], xerr=error[:, some], **style)
    within = known["auroc_within_depth"].values
    ax.plot(within, order - 0.27, "D", color="#3a9bc1", markersize=4, label="pairs of equal depth")
    for value, wide, y in zip(area, error.sum(0), order, strict=True):
        # of a score that is the same for all networks there is no interval, and nothing is known by it
        said = f"{value:.3f}" if wide or not np.isfinite(value) else "all tie"
        ax.annotate(said, (1.02, y), xycoords=("axes fraction", "data"), va="center", fontsize=8)
    ax.axvline(float(cube["auroc"].sel(score=NEGATIVE_DEPTH)), color="0.4", linestyle=":", label="depth alone")
    ax.axvline(0.5, color="0.6", linewidth=0.8, label="chance")
    ax.set_yticks(order, [name_score(s) for s in known["score"].values])
    finite = [v for v in (*area, *within, *known["auroc_low"].values) if np.isfinite(v)]
    ax.set(xlim=(min(0.47, min(finite, default=0.5) - 0.03), 1.02), ylim=(-0.7, len(area) - 0.3))
    ax.set(xlabel="AUROC against the ground truth (95 % interval)")
    undefined = "" if np.isfinite(area).any() else ", all of them trainable or none"
    counts = known["auroc_networks"].values  # fewer of a score that some networks do not have
    networks = f"{counts.min()} to {counts.max()}" if len(set(counts)) > 1 else f"{counts.max(initial=0)}"
    ax.set_title(f"{networks} networks{undefined}")
    ax.legend(loc="upper center", bbox_to_anchor=(0.3, 0), bbox_transform=_below(ax), ncols=2)


def _below(ax: Axes) -> Transform:
    """Fractions of the axes from the lower edge of the label of the x axis on, however high the axes are."""
    return ax.transAxes + ScaledTranslation(0, -0.52, ax.get_figure().dpi_scale_trans)
