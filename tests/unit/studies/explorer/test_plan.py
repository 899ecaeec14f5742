"""What the explorer is made of."""

import pytest

from common import ROOT, changed_config, load_config
from infoflow.errors import InfoflowError
from infoflow.jobs.provenance import imported_modules
from infoflow.jobs.record import mark
from infoflow.plan import Plan
from infoflow.studies.explorer import plan as plan_of_explorer

OFF = {"ising": None, "information_plane": None, "network_entropy": {}, "probing_budget": {}}


def planned(**changes) -> Plan:
    return Plan(changed_config(**changes), ROOT)


def test_it_reads_the_cubes_of_all_experiments_and_a_probe_per_column():
    plan = Plan(load_config(), ROOT)
    study, names = plan.of["explorer"], plan.of["trainability"].names()
    inputs = study.inputs()
    assert inputs["cubes"] == [f"results/cubes/{name}.nc" for name in names]
    assert len(inputs["probes_digits"]) == 12
    assert len(inputs["probes_digits_published"]) == 4
    assert inputs["probes_photographs_vgg16"] == [
        "results/evaluate_ridge/photographs/vgg16/w2.000000_b0.000000_d022.nc"
    ]
    assert plan.pages() == ["results/explorer.html", *plan.of["summary"].pages()]
    assert study.parameters["cubes"] == {name: mark(plan.cubes[name]) for name in names}
    assert study.parameters["methods"]["theory"]["network"] is False
    assert study.parameters["predictors"]["snip"] == "SNIP"


def test_it_depends_on_nothing_that_figures_alone_show():
    before = planned().of["explorer"].parameters
    shown = {"highlight": [0.6], "decisions": {"sigma_w2": 1.0, "sigma_b2": 0.05, "depth": 5}}
    assert planned(**{f"experiments__digits__{key}": v for key, v in shown.items()}).of["explorer"].parameters == before
    assert planned(experiments__digits__depth=[5, 10]).of["explorer"].parameters != before
    assert planned(**OFF).of["explorer"].parameters == before


def test_it_is_made_where_there_are_experiments_unless_other_studies_are_chosen():
    for other in ("ising", "trainability"):
        plan = planned(run__studies=[other])
        assert plan.pages() == plan.of["summary"].pages()
    alone = planned(run__studies=["explorer"])
    assert (alone.wanted(), alone.pages()) == ([], ["results/explorer.html"])
    plan = planned(experiments={}, network_entropy={}, probing_budget={})
    assert plan.pages() == plan.of["summary"].pages()
    with pytest.raises(InfoflowError, match="nothing to do"):
        planned(experiments={}, run__studies=["explorer"], **OFF)


def test_theory_alone_has_no_pictures():
    plan = planned(architectures__mlp={"probe": {"method": ["theory", "kernel"]}}, **OFF)
    assert "probes_digits" not in plan.of["explorer"].inputs()


def test_an_edit_of_the_page_makes_it_again(monkeypatch, tmp_path):
    before = plan_of_explorer._digest()
    folder = tmp_path / "explorer"
    folder.mkdir()
    for name in ("explorer.css", "explorer.html", "explorer.js"):
        (folder / name).write_text((ROOT / f"workflow/src/infoflow/studies/explorer/{name}").read_text())
    monkeypatch.setattr(plan_of_explorer, "__file__", str(folder / "plan.py"))
    assert plan_of_explorer._digest() == before
    (folder / "explorer.js").write_text("other")
    assert plan_of_explorer._digest() != before


def test_it_shows_no_description_so_that_its_code_is_all_it_depends_on():
    assert imported_modules("explorer", described=True) == imported_modules("explorer", described=False)
