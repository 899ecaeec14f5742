"""The one bootstrap: resamples of columns and replicas, and the AUROC of all of them at once.

A column is one (σ_w², σ_b²) with its depths. Its networks of one replica share their first layers, so that what is
drawn is a column with all its depths, and within each drawn column replicas. Where all columns have common draws,
replica r is the same everywhere, and the replicas are drawn once for all columns. An experiment has the same resamples
wherever it is judged, so that a number has one interval, and differences of scores are of the same networks.

A bootstrap of few networks, or of those that a score separates, shows no doubt: an interval of the AUROC is never
narrower than the score interval of Newcombe (Statistics in Medicine 25, 559 (2006), method 5: the variance of Hanley
and McNeil at the end of the interval) for as many positives and negatives as there are independent draws with one.

Source: physics.md E14.
"""

from collections.abc import Sequence

import numpy as np
import scipy  # its parts are imported when they are used: scipy.stats takes half a second

from infoflow.streams import stream
from infoflow.verdict.auroc import auroc

RESAMPLES, LEVEL = 500, 0.95
COMMON = "common"
"""Draws of weights that all columns share."""


def resample_stream(seed: int, experiment: str) -> np.random.Generator:
    """Of the resamples of an experiment."""
    return stream(seed, "resamples", experiment)


def draw_weights(
    columns: np.ndarray,
    replicas: int,
    generator: np.random.Generator,
    draws: str,
    resamples: int = RESAMPLES,
    fixed: bool = False,
) -> np.ndarray:
    """How often every network is drawn: int [resamples, P, R].

    Args:
        columns: label of the column that a point belongs to, [P].
        draws: of the weights: independent, or common to all columns.
        fixed: whether every column is drawn once, so that only the replicas differ: other seeds of the same grid.
    """
    names, of_point = np.unique(columns, return_inverse=True)
    each = np.full(replicas, 1 / replicas)
    if fixed:
        counts = np.ones((resamples, len(names)), int)
    else:
        counts = generator.multinomial(len(names), np.full(len(names), 1 / len(names)), size=resamples)
    if draws == COMMON:
        weights = counts[:, :, None] * generator.multinomial(replicas, each, size=resamples)[:, None]
    else:
        weights = generator.multinomial(counts * replicas, each)
    return weights[:, of_point].astype(np.int32)


def weighted_auroc(
    scores: np.ndarray, labels: np.ndarray, weights: np.ndarray, strata: np.ndarray | None = None
) -> np.ndarray:
    """AUROC of every resample [B], NaN where no pair was drawn; ties count one half.

    Args:
        scores: [P, R], NaN where not known.
        labels: likewise; 1, 0, or another number where not known.
        weights: see `draw_weights`.
        strata: only pairs within one of them count, [P], such as depths; None: all pairs.
    """
    won, pairs = np.zeros((2, len(weights)))
    known = ((labels == 0) | (labels == 1)) & ~np.isnan(scores)
    for stratum in [None] if strata is None else np.unique(strata):
        inside = known if stratum is None else known & (strata == stratum)[:, None]
        values, label = scores[inside], labels[inside]
        if not (label == 1).any() or not (label == 0).any():
            continue
        order = np.argsort(values, kind="stable")
        starts = np.flatnonzero(np.r_[True, values[order][1:] != values[order][:-1]])
        drawn = weights[:, inside][:, order].astype(float)
        positive, negative = (np.add.reduceat(drawn * (label[order] == one), starts, axis=1) for one in (1, 0))
        below = np.cumsum(negative, axis=1) - negative
        won += (positive * (below + 0.5 * negative)).sum(1)
        pairs += positive.sum(1) * negative.sum(1)
    with np.errstate(invalid="ignore"):
        return np.where(pairs > 0, won / pairs, np.nan)


def auroc_within(scores: np.ndarray, labels: np.ndarray, strata: np.ndarray) -> float:
    """AUROC of the pairs within a stratum, such as of equal depth; arguments as those of `weighted_auroc`."""
    return float(weighted_auroc(scores, labels, np.ones((1, *scores.shape), int), strata)[0])


def auroc_interval(
    scores: np.ndarray,
    labels: np.ndarray,
    columns: np.ndarray,
    weights: np.ndarray,
    draws: str,
    strata: np.ndarray | None = None,
) -> tuple[float, float]:
    """Interval of the AUROC, or of that within strata; NaN if it is undefined in all resamples.

    Args:
        columns, draws: as in `draw_weights`, for how many independent draws there are.
    """
    low, high = interval(weighted_auroc(scores, labels, weights, strata))
    if np.isnan(low):
        return float("nan"), float("nan")
    known = ((labels == 0) | (labels == 1)) & ~np.isnan(scores)
    if strata is None:
        value = auroc(scores[known], labels[known] == 1)
    else:
        value = auroc_within(scores, labels, strata)
        for stratum in np.unique(strata):  # networks that are in no pair tell nothing
            inside = known & (strata == stratum)[:, None]
            if len(np.unique(labels[inside])) < 2:
                known &= ~inside
    units = [_units(known & (labels == one), columns, draws) for one in (1, 0)]
    least, most = score_interval(value, *units)
    return min(float(low), least), max(float(high), most)


def _units(networks: np.ndarray, columns: np.ndarray, draws: str) -> int:
    """Of some networks, a mask [P, R], how many independent draws there are: of columns, or of replicas in columns."""
    of_columns = [networks[columns == name].any(0) for name in np.unique(columns)]
    return int(sum(one.any() if draws == COMMON else one.sum() for one in of_columns))


def score_interval(value: float, positives: int, negatives: int, level: float = LEVEL) -> tuple[float, float]:
    """Newcombe's interval of an AUROC of independent positives and negatives: both ends solve |A − a| = z √V(A)."""
    z = float(scipy.special.ndtri(0.5 + level / 2))
    more = (positives + negatives) / 2 - 1

    def excess(end: float) -> float:
        variance = end * (1 - end) * (1 + more * ((1 - end) / (2 - end) + end / (1 + end))) / (positives * negatives)
        return abs(end - value) - z * np.sqrt(variance)

    inside = min(max(value, 1e-9), 1 - 1e-9)  # at 0 and 1 the variance is none, so that they solve it, too
    low = scipy.optimize.brentq(excess, 0.0, inside) if value > 0 else 0.0
    high = scipy.optimize.brentq(excess, inside, 1.0) if value < 1 else 1.0
    return float(low), float(high)


def between_runs(of_replicas: np.ndarray, replicas: int) -> float:
    """Standard deviation of a number between whole runs with other seeds, on the same grid.

    Args:
        of_replicas: its values in resamples of fixed columns; the variance of resamples of R values is (R − 1)/R of
            theirs, which is put right.
        replicas: R; of a single one nothing is known.
    """
    known = of_replicas[~np.isnan(of_replicas)]
    if replicas < 2 or len(known) < 2:
        return float("nan")
    return float(known.std(ddof=1) * np.sqrt(replicas / (replicas - 1)))


def interval(values: np.ndarray | Sequence[float], level: float = LEVEL) -> tuple[np.ndarray, np.ndarray]:
    """Percentile interval over the last axis; NaN where nothing is known."""
    values = np.asarray(values, float)
    bounds = np.full((2, *values.shape[:-1]), np.nan)
    known = (~np.isnan(values)).any(-1)
    tail = (1 - level) / 2
    bounds[:, known] = np.nanquantile(values[known], [tail, 1 - tail], axis=-1)
    return bounds[0], bounds[1]
