"""Of mean-field theory: formulas evaluated at the points that a statement is about. None takes a cube."""

import math
from collections.abc import Sequence

import numpy as np
import scipy

from infoflow.studies.claims.intervals import Interval, exact, spread
from infoflow.theory import meanfield
from infoflow.theory.residual import follow_blocks

QUADRATURE = 1e-6
"""Relative error of a length: that of the quadrature, amplified by the logarithm of a slope near one."""


def edge_of_chaos(cube: None, sigma_b2: float | Sequence[float], activation: str = "tanh") -> Interval:
    """σ_w² at the edge of chaos."""
    return exact(meanfield.edge_of_chaos(sigma_b2, activation))


def depth_scale(
    cube: None, scale: str, sigma_w2: float | Sequence[float], sigma_b2: float, activation: str = "tanh"
) -> Interval:
    """q*, χ₁, c*, χ_c, ξ_c or ξ_q."""
    return exact(getattr(meanfield.depth_scales(sigma_w2, sigma_b2, activation), scale), QUADRATURE)


def scale_at_edge(cube: None, scale: str, sigma_b2: float | Sequence[float], activation: str = "tanh") -> Interval:
    """The same, at the edge of chaos."""
    edge = meanfield.edge_of_chaos(sigma_b2, activation)
    return exact(getattr(meanfield.depth_scales(edge, sigma_b2, activation), scale), QUADRATURE)


def divergence_exponent(cube: None, sigma_b2: float, side: int) -> Interval:
    """d ln ξ_c/d ln |σ_w² - edge| between distances of 10⁻² and 10⁻⁴, side -1 ordered; range of the local slopes."""
    distance = np.logspace(-4, -2, 9)
    edge = meanfield.edge_of_chaos(sigma_b2)
    length = meanfield.depth_scales(edge + side * distance, sigma_b2).xi_c
    return spread(np.diff(np.log(length)) / np.diff(np.log(distance)))


def gradient_length(cube: None, sigma_w2: Sequence[float], sigma_b2: float) -> Interval:
    """Length over which gradients change by e, 1/|ln χ₁|, over ξ_c."""
    scales = meanfield.depth_scales(sigma_w2, sigma_b2)
    return exact(1 / np.abs(np.log(scales.chi_1)) / scales.xi_c, QUADRATURE)


def erf_deviation(cube: None, sigma_w2: float, sigma_b2: float) -> Interval:
    """Largest difference of the correlation map of erf from its closed form."""
    q = float(meanfield.depth_scales(sigma_w2, sigma_b2, "erf").q_star)
    c = np.linspace(0, 1, 21)
    closed = (sigma_w2 * 2 / math.pi * np.arcsin(2 * q * c / (1 + 2 * q)) + sigma_b2) / q
    return exact(np.abs(meanfield.correlation_map(c, sigma_w2, sigma_b2, "erf") - closed).max())


def relu_approach(cube: None, layers: int) -> Interval:
    """Exponent with which correlations of ReLU networks at the edge approach one, between layers/10 and layers."""
    c, deviation = np.array(0.1), []
    for _ in range(layers):
        c = meanfield.correlation_map(c, 2.0, 0.0, "relu")
        deviation.append(1 - float(c))
    slope = np.log(deviation[layers // 10 - 1] / deviation[-1]) / np.log(0.1)
    return exact(slope, QUADRATURE)


def rule_of_six(cube: None, depth: int, sigma_b2: float) -> Interval:
    """The two σ_w² between which depth <= 6 ξ_c."""
    edge = meanfield.edge_of_chaos(sigma_b2)

    def surplus(sigma_w2: float) -> float:
        return 6 * float(meanfield.depth_scales(sigma_w2, sigma_b2).xi_c) - depth

    near = 1e-4
    ends = ((0.1, edge - near), (edge + near, 20.0))
    return exact([scipy.optimize.brentq(surplus, *end) for end in ends], QUADRATURE)


def residual_growth(cube: None, sigma_w2: Sequence[float], blocks: int, sigma_b2: float = 2e-5) -> Interval:
    """ln of the growth of the mean squared gradient through residual blocks; units are N(0, 0.3²) at first.

    The error is that of replacing the Gaussian by quantiles.
    """
    units = (0.3 * scipy.special.ndtri((np.arange(n) + 0.5) / n) for n in (2000, 1000))
    found = [follow_blocks(one, sigma_w2, sigma_b2, blocks) for one in units]
    fine, coarse = (f.log_jacobian[..., -1] for f in found)
    error = np.abs(fine - coarse) + 1e-3
    return Interval(fine, fine - error, fine + error)


def ring_divergence(cube: None, spins: int, coupling: float, decimations: int) -> Interval:
    """D_B per spin of an Ising ring after 0, 1, ... decimations: ln 2 of every decimated spin, less entropy lost."""

    def entropy(n: int, k: float) -> float:
        t = math.tanh(k)
        energy = (t + t ** (n - 1)) / (1 + t**n)
        return n * math.log(2 * math.cosh(k)) + math.log1p(t**n) - n * k * energy

    found, kept, k = [], spins, coupling
    for _ in range(decimations + 1):
        found.append(((spins - kept) * math.log(2) + entropy(kept, k) - entropy(spins, coupling)) / spins)
        kept, k = kept // 2, math.log(math.cosh(2 * k)) / 2
    return exact(found)


def published_divergence(
    cube: None, sigma_w2: Sequence[float], published: Sequence[float], width: int, sigma_b2: float
) -> Interval:
    """Largest deviation of published D_m from (N/2) ln(q*/q¹), of the one brightness of the image that fits best.

    In units of the scatter of a single network; the interval is that of the brightness, within which the sum of
    squares grows by four.
    """
    scales = meanfield.depth_scales(sigma_w2, sigma_b2)
    scatter = np.sqrt(width / 2 * (1 + 1 / (1 - np.exp(-2 / scales.xi_q))))
    brightness = np.linspace(0.02, 0.2, 361)
    first = np.multiply.outer(brightness, sigma_w2) + sigma_b2
    deviation = (np.asarray(published) - width / 2 * np.log(scales.q_star / first)) / scatter
    squares = (deviation**2).sum(1)
    largest = np.abs(deviation).max(1)
    likely = largest[squares <= squares.min() + 4]
    return Interval(largest[squares.argmin()], likely.min(), likely.max())
