"""What is sampled."""

import numpy as np

from infoflow.files.results import read_result
from infoflow.studies.ising.ising_monte_carlo import ising_monte_carlo, sample_lattices
from jobs import make_job

OPTIONS = {"sides": [8, 4], "algorithm": "wolff", "sweeps": 400, "equilibration": 20, "replicas": 2}


def test_a_lattice_has_its_own_random_numbers():
    alone = sample_lattices(0.3, OPTIONS | {"sides": [8]}, 0)
    both = sample_lattices(0.3, OPTIONS, 0)
    assert alone["sampled_energy"][1][0] == both["sampled_energy"][1][1]
    other = sample_lattices(0.3, OPTIONS | {"sides": [8]}, 1)
    assert alone["sampled_energy"][1][0] != other["sampled_energy"][1][0]


def test_a_job_samples_the_coupling_of_its_file(tmp_path):
    job = make_job({"options": OPTIONS, "seed": 0}, tmp_path / "k.nc", wildcards={"coupling": "k0.300000"})
    ising_monte_carlo(job)
    result, expected = read_result(job.output, job.parameters), sample_lattices(0.3, OPTIONS, 0)
    assert result["sampled_coupling"] == 0.3
    assert result["side"].tolist() == [4, 8]
    assert set(result.variables) == set(expected)
    for name in set(expected) - {"sampled_seconds"}:
        np.testing.assert_array_equal(result[name], expected[name][1])
