"""Mean-field and kernel theory of sigmoid, GELU, SiLU, softplus, leaky ReLU and sine against wide random networks."""

import math

import numpy as np
import pytest
import scipy.linalg
from scipy.special import expit, ndtr
from sklearn.datasets import load_digits

from infoflow.reconstruction.divergence import explained_variance
from infoflow.theory import meanfield
from infoflow.theory.reconstruction import theory_cascade


def density(z):
    return np.exp(-z * z / 2) / math.sqrt(2 * math.pi)


FUNCTIONS = {
    "gelu": (lambda z: z * ndtr(z), lambda z: ndtr(z) + z * density(z)),
    "leaky_relu": (lambda z: np.maximum(z, z / 100), lambda z: np.where(z > 0, 1, 0.01)),
    "sigmoid": (expit, lambda z: expit(z) * expit(-z)),
    "silu": (lambda z: z * expit(z), lambda z: expit(z) * (1 + z * expit(-z))),
    "sine": (np.sin, np.cos),
    "softplus": (lambda z: np.logaddexp(0, z), expit),
}
"""φ and φ'."""

# --- fixed points and maps

POINTS = {
    "gelu": (1.5, 0.2),
    "leaky_relu": (1.4, 0.1),
    "sigmoid": (150.0, 0.5),
    "silu": (1.6, 0.3),
    "sine": (3.0, 0.05),
    "softplus": (1.3, 0.05),
}
"""σ_w² and σ_b²; of sigmoid and sine in the chaotic phase."""
WIDTH, LAYERS, NETWORKS = 1000, 30, 8


