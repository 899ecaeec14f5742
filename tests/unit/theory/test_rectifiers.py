"""Closed forms of smooth rectifiers, against dense sums and against the limit of large variances."""

import math

import numpy as np
import pytest
from scipy.special import expit, ndtr

from infoflow.theory import meanfield, rectifiers
from infoflow.theory.reconstruction import KERNELS
from infoflow.theory.rectifiers import RECTIFIERS, logistic_scales

PHI = {"gelu": lambda z: z * ndtr(z), "silu": lambda z: z * expit(z), "softplus": lambda z: np.logaddexp(0, z)}


def after(name: str, a: float, b: float, apart: float) -> tuple[np.ndarray, float]:
    """E φ² of both and E (φ - φ')²/2 by the closed form, for variances a and b and 1 - c = apart."""
    root = math.sqrt(a) - math.sqrt(b)
    distance = root * root / 2 + apart * math.sqrt(a * b)
    square, found = RECTIFIERS[name].covariances(np.array([a, b]), np.array([[0, distance], [distance, 0]]))
    assert found[0, 1] == pytest.approx(found[1, 0], rel=1e-9)
    assert found[0, 0] == found[1, 1] == 0
    return square, float(found[0, 1])


def test_the_logistic_function_is_a_mixture_of_gaussian_ones():
    z = np.linspace(-60, 60, 4001)
    for count, error in ((4, 3e-5), (8, 1e-7), (11, 3e-9), (20, 2e-13)):
        squares, weights = logistic_scales(count)
        assert weights.sum() == pytest.approx(1, rel=1e-12)
        assert (ndtr(z[:, None] / np.sqrt(squares)) @ weights) == pytest.approx(expit(z), abs=error)
    assert logistic_scales(20)[0] @ logistic_scales(20)[1] == pytest.approx(math.pi**2 / 3, rel=1e-10)  # its variance


@pytest.mark.parametrize("name", RECTIFIERS)
@pytest.mark.parametrize(("a", "b"), [(0.3, 1.1), (1.7, 1.7), (4.0, 0.2), (8.5, 9.0), (30.0, 0.5), (100.0, 60.0)])
def test_covariances_are_those_of_a_dense_sum_over_the_plane(name, a, b):
    phi, step = PHI[name], 0.085 / max(1, math.sqrt(max(a, b)))
    z = np.arange(-math.ceil(8.5 / step), math.ceil(8.5 / step) + 1) * step
    weight = np.exp(-z * z / 2) / np.exp(-z * z / 2).sum()
    for c in (-0.9, 0.0, 0.8, 0.98):
        square, distance = after(name, a, b, 1 - c)
        other = phi(math.sqrt(b) * (c * z[:, None] + math.sqrt(1 - c * c) * z))
        expected = (weight * phi(math.sqrt(a) * z)) @ (other @ weight)
        assert square.mean() - distance == pytest.approx(expected, rel=1e-10, abs=1e-12 * square.max())
        assert square == pytest.approx([weight @ phi(math.sqrt(v) * z) ** 2 for v in (a, b)], rel=1e-11)


@pytest.mark.parametrize("name", RECTIFIERS)
def test_the_closed_form_meets_the_expansion(name):
    """Just below the variance at which the theory goes over from one to the other."""
    for a, b in ((7.0, 7.0), (7.9, 7.8), (7.0, 3.0), (5.0, 5.0005)):
        for apart in (1e-12, 1e-10, 1e-8, 1e-6, 1e-3, 0.1, 1.0, 1.9):
            square, distance = after(name, a, b, apart)
            root = math.sqrt(a) - math.sqrt(b)
            given = root * root / 2 + apart * math.sqrt(a * b)
            expected, found = KERNELS[name](np.array([a, b]), np.array([[0, given], [given, 0]]))
            assert square == pytest.approx(expected, rel=1e-11)
            assert distance == pytest.approx(found[0, 1], rel=2e-8 if given < 1e-6 else 3e-10)


@pytest.mark.parametrize("name", RECTIFIERS)
@pytest.mark.parametrize("v", [20.0, 1e3, 1e6, 1e10])
def test_nearly_equal_inputs_part_by_the_slope_of_the_correlation_map(name, v):
    for distance in (1e-4, 1e-6, 1.1e-8, 0.9e-8, 1e-12, 1e-25):
        square, found = after(name, v, v, distance / v)
        assert found == pytest.approx(meanfield.slope_at(v, 1.0, name) * distance, rel=distance / math.sqrt(v) + 2e-8)
        assert square == pytest.approx(meanfield.second_moment([v, v], name), rel=1e-10)


@pytest.mark.parametrize("name", RECTIFIERS)
def test_variances_that_differ_part_equal_directions(name):
    """E (φ(√a z) - φ(√b z))²/2, where the inputs are close and where they are not."""
    z = np.arange(-900, 901) / 100
    weight = np.exp(-z * z / 2) / np.exp(-z * z / 2).sum()
    for a, b in ((20.0, 20.0 * (1 + 1e-5)), (20.0, 20.1), (12.0, 30.0)):
        _, found = after(name, a, b, 0.0)
        expected = weight @ (PHI[name](math.sqrt(a) * z) - PHI[name](math.sqrt(b) * z)) ** 2 / 2
        assert found == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("name", RECTIFIERS)
def test_for_large_variances_they_are_relu(name):
    for apart in (1e-3, 0.1, 1.0):
        square, distance = after(name, 1e14, 2e14, apart)
        root = math.sqrt(1e14) - math.sqrt(2e14)
        given = root * root / 2 + apart * math.sqrt(2e28)
        expected, found = KERNELS["relu"](np.array([1e14, 2e14]), np.array([[0, given], [given, 0]]))
        assert square == pytest.approx(expected, rel=1e-6)
        assert distance == pytest.approx(found[0, 1], rel=1e-6)


def test_fewer_scales_do_for_larger_variances():
    for v in (8.0, 1e2, 1e4, 1e6, 1e9):
        for name in ("silu", "softplus"):
            found = [after(name, v, 0.8 * v, apart)[1] for apart in (1e-3, 0.1, 1.9)]
            original = rectifiers.SCALES
            try:
                rectifiers.SCALES = (16, 16)
                exact = [after(name, v, 0.8 * v, apart)[1] for apart in (1e-3, 0.1, 1.9)]
            finally:
                rectifiers.SCALES = original
            assert found == pytest.approx(exact, rel=2e-10)
