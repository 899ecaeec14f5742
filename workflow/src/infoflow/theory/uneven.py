"""Mean-field theory of activations that are neither odd nor bounded: several fixed points of the variance, or none.

V(q) = σ_w² E φ(√q z)² + σ_b² rises with q for all of them, so that the variance rises or falls, layer by layer, from
where it begins to the next fixed point, or for ever. It begins at σ_w² ⟨x²⟩ + σ_b². q* is where it goes from every
input with 0 < ⟨x²⟩ <= 1, as all images have, whose pixels lie within [0, 1]: NaN if that depends on the input, infinite
if it grows without bound. The correlation map at q*, Σ_k h_k² c^k with h_k² >= 0 (Mehler), is convex whatever φ is, so
that c* = 1 where χ₁ <= 1, and one c* < 1 where χ₁ > 1. Source: physics.md B4.

Gaussian integrals are trapezoidal sums over t, z = κ sinh t: they converge exponentially, with nodes where φ bends and
where the density ends, however far apart these are.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy  # scipy.optimize is imported when it is used
from scipy.special import expit, ndtr

# |χ - 1| below which a point is on the edge: the rounding of the quadrature, not a physical width.
EDGE = 1e-12
# χ₁ - 1 below which c* is expanded around 1; the neglected terms are of relative order (χ₁ - 1)².
NEAR_EDGE = 1e-5
# Step of the quadrature over t, of error 1e-15 where the sectors of decay end at π/4; and where the density ends.
STEP, CUTOFF = 0.09, 9
# Variances from which on functions of √q z are integrated in graded steps; nodes of a panel, longest panel.
FAR, PANEL, WIDEST_PANEL = 32.0, np.polynomial.legendre.leggauss(16), 2.0
# A larger variance is infinite: mean squares of networks leave the range of float32 there.
LARGEST = 1e38
# Precision of roots, the highest that they can be asked for.
ROOT = {"xtol": 1e-300, "rtol": 4 * np.finfo(float).eps, "maxiter": 500}

Scales = tuple[float, float, float, float, float, float]
"""q*, χ₁, c*, χ_c, ξ_c, ξ_q, see `meanfield.DepthScales`."""

UNKNOWN = (math.nan,) * 6


def length(chi: float) -> float:
    """-1/ln χ, infinite from χ = 1 on (within rounding) and zero at χ = 0."""
    if chi >= 1 - EDGE:
        return math.inf
    return -1 / math.log(chi) if chi > 0 else 0.0


def _grows(chi_1: float) -> Scales:
    """Where q grows without bound φ is a rectifier, whose correlations approach 1 algebraically."""
    return math.inf, chi_1, 1.0, 1.0, math.inf, math.inf


def rectifier_map(c: np.ndarray) -> np.ndarray:
    """E φφ'/E φ² of ReLU at correlation c >= 0."""
    return (np.sqrt(1 - c**2) + c * (math.pi - np.arccos(c))) / math.pi


@dataclass(frozen=True)
class Leaky:
    """z above zero, αz below: as ReLU, with E φ'² = (1 + α²)/2.

    V(q) = χ₁ q + σ_b² with χ₁ = σ_w² (1 + α²)/2. The correlation map without bias has slope 1 at c = 1.
    """

    alpha: float

    @property
    def gain(self) -> float:
        """E φ² for a variance of one, and E φ'²."""
        return (1 + self.alpha**2) / 2

    def scales(self, w: float, b: float) -> Scales:
        """For one point (σ_w², σ_b²). At the edge without bias every q is a fixed point, and q* NaN."""
        chi = w * self.gain
        critical = abs(chi - 1) <= EDGE
        if b == 0:
            q = math.nan if critical else 0.0 if chi < 1 else math.inf
            return q, chi, 1.0, 1.0, math.inf, length(chi)
        if critical or chi > 1:
            return _grows(chi)
        return b / (1 - chi), chi, 1.0, chi, length(chi), length(chi)

    def edge(self, b: float) -> float:
        """σ_w² at which χ₁ = 1, whatever σ_b²."""
        return 1 / self.gain

    def slope(self, q: float) -> float:
        """E φ'²."""
        return self.gain

    def moments(self, q: np.ndarray) -> np.ndarray:
        """V'(q)/σ_w², E φ² and E φ⁴: [n] -> [3, n]."""
        return np.stack([np.full_like(q, self.gain), self.gain * q, 1.5 * (1 + self.alpha**4) * q**2])

    def correlations(self, c: np.ndarray, w: float, b: float) -> np.ndarray:
        """The correlation map; as that of ReLU it needs no variance but for the bias."""
        q = self.scales(w, b)[0]
        share = w * self.gain * q / (w * self.gain * q + b) if b > 0 and q < math.inf else 1.0
        rectified = (1 - self.alpha) ** 2 / 2
        return share * (self.alpha * c + rectified * rectifier_map(c)) / self.gain + 1 - share


