"""Reconstruction cascade of infinitely wide random networks: H, D and R² of every layer, no weights drawn.

In a wide network the Gram matrix of the states of layer l becomes N_l k^l, with N_l units and k^l(x, x') = E φ(u) φ(u')
over u = z^l(x), u' = z^l(x') jointly Gaussian, of covariance q^l = σ_w² k^{l-1} + σ_b², q^1 = σ_w² x·x'/P + σ_b². Ridge
regression knows the states by that matrix only, so that the cascade of its inverses follows from k^1..k^l. Source:
physics.md F2.

k^l is kept as its diagonal and as the half squared distances d(x, x') = E (φ(u) - φ(u'))²/2. These are all that
centring leaves of it, and they keep their relative precision when all inputs become one, where k^l does not.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
import scipy.fft
from numpy.typing import ArrayLike
from scipy.linalg.lapack import dpotrf, dpotrs
from scipy.spatial.distance import cdist
from scipy.special import erf
from threadpoolctl import ThreadpoolController

from infoflow.reconstruction.divergence import differential_entropy, explained_variance, relative_entropy
from infoflow.theory.meanfield import check_variances
from infoflow.theory.rectifiers import RECTIFIERS, Rectifier
from infoflow.theory.uneven import ACTIVATIONS as UNEVEN

# What is smaller counts as zero: far from where numbers lose their precision.
TINY = 1e-150
# The Gram matrix is known to its rounding, a few of this share of its trace; a smaller noise cannot be resolved.
ROUNDING = 10 * np.finfo(float).eps
# Relative spread of the variances below which they are one.
ALIKE = 1e-14
# Share of Σ k h_k² that a term of the expansion must have to count, and the most terms that are made.
SHARE, MOST_TERMS = 1e-17, 512
# Variance from which on smooth rectifiers have their closed form; below, fewer than 200 terms of the expansion do.
LARGE = 8.0
# Gaussian integrals are trapezoidal sums that end here.
CUTOFF = 13
# Numbers worked on at a time: they stay in the cache.
BLOCK = 12_000

Kernel = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Variances [n + S] and half squared distances [n + S, n] of the pre-activations -> those of the activations."""


@dataclass(frozen=True)
class ReconstructionTheory:
    """What is left of the evaluation images in layers 1..L of an infinitely wide network; arrays [layers].

    Attributes:
        relative_entropy: D(image ‖ reconstruction), median over the samples, in nats.
        differential_entropy: H of the reconstructions, in nats per pixel; -inf where all agree.
        explained_variance: R² of the reconstructions.
    """

    relative_entropy: np.ndarray
    differential_entropy: np.ndarray
    explained_variance: np.ndarray


def reconstruction_theory(
    activation: str,
    sigma_w2: float,
    sigma_b2: float,
    layers: int,
    fit: ArrayLike,
    evaluation: ArrayLike,
    penalty: float,
    width: int | Sequence[int],
) -> ReconstructionTheory:
    """Entropies and explained variance of the reconstructions of `theory_cascade`, absolute noise.

    Args:
        layers: number of hidden layers.
        width: number of units of every layer, or of each one, [layers].

    Returns:
        NaN in the layers in which something overflows, and in all behind them.

    Raises:
        ValueError: as `theory_cascade`; not as many widths as layers; fewer than two evaluation samples, or all equal.
    """
    widths = [width] * layers if np.ndim(width) == 0 else list(width)
    if len(widths) != layers:
        raise ValueError(f"width must be one number or one per layer: {len(widths)} for {layers} layers")
    found = np.full((3, layers), np.nan)
    cascade = theory_cascade(activation, sigma_w2, sigma_b2, widths, fit, evaluation, penalty)
    for layer, images in enumerate(cascade):
        if not np.isfinite(images).all():
            break
        found[:, layer] = (
            np.median(relative_entropy(evaluation, images)),
            differential_entropy(images),
            explained_variance(evaluation, images),
        )
    return ReconstructionTheory(*found)


