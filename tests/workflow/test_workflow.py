"""The workflow as a whole: style, plans, refusals, failures, report."""

import ast
import json
import re
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import yaml

from common import ROOT, load_config
from infoflow.files.cubes import read_cube
from infoflow.files.results import read_result
from infoflow.plan import KINDS, Plan
from infoflow.reconstruction.kinds import METHODS
from infoflow.studies.check_calibration.plan import FAMILIES, CheckCalibration
from infoflow.studies.claims.plan import Claims
from infoflow.studies.recommendation.plan import Recommendation
from infoflow.studies.trainability.cube import read_trainability
from infoflow.studies.trainability.plan import Trainability
from runs import CARD, CUBE, DRAWN, EXPLORED, OF_ONE, ON_REQUEST, STUDIES, TINY, drawn

FIGURES = Trainability.FIGURES
TRUTH = {name for name, needs in FIGURES.items() if needs.truth}
PROBES = {"prepare_dataset", "probe_kernel", "probe_theory", "probe_cascade", "evaluate_kl"}


def tool(*command: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True)


def pictures(experiment: str) -> list[str]:
    """Figures of an experiment that have all panels of all of them: the overview has those of three others."""
    others = {"entropy_maps", "trainability_map", "boundary", "cost"}
    names = (name.removeprefix("figure_") for name in OF_ONE)
    return [f"results/figures/{experiment}/{name}.png" for name in names if name not in others]


def sizes(folder) -> dict[str, int]:
    """Of the pictures in a folder of figures."""
    return {path.stem: path.stat().st_size for path in folder.glob("*.png")}


@pytest.mark.parametrize(
    "command",
    [
        ("snakemake", "--lint"),
        ("snakemake", "--lint", "--snakefile", "workflow/Snakefile"),
        ("snakefmt", "--check", "Snakefile", "workflow"),
        ("ruff", "check", "."),
        ("ruff", "format", "--check", "."),
    ],
    ids=" ".join,
)
def test_the_linters_are_content(command):
    done = tool(*command)
    assert done.returncode == 0, done.stdout + done.stderr


# --- plans


@pytest.mark.parametrize("snakefile", ["Snakefile", "workflow/Snakefile"])
def test_both_snakefiles_plan_the_demonstration_if_no_config_is_named(checkout, snakefile):
    asked = Plan(load_config(), ROOT)
    trainability, config = asked.of["trainability"], asked.config
    grid = trainability.grid
    assert len(grid.probes("digits")) == 12
    assert len(grid.searches("digits")) == 12
    assert grid.trainings() == []

    def probes(method):
        asked = [e.name for e in grid.experiments.values() if method in trainability.methods(e)]
        return len({p for name in asked for p in grid.probes(name)})  # experiments share points

    plan = checkout.plan("--snakefile", snakefile, config=None)
    assert plan["prepare_dataset"] == len({config["information_plane"]["dataset"], *grid.datasets()}) == 3
    assert plan["probe_cascade"] == plan["evaluate_kl"] == probes("adam")
    assert plan["probe_ridge"] == plan["evaluate_ridge"] == probes("ridge")
    assert (plan["probe_kernel"], plan["probe_theory"]) == (probes("kernel"), probes("theory")) == (26, 12)
    assert "train_network" not in plan
    assert plan["merge_cube"] == len(grid.experiments) == 5
    # of five experiments one has truth and decisions, one shows channels, three know a length; none has a plane
    assert {name: plan.get(f"figure_{name}", 0) for name in FIGURES} == {
        name: 1 if needs.truth or needs.channels else 3 if needs.lengths else 0 if needs.plane else 5
        for name, needs in FIGURES.items()
    }
    assert plan["explain_decisions"] == 1
    # one job for all depths of a column
    assert plan["score_predictor"] == len({(p.architecture, p.sigma_w2, p.sigma_b2) for p in grid.judged()}) == 12
    assert plan["search_boundary"] == 12
    assert plan["network_entropy"] == 6
    networks = asked.of["information_plane"].networks_by_name
    assert plan["train_snapshots"] == plan["measure_information"] == len(networks) == 12
    assert plan["ising_exact"] == 2
    assert plan["ising_monte_carlo"] == len(config["ising"]["monte_carlo"]["couplings"])
    assert plan["check_claims"] == plan["explorer"] == 1
    one_cube_each = drawn(
        *(name for name, study in asked.of.items() if study is not trainability and study.names() and study.wanted())
    )
    assert one_cube_each.items() <= plan.items()


