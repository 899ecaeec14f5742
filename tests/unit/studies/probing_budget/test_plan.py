"""What the config says of the probing budget."""

import re

import pytest

from common import ROOT
from infoflow.errors import InfoflowError
from infoflow.plan import Plan
from infoflow.studies.probing_budget.plan import ProbingBudget

GRID = {"sigma_w2": [1.0, 2.0], "sigma_b2": [0.05], "depth": [5, 10]}
EXPERIMENTS = {
    "digits": {"dataset": "digits", "architecture": "mlp", **GRID},
    "deeper": {"dataset": "digits", "architecture": "mlp", **GRID, "sigma_w2": [2.0], "depth": [20]},
    "untrained": {"dataset": "digits", "architecture": "mlp", **GRID, "truth": False},
    "digits_cnn": {"dataset": "digits", "architecture": "cnn", **GRID},
}
ENTRY = {"experiment": "digits", "fractions": [0.1, 1.0], "samples": [10, 30], "widths": [16, None]}
PROBE = {"method": ["adam", "ridge"], "epochs": 20, "evaluation_samples": 360}


def planned(entry=ENTRY, **others) -> ProbingBudget:
    config = {"probe": PROBE, "experiments": EXPERIMENTS, "probing_budget": {"digits": entry}}
    return Plan(config | others, ROOT).of["probing_budget"]


def test_a_cube_is_merged_from_columns_and_the_ground_truth_of_the_experiment():
    study = planned(run={"name": "mine"})
    assert study.merge_inputs("digits") == {
        # networks of the other experiment are the deepest of their column
        "points": [
            "results/probe_budget/digits/w1.000000_b0.050000_d010.nc",
            "results/probe_budget/digits/w2.000000_b0.050000_d020.nc",
        ],
        "truth": "results/cubes/digits.nc",
        "dataset": "results/prepare_dataset/digits.nc",
    }
    made_by = study.cubes()["probing_budget_digits"]
    assert made_by["points"] == study.probe("digits")
    assert made_by["axes"] == GRID
    assert (made_by["title"], made_by["experiment"]) == ("mine", "digits")
    assert study.targets() == {"study_probing_budget": ["probing_budget_digits"]}


def test_the_ground_truth_has_to_be_the_cube_that_is_planned():
    plan = Plan({"probe": PROBE, "experiments": EXPERIMENTS, "probing_budget": {"digits": ENTRY}}, ROOT)
    assert plan.cubes["probing_budget_digits"]["truth"] == plan.cubes["digits"]


def test_a_column_depends_on_all_methods_of_the_probe():
    parameters = planned(run={"replicas": 2, "seed": 5}).probe("digits")
    assert set(parameters) == {"architecture", "probes", "budget", "offset", "run", "data", "code"}
    assert list(parameters["probes"]) == ["adam", "ridge"]
    assert set(parameters["probes"]["adam"]) == {
        "method", "epochs", "batch_size", "learning_rate", "evaluation_samples"
    }  # fmt: skip
    assert (parameters["probes"]["adam"]["epochs"], parameters["probes"]["adam"]["evaluation_samples"]) == (20, 360)
    assert parameters["probes"]["ridge"]["method"] == "ridge"
    assert parameters["run"] == {"seed": 5, "replicas": 2, "draws": "independent", "precision": "float32"}
    assert parameters["offset"] == 1e-12
    one = planned(probe=PROBE | {"method": "ridge"}).probe("digits")
    assert list(one["probes"]) == ["ridge"]
    assert one["code"] != parameters["code"]  # a method is a module


def test_the_full_probe_is_among_the_parts_and_the_last_of_them():
    full = planned({"experiment": "digits"}).probe("digits")["budget"]
    assert (full["fractions"][-1], full["samples"], full["widths"]) == (1.0, [10, 30, 100, 360], [None])
    entry = {"experiment": "digits", "fractions": [0.5, 0.1], "samples": [20, 10], "widths": [None, 9, 3]}
    assert planned(entry).probe("digits")["budget"] == {
        "fractions": [0.1, 0.5, 1.0],
        "samples": [10, 20, 360],
        "widths": [3, 9, None],
    }


def test_the_probing_budget_of_an_experiment_that_is_switched_off_is_off():
    config = {"probe": PROBE, "experiments": EXPERIMENTS | {"digits": None}, "probing_budget": {"digits": ENTRY}}
    study = Plan(config, ROOT).of["probing_budget"]
    assert (study.config["probing_budget"], study.cubes()) == ({}, {})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"experiment": "digitz"},
            "probing_budget.digits.experiment: unknown experiment 'digitz'; did you mean digits?",
        ),
        ({"experiment": "untrained"}, "probing_budget.digits.experiment: untrained has no ground truth"),
        ({"experiment": "digits_cnn"}, "networks of digits_cnn are of kind cnn, but only those of kind mlp"),
        ({"samples": [10, 361]}, "probing_budget.digits.samples: 361, but the probe has 360 evaluation_samples"),
        ({"samples": [1]}, "probing_budget.digits.samples[0]: 1 is less than the minimum of 2"),
        ({"fractions": [0.0]}, "probing_budget.digits.fractions[0]: 0.0 is less than or equal to the minimum of 0"),
        ({"fractions": [1.1]}, "probing_budget.digits.fractions[0]: 1.1 is greater than the maximum of 1"),
        ({"widths": [1]}, "probing_budget.digits.widths[0]: 1 is less than the minimum of 2"),
        ({"width": [16]}, "probing_budget.digits.width: unknown key; did you mean widths?"),
    ],
)
def test_a_probing_budget_that_cannot_be_computed_is_refused(change, message):
    with pytest.raises(InfoflowError, match=re.escape(message)) as refusal:
        planned(ENTRY | change)
    assert "\n" not in str(refusal.value)


def test_a_probing_budget_fits_the_test_set_and_the_width():
    # the full probe, which is always among the parts, would not fit either
    message = "evaluation_samples: 360, but the test set of digits has only 40 images"
    with pytest.raises(InfoflowError, match=message):
        planned(ENTRY | {"samples": [10, 30]}, datasets={"digits": {"test_samples": 40}})
    with pytest.raises(InfoflowError, match="probing_budget.digits.widths: 16 is not narrower than the 16 of the exp"):
        planned(architectures={"mlp": {"width": 16}})


def test_the_figure_is_drawn_of_every_cube():
    study = Plan(
        {"probe": PROBE, "experiments": EXPERIMENTS, "probing_budget": {"a": ENTRY, "b": ENTRY, "c": None}}, ROOT
    ).of["probing_budget"]
    (figure,) = study.figures()
    assert (figure.name, figure.of) == ("probing_budget", ["probing_budget_a", "probing_budget_b"])
    assert (ROOT / "workflow/src/infoflow/studies/probing_budget/figures/probing_budget.py").exists()


def test_the_config_of_a_cube_makes_its_probes_again():
    study = planned()
    config = study.merge("digits")["config"]
    assert set(config["experiments"]) == {"digits"}
    assert config["probing_budget"]["digits"] == ENTRY
    again = Plan(config, ROOT).of["probing_budget"]
    assert again.probe("digits") == study.probe("digits")
