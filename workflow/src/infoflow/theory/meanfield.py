"""Mean-field theory of wide random networks: fixed points, depth scales, edge of chaos.

z^l = W φ(z^{l-1}) + b with W ~ N(0, σ_w²/fan_in), b ~ N(0, σ_b²). Pre-activations are Gaussian of variance q^l, and two
inputs' pre-activations have correlation c^l. Source: Poole et al. arXiv:1606.05340, Schoenholz et al. arXiv:1611.01232,
physics.md B. Everything is float64; Gaussian integrals are trapezoidal sums, which converge exponentially here.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np
import scipy  # scipy.optimize is imported when it is used
from numpy.typing import ArrayLike
from scipy.special import erf

from infoflow.theory import uneven
from infoflow.theory.uneven import EDGE, NEAR_EDGE
from infoflow.theory.uneven import length as _length


@dataclass(frozen=True)
class Smooth:
    """An odd, bounded, analytic φ with |φ| <= 1, its derivatives, and its slope at zero.

    Attributes:
        far_pair: what `_pair` gives where q is large, of q and ε, if φ does not bend near zero alone.
    """

    phi: Callable
    d1: Callable
    d2: Callable
    d3: Callable
    slope: float
    far_pair: Callable | None = None


def _tanh_slope(z):
    return 1 / np.cosh(np.clip(z, -300, 300)) ** 2


def _erf_slope(z):
    return 2 / math.sqrt(math.pi) * np.exp(-z * z)


def _sine_pair(q: float, epsilon: float) -> tuple[float, float]:
    """Without e^-2q, which is nothing."""
    return -math.expm1(-q * epsilon) / 2, (math.exp(-q * epsilon) + math.exp(-q * (2 - epsilon))) / 2


SMOOTH = {
    "tanh": Smooth(
        phi=np.tanh,
        d1=_tanh_slope,
        d2=lambda z: -2 * np.tanh(z) * _tanh_slope(z),
        d3=lambda z: (6 * np.tanh(z) ** 2 - 2) * _tanh_slope(z),
        slope=1.0,
    ),
    "erf": Smooth(
        phi=erf,
        d1=_erf_slope,
        d2=lambda z: -2 * z * _erf_slope(z),
        d3=lambda z: (4 * z * z - 2) * _erf_slope(z),
        slope=2 / math.sqrt(math.pi),
    ),
    "sine": Smooth(
        phi=np.sin,
        d1=np.cos,
        d2=lambda z: -np.sin(z),
        d3=lambda z: -np.cos(z),
        slope=1.0,
        far_pair=_sine_pair,
    ),
}
ACTIVATIONS = (*SMOOTH, "relu", *uneven.ACTIVATIONS)

_AT_ONCE = 2**20
"""Values of φ, at most: 8 MB."""

Phi = Smooth | uneven.Analytic | uneven.Leaky | None
"""What is known of an activation; None, ReLU."""


@dataclass(frozen=True)
class DepthScales:
    """Fixed point and depth scales of one (σ_w², σ_b²), in layers; arrays if the arguments were arrays.

    Attributes:
        q_star: variance of the pre-activations at the fixed point; inf if it grows without bound, NaN for ReLU at its
            edge without bias, where every q is a fixed point. Of GELU and SiLU there can be several: NaN, and with it
            all others, if it depends on the input, 0 < ⟨x²⟩ <= 1, which of them is reached.
        chi_1: slope of the correlation map at c = 1, the mean squared singular value of the layer Jacobian.
        c_star: stable fixed point of the correlation.
        chi_c: slope of the correlation map at c_star.
        xi_c: correlation length -1/ln χ_c; inf at the edge of chaos.
        xi_q: relaxation length of the variance, -1/ln V'(q*); inf where there is no exponential approach.
    """

    q_star: float
    chi_1: float
    c_star: float
    chi_c: float
    xi_c: float
    xi_q: float


SCALES = tuple(f.name for f in fields(DepthScales))


def depth_scales(sigma_w2: ArrayLike, sigma_b2: ArrayLike, activation: str = "tanh") -> DepthScales:
    """Fixed points and depth scales; broadcasts over its arguments.

    Raises:
        ValueError: a variance is negative or not finite, or the activation is not known.
    """
    check_variances(sigma_b2=sigma_b2, sigma_w2=sigma_w2)
    sigma_w2, sigma_b2 = np.broadcast_arrays(np.asarray(sigma_w2, float), np.asarray(sigma_b2, float))
    phi = _lookup(activation)
    single = _relu_scales if phi is None else _smooth_scales if isinstance(phi, Smooth) else _uneven_scales
    points = [single(float(w), float(b), phi) for w, b in zip(sigma_w2.flat, sigma_b2.flat)]
    values = ([getattr(p, name) for p in points] for name in SCALES)
    return DepthScales(*(v[0] if sigma_w2.ndim == 0 else np.reshape(v, sigma_w2.shape) for v in values))


def edge_of_chaos(sigma_b2: ArrayLike, activation: str = "tanh") -> float | np.ndarray:
    """σ_w² at which χ₁ = 1, for given σ_b².

    Of softplus that from which on the variance grows without bound, as it does of ReLU. NaN where there is none: for
    GELU and SiLU of small σ_b² the variance leaves for infinity before χ₁ is 1.

    Raises:
        ValueError: a variance is negative or not finite, or the activation is not known.
    """
    check_variances(sigma_b2=sigma_b2)
    phi = _lookup(activation)
    sigma_b2 = np.asarray(sigma_b2, float)
    if phi is None:
        edge = np.full(sigma_b2.shape, 2.0)
    else:
        single = _smooth_edge if isinstance(phi, Smooth) else _uneven_edge
        edge = np.reshape([single(float(b), phi) for b in sigma_b2.flat], sigma_b2.shape)
    return float(edge) if edge.ndim == 0 else edge


def variance_map(q: ArrayLike, sigma_w2: float, sigma_b2: float, activation: str = "tanh") -> np.ndarray:
    """V(q) = σ_w² E φ(√q z)² + σ_b², for every q."""
    phi = _lookup(activation)
    q = np.asarray(q, float)
    if phi is None:
        second = q / 2
    elif isinstance(phi, Smooth):
        second = np.reshape([_mean(phi, phi.phi, phi.phi, v) for v in q.flat], q.shape)
    else:
        second = phi.moments(q.ravel())[1].reshape(q.shape)
    return sigma_w2 * second + sigma_b2


def slope_at(q: float, sigma_w2: float, activation: str = "tanh") -> float:
    """χ(q) = σ_w² E φ'(√q z)²: the slope of the correlation map at c = 1 where the variance is q; χ₁ at q = q*."""
    phi = _lookup(activation)
    if phi is None:
        return sigma_w2 * 0.5
    return sigma_w2 * (_mean(phi, phi.d1, phi.d1, q) if isinstance(phi, Smooth) else phi.slope(q))