@dataclass(frozen=True)
class Analytic:
    """An analytic φ, its derivatives, and what is known of E φ².

    Attributes:
        far: lim φ(z)²/z² for z → ∞, while φ is bounded for z → -∞: E φ² ≈ far q/2 for large q.
        rest: (φ(z)² + φ(-z)² - far z²)/2, as it is known where the difference is small: E φ² is far q/2 + E rest.
        peak: the variance at which dE φ²/dq is largest: it rises up to there, and falls from there on.
    """

    phi: Callable
    d1: Callable
    d2: Callable
    d3: Callable
    far: float
    rest: Callable
    peak: float

    def scales(self, w: float, b: float) -> Scales:
        """For one point (σ_w², σ_b²)."""
        q = self.fixed_variance(w, b)
        if math.isnan(q):
            return UNKNOWN
        if math.isinf(q):
            return _grows(w * self.far / 2)
        chi_1, xi_q = w * self.slope(q), length(w * self._rate(q))
        if chi_1 <= 1 + EDGE:
            return q, chi_1, 1.0, chi_1, length(chi_1), xi_q
        # To second order in ε = 1 - c: (1 - c')/ε = χ₁ - Aε/2 + Bε²/6 = 1, and dc'/dc = χ₁ - Aε + Bε²/2.
        first = w * q * _mean(q, self.d2, self.d2)
        second = w * q**2 * _mean(q, self.d3, self.d3)
        epsilon = 2 * (chi_1 - 1) / first
        if chi_1 - 1 < NEAR_EDGE:
            epsilon *= 1 + second * epsilon / (3 * first)
            chi_c = chi_1 - first * epsilon + second * epsilon**2 / 2
            return q, chi_1, 1 - epsilon, chi_c, length(chi_c), xi_q

        def expansion(log_epsilon: float) -> float:
            """(1 - c')/(1 - c) - 1: positive close to c = 1, which repels; zero at c*, and convex."""
            return w / q * self._pair(q, math.exp(log_epsilon))[0] / math.exp(log_epsilon) - 1

        low = math.log(epsilon / 2)
        high = min(low + math.log(4), 0.0)
        while high < 0 and expansion(high) > 0:
            low, high = high, min(high + math.log(4), 0.0)
        epsilon = math.exp(scipy.optimize.brentq(expansion, low, high, xtol=1e-14, rtol=1e-14))
        chi_c = w * self._pair(q, epsilon)[1]
        return q, chi_1, 1 - epsilon, chi_c, length(chi_c), xi_q

    def edge(self, b: float) -> float:
        """σ_w² at which χ₁ = 1.

        Of a φ with dE φ²/dq rising for ever, that from which on q grows without bound. NaN where there is none: where
        1/E φ'² and σ_b² = q - E φ²/E φ'² belong to a fixed point that the variance leaves, or that it reaches from some
        inputs only. χ₁ then jumps over 1, from a small variance to one without bound.
        """
        if math.isinf(self.peak):
            return 2 / self.far

        def bias(q: float) -> float:
            """q - E φ²/E φ'²."""
            return ((self.slope(q) - self.far / 2) * q - _mean(q, self.rest)) / self.slope(q)

        high = 1.0
        while bias(high) < b:
            high *= 2
        q = scipy.optimize.brentq(lambda q: bias(q) - b, 0.0, high, **ROOT)
        w = 1 / self.slope(q)
        # Where V' ≈ 1 the variance is not well determined, but that of another fixed point is far away.
        return w if abs(self.fixed_variance(w, b) - q) <= 1e-3 * q else math.nan

    def slope(self, q: float) -> float:
        """E φ'²."""
        return _mean(q, self.d1, self.d1)

    def moments(self, q: np.ndarray, block: int = 256) -> np.ndarray:
        """V'(q)/σ_w², E φ² and E φ⁴: [n] -> [3, n]."""
        found = np.empty((3, len(q)))
        for first in range(0, len(q), block):
            some = slice(first, first + block)
            z, weight = _nodes(q[some].max())  # fine enough for the smaller ones
            u = np.sqrt(q[some])[:, None] * z
            value = self.phi(u)
            second = value**2
            found[:, some] = (self.d1(u) ** 2 + value * self.d2(u)) @ weight, second @ weight, second**2 @ weight
        return found

    def correlations(self, c: np.ndarray, w: float, b: float) -> np.ndarray:
        """The correlation map at q*; where q grows without bound, that of ReLU.

        Raises:
            ValueError: q* is zero, or depends on the input.
        """
        q = self.fixed_variance(w, b)
        if q == 0:
            raise ValueError("the variance falls to zero: there are no correlations")
        if math.isnan(q):
            raise ValueError("the variance has several fixed points: which is reached depends on the input")
        if math.isinf(q):
            return rectifier_map(c)
        return 1 - np.reshape([w / q * self._pair(q, 1 - one)[0] for one in c.flat], c.shape)

    def fixed_variance(self, w: float, b: float) -> float:
        """q*; NaN if it depends on the input, inf if there is none."""
        if w == 0:
            return b
        fixed = self._fixed_variances(w, b)
        if b == 0 and self._gap(0.0, w, b) == 0:  # begins as close to zero as one likes
            low = 0.0 if w * self._rate(0.0) < 1 else min(fixed, default=math.inf)
        else:
            low = min(fixed, default=math.inf)
        start = w + b
        if self._gap(start, w, b) >= 0:
            high = min((q for q in fixed if q >= start), default=math.inf)
        else:
            high = max((q for q in fixed if q < start), default=0.0)
        return low if low == high else math.nan

    def _fixed_variances(self, w: float, b: float) -> list[float]:
        """All roots of V(q) = q but zero: one at most in each range in which V' - 1 does not change its sign."""
        limit, turns = w * self.far / 2, []
        top = w * self._rate(self.peak) if math.isfinite(self.peak) else limit

        def excess(q: float) -> float:
            return w * self._rate(q) - 1

        if top > 1:
            if excess(0.0) < 0:
                turns.append(self._root(excess, 0.0, self.peak))
            if limit < 1 and self.peak < math.inf:
                turns.append(self._root(excess, self.peak, math.inf))
        ends = [b, *(q for q in turns if b < q < math.inf), math.inf]
        roots = (self._root(lambda q: self._gap(q, w, b), *ends[k : k + 2]) for k in range(len(ends) - 1))
        return sorted({q for q in roots if 0 < q < math.inf})

    def _root(self, function: Callable, low: float, high: float) -> float:
        """The root of a function that has one at most between low and high; inf if there is none."""
        at = function(low)
        if math.isinf(high):
            high = max(2 * low, 1.0)
            while function(high) * at > 0 and high < LARGEST:
                high *= 2
        if at == 0 and low > 0:
            return low
        if at == 0:  # a fixed point at zero is not meant
            at, low = (function(small := min(1e-12, high / 2)), small)
        return scipy.optimize.brentq(function, low, high, **ROOT) if at * function(high) <= 0 else math.inf

    def _gap(self, q: float, w: float, b: float) -> float:
        """V(q) - q, whose sign is known where both are large."""
        return (w * self.far / 2 - 1) * q + w * _mean(q, self.rest) + b

    def _rate(self, q: float) -> float:
        """dE φ²/dq = V'(q)/σ_w² = E φ'² + E φφ''."""
        return self.slope(q) + _mean(q, self.phi, self.d2)

    def _pair(self, q: float, epsilon: float) -> tuple[float, float]:
        """E (φ(u₁) - φ(u₂))²/2 and E φ'(u₁) φ'(u₂) at correlation 1 - ε, as those of `meanfield`.

        Averages over the common part of a conditional variance, and of a squared conditional mean. What is not common
        is integrated in even steps, since it bends at any place.
        """
        if q * epsilon > FAR:
            return graded_pair(self.phi, self.d1, q, epsilon)
        own, share = _even_nodes(q * epsilon)
        common, weight = _nodes(q * (1 - epsilon))
        centre = math.sqrt(q * (1 - epsilon)) * common[:, None]
        u = centre + math.sqrt(q * epsilon) * own
        deviation = self.phi(u) - self.phi(centre)
        variance = (deviation**2) @ share - (deviation @ share) ** 2
        return float(weight @ variance), float(weight @ (self.d1(u) @ share) ** 2)


