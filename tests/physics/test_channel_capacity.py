"""Estimators of information against closed forms and integrals: Gaussian channels and mixtures of Gaussians."""

import math

import numpy as np
import pytest

from infoflow.estimators.estimate import estimate_all

SAMPLES = 4096
MAPS = {
    1: [[0.5]],
    2: [[0.5, 0.2], [0.0, 0.3]],
    3: [[0.5, 0.2, 0.1], [0.0, 0.3, 0.2], [0.1, 0.0, 0.4]],
}


def estimators(variance, draws=16):
    return {
        "kernels": {"kind": "kernel_density", "noise_variance": variance},
        "neighbours": {"kind": "nearest_neighbours", "neighbours": 3, "noise_variance": variance, "draws": draws},
    }


def log_density(z, t, variance):
    """Logarithm of the mixture of Gaussians around the states t [N, d] at z [M, d], in float64."""
    d = t.shape[1]
    found = np.empty(len(z))
    for start in range(0, len(z), 256):
        square = ((z[start : start + 256, None] - t) ** 2).sum(-1) / (2 * variance)
        least = square.min(1, keepdims=True)
        found[start : start + 256] = np.log(np.exp(least - square).mean(1)) - least[:, 0]
    return found - d / 2 * math.log(2 * math.pi * variance)


def integrated(t, y, variance, points):
    """I(X;T) and I(T;Y) of the mixture in bits by Monte Carlo, and the standard error of each."""
    rng = np.random.default_rng(17)
    t = t.astype(np.float64)
    i = rng.integers(0, len(t), points)
    z = t[i] + rng.normal(size=(points, t.shape[1])) * math.sqrt(variance)
    total = log_density(z, t, variance)
    own = -((z - t[i]) ** 2).sum(1) / (2 * variance) - t.shape[1] / 2 * math.log(2 * math.pi * variance)
    of_class = np.empty(points)
    for c in np.unique(y):
        of_class[y[i] == c] = log_density(z[y[i] == c], t[y == c], variance)
    terms = np.stack([own - total, of_class - total]) / math.log(2)
    return terms.mean(1), terms.std(1) / math.sqrt(points)


@pytest.mark.parametrize("units", [1, 2, 3])
@pytest.mark.parametrize("variance", [0.02, 0.1])
def test_the_gaussian_channel(units, variance):
    """T = A X, X Gaussian: I(X;T + noise) = ½ log2 det(1 + A Aᵀ / s²), but for which N inputs were drawn.

    The covariance of the N inputs that were drawn changes that by √(d/2N) / ln 2 <= 0.03 bit; 3 of those are tolerated.
    The bounds are exact for the mixture of N Gaussians, not for the channel of which its inputs are samples. The
    neighbours have an error of 0.03 bit from their noise, and a bias of less than 0.1 bit, for k of m draws are not
    near, but a few tenths of the noise apart.
    """
    a = np.array(MAPS[units])
    inputs = np.random.default_rng([2, units]).normal(size=(SAMPLES, units))
    states = (inputs @ a.T).astype(np.float32)[None]
    truth = 0.5 * np.linalg.slogdet(np.eye(units) + a @ a.T / variance)[1] / math.log(2)
    found = estimate_all(states, np.zeros(SAMPLES, int), estimators(variance), seed=0)
    error = 3 * math.sqrt(units / (2 * SAMPLES)) / math.log(2)
    assert found["kernels_lower"].input[0] <= truth + error
    assert found["kernels_upper"].input[0] >= truth - error
    # within a bit per unit of each other, so that both say something
    assert found["kernels_upper"].input[0] - found["kernels_lower"].input[0] < units
    assert found["neighbours"].input[0] == pytest.approx(truth, abs=error + 0.08)


@pytest.mark.parametrize(
    ("units", "variance", "gain"),
    [(1, 1e-3, 1.0), (1, 0.1, 3.0), (2, 1e-3, 1.0), (2, 0.05, 3.0), (2, 1e-4, 1.0)],
)
def test_the_mixture(units, variance, gain):
    """The bounds of I(X;T) are exact for the mixture of the N Gaussians; the neighbours agree with its integral."""
    rng = np.random.default_rng([3, units])
    states = np.tanh(gain * rng.normal(size=(1024, units))).astype(np.float32)
    y = (np.sin(5 * states[:, 0]) > 0.2).astype(int)
    (x, label), (x_error, label_error) = integrated(states, y, variance, 20_000)
    found = estimate_all(states[None], y, estimators(variance), seed=0)
    assert found["kernels_lower"].input[0] <= x + 3 * x_error
    assert found["kernels_upper"].input[0] >= x - 3 * x_error
    neighbours = found["neighbours"]
    assert neighbours.input[0] == pytest.approx(x, abs=3 * x_error + 0.06)
    assert neighbours.label[0] == pytest.approx(label, abs=3 * label_error + 0.06)


def test_a_channel_without_information_and_one_with_all():
    states = np.linspace(-1, 1, 512, dtype=np.float32)[None, :, None]
    y = np.arange(512) % 2
    deaf = estimate_all(states, y, estimators(1e4), seed=0)
    clear = estimate_all(1000 * states, y, estimators(1e-4), seed=0)
    for name in deaf:
        assert deaf[name].input[0] == pytest.approx(0, abs=0.05)
        assert clear[name].input[0] == pytest.approx(9, abs=1e-6)
        assert clear[name].label[0] == pytest.approx(1, abs=1e-2)