def test_the_targets_stop_where_they_say(checkout):
    assert set(checkout.plan("all_probes")) == PROBES
    assert set(checkout.plan("all_trainings")) == {"prepare_dataset", "train_network"}
    assert set(checkout.plan("all_cubes")) == {*PROBES, "train_network", "score_predictor", "merge_cube"}
    assert checkout.plan("experiment_digits") == checkout.plan("study_trainability")
    assert checkout.plan("all_figures") == {**checkout.plan("experiment_digits"), **EXPLORED}
    merged = checkout.plan("all_cubes")
    assert checkout.plan("explorer") == checkout.plan("results/explorer.html") == {**merged, **EXPLORED}
    assert checkout.plan("all_trainings", "--batch", "all_trainings=1/2")["train_network"] == 2


def test_a_target_per_study_plans_it_and_what_it_looks_at(checkout):
    checkout.configure_all()
    experiment = {*PROBES, "train_network", "score_predictor", "merge_cube"}
    needed = {
        "trainability": experiment,
        "ising": {"ising_exact", "ising_monte_carlo", "merge_ising"},
        "network_entropy": {"prepare_dataset", "network_entropy", "merge_network_entropy"},
        "probing_budget": {*experiment, "probe_budget", "merge_probing_budget"},
        "information_plane": {
            *("prepare_dataset", "train_snapshots", "measure_information", "merge_information_plane"),
        },
        "leaderboard": {*experiment, "build_leaderboard"},
        "recommendation": {*experiment, "recommend"},
        "maps": {*PROBES, "merge_cube", "merge_map", "train_network", "score_predictor"},
    }
    # claims are on experiments of the configs that come with the workflow: see test_claims.py; the explorer has no cube
    assert set(needed) == {kind.name for kind in KINDS} - {"claims", "check_calibration", "explorer", "summary"}
    for study, rules in needed.items():
        figures = DRAWN if study == "trainability" else drawn(study)
        assert set(checkout.plan(f"study_{study}")) == {*rules, *figures}


OWN = """\
datasets:
  digits: {train_samples: 64, test_samples: 40, probe: {evaluation_samples: 20, kernel_samples: 30}}
experiments:
  mine:
    dataset: digits
    architecture: mlp
    sigma_w2: [1.0, 2.0]
    sigma_b2: [0.05]
    depth: [3]
    highlight: [1.0]
"""
"""All that a config of one's own needs."""


def test_a_config_of_ten_lines_runs_itself_and_nothing_else(checkout):
    assert len(OWN.splitlines()) == 10
    (checkout.root / "own.yaml").write_text(OWN)
    probed = {"prepare_dataset": 1, "probe_kernel": 2, "probe_theory": 2}
    jobs = {**probed, "train_network": 2, "score_predictor": 2}
    assert checkout.plan(config="own.yaml") == {**jobs, "merge_cube": 1, **DRAWN, **EXPLORED}
    # laid over the demonstration, an experiment adds to it
    checkout.write("more.yaml", {"experiments": yaml.safe_load(OWN)["experiments"]})
    assert checkout.plan("all_cubes", config="config/config.yaml more.yaml")["merge_cube"] == 6
    checkout.write("untrue.yaml", {"experiments": {"mine": {"truth": False}}})
    assert checkout.plan("all_cubes", config="own.yaml untrue.yaml") == {**probed, "merge_cube": 1}