def _nodes(q: float) -> tuple[np.ndarray, np.ndarray]:
    """z and weights of N(0, 1), for functions of √q z that bend over distances of about one."""
    scale = 1 / math.sqrt(max(q, 1.0))
    count = math.ceil(math.asinh(CUTOFF / scale) / STEP)
    t = np.arange(-count, count + 1) * STEP
    z = scale * np.sinh(t)
    weight = np.exp(-z * z / 2) * np.cosh(t)
    return z, weight / weight.sum()


def _even_nodes(q: float) -> tuple[np.ndarray, np.ndarray]:
    """As `_nodes`, in steps that resolve poles of φ at ±iπ anywhere."""
    step = min(0.25, math.pi**2 / 20 / math.sqrt(max(q, 1e-300)))
    z = np.arange(-math.ceil(CUTOFF / step), math.ceil(CUTOFF / step) + 1) * step
    weight = np.exp(-z * z / 2)
    return z, weight / weight.sum()


def graded_pair(phi: Callable, d1: Callable, q: float, epsilon: float) -> tuple[float, float]:
    """`_pair` of a φ that bends near zero alone, in steps that are short where √q z is small: their number is ∝ ln q.

    Gauss-Legendre rules on panels that double in length with the distance from where φ bends.
    """
    own, common = math.sqrt(q * epsilon), math.sqrt(q * (1 - epsilon))
    z, weight = graded_nodes(max(1.0, own) / max(common, 1e-150))
    centre = common * z[:, None]
    distance, length_ = _panels(1 / own, 2 * CUTOFF)
    bend = np.clip(-centre / own, -CUTOFF, CUTOFF)
    z = np.concatenate([bend - distance, bend + distance], axis=1)
    share = np.exp(-z * z / 2) * np.tile(length_, 2)
    share /= share.sum(1, keepdims=True)
    u = centre + own * z
    deviation = phi(u) - phi(centre)
    variance = (deviation**2 * share).sum(1) - (deviation * share).sum(1) ** 2
    return float(weight @ variance), float(weight @ (d1(u) * share).sum(1) ** 2)


