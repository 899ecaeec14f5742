"""Predictors of untrained networks on MNIST against the reference table of physics.md E, and against theory.

The table: 29 tanh layers of 196 units and a linear readout, σ_b² = 0.05, averages of 3 networks. Its definitions were
found by trial; those that fit are in the docstrings. The batch is the first 64 images of the test set, means
of 2 x 2 pixels in [0, 1], not standardised; the kernel's condition number is that of 16 of them.
"""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from infoflow.datasets.images import load_images
from infoflow.engine.initialization import Ensemble
from infoflow.predictors.measure import score_network
from infoflow.predictors.untrained import Untrained, draw_untrained
from infoflow.theory import meanfield

MLP = {"kind": "mlp", "layout": "wide", "width": 196, "activation": "tanh"}
COLUMNS = {
    "gradient_ratio": 1 / 28,  # the table has it per layer
    "gradient_norm": 1,
    "snip": 1,
    "jacobian_covariance": 1,
    "naswot": 1,
    "synflow": 1,
    "lyapunov": 1,
    "ntk_condition": 1,
    "forward_correlation": 1,
}
TABLE = {
    0.6: (-0.6650, 0.38, 1.02, -1.07e5, 312.6, 67.02, -0.3395, 10.41, 1.0000),
    1.4: (-0.1250, 1.45, 2.38, -3925, 409.2, 79.72, -0.0477, 3.43, 0.9827),
    1.76: (-0.0486, 1.74, 2.74, -938, 440.0, 83.16, 0.0004, 2.07, 0.8555),
    3.0: (0.1461, 2.29, 3.45, -315, 483.4, 91.16, 0.0908, 1.20, 0.2967),
}
ROUNDING = (5e-5, 5e-3, 5e-3, 0.5, 0.05, 5e-3, 5e-5, 5e-3, 5e-5)
"""Half a unit of the last digit."""
NETWORKS = 20


def draw(root: Path, sigma_w2: float) -> Untrained:
    images = load_images({"kind": "mnist"}, root, 0)
    pixels = images.test_images[:64].reshape(64, 14, 2, 14, 2).mean((2, 4)) / images.levels
    labels = torch.from_numpy(images.test_labels[:64])
    ensemble = Ensemble(sigma_w2, 0.05, 0, range(NETWORKS))
    return draw_untrained(MLP, torch.from_numpy(pixels), labels, 10, 29, ensemble)


@pytest.mark.parametrize("sigma_w2", TABLE)
def test_predictors_are_those_of_the_table(mnist_root, sigma_w2):
    untrained = draw(mnist_root, sigma_w2)
    apart = {}
    for (name, factor), expected, rounding in zip(COLUMNS.items(), TABLE[sigma_w2], ROUNDING, strict=True):
        raw = factor * score_network(name, untrained).scores.raw
        error = raw.std(ddof=1) * math.sqrt(1 / 3 + 1 / NETWORKS)
        apart[name] = max(0.0, abs(raw.mean() - expected) - rounding) / error
    assert {name: z for name, z in apart.items() if z > 3} == {}


def draw_wide(sigma_w2: float, width: int, depth: int, replicas: int, activation: str = "tanh") -> Untrained:
    """Of images of noise, which need no files."""
    random = np.random.default_rng(0)
    images, labels = torch.from_numpy(random.random((16, 8, 8))), torch.from_numpy(random.integers(10, size=16))
    options = {"kind": "mlp", "layout": "wide", "width": width, "activation": activation}
    return draw_untrained(options, images, labels, 10, depth, Ensemble(sigma_w2, 0.05, 1, range(replicas)))


@pytest.mark.parametrize("activation", ["tanh", "erf"])
@pytest.mark.parametrize("sigma_w2", [0.6, 1.5, 3.0])
def test_tangents_and_gradients_of_wide_networks_grow_as_in_theory(sigma_w2, activation):
    """λ = ½ ln χ₁, ln(|g_a|²/|g_b|²) = (b - a) ln χ₁: both known to a few of the networks' spreads, and to 1/N."""
    width, depth, networks = 500, 14, 6
    untrained = draw_wide(sigma_w2, width, depth, networks, activation)
    log_chi = math.log(meanfield.depth_scales(sigma_w2, 0.05, activation).chi_1)
    found = score_network("lyapunov", untrained).scores
    assert found.raw.mean() == pytest.approx(log_chi / 2, abs=4 * found.raw.std(ddof=1) / networks**0.5 + 2 / width)
    assert found.score == pytest.approx(-depth * abs(found.raw))
    ratio = score_network("gradient_ratio", untrained).scores
    # Layer 1 sees the image, the variances of the first layers are on their way: a constant in depth drops out.
    shallow = score_network("gradient_ratio", draw_wide(sigma_w2, width, 6, networks, activation)).scores
    slope = (ratio.raw - shallow.raw) / (depth - 6)
    assert slope.mean() == pytest.approx(log_chi, abs=4 * slope.std(ddof=1) / networks**0.5 + 4 / width)
    assert ratio.score == pytest.approx(-abs(ratio.raw))


@pytest.mark.parametrize("sigma_w2", [0.6, 1.76, 4.0])
def test_synflow_is_blind_to_the_edge(sigma_w2):
    width, depth = 400, 20
    found = score_network("synflow", draw_wide(sigma_w2, width, depth, 3)).scores
    fan_in = np.array([64] + depth * [width])
    expected = math.log(10) + 0.5 * np.log(2 * sigma_w2 * fan_in / math.pi).sum()
    assert found.raw == pytest.approx(expected, abs=0.1)
    assert found.score - found.raw == pytest.approx(math.log(depth + 1), abs=1e-12)


@pytest.mark.parametrize("name", ["synflow", "snip", "naswot", "jacobian_covariance"])
def test_one_sided_predictors_are_monotone_and_two_sided_ones_are_not(name):
    weights = (0.8, 1.4, 1.76, 2.5, 3.5)
    means = [score_network(name, draw_wide(w, 150, 20, 4)).scores.score.mean() for w in weights]
    assert (np.diff(means) > 0).all()
    for two_sided in ("lyapunov", "gradient_ratio", "mean_field"):
        means = [score_network(two_sided, draw_wide(w, 150, 20, 4)).scores.score.mean() for w in weights]
        assert 0 < np.argmax(means) < len(weights) - 1


def test_correlations_approach_their_fixed_point_exponentially():
    """Ordered phase: ln|c^L - c*| falls by 1/ξ_c per layer."""
    xi = meanfield.depth_scales(1.0, 0.05).xi_c
    shallow, deep = (score_network("forward_correlation", draw_wide(1.0, 500, d, 6)).scores.score for d in (10, 20))
    fall = (shallow - deep) / 10
    assert fall.mean() == pytest.approx(1 / xi, abs=4 * fall.std(ddof=1) / 6**0.5 + 4 / 500)
