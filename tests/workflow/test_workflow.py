"""The workflow as a whole: style, plans, refusals, failures, report."""

import json
import re
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import yaml

from common import ROOT, load_config
from conftest import TINY
from infoflow.config import check_config, probe_methods
from infoflow.cubes import read_cube
from infoflow.figures import FIGURES, STUDIES
from infoflow.grid import Grid
from infoflow.information.plan import networks
from infoflow.store import read_result
from infoflow.study import read_study

TRUTH = {name for name, needs in FIGURES.items() if needs.truth}


def tool(*command: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True)


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


def test_sections_of_an_overlay_reach_the_jobs_of_the_default_data_set(checkout):
    """Of two, the later; a job has them from a process of its own."""
    data = {"digits": {"train_samples": 64, "test_samples": 40}}
    checkout.configure(datasets=data, probe={"evaluation_samples": 20}, train={"epochs": 3, "success_accuracy": 1})
    (checkout.root / "later.yaml").write_text("train: {epochs: 2}")
    target = "results/train_network/digits/mlp/w1.000000_b0.050000_d002.nc"
    checkout.run(target, config="tiny.yaml later.yaml")
    assert read_result(checkout.root / target)["loss"].shape == (2, 2)
    assert checkout.plan(target) == {"train_network": 1}
    checkout.run(target)
    assert read_result(checkout.root / target)["loss"].shape == (2, 3)


def test_what_an_overlay_says_of_two_together_is_no_option_of_the_images(checkout):
    target = "results/prepare_dataset/digits.nc"
    checkout.run(target)
    (checkout.root / "later.yaml").write_text("datasets: {digits: {architectures: {mlp: {train: {epochs: 1}}}}}")
    assert checkout.plan(target, config="tiny.yaml later.yaml") == {}


def test_the_config_of_a_module_is_one_layer(checkout):
    """That of the other workflow, whatever it is made of, says nothing to it beside."""
    config = load_config()
    config |= {"ising": None, "information_plane": None, "network_entropy": {}, "probing_budget": {}}
    config["experiments"] = {"digits": config["experiments"]["digits"] | {"decisions": None}}
    (checkout.root / "theirs.yaml").write_text(yaml.safe_dump({"infoflow": config, 1: "what infoflow would refuse"}))
    (checkout.root / "outer.smk").write_text(
        'configfile: "theirs.yaml"\n\n\nmodule infoflow:\n    snakefile:\n        "workflow/Snakefile"\n'
        '    config:\n        config["infoflow"]\n\n\nuse rule * from infoflow\n'
    )
    plan = checkout.plan("--snakefile", "outer.smk", "all_trainings", config="theirs.yaml")
    assert plan == {"prepare_dataset": 1, "train_network": 72}


@pytest.mark.parametrize("snakefile", ["Snakefile", "workflow/Snakefile"])
def test_both_snakefiles_plan_the_default_grid(checkout, snakefile):
    config = check_config(load_config(), ROOT / "workflow/schemas/config.schema.yaml")
    grid = Grid(config)
    assert len(grid.probes(("digits", "mlp"))) == 12
    assert len(grid.trainings(("digits", "mlp"))) == 72

    def probes(method):
        return sum(len(grid.probes(cube)) for cube in grid.cubes() if method in probe_methods(config, *cube))

    plan = checkout.plan("--snakefile", snakefile, config="config/config.yaml")
    assert plan["prepare_dataset"] == len({config["information_plane"]["dataset"], *(d for d, _ in grid.cubes())}) == 3
    assert plan["probe_cascade"] == plan["evaluate_kl"] == probes("adam")
    assert plan["probe_ridge"] == plan["evaluate_ridge"] == probes("ridge")
    assert plan["train_network"] == len(grid.trainings())
    assert plan["merge_cube"] == len(grid.cubes()) == 4
    # of four experiments three have truth, one shows channels, one has decisions
    assert {name: plan[f"figure_{name}"] for name in FIGURES} == {
        name: 1 if needs.decisions or needs.channels else 3 if needs.truth else 4 for name, needs in FIGURES.items()
    }
    assert plan["explain_decisions"] == 1
    # one job for all depths of a column
    assert plan["score_predictor"] == len({(p.architecture, p.sigma_w2, p.sigma_b2) for p in grid.trainings()}) == 22
    assert plan["network_entropy"] == 6
    assert plan["probe_budget"] == 12
    assert plan["train_snapshots"] == plan["measure_information"] == len(networks(config["information_plane"])) == 12
    assert plan["ising_monte_carlo"] == len(config["ising"]["monte_carlo"]["couplings"])
    assert plan["build_leaderboard"] == 1
    kinds = ("ising_1d", "ising_2d", "information_plane", "leaderboard", "probing_budget")
    assert all(plan[f"figure_{name}"] == 1 for kind in kinds for name in STUDIES[kind])


