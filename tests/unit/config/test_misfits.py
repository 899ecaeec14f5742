import logging

import pytest

from common import ROOT, load_config
from infoflow.config.check import merge_config
from infoflow.errors import InfoflowError
from infoflow.plan import Plan

OVER = {
    "config": ["config"],
    "digits": ["config", "digits"],
    "map": ["map"],
    "paper": ["paper"],
}


def laid_over(name: str, change: dict) -> Plan:
    return Plan(merge_config([*map(load_config, OVER[name]), change]), ROOT)


@pytest.fixture
def notes(caplog):
    caplog.set_level(logging.WARNING, "infoflow")
    return caplog


@pytest.mark.parametrize("values", [[1.0, 2.1], {"start": 1.0, "stop": 2.0, "step": 0.5}, [0.6, 1.0, 2.0]])
def test_an_axis_of_a_default_experiment_is_changed_in_one_line(notes, values):
    plan = laid_over("config", {"experiments": {"digits": {"sigma_w2": values}}})
    experiment = plan.of["trainability"].experiments["digits"]
    assert set(experiment.highlight) <= set(experiment.sigma_w2)
    assert len(experiment.highlight) >= 2
    (note,) = notes.messages
    assert note.startswith("config: experiments.digits.highlight ")
    assert note.endswith("of an earlier file is dropped: it is not among the values of sigma_w2 in a later one")


@pytest.mark.parametrize("name", ["map", "paper"])
def test_every_axis_of_every_default_experiment_can_be_changed(name):
    for experiment in [e for e, entry in load_config(OVER[name][-1])["experiments"].items() if entry][:2]:
        for axis, values in (
            ("sigma_w2", [1.0, 2.1]),
            ("sigma_b2", [0.0]),
            ("depth", {"start": 2, "stop": 6, "step": 2}),
            ("depth", {"start": 2, "stop": 6, "num": 3}),
        ):
            plan = laid_over(name, {"experiments": {experiment: {axis: values}}})
            assert experiment in plan.of["trainability"].experiments


def test_what_stands_and_falls_with_the_truth_is_dropped_with_it(notes):
    plan = laid_over("digits", {"experiments": {"digits": {"truth": False}}})
    assert plan.of["trainability"].experiments["digits"].decisions is None
    assert not plan.of["probing_budget"].names()
    assert "experiments.digits.decisions of an earlier file is dropped" in notes.text
    assert "probing_budget.digits of an earlier file is dropped: experiment digits has no truth" in notes.text


def test_a_map_shows_the_experiments_whose_axes_agree(notes):
    plan = laid_over("map", {"experiments": {"cifar10": {"depth": [3, 5]}}})
    assert "cifar10" not in plan.config["maps"]["tanh"]["experiments"]
    assert "maps.tanh.experiments cifar10 of an earlier file is dropped: it has axes of its own" in notes.text
    changed = {name: {"depth": [3, 5]} for name in load_config("map")["experiments"]}
    plan = laid_over("map", {"experiments": changed})
    assert plan.config["maps"]["tanh"]["experiments"] == load_config("map")["maps"]["tanh"]["experiments"]


def test_a_narrower_network_has_budgets_that_are_narrower_still(notes):
    plan = laid_over("digits", {"architectures": {"mlp": {"width": 20}}})
    assert plan.config["probing_budget"]["digits"]["widths"] == [16, None]
    assert "probing_budget.digits.widths 32 of an earlier file is dropped: architecture mlp is as narrow" in notes.text


def test_another_method_drops_the_channels_that_it_does_not_know(notes):
    config = merge_config([load_config(), {"probe": {"method": "kernel"}}])
    assert config["architectures"]["vgg16"]["probe"]["show_channels"] == []
    assert "architectures.vgg16.probe.show_channels of an earlier file is dropped" in notes.text


def test_the_number_and_the_step_of_an_axis_do_not_add_up(notes):
    base = load_config()
    base["experiments"]["digits"]["sigma_b2"] = {"start": 0.0, "stop": 1.0, "num": 5}
    change = {"experiments": {"digits": {"sigma_b2": {"step": 0.5}}}}
    plan = Plan(merge_config([base, change]), ROOT)
    assert plan.of["trainability"].experiments["digits"].sigma_b2 == (0.0, 0.5, 1.0)
    assert "experiments.digits.sigma_b2.num of an earlier file is dropped: it has step in a later one" in notes.text


def test_what_one_file_says_can_contradict_itself(notes):
    both = {"experiments": {"digits": {"sigma_w2": [1.0, 2.1], "highlight": [0.6]}}}
    with pytest.raises(InfoflowError, match="highlight: 0.6 is not among the values of sigma_w2"):
        laid_over("config", both)
    with pytest.raises(InfoflowError, match="highlight: 0.6 is not among the values of sigma_w2"):
        laid_over("config", {"experiments": {"mine": {**load_config()["experiments"]["digits"], "sigma_w2": [1.0]}}})
    assert not notes.messages
