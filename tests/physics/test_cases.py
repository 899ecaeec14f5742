"""Networks that were reported not to train, each beside one that does: the verdict on both, and what is wrong.

What came of their training is in `truth_cases.csv`, made by `python -m infoflow.studies.check_calibration.truth`. The
rule of the verdict was fitted to other networks.
"""

import csv
from collections import defaultdict
from pathlib import Path

import pytest

from infoflow.engine.initialization import generator
from infoflow.modules.check import check
from infoflow.modules.repair import rescale, with_rate
from infoflow.modules.report import Report
from infoflow.modules.training import LOSSES, train
from infoflow.modules.verdict import NOT_TRAINABLE, TRAINABLE, UNCERTAIN
from infoflow.studies.check_calibration import truth
from infoflow.studies.check_calibration.networks.case import draw
from infoflow.studies.check_calibration.networks.cases import CASES
from infoflow.studies.check_calibration.networks.tasks import load_task

CASE = {(case.name, case.arm): case for case in CASES}
SAMPLES = 384

PAIRS = {
    "c01": ("default", "he", {"shrinks"}),
    "c03": ("glorot", "he", {"shrinks"}),
    "c11": ("large_step", "small", {"step too large"}),
    "c12": ("normal", "he", {"explodes"}),
    "c13": ("normal", "glorot", {"shrinks"}),
    "c14": ("normal_10", "he_20", {"explodes"}),
    "c15": ("deep", "shallow", {"step too small"}),
    "c16": ("dropout", "without", {"noise of training"}),
    "c17": ("two_layers", "one_layer", {"step too small"}),
    "c19": ("width_2", "width_6", {"too narrow"}),
    "c23": ("without_last_norm", "with_it", {"step too large"}),
    "c28": ("default_12", "truncated_4", {"step too large"}),
}
"""The arm that fails, one that trains, and what has to be named."""
SOME = {"c21": "relu_output", "c33": "relu_mask"}
"""Outputs that are dead in some draws, for good: a probability."""
CHANCE = {"c10": ("relu", "prelu"), "c29": ("relu", "softplus")}
"""Units, or an output, that die in many draws: a probability, beside an arm that trains."""
WRONG = {
    "c09": "half of its draws learn, to twice chance and so late that the first steps show nothing of it",
    "c20": "its loss stays high, but its accuracy rises as fast as with scaled pixels",
    "c30": "what the features can represent at the end is not seen before the start",
}
"""Networks that the verdict is wrong about, or not sure, and why."""


@pytest.fixture(scope="module")
def learned() -> dict:
    """Share of the seeds that learned, by name and arm."""
    found = defaultdict(list)
    with Path(truth.__file__).with_name("truth_cases.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            found[row["name"], row["arm"]].append(int(row["succeeded"]))
    return {key: sum(all_) / len(all_) for key, all_ in found.items()}


def asked(name: str, arm: str, seeds: int = 3) -> Report:
    case = CASE[name, arm]
    task = load_task(case.data)
    loss = case.recipe.loss if callable(case.recipe.loss) else LOSSES[case.recipe.loss]
    return check(
        case.build, task.inputs[:SAMPLES], task.targets[:SAMPLES], optimizer=case.recipe, loss=loss, seeds=seeds
    )


@pytest.mark.usefixtures("mnist_root", "cifar10_root")
@pytest.mark.parametrize("name", PAIRS)
def test_both_arms_are_told_apart(name, learned):
    fails, trains, named = PAIRS[name]
    assert learned[name, fails] == 0
    assert learned[name, trains] == 1
    bad, good = asked(name, fails), asked(name, trains)
    assert bad.verdict.answer == NOT_TRAINABLE
    assert good.verdict.answer == TRAINABLE
    assert named <= {m.name for m in bad.mechanisms}
    assert not named <= {m.name for m in good.mechanisms} or name == "c17"  # slow both, one of them slower


@pytest.mark.usefixtures("mnist_root")
def test_what_is_slow_is_not_called_untrainable_with_more_time(learned):
    """The deep network of c15 learns, with all images and more steps."""
    assert learned["c15", "deep_longer"] == 1
    assert asked("c15", "deep_longer").verdict.answer != NOT_TRAINABLE


@pytest.mark.usefixtures("mnist_root")
@pytest.mark.parametrize("name", CHANCE)
def test_what_dies_in_some_draws_is_a_probability(name, learned):
    some, all_ = CHANCE[name]
    assert 0 < learned[name, some] < 0.5
    assert learned[name, all_] == 1
    bad, good = asked(name, some), asked(name, all_)
    assert bad.verdict.low < learned[name, some] < bad.verdict.high
    assert bad.verdict.answer != TRAINABLE
    assert good.verdict.answer == TRAINABLE
    assert "dead output" in {m.name for m in bad.mechanisms}
    assert "dead output" not in {m.name for m in good.mechanisms}


@pytest.mark.usefixtures("mnist_root", "cifar10_root")
@pytest.mark.parametrize("name", SOME)
def test_dead_outputs_are_a_probability(name, learned):
    report = asked(name, SOME[name], seeds=10)
    assert 0.2 < learned[name, SOME[name]] < 0.8
    dead = next(m for m in report.mechanisms if m.name == "dead output")
    assert abs(1 - dead.share - learned[name, SOME[name]]) < 0.35
    assert report.verdict.answer in (UNCERTAIN, NOT_TRAINABLE)
    assert any("draw" in line for line in report.repair.advice) == (dead.share > 0.5)


def test_all_are_told_of(learned):
    assert {name for name, _ in learned} == {*PAIRS, *CHANCE, *SOME, *WRONG}


@pytest.mark.usefixtures("mnist_root", "cifar10_root")
def test_the_block_where_the_signal_is_lost():
    """Convolutions 9 and 10 of a VGG16, the third of dense layers."""
    report = asked("c01", "default", seeds=1)
    names = [b.name for b in report.blocks if b.kind == "Conv2d"]
    shrinks = next(m for m in report.mechanisms if m.name == "shrinks")
    assert 5 <= names.index(shrinks.block) <= 9
    report = asked("c13", "normal", seeds=1)
    shrinks = next(m for m in report.mechanisms if m.name == "shrinks")
    assert 2 <= [b.name for b in report.blocks].index(shrinks.block) <= 4


@pytest.mark.usefixtures("mnist_root")
def test_gains_make_them_train():
    """Proved by training: what fails without the repair of its report."""
    for name, arm in (("c13", "normal"), ("c14", "normal_10"), ("c17", "two_layers")):
        case = CASE[name, arm]
        report = asked(name, arm)
        model = rescale(draw(case, 0), report.repair)
        task = load_task(case.data)
        recipe = with_rate(case.recipe, report.repair.learning_rate)
        outcome = train(model, task.inputs, task.targets, recipe, generator(0, "repaired", name), task.evaluation)
        assert outcome.succeeded, name