def test_the_targets_stop_where_they_say(checkout):
    probes = {"prepare_dataset", "probe_cascade", "evaluate_kl", "probe_ridge", "evaluate_ridge"}
    assert set(checkout.plan("all_probes")) == probes
    assert set(checkout.plan("all_trainings")) == {"prepare_dataset", "train_network"}
    assert set(checkout.plan("all_cubes")) == {*probes, "train_network", "merge_cube"}
    assert checkout.plan("experiment_digits") == checkout.plan("all_figures")
    assert checkout.plan("all_trainings", "--batch", "all_trainings=1/2")["train_network"] == 2


def test_the_slurm_profile_is_read(checkout):
    """Its plan; a run needs a cluster."""
    settings = yaml.safe_load((ROOT / "profiles/slurm/config.yaml").read_text())
    local = yaml.safe_load((ROOT / "profiles/local/config.yaml").read_text())
    assert settings["executor"] == "slurm"
    for key in ("scheduler", "rerun-triggers", "ignore-incomplete", "keep-going"):
        assert settings[key] == local[key]
    rules = {"probe_ridge", *(p.stem for p in (ROOT / "workflow/scripts").glob("*.py"))}
    assert set(settings["set-resources"]) <= rules


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"experiments": {"digits": {"sigma_w2": [-1.0]}}}, "experiments.digits.sigma_w2[0]: -1.0"),
        ({"experiments": {"digits": {"sigma_w2": [1.0, 1.0]}}}, "would have the same file name"),
        ({"experiments": {"digits": {"dataset": "digitz"}}}, "unknown dataset 'digitz'; did you mean digits?"),
        ({"experiments": {"digits": {"depth": []}}}, "experiments.digits.depth"),
        ({"experiment": {}}, "experiment: unknown key; did you mean experiments?"),
    ],
)
def test_a_bad_config_is_refused_before_anything_is_planned(checkout, change, message):
    (checkout.root / "bad.yaml").write_text(yaml.safe_dump(change))
    done = checkout.snakemake("--dry-run", config="bad.yaml")
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


def test_a_shrinking_network_runs_from_end_to_end(checkout):
    checkout.configure(
        architectures={"mlp": {"width": 14, "layout": "shrinking"}},
        experiments={"digits": {"sigma_w2": [1.5], "depth": [1, 3], "highlight": [1.5]}},
    )
    checkout.run("all_figures")
    assert len(list(checkout.root.glob("results/probe_cascade/digits/mlp/*.nc"))) == 2


