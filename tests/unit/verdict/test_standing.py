import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infoflow.verdict.auroc import best_threshold
from infoflow.verdict.resampling import draw_weights
from infoflow.verdict.standing import (
    Estimate,
    average,
    balanced_accuracy,
    bootstrap,
    bootstrap_boundary,
    find_boundary,
    judge,
    kendall,
    make_grid,
    spearman,
)

DEPTHS = 2.0 ** np.arange(1, 8)  # 2 ... 128
LIMITS = {0.5: 4.0, 1.0: 8.0, 1.5: 32.0, 2.0: 16.0, 2.5: 8.0, 3.0: 4.0}
"""Largest trainable depth by column."""
REPLICAS = 3


def grid(limits=LIMITS):
    """Columns and depths of all points, and accuracies: 0.9 up to the limit, 0.1 beyond."""
    columns, depths = (a.ravel() for a in np.meshgrid(list(limits), DEPTHS, indexing="ij"))
    accuracy = np.where(depths <= np.vectorize(limits.get)(columns), 0.9, 0.1)
    return columns, depths, np.repeat(accuracy[:, None], REPLICAS, 1)


def exact_scores(columns, depths, limits=LIMITS, shift=None):
    """ln(limit/depth), by which every boundary is known, with an error of `shift` octaves in some columns."""
    wrong = np.array([math.log(2) * (shift or {}).get(c, 0) for c in columns])
    return np.repeat((np.log(np.vectorize(limits.get)(columns) / depths) + wrong)[:, None], REPLICAS, 1)


def trainable(accuracy):
    return np.where(np.isnan(accuracy), np.nan, accuracy > 0.5)


