import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infoflow.verdict.auroc import auroc, best_threshold

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


def test_without_both_classes_there_is_no_area_and_no_threshold():
    assert np.isnan(auroc(np.arange(5.0), np.ones(5, bool)))
    assert np.isnan(best_threshold(np.arange(5.0), np.ones(5, bool)))


def test_the_best_threshold_separates():
    scores, labels = np.array([0.0, 1, 2, 3]), np.array([False, False, True, True])
    assert 1 < best_threshold(scores, labels) < 2
    assert best_threshold(np.array([-np.inf, -np.inf, 2, 3]), labels) <= 2
