"""What runs again after which change: only what has to."""

import shutil
import time

import pytest
import xarray as xr
import yaml

from common import ROOT
from infoflow.cubes import read_cube
from infoflow.figures import FIGURES
from infoflow.store import read_result

DRAWN = [name for name, needs in FIGURES.items() if not (needs.decisions or needs.channels)]
FIGURE_JOBS = {f"figure_{name}": 1 for name in DRAWN}
AFTER_EVALUATION = {"merge_cube": 1, **FIGURE_JOBS}
EVALUATIONS = {"evaluate_kl": 2, "evaluate_ridge": 2}
PROBES = {"probe_cascade": 2, "probe_ridge": 2, **EVALUATIONS}


def test_the_tiny_grid_makes_every_result(finished):
    cube = read_cube(finished.root / "results/cubes/digits_mlp.nc")
    assert (cube["probe_status"] == 0).all()
    assert (cube["train_status"] == 0).all()
    assert cube["differential_entropy"].shape == (2, 1, 2, 3)
    for name in DRAWN:
        for suffix in ("png", "pdf"):
            assert (finished.root / f"results/figures/digits/{name}.{suffix}").stat().st_size > 5000
    assert len(list(finished.root.glob("results/figures/*/*"))) == 2 * len(DRAWN)
    log = (finished.root / "results/logs/train_network/digits/mlp/w1.000000_b0.050000_d003.log").read_text()
    assert "train epoch 2/2" in log
    assert "loss" in log
    log = (finished.root / "results/logs/probe_cascade/digits/mlp/w1.000000_b0.050000_d003.log").read_text()
    assert "probe layers 2-3 of 3, replicas 0, 1" in log


def test_a_second_run_does_nothing(again):
    assert again.plan() == {}


def test_a_new_value_runs_its_own_jobs_and_what_is_made_of_all(again):
    again.configure(experiments={"digits": {"sigma_w2": [1.0, 1.5, 2.0], "depth": [2, 3], "highlight": [1.0]}})
    assert again.plan() == {**dict.fromkeys(PROBES, 1), "train_network": 2, **AFTER_EVALUATION}
    again.run("all_cubes")
    old = xr.load_dataset(again.root / "results/cubes/digits_mlp.nc").sel(sigma_w2=[1.0, 2.0])
    assert (old["probe_status"] == 0).all()


def test_a_removed_value_runs_the_merge_and_the_figures(again):
    again.configure(experiments={"digits": {"sigma_w2": [1.0], "depth": [2, 3], "highlight": [1.0]}})
    assert again.plan() == AFTER_EVALUATION


def test_another_tolerance_evaluates_again(again):
    again.configure(evaluate={"saturation_rtol": 0.1})
    assert again.plan() == {**EVALUATIONS, **AFTER_EVALUATION}


def test_another_training_does_not_probe_again(again):
    again.configure(train={"momentum": 0.5})
    assert again.plan() == {"train_network": 4, **AFTER_EVALUATION}
    again.configure(probe={"learning_rate": 0.002})
    assert again.plan() == {"probe_cascade": 2, "evaluate_kl": 2, **AFTER_EVALUATION}
    again.configure(probe={"ridge_penalty": 0.001})
    assert again.plan() == {"probe_ridge": 2, "evaluate_ridge": 2, **AFTER_EVALUATION}


def test_the_order_of_keys_and_what_is_overridden_anyway_run_nothing(again):
    def backwards(value):
        return {k: backwards(v) for k, v in reversed(value.items())} if isinstance(value, dict) else value

    # the same file gives the digits epochs of their own
    again.configure(train={"epochs": 50})
    assert again.plan() == {}
    again.configure(train={"success_accuracy": 0.9, "momentum": 0.0, "readout": "logits"})
    assert again.plan() == {}
    path = again.root / "tiny.yaml"
    path.write_text(yaml.safe_dump(backwards(yaml.safe_load(path.read_text())), sort_keys=False))
    assert again.plan() == {}


def test_what_an_architecture_overrides_runs_only_what_uses_it(again):
    def override(**sections):
        again.configure(architectures={"mlp": {"width": 12, **sections}})

    override(train={"learning_rate": 0.02})
    assert again.plan() == {"train_network": 4, **AFTER_EVALUATION}
    override(probe={"ridge_samples": 50})
    assert again.plan() == {"probe_ridge": 2, "evaluate_ridge": 2, **AFTER_EVALUATION}
    override(probe={"show_channels": [[1, 0]]})
    assert again.plan() == {**PROBES, **AFTER_EVALUATION, "figure_channels": 1}
    # what is the case already
    override(probe={"epochs": 1}, train={"batch_size": 32})
    assert again.plan() == {}


def test_where_the_data_lie_and_what_the_run_is_called_change_nothing(again):
    again.configure(data_root="/somewhere/else", run={"name": "another name", "replicas": 2})
    assert again.plan() == {}