def test_convolutional_networks_run_from_end_to_end(checkout):
    quick = {"epochs": 1, "batch_size": 16}
    checkout.configure(
        datasets={
            "digits": {"train_samples": 64, "test_samples": 40, "probe": {"evaluation_samples": 20}},
            "photographs": {"size": 32, "train_samples": 8, "test_samples": 4},
        },
        architectures={
            "cnn": {"channels": 3, "probe": quick, "train": quick},
            "vgg16": {"probe": {"method": "adam", **quick, "evaluation_samples": 4, "show_channels": [[1, 0]]}},
        },
        experiments={
            "digits_cnn": {"sigma_w2": [1.0, 2.0], "depth": [2, 3], "highlight": [1.0]},
            "photographs_vgg16": {"sigma_w2": [2.0], "depth": [3], "truth": False},
        },
    )
    checkout.run("all_figures")
    results = checkout.root / "results"
    cube = read_cube(results / "cubes/digits_cnn.nc")
    assert (cube["probe_status"] == 0).all()
    assert (cube["train_status"] == 0).all()
    assert cube["layers"].values.tolist() == [4, 5]
    assert cube["pre_activation_variance_theory"].notnull().all()
    assert not cube["prediction_score"].isnull().any()
    cube = read_cube(results / "cubes/photographs_vgg16.nc")
    assert (cube["probe_status"] == 0).all()
    assert "auroc" not in cube
    found = read_result(results / "evaluate_kl/photographs/vgg16/w2.000000_b0.000000_d003.nc")
    assert found["channel_pictures"].shape == (2, 1, 4, 32 * 32 * 3)
    assert found["pictures"].shape == (2, 3, 4, 32 * 32 * 3)
    for name, without in (("digits_cnn", {"channels", "decisions"}), ("photographs_vgg16", TRUTH)):
        drawn = {path.stem: path.stat().st_size for path in results.glob(f"figures/{name}/*.png")}
        assert set(drawn) == set(FIGURES) - without
        assert min(drawn.values()) > 5000
    assert checkout.plan() == {}


def test_white_noise_is_judged_by_another_data_set(checkout):
    noise = {"kind": "white_noise", "shape": [8, 8], "train_samples": 64, "test_samples": 30}
    noise["probe"] = {"evaluation_samples": 20}
    checkout.configure(
        datasets={"white_noise": noise, "digits": {"train_samples": 64, "test_samples": 40, "train": {"epochs": 1}}},
        experiments={
            "digits": {
                "dataset": "white_noise",
                "truth_dataset": "digits",
                "sigma_w2": [1.0, 3.0],
                "depth": [2],
                "highlight": [1.0],
            }
        },
    )
    checkout.run("all_figures")
    assert (checkout.root / "results/cubes/white_noise_mlp.nc").exists()


def test_a_damaged_result_is_refused_by_name_and_made_again_when_deleted(again):
    path = again.root / "results/evaluate_kl/digits/mlp/w1.000000_b0.050000_d003.nc"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    (again.root / "results/cubes/digits_mlp.nc").unlink()
    done = again.snakemake("all_cubes")
    assert done.returncode != 0
    assert "w1.000000_b0.050000_d003.nc: not a whole result file" in done.stdout + done.stderr
    path.unlink()
    again.run("all_cubes")
    assert read_result(path)["differential_entropy"].shape == (2, 3)


def test_the_report_shows_every_figure_with_its_caption(finished, tmp_path):
    finished.run("--report", str(tmp_path / "report.zip"))
    with zipfile.ZipFile(tmp_path / "report.zip") as report:
        names = report.namelist()
        text = report.read("report/report.html").decode()
    figures = {path.name for path in finished.root.glob("results/figures/*/*.png")}
    assert {name.split("/")[-1] for name in names if name.endswith(".png")} == figures
    results = json.loads(re.search(r"var results = ({.*?});?$", text, re.MULTILINE)[1])
    assert {path.split("/")[-1] for path in results} == figures
    assert min(len(result["caption"]) for result in results.values()) > 200
    assert "edge of chaos" in text


def test_conda_and_pip_install_the_same_versions():
    lock = (ROOT / "envs/requirements.lock").read_text().splitlines()
    pinned = {line.split(";")[0].strip() for line in lock}
    conda = yaml.safe_load((ROOT / "envs/infoflow.yaml").read_text())["dependencies"][-1]["pip"]
    assert set(conda) <= pinned


