"""Monte Carlo of the square-lattice Ising model: the first decimation of large lattices, estimated with errors.

Given the kept spins the decimated ones are independent, so relative entropy, conditional entropy and, with the exact
entropy of the torus, mutual information follow from how often the four neighbours of a spin add up to 0, ±2 or ±4
(physics.md C3). Two algorithms, compiled with numba: Metropolis on a checkerboard, and single clusters (U. Wolff, Phys.
Rev. Lett. 62, 361, 1989). Random numbers are those of xoshiro256++ (Blackman and Vigna, 2018), one stream per chain,
its state drawn from a NumPy generator.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit

from infoflow.errors import InfoflowError
from infoflow.studies.ising.autocorrelation import Estimate, estimate
from infoflow.studies.ising.lattice import (
    CRITICAL_COUPLING,
    LN2,
    check_count,
    check_coupling,
    check_even_side,
    spin_entropy,
    spin_entropy_slope,
)

ALGORITHMS = ("metropolis", "wolff")
LARGEST_SIDE = 8192
OBSERVABLES = ("energy", "magnetisation", "two", "four")
"""Columns of a chain: Σ s s' per site, |m|, and the shares of spins whose neighbours add up to ±2 and to ±4."""


@dataclass(frozen=True)
class FirstStep:
    """Estimates for one coupling and lattice, per site, nats; each with error and autocorrelation time.

    Attributes:
        energy, magnetisation: Σ s s' and |m| per site.
        conditional_entropy: of the decimated spins given the kept ones; the relative entropy by definition B is
            ½ ln 2 less this.
        conditional_entropy_slope: its derivative with respect to K, from the fluctuations.
        heat: d u/dK, the variance of the energy times the number of sites; the slope of the entropy is -K times it.
        information_slope: derivative of the mutual information, -K du/dK - 2 dh/dK.
    """

    energy: Estimate
    magnetisation: Estimate
    conditional_entropy: Estimate
    conditional_entropy_slope: Estimate
    heat: Estimate
    information_slope: Estimate


def first_step(
    coupling: float,
    side: int,
    sweeps: int,
    generator: np.random.Generator,
    *,
    replicas: int = 1,
    equilibration: int | None = None,
    algorithm: str = "wolff",
) -> FirstStep:
    """Estimate the first decimation of a torus.

    Args:
        coupling: K.
        side: even.
        sweeps: measurements per replica, one after as many updates as the lattice has spins (clusters: on average).
        generator: the only source of randomness.
        replicas: independent chains.
        equilibration: sweeps before the first measurement; None, a fifth of `sweeps`, at least 100.
        algorithm: "metropolis" or "wolff".

    Raises:
        InfoflowError: an argument makes no sense.
    """
    replicas = check_count("replicas", replicas, 1)
    chains = [
        run_chain(coupling, side, sweeps, stream, equilibration=equilibration, algorithm=algorithm)
        for stream in generator.spawn(replicas)
    ]
    return analyse(coupling, side, chains)