@pytest.mark.parametrize(
    ("module", "jobs"),
    [
        ("figures/cost.py", {"figure_cost": 1, "figure_overview": 1}),
        ("figures/accuracy_map.py", {"figure_accuracy_map": 1, "figure_overview": 1}),
        ("figures/channels.py", {}),
        ("figures/_style.py", FIGURE_JOBS),
        ("cascade.py", {**PROBES, **AFTER_EVALUATION}),
        ("reconstruction/adam.py", {"probe_cascade": 2, "evaluate_kl": 2, **AFTER_EVALUATION}),
        ("reconstruction/ridge.py", {"probe_ridge": 2, "evaluate_ridge": 2, **AFTER_EVALUATION}),
        ("training.py", {"train_network": 4, **AFTER_EVALUATION}),
        ("divergence.py", {**EVALUATIONS, **AFTER_EVALUATION}),
        ("cubes.py", AFTER_EVALUATION),
        ("theory.py", AFTER_EVALUATION),
        # ridge regression tells layers apart by their kind
        ("maps/convolution.py", {"probe_ridge": 2, "evaluate_ridge": 2, **AFTER_EVALUATION}),
        ("architectures/cnn.py", {}),
        ("architectures/_images.py", {}),
        ("modules.py", {}),
        ("architectures/mlp.py", {**PROBES, "train_network": 4, **AFTER_EVALUATION}),
        ("datasets/mnist.py", {}),
    ],
)
def test_an_edit_runs_the_stages_that_use_it(again, module, jobs):
    path = again.root / "workflow/src/infoflow" / module
    path.write_text(path.read_text() + "\n# edited\n")
    assert again.plan() == jobs


def test_touched_scripts_run_nothing(again):
    time.sleep(1.1)
    for path in again.root.glob("workflow/**/*"):
        if path.is_file():
            path.touch()
    assert again.plan() == {}


def test_a_fresh_checkout_over_existing_results_runs_nothing(again, tmp_path):
    shutil.rmtree(again.root / "workflow")
    shutil.copytree(ROOT / "workflow", again.root / "workflow", ignore=shutil.ignore_patterns("__pycache__"))
    for path in again.root.glob("workflow/**/*"):
        if path.is_file():
            path.touch()
    assert again.plan() == {}
    # nor without Snakemake's records of how the results were made
    shutil.rmtree(again.root / ".snakemake")
    assert again.plan() == {}


def test_a_lost_result_is_made_again_with_what_depends_on_it(again):
    (again.root / "results/probe_cascade/digits/mlp/w1.000000_b0.050000_d003.nc").unlink()
    (again.root / "results/evaluate_kl/digits/mlp/w1.000000_b0.050000_d003.nc").unlink()
    (again.root / "results/cubes/digits_mlp.nc").unlink()
    assert again.plan("all_cubes") == {"probe_cascade": 1, "evaluate_kl": 1, "merge_cube": 1}


def test_reconstructions_that_are_not_kept_are_gone_and_rerun_rules_hold(checkout):
    def drop(**changes):
        checkout.configure(run={"replicas": 2, "keep_reconstructions": False}, **changes)

    drop()
    checkout.run("all_figures")
    assert not list(checkout.root.glob("results/probe_*/**/*.nc"))
    assert len(list(checkout.root.glob("results/evaluate_*/**/*.nc"))) == 4
    assert checkout.plan() == {}
    drop(train={"momentum": 0.5})
    assert checkout.plan() == {"train_network": 4, **AFTER_EVALUATION}
    # whatever needs the reconstructions again has to make them again
    drop(evaluate={"saturation_rtol": 0.1})
    assert checkout.plan() == {**PROBES, **AFTER_EVALUATION}
    drop(probe={"learning_rate": 0.002})
    assert checkout.plan() == {"probe_cascade": 2, "evaluate_kl": 2, **AFTER_EVALUATION}
    # from now on to be kept: nothing runs for that alone
    checkout.configure()
    assert checkout.plan() == {}
    path = checkout.root / "workflow/src/infoflow/reconstruction/adam.py"
    path.write_text(path.read_text() + "\n# edited\n")
    assert checkout.plan() == {"probe_cascade": 2, "evaluate_kl": 2, **AFTER_EVALUATION}
    checkout.run("all_figures")
    assert len(list(checkout.root.glob("results/probe_cascade/**/*.nc"))) == 2


def test_decisions_are_explained_and_only_what_shows_them_runs_again(again):
    digits = {"sigma_w2": [1.0, 2.0], "depth": [2, 3], "highlight": [1.0]}

    def explain(**decisions):
        point = {"sigma_w2": 1.5, "sigma_b2": 0.05, "depth": 4} | decisions
        again.configure(experiments={"digits": digits | {"decisions": point}})

    jobs = {"explain_decisions": 1, "figure_decisions": 1}
    explain()
    assert again.plan() == jobs
    again.run("all_figures")
    found = read_result(again.root / "results/explain_decisions/digits/mlp/w1.500000_b0.050000_d004.nc")
    assert found["prototypes"].shape == (2, 10, 64)
    assert (again.root / "results/figures/digits/decisions.png").stat().st_size > 5000
    assert again.plan() == {}
    explain(images=2)
    assert again.plan() == jobs
    explain(depth=2)
    assert again.plan() == jobs
    explain()
    path = again.root / "workflow/src/infoflow/decisions.py"
    path.write_text(path.read_text() + "\n# edited\n")
    assert again.plan() == jobs
    again.configure()
    assert again.plan() == {}