def test_the_package_of_another_checkout_is_refused(checkout):
    done = checkout.snakemake("all_probes", PYTHONPATH=str(ROOT / "workflow/src"))
    assert done.returncode != 0
    assert "error: infoflow is installed from" in done.stdout + done.stderr
    assert not list(checkout.root.glob("results/*/*.nc"))


def test_relative_entropy_through_networks_runs_from_end_to_end(again):
    entry = {"dataset": "digits", "architecture": "mlp", "sigma_w2": [1.0, 2.0], "sigma_b2": [0.05], "depth": [3, 4]}
    entry |= {"images": 5, "samples": 20, "train": {"epochs": 2, "batch_size": 32, "learning_rate": 0.05}}

    def configure(**changes):
        again.configure(network_entropy=TINY["network_entropy"] | {"tiny": entry | changes})

    configure()
    drawn = {f"figure_{name}": 1 for name in STUDIES["network_entropy"]}
    assert again.plan() == {"network_entropy": 4, "merge_network_entropy": 1, **drawn}
    again.run("all_figures")
    results = again.root / "results"
    cube = read_study(results / "cubes/network_entropy_tiny.nc")
    assert (cube["status"] == 0).all()
    assert cube["relative_entropy"].sizes["replica"] == 2
    first = cube["relative_entropy"].sel(layer=1)
    assert (abs(first) < 1e-9).all()
    pictures = {path.stem: path.stat().st_size for path in results.glob("figures/network_entropy_tiny/*.png")}
    assert set(pictures) == set(STUDIES["network_entropy"])
    assert min(pictures.values()) > 5000
    assert again.plan() == {}
    configure(depth=[3, 4, 5])
    assert again.plan() == {"network_entropy": 2, "merge_network_entropy": 1, **drawn}
    configure(samples=30)
    assert again.plan() == {"network_entropy": 4, "merge_network_entropy": 1, **drawn}
    configure(train=None)
    again.run("archive")
    assert (read_study(results / "cubes/network_entropy_tiny.nc")["status"].sel(network="trained") == 2).all()
    with zipfile.ZipFile(results / "archive/tiny.zip") as archive:
        assert "cubes/network_entropy_tiny.nc" in archive.namelist()


def test_predictors_run_from_end_to_end(again):
    def configure(names=("snip", "lyapunov"), depth=(2, 3), **changes):
        digits = TINY["experiments"]["digits"] | {"depth": list(depth)}
        again.configure(predictors={"names": list(names), "batch_size": 16, **changes}, experiments={"digits": digits})

    configure()
    assert again.plan("all_cubes") == {"score_predictor": 2, "merge_cube": 1}
    again.run("all_figures")
    path = again.root / "results/cubes/digits_mlp.nc"
    cube = read_cube(path)
    assert cube["score"].values.tolist()[-3:] == ["mean_field", "snip", "lyapunov"]
    assert cube["prediction_score"].sel(score=["snip", "lyapunov"]).notnull().all()
    assert (cube["predictor_seconds"] > 0).all()
    assert again.plan("all_figures") == {}
    configure(batch_size=17)
    assert again.plan("all_cubes") == {"score_predictor": 2, "merge_cube": 1}
    # a depth more: the column is scored again, and only what is new is trained
    configure(depth=[2, 3, 4])
    plan = again.plan("all_cubes")
    assert (plan["score_predictor"], plan["train_network"]) == (2, 2)
    configure(names=["snip"])
    again.run("results/cubes/digits_mlp.nc")
    assert read_cube(path)["predictor"].values.tolist() == ["snip"]


