"""The job of a family."""

import json

import pytest

from infoflow.files.results import read_result
from infoflow.modules.training import Recipe, Success
from infoflow.studies.check_calibration import try_networks as module
from infoflow.studies.check_calibration.networks.case import Case
from infoflow.studies.check_calibration.networks.families import FAMILIES
from infoflow.studies.check_calibration.networks.parts import mlp
from infoflow.studies.check_calibration.plan import FAMILIES as NAMED
from infoflow.studies.check_calibration.table import make_table
from infoflow.studies.check_calibration.try_networks import try_networks
from jobs import make_job


def test_the_plan_knows_all_families():
    assert set(NAMED) == {case.family for case in FAMILIES}


@pytest.mark.parametrize("seeds", [1, 2])
def test_networks_are_measured_and_trained(seeds, tmp_path, monkeypatch):
    recipe = Recipe(steps=60, learning_rate=0.3, success=Success(bound=0.7))
    small = Case("a", "mine", "sgd:0.3", lambda: mlp([64, 30, 10]), "digits_flat", recipe, facts={"depth": 2})
    other = Case("b", "other", "sgd:0.3", lambda: mlp([64, 30, 10]), "digits_flat", recipe)
    monkeypatch.setattr(module, "FAMILIES", (small, other))
    job = make_job({"seeds": seeds, "code": "x"}, tmp_path / "a.nc", {}, {"family": "mine"}, "try_networks")
    try_networks(job)
    table = make_table(json.loads(read_result(job.output, job.parameters).attributes["rows"]))
    assert table.networks.tolist() == ["a/sgd:0.3"] * seeds
    assert table.learned.all()
    assert table.baselines["depth"].tolist() == [-2] * seeds
