import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infoflow.verdict.auroc import auroc, best_threshold, bootstrap_auroc

scored = st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=2, max_size=30)


@given(scored)
def test_auroc_is_the_share_of_ordered_pairs(rows):
    scores, labels = np.array([r[0] for r in rows], float), np.array([r[1] for r in rows])
    pairs = [(a > b) + 0.5 * (a == b) for a in scores[labels] for b in scores[~labels]]
    if pairs:
        assert auroc(scores, labels) == pytest.approx(np.mean(pairs))
    else:
        assert np.isnan(auroc(scores, labels))


def test_auroc_knows_infinite_scores():
    assert auroc(np.array([-np.inf, 0.0, np.inf]), np.array([False, True, True])) == 1


def test_the_bootstrap_interval_holds_the_estimate():
    rng = np.random.default_rng(0)
    labels = rng.random((60, 3)) < 0.5
    scores = labels + rng.normal(size=(60, 3))
    low, high = bootstrap_auroc(scores, labels, rng)
    assert low < auroc(scores.ravel(), labels.ravel()) < high
    assert 0.05 < high - low < 0.3


def test_equal_replicas_do_not_narrow_the_interval():
    rng = np.random.default_rng(0)
    labels = rng.random((40, 1)) < 0.5
    scores = labels + rng.normal(size=(40, 1))
    one = np.diff(bootstrap_auroc(scores, labels, np.random.default_rng(1)))
    many = np.diff(bootstrap_auroc(scores.repeat(5, 1), labels.repeat(5, 1), np.random.default_rng(1)))
    assert many == pytest.approx(one)


def test_without_both_classes_there_is_no_area_and_no_threshold():
    ones = np.ones((5, 2), bool)
    assert np.isnan(bootstrap_auroc(np.random.default_rng(0).random((5, 2)), ones, np.random.default_rng(0))).all()
    assert np.isnan(best_threshold(np.arange(5.0), np.ones(5, bool)))


def test_the_best_threshold_separates():
    scores, labels = np.array([0.0, 1, 2, 3]), np.array([False, False, True, True])
    assert 1 < best_threshold(scores, labels) < 2
    assert best_threshold(np.array([-np.inf, -np.inf, 2, 3]), labels) <= 2
