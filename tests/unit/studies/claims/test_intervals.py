"""Where intervals come from."""

import numpy as np
import pytest

from infoflow.studies.claims.intervals import Untested, exact, over_replicas, resampled, spread


def test_what_is_exact_has_the_error_of_its_rounding_or_of_its_grid():
    found = exact([0.0, 100.0], rounding=1e-6)
    np.testing.assert_allclose(found.high - found.low, [2e-6, 2e-4])
    assert exact(1.0, resolution=0.5)[1:] == pytest.approx((0.5, 1.5))
    assert exact(-np.inf).value == -np.inf


def test_over_replicas_is_students_interval():
    found = over_replicas([[1.0, 2.0, 3.0], [2.0, 2.0, 2.0]])
    np.testing.assert_allclose(found.value, [2, 2])
    np.testing.assert_allclose(found.high[0] - 2, 4.302653 / np.sqrt(3))
    assert 0 < found.high[1] - 2 < 1e-5
    with pytest.raises(Untested, match="one replica has no error"):
        over_replicas([1.0])


def test_a_spread_has_all_values_within():
    assert spread([3.0, np.nan, 1.0, 2.0]) == (2.0, 1.0, 3.0)
    with pytest.raises(Untested, match="nothing of it is known"):
        spread([np.nan])


def test_resamples_are_of_whole_rows_and_always_the_same():
    x = np.arange(1.0, 21.0)
    found = resampled(lambda a, b: float((a * b).sum() / (a * a).sum()), x, 3 * x)
    assert found == pytest.approx((3, 3, 3))
    noisy = np.where(x % 2 == 0, 2.0, 4.0)
    found = resampled(lambda a: float(a.mean()), noisy)
    assert found.low < 3 == found.value < found.high
    assert found == resampled(lambda a: float(a.mean()), noisy)
    with pytest.raises(Untested, match="too few columns"):
        resampled(np.mean, x[:2])