def graded_nodes(shortest: float) -> tuple[np.ndarray, np.ndarray]:
    """z and weights of N(0, 1), for functions that bend over the distance `shortest`, near zero alone."""
    distance, length_ = _panels(shortest, CUTOFF)
    z, weight = np.concatenate([-distance, distance]), np.tile(length_, 2)
    weight = weight * np.exp(-z * z / 2)
    return z, weight / weight.sum()


def _panels(shortest: float, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of ∫ from 0 to `reach` on panels that double from `shortest` on, up to the length of two."""
    ends = [0.0, min(shortest, WIDEST_PANEL)]
    while ends[-1] < reach:
        ends.append(ends[-1] + min(ends[-1], WIDEST_PANEL))
    start, length_ = np.array(ends[:-1])[:, None], np.diff(ends)[:, None]
    x, weight = PANEL
    return (start + length_ * (x + 1) / 2).ravel(), (length_ * weight / 2).ravel()


def _mean(q: float, f: Callable, g: Callable | None = None) -> float:
    """E f(u) g(u), or of f alone; u ~ N(0, q)."""
    z, weight = _nodes(q)
    u = math.sqrt(q) * z
    return float(weight @ (f(u) * g(u) if g else f(u)))


def _density(z: np.ndarray) -> np.ndarray:
    return np.exp(-z * z / 2) / math.sqrt(2 * math.pi)


def _logistic(z: np.ndarray) -> np.ndarray:
    """Derivative of the logistic function σ: σ(z) σ(-z)."""
    return expit(z) * expit(-z)


def _logistic_1(z: np.ndarray) -> np.ndarray:
    return -_logistic(z) * np.tanh(z / 2)


def _logistic_2(z: np.ndarray) -> np.ndarray:
    return _logistic(z) * (1 - 6 * _logistic(z))


ACTIVATIONS: dict[str, Leaky | Analytic] = {
    "gelu": Analytic(
        phi=lambda z: z * ndtr(z),
        d1=lambda z: ndtr(z) + z * _density(z),
        d2=lambda z: (2 - z * z) * _density(z),
        d3=lambda z: z * (z * z - 4) * _density(z),
        far=1.0,
        rest=lambda z: -z * z * ndtr(z) * ndtr(-z),
        peak=3.373,
    ),
    "leaky_relu": Leaky(0.01),
    "sigmoid": Analytic(
        phi=expit,
        d1=_logistic,
        d2=_logistic_1,
        d3=_logistic_2,
        far=0.0,
        rest=lambda z: 0.5 - _logistic(z),
        peak=0.0,
    ),
    "silu": Analytic(
        phi=lambda z: z * expit(z),
        d1=lambda z: expit(z) + z * _logistic(z),
        d2=lambda z: 2 * _logistic(z) + z * _logistic_1(z),
        d3=lambda z: 3 * _logistic_1(z) + z * _logistic_2(z),
        far=1.0,
        rest=lambda z: -z * z * _logistic(z),
        peak=14.41,
    ),
    "softplus": Analytic(
        phi=lambda z: np.logaddexp(0, z),
        d1=expit,
        d2=_logistic,
        d3=_logistic_1,
        far=1.0,
        rest=lambda z: np.logaddexp(0, z) * np.logaddexp(0, -z),
        peak=math.inf,
    ),
}
