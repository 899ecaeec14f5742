"""Resamples of points and replicas at once: how many, and the AUROC of all of them from a few products of matrices."""

import numpy as np

RESAMPLES, LEVEL = 500, 0.95


def draw_resamples(
    points: int, replicas: int, generator: np.random.Generator, resamples: int = RESAMPLES
) -> tuple[np.ndarray, np.ndarray]:
    """How often every point and every replica is drawn: [resamples, points] and [resamples, replicas].

    The draws are those of `standing.bootstrap` with the same generator.
    """
    rows, columns = np.zeros((resamples, points)), np.zeros((resamples, replicas))
    for row, column in zip(rows, columns):
        row[:] = np.bincount(generator.integers(points, size=points), minlength=points)
        column[:] = np.bincount(generator.integers(replicas, size=replicas), minlength=replicas)
    return rows, columns


def resampled_auroc(scores: np.ndarray, labels: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """AUROC of every resample [B], NaN where one of the classes was not drawn; ties count one half.

    Args:
        scores: [point, replica], NaN where not known.
        labels: likewise; 1, 0, or another number where not known.
        rows, columns: see `draw_resamples`.
    """
    (p, q), (p0, q0) = (np.nonzero((labels == label) & ~np.isnan(scores)) for label in (1, 0))
    positive, negative = scores[p, q], scores[p0, q0]
    higher = (positive[:, None] > negative).astype(float)
    higher += 0.5 * (positive[:, None] == negative)
    of_positive, of_negative = rows[:, p] * columns[:, q], rows[:, p0] * columns[:, q0]
    pairs = of_positive.sum(1) * of_negative.sum(1)
    won = ((of_positive @ higher) * of_negative).sum(1)
    with np.errstate(invalid="ignore"):
        return np.where(pairs > 0, won / pairs, np.nan)
