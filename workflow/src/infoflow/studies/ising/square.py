"""Two-dimensional Ising model on the square lattice: exact free energies, and what decimation does to it.

Exact: Onsager's free energy and energy; the torus (Kaufman, Phys. Rev. 76, 1232, 1949; Ferdinand and Fisher, Phys. Rev.
185, 832, 1969); the correlations of the neighbours of one spin (McCoy and Wu, The Two-Dimensional Ising Model, 1973),
from which the first decimation follows exactly. Truncations: the couplings that further decimations leave, cut to one
(physics.md C3). Per site, in nats, float64.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import ellipe, ellipk, ellipkm1

from infoflow.errors import InfoflowError
from infoflow.studies.ising.lattice import LN2, check_count, check_coupling, spin_entropy

TRUNCATIONS = ("maris_kadanoff", "nearest")
DIRECTIONS = ("forward", "reverse")
_LARGEST_STEPS = 1000
_LARGEST_SIDE = 100_000


@dataclass(frozen=True)
class Couplings:
    """Couplings that summing one sublattice leaves on the other, whose lattice is rotated and √2 as wide.

    Attributes:
        nearest: of nearest neighbours, ¼ ln cosh 4K; every bond gets the same from two summed spins.
        diagonal: of next-nearest neighbours, ⅛ ln cosh 4K.
        four: of the four spins around a summed one, ⅛ ln cosh 4K - ½ ln cosh 2K.
        constant: ln of the factor in front, ln 2 + ½ ln cosh 2K + ⅛ ln cosh 4K.
    """

    nearest: np.ndarray
    diagonal: np.ndarray
    four: np.ndarray
    constant: np.ndarray


def decimate_2d(coupling: ArrayLike) -> Couplings:
    """One decimation, exact: 2 cosh K(s₁+s₂+s₃+s₄) = exp(constant + K₁ Σ s s' + K₄ s₁s₂s₃s₄), physics.md C3."""
    k = check_coupling(coupling)
    two, four = _log_cosh(2 * k), _log_cosh(4 * k)
    return Couplings(four / 4, four / 8, four / 8 - two / 2, LN2 + two / 2 + four / 8)


def truncate_2d(coupling: ArrayLike, truncation: str = "maris_kadanoff") -> np.ndarray:
    """One coupling in place of three: nearest neighbours only, or with the diagonal one added (Maris and Kadanoff)."""
    if truncation not in TRUNCATIONS:
        raise InfoflowError(f"truncation: {truncation!r} is none of {', '.join(TRUNCATIONS)}")
    left = decimate_2d(coupling)
    return left.nearest if truncation == "nearest" else left.nearest + left.diagonal


def flow_2d(K0: ArrayLike, steps: int, truncation: str = "maris_kadanoff") -> np.ndarray:
    """Couplings K_0, …, K_steps of a truncated flow, shape (*K0.shape, steps + 1); each step widens by √2.

    Beyond the range of float64 a coupling is 0 or inf.
    """
    steps = check_count("steps", steps, 0, _LARGEST_STEPS)
    flow = [check_coupling(K0)]
    for _ in range(steps):
        last = flow[-1]
        gone = (last < 1e-150) | (last > 1e300)
        flow.append(np.where(gone, np.where(last < 1, 0.0, np.inf), truncate_2d(np.where(gone, 1.0, last), truncation)))
    return np.stack(flow, axis=-1)


def truncated_critical_coupling() -> float:
    """K_c of the Maris-Kadanoff truncation, the fixed point of ⅜ ln cosh 4K. That of nearest neighbours has none."""
    return brentq(lambda k: float(truncate_2d(k)) - k, 0.2, 1.0, xtol=1e-15, rtol=4 * np.finfo(float).eps)


def truncated_exponents() -> tuple[float, float, float]:
    """dK'/dK at the fixed point of the Maris-Kadanoff truncation, y_t and ν = 1/y_t; exact, ν = 1."""
    slope = 1.5 * math.tanh(4 * truncated_critical_coupling())
    thermal = math.log(slope) / math.log(math.sqrt(2))
    return slope, thermal, 1 / thermal


def free_energy_2d(coupling: ArrayLike) -> np.ndarray:
    """ln Z per site of the infinite lattice, Onsager: ln 2cosh 2K + (1/π) ∫₀^{π/2} ln ½(1 + √(1 - κ² sin² φ)) dφ."""
    k = check_coupling(coupling)
    angle, weight = _DOUBLE_EXPONENTIAL
    angle, weight = angle / 2, weight / 2
    # φ counted from π/2, where the root nearly vanishes close to K_c
    kappa, complement = (x[..., None] for x in _modulus(k))
    root = np.sqrt(complement**2 + (kappa * np.sin(angle)) ** 2)
    return LN2 + _log_cosh(2 * k) + np.log1p((root - 1) / 2) @ weight / math.pi


def energy_2d(coupling: ArrayLike) -> np.ndarray:
    """Σ s s' over the two bonds per site, d/dK of `free_energy_2d`; √2 at K_c."""
    k = check_coupling(coupling)
    _, complement = _modulus(k)
    at_edge = complement == 0
    elliptic = ellipkm1(np.where(at_edge, 1.0, complement**2))
    return (1 + np.where(at_edge, 0.0, 2 / math.pi * complement * elliptic)) / np.tanh(2 * k)


def entropy_2d(coupling: ArrayLike) -> np.ndarray:
    """Entropy per site of the infinite lattice, f - K u."""
    return free_energy_2d(coupling) - check_coupling(coupling) * energy_2d(coupling)


def asymptote_2d(K0: ArrayLike) -> np.ndarray:
    """Limit of definition B for many decimations of an infinite lattice, ln 2 - s(K0), nats per site; exact."""
    return LN2 - entropy_2d(K0)


def relative_entropy_2d(
    K0: ArrayLike, steps: int, direction: str = "forward", truncation: str = "maris_kadanoff"
) -> np.ndarray:
    """Definition A along a truncated flow: D(p_K0 ‖ p_Kn) per site of the infinite lattice, or the reverse of it.

    The free energies are exact, the flow is a truncation. Where K_n grows without bound, so does the forward direction;
    the reverse one stays finite.

    Returns:
        Nats per site, shape (*K0.shape, steps + 1).
    """
    if direction not in DIRECTIONS:
        raise InfoflowError(f"direction: {direction!r} is none of {', '.join(DIRECTIONS)}")
    flow = flow_2d(K0, steps, truncation)
    k0 = flow[..., :1]
    f0, u0 = free_energy_2d(k0), energy_2d(k0)
    usable = (flow > 0) & np.isfinite(flow)
    k = np.where(usable, flow, 1.0)
    f, u = free_energy_2d(k), energy_2d(k)
    f, u = np.where(usable, f, np.where(flow == 0, LN2, np.inf)), np.where(usable, u, np.where(flow == 0, 0.0, 2.0))
    if direction == "forward":
        return f - f0 - np.where(np.isfinite(flow), flow - k0, 0.0) * u0
    # of the ordered states, which are two in all, nothing but the energy is left
    entropy = np.where(np.isfinite(flow), f - np.where(np.isfinite(flow), flow, 0.0) * u, 0.0)
    return f0 - k0 * u - entropy


def free_energy_torus(coupling: float, rows: int, columns: int) -> float:
    """ln Z per site of a torus, exact for any size (Kaufman). A side of two has two bonds between its neighbours."""
    return _log_partition(complex(_one(coupling)), *_torus(rows, columns)).real / (rows * columns)


def energy_torus(coupling: float, rows: int, columns: int) -> float:
    """Σ s s' per site of a torus, exact; the derivative by a complex step, which has no cancellation."""
    step = 1e-30
    derivative = _log_partition(complex(_one(coupling), step), *_torus(rows, columns)).imag / step
    return derivative / (rows * columns)


def entropy_torus(coupling: float, rows: int, columns: int) -> float:
    """Entropy per site of a torus, exact."""
    return free_energy_torus(coupling, rows, columns) - coupling * energy_torus(coupling, rows, columns)


def neighbour_correlations_2d(coupling: ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """⟨s s'⟩ at distance (1, 0), (1, 1) and (2, 0) of the infinite lattice, exact."""
    k = check_coupling(coupling)
    z = np.tanh(k)
    first, diagonal = energy_2d(k) / 2, _diagonal_correlation(k)
    angle, weight = (x[..., :] for x in _DOUBLE_EXPONENTIAL)
    near, far = z * (1 - z) / (1 + z), (1 - z) / (z * (1 + z))
    gap = (z * z + 2 * z - 1) / (z * (1 + z))
    versed = 2 * np.sin(angle / 2) ** 2
    phase = np.arctan2(-near[..., None] * np.sin(angle), 1 - near[..., None] * np.cos(angle))
    phase = phase - np.arctan2(-far[..., None] * np.sin(angle), gap[..., None] + far[..., None] * versed)
    up, down = (np.cos(phase - n * angle) @ weight / math.pi for n in (1, -1))
    return first, diagonal, first**2 - up * down


def neighbour_sums_2d(coupling: ArrayLike) -> np.ndarray:
    """Probabilities of |S| = 0, 2 and 4, S the sum of the four neighbours of a spin; shape (*K.shape, 3).

    Of the infinite lattice, exact: two equations besides the normalisation are E S² = 4 + 8 g(1,1) + 4 g(2,0) and
    Callen's identity E[S tanh K S] = 4 g(1,0). They lose digits as K^-3, so below K = 0.02 the first term of the series
    of the correlation of four neighbours, 7 tanh⁴ K, takes the place of the second one.
    """
    k = check_coupling(coupling)
    first, diagonal, straight = neighbour_correlations_2d(k)
    square = 1 + 2 * diagonal + straight  # E S² / 4
    t2, t4 = np.tanh(2 * k), np.tanh(4 * k)
    weak = k < 0.02
    from_callen = (2 * t2 * square - 4 * first) / np.where(weak, 1.0, 8 * t2 - 4 * t4)
    from_series = (1 + 4 * diagonal + 2 * straight + 7 * np.tanh(k) ** 4) / 8
    four = np.where(weak, from_series, from_callen)
    two = square - 4 * four
    return np.stack([1 - two - four, two, four], axis=-1)


def conditional_entropy_2d(coupling: ArrayLike) -> np.ndarray:
    """Entropy of the spins of the first decimation given the kept ones, per site of the infinite lattice, exact.

    Given the kept spins the decimated ones are independent of each other: half the mean entropy of a spin in the field
    of its neighbours. arXiv:0910.2097 proposes it as a measure of what a coarse-graining discards.
    """
    k = check_coupling(coupling)
    return first_step_entropy(k, neighbour_sums_2d(k))


def first_step_entropy(coupling: ArrayLike, sums: np.ndarray) -> np.ndarray:
    """The conditional entropy per site from the probabilities of |S| = 0, 2, 4 on the last axis of `sums`."""
    k = np.asarray(coupling, float)
    entropies = np.stack([spin_entropy(k * s) for s in (0, 2, 4)], axis=-1)
    return (sums * entropies).sum(-1) / 2


def mutual_information_2d(coupling: ArrayLike) -> np.ndarray:
    """Mutual information of decimated and kept spins of the first decimation, per site of the infinite lattice, exact.

    "Misanthropic entropy" of arXiv:2108.02772. The sublattices are alike, so I = s - 2 H(decimated | kept).
    """
    return entropy_2d(coupling) - 2 * conditional_entropy_2d(coupling)


def first_relative_entropy_2d(coupling: ArrayLike) -> np.ndarray:
    """Definition B after the first decimation, ½ ln 2 - H(decimated | kept), per site, infinite lattice, exact."""
    return LN2 / 2 - conditional_entropy_2d(coupling)


def _double_exponential(points: int = 161) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of tanh-sinh quadrature on [0, π], precise at nodes next to 0.

    It resolves what happens within any distance of the left end, like the root of Onsager's integral close to K_c.
    """
    x = np.linspace(-4.6, 3.6, points)
    step = x[1] - x[0]
    g = math.pi / 2 * np.sinh(x)
    small = np.exp(2 * g) / (1 + np.exp(2 * g))
    weight = math.pi / 2 * np.cosh(x) * small * (1 - small) * 2
    return math.pi * small, math.pi * step * weight


_DOUBLE_EXPONENTIAL = _double_exponential()


def _modulus(k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """κ = 2 sinh 2K / cosh² 2K, and 2 tanh² 2K - 1, whose square is 1 - κ²; negative below K_c."""
    decay = np.exp(-2 * k)
    kappa = 4 * np.tanh(2 * k) * decay / (1 + decay**2)
    return kappa, 2 * np.tanh(2 * k) ** 2 - 1


def _diagonal_correlation(k: np.ndarray) -> np.ndarray:
    s = np.where(k > 100, np.inf, np.sinh(np.minimum(2 * k, 200)) ** 2)
    ordered = 2 / math.pi * ellipe(np.minimum(1, 1 / np.maximum(s, 1)) ** 2)
    m = np.minimum(s, 1) ** 2
    open_end = np.where(m < 1, (1 - m) * ellipk(np.where(m < 1, m, 0.0)), 0.0)
    # the difference vanishes as πm/4
    disordered = np.where(m < 1e-8, s / 2, 2 / math.pi * (ellipe(m) - open_end) / np.maximum(np.minimum(s, 1), 1e-5))
    return np.where(s >= 1, ordered, disordered)


def _log_partition(k: complex, rows: int, columns: int) -> complex:
    """ln Z of a torus; analytic in K."""
    l = np.arange(1, columns)
    c = np.cosh(2 * k) ** 2 / np.sinh(2 * k)
    odd = np.arccosh(c - np.cos(np.pi * np.arange(1, 2 * columns, 2) / columns))
    even = np.append(2 * k + np.log(np.tanh(k)), np.arccosh(c - np.cos(2 * np.pi * l / columns)))
    odd, even = rows / 2 * odd, rows / 2 * even
    # only the first is ever negative, below K_c, and the last of the four products with it
    sign = -1.0 if even[0].real < 0 else 1.0
    even[0] *= sign
    first, third = (np.sum(x + np.log1p(np.exp(-2 * x))) for x in (odd, even))
    ratio = np.exp(third - first)
    total = 1 + np.prod(np.tanh(odd)) + ratio * (1 + sign * np.prod(np.tanh(even)))
    return -LN2 + rows * columns / 2 * np.log(2 * np.sinh(2 * k)) + first + np.log(total)


def _torus(rows: int, columns: int) -> tuple[int, int]:
    return tuple(check_count(name, n, 1, _LARGEST_SIDE) for name, n in (("rows", rows), ("columns", columns)))


def _one(coupling: float) -> float:
    value = check_coupling(coupling)
    if value.ndim:
        raise InfoflowError(f"coupling: {value.size} of them, where one is needed")
    return float(value)


def _log_cosh(x: np.ndarray) -> np.ndarray:
    """ln cosh x for x >= 0."""
    small = np.log1p(2 * np.sinh(np.minimum(x, 2) / 2) ** 2)
    return np.where(x < 2, small, x + np.log1p(np.exp(-2 * x)) - LN2)