def test_the_leaderboard_is_that_of_all_cubes_with_truth(again):
    drawn = {f"figure_{name}": 1 for name in STUDIES["leaderboard"]}
    built = {"build_leaderboard": 1, **drawn}
    other = TINY["experiments"]["digits"] | {"dataset": "digits", "architecture": "mlp_128", "sigma_b2": [0.05]}
    again.configure(experiments=TINY["experiments"] | {"other": other | {"truth": False}})
    # of a single cube it is made on demand
    assert not built.keys() & again.plan().keys()
    assert again.plan("results/leaderboard/leaderboard.csv")["build_leaderboard"] == 1
    again.configure(experiments=TINY["experiments"] | {"other": other})
    again.run("all_figures")
    results = again.root / "results"
    board = read_study(results / "cubes/leaderboard.nc")
    assert board["grid"].values.tolist() == ["digits_mlp", "digits_mlp_128", "overall"]
    assert (board["networks"].sel(grid="digits_mlp", score="mean_field") == 8).all()
    assert (results / "leaderboard/leaderboard.csv").read_text().startswith("grid,rank,score,two_sided,auroc,")
    assert (results / "leaderboard/leaderboard.tex").read_text().endswith("\\end{tabular}\n")
    assert {path.stem for path in results.glob("figures/leaderboard/*.png")} == set(STUDIES["leaderboard"])
    assert again.plan() == {}
    (again.root / "workflow/src/infoflow/leaderboard.py").open("a").write("\n_EDITED = 1\n")
    assert again.plan() == built


def test_the_probing_budget_runs_from_end_to_end(again):
    entry = {"experiment": "digits", "fractions": [0.5], "samples": [10], "widths": [6]}

    def configure(**changes):
        again.configure(probing_budget=TINY["probing_budget"] | {"tiny": entry | changes})

    configure()
    merged = {"merge_probing_budget": 1, "figure_probing_budget": 1}
    assert again.plan() == {"probe_budget": 2, **merged}
    again.run("all_figures")
    results = again.root / "results"
    cube = read_study(results / "cubes/probing_budget_tiny.nc")
    own = read_cube(results / "cubes/digits_mlp.nc")
    full = cube["prediction_score"].isel(width=-1, fraction=-1, samples=-1)
    for score in cube["score"].values:
        for prefix, method in (("", "adam"), ("ridge_", "ridge")):
            one = full.sel(probe_method=method, score=score)
            np.testing.assert_allclose(one, own["prediction_score"].sel(score=f"{prefix}{score}"), rtol=2e-3, atol=1e-4)
    pictures = list(results.glob("figures/probing_budget_tiny/*.png"))
    assert [p.stem for p in pictures] == ["probing_budget"]
    assert pictures[0].stat().st_size > 5000
    assert again.plan() == {}
    configure(samples=[5])
    assert again.plan() == {"probe_budget": 2, **merged}
    configure()
    again.run("archive")
    with zipfile.ZipFile(results / "archive/tiny.zip") as archive:
        assert "cubes/probing_budget_tiny.nc" in archive.namelist()


TINY_PLANE = {
    "dataset": "o3",
    "replicas": 2,
    "epochs": 4,
    "snapshots": 3,
    "estimators": {"width": None, "layer_range": None, "neighbours": None},
    "networks": {
        "activations": None,
        "depths": {"hidden": [[4], [4, 3]]},
        "fractions": None,
        "variances": {"hidden": [[4, 3]], "sigma_w2": [0.5, 4.0], "optimizer": ["adam"], "learning_rate": [0.01]},
    },
}


