"""Whether the verdict of `check` can be trusted: on families of networks that its rule has not seen."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from infoflow.figures.say import interval, say
from infoflow.figures.style import WIDEST
from infoflow.studies.check_calibration.variables import CEILING, RULE, WITHOUT

BINS = np.linspace(0, 1, 6)
LINES = {RULE: "-", WITHOUT: "--", CEILING: "-", "depth": ":", "parameters": "-.", "gradient_ratio": "--"}
COLOURS = {RULE: "C0", WITHOUT: "C0", CEILING: "C2"}
NAMES = {RULE: "verdict", WITHOUT: "without first steps", CEILING: "its other draws, trained"}


def draw(cube: xr.Dataset) -> Figure:
    """ROC with baselines, reliability, and the share of right verdicts by family."""
    figure, axes = plt.subplots(1, 3, figsize=(WIDEST, 4.6), layout="constrained")
    _draw_roc(axes[0], cube)
    _draw_reliability(axes[1], cube)
    _draw_families(axes[2], cube)
    number, families = cube.sizes["network"], len(np.unique(cube["family"].values))
    caption = (
        "Left: ROC of the probability that was said of small networks, by a rule fitted to all other families, beside "
        "scores that need no rule, with AUROC and 95 % intervals over networks. Middle: the share that learned, by the "
        "probability said, with Wilson's 95 % intervals and numbers of networks. Right: share of right verdicts by "
        "family; the mark is what always giving the more frequent answer reaches. Not shown: other sizes of networks "
        "and other trainings than those tried."
    )
    settings = f"{number} networks, each judged by a rule fitted to the other {families - 1} families"
    return say(figure, _finding(cube), caption, settings)


def _finding(cube: xr.Dataset) -> str:
    def area(name: str) -> str:
        low, high = cube["auroc_interval"].sel(score=name).values
        return interval(float(cube["auroc"].sel(score=name)), low, high)

    others = [name for name in cube["score"].values.tolist() if name == "depth"]
    beside = f", depth alone with {area('depth')}" if others else ""
    return f"Verdicts rank what learns with AUROC {area(RULE)} in families that the rule has not seen{beside}"


def _draw_roc(ax: Axes, cube: xr.Dataset) -> None:
    learned = cube["learned"].values.astype(bool)
    for name in cube["score"].values.tolist():
        score = _score(cube, name)
        order = np.argsort(-score.values, kind="stable")
        right, wrong = np.cumsum(learned[order]) / learned.sum(), np.cumsum(~learned[order]) / (~learned).sum()
        low, high = cube["auroc_interval"].sel(score=name).values
        said = NAMES.get(name, name.replace("_", " "))
        label = f"{said}: {float(cube['auroc'].sel(score=name)):.2f} [{low:.2f}, {high:.2f}]"
        ax.plot(wrong, right, LINES[name], color=COLOURS.get(name, "0.4"), label=label)
    ax.plot([0, 1], [0, 1], color="0.8", linewidth=0.8, zorder=0)
    ax.set(xlabel="share of those that fail above the threshold", ylabel="share of those that learn above it")
    ax.figure.legend(*ax.get_legend_handles_labels(), title="AUROC", fontsize=8, loc="outside lower left", ncols=2)


def _score(cube: xr.Dataset, name: str) -> xr.DataArray:
    own = {
        RULE: "held_out_probability",
        WITHOUT: "held_out_probability_without_first_steps",
        CEILING: CEILING,
    }
    return cube[own[name]] if name in own else cube["baseline"].sel(baseline_name=name)


def _draw_reliability(ax: Axes, cube: xr.Dataset) -> None:
    said, learned = cube["held_out_probability"].values, cube["learned"].values
    which = np.clip(np.digitize(said, BINS) - 1, 0, len(BINS) - 2)
    for k in range(len(BINS) - 1):
        inside = learned[which == k]
        if len(inside):
            share = inside.mean()
            # Wilson's interval
            n, z = len(inside), 1.96
            middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
            half = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
            ax.plot([said[which == k].mean()] * 2, [middle - half, middle + half], color="C0")
            ax.plot(said[which == k].mean(), share, "o", color="C0")
            ax.annotate(f" {n}", (said[which == k].mean(), share), fontsize=8, va="top")
    ax.plot([0, 1], [0, 1], color="0.8", linewidth=0.8, zorder=0)
    ax.set(xlabel="probability that is said", ylabel="share that learns", xlim=(0, 1), ylim=(0, 1))


def _draw_families(ax: Axes, cube: xr.Dataset) -> None:
    families = np.unique(cube["family"].values)
    for k, family in enumerate(families):
        own = cube.isel(network=np.flatnonzero(cube["family"].values == family))
        learned = own["learned"].values.astype(bool)
        right = ((own["held_out_probability"].values > 0.5) == learned).mean()
        ax.barh(k, right, color="C0", height=0.6)
        common = max(learned.mean(), 1 - learned.mean())
        ax.plot(common, k, "|", color="k", markersize=12, label="always the more frequent answer" if not k else None)
    ax.set_yticks(range(len(families)), [f.replace("_", " ") for f in families])
    ax.set(xlim=(0, 1), xlabel="share of right verdicts")
    ax.figure.legend(*ax.get_legend_handles_labels(), fontsize=8, loc="outside lower right")
    ax.invert_yaxis()
