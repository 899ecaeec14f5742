"""Hundreds of points, of whose jobs some are killed at random: networks, and couplings of Ising models (quick jobs).

Both go through the same Snakemake, retries and files.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import xarray as xr
import yaml

from common import ROOT
from infoflow.files.cubes import read_cube
from infoflow.jobs.job import Job
from infoflow.plan import Plan
from infoflow.studies.ising.ising_exact import ising_exact
from infoflow.studies.ising.ising_monte_carlo import ising_monte_carlo
from infoflow.studies.ising.merge_ising import merge_ising
from infoflow.studies.trainability.cube import read_trainability
from infoflow.studies.trainability.evaluate_kl import evaluate_kl
from infoflow.studies.trainability.merge_cube import merge_cube
from infoflow.studies.trainability.probe_cascade import probe_cascade
from infoflow.studies.trainability.train_network import train_network
from runs import CUBE, PREPARED, Checkout, assert_kept, assert_same_numbers, happened, results

WEIGHTS, DEPTHS = 5, 20
COUPLINGS = [round(0.2 + 0.001 * k, 3) for k in range(400)]
KILLED = 0.05
SECONDS = {"train_network": 1.5, "probe_cascade": 1.5, "evaluate_kl": 0.5, "ising_monte_carlo": 0.5}
"""How long they live at most, of each script those that are to be killed."""
ISING = "results/cubes/ising_2d.nc"


class Undisturbed:
    """The same config, computed in this process by the functions of the package, without Snakemake."""

    def __init__(self, run: Checkout, folder: Path):
        self.folder, self.prepared = folder, str(run.root / PREPARED)
        self.plan = Plan(yaml.safe_load((run.root / "tiny.yaml").read_text()), ROOT)

    def made(
        self,
        function: Callable[[Job], None],
        name: str,
        parameters: Mapping[str, Any],
        inputs: Mapping[str, str | Sequence[str]],
        **wildcards: str,
    ) -> str:
        """The file that a job writes."""
        rule = function.__name__
        path = str(self.folder / rule / f"{name}.nc")
        function(Job(rule, parameters, inputs, [path], wildcards, config=self.plan.config))
        return path

    def cube(self) -> xr.Dataset:
        """Of the networks."""
        study, of = self.plan.of["trainability"], ("digits", "mlp")
        evaluations, trainings, read = [], [], {"dataset": self.prepared}
        for point in study.grid.probes():
            found = self.made(probe_cascade, point.name, study.probe("adam", *of), read, point=point.name)
            evaluations.append(
                self.made(evaluate_kl, point.name, study.evaluation("adam", *of), {"probe": found}, point=point.name)
            )
        for point in study.grid.trainings():
            trainings.append(self.made(train_network, point.name, study.training(*of), read, point=point.name))
        parts = {"evaluations": evaluations, "trainings": trainings, "datasets": [self.prepared]}
        return read_trainability(self.made(merge_cube, "digits", study.merge("digits"), parts))

    def lattices(self) -> xr.Dataset:
        """Of the couplings."""
        study = self.plan.of["ising"]
        exact = self.made(ising_exact, "square", study.exact("square"), {})
        names = [Path(path).stem for path in study.merge_inputs("2d")["samples"]]
        samples = [self.made(ising_monte_carlo, name, study.samples(), {}, coupling=name) for name in names]
        return read_cube(self.made(merge_ising, "ising_2d", study.merge("2d"), {"exact": exact, "samples": samples}))


@pytest.mark.long
def test_of_500_points_with_random_failures_all_finish_and_none_is_computed_twice(checkout, tmp_path):
    checkout.configure(
        run={"name": "many", "replicas": 1},
        datasets={
            "digits": {
                "train_samples": 64,
                "test_samples": 40,
                "probe": {"method": "adam", "epochs": 1, "batch_size": 32, "evaluation_samples": 20},
                "train": {"epochs": 1, "batch_size": 32, "learning_rate": 0.05},
            }
        },
        experiments={
            "digits": {
                "sigma_w2": {"start": 0.2, "stop": 5.0, "num": WEIGHTS},
                "depth": {"start": 1, "stop": DEPTHS, "step": 1},
                "highlight": [0.2],
            }
        },
        ising={
            "chain": {"couplings": [0.5], "highlight": [0.5], "steps": 2, "spins": 4},
            "square": {"couplings": [0.3, 0.5], "highlight": [0.3], "steps": 2, "strip_widths": [2, 4]},
            "monte_carlo": {"couplings": COUPLINGS, "sides": [4, 8], "sweeps": 100, "equilibration": 1, "replicas": 2},
        },
        predictors=None,
    )
    fault = {"times": None, "chance": KILLED, "action": "kill"}
    faults = checkout.faults(*({"script": name, **fault, "seconds": [0.0, most]} for name, most in SECONDS.items()))
    done = checkout.snakemake("--retries", "3", "all_cubes", limit=3600, **faults)
    assert done.returncode == 0, done.stderr[-3000:]
    points = WEIGHTS * DEPTHS + len(COUPLINGS)
    assert points == 500
    assert len(results(checkout)) == 1 + points + 2 * WEIGHTS + 1 + 4  # those of the exact Ising models
    assert_kept(checkout, {})

    # by output file; a killed job's log has its error instead
    log = done.stdout + done.stderr
    output_of = dict(re.findall(r"output: (\S+)\n(?:    .*\n)*?    jobid: (\d+)", log))
    jobs = {job: path for path, job in output_of.items()}
    finished = Counter(jobs[job] for job in re.findall(r"Finished jobid: (\d+)", log) if job in jobs)
    assert set(finished) >= set(results(checkout))
    assert set(finished.values()) == {1}

    suffered = sum(happened(faults, f"fault{index}") for index in range(len(SECONDS)))
    started = sum(happened(faults, f"started.{script}") for script in SECONDS)
    failed = len(re.findall(r"^Error in rule", log, re.MULTILINE))
    print(f"{started} jobs started, {suffered} were to be killed, {failed} were")
    assert failed == started - (points + 2 * WEIGHTS)
    # a job that was faster than its fault has finished
    assert 0 < failed <= suffered
    assert 0.02 < suffered / started < 0.09
    undisturbed = Undisturbed(checkout, tmp_path / "undisturbed")
    assert_same_numbers(read_trainability(checkout.root / CUBE), undisturbed.cube())
    assert_same_numbers(read_cube(checkout.root / ISING), undisturbed.lattices())