def test_the_information_plane_runs_from_end_to_end(again):
    def configure(**changes):
        again.configure(information_plane=TINY_PLANE | changes)

    configure()
    drawn = {f"figure_{name}": 1 for name in STUDIES["information_plane"]}
    merged = {"merge_information_plane": 1, **drawn}
    assert again.plan() == {"prepare_dataset": 1, "train_snapshots": 4, "measure_information": 4, **merged}
    again.run("all_figures")
    results = again.root / "results"
    cube = read_study(results / "cubes/information_plane.nc")
    assert dict(cube.sizes) == {"estimator": 3, "network": 4, "replica": 2, "epoch": 3, "layer": 3}
    assert (cube["status"] == 0).all()
    assert list(cube["epoch"].values) == [0, 1, 4]
    pictures = {path.stem: path.stat().st_size for path in results.glob("figures/information_plane/*.png")}
    assert set(pictures) == set(STUDIES["information_plane"])
    assert min(pictures.values()) > 5000
    assert again.plan() == {}
    # another constant of an estimator trains nothing again
    configure(estimators=TINY_PLANE["estimators"] | {"kernel": {"noise_variance": 0.01}})
    assert again.plan() == {"measure_information": 4, **merged}
    configure(networks=TINY_PLANE["networks"] | {"depths": {"hidden": [[4], [5]]}})
    assert again.plan() == {"train_snapshots": 1, "measure_information": 1, **merged}
    configure(epochs=5)
    assert again.plan() == {"train_snapshots": 4, "measure_information": 4, **merged}
    again.run("archive")
    with zipfile.ZipFile(results / "archive/tiny.zip") as archive:
        assert {"cubes/information_plane.nc", "figures/information_plane/gradient_phases.pdf"} <= set(
            archive.namelist()
        )


TINY_ISING = {
    "chain": {"couplings": [0.5, 1.0], "highlight": [1.0], "steps": 3, "spins": 16},
    "square": {"couplings": [0.3, 0.5], "highlight": [0.3, 0.6], "steps": 3, "strip_widths": [2, 4]},
    "monte_carlo": {"couplings": [0.3, 0.440687], "sides": [4, 8], "sweeps": 200, "equilibration": 20, "replicas": 2},
}
ISING_FIGURES = {f"figure_{name}": 1 for kind in ("ising_1d", "ising_2d") for name in STUDIES[kind]}


def test_ising_models_run_from_end_to_end(again):
    again.configure(ising=TINY_ISING)
    jobs = {"ising_1d": 1, "ising_2d": 1, "ising_monte_carlo": 2, "merge_ising_1d": 1, "merge_ising_2d": 1}
    assert again.plan() == {**jobs, **ISING_FIGURES}
    again.run("all_figures")
    results = again.root / "results"
    chain, square = (read_study(results / f"cubes/ising_{n}d.nc") for n in (1, 2))
    assert chain["relative_entropy_b"].shape == (2, 4)
    assert square["coupling"].values.tolist() == [0.3, 0.5, 0.6]
    assert square["sampled_energy"].shape == (2, 2)
    for kind in ("ising_1d", "ising_2d"):
        drawn = {path.stem: path.stat().st_size for path in results.glob(f"figures/{kind}/*.png")}
        assert set(drawn) == set(STUDIES[kind])
        assert min(drawn.values()) > 5000
    log = (results / "logs/ising_monte_carlo/k0.440687.log").read_text()
    assert "spin updates/s" in log
    assert again.plan() == {}
    assert again.plan("all_cubes") == {}

    again.run("archive")
    with zipfile.ZipFile(results / "archive/tiny.zip") as archive:
        assert {"cubes/ising_1d.nc", "cubes/ising_2d.nc", "figures/ising_2d/ising_probes.pdf"} <= set(
            archive.namelist()
        )

    def change(**sections):
        again.configure(ising={name: TINY_ISING[name] | sections.get(name, {}) for name in TINY_ISING})
        return again.plan()

    merged = {"merge_ising_2d": 1, **{f"figure_{name}": 1 for name in STUDIES["ising_2d"]}}
    assert change(monte_carlo={"couplings": [0.3, 0.440687, 0.5]}) == {"ising_monte_carlo": 1, **merged}
    assert change(monte_carlo={"sweeps": 300}) == {"ising_monte_carlo": 2, **merged}
    assert change(square={"highlight": [0.6]}) == merged
    assert change() == {}
    path = again.root / "workflow/src/infoflow/ising/square.py"
    path.write_text(path.read_text() + "\n# edited\n")
    plan = again.plan()
    assert "ising_monte_carlo" not in plan
    assert plan["ising_2d"] == plan["merge_ising_2d"] == 1
