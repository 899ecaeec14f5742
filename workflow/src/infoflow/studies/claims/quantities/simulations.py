"""Of random tanh networks that are drawn here, where it takes no longer than a formula. None takes a cube."""

from collections.abc import Sequence
from functools import cache

import numpy as np

from infoflow.streams import stream
from infoflow.studies.claims.intervals import Interval, over_replicas
from infoflow.theory import meanfield

WIDTH, LAYERS, NETWORKS = 400, 30, 12
SAMPLES = 8
"""Draws from the Gaussian of the first layer, of which the relative entropy through the network is an average."""
SIGMA_W2, MEAN_SQUARE = (0.6, 1.0, 1.76, 2.5, 3.0, 4.0), (0.0655, 0.1137, 0.22)
"""Values that are followed, all with the same draws: of the weights, and of the brightness of the input."""
SIGMA_B2 = 0.05
LAST = slice(LAYERS - 10, LAYERS)


def simulated_variance(cube: None, sigma_w2: Sequence[float]) -> Interval:
    """Variance of the pre-activations of the last ten layers over q*."""
    q_star = meanfield.depth_scales(sigma_w2, SIGMA_B2).q_star
    return over_replicas(_measured("variance", sigma_w2, MEAN_SQUARE[1], LAST) / q_star[:, None])


def simulated_correlation(cube: None, sigma_w2: Sequence[float]) -> Interval:
    """Correlation of two inputs in the last ten layers less c*; they begin with a correlation of one half."""
    c_star = meanfield.depth_scales(sigma_w2, SIGMA_B2).c_star
    return over_replicas(_measured("correlation", sigma_w2, MEAN_SQUARE[1], LAST) - c_star[:, None])


def simulated_growth(cube: None, sigma_w2: Sequence[float], less_theory: bool = False) -> Interval:
    """Growth of ln |t|² of a random tangent per layer, behind the tenth; by theory ln χ₁, as of gradients."""
    chi = meanfield.depth_scales(sigma_w2, SIGMA_B2).chi_1
    found = _measured("growth", sigma_w2, MEAN_SQUARE[1], slice(10, None))
    return over_replicas(found - np.log(chi)[:, None] * less_theory)


def simulated_divergence(
    cube: None, sigma_w2: Sequence[float], mean_square: float, over_asymptote: bool = False
) -> Interval:
    """Published D_m, mean of the last ten layers; nats per unit, or over (N/2) ln(q*/q¹)."""
    found = _measured("divergence", sigma_w2, mean_square, LAST)
    if over_asymptote:
        q_star = meanfield.depth_scales(sigma_w2, SIGMA_B2).q_star
        found = found / (np.log(q_star / (np.asarray(sigma_w2) * mean_square + SIGMA_B2)) / 2)[:, None]
    return over_replicas(found)


def simulated_late(cube: None, sigma_w2: Sequence[float], mean_square: float) -> Interval:
    """D_m per unit of the last ten layers less that of the ten before."""
    before = slice(LAYERS - 20, LAYERS - 10)
    parts = (_measured("divergence", sigma_w2, mean_square, layers) for layers in (LAST, before))
    return over_replicas(np.subtract(*parts))


def _measured(name: str, sigma_w2: Sequence[float], mean_square: float, layers: slice) -> np.ndarray:
    """A mean over layers, [σ_w², network]."""
    k = MEAN_SQUARE.index(mean_square)
    return np.stack([_follow()[name][SIGMA_W2.index(w), k, :, layers].mean(-1) for w in sigma_w2])


@cache
def _follow() -> dict[str, np.ndarray]:
    """Variance, correlation, growth of a tangent and D_m per unit; [σ_w², ⟨x²⟩, network, layer]."""
    shape = (len(SIGMA_W2), len(MEAN_SQUARE))
    found = {name: np.zeros((*shape, NETWORKS, LAYERS)) for name in ("variance", "correlation", "growth", "divergence")}
    gain = np.sqrt(np.array(SIGMA_W2, np.float32) / WIDTH)[:, None, None, None]
    for network in range(NETWORKS):
        generator = stream(0, "claims", network)

        def draw(*size: int, generator: np.random.Generator = generator) -> np.ndarray:
            return generator.standard_normal(size, np.float32)

        x = draw(2, WIDTH)
        x[1] = x[0] / 2 + np.sqrt(np.float32(0.75)) * x[1]
        x = x / np.sqrt((x**2).mean(1, keepdims=True)) * np.sqrt(np.array(MEAN_SQUARE, np.float32))[:, None, None]
        x = np.broadcast_to(x, (*shape, 2, WIDTH))
        tangent, noise = np.broadcast_to(draw(1, WIDTH), (*shape, 1, WIDTH)), draw(SAMPLES, WIDTH)
        for layer in range(LAYERS):
            weight, bias = draw(WIDTH, WIDTH), draw(WIDTH) * np.sqrt(np.float32(SIGMA_B2))
            if layer == 0:
                z = gain * (x @ weight.T) + bias
                mean, first = z[..., :1, :].mean(-1, keepdims=True), z[..., :1, :].var(-1, keepdims=True)
                samples = mean + np.sqrt(first) * noise
            else:
                states = np.concatenate([np.tanh(z), np.tanh(samples), tangent / np.cosh(z[..., :1, :]) ** 2], -2)
                states = gain * (states @ weight.T)
                z, samples, tangent = states[..., :2, :] + bias, states[..., 2:-1, :] + bias, states[..., -1:, :]
                stretched = (tangent**2).mean(-1, keepdims=True)
                found["growth"][..., network, layer] = np.log(stretched[..., 0, 0])
                tangent = tangent / np.sqrt(stretched)
                second = z[..., :1, :].var(-1, keepdims=True)
                cross = ((samples - z[..., :1, :].mean(-1, keepdims=True)) ** 2).mean((-1, -2), keepdims=True) / second
                found["divergence"][..., network, layer] = ((np.log(second / first) - 1 + cross) / 2)[..., 0, 0]
            size = (z**2).mean(-1)
            found["variance"][..., network, layer] = size.mean(-1)
            overlap = (z[..., 0, :] * z[..., 1, :]).mean(-1)
            found["correlation"][..., network, layer] = overlap / np.sqrt(size.prod(-1))
    return found
