"""What exact, transfer-matrix and Monte-Carlo computations on Ising lattices share.

H = -K Σ s s' over nearest neighbours, K > 0, in units of the temperature; entropies in nats.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from infoflow.errors import InfoflowError

LN2 = math.log(2)
CRITICAL_COUPLING = math.log1p(math.sqrt(2)) / 2
"""K_c of the square lattice, exact: sinh 2K_c = 1."""


def check_coupling(coupling: ArrayLike) -> np.ndarray:
    """Couplings K as float64.

    Raises:
        InfoflowError: one of them is not a finite number greater than zero.
    """
    try:
        values = np.asarray(coupling, float)
    except (TypeError, ValueError):
        raise InfoflowError(f"coupling: {coupling!r} is not a number") from None
    bad = values[~(np.isfinite(values) & (values > 0))]
    if bad.size:
        raise InfoflowError(f"coupling: {bad.flat[0]} is not a finite number greater than zero")
    return values


def check_count(name: str, value: int, least: int, largest: int | None = None) -> int:
    """A whole number within bounds.

    Raises:
        InfoflowError: it is not.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise InfoflowError(f"{name}: {value!r} is not a whole number")
    if value < least or (largest is not None and value > largest):
        bounds = f"at least {least}" if largest is None else f"between {least} and {largest}"
        raise InfoflowError(f"{name}: {value} is not {bounds}")
    return int(value)


def check_even_side(side: int, largest: int | None = None) -> int:
    """Side of a torus that splits into two sublattices.

    Raises:
        InfoflowError: it is odd, less than 2 or too large.
    """
    side = check_count("side", side, 2, largest)
    if side % 2:
        raise InfoflowError(f"side: {side} is odd; a torus of odd side has no two sublattices to decimate one of")
    return side


def spin_entropy(field: ArrayLike) -> np.ndarray:
    """Entropy of one spin in a field, ln 2cosh x - x tanh x, nats; without cancellation for any x."""
    x = 2 * np.abs(np.asarray(field, float))
    decay = np.exp(-x)
    return np.log1p(decay) + x * decay / (1 + decay)


def spin_entropy_slope(coupling: ArrayLike, neighbours: float) -> np.ndarray:
    """d/dK of the entropy of a spin in the field K S of neighbours that add up to S: -K S² / cosh² K S."""
    decay = np.exp(-2 * np.abs(np.asarray(coupling, float) * neighbours))
    return -np.asarray(coupling) * neighbours**2 * 4 * decay / (1 + decay) ** 2