def theory_cascade(
    activation: str,
    sigma_w2: float,
    sigma_b2: float,
    widths: Sequence[int],
    fit: ArrayLike,
    evaluation: ArrayLike,
    penalty: float,
    relative: bool = False,
) -> Iterator[np.ndarray]:
    """Reconstructions of the evaluation images from layers 1..len(widths): yields [S, P], layer by layer.

    Args:
        activation: one of `KERNELS`.
        widths: number of units N_l of each layer; it enters as the weight of the Gram matrix against the noise only.
        fit: images [n, P] that the inverses are regressed on.
        evaluation: images [S, P] to reconstruct.
        penalty: λ, the variance of independent noise on every unit.
        relative: the noise is λ q_l, q_l the mean of k^l(x, x) over the fit samples, instead of λ.

    Returns:
        An iterator. The reconstruction is exactly the mean of the fit images where all states agree, and NaN from the
        first layer on in which something overflows.

    Raises:
        ValueError: the activation is not known; a variance is negative or not finite; the penalty or a width is not
            positive and finite; images are not finite, of different sizes, or fewer than two to fit.
    """
    if activation not in KERNELS:
        known = ", ".join(KERNELS)
        raise ValueError(f"no theory of reconstruction for activation {activation!r}; known: {known}")
    check_variances(sigma_w2=sigma_w2, sigma_b2=sigma_b2)
    if not 0 < penalty < math.inf:
        raise ValueError("penalty must be positive and finite")
    widths = np.asarray(widths, float)
    if not ((widths > 0) & (widths < math.inf)).all():
        raise ValueError("widths must be positive and finite")
    fit, evaluation = np.asarray(fit, float), np.asarray(evaluation, float)
    if fit.ndim != 2 or evaluation.ndim != 2 or fit.shape[1] != evaluation.shape[1]:
        raise ValueError("fit and evaluation must be images of one size, [n, P] and [S, P]")
    if len(fit) < 2:
        raise ValueError("fit needs at least two samples")
    if not (np.isfinite(fit).all() and np.isfinite(evaluation).all()):
        raise ValueError("fit and evaluation must be finite")
    grams = _gram_matrices(KERNELS[activation], float(sigma_w2), float(sigma_b2), widths, (fit, evaluation))
    return _on_one_thread(_reconstruct(grams, fit, penalty, relative))


