"""What runs again after which change: only what has to."""

import json
import os
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest
import yaml

from common import ROOT
from infoflow.files.cubes import read_cube
from infoflow.files.results import read_result
from infoflow.jobs.captions import read_caption
from infoflow.studies.trainability.cube import read_trainability
from runs import (
    CARD,
    CUBE,
    DRAWN,
    EXPLORED,
    OF_ONE,
    STUDIES,
    TINY,
    TOLERANCE,
    TRAININGS,
    Checkout,
    assert_same_numbers,
    drawn,
    results,
)

SCHEMA = "schemas/config.schema.yaml"

BOARD = {"build_leaderboard": 1, **drawn("leaderboard")}
MERGED_BUDGET = {"merge_probing_budget": 1, **drawn("probing_budget")}
MERGED_ISING = {"merge_ising": 2, **drawn("ising")}
MERGED_ENTROPY = {"merge_network_entropy": 1, **drawn("network_entropy")}
MERGED_PLANE = {"merge_information_plane": 1, **drawn("information_plane")}
MERGED_MAP = {"merge_map": 1, **drawn("maps")}
MERGED = {"merge_cube": 1, **DRAWN, **EXPLORED, **MERGED_MAP, **MERGED_BUDGET, **BOARD}
"""The cube of the experiment, and what is made of it."""
ALL_MERGED = {**MERGED, **MERGED_ISING, **MERGED_ENTROPY, **MERGED_PLANE}

CLOSED = {"probe_kernel": 2, "probe_theory": 2}
"""The jobs that probe and evaluate at once."""
EVALUATIONS = {"evaluate_kl": 2, **CLOSED}
PROBED = {"probe_cascade": 2, **EVALUATIONS}
ADAM = {"probe_cascade": 2, "evaluate_kl": 2, "probe_budget": 2, **MERGED}
KERNEL = {"probe_kernel": 2, "probe_budget": 2, **MERGED}
THEORY = {"probe_theory": 2, "probe_budget": 2, **MERGED}
TRAINED = {"train_network": 4, **MERGED}
SCORED = {"score_predictor": 2, **MERGED}
ENTROPY = {"network_entropy": 2, **MERGED_ENTROPY}
MEASURED = {"measure_information": 2, **MERGED_PLANE}
SNAPSHOTS = {"train_snapshots": 2, **MEASURED}
EXACT = {"ising_exact": 2, **MERGED_ISING}
OF_1D = ("ising_flow_1d", "ising_asymptote_1d")
SAMPLED = {"ising_monte_carlo": 2, "merge_ising": 1, **drawn("ising", without=OF_1D)}
NETWORKS = {"probe_kernel": 2, "probe_cascade": 2, "evaluate_kl": 2, **TRAINED, **SCORED, "probe_budget": 2, **ENTROPY}
"""All jobs with networks of an architecture, and what is made of them."""
EVERYTHING = {"prepare_dataset": 2, **NETWORKS, **THEORY, **SNAPSHOTS, **SAMPLED, **EXACT}


def drawn_with(*figures: str) -> dict[str, int]:
    """The jobs that draw these figures of the tiny experiment."""
    return {f"figure_{name}": 1 for name in figures}


def planned(run: Checkout, *arguments: str) -> dict[str, int]:
    """What a run of all there is would do."""
    return run.plan(*arguments, "all_figures", "study_leaderboard")


def test_the_tiny_grid_and_all_studies_make_every_result(finished):
    cube = read_trainability(finished.root / CUBE)
    assert (cube["probe_status"] == 0).all()
    assert (cube["train_status"] == 0).all()
    assert cube["differential_entropy"].shape == (2, 1, 2, 3)
    figures = [name.removeprefix("figure_") for name in ALL_MERGED if name.startswith("figure_")]
    files = {path.name: path.stat().st_size for path in finished.root.glob("results/figures/*/*")}
    assert set(files) == {f"{name}.{suffix}" for name in figures for suffix in ("png", "pdf", "json")}
    assert min(size for name, size in files.items() if not name.endswith(".json")) > 5000
    said = [read_caption(path) for path in finished.root.glob("results/figures/*/*.json")]
    assert [one["figure"] for one in said if not (one["finding"] and one["caption"])] == []
    assert len(list(finished.root.glob("results/figures/digits/*"))) == 3 * len(DRAWN)
    log = (finished.root / "results/logs/train_network/digits/mlp/w1.000000_b0.050000_d003.log").read_text()
    assert "train epoch 2/2" in log
    assert "loss" in log
    log = (finished.root / "results/logs/probe_cascade/digits/mlp/w1.000000_b0.050000_d003.log").read_text()
    assert "probe layers 2-3 of 3, replicas 0, 1" in log


