"""Cubes of the Ising studies: what was computed exactly, and the samples of all couplings beside it.

| dimension | |
|---|---|
| coupling | K0 |
| step | decimations of an infinite lattice |
| decimation | decimations of the torus whose states are counted |
| near_coupling, width | couplings around the critical one, strips |
| sampled_coupling, side | Monte Carlo |

Names of variables begin with what they are of, unless it is the infinite lattice: ring_, enumerated_, strip_, torus_
(exact, of the size of a sampled one), sampled_. Their comments say what is exact, what a truncation, what an estimate.
"""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from infoflow.ising.square import energy_torus, entropy_torus
from infoflow.lattice import LN2

_TORUS = "per site, nats; exact, torus of that side"
_DERIVED = "per site, nats; estimate: that of the conditional entropy, and the exact entropy of the torus"


def merge_ising(exact: xr.Dataset, samples: Sequence[xr.Dataset], highlight: Sequence[float]) -> xr.Dataset:
    """The cube of one dimension.

    Args:
        exact: result of `ising_exact`.
        samples: results of `ising_samples`, of one coupling each; none for the chain.
        highlight: couplings that are drawn as curves.
    """
    cube = exact.drop_attrs(deep=False)
    chosen = np.isin(cube["coupling"].values, np.asarray(highlight, float)).astype(np.int8)
    cube["highlighted"] = (
        ("coupling",),
        chosen,
        {
            "long_name": "whether the coupling is drawn as a curve",
            "units": "1",
            "flag_values": np.array([0, 1], np.int8),
            "flag_meanings": "no yes",
        },
    )
    if samples:
        parts = sorted((part.set_coords("sampled_coupling") for part in samples), key=lambda p: p["sampled_coupling"])
        sampled = xr.concat(parts, "sampled_coupling", combine_attrs="override", join="exact")
        cube = cube.merge(sampled)
        _add_derived(cube)
    return cube


def _add_derived(cube: xr.Dataset) -> None:
    grid = ("sampled_coupling", "side")
    for name, function, title in (
        ("torus_entropy", entropy_torus, "entropy"),
        ("torus_energy", energy_torus, "sum of the correlations of the two bonds of a site"),
    ):
        values = [[function(k, n, n) for n in cube["side"].values.tolist()] for k in cube["sampled_coupling"].values]
        cube[name] = (grid, np.array(values), {"long_name": title, "units": "1", "comment": _TORUS})
    conditional, error = cube["sampled_conditional_entropy"].values, cube["sampled_conditional_entropy_error"].values
    step = "of the first decimation"
    for name, values, its_error, title in (
        ("relative_entropy", LN2 / 2 - conditional, error, f"relative entropy, definition B, {step}"),
        (
            "mutual_information",
            cube["torus_entropy"].values - 2 * conditional,
            2 * error,
            f"mutual information of decimated and kept spins {step}",
        ),
    ):
        about = {"units": "1", "comment": _DERIVED}
        cube[f"sampled_{name}"] = (grid, values, {"long_name": title, **about})
        cube[f"sampled_{name}_error"] = (grid, its_error, {"long_name": f"standard error: {title}", **about})