def test_a_target_per_experiment_plans_only_what_it_needs(checkout):
    checkout.configure(
        experiments={
            "a": {"sigma_w2": [1.0, 2.0, 3.0], "depth": [2, 3], "highlight": [1.0]},
            "b": {"sigma_w2": [3.0, 4.0], "depth": [3], "highlight": [3.0]},
        },
    )
    jobs = {"prepare_dataset": 1, "probe_kernel": 2, "probe_theory": 2, "probe_cascade": 2, "evaluate_kl": 2}
    jobs |= {"train_network": 2, "score_predictor": 2, "merge_cube": 1}
    assert checkout.plan("experiment_b") == {**jobs, **DRAWN}
    assert checkout.plan("results/cubes/b.nc") == jobs
    # a point that both have is computed once
    both = checkout.plan("all_cubes")
    assert (both["train_network"], both["probe_cascade"], both["merge_cube"]) == (7, 4, 2)


def test_a_run_of_some_studies_has_no_job_of_another(checkout):
    def plan(*studies):
        checkout.write("only.yaml", {"run": {"studies": list(studies)}})
        return checkout.plan(config="config/config.yaml only.yaml")

    couplings = Plan(load_config(), ROOT).config["ising"]["monte_carlo"]["couplings"]
    ising = {"ising_exact": 2, "ising_monte_carlo": len(couplings), "merge_ising": 2, **drawn("ising")}
    assert plan("ising") == ising
    entropy = {"prepare_dataset": 1, "network_entropy": 6, "merge_network_entropy": 1, **drawn("network_entropy")}
    assert plan("network_entropy", "ising") == {**ising, **entropy}


def test_the_slurm_profile_is_read(checkout):
    """Its plan; a run needs a cluster."""
    settings = yaml.safe_load((ROOT / "profiles/slurm/config.yaml").read_text())
    local = yaml.safe_load((ROOT / "profiles/local/config.yaml").read_text())
    assert settings["executor"] == "slurm"
    for key in ("scheduler", "rerun-triggers", "ignore-incomplete", "keep-going"):
        assert settings[key] == local[key]
    scripts = {path.stem for path in (ROOT / "workflow/scripts").glob("*.py") if not path.stem.startswith("draw_")}
    rules = {*scripts, *(rule for method in METHODS.values() for rule in (method.probe, method.evaluation))}
    assert set(settings["set-resources"]) <= rules
    # all that may use a GPU asks for one
    assert {rule for rule, resources in settings["set-resources"].items() if "gpu" in resources} == {
        *("probe_cascade", "probe_kernel", "train_network", "search_boundary", "explain_decisions", "score_predictor"),
        *("network_entropy", "probe_budget", "train_snapshots"),
    }


# --- refusals and failures


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"experiments": {"digits": {"sigma_w2": [-1.0]}}}, "experiments.digits.sigma_w2[0]: -1.0"),
        ({"experiments": {"digits": {"sigma_w2": [1.0, 1.0]}}}, "would have the same file name"),
        ({"experiments": {"digits": {"dataset": "digitz"}}}, "unknown dataset 'digitz'; did you mean digits?"),
        ({"experiments": {"digits": {"depth": []}}}, "experiments.digits.depth"),
        ({"experiment": {}}, "experiment: unknown key; did you mean experiments?"),
        ({"experiments": {"digits": None}}, "nothing to do; name an experiment"),
    ],
)
def test_a_bad_config_is_refused_before_anything_is_planned(checkout, change, message):
    checkout.write("bad.yaml", change)
    done = checkout.snakemake("--dry-run", config="tiny.yaml bad.yaml")
    assert done.returncode != 0
    lines = [line for line in (done.stdout + done.stderr).splitlines() if message in line]
    assert len(lines) == 1
    assert "Traceback" not in done.stdout + done.stderr


def test_a_failing_job_says_why_in_one_line_and_leaves_no_result(checkout):
    checkout.configure(
        datasets={"mnist": {"kind": "mnist"}},
        data_root=str(checkout.root / "Snakefile"),  # a file cannot hold data sets
        experiments={"digits": {"dataset": "mnist", "sigma_w2": [1.0], "depth": [2], "highlight": [1.0]}},
    )
    done = checkout.snakemake("all_probes")
    assert done.returncode != 0
    output = done.stdout + done.stderr
    assert "is not writable and does not hold MNIST" in output
    assert not list(checkout.root.glob("results/*/*.nc"))


