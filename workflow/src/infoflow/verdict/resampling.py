"""The one bootstrap: resamples of points and replicas at once, and the AUROC of all of them from a few products.

Replica r has the same draws at all points, and the replicas of a point share the point, so that neither single networks
nor points alone are independent: rows and columns of the arrays [point, replica] are drawn. An experiment has the same
resamples wherever it is judged, so that a number has one interval.
"""

import numpy as np

from infoflow.streams import stream

RESAMPLES, LEVEL = 500, 0.95


def resample_stream(seed: int, experiment: str) -> np.random.Generator:
    """Of the resamples of an experiment."""
    return stream(seed, "resamples", experiment)


def auroc_interval(scores: np.ndarray, labels: np.ndarray, generator: np.random.Generator) -> tuple[float, float]:
    """Interval of the AUROC; arguments as those of `resampled_auroc`. NaN if it is undefined in all resamples."""
    low, high = interval(resampled_auroc(scores, labels, *draw_resamples(*scores.shape, generator)))
    return float(low), float(high)


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


def interval(values: np.ndarray, level: float = LEVEL) -> tuple[np.ndarray, np.ndarray]:
    """Percentile interval over the last axis; NaN where nothing is known."""
    bounds = np.full((2, *values.shape[:-1]), np.nan)
    known = (~np.isnan(values)).any(-1)
    tail = (1 - level) / 2
    bounds[:, known] = np.nanquantile(values[known], [tail, 1 - tail], axis=-1)
    return bounds[0], bounds[1]