def test_a_second_run_does_nothing_and_a_run_elsewhere_everything(whole, tmp_path):
    assert planned(whole) == {}
    assert planned(whole, "--directory", tmp_path / "elsewhere") == EVERYTHING


# --- the config


def test_a_new_value_runs_its_own_jobs_and_what_is_made_of_all(again):
    again.configure(experiments={"digits": {"sigma_w2": [1.0, 1.5, 2.0], "depth": [2, 3], "highlight": [1.0]}})
    new = {"probe_kernel": 1, "probe_theory": 1, "probe_cascade": 1, "evaluate_kl": 1, "score_predictor": 1}
    assert again.plan() == {**new, "train_network": 2, "merge_cube": 1, **DRAWN, **EXPLORED}
    again.run("all_cubes")
    old = read_trainability(again.root / CUBE).sel(sigma_w2=[1.0, 2.0])
    assert (old["probe_status"] == 0).all()


def test_a_removed_value_runs_the_merge_and_the_figures(again):
    again.configure(experiments={"digits": {"sigma_w2": [1.0], "depth": [2, 3], "highlight": [1.0]}})
    assert again.plan() == {"merge_cube": 1, **OF_ONE, **EXPLORED}


CHANGES = {
    "evaluate.saturation_rtol": ({"evaluate": {"saturation_rtol": 0.1}}, {**EVALUATIONS, **MERGED}),
    # that of the networks of which the entropy is measured is their own, but for the momentum
    "train.momentum": ({"train": {"momentum": 0.5}}, {**TRAINED, **ENTROPY}),
    "probe.learning_rate": ({"probe": {"learning_rate": 0.002}}, ADAM),
    "probe.kernel_penalty": ({"probe": {"kernel_penalty": 0.001}}, {**KERNEL, **THEORY}),
    "probe.ridge_penalty": ({"probe": {"ridge_penalty": 0.001}}, {}),
    "predictors.batch_size": ({"predictors": TINY["predictors"] | {"batch_size": 17}}, SCORED),
    # the information plane has replicas of its own; all cubes tell the settings of the run
    "run.replicas": ({"run": {"name": "tiny", "replicas": 3}}, {**NETWORKS, **MERGED_ISING, **MERGED_PLANE}),
    "information_plane.epochs": ({"information_plane": STUDIES["information_plane"] | {"epochs": 5}}, SNAPSHOTS),
    "ising.chain": (
        {"ising": STUDIES["ising"] | {"chain": {"steps": 2}}},
        {"ising_exact": 1, "merge_ising": 1, **{f"figure_{name}": 1 for name in OF_1D}},
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_runs_what_depends_on_it_with_and_without_notes_of_how_results_were_made(whole, name):
    change, jobs = CHANGES[name]
    whole.configure_all(**change)
    assert planned(whole) == jobs
    whole.forget()
    assert planned(whole) == jobs


def test_the_order_of_keys_and_what_is_overridden_anyway_run_nothing(whole):
    def backwards(value):
        return {k: backwards(v) for k, v in reversed(value.items())} if isinstance(value, dict) else value

    # the learning rate of the digits is their own
    whole.configure_all(train={"learning_rate": 0.02})
    assert planned(whole) == {}
    whole.configure_all(train={"success_accuracy": 0.9, "momentum": 0.0, "readout": "logits"}, evaluate={})
    assert planned(whole) == {}
    path = whole.root / "tiny.yaml"
    path.write_text(yaml.safe_dump(backwards(yaml.safe_load(path.read_text())), sort_keys=False))
    assert planned(whole) == {}


def test_what_an_architecture_overrides_runs_only_what_uses_it(again):
    def override(**sections):
        again.configure(architectures={"mlp": {"width": 12, **sections}})
        return again.plan()

    merged = {"merge_cube": 1, **DRAWN, **EXPLORED}
    assert override(train={"learning_rate": 0.02}) == {"train_network": 4, **merged}
    assert override(probe={"kernel_samples": 50}) == {**CLOSED, **merged}
    shown = {"method": ["adam", "kernel"], "show_channels": [[1, 0]]}
    assert override(probe=shown) == {"probe_cascade": 2, "evaluate_kl": 2, **merged, "figure_channels": 1}
    # what is the case already
    assert override(probe={"epochs": 1}, train={"batch_size": 32}) == {}


def test_the_summary_is_made_again_if_it_says_something_else(whole):
    assert whole.jobs() == {}
    whole.edit("studies/summary/page.py")
    assert whole.jobs() == {"summarize": 1}
    whole.run("results/summary.html")
    assert whole.jobs() == {}
    whole.configure()  # other studies are no longer asked for
    assert whole.jobs() == {"summarize": 1}


def test_what_only_figures_show_merges_nothing(whole):
    digits = TINY["experiments"]["digits"]
    whole.configure_all(experiments={"digits": digits | {"highlight": [1.0, 2.0]}})
    assert planned(whole) == DRAWN


def test_where_the_data_lie_runs_nothing(whole):
    whole.configure_all(data_root="/somewhere/else")
    assert planned(whole) == {}


def test_another_name_of_the_run_merges_and_draws_so_that_no_cube_has_the_old_one(whole):
    whole.configure_all(run=TINY["run"] | {"name": "another name"})
    assert planned(whole) == ALL_MERGED
    whole.run(CUBE, "results/cubes/ising_1d.nc")
    for path in (CUBE, "results/cubes/ising_1d.nc"):
        cube = read_cube(whole.root / path)
        assert cube.attrs["title"] == "another name"
        assert json.loads(cube.attrs["config"])["run"]["name"] == "another name"


def test_another_experiment_runs_itself_and_nothing_of_the_first_one(whole):
    other = {"sigma_w2": [1.5], "depth": [2], "highlight": [1.5]}
    of_it = {"probe_kernel": 1, "probe_theory": 1, "probe_cascade": 1, "evaluate_kl": 1, "merge_cube": 1}
    judged = ("overview", "trainability_map", "boundary", "roc", "cost")
    untrue = {name: n for name, n in OF_ONE.items() if name.removeprefix("figure_") not in judged}
    whole.configure_all(experiments=TINY["experiments"] | {"other": other | {"truth": False}})
    assert planned(whole) == {**of_it, **untrue, **EXPLORED}
    whole.configure_all(experiments=TINY["experiments"] | {"other": other})
    # the leaderboard is that of both
    assert planned(whole) == {**of_it, "train_network": 1, "score_predictor": 1, **OF_ONE, **EXPLORED, **CARD, **BOARD}
    # with the points of the first one, it is merged and drawn
    whole.configure_all(experiments=TINY["experiments"] | {"other": other | {"sigma_w2": [1.0], "highlight": [1.0]}})
    assert planned(whole) == {"merge_cube": 1, **OF_ONE, **EXPLORED, **CARD, **BOARD}


# --- the code


@pytest.mark.parametrize(
    ("module", "jobs"),
    [
        ("studies/trainability/figures/cost.py", {"figure_cost": 1, "figure_overview": 1, "figure_roc": 1}),
        ("studies/trainability/figures/trainability_map.py", drawn_with("trainability_map", "overview", "roc")),
        ("studies/trainability/figures/channels.py", {}),
        ("studies/explorer/data.py", EXPLORED),
        ("studies/ising/figures/ising_probes.py", {"figure_ising_probes": 1}),
        ("figures/style.py", {name: 1 for name in ALL_MERGED if name.startswith("figure_")}),
        # also what is measured of reconstructions in the other studies
        ("reconstruction/cascade.py", {**ADAM, **MEASURED}),
        ("reconstruction/kernel.py", KERNEL),
        ("theory/reconstruction.py", THEORY),
        ("studies/trainability/curves.py", {**EVALUATIONS, "probe_budget": 2, **MERGED}),
        ("reconstruction/adam.py", ADAM),
        ("reconstruction/ridge.py", MEASURED),
        ("engine/training.py", {**TRAINED, **SCORED, **ENTROPY}),
        ("engine/initialization.py", {**NETWORKS, **SNAPSHOTS}),
        ("studies/trainability/merge_cube.py", MERGED),
        ("studies/trainability/evaluate_kl.py", {"evaluate_kl": 2, **MERGED}),
        ("reconstruction/divergence.py", {**EVALUATIONS, "probe_budget": 2, **MEASURED, **MERGED}),
        ("theory/architectures.py", MERGED),
        ("theory/meanfield.py", {**THEORY, **MERGED_ENTROPY, **MERGED_PLANE}),
        # ridge regression tells layers apart by their kind, the predictors do not
        ("engine/maps/convolution.py", MEASURED),
        ("architectures/cnn.py", {}),
        ("architectures/_images.py", {}),
        ("architectures/modules.py", {}),
        # of networks that are modules of PyTorch, of which there are none here
        ("architectures/modular.py", {}),
        ("modules/probe.py", {}),
        ("modules/ground_truth.py", {}),
        ("predictors/modular.py", {}),
        ("architectures/mlp.py", NETWORKS),
        ("datasets/mnist.py", {}),
        ("predictors/snip.py", SCORED),
        ("predictors/fisher.py", {}),
        ("estimators/range_binning.py", MEASURED),
        ("estimators/width_binning.py", {}),
        ("studies/ising/square.py", EXACT),
        ("studies/ising/monte_carlo.py", SAMPLED),
        ("studies/network_entropy/measure.py", ENTROPY),
        ("studies/network_entropy/theory.py", MERGED_ENTROPY),
        ("studies/probing_budget/probe_budget.py", {"probe_budget": 2, **MERGED_BUDGET}),
        ("studies/information_plane/training.py", SNAPSHOTS),
        ("studies/information_plane/measure_information.py", MEASURED),
        ("verdict/standing.py", MERGED),
        ("files/results.py", EVERYTHING),
    ],
)
def test_an_edit_runs_the_stages_that_use_it(whole, module, jobs):
    whole.edit(module)
    assert planned(whole) == jobs


@pytest.mark.parametrize("suffix", ["css", "html", "js"])
def test_an_edit_of_the_page_makes_it_again_and_nothing_else(whole, suffix):
    with whole.source(f"studies/explorer/explorer.{suffix}").open("a") as file:
        file.write("\n")
    assert planned(whole) == EXPLORED
    whole.forget()
    assert planned(whole) == EXPLORED


def test_an_edit_of_a_theory_scores_the_predictors_that_are_theory(again):
    def plan_of_a_column(name):
        again.configure(predictors={"names": [name], "batch_size": 16})
        path = "results/score_predictor/digits/mlp/w1.000000_b0.050000_d003.nc"
        again.run(path)
        again.edit("theory/meanfield.py")
        return again.plan(path)

    assert plan_of_a_column("lyapunov") == {}
    assert plan_of_a_column("forward_correlation") == {"score_predictor": 1}


@pytest.mark.parametrize(
    ("module", "jobs"),
    [
        ("files/about.py", {**MERGED, **MERGED_ENTROPY, **MERGED_PLANE}),
        # whose words the other studies of networks use
        ("studies/trainability/about.py", {**MERGED, **MERGED_ENTROPY, **MERGED_PLANE}),
        ("studies/ising/about.py", MERGED_ISING),
        ("studies/network_entropy/about.py", MERGED_ENTROPY),
        ("studies/probing_budget/about.py", MERGED_BUDGET),
        ("studies/maps/about.py", MERGED_MAP),
        ("studies/information_plane/about.py", MERGED_PLANE),
        ("studies/leaderboard/about.py", BOARD),
    ],
)
def test_an_edit_of_a_description_merges_and_draws_alone(whole, module, jobs):
    whole.edit(module)
    assert planned(whole) == jobs


def test_a_new_title_is_in_the_merged_cube_though_nothing_was_computed(again):
    old = read_cube(again.root / CUBE)["differential_entropy"].attrs["long_name"]
    again.replace("src/infoflow/studies/trainability/about.py", f'"{old}', f'"new title, {old}')
    again.run(CUBE)
    assert read_cube(again.root / CUBE)["differential_entropy"].attrs["long_name"] == f"new title, {old}"


def test_an_edit_of_the_planning_and_of_tables_of_plug_ins_runs_nothing(whole):
    package = whole.source("")
    tables = [*package.glob("**/kinds.py"), *package.glob("config/*.py")]
    plans = [package / "plan.py", *package.glob("studies/*/plan.py"), package / "studies/study.py"]
    others = [package / f"jobs/{name}.py" for name in ("notes", "slurm", "unchanged")]
    assert len(tables) > 10
    assert len(plans) == 14
    whole.edit(*(path.relative_to(package) for path in (*tables, *plans, *others)))
    assert planned(whole) == {}


def test_comments_docstrings_and_blank_lines_in_all_modules_at_once_run_nothing(whole):
    files = [*whole.source("").rglob("*.py"), *whole.root.glob("workflow/scripts/*.py")]
    assert len(files) > 150
    for path in files:
        path.write_text(f'# edited\n\n{path.read_text()}\n\n\n# edited\n"""Edited."""\n')
    assert planned(whole) == {}


def test_an_edit_that_is_recorded_to_change_no_number_runs_nothing(whole):
    def git(*arguments: str) -> None:
        who = ("-c", "user.name=author", "-c", "user.email=author@localhost")
        subprocess.run(["git", *who, *arguments], cwd=whole.root, check=True, capture_output=True)

    git("init", "--quiet")
    git("add", "workflow")
    git("commit", "--quiet", "--message", "a commit")
    module, why = "engine/training.py", "a constant that nothing uses"
    whole.edit(module)
    assert planned(whole)["train_network"] == 4
    subprocess.run(
        [sys.executable, "-m", "infoflow.jobs.unchanged", module, why],
        env=os.environ | {"PYTHONPATH": str(whole.source("").parent)},
        check=True,
    )
    assert planned(whole) == {}
    git("add", "workflow")
    git("commit", "--quiet", "--message", "another commit")
    assert planned(whole) == {}
    (whole.root / CUBE).unlink()
    whole.run(CUBE)
    (edit,) = json.loads(read_cube(whole.root / CUBE).attrs["edits_without_effect"])
    assert (edit["module"], edit["why"]) == (module, why)
    # the next edit is one again
    whole.edit(module)
    assert planned(whole)["train_network"] == 4


def test_touched_files_run_nothing(whole):
    time.sleep(1.1)
    for path in whole.root.glob("workflow/**/*"):
        if path.is_file():
            path.touch()
    assert planned(whole) == {}


# --- plug-ins


def test_a_new_estimator_measures_again_where_it_is_named_and_trains_nothing(whole):
    shutil.copy(whole.source("estimators/width_binning.py"), whole.source("estimators/wide_bins.py"))
    known = '    "width_binning": Kind({"width": 0.07}),\n'
    whole.replace("src/infoflow/estimators/kinds.py", known, known + known.replace("width_binning", "wide_bins"))
    whole.replace(SCHEMA, "range_binning, width_binning]", "range_binning, width_binning, wide_bins]")
    assert planned(whole) == {}
    plane = STUDIES["information_plane"]
    named = plane["estimators"] | {"own": {"kind": "wide_bins", "width": 0.5}}
    whole.configure_all(information_plane=plane | {"estimators": named})
    assert planned(whole) == MEASURED
    whole.run("results/cubes/information_plane.nc")
    cube = read_cube(whole.root / "results/cubes/information_plane.nc")
    assert cube["estimator"].values.tolist()[-1] == "own"
    assert cube["input_information"].sel(estimator="own").notnull().all()


PREDICTOR = '''"""A score that looks at nothing."""

import numpy as np

from infoflow.predictors.untrained import Scores, Untrained


def score(untrained: Untrained) -> Scores:
    """The replica."""
    replica = np.arange(untrained.replicas, dtype=float)
    return Scores(replica, replica)
'''


def test_a_new_predictor_scores_again_where_it_is_named_and_trains_and_probes_nothing(whole):
    whole.source("predictors/own.py").write_text(PREDICTOR)
    entry = 'About(title="own", formula="r", raw="r", needs="theory", two_sided=False, cost="0", source="none")'
    old = "PREDICTORS: dict[str, About] = {\n"
    whole.replace("src/infoflow/predictors/kinds.py", old, f'{old}    "own": {entry},\n')
    whole.replace(SCHEMA, "          - synflow\n", "          - synflow\n          - own\n")
    assert planned(whole) == {}
    whole.configure_all(predictors=TINY["predictors"] | {"names": ["snip", "lyapunov", "own"]})
    assert planned(whole) == SCORED
    whole.run(CUBE)
    cube = read_trainability(whole.root / CUBE)
    assert (cube["prediction_score"].sel(score="own") == cube["replica"]).all()


@pytest.mark.parametrize(
    ("study", "entry", "copied", "cube"),
    [
        ("ising", '"new_figure": "1d"', "ising_asymptote_1d", "ising_1d"),
        ("trainability", '"new_figure": Needs()', "entropy_maps", "digits"),
    ],
    ids=["ising", "trainability"],
)
def test_a_new_figure_is_drawn_and_nothing_else(whole, study, entry, copied, cube):
    folder = whole.source(f"studies/{study}")
    shutil.copy(folder / f"figures/{copied}.py", folder / "figures/new_figure.py")
    plan = f"src/infoflow/studies/{study}/plan.py"
    old = "FIGURES: ClassVar[Mapping[str, Any]] = {\n"
    whole.replace(plan, old, f"{old}        {entry},\n")
    (whole.root / "workflow/report/new_figure.rst").write_text("What is to be seen.")
    assert planned(whole) == {"figure_new_figure": 1}
    whole.run("all_figures")
    assert (whole.root / f"results/figures/{cube}/new_figure.png").stat().st_size > 5000


def test_a_new_activation_runs_nothing(whole):
    shutil.copy(whole.source("engine/activations/erf.py"), whole.source("engine/activations/own.py"))
    whole.replace("src/infoflow/engine/activations/kinds.py", '"linear",\n', '"linear",\n    "own",\n')
    whole.replace(SCHEMA, "enum: [tanh, erf, relu, gelu", "enum: [tanh, erf, relu, own, gelu")
    whole.replace(SCHEMA, "tanhshrink, linear]", "tanhshrink, linear, own]")
    assert planned(whole) == {}
    # named, it is computed, but for the theory, which knows nothing of it, and the map, which wants to show that
    own = {"width": 12, "activation": "own", "probe": {"method": ["kernel", "adam"]}}
    whole.configure_all(architectures={"mlp": own}, maps={})
    assert planned(whole) == {rule: number for rule, number in NETWORKS.items() if rule not in MERGED_MAP}


# --- the files


def test_a_fresh_checkout_over_existing_results_runs_nothing(whole):
    shutil.rmtree(whole.root / "workflow")
    shutil.copytree(ROOT / "workflow", whole.root / "workflow", ignore=shutil.ignore_patterns("__pycache__"))
    for path in whole.root.glob("workflow/**/*"):
        if path.is_file():
            path.touch()
    assert planned(whole) == {}
    # nor without Snakemake's notes of how the results were made
    whole.forget()
    assert planned(whole) == {}


def test_results_that_are_copied_into_another_checkout_are_known_there(finished, checkout):
    checkout.configure_all()
    shutil.copytree(finished.root / "results", checkout.root / "results")
    assert planned(checkout) == {}
    checkout.run("all_figures")
    assert results(checkout) == results(finished)


def test_the_result_of_another_config_is_made_again_where_nobody_noted_how_it_was_made(whole):
    """Put in the place of the right one, with its time."""
    right = whole.root / TRAININGS[0]
    times, loss = (right.stat().st_atime_ns, right.stat().st_mtime_ns), read_result(right)["loss"][..., -1]
    whole.configure_all(train={"momentum": 0.5})
    whole.run(TRAININGS[0])
    os.utime(right, ns=times)
    assert not np.isclose(read_result(right)["loss"][..., -1], loss).any()
    whole.configure_all()
    whole.forget()
    assert planned(whole) == {"train_network": 1, **MERGED}
    whole.run(TRAININGS[0])
    np.testing.assert_allclose(read_result(right)["loss"][..., -1], loss, rtol=TOLERANCE)


def test_a_lost_result_is_made_again_with_what_depends_on_it(whole):
    (whole.root / "results/probe_cascade/digits/mlp/w1.000000_b0.050000_d003.nc").unlink()
    (whole.root / "results/evaluate_kl/digits/mlp/w1.000000_b0.050000_d003.nc").unlink()
    (whole.root / CUBE).unlink()
    assert whole.plan("all_cubes") == {
        "probe_cascade": 1,
        "evaluate_kl": 1,
        "merge_cube": 1,
        "merge_probing_budget": 1,
        "merge_map": 1,
    }


def test_lost_cubes_are_merged_again_with_the_figures_and_nothing_is_computed(whole):
    before, cube = results(whole), read_trainability(whole.root / CUBE)
    shutil.rmtree(whole.root / "results/cubes")
    assert planned(whole) == ALL_MERGED
    whole.run("all_cubes")
    cubes = [path for path in before if path.startswith("results/cubes/")]
    assert len(cubes) == 8
    after = results(whole)
    assert set(before) - set(after) == {"results/cubes/leaderboard.nc"}
    assert {p: t for p, t in after.items() if p not in cubes} == {p: t for p, t in before.items() if p not in cubes}
    assert_same_numbers(read_trainability(whole.root / CUBE), cube)
    # with the figures, too
    shutil.rmtree(whole.root / "results/cubes")
    whole.configure_all(run=TINY["run"] | {"studies": ["ising"]})
    whole.run("all_figures")
    assert {path.name for path in (whole.root / "results/cubes").iterdir()} == {"ising_1d.nc", "ising_2d.nc"}
    assert whole.plan() == {}


def test_two_runs_side_by_side_keep_their_results(whole, tmp_path):
    here, elsewhere = results(whole), Checkout.at(tmp_path / "elsewhere")
    there = ("--directory", elsewhere.root)
    ising = STUDIES["ising"]
    whole.configure(
        run={"name": "elsewhere", "seed": 1}, ising=ising | {"monte_carlo": ising["monte_carlo"] | {"couplings": [0.3]}}
    )
    assert whole.plan(*there, "study_ising") == {**EXACT, "ising_monte_carlo": 1}
    whole.run(*there, "results/cubes/ising_1d.nc", "results/cubes/ising_2d.nc")
    assert read_cube(elsewhere.root / "results/cubes/ising_1d.nc").attrs["title"] == "elsewhere"
    assert whole.plan(*there, "study_ising") == drawn("ising")
    made = results(elsewhere)
    assert len(made) == 5
    whole.configure_all()
    assert planned(whole) == {}
    assert results(whole) == here
    assert results(elsewhere) == made


def test_reconstructions_that_are_not_kept_are_gone_and_rerun_rules_hold(again):
    def drop(**changes):
        again.configure(run=TINY["run"] | {"keep_reconstructions": False}, **changes)

    merged = {"merge_cube": 1, **DRAWN, **EXPLORED}
    # as in a checkout in which nothing was probed yet
    for folder in again.root.glob("results/*_*/digits/mlp"):
        if folder.parts[-3] in PROBED:
            shutil.rmtree(folder)
    (again.root / CUBE).unlink()
    drop()
    assert again.plan() == {**PROBED, **merged}
    again.run("all_cubes")
    again.take_figures_as_drawn()
    assert not list(again.root.glob("results/probe_cascade/digits/**/*.nc"))
    for rule in EVALUATIONS:
        assert len(list(again.root.glob(f"results/{rule}/**/*.nc"))) == 2
    assert again.plan() == {}
    drop(train={"momentum": 0.5})
    assert again.plan() == {"train_network": 4, **merged}
    # whatever needs the reconstructions again has to make them again
    drop(evaluate={"saturation_rtol": 0.1})
    assert again.plan() == {**PROBED, **merged}
    drop(probe={"learning_rate": 0.002})
    assert again.plan() == {"probe_cascade": 2, "evaluate_kl": 2, **merged}
    # from now on to be kept: nothing runs for that alone
    again.configure()
    assert again.plan() == {}
    again.edit("reconstruction/adam.py")
    assert again.plan() == {"probe_cascade": 2, "evaluate_kl": 2, **merged}
    again.run("all_cubes")
    assert len(list(again.root.glob("results/probe_cascade/**/*.nc"))) == 2


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
    again.edit("studies/trainability/explain_decisions.py")
    assert again.plan() == jobs
    again.configure()
    assert again.plan() == {}
