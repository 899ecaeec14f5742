"""How well a score predicts a label."""

import numpy as np
import scipy  # its parts are imported when they are used: scipy.stats takes half a second


def auroc(scores: np.ndarray, labels: np.ndarray) -> float:
    """Area under the receiver operating characteristic: the probability that a positive scores above a negative.

    Ties count one half. NaN if there are no positives or no negatives.

    Args:
        scores: [n], finite or infinite, higher meaning more likely positive.
        labels: [n], boolean.
    """
    positives = int(labels.sum())
    negatives = len(labels) - positives
    if not positives or not negatives:
        return float("nan")
    ranks = scipy.stats.rankdata(scores)[labels].sum()
    return float((ranks - positives * (positives + 1) / 2) / (positives * negatives))


def bootstrap_auroc(
    scores: np.ndarray, labels: np.ndarray, generator: np.random.Generator, resamples: int = 1000, level: float = 0.95
) -> tuple[float, float]:
    """Percentile bootstrap interval of the AUROC, resampling grid points.

    Replicas of a point are not independent of each other as labels, so that whole points are drawn.

    Args:
        scores, labels: [points, replicas]; NaN scores are left out.
    """
    values = []
    for _ in range(resamples if len(scores) else 0):
        chosen = generator.integers(len(scores), size=len(scores))
        known = ~np.isnan(scores[chosen])
        values.append(auroc(scores[chosen][known], labels[chosen][known]))
    if np.isnan(values).all():  # also if there are none
        return float("nan"), float("nan")
    tail = (1 - level) / 2
    low, high = np.nanquantile(values, [tail, 1 - tail])
    return float(low), float(high)


def best_threshold(scores: np.ndarray, labels: np.ndarray) -> float:
    """The score from which to predict positive, with the highest balanced accuracy; NaN without both classes.

    Halfway between neighbouring scores; of equally good thresholds the middle one.
    """
    if not labels.any() or labels.all():
        return float("nan")
    levels = np.unique(scores[np.isfinite(scores)])
    if not len(levels):
        return float("nan")
    candidates = np.concatenate([levels[:1] - 1, (levels[1:] + levels[:-1]) / 2, levels[-1:] + 1])
    positive, negative = np.sort(scores[labels]), np.sort(scores[~labels])
    sensitivity = 1 - np.searchsorted(positive, candidates) / len(positive)
    specificity = np.searchsorted(negative, candidates) / len(negative)
    balanced = sensitivity + specificity
    best = np.flatnonzero(balanced >= balanced.max() - 1e-12)
    return float(candidates[best[len(best) // 2]])
