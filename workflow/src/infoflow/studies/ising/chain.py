"""One-dimensional Ising model under decimation by two: exact, on a ring and in the thermodynamic limit.

Summing every second spin of a ring gives a ring of half as many spins with tanh K' = tanh² K. Definitions of the
relative entropy between the lattice and what n decimations leave of it (physics.md C2; arXiv:2107.06898 does not say
which it means):

- A: the couplings flow on the same lattice, D_A = D(p_K0 ‖ p_Kn).
- B: the decimated spins are replaced by independent uniform ones, D_B = D(p_K0 ‖ p_Kn ⊗ uniform). Never decreasing, by
  the chain rule.

Both tend to K0 tanh K0 - ln cosh K0. Everything is per spin, in nats, float64.
"""

import numpy as np
from numpy.typing import ArrayLike

from infoflow.errors import InfoflowError
from infoflow.studies.ising.lattice import LN2, check_count, check_coupling, spin_entropy

DEFINITIONS = ("A", "B")
_LARGEST_STEPS = 1000


def decimate_1d(coupling: ArrayLike) -> np.ndarray:
    """K' = ½ ln cosh 2K, in the form without cancellation."""
    k = check_coupling(coupling)
    small = np.log1p(2 * np.sinh(np.minimum(k, 1)) ** 2) / 2
    return np.where(k < 1, small, k + np.log1p(np.exp(-4 * k)) / 2 - LN2 / 2)


def flow_1d(K0: ArrayLike, steps: int) -> np.ndarray:
    """Couplings K_0, …, K_steps.

    Args:
        K0: coupling, or an array of them.
        steps: number of decimations.

    Returns:
        Couplings of shape (*K0.shape, steps + 1); zero where they are less than float64 can hold.

    Raises:
        InfoflowError: K0 is not positive and finite, or steps is negative.
    """
    steps = check_count("steps", steps, 0, _LARGEST_STEPS)
    flow = [check_coupling(K0)]
    for _ in range(steps):
        last = flow[-1]
        # half of the least float: K' = K² would be zero, which is no coupling to decimate
        vanished = last < 1e-150
        flow.append(np.where(vanished, 0.0, decimate_1d(np.where(vanished, 1.0, last))))
    return np.stack(flow, axis=-1)


def free_energy_1d(coupling: ArrayLike, spins: int | None = None) -> np.ndarray:
    """ln Z per spin, of a ring if `spins` is given; two spins are joined by two bonds, one is joined to itself."""
    k = check_coupling(coupling)
    infinite = k + _log1p_decay(k)
    return infinite if spins is None else infinite + _wrap(k, _ring(spins)) / spins


def energy_1d(coupling: ArrayLike, spins: int | None = None) -> np.ndarray:
    """⟨s s'⟩ of neighbours, d/dK of `free_energy_1d`."""
    return 1 - _missing_energy(check_coupling(coupling), spins)


def entropy_1d(coupling: ArrayLike, spins: int | None = None) -> np.ndarray:
    """Entropy per spin."""
    k = check_coupling(coupling)
    return _entropy(k, spins)


def relative_entropy_1d(K0: ArrayLike, steps: int, definition: str = "B", spins: int | None = None) -> np.ndarray:
    """Relative entropy per spin between the lattice and what n = 0, …, steps decimations leave of it.

    Args:
        K0: coupling, or an array of them.
        steps: number of decimations.
        definition: "A" or "B", see above.
        spins: of a finite ring, divisible by 2^steps; None, the thermodynamic limit.

    Returns:
        Nats per spin of the undecimated lattice, shape (*K0.shape, steps + 1).

    Raises:
        InfoflowError: an argument makes no sense.
    """
    if definition not in DEFINITIONS:
        raise InfoflowError(f"definition: {definition!r} is neither A nor B")
    flow = flow_1d(K0, steps)
    if spins is not None and _ring(spins) % 2**steps:
        raise InfoflowError(f"spins: a ring of {spins} cannot be decimated {steps} times; {2**steps} must divide it")
    return _same_lattice(flow, spins) if definition == "A" else _embedded(flow, spins)


