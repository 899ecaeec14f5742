"""What the leaderboard is built from."""

import pytest

from common import ROOT
from infoflow.plan import Plan
from infoflow.predictors.kinds import PREDICTORS
from infoflow.reconstruction.kinds import METHODS
from infoflow.studies.leaderboard.plan import Leaderboard

GRID = {"sigma_w2": [1.0], "sigma_b2": [0.05], "depth": [3]}
PROBE = {"evaluation_samples": 100}
FIRST = {"dataset": "digits", "architecture": "mlp", **GRID}
SECOND = {"dataset": "o3", "architecture": "mlp", **GRID}
UNTRAINED = FIRST | {"truth": False}


def planned(**config) -> Plan:
    return Plan({"probe": PROBE, "experiments": {"first": FIRST, "second": SECOND, "third": UNTRAINED}} | config, ROOT)


def test_it_is_built_from_all_experiments_with_ground_truth():
    plan = planned(run={"seed": 5, "name": "mine"})
    study = plan.of["leaderboard"]
    assert study.merge_inputs() == {"cubes": ["results/cubes/first.nc", "results/cubes/second.nc"]}
    made_by = plan.cubes["leaderboard"]
    assert made_by["cubes"] == {name: plan.cubes[name] for name in ("first", "second")}
    assert (made_by["seed"], made_by["title"]) == (5, "mine")
    assert study.targets() == {"study_leaderboard": ["leaderboard"]}


def test_it_knows_what_every_score_is_and_nothing_of_others():
    made_by = planned(probe=PROBE | {"method": ["adam", "ridge"]}).cubes["leaderboard"]
    assert list(made_by["predictors"]) == list(PREDICTORS)
    assert made_by["predictors"]["snip"]["title"] == "SNIP"
    assert made_by["methods"]["ridge"] == METHODS["ridge"].about()
    made_by = planned(predictors={"names": ["snip"]}).cubes["leaderboard"]
    assert set(made_by["predictors"]) == {"negative_depth", "mean_field", "snip"}
    assert set(made_by["methods"]) == {"kernel", "theory"}
    assert set(planned(predictors=None).cubes["leaderboard"]["predictors"]) == {"negative_depth", "mean_field"}


def test_of_one_experiment_it_is_made_on_demand():
    plan = planned(experiments={"first": FIRST, "third": UNTRAINED})
    assert not plan.of["leaderboard"].wanted()
    assert "leaderboard" in plan.cubes
    assert "leaderboard" not in plan.wanted()
    assert plan.targets["study_leaderboard"] == ["leaderboard"]
    assert planned().of["leaderboard"].wanted()
    assert "leaderboard" in planned().wanted()


def test_without_ground_truth_there_is_none():
    study = planned(experiments={"third": UNTRAINED}).of["leaderboard"]
    assert (study.judged, study.cubes(), study.figures()) == ([], {}, [])


def test_a_board_says_what_part_of_the_config_it_comes_from():
    own = {"kind": "mlp", "width": 9}
    plan = planned(
        experiments={"first": FIRST | {"architecture": "own"}, "second": SECOND, "third": UNTRAINED},
        architectures={"own": own},
    )
    config = plan.cubes["leaderboard"]["config"]
    assert set(config["experiments"]) == {"first", "second"}
    assert set(config["datasets"]) == {"digits", "o3"}
    assert set(config["architectures"]) == {"mlp", "own"}
    assert config["run"] == plan.cubes["first"]["config"]["run"]
    # it is a config of its own, which makes the same results
    again = Plan(config, ROOT)
    assert again.cubes["leaderboard"] == plan.cubes["leaderboard"]


@pytest.mark.parametrize("studies", [["leaderboard"], None])
def test_the_archive_of_a_board_names_its_data_sets(studies):
    plan = planned(run={"studies": studies})
    assert ("first" in plan.wanted()) is (studies is None)
    assert set(plan.archive(ROOT)["data"]) == {"digits", "o3"}


def test_every_figure_is_drawn_of_the_board():
    figures = planned().of["leaderboard"].figures()
    assert [figure.name for figure in figures] == list(Leaderboard.FIGURES)
    for figure in figures:
        assert figure.of == ["leaderboard"]
        assert (ROOT / f"workflow/src/infoflow/studies/leaderboard/figures/{figure.name}.py").exists()
