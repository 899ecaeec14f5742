"""How scores of untrained networks tell those that train from those that do not: ROC curves, and score by score."""

import json
from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from infoflow.figures.say import interval, say
from infoflow.figures.style import CATEGORIES, NORMS, WIDEST
from infoflow.studies.trainability.experiment import Experiment
from infoflow.studies.trainability.figures._names import name_score
from infoflow.studies.trainability.figures._shared import title
from infoflow.studies.trainability.figures.cost import say_quality
from infoflow.studies.trainability.figures.trainability_map import criterion
from infoflow.studies.trainability.scores import MAIN_SCORE, MEAN_FIELD, NEGATIVE_DEPTH
from infoflow.verdict.auroc import best_threshold

SHOWN = (MAIN_SCORE, f"theory_{MAIN_SCORE}", "explained_variance", MEAN_FIELD, "gradient_ratio", NEGATIVE_DEPTH)
"""Scores that have a curve, of those that there are; the last one is the baseline."""
SYMBOLS = "osD^vP<>"


def draw(cube: xr.Dataset, experiment: Experiment, probes: Mapping) -> Figure:
    """Left, ROC curves with the baseline that counts layers; right, the main score of every network by its accuracy."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDEST, 5.4), width_ratios=(1, 1.15))
    for score, style in zip(shown_scores(cube), CATEGORIES):
        draw_curve(left, cube, score, style)
    left.plot([0, 1], [0, 1], color="0.6", linewidth=0.8, label="chance")
    ticks = np.linspace(0, 1, 6)
    left.set(xlabel="share of those that do not train, predicted to", ylabel="share of those that train, predicted to")
    left.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal", xticks=ticks, yticks=ticks)
    left.legend(loc="upper center", bbox_to_anchor=(0.45, -0.15))
    draw_accuracies(right, cube)
    caption = (
        "Left: receiver operating characteristics of scores of the untrained network, with AUROC and 95 % intervals "
        "over columns and replicas; the baseline counts layers. Right: differential entropy of the last hidden layer "
        "and the best test accuracy of the same network, a symbol per depth; lines: the accuracy that counts as "
        "success, chance, and the threshold of H with the best balanced accuracy, which is chosen on these very "
        "networks. Accuracies above the success are where training stopped, and not how good the networks get; "
        "networks whose training was inferred are not shown on the right."
    )
    return say(figure, say_quality(cube), caption, f"{title(cube, experiment)}; {criterion(cube)}")


def shown_scores(cube: xr.Dataset) -> list[str]:
    """Those of SHOWN that the cube can judge."""
    there = [name for name in SHOWN if name in cube["score"].values and float(cube["auroc"].sel(score=name)) >= 0]
    return [name for name in there if len(np.unique(_known(cube, name)[1])) == 2]


def roc_curve(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shares of the negatives and of the positives that score at least as high as each threshold, from (0, 0) on."""
    levels = np.unique(scores)[::-1]
    found = [[(scores[labels == kind] >= level).mean() for level in levels] for kind in (False, True)]
    return np.array([0.0, *found[0]]), np.array([0.0, *found[1]])


def _known(cube: xr.Dataset, score: str) -> tuple[np.ndarray, np.ndarray]:
    """Scores and labels of the networks that have both."""
    values, label = xr.broadcast(cube["prediction_score"].sel(score=score), cube["trainable"])
    known = (label >= 0).values & ~np.isnan(values.values)
    return values.values[known], label.values[known] == 1


def draw_curve(ax: Axes, cube: xr.Dataset, score: str, style: dict) -> None:
    """The curve of one score."""
    values, labels = _known(cube, score)
    area = interval(*(float(cube[f"auroc{end}"].sel(score=score)) for end in ("", "_low", "_high")))
    x, y = roc_curve(values, labels)
    look = {"color": style["color"], "linestyle": style["linestyle"]}
    few = {"marker": style["marker"], "markersize": 4} if len(x) < 20 else {}
    ax.plot(x, y, label=f"{name_score(score)}: {area}", clip_on=False, zorder=3, **look, **few)


def draw_accuracies(ax: Axes, cube: xr.Dataset) -> None:
    """Score against accuracy, a symbol per network."""
    reached, score = xr.broadcast(cube["reached_accuracy"], cube["prediction_score"].sel(score=MAIN_SCORE, drop=True))
    depths = cube["depth"].values
    colours = plt.get_cmap(NORMS["share"][0])
    for k, depth in enumerate(depths):
        x, y = score.sel(depth=depth).values.ravel(), reached.sel(depth=depth).values.ravel()
        look = {"color": colours(0.9 * k / max(len(depths) - 1, 1)), "linestyle": "none", "alpha": 0.8}
        ax.plot(x, y, SYMBOLS[k % len(SYMBOLS)], markersize=5, markeredgewidth=0.3, markeredgecolor="black", **look)
        ax.plot([], [], SYMBOLS[k % len(SYMBOLS)], label=f"depth {depth}", markeredgecolor="black", **look)
    success = json.loads(cube.attrs["train"])["success_accuracy"]
    ax.axhline(success, color="black", linewidth=0.8, label="success")
    if "chance_accuracy" in cube.attrs:
        ax.axhline(float(cube.attrs["chance_accuracy"]), color="black", linewidth=0.8, linestyle=":", label="chance")
    values, labels = _known(cube, MAIN_SCORE)
    if np.isfinite(at := best_threshold(values, labels)):
        ax.axvline(at, color="#c2410c", linewidth=1, linestyle="--", label=f"$H$ = {at:.3g}")
    ax.set(xlabel="differential entropy $H$ of the last hidden layer", ylabel="best test accuracy", ylim=(0, 1.02))
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=3)
