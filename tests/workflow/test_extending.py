"""Additions to the workflow, made by doing what CONTRIBUTING.md says, word by word."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from common import ROOT
from infoflow.files.conventions import OK
from infoflow.studies.trainability.scores import MEASURES
from infoflow.theory import meanfield
from runs import Checkout, made_once

GUIDE = (ROOT / "CONTRIBUTING.md").read_text()
PACKAGE, SCHEMA = "workflow/src/infoflow", "workflow/schemas/config.schema.yaml"
TOUCHED = {
    "A data set": {f"{PACKAGE}/datasets/kinds.py", SCHEMA},
    "An architecture": {f"{PACKAGE}/architectures/kinds.py", SCHEMA},
    "An activation": {f"{PACKAGE}/engine/activations/kinds.py", SCHEMA},
    "A predictor": {f"{PACKAGE}/predictors/kinds.py", SCHEMA},
    "An estimator of information": {f"{PACKAGE}/estimators/kinds.py", SCHEMA},
    "A method of probing": {f"{PACKAGE}/reconstruction/kinds.py", SCHEMA},
    "A score of the cascade": {f"{PACKAGE}/studies/trainability/scores.py"},
    "A figure of experiments": {f"{PACKAGE}/studies/trainability/plan.py"},
    "A figure of another study": {f"{PACKAGE}/studies/information_plane/plan.py"},
    "A study": {f"{PACKAGE}/plan.py", "workflow/Snakefile", SCHEMA},
}
"""By recipe, the existing files that it may edit."""
CONFIG = {
    "run": {"name": "additions", "replicas": 2},
    "datasets": {
        "stripes": {
            "train_samples": 64,
            "test_samples": 40,
            "probe": {"method": ["adam", "random_inverse"], "epochs": 1, "batch_size": 32, "evaluation_samples": 20},
            "train": {"epochs": 5, "batch_size": 8, "learning_rate": 0.1, "success_accuracy": 0.6},
        }
    },
    "architectures": {
        "mlp": {"width": 12, "activation": "arctan"},
        "funnel": {"ratio": 0.5, "probe": {"method": "random_inverse", "random_gain": 2.0}},
    },
    "experiments": {
        name: {
            "dataset": "stripes",
            "architecture": name,
            "sigma_w2": [1.0],
            "sigma_b2": [0.05],
            "depth": [1, 20],
            "truth": name == "mlp",
        }
        for name in ("mlp", "funnel")
    },
    "predictors": {"names": ["effective_rank"], "batch_size": 16},
    "network_entropy": {
        "arctan": {"dataset": "stripes", "architecture": "mlp", "sigma_w2": [1.0], "sigma_b2": [0.05], "depth": [2]}
        | {"images": 3, "samples": 8}
    },
    "information_plane": {
        "dataset": "stripes",
        "epochs": 2,
        "snapshots": 2,
        "estimators": {"halves": {"kind": "threshold_binning", "threshold": 0.0}},
        "networks": {"arctan": {"activation": ["arctan"], "hidden": [[4, 3]]}},
    },
    "edge_of_chaos": {"sigma_b2": [0.0, 0.05]},
}
"""All that is added, once, and as small as it can be."""


@dataclass(frozen=True)
class Step:
    """A block of code, and where it goes.

    Attributes:
        file: that is written, or edited.
        where, line: `before`, `after` or `in place of` a line of it, but for its indentation; None: the file is new.
    """

    file: str
    text: str
    where: str | None = None
    line: str | None = None

    def do(self, root: Path) -> None:
        """What it says; the line has to be there, once, and a new file has not."""
        path = root / self.file
        if self.where is None:
            assert not path.exists(), self.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.text)
            return
        lines = path.read_text().splitlines(keepends=True)
        (at,) = (n for n, line in enumerate(lines) if line.strip() == self.line)
        lines[at + (self.where == "after") : at + (self.where != "before")] = [self.text]
        path.write_text("".join(lines))


STEP = re.compile(
    r"^(?:New file `(?P<new>[^`]+)`"
    r"|In `(?P<file>[^`]+)`, (?P<where>before|after|in place of)\s`(?P<line>[^`]+)`(?:\s\([^)]+\))?)"
    r":\n\n```\w+\n(?P<text>.*?^)```$",
    re.DOTALL | re.MULTILINE,
)


def read_recipes(guide: str) -> dict[str, list[Step]]:
    """By title, in order."""
    *_, recipes = re.split(r"^## .*\n", guide, flags=re.MULTILINE)
    _, *parts = re.split(r"^### (.*)\n", recipes, flags=re.MULTILINE)
    return {
        title: [Step(s["new"] or s["file"], s["text"], s["where"], s["line"]) for s in STEP.finditer(part)]
        for title, part in zip(parts[::2], parts[1::2], strict=True)
    }


RECIPES = read_recipes(GUIDE)


def files(root: Path) -> dict[str, bytes]:
    """All source files and their contents."""
    ends = (".py", ".smk", ".yaml", ".rst", "Snakefile")
    paths = (p for p in (root / "workflow").rglob("*") if p.is_file() and p.name.endswith(ends))
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in paths}


@pytest.fixture(scope="module")
def extended(tmp_path_factory) -> Checkout:
    """A checkout with all additions, which has run."""

    def make(root: Path) -> None:
        checkout = Checkout(root)
        for step in (step for steps in RECIPES.values() for step in steps):
            step.do(root)
        checkout.write("additions.yaml", CONFIG)
        checkout.run("all_figures", "study_leaderboard", config="additions.yaml")

    return Checkout.at(made_once(tmp_path_factory, "extended", make))


def read(checkout: Checkout, cube: str) -> xr.Dataset:
    return xr.load_dataset(checkout.root / f"results/cubes/{cube}.nc")


def test_every_block_of_the_recipes_says_where_it_goes():
    assert list(RECIPES) == list(TOUCHED)
    *_, recipes = re.split(r"^## .*\n", GUIDE, flags=re.MULTILINE)
    assert sum(map(len, RECIPES.values())) == len(re.findall(r"^```\w+$", recipes, re.MULTILINE))


def test_an_addition_edits_no_more_files_than_it_has_to(tmp_path):
    """And none needs another one."""
    checkout = Checkout(tmp_path)
    before = files(checkout.root)
    for title, steps in RECIPES.items():
        for step in steps:
            step.do(checkout.root)
        after = files(checkout.root)
        assert {name for name in before if after[name] != before[name]} == TOUCHED[title], title
        for name in after.keys() - before.keys():
            (checkout.root / name).unlink()
        for name in TOUCHED[title]:
            (checkout.root / name).write_bytes(before[name])


def test_additions_are_in_the_style_of_the_house(extended):
    touched = {step.file for steps in RECIPES.values() for step in steps}
    own = sorted(file for file in touched if file.endswith(".py"))
    rules = sorted(file for file in touched if file.endswith((".smk", "Snakefile")))
    shutil.copy2(ROOT / "pyproject.toml", extended.root)
    for command in (["ruff", "check", *own], ["ruff", "format", "--check", *own], ["snakefmt", "--check", *rules]):
        done = subprocess.run([sys.executable, "-m", *command], cwd=extended.root, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_an_added_data_set_activation_and_method_are_probed_and_trained(extended):
    cube = read(extended, "mlp")
    assert json.loads(cube.attrs["architecture"])["activation"] == "arctan"
    assert json.loads(cube.attrs["config"])["datasets"]["stripes"]["kind"] == "stripes"
    for method in ("", "random_inverse_"):
        assert (cube[f"{method}probe_status"] == OK).all()
        assert cube[f"{method}relative_entropy"].notnull().all()
    assert cube["random_inverse_relative_entropy"].attrs["long_name"].endswith(", method random_inverse")
    assert (cube["train_status"] == OK).all()
    assert set(cube["trainable"].values.ravel()) == {0, 1}


def test_an_added_architecture_without_an_activation_or_a_theory_is_probed(extended):
    cube = read(extended, "funnel")
    assert (cube["probe_status"] == OK).all()
    assert cube.attrs["probe_method"] == "random_inverse"
    assert json.loads(cube.attrs["architecture"]) == {"kind": "funnel", "ratio": 0.5}


@pytest.mark.parametrize("name", ["mlp", "funnel", "network_entropy_arctan"])
def test_what_there_is_no_theory_of_is_nan(extended, name):
    cube = read(extended, name)
    assert all(cube[scale].isnull().all() for scale in (*meanfield.SCALES, "edge_of_chaos"))


def test_an_added_score_and_an_added_predictor_are_judged(extended):
    board = read(extended, "leaderboard").sel(grid="mlp")
    own = "negative_mean_entropy"
    added = ["effective_rank", f"adam_{own}", *(f"random_inverse_{name}" for name in (*MEASURES, own))]
    assert board["auroc"].sel(score=added).notnull().all()
    assert board["title"].sel(score=f"random_inverse_{own}") == "random cascade, mean relative entropy"
    cube = read(extended, "mlp")
    raw = cube["predictor_raw"].sel(predictor="effective_rank")
    assert ((raw >= 1) & (raw < 12)).all()  # directions of so many units
    assert np.allclose(cube["prediction_score"].sel(score="effective_rank"), np.log(raw))


def test_an_added_estimator_measures(extended):
    cube = read(extended, "information_plane")
    assert cube["estimator"].values.tolist() == ["halves"]
    hidden = cube["input_information"].values[..., :-1]
    assert ((hidden > 0) & (hidden <= [4, 3])).all()  # one bit per unit


def test_an_added_study_makes_its_cube(extended):
    cube = read(extended, "edge_of_chaos")
    for activation in meanfield.ACTIVATIONS:
        expected = meanfield.edge_of_chaos(CONFIG["edge_of_chaos"]["sigma_b2"], activation)
        np.testing.assert_array_equal(cube["edge_of_chaos"].sel(activation=activation), expected)  # NaN: none


def test_added_figures_are_drawn_and_added_studies_have_targets(extended):
    for figure in ("mlp/mean_entropy", "funnel/mean_entropy", "edge_of_chaos/edge_over_bias"):
        assert (extended.root / f"results/figures/{figure}.png").exists()
    assert (extended.root / "results/figures/information_plane/information_accuracy.pdf").exists()
    assert extended.plan("study_edge_of_chaos", "all_figures", config="additions.yaml") == {}


def test_an_added_study_can_be_chosen_and_switched_off(extended):
    off = {"edge_of_chaos": None, "run": {"studies": ["edge_of_chaos"]}}
    extended.write("chosen.yaml", CONFIG | {"run": {"studies": ["edge_of_chaos"]}})
    extended.write("off.yaml", off)
    planned = extended.plan("--forceall", config="chosen.yaml")
    assert planned == {"build_edge_of_chaos": 1, "figure_edge_over_bias": 1}
    refused = extended.snakemake("--dry-run", config="off.yaml")
    assert "config: nothing to do" in refused.stdout + refused.stderr


def test_the_tests_that_walk_the_tables_try_the_additions(extended):
    shutil.copytree(ROOT / "tests", extended.root / "tests", dirs_exist_ok=True)
    shutil.copy2(ROOT / "pyproject.toml", extended.root)
    walking = [p for p in (extended.root / "tests/unit").rglob("*.py") if p.name in ("test_kinds.py", "test_layout.py")]
    assert len(walking) > len(TOUCHED) / 2
    # without the data sets of many images, which the additions have nothing to do with
    environment = os.environ | {"PYTHONPATH": str(extended.root / "workflow/src"), "INFOFLOW_DATA": "none"}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", "-rA", *map(str, walking)]
    done = subprocess.run(command, cwd=extended.root, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    tried = "\n".join(line for line in done.stdout.splitlines() if line.startswith("PASSED"))
    for added in ("stripes", "funnel", "effective_rank", "threshold_binning", "build_edge_of_chaos"):
        assert re.search(rf"\[.*{added}", tried), added