@pytest.fixture(scope="module")
def measured():
    """By activation, of NETWORKS networks each: q, c and χ₁ of the last layers, [networks, 3].

    q and c of two inputs of equal norm and correlation 0.5; χ₁, the factor per layer of a mean squared gradient that
    is sent back from the last layer to the middle.
    """
    found = {name: np.empty((NETWORKS, 3)) for name in POINTS}
    for network in range(NETWORKS):
        stream = np.random.default_rng([31, network])
        inputs = stream.standard_normal((2, WIDTH))
        inputs[1] = (inputs[0] + math.sqrt(3) * inputs[1]) / 2
        states = dict.fromkeys(POINTS, inputs)
        weights = [stream.standard_normal((WIDTH, WIDTH), np.float32) / math.sqrt(WIDTH) for _ in range(LAYERS)]
        biases = stream.standard_normal((LAYERS, WIDTH))
        for name, (w, b) in POINTS.items():
            x, slopes, last = states[name], [], []
            for layer in range(LAYERS):
                z = math.sqrt(w) * (x @ weights[layer]) + math.sqrt(b) * biases[layer]
                x = FUNCTIONS[name][0](z)
                slopes.append(FUNCTIONS[name][1](z[0]))
                last.append(z @ z.T / WIDTH)
            second = np.mean(last[-8:], axis=0)
            back = stream.standard_normal(WIDTH)
            before = np.square(back).mean()
            for layer in range(LAYERS - 1, LAYERS // 2, -1):
                back = math.sqrt(w) * (weights[layer] @ back) * slopes[layer - 1]
            layers = LAYERS - 1 - LAYERS // 2
            growth = (np.square(back).mean() / before) ** (1 / layers)
            q = (second[0, 0] + second[1, 1]) / 2
            found[name][network] = q, second[0, 1] / q, growth
    return found


@pytest.mark.parametrize("name", POINTS)
def test_wide_networks_go_to_the_fixed_points(measured, name):
    """Within 4 standard errors over the networks and a finite-width bias of 5/N.

    Standard errors are 3 % and less; of the correlation, which may be small, 0.02.
    """
    s = meanfield.depth_scales(*POINTS[name], name)
    assert max(s.xi_q, s.xi_c) < LAYERS / 4  # deep enough
    mean, error = measured[name].mean(0), measured[name].std(0, ddof=1) / math.sqrt(NETWORKS)
    expected = np.array([s.q_star, s.c_star, s.chi_1])
    assert (error < [0.03 * s.q_star, 0.02, 0.03 * s.chi_1]).all()
    assert (np.abs(mean - expected) < 4 * error + 5 / WIDTH * expected).all(), (mean, error, expected)


@pytest.mark.parametrize(
    ("name", "w", "b"),
    [*((name, *point) for name, point in POINTS.items()), ("gelu", 1.97, 0.3), ("silu", 1.98, 1.0)],
)
def test_maps_and_fixed_points_are_those_of_a_sample(name, w, b):
    """Four million pairs of Gaussian numbers: averages within 5 standard errors, each below 1 % of the average.

    At q* and c*, both are left as they are, and their maps have the slopes χ₁, χ_c and, by a common sample, V'.
    """
    phi, slope = FUNCTIONS[name]
    s = meanfield.depth_scales(w, b, name)
    stream = np.random.default_rng([5, len(name)])
    first, other = stream.standard_normal((2, 4_000_000)) * math.sqrt(s.q_star)
    second = s.c_star * first + math.sqrt(1 - s.c_star**2) * other
    step = 1e-3
    rate = (phi(first * math.sqrt(1 + step)) ** 2 - phi(first * math.sqrt(1 - step)) ** 2) / (2 * step * s.q_star)
    for values, expected in (
        (w * phi(first) ** 2 + b, s.q_star),
        (w * phi(first) * phi(second) + b, s.q_star * s.c_star),
        (w * slope(first) ** 2, s.chi_1),
        (w * slope(first) * slope(second), s.chi_c),
        (w * rate, math.exp(-1 / s.xi_q)),
    ):
        error = values.std() / math.sqrt(len(values))
        assert abs(values.mean() - expected) < 5 * error + 1e-9 * abs(expected)
        assert error < 0.01 * abs(expected)


@pytest.mark.parametrize("b", [1e-4, 0.05, 0.5, 3.0, 40.0])
def test_sine_has_its_closed_forms(b):
    """V = σ_w² (1 - e^{-2q})/2 + σ_b²: at the edge σ_b² = q - tanh q and σ_w² = 1 + tanh q."""
    edge = meanfield.edge_of_chaos(b, "sine")
    at = meanfield.depth_scales(edge, b, "sine")
    assert at.q_star - math.tanh(at.q_star) == pytest.approx(b, rel=1e-10)
    assert edge == pytest.approx(1 + math.tanh(at.q_star), rel=1e-12)
    for w in (0.5, 1.4, 2.5, 9.0):
        s = meanfield.depth_scales(w, b, "sine")
        assert w * (1 - math.exp(-2 * s.q_star)) / 2 + b == pytest.approx(s.q_star, rel=1e-12)
        assert s.chi_1 == pytest.approx(w * (1 + math.exp(-2 * s.q_star)) / 2, rel=1e-12)
        rate = w * math.exp(-2 * s.q_star)  # a difference of halves: to the rounding of these
        assert (math.exp(-1 / s.xi_q) if s.xi_q else 0) == pytest.approx(rate, rel=1e-10, abs=1e-14)
        q, c = s.q_star, s.c_star
        # exp(-q) sinh(cq), and cosh; without the exponents that overflow
        pair = (math.exp(q * (c - 1)) - math.exp(-q * (c + 1))) / 2
        assert (w * pair + b) / q == pytest.approx(c, abs=1e-10)
        slope = w * (math.exp(q * (c - 1)) + math.exp(-q * (c + 1))) / 2
        assert s.chi_c == pytest.approx(slope, rel=1e-9, abs=1e-15)


# --- the kernel cascade

EVERY = load_digits().data[:140] / 16
N_FIT = 80
FIT, EVALUATION = EVERY[:N_FIT], EVERY[N_FIT:]
DEPTH, NOMINAL, PENALTY = 5, 1024, 1e-4
CASCADES = {
    "gelu": (1.9, 0.1),
    "leaky_relu": (1.8, 0.05),
    "sigmoid": (8.0, 0.05),
    "silu": (1.9, 0.1),
    "sine": (1.6, 0.05),
    "softplus": (1.5, 0.05),
}
SEEDS = {512: 24, 1024: 16, 4096: 4}
"""Networks of each width."""


def explain(name: str, width: int, seed: int) -> float:
    """R² from layer DEPTH of a network of float32; with noise λ N/NOMINAL the theory is the same at all widths."""
    stream, (w, b) = np.random.default_rng([41, width, seed]), CASCADES[name]
    states, left = EVERY.astype(np.float32), FIT - FIT.mean(0)
    for _ in range(DEPTH):
        fan_in = states.shape[1]
        z = states @ stream.standard_normal((fan_in, width), np.float32) * np.float32(math.sqrt(w / fan_in))
        z += np.float32(math.sqrt(b)) * stream.standard_normal(width, np.float32)
        states = FUNCTIONS[name][0](z)
        centred = states.astype(float) - states[:N_FIT].mean(0, dtype=float)
        gram = centred @ centred[:N_FIT].T
        noisy = gram[:N_FIT] + N_FIT * PENALTY * width / NOMINAL * np.eye(N_FIT)
        inverse = scipy.linalg.solve(noisy, left, assume_a="pos")
        left, found = gram[:N_FIT] @ inverse, FIT.mean(0) + gram[N_FIT:] @ inverse
    return float(explained_variance(EVALUATION, found))


@pytest.mark.parametrize("name", CASCADES)
def test_networks_approach_the_kernel_theory_like_one_over_the_width(name):
    """a of a + b/N + c/N² through three widths is zero within 3 standard errors, themselves a hundredth at most."""
    *_, last = theory_cascade(name, *CASCADES[name], [NOMINAL] * DEPTH, FIT, EVALUATION, PENALTY)
    theory = float(explained_variance(EVALUATION, last))
    gaps = {n: np.array([explain(name, n, seed) for seed in range(count)]) - theory for n, count in SEEDS.items()}
    share = np.linalg.inv(np.vander(1 / np.array(list(SEEDS)), increasing=True))[0]
    mean = np.array([gap.mean() for gap in gaps.values()])
    error = np.array([gap.std(ddof=1) / math.sqrt(len(gap)) for gap in gaps.values()])
    limit, uncertain = share @ mean, math.sqrt(share**2 @ error**2)
    assert abs(limit) < 3 * uncertain
    assert uncertain < 0.01
    # what is extrapolated is large against the errors
    assert mean[0] < -0.01
    assert mean[0] / mean[1] == pytest.approx(2, rel=0.2)
    assert mean[1] / mean[2] == pytest.approx(4, rel=0.3)
