"""Mean-field theory against closed forms, tables, and Monte-Carlo."""

import itertools
import math
import time

import numpy as np
import pytest

from infoflow.theory import meanfield, uneven
from infoflow.theory.meanfield import (
    ACTIVATIONS,
    correlation_map,
    depth_scales,
    edge_of_chaos,
    variance_map,
    variance_recursion,
)

# σ_b², q*, σ_w² at the edge, ξ_q
EDGE_TANH = [
    (2e-5, 0.025874, 1.049912, 20.279),
    (1e-4, 0.045709, 1.086026, 11.864),
    (0.01, 0.273301, 1.424205, 2.5752),
    (0.05, 0.570048, 1.760955, 1.5211),
    (0.1, 0.805799, 1.986073, 1.2162),
]
# σ_w², q*, χ₁, c*, χ_c, ξ_c, ξ_q at σ_b² = 0.05
SCALES_TANH = [
    (0.6, 0.100925, 0.508884, 1, 0.508884, 1.4803, 1.1800),
    (1.0, 0.193593, 0.759032, 1, 0.759032, 3.6270, 1.7476),
    (1.5, 0.418037, 0.938636, 1, 0.938636, 15.7910, 1.6828),
    (1.6, 0.474252, 0.963687, 1, 0.963687, 27.0349, 1.6208),
    (1.8, 0.594132, 1.008223, 0.950411, 0.992081, 125.784, 1.4979),
    (2.0, 0.721762, 1.047666, 0.744082, 0.961115, 25.2134, 1.3880),
    (3.0, 1.428008, 1.208934, 0.299318, 0.895405, 9.0515, 1.0415),
    (4.0, 2.195494, 1.342402, 0.165065, 0.866528, 6.9803, 0.8733),
]


@pytest.mark.parametrize(("b", "q", "w", "xi_q"), EDGE_TANH)
def test_edge_of_chaos_of_tanh(b, q, w, xi_q):
    edge = edge_of_chaos(b)
    assert edge == pytest.approx(w, abs=6e-7)
    at = depth_scales(edge, b)
    assert (at.q_star, at.xi_q) == (pytest.approx(q, abs=6e-7), pytest.approx(xi_q, rel=5e-5))
    assert (at.chi_1, at.c_star, at.xi_c) == (pytest.approx(1, abs=1e-12), 1, math.inf)


@pytest.mark.parametrize(("w", "q", "chi_1", "c", "chi_c", "xi_c", "xi_q"), SCALES_TANH)
def test_depth_scales_of_tanh(w, q, chi_1, c, chi_c, xi_c, xi_q):
    s = depth_scales(w, 0.05)
    assert (s.q_star, s.chi_1, s.c_star, s.chi_c) == pytest.approx((q, chi_1, c, chi_c), abs=6e-7)
    assert (s.xi_c, s.xi_q) == (pytest.approx(xi_c, rel=1e-5), pytest.approx(xi_q, rel=5e-5))


@pytest.mark.parametrize(
    ("b", "edge"), [(0, math.pi / 4), (0.01, 1.114280), (0.05, 1.375839), (0.1, 1.552118), (0.3, 1.963071)]
)
def test_edge_of_chaos_of_erf(b, edge):
    assert edge_of_chaos(b, "erf") == pytest.approx(edge, abs=6e-7)


@pytest.mark.parametrize("w", [0.3, 0.9, 1.5, 3.0, 20.0, 60.0, 1e4, 1e6])
@pytest.mark.parametrize("b", [0.001, 0.05, 1.0, 100.0])
def test_erf_by_quadrature_equals_its_closed_form(w, b):
    s = depth_scales(w, b, "erf")
    q, c = s.q_star, s.c_star
    assert w * 2 / math.pi * math.asin(2 * q / (1 + 2 * q)) + b == pytest.approx(q, rel=1e-12)
    assert s.chi_1 == pytest.approx(w * 4 / math.pi / math.sqrt(1 + 4 * q), rel=1e-12)
    assert (w * 2 / math.pi * math.asin(2 * q * c / (1 + 2 * q)) + b) / q == pytest.approx(c, abs=1e-10)
    assert s.chi_c == pytest.approx(w * 4 / math.pi / math.sqrt((1 + 2 * q) ** 2 - (2 * q * c) ** 2), rel=1e-9)


