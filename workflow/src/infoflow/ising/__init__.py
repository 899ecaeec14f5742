"""Relative entropy and its refinements along the decimation of Ising models; PHYSICS C1-C3.

`chain`: one dimension, exact. `square`: the infinite square lattice and the torus, exact, and truncated flows.
`enumeration` and `strips`: small tori and strips, exact. Estimates for large lattices are in `ising_monte_carlo`.
"""

from infoflow.ising.chain import (
    asymptote_1d,
    conditional_entropy_1d,
    decimate_1d,
    energy_1d,
    entropy_1d,
    flow_1d,
    free_energy_1d,
    mutual_information_1d,
    relative_entropy_1d,
    relative_entropy_between_1d,
    reverse_relative_entropy_1d,
)
from infoflow.ising.enumeration import (
    decimations,
    energy_enumerated,
    free_energy_enumerated,
    relative_entropy_2d_enumerated,
)
from infoflow.ising.square import (
    asymptote_2d,
    conditional_entropy_2d,
    decimate_2d,
    energy_2d,
    energy_torus,
    entropy_2d,
    entropy_torus,
    first_relative_entropy_2d,
    flow_2d,
    free_energy_2d,
    free_energy_torus,
    mutual_information_2d,
    neighbour_sums_2d,
    relative_entropy_2d,
    truncated_critical_coupling,
    truncated_exponents,
)
from infoflow.ising.strips import closed_strip, infinite_strip
from infoflow.lattice import CRITICAL_COUPLING

__all__ = [
    "CRITICAL_COUPLING",
    "asymptote_1d",
    "asymptote_2d",
    "closed_strip",
    "conditional_entropy_1d",
    "conditional_entropy_2d",
    "decimate_1d",
    "decimate_2d",
    "decimations",
    "energy_1d",
    "energy_2d",
    "energy_enumerated",
    "energy_torus",
    "entropy_1d",
    "entropy_2d",
    "entropy_torus",
    "first_relative_entropy_2d",
    "flow_1d",
    "flow_2d",
    "free_energy_1d",
    "free_energy_2d",
    "free_energy_enumerated",
    "free_energy_torus",
    "infinite_strip",
    "mutual_information_1d",
    "mutual_information_2d",
    "neighbour_sums_2d",
    "relative_entropy_1d",
    "relative_entropy_2d",
    "relative_entropy_2d_enumerated",
    "relative_entropy_between_1d",
    "reverse_relative_entropy_1d",
    "truncated_critical_coupling",
    "truncated_exponents",
]