def run_chain(
    coupling: float,
    side: int,
    sweeps: int,
    generator: np.random.Generator,
    *,
    equilibration: int | None = None,
    algorithm: str = "wolff",
) -> np.ndarray:
    """One Markov chain; see `first_step`.

    It starts with all spins up above K_c, with random ones below.

    Returns:
        Shape (sweeps, 4), float64; columns are `OBSERVABLES`.
    """
    k = check_coupling(coupling)
    if k.ndim:
        raise InfoflowError(f"coupling: {k.size} of them, where one is needed")
    k, side = float(k), check_even_side(side, LARGEST_SIDE)
    sweeps = check_count("sweeps", sweeps, 16)
    equilibration = max(100, sweeps // 5) if equilibration is None else check_count("equilibration", equilibration, 0)
    if algorithm not in ALGORITHMS:
        raise InfoflowError(f"algorithm: {algorithm!r} is none of {', '.join(ALGORITHMS)}")
    state = generator.integers(0, 2**64, 4, np.uint64)
    spins = np.ones((side, side), np.int8)
    if k < CRITICAL_COUPLING:
        spins[...] = 2 * generator.integers(0, 2, spins.shape, np.int8) - 1
    measured = np.empty((sweeps, len(OBSERVABLES)))
    if algorithm == "metropolis":
        _metropolis(spins, k, equilibration, measured[:0], state)
        _metropolis(spins, k, 0, measured, state)
    else:
        grown = _wolff(spins, k, max(equilibration, 1), 0, measured[:0], state)
        # A fixed number of clusters between measurements: to stop once enough spins are flipped would favour states
        # that are reached through large clusters.
        clusters = max(1, round(spins.size / grown))
        _wolff(spins, k, 0, clusters, measured, state)
    measured[:, 1] = np.abs(measured[:, 1])
    return measured


def metropolis_sweeps(spins: np.ndarray, coupling: float, sweeps: int, generator: np.random.Generator) -> None:
    """Update a lattice in place, (side, side) of int8 ±1, one colour of the checkerboard after the other."""
    k = float(check_coupling(coupling))
    check_even_side(spins.shape[0], LARGEST_SIDE)
    _metropolis(spins, k, sweeps, np.empty((0, len(OBSERVABLES))), generator.integers(0, 2**64, 4, np.uint64))


def analyse(coupling: float, side: int, chains: Sequence[np.ndarray]) -> FirstStep:
    """Estimates from the chains of all replicas, of equal length."""
    k, sites = float(check_coupling(coupling)), side * side
    energy, magnetisation, two, four = np.moveaxis(np.stack(chains), -1, 0)
    zero = 1 - two - four
    entropies = [zero * LN2, two * float(spin_entropy(2 * k)), four * float(spin_entropy(4 * k))]
    conditional = sum(entropies) / 2
    direct = (two * float(spin_entropy_slope(k, 2)) + four * float(spin_entropy_slope(k, 4))) / 2
    # A covariance is a function of three means; linearised, it is a mean again. The means are those of the samples,
    # which makes it too small by twice the autocorrelation time over their number.
    mean = estimate(energy)
    deviation = sites * (energy - mean.mean) / (1 - min(0.5, 2 * mean.time / energy.size))
    slope = direct + (conditional - conditional.mean()) * deviation
    heat = (energy - mean.mean) * deviation
    return FirstStep(
        energy=mean,
        magnetisation=estimate(magnetisation),
        conditional_entropy=estimate(conditional),
        conditional_entropy_slope=estimate(slope),
        heat=estimate(heat),
        information_slope=estimate(-k * heat - 2 * slope),
    )


@njit(cache=True, nogil=True, inline="always")
def _rotated(x, count):
    return (x << np.uint64(count)) | (x >> np.uint64(64 - count))


@njit(cache=True, nogil=True, inline="always")
def _next(state):
    """xoshiro256++: the next 64 random bits."""
    result = _rotated(state[0] + state[3], 23) + state[0]
    shifted = state[1] << np.uint64(17)
    state[2] ^= state[0]
    state[3] ^= state[1]
    state[1] ^= state[2]
    state[0] ^= state[3]
    state[2] ^= shifted
    state[3] = _rotated(state[3], 45)
    return result


@njit(cache=True, nogil=True)
def _threshold(probability):
    """Random bits below this happen with that probability, to one part in 2^53."""
    return np.uint64(min(probability, 1.0 - 2.0**-53) * 2.0**64)


@njit(cache=True, nogil=True)
def _metropolis(spins, k, unmeasured, measured, state):
    side = spins.shape[0]
    weak, strong = _threshold(math.exp(-4.0 * k)), _threshold(math.exp(-8.0 * k))
    for sweep in range(unmeasured + len(measured)):
        for colour in range(2):
            for i in range(side):
                row = spins[i]
                above, below = spins[i - 1 if i else side - 1], spins[i + 1 if i + 1 < side else 0]
                for j in range((i + colour) & 1, side, 2):
                    left, right = row[j - 1 if j else side - 1], row[j + 1 if j + 1 < side else 0]
                    cost = row[j] * (above[j] + below[j] + left + right)
                    if cost <= 0 or _next(state) < (weak if cost == 2 else strong):
                        row[j] = -row[j]
        if sweep >= unmeasured:
            _measure(spins, measured[sweep - unmeasured])


@njit(cache=True, nogil=True)
def _wolff(spins, k, unmeasured, clusters, measured, state):
    """Sweeps without measurement, each of as many clusters as flip all spins once; then `clusters` per measurement.

    Returns the mean size of a cluster over the last half of the former.
    """
    side, sites = spins.shape[0], spins.size
    flat = spins.reshape(-1)
    join = _threshold(-math.expm1(-2.0 * k))
    stack = np.empty(sites, np.int64)
    counted, flipped = 0, 0
    for sweep in range(unmeasured):
        if sweep == unmeasured // 2:
            counted, flipped = 0, 0
        size = 0
        while size < sites:
            grown = _flip_cluster(flat, side, join, stack, state)
            size += grown
            flipped += grown
            counted += 1
    for sample in range(len(measured)):
        for _ in range(clusters):
            _flip_cluster(flat, side, join, stack, state)
        _measure(spins, measured[sample])
    return flipped / max(counted, 1)


@njit(cache=True, nogil=True)
def _flip_cluster(flat, side, join, stack, state):
    """Grow a cluster from a random site, flip it, and return its size."""
    sites = side * side
    # the high 32 bits times the number of sites: as even as the sites are few
    site = np.int64(((_next(state) >> np.uint64(32)) * np.uint64(sites)) >> np.uint64(32))
    spin = flat[site]
    flat[site] = -spin
    stack[0] = site
    waiting, size = 1, 1
    while waiting:
        waiting -= 1
        site = stack[waiting]
        column = site % side
        for direction in range(4):
            if direction == 0:
                other = site - side if site >= side else site - side + sites
            elif direction == 1:
                other = site + side if site + side < sites else site + side - sites
            elif direction == 2:
                other = site - 1 if column else site + side - 1
            else:
                other = site + 1 if column + 1 < side else site - side + 1
            if flat[other] == spin and _next(state) < join:
                flat[other] = -spin
                stack[waiting] = other
                waiting += 1
                size += 1
    return size


@njit(cache=True, nogil=True)
def _measure(spins, out):
    side = spins.shape[0]
    energy, magnetisation, two, four = 0, 0, 0, 0
    for i in range(side):
        row = spins[i]
        above, below = spins[i - 1 if i else side - 1], spins[i + 1 if i + 1 < side else 0]
        for j in range(side):
            right = row[j + 1 if j + 1 < side else 0]
            total = abs(above[j] + below[j] + row[j - 1 if j else side - 1] + right)
            energy += row[j] * (right + below[j])
            magnetisation += row[j]
            two += total == 2
            four += total == 4
    sites = side * side
    out[0], out[1], out[2], out[3] = energy / sites, magnetisation / sites, two / sites, four / sites
