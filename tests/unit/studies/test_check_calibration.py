import csv
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from infoflow.errors import InfoflowError
from infoflow.modules.training import LOSSES
from infoflow.studies.check_calibration import truth
from infoflow.studies.check_calibration.networks.case import FAILS, TRAINS, VARIES, Case, draw, train_case
from infoflow.studies.check_calibration.networks.cases import CASES
from infoflow.studies.check_calibration.networks.families import FAMILIES
from infoflow.studies.check_calibration.networks.tasks import TASKS, load_task
from infoflow.studies.check_calibration.table import read_table

ALL = (*CASES, *FAMILIES)
FILES = {"mnist": "MNIST/raw", "fashion": "FashionMNIST/raw", "cifar10": "cifar-10-batches-py"}
"""Where the data of the tasks whose names begin like that is, below the data root."""


def skip_without_data(task: str) -> None:
    for name, folder in FILES.items():
        root = os.environ.get("INFOFLOW_DATA")
        if task.startswith(name) and not (root and (Path(root) / folder).is_dir()):
            pytest.skip(f"needs {folder}: set INFOFLOW_DATA to a directory in torchvision's layout")


def find(name: str, arm: str) -> Case:
    (case,) = [c for c in ALL if (c.name, c.arm) == (name, arm)]
    return case


def test_names_are_unique_and_tasks_known():
    assert max(Counter((c.name, c.arm) for c in ALL).values()) == 1
    assert {c.data for c in ALL} == set(TASKS)


def test_the_collection_is_as_large_as_it_should_be():
    assert len({c.name for c in CASES}) == 19
    assert len(FAMILIES) >= 300
    assert len({c.family for c in FAMILIES}) >= 8
    assert {c.expected for c in CASES} == {FAILS, TRAINS, VARIES, None}
    assert all(c.mechanism for c in CASES if c.expected in (FAILS, VARIES))
    assert all(c.mechanism is None for c in CASES if c.expected == TRAINS)
    assert all(c.seeds >= 10 for c in CASES if c.expected == VARIES)
    assert all({"depth", "width"} <= set(c.facts) for c in ALL)


@pytest.mark.parametrize("task", TASKS)
def test_networks_take_the_data_of_their_task(task):
    skip_without_data(task)
    data = load_task(task)
    inputs, targets = data.inputs[:3], data.targets[:3]
    assert len(data.inputs) == len(data.targets)
    assert not inputs.is_floating_point() or data.inputs.isfinite().all()
    for case in (c for c in ALL if c.data == task):
        with torch.no_grad():
            scores = draw(case, 0)(inputs)
        if targets.is_floating_point():
            assert scores.shape == targets.shape, case.name
        else:
            assert scores.shape == (3, data.targets.max() + 1), case.name
        loss = case.recipe.loss if callable(case.recipe.loss) else LOSSES[case.recipe.loss]
        assert loss(scores, targets).shape == ()
        if not case.name.endswith(("large_one_b16", "large_one_b08")):
            assert scores.isfinite().all(), case.name


def test_a_network_is_drawn_from_its_seed_alone():
    case = find("c21", "linear_output")
    before = torch.get_rng_state()
    first, again, other = (torch.cat([p.flatten() for p in draw(case, s).parameters()]) for s in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)


def test_training_a_case_is_reproducible():
    case = find("spoiled_relu_none", "sgd:0.05")
    first, again = (train_case(case, 3) for _ in range(2))
    assert first.succeeded
    assert (first.loss, first.steps) == (again.loss, again.steps)


def test_a_dead_output_is_found_at_once():
    case = find("c21", "relu_output")
    assert any(train_case(case, seed).stalled for seed in range(3))


# --- the tables


def few() -> list[Case]:
    """Two networks that are trained in no time."""
    chosen = [find("spoiled_relu_none", "sgd:0.05"), find("mlp_rates_d02", "sgd:1,momentum=0.9")]
    return [replace(c, recipe=replace(c.recipe, steps=5), seeds=2) for c in chosen]


def test_a_table_is_gone_on_with(tmp_path):
    path, told = tmp_path / "truth.csv", []
    truth.complete(path, few()[:1], tell=told.append)
    assert len(told) == 2
    truth.complete(path, few(), tell=told.append)
    assert len(told) == 4
    rows = truth.read_table(path)
    assert [truth.key(row)[2] for row in rows] == [0, 1, 0, 1]
    truth.complete(path, few(), tell=told.append)
    assert len(told) == 4


def test_a_line_that_was_cut_off_is_computed_again(tmp_path):
    path = tmp_path / "truth.csv"
    truth.complete(path, few())
    whole = path.read_text()
    for cut in (whole[:-5], whole[: whole.index("\n") // 2]):
        path.write_text(cut)
        truth.complete(path, few())
        kept = [[row[c] for c in truth.COLUMNS if c != "seconds"] for row in truth.read_table(path)]
        assert len(kept) == 4
        assert sorted(kept) == sorted(row[:-1] for row in csv.reader(whole.splitlines()[1:]))


def test_a_foreign_table_is_refused(tmp_path):
    path = tmp_path / "truth.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(InfoflowError, match="columns"):
        truth.complete(path, few())


def test_a_folder_that_is_not_there_is_told_before_any_work(tmp_path, capsys):
    assert truth.main(["--match", "c21", "--table", str(tmp_path / "nowhere/a.csv")]) == 1
    assert "no such folder" in capsys.readouterr().err


def test_what_is_committed_is_of_the_networks_that_there_are():
    keys = [truth.key(row) for row in truth.read_table(truth.TABLE)]
    assert len(set(keys)) == len(keys)
    assert {key[:2] for key in keys} == {(c.name, c.arm) for c in CASES}


def test_the_rule_was_fitted_to_the_families_that_there_are():
    assert set(read_table().networks) == {f"{c.name}/{c.arm}" for c in FAMILIES}


def test_the_training_came_to_what_is_expected():
    rows = truth.read_table(truth.TABLE)
    for case in CASES:
        learned = [row["succeeded"] == "1" for row in rows if (row["name"], row["arm"]) == (case.name, case.arm)]
        assert len(learned) == case.seeds, (case.name, case.arm)
        if case.expected is not None:
            found = TRAINS if all(learned) else VARIES if any(learned) else FAILS
            assert found == case.expected, (case.name, case.arm)