@pytest.mark.parametrize("w", [1e3, 1e4])
@pytest.mark.parametrize("activation", ["tanh", "sine", "sigmoid"])
def test_the_slope_of_the_correlation_map_at_large_variances_is_its_derivative(activation, w):
    s = depth_scales(w, 0.05, activation)
    # of a sine the map falls off over 1/q around its fixed point
    h = 1e-5 / s.q_star if activation == "sine" else 1e-5
    above, below = correlation_map([s.c_star + h, max(s.c_star - h, 0)], w, 0.05, activation)
    assert correlation_map(s.c_star, w, 0.05, activation) == pytest.approx(s.c_star, abs=1e-12)
    slope = (above - below) / (h + min(h, s.c_star))
    assert slope == pytest.approx(s.chi_c, rel=1e-4, abs=1e-6)


def test_graded_steps_are_as_exact_as_even_ones(monkeypatch):
    points = [(phi, q, epsilon) for phi in meanfield.SMOOTH for q in (40.0, 150.0) for epsilon in (0.01, 0.3, 0.999)]
    found = []
    for far in (uneven.FAR, math.inf):
        monkeypatch.setattr(uneven, "FAR", far)
        found.append([meanfield._pair(meanfield.SMOOTH[phi], q, epsilon) for phi, q, epsilon in points])
    assert np.array(found[0]) == pytest.approx(np.array(found[1]), rel=1e-12, abs=1e-15)


def test_no_variance_that_a_config_can_have_takes_long():
    """400 of them are drawn, for a line: even steps took hours for one."""
    start = time.process_time()
    for w, b in itertools.product((1e4, 1e6), (0.05, 1e6)):
        for activation in meanfield.ACTIVATIONS:
            if activation != "sine":  # which bends everywhere
                depth_scales(w, b, activation)
    variance_recursion(1.0, np.full(400, 1e6), 0.05, [10, 10])
    assert time.process_time() - start < 20


def test_relu_has_its_closed_forms():
    s = depth_scales(1.5, 0.1, "relu")
    assert (s.q_star, s.chi_1, s.c_star) == pytest.approx((0.4, 0.75, 1))
    assert s.xi_c == s.xi_q == pytest.approx(-1 / math.log(0.75))
    assert edge_of_chaos(0.0, "relu") == edge_of_chaos(0.3, "relu") == 2
    for w, b in ((2.0, 0.0), (2.0, 0.1), (3.0, 0.1), (1.0, 0.0)):
        assert depth_scales(w, b, "relu").xi_c == math.inf
    assert depth_scales(3.0, 0.1, "relu").q_star == math.inf


@pytest.mark.parametrize("activation", ["tanh", "erf", "sine"])
@pytest.mark.parametrize("b", [2e-5, 0.05, 0.3])
def test_the_correlation_length_is_smooth_through_the_edge(activation, b):
    """ln χ_c changes sign of slope at the edge: ξ_c(edge + δ) -> ξ_c(edge - δ), without a gap where methods change."""
    edge = edge_of_chaos(b, activation)
    for delta in 10.0 ** np.arange(-9, -2):
        below, above = depth_scales(edge - delta, b, activation), depth_scales(edge + delta, b, activation)
        assert below.xi_c > 0
        assert above.xi_c > 0
        # Equal up to the asymmetry of order δ, and to the rounding of 1 - χ = 1/ξ_c, above, below and, twice, at the
        # edge: each χ is a sum of 73 terms, whose own rounding is that of a few more.
        rounding = 4 * 80 * 2**-53 * below.xi_c
        assert above.xi_c / below.xi_c == pytest.approx(1, abs=40 * delta / b ** (2 / 3) + rounding)
        assert above.c_star < 1


