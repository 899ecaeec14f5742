"""Hundreds of points, of whose jobs some are killed at random: networks, and couplings of Ising models (quick jobs).

Both go through the same Snakemake, retries and files.
"""

import json
import re
from collections import Counter

import pytest
import xarray as xr
from test_faults import CUBE, PREPARED, assert_kept, happened, results

from conftest import assert_same_numbers
from infoflow.config import architecture_options, ising_options, probe_options, settings
from infoflow.cubes import merge_cube, read_cube
from infoflow.evaluation import PICTURES, evaluate_probe
from infoflow.grid import Grid
from infoflow.ground_truth import train_point
from infoflow.ising_cubes import merge_ising
from infoflow.ising_exact import EXACT
from infoflow.ising_samples import sample_lattices
from infoflow.probing import probe_point
from infoflow.store import read_result, write_result
from infoflow.study import read_study

WEIGHTS, DEPTHS = 5, 20
COUPLINGS = [round(0.2 + 0.001 * k, 3) for k in range(400)]
KILLED = 0.05
SECONDS = {"train_network": 1.5, "probe_cascade": 1.5, "evaluate_kl": 0.5, "ising_monte_carlo": 0.5}
"""How long they live at most, of each script those that are to be killed."""
ISING = "results/cubes/ising_2d.nc"


def undisturbed(run, tmp_path) -> xr.Dataset:
    """The cube of the same config, computed in this process by the functions of the package, without Snakemake."""
    config = json.loads(read_cube(run.root / CUBE).attrs["config"])
    grid, cube = Grid(config), ("digits", "mlp")
    architecture = architecture_options(config, "mlp")
    probe, train = probe_options(config, *cube, "adam"), settings(config, "train", *cube)
    evaluations, trainings = {}, {}
    for point in grid.probes(cube):
        path = tmp_path / "probe.nc"
        probe_point(run.root / PREPARED, path, point.name, architecture, probe, config["run"], 1, {})
        result = read_result(path)
        write_result(tmp_path / "evaluation.nc", evaluate_probe(result, **config["evaluate"]), result.attributes)
        evaluations[point.name] = read_result(tmp_path / "evaluation.nc", skip=PICTURES)
    for point in grid.trainings(cube):
        path = tmp_path / "training.nc"
        train_point(run.root / PREPARED, path, point.name, architecture, train, config["run"], 1, {})
        trainings[point.name] = read_result(path)
    return merge_cube(
        evaluations,
        trainings,
        prefix_invariant=True,
        architecture=architecture,
        success_accuracy=train["success_accuracy"],
        seed=config["run"]["seed"],
        attributes={},
    )


def undisturbed_lattices(run, tmp_path) -> xr.Dataset:
    """The same of the couplings."""
    config = json.loads(read_study(run.root / ISING).attrs["config"])

    def part(variables) -> xr.Dataset:
        write_result(tmp_path / "part.nc", variables, {})
        return read_study(tmp_path / "part.nc")

    square, sampling = ising_options(config, "square"), ising_options(config, "monte_carlo")
    highlight, couplings = square.pop("highlight"), sampling.pop("couplings")
    samples = [part(sample_lattices(k, **sampling, seed=config["run"]["seed"])) for k in couplings]
    return merge_ising(part(EXACT["square"](**square)), samples, highlight)


@pytest.mark.long
def test_of_500_points_with_random_failures_all_finish_and_none_is_computed_twice(checkout, tmp_path):
    checkout.configure(
        run={"name": "many", "replicas": 1},
        datasets={
            "digits": {
                "train_samples": 64,
                "test_samples": 40,
                "probe": {"method": "adam", "epochs": 1, "batch_size": 32, "evaluation_samples": 20},
                "train": {"epochs": 1, "batch_size": 32},
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
    assert_same_numbers(read_cube(checkout.root / CUBE), undisturbed(checkout, tmp_path))
    assert_same_numbers(read_study(checkout.root / ISING), undisturbed_lattices(checkout, tmp_path))
