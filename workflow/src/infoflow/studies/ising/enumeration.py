"""Square-lattice Ising model on tori so small that all states can be counted: exact, no truncation.

Sites are bits of the number of a state, site (i, j) of `rows` × `columns` is bit i * columns + j; a spin is up if its
bit is zero. A side of two has two bonds between its neighbours, as the transfer matrix and the Monte Carlo have it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from infoflow.errors import InfoflowError
from infoflow.studies.ising.lattice import LN2, check_count, check_coupling

LARGEST = 24
"""Sites of the largest torus that is enumerated, 16 million states."""


@dataclass(frozen=True)
class Decimations:
    """What successive decimations of a torus do, exactly; per site of the whole torus, nats. Arrays over the steps.

    Attributes:
        kept: number of spins that are left, from all to one.
        entropy: entropy of their marginal distribution.
        relative_entropy: definition B, D(all ‖ kept ⊗ uniform).
        conditional_entropy: of all decimated spins given the kept ones, arXiv:0910.2097.
        mutual_information: of all decimated spins and the kept ones, arXiv:2108.02772.
    """

    kept: np.ndarray
    entropy: np.ndarray
    relative_entropy: np.ndarray
    conditional_entropy: np.ndarray
    mutual_information: np.ndarray


def energies(rows: int, columns: int) -> np.ndarray:
    """Σ s s' over all bonds, of every state of a torus.

    Raises:
        InfoflowError: the torus is too large.
    """
    sites = _sites(rows, columns)
    states = np.arange(2**sites, dtype=np.uint32)
    unlike = np.zeros(states.shape, np.int16)
    for i in range(rows):
        for j in range(columns):
            for other in ((i + 1) % rows * columns + j, i * columns + (j + 1) % columns):
                unlike += ((states >> (i * columns + j) ^ states >> other) & 1).astype(np.int16)
    return 2 * sites - 2 * unlike


def probabilities(coupling: float, rows: int, columns: int) -> np.ndarray:
    """Boltzmann probabilities of all states."""
    return _boltzmann(coupling, rows, columns)[0]


def free_energy_enumerated(coupling: float, rows: int, columns: int) -> float:
    """ln Z per site."""
    return _boltzmann(coupling, rows, columns)[1] / (rows * columns)


def energy_enumerated(coupling: float, rows: int, columns: int) -> float:
    """Σ s s' per site."""
    # summed in pairs: the dot product of a million states is known to 1e-12 only, on some processors
    return float(np.sum(probabilities(coupling, rows, columns) * energies(rows, columns))) / (rows * columns)


def marginal(distribution: np.ndarray, keep: Sequence[int]) -> np.ndarray:
    """Distribution of some sites, by their numbers; the first of them is the lowest bit."""
    sites = distribution.size.bit_length() - 1
    axes = [sites - 1 - site for site in keep]  # the highest bit is the first axis
    others = tuple(a for a in range(sites) if a not in axes)
    rest = sorted(axes)
    summed = distribution.reshape((2,) * sites).sum(others)
    return summed.transpose([rest.index(a) for a in reversed(axes)]).ravel()


def entropy(distribution: np.ndarray) -> float:
    """-Σ p ln p, nats."""
    return -float(np.sum(distribution * np.log(np.where(distribution > 0, distribution, 1.0))))


def sublattices(side: int) -> list[list[int]]:
    """Sites of the successive sublattices of a torus, each half of the one before, from all to a single one.

    Raises:
        InfoflowError: the side is not a power of two.
    """
    side = check_count("side", side, 2)
    if side & (side - 1):
        odd = "odd" if side % 2 else "not a power of two"
        raise InfoflowError(f"side: {side} is {odd}; it cannot be halved down to a single spin")
    lattices, spacing = [], 1
    while spacing <= side:
        square = [(i, j) for i in range(0, side, spacing) for j in range(0, side, spacing)]
        lattices.append([i * side + j for i, j in square])
        if spacing < side:
            lattices.append([i * side + j for i, j in square if (i + j) // spacing % 2 == 0])
        spacing *= 2
    return lattices


def decimations(coupling: float, side: int = 4) -> Decimations:
    """Entropies of the successive sublattices of a torus of side × side spins.

    Raises:
        InfoflowError: K is not positive and finite, the side is not a power of two, or the torus too large.
    """
    lattices = sublattices(side)
    sites = _sites(side, side)
    p = probabilities(coupling, side, side)
    kept = np.array([len(lattice) for lattice in lattices])
    left = np.array([entropy(marginal(p, lattice)) for lattice in lattices])
    gone = np.array([entropy(marginal(p, sorted(set(range(sites)) - set(lattice)))) for lattice in lattices])
    return Decimations(
        kept=kept,
        entropy=left / sites,
        relative_entropy=((sites - kept) * LN2 + left - left[0]) / sites,
        conditional_entropy=(left[0] - left) / sites,
        mutual_information=(left + gone - left[0]) / sites,
    )


def relative_entropy_2d_enumerated(K0: float, side: int = 4) -> np.ndarray:
    """Definition B over the successive sublattices of side², side²/2, …, 1 spins, nats per site; physics.md C3.

    Raises:
        InfoflowError: K0 is not positive and finite, the side is not a power of two, or the torus too large.
    """
    return decimations(K0, side).relative_entropy


def _boltzmann(coupling: float, rows: int, columns: int) -> tuple[np.ndarray, float]:
    coupling = check_coupling(coupling)
    if coupling.ndim:
        raise InfoflowError(f"coupling: {coupling.size} of them, where one is needed")
    exponent = coupling * energies(rows, columns)
    largest = exponent.max()
    weights = np.exp(exponent - largest)
    total = weights.sum()
    return weights / total, float(largest + np.log(total))


def _sites(rows: int, columns: int) -> int:
    rows, columns = (check_count(name, n, 1) for name, n in (("rows", rows), ("columns", columns)))
    if rows * columns > LARGEST:
        raise InfoflowError(
            f"lattice: {rows} × {columns} is too large to enumerate, {rows * columns} sites, of at most {LARGEST}"
        )
    return rows * columns
