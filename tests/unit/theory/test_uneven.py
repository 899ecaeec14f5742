"""Activations that are not odd: integrals, fixed points of the variance, and edges, against brute force."""

import math

import numpy as np
import pytest

from infoflow.theory import meanfield, uneven
from infoflow.theory.uneven import ACTIVATIONS

ANALYTIC = {name: phi for name, phi in ACTIVATIONS.items() if isinstance(phi, uneven.Analytic)}
RECTIFIERS = ("gelu", "silu", "softplus")
BIASES = (0.0, 0.02, 0.15, 0.3, 1.0)
WEIGHTS = {
    "gelu": (0.0, 0.5, 1.5, 1.9, 1.955, 1.98, 2.0, 2.05, 2.2, 2.5, 3.0, 4.1, 5.0),
    "silu": (0.0, 0.5, 1.5, 1.9, 1.95, 1.98, 2.0, 2.05, 2.2, 2.5, 3.0, 4.1, 5.0),
    "softplus": (0.0, 0.5, 1.5, 1.9, 2.0, 2.1, 3.0),
    "sigmoid": (0.0, 0.5, 2.0, 20.0, 90.0, 150.0),
}


def dense(q: float) -> tuple[np.ndarray, np.ndarray]:
    """Values of N(0, q), and their weights: even steps that are small against one and against √q."""
    step = min(0.02, 0.02 / math.sqrt(q))
    z = np.arange(-math.ceil(9 / step), math.ceil(9 / step) + 1) * step
    weight = np.exp(-z * z / 2)
    return math.sqrt(q) * z, weight / weight.sum()


@pytest.mark.parametrize("name", ANALYTIC)
def test_derivatives_are_derivatives(name):
    phi = ANALYTIC[name]
    z, h = np.linspace(-12, 12, 241), 1e-5
    for function, derivative in ((phi.phi, phi.d1), (phi.d1, phi.d2), (phi.d2, phi.d3)):
        assert derivative(z) == pytest.approx((function(z + h) - function(z - h)) / (2 * h), abs=1e-9)


@pytest.mark.parametrize("name", ANALYTIC)
@pytest.mark.parametrize("q", [1e-4, 0.3, 2.0, 40.0, 2e3])
def test_moments_are_those_of_dense_sums(name, q):
    phi = ANALYTIC[name]
    u, weight = dense(q)
    value = phi.phi(u)
    expected = [weight @ (phi.d1(u) ** 2 + value * phi.d2(u)), weight @ value**2, weight @ value**4]
    assert phi.moments(np.array([q]))[:, 0] == pytest.approx(expected, rel=1e-12)
    assert phi.moments(np.array([q, 1e6]))[:, 0] == pytest.approx(expected, rel=1e-12)  # with the nodes of a larger one
    assert phi.far * q / 2 + uneven._mean(q, phi.rest) == pytest.approx(expected[1], rel=1e-12)
    assert phi.slope(q) == pytest.approx(weight @ phi.d1(u) ** 2, rel=1e-12)
    assert meanfield.variance_map(q, 1.3, 0.1, name) == pytest.approx(1.3 * expected[1] + 0.1, rel=1e-12)


@pytest.mark.parametrize("name", ANALYTIC)
def test_the_slope_of_the_variance_rises_up_to_its_peak_and_falls_behind(name):
    """What the search for all fixed points relies on."""
    phi = ANALYTIC[name]
    q = np.geomspace(1e-4, 1e5, 2000)
    rate = phi.moments(q)[0]
    rising = np.diff(rate) > -1e-14
    assert rising[q[1:] < 0.999 * phi.peak].all()
    assert (np.diff(rate) < 1e-14)[q[:-1] > 1.001 * phi.peak].all()
    assert rate[-1] == pytest.approx(phi.far / 2, abs=1e-6)


@pytest.mark.parametrize(("name", "w", "b"), [(n, w, b) for n in ANALYTIC for w in WEIGHTS[n] for b in BIASES])
def test_the_fixed_point_is_where_the_recursion_goes_from_every_image(name, w, b):
    """The recursion from eight values of ⟨x²⟩: all go there, or without bound, or it is NaN."""
    start = w * np.array([1e-6, 1e-3, 0.03, 0.1, 0.3, 0.6, 0.8, 1.0]) + b
    q, phi = start, ANALYTIC[name]
    for _ in range(3000):
        q, before = w * phi.moments(np.minimum(q, 1e9))[1] + b, q
        if (np.abs(q - before) <= 1e-12 * q).all():
            break
    q_star = meanfield.depth_scales(w, b, name).q_star
    if math.isnan(q_star):
        assert q.max() > 2 * q.min() + 1e-3
    elif math.isinf(q_star):
        # slowest, like l^(2/3), at σ_w² = 2
        assert q.min() > 50
        assert (q > start).all()
    else:
        assert q == pytest.approx(np.full(8, q_star), rel=1e-6, abs=1e-12)
        assert w * phi.moments(np.array([q_star]))[1, 0] + b == pytest.approx(q_star, rel=1e-12)