def variance_recursion(
    mean_square: ArrayLike, sigma_w2: ArrayLike, sigma_b2: ArrayLike, widths: Sequence[int], activation: str = "tanh"
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Variance q^l of the pre-activations of layers 1..L, and how far it strays in a network of finite width.

    The input is not passed through φ: q^1 = σ_w² ⟨x²⟩ + σ_b². With s^l the variance given the layer before, the
    empirical (1/N) Σ z² has variance Var(s^l) + 2 (s^l)²/N, and Var(s^{l+1}) = V'(s^l)² Var(s^l) + σ_w⁴ Var(φ²)/N,
    to leading order in 1/N. Layers stray together: s^{l+1} by V' times what s^l does, and by σ_w² times the mean of φ²,
    whose covariance with that of z² is 2 (s^l)² V'/(σ_w² N).

    Args:
        mean_square, sigma_w2, sigma_b2: ⟨x²⟩ of the inputs and the variances, of shapes that broadcast.
        widths: number of units of the layers 1..L.

    Returns:
        q, its standard deviation, and that of the mean relative deviation of the layers up to each: [*shape, layers].
    """
    phi = _lookup(activation)
    given = np.broadcast_arrays(*(np.asarray(a, float) for a in (mean_square, sigma_w2, sigma_b2)))
    shape, (mean_square, sigma_w2, sigma_b2) = given[0].shape, (a.reshape(-1) for a in given)
    s = sigma_w2 * mean_square + sigma_b2
    spread, with_sum, of_sum = np.zeros((3, s.size))  # of s; its covariance with the sum of deviations; theirs
    moments = np.empty((3, s.size))
    moving = np.full(s.shape, True)  # still, where s has reached its fixed point
    found = []
    for layer, width in enumerate(widths, start=1):
        variance, weight = spread + 2 * s**2 / width, np.divide(1, s, out=np.zeros_like(s), where=s > 0)
        of_sum = of_sum + 2 * weight * with_sum + weight**2 * variance
        found.append((s, np.sqrt(variance), np.sqrt(of_sum) / layer))
        moments[:, moving] = _moments(phi, s[moving])
        slope, second, fourth = moments
        with_sum = sigma_w2 * slope * (with_sum + weight * variance)
        spread = (sigma_w2 * slope) ** 2 * spread + sigma_w2**2 * (fourth - second**2) / width
        before, s = s, sigma_w2 * second + sigma_b2
        moving = np.abs(s - before) > 1e-14 * before
    return tuple(np.stack(layers, axis=-1).reshape(*shape, len(widths)) for layers in zip(*found))


def correlation_map(c: ArrayLike, sigma_w2: float, sigma_b2: float, activation: str = "tanh") -> np.ndarray:
    """c^{l+1} = [σ_w² E φ(u₁) φ(u₂) + σ_b²]/q* at the fixed point q* of the variance, for every 0 <= c <= 1.

    Of ReLU and leaky ReLU, whose map does not depend on q but for the bias, also where q falls to zero or grows without
    bound; of GELU, SiLU and softplus, where q grows without bound, that of ReLU.

    Raises:
        ValueError: the activation is not known, its q* is zero, where there is no correlation, or depends on the input.
    """
    phi = _lookup(activation)
    c = np.asarray(c, float)
    if phi is None:
        q = _relu_scales(sigma_w2, sigma_b2, None).q_star
        share = sigma_w2 * q / 2 / (sigma_w2 * q / 2 + sigma_b2) if sigma_b2 > 0 and q < math.inf else 1.0
        return share * (np.sqrt(1 - c**2) + c * (math.pi - np.arccos(c))) / math.pi + 1 - share
    if not isinstance(phi, Smooth):
        return phi.correlations(c, float(sigma_w2), float(sigma_b2))
    q = _fixed_variance(sigma_w2, sigma_b2, phi)
    if q == 0:
        raise ValueError("the variance falls to zero: there are no correlations")
    return 1 - np.reshape([sigma_w2 / q * _pair(phi, q, 1 - one)[0] for one in c.flat], c.shape)


def check_variances(**variances: ArrayLike) -> None:
    """Raise ValueError where a variance is negative or not finite."""
    for name, value in variances.items():
        value = np.asarray(value, float)
        if not (np.isfinite(value) & (value >= 0)).all():
            raise ValueError(f"{name} must be finite and not negative")


def second_moment(variance: ArrayLike, activation: str = "tanh") -> np.ndarray:
    """E φ(z)², z ~ N(0, variance), elementwise."""
    variance = np.asarray(variance, float)
    return _moments(_lookup(activation), variance.ravel())[1].reshape(variance.shape)


def function_of(activation: str) -> Callable[[np.ndarray], np.ndarray]:
    """φ itself."""
    phi = _lookup(activation)
    if phi is None or isinstance(phi, uneven.Leaky):
        alpha = 0.0 if phi is None else phi.alpha
        return lambda z: np.where(z > 0, z, alpha * z)
    return phi.phi


def _lookup(activation: str) -> Phi:
    if activation not in ACTIVATIONS:
        raise ValueError(f"no mean-field theory for activation {activation!r}; known: {', '.join(ACTIVATIONS)}")
    return SMOOTH.get(activation) or uneven.ACTIVATIONS.get(activation)


def _nodes(q: float, phi: Smooth) -> tuple[np.ndarray, np.ndarray]:
    """Trapezoidal nodes and weights for ∫Dz g(√q z).

    The nearest singularity of tanh(√q z) is at ±iπ/(2√q): the step that keeps the error, exp(-π²/(h√q)), at 1e-16
    shrinks with √q; 0.25 does for the Gaussian itself. Where q is large, steps are graded, unless φ bends everywhere.
    """
    if q > uneven.FAR and phi.far_pair is None:
        return uneven.graded_nodes(1 / math.sqrt(q))
    step = min(0.25, math.pi**2 / 40 / math.sqrt(max(q, 1e-300)))
    z = np.arange(-math.ceil(9 / step), math.ceil(9 / step) + 1) * step
    weight = np.exp(-z * z / 2)
    return z, weight / weight.sum()


def _mean(phi: Smooth, f: Callable, g: Callable, q: float) -> float:
    """E f(u) g(u), u ~ N(0, q), of functions that belong to φ."""
    z, weight = _nodes(q, phi)
    u = math.sqrt(q) * z
    return float(weight @ (f(u) * g(u)))


def _moments(phi: Phi, q: np.ndarray, block: int = 256) -> np.ndarray:
    """V'(q)/σ_w², E φ² and E φ⁴ for many q: [n] -> [3, n]. Some at a time: what is at work then stays in the cache."""
    if phi is None:
        return np.stack([np.full_like(q, 0.5), q / 2, 1.5 * q**2])
    if not isinstance(phi, Smooth):
        return phi.moments(q)
    found = np.empty((3, len(q)))
    if len(q):
        block = max(1, min(block, _AT_ONCE // len(_nodes(q.max(), phi)[0])))
    for first in range(0, len(q), block):
        some = slice(first, first + block)
        z, weight = _nodes(q[some].max(), phi)
        u = np.sqrt(q[some])[:, None] * z
        value = phi.phi(u)
        second = value**2
        found[:, some] = (phi.d1(u) ** 2 + value * phi.d2(u)) @ weight, second @ weight, second**2 @ weight
    return found


def _variance_slope(phi: Smooth, q: float) -> float:
    """V'(q)/σ_w² = E φ'² + E φ φ''."""
    return _mean(phi, phi.d1, phi.d1, q) + _mean(phi, phi.phi, phi.d2, q)


def _pair(phi: Smooth, q: float, epsilon: float) -> tuple[float, float]:
    """E (φ(u₁) - φ(u₂))²/2 and E φ'(u₁) φ'(u₂) at correlation 1 - ε.

    With u_i = √q (√c z₀ + √ε z_i) the double integrals become averages over z₀ of a conditional variance, and of a
    squared conditional mean. The first keeps its relative precision for small ε, where 1 - c does not. Even steps are
    ∝ q in number: where q is large, they are graded.
    """
    if q > uneven.FAR:
        return phi.far_pair(q, epsilon) if phi.far_pair else uneven.graded_pair(phi.phi, phi.d1, q, epsilon)
    z, weight = _nodes(q, phi)
    u = math.sqrt(q) * (math.sqrt(1 - epsilon) * z[:, None] + math.sqrt(epsilon) * z[None, :])
    centre = phi.phi(math.sqrt(q * (1 - epsilon)) * z)[:, None]
    deviation = phi.phi(u) - centre
    variance = (deviation**2) @ weight - (deviation @ weight) ** 2
    return float(weight @ variance), float(weight @ (phi.d1(u) @ weight) ** 2)


def _smooth_scales(w: float, b: float, phi: Smooth) -> DepthScales:
    q = _fixed_variance(w, b, phi)
    chi_1 = w * _mean(phi, phi.d1, phi.d1, q)
    xi_q = _length(w * _variance_slope(phi, q))
    if chi_1 <= 1 + EDGE:
        return DepthScales(q, chi_1, 1.0, chi_1, _length(chi_1), xi_q)
    if b == 0:  # φ is odd: uncorrelated inputs stay so
        epsilon = 1.0
    elif chi_1 - 1 < NEAR_EDGE:
        # To second order in ε = 1 - c: (1 - c')/ε = χ₁ - Aε/2 + Bε²/6 = 1, and dc'/dc = χ₁ - Aε + Bε²/2.
        slope = w * q * _mean(phi, phi.d2, phi.d2, q)
        curvature = w * q**2 * _mean(phi, phi.d3, phi.d3, q)
        epsilon = 2 * (chi_1 - 1) / slope
        epsilon *= 1 + curvature * epsilon / (3 * slope)
        chi_c = chi_1 - slope * epsilon + curvature * epsilon**2 / 2
        return DepthScales(q, chi_1, 1 - epsilon, chi_c, _length(chi_c), xi_q)
    else:

        def expansion(log_epsilon: float) -> float:
            """(1 - c')/(1 - c) - 1: positive close to c = 1, which repels; zero at c*."""
            return w / q * _pair(phi, q, math.exp(log_epsilon))[0] / math.exp(log_epsilon) - 1

        # Below the root: it is at 2 (χ₁ - 1)/A at least, and of a step, which φ becomes for large q, at 0.4 or more.
        low = math.log(min((chi_1 - 1) * min(1e-2, 1 / (w * q * _mean(phi, phi.d2, phi.d2, q))), 0.1))
        epsilon = math.exp(scipy.optimize.brentq(expansion, low, 0.0, xtol=1e-14, rtol=1e-14))
    chi_c = w * _pair(phi, q, epsilon)[1]
    return DepthScales(q, chi_1, 1 - epsilon, chi_c, _length(chi_c), xi_q)


def _fixed_variance(w: float, b: float, phi: Smooth) -> float:
    """Stable root of V(q) = q. V is concave: Newton's iteration from above falls onto the largest root."""
    if b == 0 and w * phi.slope**2 <= 1:
        return 0.0
    q = w + b  # φ² <= 1, so V(q) <= w + b
    for _ in range(200):
        step = (w * _mean(phi, phi.phi, phi.phi, q) + b - q) / (w * _variance_slope(phi, q) - 1)
        q, before = q - step, q
        if abs(step) <= 4e-16 * before or q >= before:
            break
    return q


def _smooth_edge(b: float, phi: Smooth) -> float:
    """χ₁ = 1 gives σ_w² = 1/E φ'² for every q*; find the q* whose σ_b² = q - σ_w² E φ² is the given one."""
    if b == 0:
        return 1 / phi.slope**2

    def bias(q: float) -> float:
        return q - _mean(phi, phi.phi, phi.phi, q) / _mean(phi, phi.d1, phi.d1, q)

    high = 1.0
    while bias(high) < b:
        high *= 2
    q = scipy.optimize.brentq(lambda q: bias(q) - b, 0.0, high, xtol=1e-18, rtol=1e-15)
    return 1 / _mean(phi, phi.d1, phi.d1, q)


def _relu_scales(w: float, b: float, _: None) -> DepthScales:
    """ReLU: V(q) = σ_w² q/2 + σ_b², and c* = 1 always.

    Its correlation map has slope σ_w² q*/(2q*) at c = 1. Without bias, or where q grows without bound, the bias drops
    out of the map, whose slope is then 1: correlations approach 1 algebraically, and ξ_c is infinite.
    """
    chi = w / 2
    if b == 0:
        q = 0.0 if chi < 1 else (math.nan if chi == 1 else math.inf)  # at the edge every q is a fixed point
        return DepthScales(q, chi, 1.0, 1.0, math.inf, _length(chi))
    if chi >= 1:
        return DepthScales(math.inf, chi, 1.0, 1.0, math.inf, math.inf)
    return DepthScales(b / (1 - chi), chi, 1.0, chi, _length(chi), _length(chi))


def _uneven_scales(w: float, b: float, phi: uneven.Analytic | uneven.Leaky) -> DepthScales:
    return DepthScales(*phi.scales(w, b))


def _uneven_edge(b: float, phi: uneven.Analytic | uneven.Leaky) -> float:
    return phi.edge(b)
