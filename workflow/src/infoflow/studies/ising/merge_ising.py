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

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from infoflow.files.cubes import about_job, describe_cube, read_cube, write_cube
from infoflow.jobs.job import Job
from infoflow.studies.ising.about import describe_merged
from infoflow.studies.ising.lattice import LN2
from infoflow.studies.ising.square import energy_torus, entropy_torus

REFERENCES = "arXiv:2107.06898; arXiv:2108.02772; arXiv:0910.2097"


def merge_ising(job: Job) -> None:
    """Merge the results of one dimension, and write its cube.

    Parameters of the job: `exact` and, of the square lattice, `samples`: those of the results; `highlight`.
    """
    exact = read_cube(job.inputs["exact"], job["exact"])
    samples = [read_cube(path, job["samples"]) for path in job.files("samples")]
    cube = merge_results(exact, samples, job["highlight"], describe_merged(job.parameters))
    about = about_job(job, (part.attrs for part in (exact, *samples)))
    write_cube(describe_cube(cube, {"references": REFERENCES, **about}), job.output, job.rule)


def merge_results(
    exact: xr.Dataset,
    samples: Sequence[xr.Dataset],
    highlight: Sequence[float],
    described: Mapping[str, Mapping[str, Any]],
) -> xr.Dataset:
    """The cube of one dimension.

    Args:
        exact: result of `ising_exact`.
        samples: results of `ising_monte_carlo`, of one coupling each; none for the chain.
        highlight: couplings that are drawn as curves.
        described: what the variables are; what the results say of themselves may be out of date.
    """
    cube = exact.drop_attrs()
    chosen = np.isin(cube["coupling"].values, np.asarray(highlight, float)).astype(np.int8)
    cube["highlighted"] = (("coupling",), chosen)
    if samples:
        parts = sorted((part.set_coords("sampled_coupling") for part in samples), key=lambda p: p["sampled_coupling"])
        sampled = xr.concat(parts, "sampled_coupling", combine_attrs="override", join="exact")
        cube = cube.merge(sampled)
        _add_derived(cube)
    for name in cube.variables:
        cube[name].attrs = described[name]
    return cube


def _add_derived(cube: xr.Dataset) -> None:
    grid = ("sampled_coupling", "side")
    for name, function in (("torus_entropy", entropy_torus), ("torus_energy", energy_torus)):
        values = [[function(k, n, n) for n in cube["side"].values.tolist()] for k in cube["sampled_coupling"].values]
        cube[name] = (grid, np.array(values))
    conditional, error = cube["sampled_conditional_entropy"].values, cube["sampled_conditional_entropy_error"].values
    for name, values, its_error in (
        ("relative_entropy", LN2 / 2 - conditional, error),
        ("mutual_information", cube["torus_entropy"].values - 2 * conditional, 2 * error),
    ):
        cube[f"sampled_{name}"] = (grid, values)
        cube[f"sampled_{name}_error"] = (grid, its_error)