@pytest.mark.parametrize("name", ANALYTIC)
def test_slopes_are_derivatives_of_the_maps(name):
    """V' and χ_c by differences; c* by iteration of the correlation map."""
    chaotic = {"gelu": (1.97, 0.3), "silu": (1.985, 1.0), "sigmoid": (150.0, 0.1)}
    for w, b in ((1.2, 0.1), (1.8, 0.3), chaotic.get(name, (1.5, 0.5))):
        s, h = meanfield.depth_scales(w, b, name), 1e-4
        above, below = meanfield.variance_map([s.q_star * (1 + h), s.q_star * (1 - h)], w, b, name)
        assert math.exp(-1 / s.xi_q) == pytest.approx((above - below) / (2 * h * s.q_star), rel=1e-6)
        at = [s.c_star, s.c_star - 1e-5, s.c_star - 2e-5]
        c = meanfield.correlation_map(at, w, b, name)
        assert c[0] == pytest.approx(s.c_star, abs=1e-10)
        assert (3 * c[0] - 4 * c[1] + c[2]) / 2e-5 == pytest.approx(s.chi_c, rel=1e-4)
        assert meanfield.slope_at(s.q_star, w, name) == pytest.approx(s.chi_1, rel=1e-12)
        assert (s.c_star < 1) == (s.chi_1 > 1)
        if name in chaotic and (w, b) == chaotic[name]:
            assert s.chi_1 > 1
            assert s.chi_c < 1


@pytest.mark.parametrize("name", ANALYTIC)
@pytest.mark.parametrize("q", [0.3, 5.0, 60.0])
def test_the_correlation_map_is_that_of_a_dense_sum_over_the_plane(name, q):
    phi = ANALYTIC[name]
    step = min(0.1, 0.25 / math.sqrt(q))
    z = np.arange(-math.ceil(8.5 / step), math.ceil(8.5 / step) + 1) * step
    weight = np.exp(-z * z / 2) / np.exp(-z * z / 2).sum()
    for c in (0.0, 0.4, 0.9, 0.999):
        u = math.sqrt(q) * z[:, None]
        v = math.sqrt(q) * (c * z[:, None] + math.sqrt(1 - c * c) * z)
        apart, slope = phi._pair(q, 1 - c)
        assert slope == pytest.approx(weight @ (phi.d1(u) * phi.d1(v)) @ weight, rel=1e-9)
        assert apart == pytest.approx(weight @ ((phi.phi(u) - phi.phi(v)) ** 2 / 2) @ weight, rel=1e-9)


@pytest.mark.parametrize(("name", "b"), [("gelu", 0.2), ("gelu", 0.5), ("silu", 0.7), ("silu", 2.0), ("sigmoid", 0.0)])
def test_at_the_edge_the_phases_meet(name, b):
    edge = meanfield.edge_of_chaos(b, name)
    at = meanfield.depth_scales(edge, b, name)
    assert (at.chi_1, at.c_star) == (pytest.approx(1, abs=1e-9), pytest.approx(1, abs=1e-9))
    assert at.xi_c > 1e8
    assert math.isfinite(at.xi_q)
    for step in (1e-6, 1e-4, 1e-3):
        below, above = (meanfield.depth_scales(edge * (1 + sign * step), b, name) for sign in (-1, 1))
        assert below.chi_1 < 1 < above.chi_1
        assert below.c_star == 1 > above.c_star
        # 1/ξ_c grows alike on both sides
        assert above.xi_c / below.xi_c == pytest.approx(1, abs=0.02 if step < 1e-5 else 0.5)


@pytest.mark.parametrize(("name", "first"), [("gelu", 0.1730), ("silu", 0.5552)])
def test_gelu_and_silu_have_an_edge_from_some_bias_on(name, first):
    """Where there is none, χ₁ is below one at every q* that is finite, and jumps: physics.md B4."""
    biases = first + np.array([-0.1, -0.01, -1e-3, 1e-3, 0.01, 0.1])
    assert np.isnan(meanfield.edge_of_chaos(biases, name)).tolist() == [True] * 3 + [False] * 3
    assert np.isnan(meanfield.edge_of_chaos(0.0, name))
    for b in (0.0, *biases[:3]):
        scales = meanfield.depth_scales(np.linspace(0.1, 4.5, 200), b, name)
        finite = np.isfinite(scales.q_star)
        assert (scales.chi_1[finite] < 1).all()
        grows = np.isinf(scales.q_star)
        assert grows.any()
        assert (scales.chi_1[grows] > 1).all()
        assert np.isinf(scales.xi_c[grows]).all()


