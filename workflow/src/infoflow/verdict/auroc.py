"""How well a score predicts a label."""

import numpy as np
import scipy  # its parts are imported when they are used: scipy.stats takes half a second


def auroc(scores: np.ndarray, labels: np.ndarray) -> float:
    """Area under the receiver operating characteristic: the probability that a positive scores above a negative.

    Ties count one half. NaN if there are no positives or no negatives.

    Args:
        scores: [n], finite or infinite, higher meaning more likely positive.
        labels: [n] of bool.

    Raises:
        ValueError: the labels are numbers, by which ranks would be picked.
    """
    if labels.dtype != bool:
        raise ValueError(f"labels have to be of bool, not {labels.dtype}")
    positives = int(labels.sum())
    negatives = len(labels) - positives
    if not positives or not negatives:
        return float("nan")
    ranks = scipy.stats.rankdata(scores)[labels].sum()
    return float((ranks - positives * (positives + 1) / 2) / (positives * negatives))


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
