import numpy as np
import pytest

from infoflow.verdict.auroc import auroc
from infoflow.verdict.resampling import auroc_interval, draw_resamples, interval, resample_stream, resampled_auroc


def test_resampled_areas_are_those_of_the_drawn_networks():
    rng = np.random.default_rng(3)
    scores = rng.integers(0, 4, (7, 2)).astype(float)  # with ties
    scores[0, 0], scores[1, 1], scores[2, 0] = np.nan, np.inf, -np.inf
    labels = rng.integers(-1, 2, (7, 2))
    rows, columns = draw_resamples(7, 2, np.random.default_rng(4), 20)
    found = resampled_auroc(scores, labels, rows, columns)
    generator = np.random.default_rng(4)
    for value in found:
        drawn = np.ix_(generator.integers(7, size=7), generator.integers(2, size=2))
        known = (labels[drawn] >= 0) & ~np.isnan(scores[drawn])
        assert value == pytest.approx(auroc(scores[drawn][known], labels[drawn][known] == 1), nan_ok=True)
    assert np.isfinite(found).any()


def test_the_interval_holds_the_estimate():
    rng = np.random.default_rng(0)
    labels = rng.random((60, 3)) < 0.5
    scores = labels + rng.normal(size=(60, 3))
    low, high = auroc_interval(scores, labels.astype(int), rng)
    assert low < auroc(scores.ravel(), labels.ravel()) < high
    assert 0.05 < high - low < 0.3


def test_equal_replicas_do_not_narrow_the_interval():
    rng = np.random.default_rng(0)
    labels = (rng.random((40, 1)) < 0.5).astype(int)
    scores = labels + rng.normal(size=(40, 1))
    rows, columns = draw_resamples(40, 5, rng)
    one = resampled_auroc(scores, labels, rows, np.ones((len(rows), 1)))
    many = resampled_auroc(scores.repeat(5, 1), labels.repeat(5, 1), rows, columns)
    np.testing.assert_allclose(many, one, rtol=1e-12)


def test_replicas_that_differ_widen_the_interval():
    rng = np.random.default_rng(0)
    labels = rng.random((200, 3)) < 0.5
    scores = labels + rng.normal(size=(200, 3)) + np.array([-2.0, 0.0, 2.0]) * (2 * labels - 1)
    rows, columns = draw_resamples(200, 3, rng)
    over_points = np.diff(interval(resampled_auroc(scores, labels.astype(int), rows, np.ones_like(columns))))
    both = np.diff(interval(resampled_auroc(scores, labels.astype(int), rows, columns)))
    assert both > 2 * over_points


def test_without_both_classes_there_is_no_interval():
    ones = np.ones((5, 2), int)
    assert np.isnan(auroc_interval(np.random.default_rng(0).random((5, 2)), ones, np.random.default_rng(0))).all()


def test_an_experiment_has_its_own_resamples():
    def draws(*named):
        return draw_resamples(30, 3, resample_stream(*named))[0]

    assert np.array_equal(draws(0, "digits"), draws(0, "digits"))
    assert not np.array_equal(draws(0, "digits"), draws(1, "digits"))
    assert not np.array_equal(draws(0, "digits"), draws(0, "digits_cnn"))
