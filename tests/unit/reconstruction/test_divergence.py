import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from infoflow.reconstruction.cases import NEVER_INFORMATIVE, NOT_SATURATED, SATURATED, UNKNOWN
from infoflow.reconstruction.divergence import (
    differential_entropy,
    explained_variance,
    normalise,
    relative_entropy,
    saturation_case,
    saturation_depth,
)

images = arrays(np.float64, (3, 7), elements=st.floats(-10, 10, width=32))


@given(images, images)
def test_relative_entropy_is_positive_and_zero_for_equal_images(x, y):
    assert (relative_entropy(x, y) >= -1e-12).all()
    assert relative_entropy(x, x) == pytest.approx(0, abs=1e-12)


@given(images, st.floats(-5, 5), st.floats(0.1, 10))
def test_relative_entropy_does_not_see_shift_and_scale(x, shift, scale):
    y = np.linspace(0, 1, 7) + np.zeros((3, 1))
    # both are darkest at the first pixel: elsewhere the offset would weigh in, whose size is fixed
    x = np.sort(x) + np.arange(7)
    assert relative_entropy(y, scale * x + shift) == pytest.approx(relative_entropy(y, x), rel=1e-6, abs=1e-6)


def test_relative_entropy_of_two_pixels_by_hand():
    # [0, 1, 3] -> (0, 1/4, 3/4) and [0, 2, 2] -> (0, 1/2, 1/2)
    expected = 0.25 * np.log(0.25 / 0.5) + 0.75 * np.log(0.75 / 0.5)
    assert relative_entropy([0, 1, 3], [0, 2, 2]) == pytest.approx(expected, abs=1e-9)


def test_nothing_modifies_its_input():
    rng = np.random.default_rng(0)
    x, y = rng.random((4, 5, 9)), rng.random((4, 5, 9))
    before = x.copy(), y.copy()
    relative_entropy(x, y), differential_entropy(y), explained_variance(x, y), saturation_depth(y)
    assert np.array_equal(x, before[0])
    assert np.array_equal(y, before[1])


def test_leading_axes_broadcast():
    rng = np.random.default_rng(0)
    x, y = rng.random((5, 9)), rng.random((2, 3, 5, 9))
    assert relative_entropy(x, y).shape == (2, 3, 5)
    assert differential_entropy(y).shape == explained_variance(x, y).shape == (2, 3)
    assert relative_entropy(x, y)[1, 2] == pytest.approx(relative_entropy(x, y[1, 2]))
    assert differential_entropy(y)[1, 2] == pytest.approx(differential_entropy(y[1, 2]))


def test_differential_entropy_is_that_of_a_gaussian_per_pixel():
    y = np.random.default_rng(0).random((50, 6))
    p = (y - y.min(1, keepdims=True) + 1e-12) / (y - y.min(1, keepdims=True) + 1e-12).sum(1, keepdims=True)
    expected = np.mean([0.5 * np.log(2 * np.pi * np.e * np.var(p[:, i], ddof=1)) for i in range(6)])
    assert differential_entropy(y) == pytest.approx(expected)
    # shifting and normalising once more changes nothing
    assert differential_entropy(normalise(y)) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("samples", [4, 100, 1000])
def test_differential_entropy_of_equal_reconstructions_is_minus_infinity(samples):
    """And not the rounding of their mean."""
    images = np.random.default_rng(samples).normal(size=(20, 1, 5))
    assert (differential_entropy(np.repeat(images, samples, axis=1)) == -np.inf).all()
    with pytest.raises(ValueError, match="two samples"):
        differential_entropy([[1.0, 2.0]])


def test_explained_variance():
    x = np.random.default_rng(0).random((20, 6))
    assert explained_variance(x, x) == 1
    assert explained_variance(x, np.broadcast_to(x.mean(0), x.shape)) == pytest.approx(0, abs=1e-12)
    assert explained_variance(x, 1 - x) < 0
    with pytest.raises(ValueError, match="differ"):
        explained_variance(np.ones((3, 2)), np.ones((3, 2)))


@pytest.mark.parametrize(("rtol", "index"), [(0.005, 3), (0.001, 4)])
def test_saturation_depth_counts_as_published(rtol, index):
    curve = [5, 4, 3, 2, 1.003, 1, 1, 1]
    assert saturation_depth(curve, rtol) == index
    assert saturation_case(curve, rtol) == SATURATED


def test_the_cases_of_saturation_are_told_apart():
    assert saturation_depth(np.ones(8)) == 0
    assert saturation_case(np.ones(8)) == NEVER_INFORMATIVE
    assert np.isnan(saturation_depth(np.linspace(5, 1, 8)))
    assert saturation_case(np.linspace(5, 1, 8)) == NOT_SATURATED
    # the first layer alone is informative: 0 as published, but another case
    assert saturation_depth([2, 1, 1, 1, 1]) == 0
    assert saturation_case([2, 1, 1, 1, 1]) == SATURATED


def test_a_curve_that_meets_its_last_value_by_chance_is_not_saturated():
    curve = np.linspace(2, 1, 40)
    curve[-2] = curve[-1]
    assert np.isnan(saturation_depth(curve))


def test_saturation_at_minus_infinity_and_with_nan():
    assert saturation_depth([-5, -9, -np.inf, -np.inf, -np.inf]) == 1


@pytest.mark.parametrize("where", [[0], [1], [-1], [2, 3, 4], range(5)], ids=str)
@pytest.mark.parametrize("curve", [[5, 2, 1, 1, 1], [1, 1, 1, 1, 1], [5, 4, 3, 2, 1]], ids=str)
def test_of_a_curve_with_nan_nothing_is_known(curve, where):
    """Neither that it has saturated, nor that it has not."""
    broken = np.array(curve, float)
    broken[list(where)] = np.nan
    assert saturation_case(broken) == UNKNOWN
    assert np.isnan(saturation_depth(broken))


def test_saturation_works_along_the_last_axis():
    curves = np.array([[[5, 4, 1, 1, 1], [1, 1, 1, 1, 1]]])
    assert saturation_depth(curves).tolist() == [[1, 0]]
    assert saturation_case(curves).tolist() == [[SATURATED, NEVER_INFORMATIVE]]