def networks(columns, depths, accuracy, resamples=50):
    named = 0, "digits"
    return make_grid(trainable(accuracy), accuracy, columns, depths, named, "independent", resamples, resamples // 5)


def standing(scores, limits=LIMITS):
    return judge(scores, networks(*grid(limits)))


def test_a_perfect_predictor():
    columns, depths, accuracy = grid()
    found = standing(exact_scores(columns, depths))
    for estimate in (found.boundary_error, found.least_boundary_error):
        assert (estimate.value, estimate.low, estimate.high) == (0, 0, 0)
    for estimate in (found.auroc, found.auroc_within_depth):  # few networks leave a doubt
        assert (estimate.value, estimate.high) == (1, 1)
        assert 0.7 < estimate.low < 0.95
    assert found.auroc_gain.low > 0
    assert found.auroc_spread == 0
    assert (found.columns, found.censored_columns, found.networks) == (6, 0, accuracy.size)
    assert math.isnan(found.censored_agreement)


@pytest.mark.parametrize("octaves", [-2, -1, 1, 2])
def test_a_predictor_that_is_wrong_in_one_column(octaves):
    """Of six columns: the threshold of each is chosen on the others, so that the error is that of the one."""
    columns, depths, _ = grid()
    scores = exact_scores(columns, depths, shift={1.5: octaves})
    found = find_boundary(scores, trainable(grid()[2]), columns, depths)
    expected = {c: 2**octaves * l if c == 1.5 else l for c, l in LIMITS.items()}
    assert dict(zip(found.columns, found.predicted)) == {c: min(e, 128) for c, e in expected.items()}
    assert dict(zip(found.columns, found.true)) == LIMITS
    assert standing(scores).boundary_error.value == pytest.approx(abs(octaves) * math.log(2) / 6)


def test_a_predictor_that_knows_the_depth_only():
    """One boundary for all columns, which the limits lie around."""
    columns, depths, accuracy = grid({0.5: 4.0, 1.0: 16.0, 1.5: 16.0, 2.0: 16.0, 2.5: 64.0})
    found = find_boundary(np.repeat(-depths[:, None], 3, 1), trainable(accuracy), columns, depths)
    np.testing.assert_array_equal(found.predicted, 16)
    np.testing.assert_allclose(found.errors, np.log([4, 1, 1, 1, 4]), atol=1e-12)
    backwards = judge(depths[:, None].repeat(3, 1), networks(columns, depths, accuracy))
    assert backwards.auroc.value < 0.1
    assert backwards.auroc_within_depth.value == 0.5
    assert backwards.auroc_gain.high < 0
    same = judge(-depths[:, None].repeat(3, 1), networks(columns, depths, accuracy))
    assert (same.auroc_gain.value, same.auroc_gain.low, same.auroc_gain.high) == (0, 0, 0)
    assert backwards.kendall.value < 0


def test_censored_columns_are_told_apart():
    limits = LIMITS | {0.1: 1.0, 5.0: 128.0, 6.0: 1.0}  # none of the depths; all of them; none
    columns, depths, _ = grid(limits)
    right = exact_scores(columns, depths, limits)
    found = standing(right, limits)
    assert (found.censored_columns, found.censored_agreement, found.columns) == (3, 1, 9)
    assert found.least_boundary_error.value == 0
    # In column 6 it predicts depths up to 8: at least three octaves too many, from 1 = 2²/4, where none counts.
    wrong = exact_scores(columns, depths, limits, shift={6.0: 3, 5.0: 2})
    boundary = find_boundary(wrong, trainable(grid(limits)[2]), columns, depths)
    where = dict(zip(boundary.columns, range(9)))
    assert boundary.censored[[where[c] for c in (0.1, 5.0, 6.0, 1.0)]].tolist() == [-1, 1, -1, 0]
    assert boundary.predicted_censored[[where[c] for c in (0.1, 5.0, 6.0)]].tolist() == [-1, 1, 0]
    assert boundary.errors[where[6.0]] == pytest.approx(3 * math.log(2))
    assert boundary.errors[where[5.0]] == 0  # beyond the deepest: agrees, however far
    found = standing(wrong, limits)
    assert found.boundary_error.value == 0
    assert found.least_boundary_error.value == pytest.approx(3 * math.log(2) / 9)
    assert found.censored_agreement == pytest.approx(2 / 3)


def test_a_threshold_does_not_know_its_own_column():
    random = np.random.default_rng(0)
    columns, depths, accuracy = grid()
    scores = exact_scores(columns, depths) + random.normal(size=accuracy.shape)
    before = find_boundary(scores, trainable(accuracy), columns, depths)
    other = random.uniform(-1, 0, accuracy.shape)
    mine = (columns == 1.5)[:, None]
    changed = np.where(mine, other > -0.2, accuracy > 0.5).astype(float)
    after = find_boundary(np.where(mine, other, scores), changed, columns, depths)
    own = before.columns == 1.5
    assert after.threshold[own] == before.threshold[own]
    assert (after.threshold[~own] != before.threshold[~own]).any()
    others = columns != 1.5
    assert before.threshold[own] == best_threshold(scores[others].ravel(), accuracy[others].ravel() > 0.5)


def test_depths_need_half_of_their_networks():
    columns, depths = np.repeat([1.0, 2.0], 3), np.tile([2.0, 4.0, 8.0], 2)
    labels = np.array([[1, 1, 1], [1, 1, 0], [0, 0, 1]] * 2, float)
    found = find_boundary(labels.copy(), labels, columns, depths)
    assert found.true.tolist() == found.predicted.tolist() == [4, 4]


def test_what_is_not_known_does_not_count():
    columns, depths, accuracy = grid()
    scores = exact_scores(columns, depths)
    scores[0, 0], accuracy[1, 1], scores[columns == 3.0] = np.nan, np.nan, np.nan
    found = judge(scores, networks(columns, depths, accuracy))
    assert found.networks == accuracy.size - 2 - 3 * len(DEPTHS)
    assert found.columns == 5
    assert found.auroc.value == 1
    nothing = judge(np.full_like(scores, np.nan), networks(columns, depths, accuracy))
    assert nothing.networks == nothing.columns == 0
    for name in ("auroc", "spearman", "kendall", "boundary_error", "least_boundary_error"):
        assert np.isnan([getattr(getattr(nothing, name), v) for v in ("value", "low", "high")]).all()


def test_infinite_scores_have_their_place():
    columns, depths, accuracy = grid()
    scores = exact_scores(columns, depths)
    scores[accuracy > 0.5] = np.inf
    scores[depths == 128] = -np.inf
    found = standing(scores)
    assert found.auroc.value == 1
    assert found.boundary_error.value == 0
    assert found.spearman.value > 0.8


def test_all_or_no_networks_trainable_is_no_contest():
    columns, depths, accuracy = grid()
    found = judge(exact_scores(columns, depths), networks(columns, depths, np.ones_like(accuracy)))
    assert math.isnan(found.auroc.value)
    assert math.isnan(found.boundary_error.value)
    assert found.censored_columns == 6
    assert found.columns == 0


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=2, max_size=20))
def test_rank_correlations_are_those_of_pairs(rows):
    a, b = (np.array(v, float) for v in zip(*rows))
    signs = [(np.sign(x - u), np.sign(y - v)) for i, (x, y) in enumerate(rows) for u, v in rows[:i]]
    product, first, second = (
        sum(f(s, t) for s, t in signs) for f in (np.multiply, lambda s, t: s * s, lambda s, t: t * t)
    )
    if first and second:
        assert kendall(a, b) == pytest.approx(product / math.sqrt(first * second))
        assert spearman(a, a**3) == pytest.approx(1)
        assert spearman(a, b) == pytest.approx(-spearman(-a, b))
    else:
        assert math.isnan(kendall(a, b))
        assert math.isnan(spearman(a, b))


