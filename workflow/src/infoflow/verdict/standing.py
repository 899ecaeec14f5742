"""How well a predictor of trainability does: its scores against what could be trained.

Scores, labels and accuracies are arrays [point, replica]; larger scores mean more likely trainable. A network counts
where score and label are known (not NaN); scores may be infinite. All measures but the boundary error know the order of
scores only. Every AUROC is to be read beside that of a baseline, such as −depth, which needs no network; the AUROC
within depth is of pairs of equal depth, of which the baseline knows nothing.

Intervals are those of the one bootstrap (`resampling`): columns and replicas. Source: physics.md E.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import kendalltau, rankdata

from infoflow.verdict.auroc import auroc, best_threshold
from infoflow.verdict.resampling import (
    LEVEL,
    RESAMPLES,
    auroc_interval,
    auroc_within,
    between_runs,
    draw_weights,
    interval,
    resample_stream,
    weighted_auroc,
)


@dataclass(frozen=True)
class Estimate:
    """A value with its interval; NaN where it is not defined."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Grid:
    """The networks of an experiment, and their resamples, which are the same for all of its scores.

    Attributes:
        labels: 1 trainable, 0 not, NaN not known, [P, R].
        accuracy: reached on the test set, NaN where not trained, [P, R].
        columns: label of the column (σ_w², σ_b²) that a point belongs to, [P].
        depths: [P].
        draws: of the weights: independent, or common to all columns.
        baseline: score of the baseline, [P, R].
        weights: resamples of columns and replicas, see `resampling.draw_weights`, [B, P, R].
        of_replicas: of replicas alone, likewise.
        boundary_resamples: how many of them boundaries are found in; they take long.

    Raises:
        ValueError: shapes do not fit, or a point is there twice.
    """

    labels: np.ndarray
    accuracy: np.ndarray
    columns: np.ndarray
    depths: np.ndarray
    draws: str
    baseline: np.ndarray
    weights: np.ndarray
    of_replicas: np.ndarray
    boundary_resamples: int

    def __post_init__(self):
        if self.labels.ndim != 2 or self.labels.shape != self.accuracy.shape:
            raise ValueError(f"labels are {self.labels.shape}, accuracies {self.accuracy.shape}: not [point, replica]")
        if self.columns.shape != self.labels.shape[:1] or self.depths.shape != self.labels.shape[:1]:
            given = f"{self.columns.shape} and depths of {self.depths.shape}"
            raise ValueError(f"{len(self.labels)} points, but columns of shape {given}")
        if len(set(zip(self.columns.tolist(), self.depths.tolist(), strict=True))) < len(self.labels):
            raise ValueError("a column has a depth twice")