def test_the_expansion_near_the_edge_meets_the_root():
    edge = edge_of_chaos(0.05)
    near = depth_scales(edge + 4e-5, 0.05)  # χ₁ - 1 = 8.5e-6, expanded
    original = meanfield.NEAR_EDGE
    try:
        meanfield.NEAR_EDGE = 0.0
        exact = depth_scales(edge + 4e-5, 0.05)
    finally:
        meanfield.NEAR_EDGE = original
    assert near.xi_c == pytest.approx(exact.xi_c, rel=1e-8)
    assert 1 - near.c_star == pytest.approx(1 - exact.c_star, rel=1e-7)


@pytest.mark.parametrize("activation", ["tanh", "erf", "sine"])
def test_slopes_are_derivatives_of_the_maps(activation):
    for w in (0.7, 1.7, 3.0):
        s = depth_scales(w, 0.05, activation)
        h = 1e-4
        above, below = variance_map([s.q_star + h, s.q_star - h], w, 0.05, activation)
        assert math.exp(-1 / s.xi_q) == pytest.approx((above - below) / (2 * h), rel=1e-6)


def test_without_bias_the_fixed_points_are_the_known_ones():
    assert depth_scales(0.9, 0).q_star == 0
    assert depth_scales(0.9, 0).xi_c == pytest.approx(-1 / math.log(0.9))
    assert depth_scales(1.0, 0).xi_c == math.inf
    chaotic = depth_scales(2.0, 0)
    assert chaotic.c_star == 0
    assert chaotic.q_star > 0.5


def test_small_bias_follows_the_expansion():
    for b in (1e-9, 1e-12):
        assert edge_of_chaos(b) - 1 == pytest.approx(2 * (0.75 * b) ** (1 / 3), rel=5e-3)


def test_arguments_broadcast_and_are_checked():
    s = depth_scales(np.array([[0.6], [2.0]]), np.array([0.05, 0.1]))
    assert s.xi_c.shape == (2, 2)
    assert s.xi_c[0, 0] == depth_scales(0.6, 0.05).xi_c
    assert edge_of_chaos([0.0, 0.05]).shape == (2,)
    for bad in (-1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="sigma_w2"):
            depth_scales(bad, 0.05)
        with pytest.raises(ValueError, match="sigma_b2"):
            edge_of_chaos(bad)
    with pytest.raises(ValueError, match="swish"):
        edge_of_chaos(0.05, "swish")


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("w", [0.8, 1.7])
def test_theory_of_variance_and_its_spread_against_random_networks(activation, w):
    """Mean and standard deviation over 300 networks of width 100: standard errors s/√300 and about 5 % of s."""
    import torch

    from infoflow.architectures.build import build_network
    from infoflow.engine.initialization import draw_gaussian
    from infoflow.reconstruction.cascade import forward

    width, depth, networks = 100, 6, 300
    image = torch.rand(1, 100, generator=torch.Generator().manual_seed(2))
    options = {"kind": "mlp", "layout": "wide", "width": width, "activation": activation}
    layers = [b.forward for b in build_network(options, (100,), 10, depth).blocks]
    frozen = draw_gaussian(layers, w, 0.05, 0, "frozen", range(networks))
    _, moments, _ = forward(layers, frozen, image, networks)
    measured = torch.stack(moments, dim=1)[:, :, 0].double().numpy()
    q, spread, of_mean = variance_recursion(image.double().square().mean().item(), w, 0.05, [width] * depth, activation)
    # the bias of the mean is of order 1/width
    assert measured.mean(0) == pytest.approx(q, abs=4 * spread.max() / math.sqrt(networks) + 2 * q.max() / width)
    assert measured.std(0, ddof=1) == pytest.approx(spread, rel=0.25)
    # layers stray together: the mean over them hardly less than one of them
    means = (measured / q - 1).cumsum(1) / np.arange(1, depth + 1)
    assert means.std(0, ddof=1) == pytest.approx(of_mean, rel=0.25)