def test_softplus_is_critical_where_its_variance_begins_to_grow():
    for b in (0.0, 0.05, 1.0):
        assert meanfield.edge_of_chaos(b, "softplus") == 2
        scales = meanfield.depth_scales(np.linspace(0.1, 1.99, 30), b, "softplus")
        assert np.isfinite(scales.q_star).all()
        assert (scales.chi_1 < 1).all()
        assert (np.diff(scales.xi_c) > 0).all()
        at = meanfield.depth_scales(2.0, b, "softplus")
        assert (at.q_star, at.chi_1, at.xi_c) == (math.inf, 1, math.inf)


@pytest.mark.parametrize("name", RECTIFIERS)
def test_where_the_variance_grows_without_bound_the_correlations_are_those_of_relu(name):
    c = np.linspace(0, 1, 11)
    found = meanfield.correlation_map(c, 3.0, 0.5, name)
    np.testing.assert_allclose(found, meanfield.correlation_map(c, 3.0, 0.5, "relu"), rtol=1e-12)
    phi = ANALYTIC[name]
    large = [1 - 3 * phi._pair(1e6, 1 - one)[0] / (3 * phi.moments(np.array([1e6]))[1, 0]) for one in (0.5, 0.9)]
    assert large == pytest.approx(meanfield.correlation_map([0.5, 0.9], 3.0, 0.5, "relu"), abs=2e-6)


def test_maps_that_there_are_not_are_refused():
    with pytest.raises(ValueError, match="several fixed points"):
        meanfield.correlation_map(0.5, 2.5, 0.0, "gelu")
    with pytest.raises(ValueError, match="falls to zero"):
        meanfield.correlation_map(0.5, 1.0, 0.0, "silu")
    for name in ("gelu", "silu"):
        scales = meanfield.depth_scales(2.8, 0.0, name)
        assert all(math.isnan(getattr(scales, scale)) for scale in meanfield.SCALES)


def test_without_bias_gelu_and_silu_fall_to_zero_like_a_line_of_slope_one_half():
    for name in ("gelu", "silu"):
        s = meanfield.depth_scales(1.6, 0.0, name)
        assert (s.q_star, s.chi_1, s.c_star, s.chi_c) == pytest.approx((0, 0.4, 1, 0.4))
        assert s.xi_c == s.xi_q == pytest.approx(-1 / math.log(0.4))
        near = meanfield.depth_scales(1.6, 1e-9, name)
        assert near.chi_1 == pytest.approx(0.4, abs=1e-6)


def test_leaky_relu_has_its_closed_forms():
    gain = (1 + 1e-4) / 2
    s = meanfield.depth_scales(1.5, 0.1, "leaky_relu")
    assert (s.q_star, s.chi_1, s.c_star) == pytest.approx((0.1 / (1 - 1.5 * gain), 1.5 * gain, 1))
    assert s.xi_c == s.xi_q == pytest.approx(-1 / math.log(1.5 * gain))
    edge = meanfield.edge_of_chaos([0.0, 0.3], "leaky_relu")
    assert edge == pytest.approx([1 / gain] * 2)
    for b, q in ((0.0, math.nan), (0.3, math.inf)):
        at = meanfield.depth_scales(edge[0], b, "leaky_relu")
        assert at.xi_c == math.inf
        np.testing.assert_equal(at.q_star, q)
    assert meanfield.depth_scales(3.0, 0.1, "leaky_relu").q_star == math.inf
    assert meanfield.depth_scales(3.0, 0.0, "leaky_relu").q_star == math.inf
    assert meanfield.depth_scales(1.0, 0.0, "leaky_relu").q_star == 0
    assert meanfield.variance_map([2.0], 1.5, 0.1, "leaky_relu") == pytest.approx(3 * gain + 0.1)
    assert meanfield.slope_at(0.7, 1.6, "leaky_relu") == pytest.approx(1.6 * gain)


@pytest.mark.parametrize(("w", "b"), [(1.0, 0.05), (3.0, 0.0), (3.0, 0.05)])
def test_the_correlation_map_of_leaky_relu_is_a_mean_over_the_angle(w, b):
    """E φφ' in polar coordinates of the plane, where r² is 2 on average."""
    phi = ACTIVATIONS["leaky_relu"]
    angle = (np.arange(40_000) + 0.5) * math.pi / 20_000
    q = phi.scales(w, b)[0]
    for c in (0.0, 0.3, 0.9):
        u, v = np.cos(angle), np.cos(angle - math.acos(c))
        pair = 2 * np.mean(np.maximum(u, u / 100) * np.maximum(v, v / 100))
        expected = pair / phi.gain if b == 0 or math.isinf(q) else (w * q * pair + b) / q
        assert meanfield.correlation_map(c, w, b, "leaky_relu") == pytest.approx(expected, abs=1e-8)
    low, high = meanfield.correlation_map([1 - 1e-6, 1.0], w, b, "leaky_relu")
    assert high == pytest.approx(1, abs=1e-14)
    assert (high - low) / 1e-6 == pytest.approx(meanfield.depth_scales(w, b, "leaky_relu").chi_c, rel=2e-3)
