"""Transfer matrix of the square-lattice Ising model on strips that are periodic across, of up to 12 sites.

T = D^½ B D^½ on the 2^width states of a row, D the bonds along the row, B those to the next one, a product of one 2 × 2
matrix per site: it is applied without being stored. Exact for these strips, infinitely long or closed to a torus. Per
site, nats.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse.linalg import LinearOperator, eigsh

from infoflow.errors import InfoflowError
from infoflow.studies.ising.lattice import LN2, check_count, check_coupling
from infoflow.studies.ising.square import first_step_entropy

WIDEST = 12


@dataclass(frozen=True)
class Strip:
    """An infinitely long strip, exact; per site, nats.

    Attributes:
        free_energy, energy, entropy: ln Z, its derivative, and f - K u.
        neighbour_sums: probabilities of |S| = 0, 2, 4, S the sum of the four neighbours of a spin.
        conditional_entropy: of the spins of the first decimation given the kept ones; NaN if the width is odd, as the
            strip then has no two sublattices.
        mutual_information: of decimated and kept spins, likewise.
        relative_entropy: definition B after the first decimation, likewise.
    """

    free_energy: float
    energy: float
    entropy: float
    neighbour_sums: np.ndarray
    conditional_entropy: float
    mutual_information: float
    relative_entropy: float


def infinite_strip(coupling: float, width: int) -> Strip:
    """Solve an infinitely long strip.

    Raises:
        InfoflowError: K is not positive and finite, or the width not between 2 and 12.
    """
    k, width = _checked(coupling, width)
    row = _Row(k, width)
    eigenvalue, state = row.leading()
    free_energy = (np.log(eigenvalue) + row.log_scale) / width
    along = float(state**2 @ row.along)
    across = float(state @ row.apply(state, bond=True)) * width / eigenvalue
    energy = (along + across) / width
    # what a row left of a spin at site 0 that is up, or down, says of the next one
    up = row.apply(np.where(row.spin(0) > 0, state, 0.0)) / eigenvalue
    down = up[::-1]
    sides = row.spin(1) + row.spin(width - 1)
    sums = np.zeros(3)
    for value, weight in ((2, up * up), (0, 2 * up * down), (-2, down * down)):
        total = np.abs(value + sides)
        for index in range(3):
            sums[index] += weight[total == 2 * index].sum()
    entropy = free_energy - k * energy
    conditional = float(first_step_entropy(k, sums)) if width % 2 == 0 else np.nan
    return Strip(free_energy, energy, entropy, sums, conditional, entropy - 2 * conditional, LN2 / 2 - conditional)


def closed_strip(coupling: float, width: int, length: int) -> tuple[float, float, float]:
    """Free energy, energy and entropy of a torus of width × length sites, from the trace of T^length.

    Raises:
        InfoflowError: K is not positive and finite, the width not between 2 and 12, or the length less than 1.
    """
    k, width = _checked(coupling, width)
    length = check_count("length", length, 1, 100_000)
    step = 1e-30
    # analytic in K: its derivative is the imaginary part of a complex step
    row = _Row(complex(k, step), width)
    states, multiplicity = _orbits(width)
    columns = np.zeros((2**width, len(states)), complex)
    columns[states, np.arange(len(states))] = 1
    log_scale = 0.0
    half, powers = length // 2, []
    for power in range(1, length - half + 1):
        if power - 1 == half:
            powers.append((columns, log_scale))
        columns = row.apply(columns)
        largest = np.abs(columns.real).max()
        columns, log_scale = columns / largest, log_scale + np.log(largest)
    powers = [*powers, (columns, log_scale)] if length % 2 else [(columns, log_scale)] * 2
    (left, left_scale), (right, right_scale) = powers
    trace = (left * right).sum(0) @ multiplicity
    log_partition = np.log(trace) + left_scale + right_scale + length * row.log_scale
    sites = width * length
    free_energy, energy = log_partition.real / sites, log_partition.imag / step / sites
    return free_energy, energy, free_energy - k * energy


class _Row:
    """The transfer matrix of one row, scaled by exp(-log_scale)."""

    def __init__(self, k: complex, width: int):
        self.width, self.k = width, k
        self.states = np.arange(2**width)
        self.along = sum(self.spin(j) * self.spin((j + 1) % width) for j in range(width)).astype(float)
        self.log_scale = 2 * k * width
        self.bonds = np.exp(k / 2 * (self.along - width))
        self.unlike = np.exp(-2 * k)

    def spin(self, site: int) -> np.ndarray:
        return 1 - 2 * (self.states >> site & 1)

    def apply(self, vectors: np.ndarray, bond: bool = False) -> np.ndarray:
        """T v for one vector or columns; with `bond`, the bond at site 0 to the next row is weighted with s s'."""
        shape = vectors.shape
        bonds = self.bonds.reshape(-1, *(1,) * (len(shape) - 1))
        vectors = bonds * vectors
        for site in range(self.width):
            pairs = vectors.reshape(-1, 2, 2**site, *shape[1:])
            up, down = pairs[:, 0], pairs[:, 1]
            unlike = -self.unlike if bond and site == 0 else self.unlike
            turned = np.empty_like(pairs)
            turned[:, 0] = up + unlike * down
            turned[:, 1] = unlike * up + down
            vectors = turned.reshape(shape)
        return bonds * vectors

    def leading(self) -> tuple[float, np.ndarray]:
        """The largest eigenvalue and its vector, which is even under a flip of all spins.

        Half of it is kept: the odd one is almost degenerate with it where the strip is ordered.
        """
        half = 2 ** (self.width - 1)

        def apply(v: np.ndarray) -> np.ndarray:
            v = v.reshape(half, -1)
            return self.apply(np.concatenate([v, v[::-1]]))[:half]

        if half <= 32:
            values, vectors = np.linalg.eigh(apply(np.eye(half)))
            value, vector = values[-1], vectors[:, -1]
        else:
            operator = LinearOperator((half, half), matvec=lambda v: apply(v)[:, 0], dtype=float)
            # a start of its own: the library's is random
            values, vectors = eigsh(operator, k=1, which="LA", v0=self.bonds[:half] ** 2, tol=0)
            value, vector = values[0], vectors[:, 0]
        state = np.concatenate([vector, vector[::-1]])
        return float(value), np.abs(state) / np.linalg.norm(state)


def _orbits(width: int) -> tuple[np.ndarray, np.ndarray]:
    """States of a row of which all others are rotations, reflections or flips; how many each of them stands for."""
    states = np.arange(2**width)
    mask = 2**width - 1
    mirrored = sum((states >> j & 1) << (width - 1 - j) for j in range(width))
    least = states.copy()
    for start in (states, mirrored):
        for turn in range(width):
            turned = (start << turn | start >> (width - turn)) & mask
            least = np.minimum(least, np.minimum(turned, turned ^ mask))
    return np.unique(least, return_counts=True)


def _checked(coupling: float, width: int) -> tuple[float, int]:
    value = check_coupling(coupling)
    if value.ndim:
        raise InfoflowError(f"coupling: {value.size} of them, where one is needed")
    return float(value), check_count("width", width, 2, WIDEST)