def make_grid(
    labels: np.ndarray,
    accuracy: np.ndarray,
    columns: np.ndarray,
    depths: np.ndarray,
    named: tuple[int, str],
    draws: str,
    resamples: int | None = None,
    boundary_resamples: int | None = None,
) -> Grid:
    """A grid with its resamples; the baseline is −depth.

    Args:
        named: seed of the run, and the experiment.
        resamples, boundary_resamples: None: 500 and 100, fewer of grids so large that they would take minutes.
    """
    resamples = resamples or _some(5_000_000 // labels.size, 200, RESAMPLES)
    boundary_resamples = boundary_resamples or _some(500_000 // labels.size, 20, RESAMPLES // 5)
    generator = resample_stream(*named)
    replicas = labels.shape[1]
    weights = draw_weights(columns, replicas, generator, draws, resamples)
    of_replicas = draw_weights(columns, replicas, generator, draws, resamples, fixed=True)
    baseline = np.broadcast_to(-depths[:, None].astype(float), labels.shape)
    return Grid(labels, accuracy, columns, depths, draws, baseline, weights, of_replicas, boundary_resamples)


def _some(wanted: int, least: int, most: int) -> int:
    return max(least, min(most, wanted))


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
        auroc: of the labels.
        auroc_within_depth: of pairs of equal depth.
        auroc_gain: AUROC above that of the baseline on the same networks.
        auroc_spread: standard deviation of the AUROC between whole runs with other seeds.
        spearman, kendall: rank correlations of score and accuracy (Kendall's is τ_b), whatever is above the success
            accuracy, where trainings stop, taken as equal.
        boundary_error: mean |ln(predicted/true)| over columns whose boundary is among the depths.
        least_boundary_error: over all columns, the censored ones with their least error.
        censored_columns: how many are censored.
        censored_agreement: share of these that are predicted to be censored on the same side; NaN if there are none.
        columns: with a prediction.
        networks: that count.
    """

    auroc: Estimate
    auroc_within_depth: Estimate
    auroc_gain: Estimate
    auroc_spread: float
    spearman: Estimate
    kendall: Estimate
    boundary_error: Estimate
    least_boundary_error: Estimate
    censored_columns: int
    censored_agreement: float
    columns: int
    networks: int


def judge(scores: np.ndarray, grid: Grid) -> Standing:
    """The standing of a predictor; those of the same grid are judged on the same resamples.

    Args:
        scores: [P, R].

    Raises:
        ValueError: the scores do not fit the grid.
    """
    labels = grid.labels
    if scores.shape != labels.shape:
        raise ValueError(f"scores are {scores.shape}, labels {labels.shape}: both must be [point, replica]")
    boundary = find_boundary(scores, labels, grid.columns, grid.depths)
    predicted = ~np.isnan(boundary.predicted)
    hidden = predicted & (boundary.censored != 0)
    agree = boundary.censored[hidden] == boundary.predicted_censored[hidden]
    inside, everywhere = bootstrap_boundary(scores, grid)
    accuracy = np.where(labels == 1, np.inf, np.where(labels == 0, grid.accuracy, np.nan))
    area = area_of(scores, grid)
    known = _known(scores, labels)
    return Standing(
        auroc=area,
        auroc_within_depth=area_of(scores, grid, within=True),
        auroc_gain=gain_of(scores, grid, area),
        auroc_spread=spread_of(scores, grid),
        spearman=bootstrap(spearman, scores, accuracy, grid.weights),
        kendall=bootstrap(kendall, scores, accuracy, grid.weights),
        boundary_error=inside,
        least_boundary_error=everywhere,
        censored_columns=int((boundary.censored != 0).sum()),
        censored_agreement=float(agree.mean()) if len(agree) else float("nan"),
        columns=int(predicted.sum()),
        networks=int(known.sum()),
    )


def area_of(scores: np.ndarray, grid: Grid, within: bool = False) -> Estimate:
    """AUROC of a score, or that of pairs of equal depth."""
    strata = grid.depths if within else None
    known = _known(scores, grid.labels)
    value = auroc_within(scores, grid.labels, grid.depths) if within else auroc(scores[known], grid.labels[known] == 1)
    low, high = auroc_interval(scores, grid.labels, grid.columns, grid.weights, grid.draws, strata)
    return Estimate(value, low, high)


def spread_of(scores: np.ndarray, grid: Grid) -> float:
    """Standard deviation of the AUROC between whole runs with other seeds."""
    return between_runs(weighted_auroc(scores, grid.labels, grid.of_replicas), grid.labels.shape[1])


def gain_of(scores: np.ndarray, grid: Grid, area: Estimate) -> Estimate:
    """AUROC above the baseline's: both on the networks that the score knows, resample by resample."""
    baseline = np.where(np.isnan(scores), np.nan, grid.baseline)
    known = _known(baseline, grid.labels)
    least = auroc(baseline[known], grid.labels[known] == 1)
    gains = weighted_auroc(scores, grid.labels, grid.weights) - weighted_auroc(baseline, grid.labels, grid.weights)
    return _estimate(area.value - least, gains.tolist(), LEVEL)


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


def average(estimates: Sequence[Estimate]) -> Estimate:
    """Mean of estimates that are independent of each other, each with the same weight.

    Each end is as far from the mean as the root of the summed squares of the distances of theirs (MOVER: Zou, Donner,
    Statistics in Medicine 27, 1693 (2008)), so that of one estimate it is its own.
    """
    if not estimates:
        return Estimate(*[float("nan")] * 3)
    value, low, high = np.array([(e.value, e.low, e.high) for e in estimates]).T
    middle = value.mean()
    below, above = (float(np.sqrt(((end - value) ** 2).sum()) / len(value)) for end in (low, high))
    return Estimate(float(middle), float(middle) - below, float(middle) + above)


def bootstrap(
    statistic: Callable[[np.ndarray, np.ndarray], float],
    scores: np.ndarray,
    truth: np.ndarray,
    weights: np.ndarray,
    level: float = LEVEL,
) -> Estimate:
    """A statistic of all networks that count, with its interval.

    Args:
        statistic: of two vectors; NaN where it is not defined: such resamples are left out.
        scores, truth: [point, replica]; a network counts where both are known.
        weights: of the resamples, see `resampling.draw_weights`.
    """
    known = _known(scores, truth)
    s, t = scores[known], truth[known]
    found = [statistic(np.repeat(s, drawn), np.repeat(t, drawn)) for drawn in weights[:, known]]
    return _estimate(statistic(s, t), found, level)


def find_boundary(
    scores: np.ndarray,
    labels: np.ndarray,
    columns: np.ndarray,
    depths: np.ndarray,
    threshold: float | None = None,
    weights: np.ndarray | None = None,
) -> Boundary:
    """The largest trainable depth of every column, true and predicted.

    A depth is trainable if at least half of its networks are, and predicted so if the scores of at least half of them
    reach the threshold. That is the one of the highest balanced accuracy for single networks, on all other columns,
    unless it is given.

    Args:
        scores, labels: [point, replica]; labels 1, 0 or NaN.
        columns, depths: [point].
        threshold: the same for all columns.
        weights: how often every network counts, [point, replica]; None: once.
    """
    known = _known(scores, labels)
    if weights is None:
        weights = known.astype(np.int32)
    known &= weights > 0
    names = np.unique(columns[known.any(1)])
    true, predicted, thresholds = (np.full(len(names), np.nan) for _ in range(3))
    censored, predicted_censored = np.zeros((2, len(names)), int)
    for c, name in enumerate(names):
        others = known & (columns != name)[:, None]
        if threshold is None:
            times = weights[others]
            thresholds[c] = best_threshold(np.repeat(scores[others], times), np.repeat(labels[others] == 1, times))
        else:
            thresholds[c] = threshold
        rows = np.flatnonzero((columns == name) & known.any(1))
        rows = rows[np.argsort(depths[rows])]
        share = np.array([np.average(labels[r, known[r]], weights=weights[r, known[r]]) for r in rows])
        true[c], censored[c] = _last(depths[rows], share >= 0.5)
        if not np.isnan(thresholds[c]):
            reached = [scores[r, known[r]] >= thresholds[c] for r in rows]
            share = np.array([np.average(v, weights=weights[r, known[r]]) for r, v in zip(rows, reached)])
            predicted[c], predicted_censored[c] = _last(depths[rows], share >= 0.5)
    return Boundary(names, true, predicted, thresholds, censored, predicted_censored)


def bootstrap_boundary(scores: np.ndarray, grid: Grid, threshold: float | None = None) -> tuple[Estimate, Estimate]:
    """Mean boundary error over the columns that are not censored, and over all of them.

    In every resample thresholds (unless one is given) and boundaries are found anew, and a column counts as often as it
    was drawn: its depths make one boundary. Columns without a prediction are left out.
    """
    arrays = scores, grid.labels, grid.columns, grid.depths, threshold
    counts = {name: np.flatnonzero(grid.columns == name)[0] for name in np.unique(grid.columns)}
    replicas = grid.labels.shape[1]

    def means(boundary: Boundary, times: np.ndarray) -> tuple[float, float]:
        errors = boundary.errors
        usable = ~np.isnan(errors)
        inside = usable & (boundary.censored == 0)
        return _mean(np.repeat(errors[inside], times[inside])), _mean(np.repeat(errors[usable], times[usable]))

    whole = find_boundary(*arrays)
    found = []
    for weights in grid.weights[: grid.boundary_resamples]:
        boundary = find_boundary(*arrays, weights)
        first = [counts[name] for name in boundary.columns]
        found.append(means(boundary, weights[first].sum(1) // replicas))
    values = means(whole, np.ones(len(whole.columns), int))
    return tuple(_estimate(v, [f[k] for f in found], LEVEL) for k, v in enumerate(values))


def _last(depths: np.ndarray, positive: np.ndarray) -> tuple[float, int]:
    """The largest positive one of sorted depths, and on which side it is censored."""
    if positive.all():
        return depths[-1], 1
    if positive.any():
        return depths[np.flatnonzero(positive)[-1]], 0
    return (depths[0] ** 2 / depths[1] if len(depths) > 1 else depths[0] / 2), -1


def _known(scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return ~np.isnan(scores) & ~np.isnan(truth)


def _varies(values: np.ndarray) -> bool:
    return len(values) > 1 and bool((values != values[0]).any())


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _estimate(value: float, found: list[float], level: float) -> Estimate:
    return Estimate(value, *map(float, interval([v for v in found if not np.isnan(v)], level)))
