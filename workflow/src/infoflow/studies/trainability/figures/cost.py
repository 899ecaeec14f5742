"""What probing costs, and how well it predicts, against full training."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, ScalarFormatter

from infoflow.studies.trainability.experiment import Experiment
from infoflow.studies.trainability.figures._names import NAMES, name_score
from infoflow.studies.trainability.figures._shared import beyond_depth, title
from infoflow.studies.trainability.scores import NEGATIVE_DEPTH

PROBE = "probe_seconds"
COLOURS = ("crimson", "black", "tab:blue", "tab:green")


def draw(cube: xr.Dataset, experiment: Experiment, probes: Mapping) -> Figure:
    """Left, seconds per replica against depth; right, the AUROC of every score with its interval."""
    height = 1.2 + auroc_height(cube)
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, max(3.6, height)), width_ratios=(1.2, 1))
    draw_seconds(left, cube)
    draw_auroc(right, cube)
    figure.suptitle(f"Cost and quality of the prediction: {title(cube, experiment)}")
    return figure


def draw_seconds(ax: Axes, cube: xr.Dataset) -> None:
    """Seconds per network of training and of probing."""
    replicas = cube.sizes["replica"]
    train = cube["train_seconds"].mean("replica")
    flat = train.stack(point=("sigma_w2", "sigma_b2"))
    depth = cube["depth"].values
    ax.fill_between(depth, flat.min("point"), flat.max("point"), color="0.8", label="full training, range over grid")
    ax.plot(depth, flat.mean("point"), "ko-", markersize=4, label="full training, mean")
    methods = {name.removesuffix(PROBE).rstrip("_"): cube[name] for name in cube.data_vars if name.endswith(PROBE)}
    for (method, seconds), colour in zip(methods.items(), COLOURS):
        probe = seconds / replicas
        label = f"probe, {method or cube.attrs.get('probe_method', 'adam')}"
        if "depth" in probe.dims:
            ax.plot(depth, probe.mean(("sigma_w2", "sigma_b2")), "s--", color=colour, label=label)
        else:
            ax.axhline(float(probe.mean()), color=colour, linestyle="--", label=f"{label}: all depths at once, mean")
    ax.set(
        xlabel="depth" if beyond_depth(cube) else "depth (hidden layers)", ylabel="seconds per network", yscale="log"
    )
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.yaxis.set_major_formatter(ScalarFormatter())
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.legend(loc="lower right", frameon=True, framealpha=1, edgecolor="none")
    total_train = float(cube["train_seconds"].sum())
    totals = [
        f"{method or cube.attrs.get('probe_method', 'adam')} {float(seconds.sum()):.0f} s "
        f"(1 : {total_train / float(seconds.sum()):.1f})"
        for method, seconds in methods.items()
    ]
    ax.set_title(
        f"all of the grid, {cube.attrs.get('device', '')}: training {total_train:.0f} s,\n"
        f"probing {', '.join(totals[:2])}"
        + "".join(f",\n{', '.join(totals[k : k + 2])}" for k in range(2, len(totals), 2))
    )


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
    ax.plot(within, order - 0.27, "D", color="tab:blue", markersize=3.5, label="pairs of equal depth")
    for value, y in zip(area, order, strict=True):
        ax.annotate(f"{value:.3f}", (value, y), textcoords="offset points", xytext=(0, 6), ha="center", fontsize=8)
    ax.axvline(float(cube["auroc"].sel(score=NEGATIVE_DEPTH)), color="0.6", linestyle=":", label="depth alone")
    ax.set_yticks(order, [name_score(s) for s in known["score"].values])
    finite = [v for v in (*area, *within) if np.isfinite(v)]
    lowest = min(finite, default=0.5)
    ax.set(xlim=(min(0.45, lowest - 0.05), 1.02), ylim=(-2.2, len(area) - 0.3))
    ax.set(xlabel="AUROC against the ground truth (95 % interval)")
    undefined = "" if np.isfinite(area).any() else ", all of them trainable or none"
    counts = known["auroc_networks"].values  # fewer of a score that some networks do not have
    networks = f"{counts.min()} to {counts.max()}" if len(set(counts)) > 1 else f"{counts.max(initial=0)}"
    ax.set_title(f"{networks} networks{undefined}")
    ax.legend(loc="best", fontsize=7)
