"""D_m of wide networks in closed form, by mean-field theory. Source: arXiv:2107.06898, physics.md C4."""

import math

import numpy as np
from numpy.typing import ArrayLike

from infoflow.theory import meanfield

PUBLISHED_STEP = 0.05
"""Spacing of q at which V(q) is interpolated: with it the published 15.889792 at σ_w² = 1.5, σ_b² = 0.05 comes out."""


def closed_form(
    first_variance: ArrayLike, sigma_w2: float, sigma_b2: float, width: int, layers: int, activation: str = "tanh"
) -> np.ndarray:
    """(N/2) ln(q^l/q^1) in nats for layers l = 1..L: D_m of a network of infinite width, per N neurons.

    Args:
        first_variance: q^1, any shape: σ_w² ⟨x²⟩ + σ_b², or what was measured in a network of finite width.

    Returns:
        [*shape, L]; negative where q^1 > q*.

    Raises:
        ValueError: there is no mean-field theory for the activation.
    """
    variances = [np.asarray(first_variance, float)]
    for _ in range(layers - 1):
        variances.append(sigma_w2 * meanfield.second_moment(variances[-1], activation) + sigma_b2)
    return width / 2 * np.log(np.stack(variances, axis=-1) / variances[0][..., None])


def asymptote(
    first_variance: ArrayLike, sigma_w2: float, sigma_b2: float, width: int, activation: str = "tanh"
) -> np.ndarray:
    """(N/2) ln(q*/q^1) in nats, which D_m approaches over ξ_q layers; arguments as those of `closed_form`."""
    q_star = meanfield.depth_scales(sigma_w2, sigma_b2, activation).q_star
    with np.errstate(divide="ignore"):  # q* = 0 in the ordered phase without bias: D_m falls for ever
        return width / 2 * np.log(q_star / np.asarray(first_variance, float))


def interpolated_correlation_length(
    sigma_w2: float, sigma_b2: float, activation: str = "tanh", step: float = PUBLISHED_STEP
) -> float:
    """ξ = 1/|ln χ₁| in layers, with q* from a linear interpolation of V(q) between multiples of `step`, as published.

    V is concave, so that the interpolated q* is too small; ξ is off by 0.6 % at σ_w² = 1.5, and by more and
    more towards the edge of chaos. Beyond it this is the length of the gradients; the length of the correlations is
    `meanfield.depth_scales(...).xi_c`.

    Raises:
        ValueError: the activation is not bounded by one.
    """
    if activation not in meanfield.SMOOTH:
        raise ValueError(f"interpolated for {', '.join(meanfield.SMOOTH)}, not for {activation!r}")
    q = np.arange(0, sigma_w2 + sigma_b2 + 2 * step, step)  # φ² <= 1: V(q) lies below the diagonal from there on
    excess = meanfield.variance_map(q, sigma_w2, sigma_b2, activation) - q
    last = len(q) - 1 - int((excess[::-1] > 0).argmax()) if (excess > 0).any() else 0
    q_star = q[last] + step * excess[last] / (excess[last] - excess[last + 1]) if excess[last] > 0 else 0.0
    chi = meanfield.slope_at(q_star, sigma_w2, activation)
    return math.inf if chi == 1 else 1 / abs(math.log(chi))
