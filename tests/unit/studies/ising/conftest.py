"""Results of small Ising models, and the jobs that merge them."""

import numpy as np
import pytest
import xarray as xr

from infoflow.files.cubes import read_cube
from infoflow.jobs.job import Job
from infoflow.studies.ising.ising_exact import ising_exact
from infoflow.studies.ising.ising_monte_carlo import ising_monte_carlo
from infoflow.studies.ising.merge_ising import merge_ising
from jobs import make_job

CHAIN = {"section": "chain", "options": {"couplings": [0.25, 0.5, 1.0], "steps": 4, "spins": 16}}
SQUARE = {
    "section": "square",
    "options": {"couplings": [0.3, 0.440687, 0.6], "steps": 5, "enumerated_side": 4, "strip_widths": [6, 4]},
}
SAMPLES = {
    "options": {"sides": [8, 4], "algorithm": "wolff", "sweeps": 400, "equilibration": 20, "replicas": 2},
    "seed": 0,
}
ABOUT = {"title": "a run", "config": {"run": {"name": "a run"}}}


@pytest.fixture(scope="session")
def chain_job(tmp_path_factory) -> Job:
    """The job that merged the chain."""
    folder = tmp_path_factory.mktemp("chain")
    ising_exact(make_job(CHAIN, folder / "chain.nc", rule="ising_exact"))
    parameters = {"exact": CHAIN, "highlight": [0.5, 1.0], **ABOUT}
    job = make_job(
        parameters, folder / "ising_1d.nc", {"exact": folder / "chain.nc", "samples": []}, rule="merge_ising"
    )
    merge_ising(job)
    return job


@pytest.fixture(scope="session")
def square_job(tmp_path_factory) -> Job:
    """The job that merged the square lattice, with samples of two couplings."""
    folder = tmp_path_factory.mktemp("square")
    ising_exact(make_job(SQUARE, folder / "square.nc", rule="ising_exact"))
    samples = [folder / f"{name}.nc" for name in ("k0.440687", "k0.300000")]
    for path in samples:
        ising_monte_carlo(make_job(SAMPLES, path, wildcards={"coupling": path.stem}, rule="ising_monte_carlo"))
    inputs = {"exact": folder / "square.nc", "samples": samples}
    parameters = {"exact": SQUARE, "samples": SAMPLES, "highlight": [0.3, 0.6], **ABOUT}
    job = make_job(parameters, folder / "ising_2d.nc", inputs, rule="merge_ising")
    merge_ising(job)
    return job


@pytest.fixture(scope="session")
def chain(chain_job) -> xr.Dataset:
    return read_cube(chain_job.output, chain_job.parameters)


@pytest.fixture(scope="session")
def square(square_job) -> xr.Dataset:
    return read_cube(square_job.output, square_job.parameters)


@pytest.fixture(scope="session")
def same_attributes():
    """A function: whether two dicts of attributes are equal, some of whose values are arrays."""

    def equal(one, other) -> bool:
        return set(one) == set(other) and all(np.array_equal(one[key], other[key]) for key in one)

    return equal
