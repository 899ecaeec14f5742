"""Hundreds of points, of whose jobs some are killed at random."""

import json
import re
from collections import Counter

import pytest
import xarray as xr
from test_faults import CUBE, PREPARED, assert_kept, happened, results

from conftest import assert_same_numbers
from infoflow.config import architecture_options, probe_options, settings
from infoflow.cubes import merge_cube, read_cube
from infoflow.evaluation import PICTURES, evaluate_probe
from infoflow.grid import Grid
from infoflow.ground_truth import train_point
from infoflow.probing import probe_point
from infoflow.store import read_result, write_result

WIDTHS, DEPTHS = 25, 20
KILLED = 0.05
SCRIPTS = ("train_network", "probe_cascade", "evaluate_kl")


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
                "sigma_w2": {"start": 0.2, "stop": 5.0, "num": WIDTHS},
                "depth": {"start": 1, "stop": DEPTHS, "step": 1},
                "highlight": [0.2],
            }
        },
    )
    fault = {"times": None, "chance": KILLED, "action": "kill", "seconds": [0.0, 1.5]}
    faults = checkout.faults(*({"script": script, **fault} for script in SCRIPTS))
    done = checkout.snakemake("--retries", "3", "all_cubes", limit=3600, **faults)
    assert done.returncode == 0, done.stderr[-3000:]
    points = WIDTHS * DEPTHS
    assert len(results(checkout)) == 1 + points + 2 * WIDTHS + 1
    assert_kept(checkout, {})

    # by output file; a killed job's log has its error instead
    log = done.stdout + done.stderr
    output_of = dict(re.findall(r"output: (\S+)\n(?:    .*\n)*?    jobid: (\d+)", log))
    jobs = {job: path for path, job in output_of.items()}
    finished = Counter(jobs[job] for job in re.findall(r"Finished jobid: (\d+)", log) if job in jobs)
    assert set(finished) >= set(results(checkout))
    assert set(finished.values()) == {1}

    suffered = sum(happened(faults, f"fault{index}") for index in range(len(SCRIPTS)))
    started = sum(happened(faults, f"started.{script}") for script in SCRIPTS)
    failed = len(re.findall(r"^Error in rule", log, re.MULTILINE))
    print(f"{started} jobs started, {suffered} were to be killed, {failed} were")
    assert failed == started - (points + 2 * WIDTHS)
    # a job that was faster than its fault has finished
    assert 0 < failed <= suffered
    assert 0.02 < suffered / started < 0.09
    assert_same_numbers(read_cube(checkout.root / CUBE), undisturbed(checkout, tmp_path))
