"""Covariances E φ(u)φ(u') of smooth rectifiers in closed form: GELU, and mixtures of its like, SiLU and softplus.

A ReLU whose input has independent noise of variance τ² is, on average, a softplus-like function of the input, and the
covariance of two of them is that of ReLU for u + τξ and u' + τ'ξ'. z Φ(z/τ), of which GELU is that with τ = 1, differs
from it by the derivative in τ. The logistic function is Φ(z/τ) averaged over τ = 2K, K distributed as in the test of
Kolmogorov (Andrews and Mallows, J. R. Stat. Soc. B 36, 99, 1974): so SiLU and softplus are averages of such functions,
and their covariances double averages. Source: physics.md F2.

With α = a + τ², β = b + τ'², cos θ = q/√(αβ), Δ = αβ - q², for variances a, b and covariance q of u, u',

    E rectified rectified' = q/2 + √(αβ) (sin θ - θ cos θ)/2π
    E uΦ(u/τ) u'Φ(u'/τ')   = the same + [τ²τ'²/√Δ - √Δ (τ²/α + τ'²/β)]/2π

Next to q/2, which is exact, everything is small for large variances: this is for large ones. For small ones everything
is the difference of what is large.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.linalg import eigh_tridiagonal

from infoflow.theory import uneven

# Half squared distances below which φ is straight between two inputs: what is neglected is of this order, relatively,
# and so is what rounding makes of the closed form there.
CLOSE = 1e-8
# Numbers worked on at a time: they stay in the cache.
BLOCK = 12_000
# Scales of a mixture, at least and at most: 11 are the logistic function within 3e-9, 4 within 3e-5.
SCALES = (4, 11)


@dataclass(frozen=True)
class Rectifier:
    """A mixture of functions.

    Attributes:
        gated: of z Φ(z/τ); else of ReLU with noise.
        mixed: over the scales of the logistic function; else τ = 1.
        phi: what `uneven` knows of the function.
    """

    gated: bool
    mixed: bool
    phi: uneven.Analytic

    def covariances(self, square: np.ndarray, distance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Variances [n + S] and half squared distances [n + S, n] of u -> those of φ(u).

        For variances above 5, to 1e-10 of themselves; distances next to `CLOSE`, to 1e-8.
        """
        n, found = distance.shape[1], np.empty_like(distance)
        pairs = list(self._pairs(square.max()))
        # E φ² = v/2 + own/2π, and ½(E φ² + E φ'²) - E φφ' = d/2 + (½(own + own') - shared)/2π
        own = sum(weight * self._beyond(square, square, 0.0, *scales) for *scales, weight in pairs)
        rows = max(1, BLOCK // n)
        for first in range(0, len(square), rows):
            some = slice(first, first + rows)
            here = square[some, None]
            shared = np.zeros_like(distance[some])
            for *scales, weight in pairs:
                shared += weight * self._beyond(here, square[:n], distance[some], *scales)
            mean = (own[some, None] + own[:n]) / 2
            found[some] = np.maximum(distance[some] / 2 + (mean - shared) / (2 * math.pi), 0)
        close = distance < CLOSE
        if close.any():
            found[close] = self._straight(square, distance)[close]
        return square / 2 + own / (2 * math.pi), found

    def _pairs(self, largest: float) -> Iterator[tuple[float, float, float]]:
        """τ², τ'² and the weight of both; fewer scales for larger variances, of which they matter less."""
        if not self.mixed:
            yield 1.0, 1.0, 1.0
            return
        count = math.ceil(11 - math.log10(largest)) if largest < math.inf else 0
        squares, weights = logistic_scales(int(np.clip(count, *SCALES)))
        for t, p in zip(squares, weights):
            for t_, p_ in zip(squares, weights):
                yield float(t), float(t_), float(p * p_)

    def _beyond(self, a: np.ndarray, b: np.ndarray, distance: np.ndarray | float, t: float, t_: float) -> np.ndarray:
        """2π (E φφ' - q/2) of one pair of scales τ² = t, τ'² = t_."""
        root, root_ = np.sqrt(a + t), np.sqrt(b + t_)
        product = root * root_
        # 1 - cos θ = (d + (τ² + τ'²)/2 - (√α - √β)²/2)/√(αβ)
        apart = np.clip((distance + (t + t_) / 2 - (root - root_) ** 2 / 2) / product, 0, 2)
        sine = np.sqrt(apart * (2 - apart))
        found = product * _lag(apart, sine)
        if self.gated:
            found += t * t_ / (product * sine) - product * sine * (t / (a + t) + t_ / (b + t_))
        return found

    def _straight(self, square: np.ndarray, distance: np.ndarray) -> np.ndarray:
        """½ E (u - u')² φ'(s)² at the mean s of u and u', which u - u' is correlated with if the variances differ.

        E (u - u')² = 2d, and u - u' is (a - b)/(2S) s but for what is independent of s, S the variance of s.
        """
        n = distance.shape[1]
        z, weight = uneven._nodes(float(square.max()))
        slope = self.phi.d1(np.sqrt(square)[:, None] * z) ** 2
        plain, tilted = slope @ weight, slope @ (weight * z * z)
        radial = (square[:, None] - square[:n]) ** 2 / np.maximum(4 * (square[:, None] + square[:n] - distance), 1e-300)
        along = (tilted - plain)[:, None] + (tilted - plain)[:n]
        found = distance * (plain[:, None] + plain[:n]) / 2
        return np.maximum(found + radial * along / 2, 0)


def _lag(apart: np.ndarray, sine: np.ndarray) -> np.ndarray:
    """sin θ - θ cos θ for 1 - cos θ = apart, to its relative precision."""
    angle = 2 * np.arcsin(np.sqrt(apart / 2))
    found = sine - angle * (1 - apart)
    small = angle < 0.5
    if np.any(small):
        x = np.square(np.minimum(angle, 0.5))
        series = np.zeros_like(x)
        for k in range(7, 0, -1):
            series = 2 * k / math.factorial(2 * k + 1) - x * series
        found = np.where(small, angle * x * series, found)
    return found


@cache
def logistic_scales(count: int) -> tuple[np.ndarray, np.ndarray]:
    """τ² and weights with Σ weight Φ(z/τ) ≈ 1/(1 + exp(-z)): Gauss's quadrature of functions of ln K."""
    t = np.linspace(math.log(0.13), math.log(5), 2001)
    x, k = np.exp(t), np.arange(1, 60)[:, None]
    # the two series of the density of K, one for small and one for large values
    rate = (2 * k - 1) ** 2 * math.pi**2 / 8
    small = math.sqrt(2 * math.pi) * np.sum(np.exp(-rate / x**2) * (2 * rate / x**4 - 1 / x**2), axis=0)
    large = 8 * x * np.sum((-1.0) ** (k - 1) * k**2 * np.exp(-2 * k**2 * x**2), axis=0)
    density = np.where(x < 0.9, small, large) * x
    # Lanczos: polynomials orthogonal under the density
    vectors = [np.sqrt(density / density.sum())]
    diagonal, beside = [], []
    for _ in range(count):
        following = t * vectors[-1]
        diagonal.append(following @ vectors[-1])
        for vector in vectors:
            following = following - (following @ vector) * vector
        beside.append(np.linalg.norm(following))
        vectors.append(following / beside[-1])
    nodes, states = eigh_tridiagonal(diagonal, beside[:-1])
    return 4 * np.exp(2 * nodes), states[0] ** 2


RECTIFIERS = {
    "gelu": Rectifier(gated=True, mixed=False, phi=uneven.ACTIVATIONS["gelu"]),
    "silu": Rectifier(gated=True, mixed=True, phi=uneven.ACTIVATIONS["silu"]),
    "softplus": Rectifier(gated=False, mixed=True, phi=uneven.ACTIVATIONS["softplus"]),
}