def test_intervals_grow_with_what_a_column_shares():
    random = np.random.default_rng(0)
    columns = np.repeat(np.arange(20), 3)
    truth = random.normal(size=(60, 1)) + random.normal(size=(60, 5)) * 0.1
    noise = random.normal(size=(60, 5))
    weights = draw_weights(columns, 5, np.random.default_rng(1), "independent", 400)
    width = {}
    for name, scores in {
        "independent": truth + noise,
        "shared by a column": truth + noise[columns, :1],
    }.items():
        found = bootstrap(spearman, scores, truth, weights)
        assert found.low < found.value < found.high
        width[name] = found.high - found.low
    assert width["shared by a column"] > 1.15 * width["independent"]


def test_a_boundary_error_is_of_the_columns_that_are_drawn():
    """Four columns with an error of one octave and two without: the mean of what is drawn is a share of six."""
    columns, depths, accuracy = grid()
    scores = exact_scores(columns, depths, shift={0.5: 1, 1.0: 1, 2.5: 1, 3.0: 1})
    networks_ = networks(columns, depths, accuracy, 200)
    _, found = bootstrap_boundary(scores, networks_, threshold=0.05 - math.log(2) / 2)
    assert found.value == pytest.approx(math.log(2) * 4 / 6)
    assert found.low < found.value < found.high


def test_the_same_seed_gives_the_same_standing():
    columns, depths, accuracy = grid()
    scores = exact_scores(columns, depths) + np.random.default_rng(0).normal(size=accuracy.shape)
    assert repr(standing(scores)) == repr(standing(scores))  # NaN is not equal to itself


def test_a_threshold_is_that_of_all_pairs_of_candidates():
    """The counts by sorting are those of comparing every score with every candidate."""
    random = np.random.default_rng(0)
    for _ in range(20):
        labels = random.random(40) < 0.4
        scores = np.round(random.normal(size=40) + labels, 1)
        threshold = best_threshold(scores, labels)
        reached = (scores[labels] >= threshold).mean() + (scores[~labels] < threshold).mean()
        candidates = np.concatenate([np.unique(scores) - 0.01, [9]])
        assert reached == pytest.approx(
            max((scores[labels] >= c).mean() + (scores[~labels] < c).mean() for c in candidates)
        )


def test_what_does_not_fit_is_refused():
    columns, depths, accuracy = grid()
    with pytest.raises(ValueError, match="both must be"):
        judge(accuracy[:, 0], networks(columns, depths, accuracy))
    with pytest.raises(ValueError, match="columns of shape"):
        networks(columns[1:], depths, accuracy)
    with pytest.raises(ValueError, match="twice"):
        networks(columns, np.ones_like(depths), accuracy)


def test_the_mean_of_independent_estimates_is_more_certain():
    random = np.random.default_rng(0)
    truth = random.normal(size=(4000, 4))
    seen = truth + random.normal(size=truth.shape)
    means = [average([Estimate(v, v - 1.96, v + 1.96) for v in run]) for run in seen]
    held = [e.low < m < e.high for e, m in zip(means, truth.mean(1))]
    assert np.mean(held) == pytest.approx(0.95, abs=0.015)
    assert means[0].high - means[0].low == pytest.approx(1.96)
    assert average([Estimate(0.9, 0.5, 1.0)]) == Estimate(0.9, 0.5, 1.0)
    assert math.isnan(average([]).value)


def test_balanced_accuracy_weighs_both_kinds_alike():
    labels = np.array([1.0] * 8 + [0.0] * 2)
    assert balanced_accuracy(np.ones(10), labels) == 0.5
    assert balanced_accuracy(labels, labels) == 1
    assert balanced_accuracy(np.array([1.0] * 6 + [0.0] * 3 + [1.0]), labels) == pytest.approx((6 / 8 + 1 / 2) / 2)
    assert math.isnan(balanced_accuracy(np.ones(3), np.ones(3)))


def test_a_boundary_by_a_given_threshold():
    columns, depths = np.repeat([1.0, 2.0], 3), np.tile([2.0, 4.0, 8.0], 2)
    labels = np.array([[1], [1], [0], [1], [0], [0]], float)
    scores = np.array([[3], [2], [1], [3], [2], [1]], float)
    found = find_boundary(scores, labels, columns, depths, threshold=1.5)
    assert found.threshold.tolist() == [1.5, 1.5]
    assert found.predicted.tolist() == [4, 4]
    assert found.errors.tolist() == pytest.approx([0, math.log(2)])
