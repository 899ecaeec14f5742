"""When a run has claims, and what they are decided from."""

from common import ROOT, changed_config, load_config
from infoflow.jobs.record import mark
from infoflow.plan import Plan
from infoflow.studies.claims.entries import digest

OWN = {"dataset": "digits", "architecture": "mlp", "sigma_w2": [1.0], "sigma_b2": [0.05], "depth": [3]}


def test_the_demonstration_has_all_of_its_evidence():
    plan = Plan(load_config(), ROOT)
    study = plan.of["claims"]
    without = {"digits", "digits_published", "photographs_vgg16", "leaderboard", "recommendation", "claims"}
    assert set(study.evidence) == set(plan.cubes) - without
    assert study.inputs()["cubes"] == [f"results/cubes/{name}.nc" for name in sorted(study.evidence)]
    made_by = plan.cubes["claims"]
    assert made_by["cubes"] == {name: mark(plan.cubes[name]) for name in study.evidence}
    assert made_by["claims"] == digest()
    assert "claims" in plan.wanted()


def test_the_map_is_evidence():
    plan = Plan(load_config("map"), ROOT)
    assert set(plan.of["claims"].evidence) == {"map_tanh"}


def test_an_experiment_of_ones_own_is_no_evidence_whatever_its_name_is():
    plan = Plan({"experiments": {"digits": OWN}, "datasets": {"digits": {"probe": {"evaluation_samples": 100}}}}, ROOT)
    assert plan.of["claims"].evidence == {}
    assert (plan.of["claims"].names(), plan.of["claims"].targets()) == ([], {"study_claims": []})
    assert "claims" not in plan.wanted()
    assert all(not figure.of for figure in plan.of["claims"].figures())


def test_a_changed_grid_takes_its_claims_with_it():
    whole = load_config("digits")
    assert {"digits", "leaderboard", "probing_budget_digits"} == set(Plan(whole, ROOT).of["claims"].evidence)
    whole["experiments"]["digits"]["depth"] = [5, 10]
    assert not Plan(whole, ROOT).of["claims"].evidence
    plan = Plan(changed_config(experiments__digits_cnn__depth=[5]), ROOT)
    assert "digits_cnn" not in plan.of["claims"].evidence
    assert {"digits_resnet", "ising_2d"} <= set(plan.of["claims"].evidence)


def test_other_studies_can_be_chosen():
    plan = Plan(changed_config(run__studies=["ising"]), ROOT)
    assert set(plan.wanted()) == {"ising_1d", "ising_2d"}
