import numpy as np
import pytest
from scipy.stats import norm

from infoflow.verdict.auroc import auroc
from infoflow.verdict.resampling import (
    auroc_interval,
    auroc_within,
    between_runs,
    draw_weights,
    interval,
    resample_stream,
    score_interval,
    weighted_auroc,
)

COLUMNS = np.repeat(np.arange(6), 4)
"""Six columns of four depths."""
DEPTHS = np.tile(np.arange(4), 6)


def stream(seed=0):
    return np.random.default_rng(seed)


class TestWeights:
    """How often every network is drawn."""

    def test_a_column_is_drawn_with_all_its_depths(self):
        weights = draw_weights(COLUMNS, 3, stream(), "independent", 50)
        assert weights.shape == (50, 24, 3)
        by_column = weights.reshape(50, 6, 4, 3)
        assert (by_column == by_column[:, :, :1]).all()
        totals = by_column[:, :, 0].sum(2)
        assert (totals % 3 == 0).all(), "a column that is drawn once has as many replicas as it has"
        assert (totals.sum(1) == 18).all()

    def test_replicas_of_columns_with_independent_draws_are_drawn_apart(self):
        fixed = draw_weights(COLUMNS, 3, stream(), "independent", 200, fixed=True)[:, ::4]
        assert (fixed.sum(2) == 3).all()
        assert (fixed[:, 0] != fixed[:, 1]).any()
        common = draw_weights(COLUMNS, 3, stream(), "common", 200, fixed=True)[:, ::4]
        assert (common == common[:, :1]).all()

    def test_an_experiment_has_its_own(self):
        def draws(*named):
            return draw_weights(COLUMNS, 3, resample_stream(*named), "independent")

        assert np.array_equal(draws(0, "digits"), draws(0, "digits"))
        assert not np.array_equal(draws(0, "digits"), draws(1, "digits"))
        assert not np.array_equal(draws(0, "digits"), draws(0, "digits_cnn"))


def test_weighted_areas_are_those_of_the_drawn_networks():
    rng = stream(3)
    scores = rng.integers(0, 4, (24, 2)).astype(float)  # with ties
    scores[0, 0], scores[1, 1], scores[2, 0] = np.nan, np.inf, -np.inf
    labels = rng.integers(-1, 2, (24, 2))
    weights = draw_weights(COLUMNS, 2, stream(4), "independent", 20)
    found, within = (weighted_auroc(scores, labels, weights, strata) for strata in (None, DEPTHS))
    known = (labels >= 0) & ~np.isnan(scores)
    depths = np.broadcast_to(DEPTHS[:, None], labels.shape)
    for value, inside, drawn in zip(found, within, weights):
        s, l, d = (np.repeat(a[known], drawn[known]) for a in (scores, labels, depths))
        assert value == pytest.approx(auroc(s, l == 1), nan_ok=True)
        pairs = [(x > y) + (x == y) / 2 for x, p, a in zip(s, l, d) for y, q, b in zip(s, l, d) if p > q and a == b]
        assert inside == pytest.approx(np.mean(pairs) if pairs else np.nan, nan_ok=True)
    assert np.isfinite(found).all()


def test_whoever_counts_layers_knows_nothing_within_a_depth():
    labels = stream(0).integers(0, 2, (24, 3))
    score = np.broadcast_to(-DEPTHS[:, None].astype(float), labels.shape)
    assert auroc_within(score, labels, DEPTHS) == 0.5
    assert auroc_within(labels + 10.0 * score, labels, DEPTHS) == 1


class TestInterval:
    def of(self, scores, labels, draws="independent", strata=None):
        weights = draw_weights(COLUMNS, labels.shape[1], stream(1), draws)
        return auroc_interval(scores, labels, COLUMNS, weights, draws, strata)

    def test_it_holds_the_estimate(self):
        labels = stream().integers(0, 2, (24, 3))
        scores = labels + stream(1).normal(size=labels.shape)
        low, high = self.of(scores, labels)
        assert low < auroc(scores.ravel(), labels.ravel() == 1) < high
        assert 0.1 < high - low < 0.4

    def test_of_few_networks_that_are_told_apart_it_is_wide(self):
        """Every resample has an area of 1."""
        labels = (DEPTHS < 2).astype(int)[:, None]
        low, high = self.of(labels.astype(float), labels)
        assert (low, high) == (score_interval(1.0, 6, 6)[0], 1)
        assert 0.6 < low < 0.75
        three = np.repeat(labels, 3, 1)
        assert self.of(three.astype(float), three)[0] == score_interval(1.0, 18, 18)[0]
        assert self.of(three.astype(float), three, "common")[0] == low, "common draws are no more than their columns"

    def test_only_networks_of_pairs_count_within_depths(self):
        labels = np.array([[1], [1], [0], [0]] * 6)
        labels[1] = 0  # the only column whose second depth fails
        low, high = self.of(labels.astype(float), labels, strata=DEPTHS)
        assert (low, high) == (score_interval(1.0, 5, 1)[0], 1)

    def test_without_both_classes_there_is_none(self):
        ones = np.ones((24, 2), int)
        assert np.isnan(self.of(stream().random((24, 2)), ones)).all()

    def test_equal_replicas_do_not_narrow_what_is_drawn(self):
        labels = stream().integers(0, 2, (24, 1))
        scores = labels + stream(1).normal(size=(24, 1))
        one, many = (
            interval(weighted_auroc(s, l, draw_weights(COLUMNS, l.shape[1], stream(2), "independent", 2000)))
            for s, l in ((scores, labels), (scores.repeat(5, 1), labels.repeat(5, 1)))
        )
        assert many[1] - many[0] == pytest.approx(one[1] - one[0], rel=0.1)


@pytest.mark.parametrize(("value", "m", "n"), [(0.5, 5, 8), (0.9, 20, 20), (0.993, 36, 33), (0.2, 3, 40)])
def test_ends_of_a_score_interval_solve_its_equation(value, m, n):
    ends = score_interval(value, m, n)
    for end in ends:
        q1, q2 = end / (2 - end), 2 * end**2 / (1 + end)
        hanley_mcneil = (end * (1 - end) + ((m + n) / 2 - 1) * (q1 + q2 - 2 * end**2)) / (m * n)
        assert abs(end - value) == pytest.approx(norm.ppf(0.975) * np.sqrt(hanley_mcneil), rel=1e-6)
    assert ends[0] < value < ends[1]
    assert score_interval(1 - value, n, m) == pytest.approx([1 - e for e in ends[::-1]])


def test_the_spread_between_runs_is_that_of_means_of_replicas():
    """Of 20,000 runs with three replicas the mean spreads by σ/√3; each run's own resamples tell it, on average."""
    rng = stream()
    values = rng.normal(size=(400, 3))
    drawn = rng.integers(3, size=(400, 500, 3))
    squares = [between_runs(v[d].mean(1), 3) ** 2 for v, d in zip(values, drawn)]
    assert np.mean(squares) == pytest.approx(1 / 3, rel=0.15)
    assert np.isnan(between_runs(np.ones(10), 1))