def _on_one_thread(steps: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """The same; of matrices as small as these, the threads of linear algebra wait for each other longer than they work.

    The caller has its threads back from one step to the next.
    """
    threads = ThreadpoolController()
    while True:
        with threads.limit(limits=1, user_api="blas"):
            step = next(steps, None)
        if step is None:
            return
        yield step


def _reconstruct(
    grams: Iterator[tuple[np.ndarray, float]], fit: np.ndarray, penalty: float, relative: bool
) -> Iterator[np.ndarray]:
    """The recursion U = (K + nλ1)^{-1} T, C = K̃ U, T <- K U over the layers; K and K̃ below each other are `gram`.

    T starts as the centred images, or, if they have more pixels than there are samples, as the identity: then C is
    multiplied by the images at the end.
    """
    n, pixels = fit.shape
    mean = fit.mean(axis=0)
    images = fit - mean
    state = np.eye(n) if pixels > n else images
    for gram, square in grams:
        noise = n * penalty * (square if relative and square > TINY else 1.0)
        found = _regress(gram, noise, state)
        state, reconstruction = found[:n], found[n:]
        if np.abs(state).max() < TINY:  # long lost in the rounding of the mean; numbers below 1e-308 are slow
            state = np.zeros_like(state)
        yield mean + (reconstruction @ images if pixels > n else reconstruction)


def _regress(gram: np.ndarray, noise: float, state: np.ndarray) -> np.ndarray:
    """gram (gram[:n] + noise 1)^{-1} state: [n + S, n] and [n, m] -> [n + S, m]; NaN where something is not finite."""
    n = len(state)
    with np.errstate(over="ignore", invalid="ignore"):
        gram = gram / noise  # its numbers can be of any size
        if np.isfinite(gram.sum()):
            noisy = gram[:n].copy()
            noisy.flat[:: n + 1] += max(1.0, ROUNDING * np.trace(noisy))
            factor, failed = dpotrf(noisy.T, lower=1, overwrite_a=1, clean=0)  # symmetric; LAPACK counts by columns
            if not failed:
                return gram @ dpotrs(factor, state, lower=1)[0]
    return np.full((len(gram), state.shape[1]), np.nan)


def _gram_matrices(
    kernel: Kernel, sigma_w2: float, sigma_b2: float, widths: np.ndarray, images: tuple[np.ndarray, np.ndarray]
) -> Iterator[tuple[np.ndarray, float]]:
    """N_l k^l of fit and evaluation samples with fit samples, centred by the mean over fit samples: [n + S, n].

    And q_l, the mean of k^l(x, x) over fit samples. NaN from the first layer on in which something overflows.
    """
    fit, every = images[0], np.concatenate(images)
    n = len(fit)
    with np.errstate(over="ignore", invalid="ignore"):
        square = np.square(every).mean(axis=1)
        distance = cdist(every, fit, "sqeuclidean") / (2 * fit.shape[1])
    for width in widths:
        with np.errstate(all="ignore"):
            square, distance = sigma_w2 * square + sigma_b2, sigma_w2 * distance
            if np.isfinite(square).all() and np.isfinite(distance).all():
                square, distance = kernel(square, distance)
            # k(x, x') is k(x, x)/2 + k(x', x')/2 - distance; centring removes all but the last
            mean = distance.mean(axis=1)
            gram = mean[:, None] + (mean[:n] - mean[:n].mean())
            gram -= distance
            gram *= width
            scale = float(square[:n].mean())
        yield gram, scale


def _linear(square: np.ndarray, distance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return square, distance


def _relu(square: np.ndarray, distance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """E φφ' = √(vv')/(2π) (sin θ + (π - θ) cos θ), so that d = (that of u)/2 - √(vv')/(2π) (sin θ - θ cos θ)."""
    root = np.sqrt(square)
    product = root[:, None] * root[: distance.shape[1]]
    apart = _apart(root, product, distance)  # 1 - cos θ
    angle = 2 * np.arcsin(np.sqrt(apart / 2))
    lag = np.sqrt(apart * (2 - apart)) - angle * (1 - apart)
    small = np.minimum(angle, 1)
    lag = np.where(angle < 1, small**3 * _cubic(-small * small), lag)
    return square / 2, np.maximum(distance / 2 - product * lag / (2 * math.pi), 0)


def _erf(square: np.ndarray, distance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """E φφ' = 2/π asin s, s = 2q/√((1 + 2v)(1 + 2v')): d = 2/π (ᾱ - asin s), ᾱ the mean of α = asin s(v, v).

    sin ᾱ - s is put together from the distance and small differences, and gives sin((ᾱ - asin s)/2).
    """
    n = distance.shape[1]
    angle = np.arctan2(2 * square, np.sqrt(1 + 4 * square))  # α
    inverse = 1 / np.sqrt(1 + 2 * square)
    product = inverse[:, None] * inverse[:n]
    middle = (angle[:, None] + angle[:n]) / 2
    s = (square[:, None] + square[:n] - 2 * distance) * product
    gap = 2 * distance * product
    gap -= (inverse[:, None] - inverse[:n]) ** 2 * (1 + 1 / product) / 2
    gap += 2 * np.sin(middle) * np.sin((angle[:, None] - angle[:n]) / 4) ** 2
    cosine = np.cos((middle + np.arcsin(np.clip(s, -1, 1))) / 2)
    return 2 / math.pi * angle, 4 / math.pi * np.arcsin(np.clip(gap / (2 * cosine), 0, 1))


def _odd(phi: Callable, square: np.ndarray, distance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """An odd analytic φ by Mehler's expansion E φφ' = Σ_k h_k h_k' c^k, with h_k = E φ(√v z) He_k(z)/√k!, k odd.

    d = Σ_k (h_k - h_k')²/2 + Σ_k h_k h_k' (1 - c^k); the factor 1 - c is taken out of the second sum.
    """
    n = distance.shape[1]
    if square.max() - square.min() <= ALIKE * square.max():
        (h,) = _coefficients(phi, square[:1])
        apart = np.minimum(distance / max(square[0], TINY**2), 2)
        apart *= _interpolate(partial(_single_sum, h**2), apart)
        return np.full_like(square, np.sum(h**2)), apart
    h = _coefficients(phi, square)
    root = np.sqrt(square)
    apart = _apart(root, root[:, None] * root[:n], distance)
    apart *= _double_sum(h, apart)
    # Of coefficients with their mean taken off: differences keep their precision.
    rest = h - h.mean(axis=0)
    norm = np.square(rest).sum(axis=1) / 2
    radial = rest @ rest[:n].T
    radial -= norm[:, None]
    radial -= norm[:n]
    apart -= np.minimum(radial, 0, out=radial)
    apart[distance == 0] = 0
    return np.square(h).sum(axis=1), apart


def _tanhshrink(z: np.ndarray) -> np.ndarray:
    """z - tanh z, to its relative precision."""
    small = np.clip(z, -1, 1)
    return np.where(np.abs(z) < 1, small**3 * _cubic(small * small) / np.cosh(small), z - np.tanh(z))


def _leaky_relu(square: np.ndarray, distance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """αz + (1 - α) max(0, z), and E φφ' = αq + (1 - α)² times that of ReLU."""
    alpha = UNEVEN["leaky_relu"].alpha
    found, apart = _relu(square, distance)
    return alpha * square + (1 - alpha) ** 2 * found, alpha * distance + (1 - alpha) ** 2 * apart


def _sine(square: np.ndarray, distance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """E φφ' = e^{-(v + v')/2} sinh q: d = (1 - e^{-d_u}) (1 + e^{d_u - v - v'})/2 - (e^{-v} - e^{-v'})²/4."""
    n = distance.shape[1]
    both = square[:, None] + square[:n]
    apart = -np.expm1(-distance) * (1 + np.exp(np.minimum(distance - both, 0))) / 2
    low = np.minimum(square[:, None], square[:n])
    gap = np.exp(-low) * np.expm1(-np.abs(square[:, None] - square[:n]))
    return -np.expm1(-2 * square) / 2, np.maximum(apart - gap**2 / 4, 0)


def _sigmoid(square: np.ndarray, distance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """1/2 + tanh(z/2)/2."""
    found, apart = _odd(np.tanh, square / 4, distance / 4)
    return (1 + found) / 4, apart / 4


def _half_linear(
    even: Callable, constant: float, large: Rectifier, square: np.ndarray, distance: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """φ(z) = constant + z/2 + even(z), with even(0) = 0: parts of different parity are uncorrelated."""
    if square.max() > LARGE:
        return large.covariances(square, distance)
    mean, found, apart = _even(even, square, distance)
    return square / 4 + constant**2 + 2 * constant * mean + found, distance / 4 + apart


def _even(phi: Callable, square: np.ndarray, distance: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """E φ, and as `_odd`, of an even analytic φ: k = 0, 2, ...; the factor 1 - c² is taken out of the second sum."""
    n = distance.shape[1]
    h = _coefficients(phi, square, parity=0)
    root = np.sqrt(square)
    apart = _apart(root, root[:, None] * root[:n], distance)
    if square.max() - square.min() <= ALIKE * square.max():
        apart *= (2 - apart) * _interpolate(partial(_single_even_sum, h[0] ** 2), apart)
    else:
        apart *= (2 - apart) * _double_even_sum(h, apart)
        rest = h - h.mean(axis=0)  # as in `_odd`
        norm = np.square(rest).sum(axis=1) / 2
        apart += np.maximum(norm[:, None] + norm[:n] - rest @ rest[:n].T, 0)
        apart[distance == 0] = 0
    return h[:, 0], np.square(h).sum(axis=1), apart


def _log_cosh(z: np.ndarray) -> np.ndarray:
    """ln cosh(z/2), to its relative precision."""
    half = np.abs(z) / 2
    small = np.log1p(np.sinh(np.minimum(half, 1)) ** 2) / 2
    return np.where(half < 1, small, half + np.log1p(np.exp(-2 * half)) - math.log(2))


KERNELS: dict[str, Kernel] = {
    "erf": _erf,
    "gelu": partial(_half_linear, lambda z: z * erf(z / math.sqrt(2)) / 2, 0.0, RECTIFIERS["gelu"]),
    "leaky_relu": _leaky_relu,
    "linear": _linear,
    "relu": _relu,
    "sigmoid": _sigmoid,
    "silu": partial(_half_linear, lambda z: z * np.tanh(z / 2) / 2, 0.0, RECTIFIERS["silu"]),
    "sine": _sine,
    "softplus": partial(_half_linear, _log_cosh, math.log(2), RECTIFIERS["softplus"]),
    "tanh": partial(_odd, np.tanh),
    "tanhshrink": partial(_odd, _tanhshrink),
}


def _apart(root: np.ndarray, product: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """1 - c, c the correlation, from standard deviations, their products and half squared distances.

    Exactly 0 where the distance is, and anywhere where a variance is 0, where nothing depends on it.
    """
    apart = root[:, None] - root[: distance.shape[1]]
    apart *= apart
    apart /= -2
    apart += distance
    apart /= np.maximum(product, TINY**2)
    return np.clip(apart, 0, 2, out=apart)


def _cubic(x: np.ndarray) -> np.ndarray:
    """Σ_k 2k x^{k-1}/(2k + 1)! for |x| <= 1.

    sin θ - θ cos θ is θ³ times it at -θ², z cosh z - sinh z is z³ times it at z².
    """
    found = np.zeros_like(x)
    for k in range(9, 0, -1):
        found *= x
        found += 2 * k / math.factorial(2 * k + 1)
    return found


def _coefficients(phi: Callable, square: np.ndarray, parity: int = 1) -> np.ndarray:
    """h_k of an odd φ, k = 1, 3, ..., for every variance: [rows] -> [rows, terms], as many as count for any.

    Or of an even one, k = 0, 2, ..., for parity 0.

    What more than `MOST_TERMS` would have is put into one more term, so that Σ_k h_k² = E φ². Of tanh that begins at
    variances of about 20; at 100 the distances of nearly equal inputs are 3e-4 too small for it, at 1000 a tenth.
    """
    root = np.sqrt(square)
    # √v = 64 and less: beyond, tanh is a step.
    level = min(max(math.ceil(2 * math.log2(max(root.max(), TINY))), -4), 12)
    terms = 16
    while True:
        nodes, density, hermite = _hermite_functions(level, terms, parity)
        value = phi(root[:, None] * nodes)
        value *= density
        h = value @ hermite
        share = np.arange(parity, 2 * terms, 2) * np.square(h)
        share = (share / np.maximum(share.sum(axis=1, keepdims=True), TINY**2)).max(axis=0)
        if share[-2:].max() <= SHARE:
            return h[:, : max(1, np.flatnonzero(share > SHARE).max(initial=0) + 1)]
        if terms >= MOST_TERMS:
            total = np.square(value).sum(axis=1)
            rest = total - np.square(h).sum(axis=1)
            # the root of what is but rounding would be noise
            return np.column_stack([h, np.sqrt(np.maximum(rest, 0))]) if (rest > 1e-13 * total).any() else h
        terms *= 2


@cache
def _hermite_functions(level: int, terms: int, parity: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nodes z > 0 and, at them, √p(z) and √p(z) He_k(z)/√k! for k = 1, 3, ..., p the density of N(0, 1).

    Or for k = 0, 2, ..., for parity 0: there the nodes lie between those others, so that none is zero.

    Weighted so that a sum over products of two of them is the integral over all z, of even functions. The step resolves
    tanh(√v z), of poles ±iπ/(2√v), up to √v = 2^{level/2}.
    """
    step = 2 * math.pi / (24 * 2 ** (level / 2) + 50)
    z = (np.arange(1, math.ceil(CUTOFF / step) + 1) - (0 if parity else 0.5)) * step
    before, now = np.zeros_like(z), np.exp(-z * z / 4) * (2 / math.pi) ** 0.25 * math.sqrt(step)
    density, hermite = now, np.empty((len(z), terms))
    for k in range(2 * terms):
        if k % 2 == parity:
            hermite[:, k // 2] = now
        before, now = now, (z * now - math.sqrt(k) * before) / math.sqrt(k + 1)
    return z, density, hermite


def _single_sum(weight: np.ndarray, apart: np.ndarray) -> np.ndarray:
    """Σ_j weight_j (1 - c^{2j+1})/(1 - c) for 1 - c = apart: a polynomial of c with positive coefficients."""
    c = 1 - apart
    tails = np.cumsum(weight[::-1])[::-1]
    return tails[0] + c * (1 + c) * np.polynomial.polynomial.polyval(c * c, np.append(tails[1:], 0.0))


def _double_sum(h: np.ndarray, apart: np.ndarray) -> np.ndarray:
    """Σ_j h_j h_j' (1 - c^{2j+1})/(1 - c): [n + S, terms] and [n + S, n] -> [n + S, n]. Horner's rule in c²."""
    n = apart.shape[1]
    terms = _needed_terms(h, apart)
    columns = np.ascontiguousarray(h[:n].T)
    found = h[:, terms:] @ columns[terms:]  # the sum over all further terms; their powers of c are nothing
    rows = max(1, BLOCK // n)
    for first in range(0, len(h), rows):
        some = slice(first, first + rows)
        c = 1 - apart[some]
        square = c * c
        tail, one = found[some], np.empty_like(c)
        total = tail.copy()
        for term in range(terms - 1, 0, -1):
            tail += np.multiply(h[some, term, None], columns[term], out=one)
            total *= square
            total += tail
        total *= c
        c += 1
        total *= c
        total += tail
        tail[:] = np.multiply(h[some, 0, None], columns[0], out=one)
        tail += total
    return found


def _single_even_sum(weight: np.ndarray, apart: np.ndarray) -> np.ndarray:
    """Σ_j weight_j (1 - c^{2j})/(1 - c²) for 1 - c = apart."""
    tails = np.cumsum(weight[::-1])[::-1]
    return np.polynomial.polynomial.polyval((1 - apart) ** 2, np.append(tails[1:], 0.0))


def _double_even_sum(h: np.ndarray, apart: np.ndarray) -> np.ndarray:
    """Σ_j h_j h_j' (1 - c^{2j})/(1 - c²), as `_double_sum`."""
    n = apart.shape[1]
    terms = max(1, _needed_terms(h, apart))
    columns = np.ascontiguousarray(h[:n].T)
    found = h[:, terms:] @ columns[terms:]
    rows = max(1, BLOCK // n)
    for first in range(0, len(h), rows):
        some = slice(first, first + rows)
        square = (1 - apart[some]) ** 2
        tail, one = found[some].copy(), np.empty_like(square)
        total = found[some]
        for term in range(terms - 1, 0, -1):
            tail += np.multiply(h[some, term, None], columns[term], out=one)
            total *= square
            total += tail
    return found


def _needed_terms(h: np.ndarray, apart: np.ndarray) -> int:
    """How many powers of c² it takes until what is left is below rounding, for the largest |c| < 1."""
    low, high = apart.min(where=apart > 0, initial=2.0), apart.max()
    decay = max((1 - low) ** 2, (1 - high) ** 2)
    if decay >= 1:
        return h.shape[1]
    if decay == 0:
        return 1
    return min(h.shape[1], max(1, math.ceil(math.log(SHARE * (1 - decay)) / math.log(decay))))


def _interpolate(function: Callable, x: np.ndarray) -> np.ndarray:
    """A smooth function at many x >= 0, by Chebyshev polynomials between the smallest that is not 0 and the largest."""
    low, high = x.min(where=x > 0, initial=2.0), x.max()
    if high - low < 1e-25:  # no function here changes that fast
        return np.full_like(x, function(np.array([high]))[0])
    count = 16
    while True:
        angle = (np.arange(count) + 0.5) * np.pi / count
        coefficients = scipy.fft.dct(function(low + (high - low) * np.cos(angle / 2) ** 2)) / count
        size = np.abs(coefficients)
        if size[-2:].max() <= 4e-16 * size[0] or count >= MOST_TERMS:
            break
        count *= 2
    coefficients[0] /= 2
    coefficients = coefficients[: np.flatnonzero(size > 2e-16 * size[0]).max() + 1]
    found = np.empty_like(x)
    rows = max(1, BLOCK // x.shape[1])
    for first in range(0, len(x), rows):
        some = slice(first, first + rows)
        twice = np.maximum(x[some], low)
        twice -= low
        twice *= 4 / (high - low)
        twice -= 2
        now, before = np.zeros_like(twice), np.zeros_like(twice)
        for coefficient in coefficients[:0:-1]:  # Clenshaw
            following = found[some]
            np.multiply(twice, now, out=following)
            following -= before
            following += coefficient
            before, now = now, following.copy()
        twice /= 2
        np.multiply(twice, now, out=found[some])
        found[some] -= before
        found[some] += coefficients[0]
    return found
