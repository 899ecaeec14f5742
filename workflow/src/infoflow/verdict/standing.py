"""How well a predictor of trainability does: its scores against the accuracies that training reached.

Scores and accuracies are arrays [point, replica]; larger scores mean more likely trainable. A network counts where both
are known (not NaN); scores may be infinite. All measures but the boundary error know the order of scores only.

Intervals are percentile bootstrap intervals. Points and replicas are drawn at once, rows and columns of the arrays:
replica r has the same draws at all points, and the replicas of a point share the point, so that neither single networks
nor points alone are independent. Source: physics.md E.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.stats import kendalltau, rankdata

from infoflow.streams import stream
from infoflow.verdict.auroc import auroc, best_threshold
from infoflow.verdict.resampling import LEVEL, RESAMPLES, interval, resample_stream


@dataclass(frozen=True)
class Estimate:
    """A value with its bootstrap interval; NaN where it is not defined.

    Attributes:
        resamples: the values that the interval is of, in the order in which they were drawn.
    """

    value: float
    low: float
    high: float
    resamples: tuple[float, ...] = field(default=(), repr=False, compare=False)


@dataclass(frozen=True)
class Boundary:
    """Where a predictor puts the largest trainable depth of every column, and where it is.

    A column is censored where all of its depths are trainable (the boundary is not below the deepest) or none is (it is
    below the shallowest). Boundaries below the shallowest depth d₁ are put one step of the grid further, to d₁²/d₂;
    those above the deepest one to the deepest. |ln(predicted/true)| is then the least error where a column is censored.

    Attributes:
        columns: the C columns, as given.
        true, predicted: largest trainable depth, [C]; predicted is NaN without a threshold.
        threshold: the score from which a column's networks are predicted trainable, [C].
        censored: of the truth: -1 if no depth is trainable, 1 if all are, 0 if the boundary is among them, [C].
        predicted_censored: likewise of the prediction, [C].
    """

    columns: np.ndarray
    true: np.ndarray
    predicted: np.ndarray
    threshold: np.ndarray
    censored: np.ndarray
    predicted_censored: np.ndarray

    @property
    def errors(self) -> np.ndarray:
        """|ln(predicted/true)| of every column, [C]."""
        return np.abs(np.log(self.predicted / self.true))


@dataclass(frozen=True)
class Standing:
    """A row of the leaderboard.

    Attributes:
        auroc: of `accuracy >= threshold`.
        spearman, kendall: rank correlations of score and accuracy (Kendall's is τ_b).
        boundary_error: mean |ln(predicted/true)| over columns whose boundary is among the depths.
        least_boundary_error: over all columns, the censored ones with their least error.
        censored_columns: how many are censored.
        censored_agreement: share of these that are predicted to be censored on the same side; NaN if there are none.
        columns: with a prediction.
        networks: that count.
    """

    auroc: Estimate
    spearman: Estimate
    kendall: Estimate
    boundary_error: Estimate
    least_boundary_error: Estimate
    censored_columns: int
    censored_agreement: float
    columns: int
    networks: int


def judge(
    scores: np.ndarray,
    accuracy: np.ndarray,
    columns: np.ndarray,
    depths: np.ndarray,
    success_accuracy: float,
    named: tuple[int, str],
    resamples: int = RESAMPLES,
    boundary_resamples: int = RESAMPLES // 5,
) -> Standing:
    """The standing of a predictor; predictors of the same experiment are judged on the same resamples.

    Args:
        scores, accuracy: [point, replica].
        columns: label of the column that a point belongs to, such as its σ_w², [point].
        depths: [point].
        named: seed of the run, and the experiment.
        success_accuracy: from which a network is trainable.
    """
    check(scores, accuracy, columns, depths)
    labels = trainable(accuracy, success_accuracy)
    boundary = find_boundary(scores, labels, columns, depths)
    predicted = ~np.isnan(boundary.predicted)
    hidden = predicted & (boundary.censored != 0)
    agree = boundary.censored[hidden] == boundary.predicted_censored[hidden]
    inside, everywhere = bootstrap_boundary(
        scores, labels, columns, depths, stream(named[0], "boundaries", named[1]), boundary_resamples
    )
    return Standing(
        auroc=bootstrap(_auroc, scores, labels, resample_stream(*named), resamples),
        spearman=bootstrap(spearman, scores, accuracy, resample_stream(*named), resamples),
        kendall=bootstrap(kendall, scores, accuracy, resample_stream(*named), resamples),
        boundary_error=inside,
        least_boundary_error=everywhere,
        censored_columns=int((boundary.censored != 0).sum()),
        censored_agreement=float(agree.mean()) if len(agree) else float("nan"),
        columns=int(predicted.sum()),
        networks=int(_known(scores, labels).sum()),
    )


def check(scores: np.ndarray, accuracy: np.ndarray, columns: np.ndarray, depths: np.ndarray) -> None:
    """Raise ValueError if shapes do not fit, or a point is there twice."""
    if scores.ndim != 2 or scores.shape != accuracy.shape:
        raise ValueError(f"scores are {scores.shape}, accuracies {accuracy.shape}: both must be [point, replica]")
    if columns.shape != scores.shape[:1] or depths.shape != scores.shape[:1]:
        raise ValueError(f"{len(scores)} points, but columns of shape {columns.shape} and depths of {depths.shape}")
    if len(set(zip(columns.tolist(), depths.tolist(), strict=True))) < len(scores):
        raise ValueError("a column has a depth twice")


def trainable(accuracy: np.ndarray, success_accuracy: float) -> np.ndarray:
    """1 or 0, NaN where the accuracy is not known; rounded like stored accuracies, as in the cubes."""
    reached = accuracy.astype(np.float32) >= np.float32(success_accuracy)
    return np.where(np.isnan(accuracy), np.nan, reached)


def spearman(scores: np.ndarray, accuracy: np.ndarray) -> float:
    """Rank correlation of two vectors, mean ranks for ties; NaN if one of them is constant."""
    if not (_varies(scores) and _varies(accuracy)):
        return float("nan")
    return float(np.corrcoef(rankdata(scores), rankdata(accuracy))[0, 1])


def kendall(scores: np.ndarray, accuracy: np.ndarray) -> float:
    """Kendall's τ_b of two vectors; NaN if one of them is constant."""
    if not (_varies(scores) and _varies(accuracy)):
        return float("nan")
    # Ranks: infinite scores have no differences.
    return float(kendalltau(rankdata(scores), rankdata(accuracy)).statistic)


def balanced_accuracy(predicted: np.ndarray, labels: np.ndarray) -> float:
    """Mean share of trainable and of not trainable networks that are predicted right, of two vectors of 0 and 1.

    NaN if one of the two kinds is missing.
    """
    positive = labels == 1
    if positive.all() or not positive.any():
        return float("nan")
    return float((predicted[positive] == 1).mean() + (predicted[~positive] == 0).mean()) / 2


def average(estimates: Sequence[Estimate], level: float = LEVEL) -> Estimate:
    """Mean of estimates that are independent of each other, each with the same weight.

    The interval is that of the means of their resamples, one of each.
    """
    resamples = [float(np.mean(values)) for values in zip(*(e.resamples for e in estimates), strict=False)]
    value = float(np.mean([e.value for e in estimates])) if estimates else float("nan")
    return Estimate(value, *map(float, interval(np.array(resamples), level)), tuple(resamples))


def bootstrap(
    statistic: Callable[[np.ndarray, np.ndarray], float],
    scores: np.ndarray,
    truth: np.ndarray,
    generator: np.random.Generator,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> Estimate:
    """A statistic of all networks that count, with its interval.

    Args:
        statistic: of two vectors; NaN where it is not defined: such resamples are left out.
        scores, truth: [point, replica]; a network counts where both are known.
    """

    def evaluate(s: np.ndarray, t: np.ndarray) -> float:
        known = _known(s, t)
        return statistic(s[known], t[known])

    found = []
    points, replicas = scores.shape
    for _ in range(resamples if scores.size else 0):
        chosen = np.ix_(generator.integers(points, size=points), generator.integers(replicas, size=replicas))
        found.append(evaluate(scores[chosen], truth[chosen]))
    return _estimate(evaluate(scores, truth), found, level)


def find_boundary(
    scores: np.ndarray, labels: np.ndarray, columns: np.ndarray, depths: np.ndarray, threshold: float | None = None
) -> Boundary:
    """The largest trainable depth of every column, true and predicted.

    A depth is trainable if at least half of its networks are, and predicted so if the scores of at least half of them
    reach the threshold. That is the one of the highest balanced accuracy for single networks, on all other columns,
    unless it is given.

    Args:
        scores, labels: [point, replica]; labels 1, 0 or NaN.
        columns, depths: [point].
        threshold: the same for all columns.
    """
    known = _known(scores, labels)
    names = np.unique(columns[known.any(1)])
    true, predicted, thresholds = (np.full(len(names), np.nan) for _ in range(3))
    censored, predicted_censored = np.zeros((2, len(names)), int)
    for c, name in enumerate(names):
        others = known & (columns != name)[:, None]
        thresholds[c] = best_threshold(scores[others], labels[others] == 1) if threshold is None else threshold
        rows = np.flatnonzero((columns == name) & known.any(1))
        rows = rows[np.argsort(depths[rows])]
        share = np.array([labels[r, known[r]].mean() for r in rows])
        true[c], censored[c] = _last(depths[rows], share >= 0.5)
        if not np.isnan(thresholds[c]):
            share = np.array([(scores[r, known[r]] >= thresholds[c]).mean() for r in rows])
            predicted[c], predicted_censored[c] = _last(depths[rows], share >= 0.5)
    return Boundary(names, true, predicted, thresholds, censored, predicted_censored)


def bootstrap_boundary(
    scores: np.ndarray,
    labels: np.ndarray,
    columns: np.ndarray,
    depths: np.ndarray,
    generator: np.random.Generator,
    resamples: int = RESAMPLES // 5,
    level: float = LEVEL,
    threshold: float | None = None,
) -> tuple[Estimate, Estimate]:
    """Mean boundary error over the columns that are not censored, and over all of them.

    Replicas are drawn, with thresholds (unless one is given) and boundaries found anew, and whole columns for the mean:
    the depths of a column make one boundary. Columns without a prediction are left out.
    """

    def means(boundary: Boundary, drawn: np.ndarray) -> tuple[float, float]:
        errors, censored = boundary.errors[drawn], boundary.censored[drawn]
        usable = ~np.isnan(errors)
        return _mean(errors[usable & (censored == 0)]), _mean(errors[usable])

    whole = find_boundary(scores, labels, columns, depths, threshold)
    found = []
    replicas = scores.shape[1]
    for _ in range(resamples if scores.size else 0):
        chosen = generator.integers(replicas, size=replicas)
        boundary = find_boundary(scores[:, chosen], labels[:, chosen], columns, depths, threshold)
        count = len(boundary.columns)
        found.append(means(boundary, generator.integers(count, size=count)))
    values = means(whole, np.arange(len(whole.columns)))
    return tuple(_estimate(v, [f[k] for f in found], level) for k, v in enumerate(values))


def _last(depths: np.ndarray, positive: np.ndarray) -> tuple[float, int]:
    """The largest positive one of sorted depths, and on which side it is censored."""
    if positive.all():
        return depths[-1], 1
    if positive.any():
        return depths[np.flatnonzero(positive)[-1]], 0
    return (depths[0] ** 2 / depths[1] if len(depths) > 1 else depths[0] / 2), -1


def _auroc(scores: np.ndarray, labels: np.ndarray) -> float:
    return auroc(scores, labels == 1)


def _known(scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return ~np.isnan(scores) & ~np.isnan(truth)


def _varies(values: np.ndarray) -> bool:
    return len(values) > 1 and bool((values != values[0]).any())


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _estimate(value: float, found: list[float], level: float) -> Estimate:
    known = tuple(v for v in found if not np.isnan(v))
    return Estimate(value, *map(float, interval(np.array(known, float), level)), known)