def reverse_relative_entropy_1d(K0: ArrayLike, steps: int) -> np.ndarray:
    """D(p_Kn ‖ p_K0) per spin in the thermodynamic limit, the reverse of definition A; it tends to ln cosh K0."""
    flow = flow_1d(K0, steps)
    k0 = flow[..., :1]
    return _log_cosh(k0) - _log_cosh(flow) + (flow - k0) * np.tanh(flow)


def relative_entropy_between_1d(coupling: ArrayLike, other: ArrayLike, spins: int | None = None) -> np.ndarray:
    """D(p_K ‖ p_K') per spin of two couplings on the same lattice."""
    pair = np.stack(np.broadcast_arrays(check_coupling(coupling), check_coupling(other)), axis=-1)
    return _same_lattice(pair, spins)[..., 1]


def asymptote_1d(K0: ArrayLike) -> np.ndarray:
    """Limit of both definitions for many decimations of an infinite chain, K0 tanh K0 - ln cosh K0, nats per spin."""
    return LN2 - spin_entropy(check_coupling(K0))


def conditional_entropy_1d(K0: ArrayLike, steps: int) -> np.ndarray:
    """Entropy of all spins decimated in n steps, given the kept ones, per spin of the undecimated infinite chain.

    The entropy that a coarse-graining discards, arXiv:0910.2097.
    """
    flow = flow_1d(K0, steps)
    return spin_entropy(flow[..., :1]) - spin_entropy(flow) * _kept(steps)


def mutual_information_1d(K0: ArrayLike, steps: int) -> np.ndarray:
    """Mutual information of the decimated and the kept spins ("misanthropic entropy", arXiv:2108.02772), per spin.

    Of the infinite chain. The decimated spins are blocks of 2^n - 1; across a kept spin that is summed over, two blocks
    are joined by the coupling of one decimation. So I = 2^-n [s(K_1) + s(K_n) - 2 s(K_0)], s the entropy per spin.
    """
    flow = flow_1d(K0, max(steps, 1))
    first, flow = flow[..., 1:2], flow[..., : steps + 1]
    information = (spin_entropy(first) + spin_entropy(flow) - 2 * spin_entropy(flow[..., :1])) * _kept(steps)
    return np.where(np.arange(steps + 1) == 0, 0.0, information)


def _same_lattice(flow: np.ndarray, spins: int | None) -> np.ndarray:
    k0 = flow[..., :1]
    change = (flow - k0) * _missing_energy(k0, spins) + _log1p_decay(flow) - _log1p_decay(k0)
    if spins is not None:
        change = change + (_wrap(flow, spins) - _wrap(k0, spins)) / spins
    return change


def _embedded(flow: np.ndarray, spins: int | None) -> np.ndarray:
    kept = _kept(flow.shape[-1] - 1)
    left = [_entropy(flow[..., n], None if spins is None else spins >> n) for n in range(flow.shape[-1])]
    # entropies that are missing to ln 2: no cancellation for small couplings
    return (LN2 - left[0])[..., None] - kept * (LN2 - np.stack(left, axis=-1))


def _kept(steps: int) -> np.ndarray:
    return 0.5 ** np.arange(steps + 1)


def _entropy(k: np.ndarray, spins: int | None) -> np.ndarray:
    entropy = _log1p_decay(k) + k * _missing_energy(k, spins)
    return entropy if spins is None else entropy + _wrap(k, spins) / spins


def _missing_energy(k: np.ndarray, spins: int | None) -> np.ndarray:
    """1 - ⟨s s'⟩, which is small where K is large."""
    infinite = 2 * np.exp(-2 * k) / (1 + np.exp(-2 * k))
    if spins is None:
        return infinite
    return infinite * (1 - _power(k, spins - 1)) / (1 + _power(k, spins))


def _wrap(k: np.ndarray, spins: int) -> np.ndarray:
    """ln(1 + tanh^N K): what closing the ring adds to ln Z."""
    return np.log1p(_power(k, spins))


def _power(k: np.ndarray, exponent: int) -> np.ndarray:
    """tanh^exponent K."""
    return np.tanh(k) ** exponent


def _log1p_decay(k: np.ndarray) -> np.ndarray:
    """ln(2cosh K) - K."""
    return np.log1p(np.exp(-2 * k))


def _log_cosh(k: np.ndarray) -> np.ndarray:
    return k + _log1p_decay(k) - LN2


def _ring(spins: int) -> int:
    return check_count("spins", spins, 1)