def test_a_damaged_result_is_refused_by_name_and_made_again_when_deleted(again):
    path = again.root / "results/evaluate_kl/digits/mlp/w1.000000_b0.050000_d003.nc"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    (again.root / CUBE).unlink()
    done = again.snakemake("all_cubes")
    assert done.returncode != 0
    assert "w1.000000_b0.050000_d003.nc: not a whole result file" in done.stdout + done.stderr
    path.unlink()
    again.run("all_cubes")
    assert read_result(path)["differential_entropy"].shape == (2, 3)


def test_the_package_of_another_checkout_is_refused(checkout):
    done = checkout.snakemake("all_probes", PYTHONPATH=str(ROOT / "workflow/src"))
    assert done.returncode != 0
    assert "error: infoflow is installed from" in done.stdout + done.stderr
    assert not list(checkout.root.glob("results/*/*.nc"))


def test_conda_and_pip_install_the_same_versions():
    lock = (ROOT / "envs/requirements.lock").read_text().splitlines()
    pinned = {line.split(";")[0].strip() for line in lock}
    conda = yaml.safe_load((ROOT / "envs/infoflow.yaml").read_text())["dependencies"][-1]["pip"]
    assert set(conda) <= pinned


def test_the_environment_of_conda_has_all_that_jobs_import():
    """What it lacks is taken from that of Snakemake, which may be of another Python."""
    trees = [ast.parse(path.read_text()) for path in (ROOT / "workflow/src/infoflow").rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    wanted = {name.partition(".")[0] for name in imported} - {*sys.stdlib_module_names, "infoflow", "snakemake"}
    names = {"PIL": "pillow", "sklearn": "scikit-learn", "yaml": "pyyaml"}
    conda = yaml.safe_load((ROOT / "envs/infoflow.yaml").read_text())["dependencies"][-1]["pip"]
    assert {names.get(name, name).lower() for name in wanted} == {pin.partition("==")[0] for pin in conda}


# --- from end to end


def test_a_shrinking_network_runs_from_end_to_end(checkout):
    checkout.configure(
        architectures={"mlp": {"width": 14, "layout": "shrinking"}},
        experiments={"digits": {"sigma_w2": [1.5], "depth": [1, 3], "highlight": [1.5]}},
    )
    checkout.run("all_cubes", *pictures("digits"))
    assert len(list(checkout.root.glob("results/probe_cascade/digits/mlp/*.nc"))) == 2


def test_convolutional_networks_run_from_end_to_end(checkout):
    quick = {"epochs": 1, "batch_size": 16}
    checkout.configure(
        datasets={
            "digits": {
                "train_samples": 64,
                "test_samples": 40,
                "probe": {"method": ["adam", "ridge"], "evaluation_samples": 20},
            },
            "photographs": {"kind": "photographs", "size": 32, "train_samples": 8, "test_samples": 4},
        },
        architectures={
            "cnn": {"channels": 3, "probe": {**quick, "learning_rate": 0.01}, "train": {**quick, "learning_rate": 0.1}},
            "vgg16": {"probe": {"method": "adam", **quick, "evaluation_samples": 4, "show_channels": [[1, 0]]}},
        },
        experiments={
            "digits_cnn": {
                "architecture": "cnn",
                "sigma_w2": [1.0, 2.0],
                "sigma_b2": [2.0e-5],
                "depth": [2, 3],
                "highlight": [1.0],
            },
            "photographs_vgg16": {
                "dataset": "photographs",
                "architecture": "vgg16",
                "sigma_w2": [2.0],
                "sigma_b2": [0.0],
                "depth": [3],
                "truth": False,
            },
        },
        predictors=None,
    )
    checkout.run("all_figures")
    results = checkout.root / "results"
    cube = read_trainability(results / "cubes/digits_cnn.nc")
    assert (cube["probe_status"] == 0).all()
    assert (cube["train_status"] == 0).all()
    assert cube["layers"].values.tolist() == [4, 5]
    assert cube["pre_activation_variance_theory"].notnull().all()
    assert not cube["prediction_score"].isnull().any()
    cube = read_trainability(results / "cubes/photographs_vgg16.nc")
    assert (cube["probe_status"] == 0).all()
    assert "auroc" not in cube
    found = read_result(results / "evaluate_kl/photographs/vgg16/w2.000000_b0.000000_d003.nc")
    assert found["channel_pictures"].shape == (2, 1, 4, 32 * 32 * 3)
    assert found["pictures"].shape == (2, 3, 4, 32 * 32 * 3)
    for name, without in (("digits_cnn", {*ON_REQUEST}), ("photographs_vgg16", {*TRUTH, "phase_diagram", "scaling"})):
        pictures = sizes(results / f"figures/{name}")
        assert set(pictures) == set(FIGURES) - without
        assert min(pictures.values()) > 5000
    assert checkout.plan() == {}


def test_white_noise_is_judged_by_another_data_set(checkout):
    noise = {"kind": "white_noise", "shape": [8, 8], "train_samples": 64, "test_samples": 30}
    noise["probe"] = {"evaluation_samples": 20, "kernel_samples": 30}
    checkout.configure(
        datasets={"white_noise": noise, "digits": {"train_samples": 64, "test_samples": 40, "train": {"epochs": 1}}},
        experiments={
            "noise": {
                "dataset": "white_noise",
                "truth_dataset": "digits",
                "sigma_w2": [1.0, 3.0],
                "depth": [2],
                "highlight": [1.0],
            }
        },
    )
    checkout.run("all_cubes", *pictures("noise"))
    assert len(list(checkout.root.glob("results/probe_kernel/white_noise/mlp/*.nc"))) == 2
    assert len(list(checkout.root.glob("results/train_network/digits/mlp/*.nc"))) == 2
    assert (read_trainability(checkout.root / "results/cubes/noise.nc")["train_status"] == 0).all()


def test_the_calibration_of_check_plans_a_job_per_family(checkout):
    """Of the config that comes with the workflow; other configs have no such study."""
    found = checkout.plan("study_check_calibration", config="config/check.yaml")
    assert {"try_networks", "calibrate_check", "figure_check_calibration"} <= set(found)
    assert found["try_networks"] == len(FAMILIES)


def test_the_report_shows_every_figure_with_its_caption(whole, tmp_path):
    style = ROOT / "workflow/report/report.css"
    whole.run("--report", tmp_path / "report.zip", "--report-stylesheet", style, "all_figures", "study_leaderboard")
    with zipfile.ZipFile(tmp_path / "report.zip") as report:
        names = report.namelist()
        text = report.read("report/report.html").decode()
    figures = {path.name for path in whole.root.glob("results/figures/*/*.png")}
    assert len(figures) == len(DRAWN) + len(
        drawn(*(kind.name for kind in KINDS if kind not in (Trainability, Claims, Recommendation, CheckCalibration)))
    )
    assert {name.split("/")[-1] for name in names if name.endswith(".png")} == figures
    results = json.loads(re.search(r"var results = ({.*?});?$", text, re.MULTILINE)[1])
    assert {path.split("/")[-1] for path in results} == {*figures, "explorer.html", "summary.html"}
    assert [name for name in names if name.endswith("explorer.html")]
    assert min(len(result["caption"]) for result in results.values()) > 200
    assert "edge of chaos" in text
    # its first page says what the run found, and opens the summary
    first = json.loads(re.search(r"var workflow_desc = (\".*?\");?$", text, re.MULTILINE)[1])
    found = json.loads((whole.root / "results/summary.json").read_text())
    assert found["cards"]
    for card in found["cards"]:
        assert card["answer"] in first
        assert all(sentence in first for sentence in card["sentences"])
    assert all(claim["measured"] in first for claim in found["failing"])
    assert "summary.html" in first
    assert "has(#rulegraph)" in text


def test_relative_entropy_through_networks_runs_from_end_to_end(whole):
    def configure(**changes):
        whole.configure_all(network_entropy={"tiny": STUDIES["network_entropy"]["tiny"] | changes})

    path = whole.root / "results/cubes/network_entropy_tiny.nc"
    cube = read_cube(path)
    assert (cube["status"] == 0).all()
    assert cube["relative_entropy"].sizes["replica"] == 2
    first = cube["relative_entropy"].sel(layer=1)
    assert (abs(first) < 1e-9).all()
    pictures = sizes(whole.root / "results/figures/network_entropy_tiny")
    assert {f"figure_{name}" for name in pictures} == set(drawn("network_entropy"))
    assert min(pictures.values()) > 5000
    jobs = {"network_entropy": 2, "merge_network_entropy": 1, **drawn("network_entropy")}
    configure(depth=[3, 4])
    assert whole.plan() == jobs
    configure(samples=30)
    assert whole.plan() == jobs
    configure(train=None)
    assert whole.plan() == jobs
    whole.run("results/cubes/network_entropy_tiny.nc")
    assert (read_cube(path)["status"].sel(network="trained") == 2).all()


def test_predictors_run_from_end_to_end(again):
    def configure(names=("snip", "lyapunov"), depth=(2, 3), **changes):
        digits = TINY["experiments"]["digits"] | {"depth": list(depth)}
        again.configure(
            predictors=TINY["predictors"] | {"names": list(names), **changes}, experiments={"digits": digits}
        )

    path = again.root / CUBE
    cube = read_trainability(path)
    assert cube["score"].values.tolist()[-4:] == ["negative_depth", "mean_field", "snip", "lyapunov"]
    assert cube["prediction_score"].sel(score=["snip", "lyapunov"]).notnull().all()
    assert (cube["predictor_seconds"] > 0).all()
    configure()
    assert again.plan() == {}
    configure(batch_size=17)
    assert again.plan("all_cubes") == {"score_predictor": 2, "merge_cube": 1}
    # a depth more: the column is scored again, and only what is new is trained
    configure(depth=[2, 3, 4])
    plan = again.plan("all_cubes")
    assert (plan["score_predictor"], plan["train_network"]) == (2, 2)
    again.configure(predictors=None)
    assert again.plan("all_cubes") == {"merge_cube": 1}
    configure(names=["snip"])
    again.run(CUBE)
    assert read_trainability(path)["predictor"].values.tolist() == ["snip"]


def test_the_leaderboard_is_that_of_all_cubes_with_truth(again):
    built = {"build_leaderboard": 1, **drawn("leaderboard")}
    other = TINY["experiments"]["digits"] | {"architecture": "narrow"}
    architectures = TINY["architectures"] | {"narrow": {"kind": "mlp", "width": 8}}

    def configure(**changes):
        again.configure(architectures=architectures, experiments=TINY["experiments"] | {"other": other | changes})

    shutil.rmtree(again.root / "results/leaderboard")
    configure(truth=False)
    # of a single cube it is made on demand
    assert not built.keys() & again.plan().keys()
    assert again.plan("results/leaderboard/leaderboard.csv")["build_leaderboard"] == 1
    configure()
    again.run("all_cubes", "study_leaderboard", "study_recommendation")
    results = again.root / "results"
    board = read_cube(results / "cubes/leaderboard.nc")
    assert board["grid"].values.tolist() == ["digits", "other", "overall"]
    assert (board["networks"].sel(grid="digits", score="mean_field") == 8).all()
    assert (results / "leaderboard/leaderboard.csv").read_text().startswith("grid,rank,score,two_sided,auroc,")
    assert (results / "leaderboard/leaderboard.tex").read_text().endswith("\\end{tabular}\n")
    assert {f"figure_{name}" for name in sizes(results / "figures/leaderboard")} == set(drawn("leaderboard"))
    # but for the figures of the other experiment, and the page of both, nothing is left to do
    assert again.plan() == {**DRAWN, **EXPLORED}
    again.edit("verdict/standing.py")
    assert again.plan() == {"merge_cube": 2, **dict.fromkeys(DRAWN, 2), **EXPLORED, **CARD, **built}


def test_the_probing_budget_runs_from_end_to_end(whole):
    results = whole.root / "results"
    cube = read_cube(results / "cubes/probing_budget_tiny.nc")
    own = read_trainability(whole.root / CUBE)
    full = cube["prediction_score"].isel(width=-1, fraction=-1, samples=-1)
    for score in cube["score"].values:
        for prefix, method in (("", "kernel"), ("theory_", "theory"), ("adam_", "adam")):
            one = full.sel(probe_method=method, score=score)
            np.testing.assert_allclose(one, own["prediction_score"].sel(score=f"{prefix}{score}"), rtol=2e-3, atol=1e-4)
    assert list(sizes(results / "figures/probing_budget_tiny")) == ["probing_budget"]
    assert sizes(results / "figures/probing_budget_tiny")["probing_budget"] > 5000
    whole.configure_all(probing_budget={"tiny": STUDIES["probing_budget"]["tiny"] | {"samples": [5]}})
    assert whole.plan() == {"probe_budget": 2, "merge_probing_budget": 1, **drawn("probing_budget")}


def test_the_information_plane_runs_from_end_to_end(whole):
    plane = STUDIES["information_plane"]

    def plan(**changes):
        whole.configure_all(information_plane=plane | changes)
        return whole.plan()

    cube = read_cube(whole.root / "results/cubes/information_plane.nc")
    assert dict(cube.sizes) == {"estimator": 3, "network": 2, "replica": 2, "epoch": 3, "layer": 3}
    assert (cube["status"] == 0).all()
    assert list(cube["epoch"].values) == [0, 1, 4]
    pictures = sizes(whole.root / "results/figures/information_plane")
    assert {f"figure_{name}" for name in pictures} == set(drawn("information_plane"))
    assert min(pictures.values()) > 5000
    merged = {"merge_information_plane": 1, **drawn("information_plane")}
    # another constant of an estimator trains nothing again
    other = plane["estimators"]["kernel"] | {"noise_variance": 0.01}
    assert plan(estimators=plane["estimators"] | {"kernel": other}) == {"measure_information": 2, **merged}
    more = plane["networks"] | {"depths": {"hidden": [[5]]}}
    assert plan(networks=more) == {"train_snapshots": 1, "measure_information": 1, **merged}
    assert plan(epochs=5) == {"train_snapshots": 2, "measure_information": 2, **merged}


def test_ising_models_run_from_end_to_end(whole):
    ising, results = STUDIES["ising"], whole.root / "results"
    chain, square = (read_cube(results / f"cubes/ising_{n}d.nc") for n in (1, 2))
    assert chain["relative_entropy_b"].shape == (2, 4)
    assert square["coupling"].values.tolist() == [0.3, 0.5, 0.6]
    assert square["sampled_energy"].shape == (2, 2)
    names = {}
    for cube in ("ising_1d", "ising_2d"):
        pictures = sizes(results / f"figures/{cube}")
        names[cube] = {f"figure_{name}": 1 for name in pictures}
        assert min(pictures.values()) > 5000
    assert names["ising_1d"] | names["ising_2d"] == drawn("ising")
    log = (results / "logs/ising_monte_carlo/k0.440687.log").read_text()
    assert "spin updates/s" in log

    def change(**sections):
        whole.configure_all(ising={name: ising[name] | sections.get(name, {}) for name in ising})
        return whole.plan()

    merged = {"merge_ising": 1, **names["ising_2d"]}
    assert change(monte_carlo={"couplings": [0.3, 0.440687, 0.5]}) == {"ising_monte_carlo": 1, **merged}
    assert change(monte_carlo={"sweeps": 300}) == {"ising_monte_carlo": 2, **merged}
    assert change(square={"highlight": [0.6]}) == merged
    assert change() == {}
