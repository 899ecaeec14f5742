"""What the config says of maps."""

import re

import pytest

from common import ROOT, load_config
from infoflow.errors import InfoflowError
from infoflow.plan import Plan
from infoflow.studies.maps.plan import Maps

GRID = {"sigma_w2": [1.0, 2.0], "sigma_b2": [0.05], "depth": [5, 10], "truth": False}
DIGITS = {"dataset": "digits", "architecture": "mlp", **GRID}
EXPERIMENTS = {
    "digits": DIGITS,
    "o3": DIGITS | {"dataset": "o3"},
    "digits_cnn": DIGITS | {"architecture": "cnn"},
    "columns": DIGITS | {"sigma_w2": [1.0, 3.0]},
    "biased": DIGITS | {"sigma_b2": [0.1]},
    "deeper": DIGITS | {"depth": [20]},
}
PROBE = {"evaluation_samples": 100}
ENTRY = {"experiments": ["o3", "digits"]}


def planned(entry=ENTRY, **others) -> Maps:
    config = {"probe": PROBE, "experiments": EXPERIMENTS, "maps": {"both": entry}}
    return Plan(config | others, ROOT).of["maps"]


def test_a_map_is_merged_from_the_cubes_of_its_experiments_in_their_order():
    study = planned(run={"name": "mine"})
    assert study.merge_inputs("both") == {"cubes": ["results/cubes/o3.nc", "results/cubes/digits.nc"]}
    made_by = study.cubes()["map_both"]
    assert (made_by["title"], made_by["threshold"]) == ("mine", -12.0)
    assert made_by["experiments"] == [
        {"name": name, "dataset": name, "architecture": "mlp", "method": "kernel cascade"} for name in ("o3", "digits")
    ]
    assert study.targets() == {"study_maps": ["map_both"]}
    assert study.wanted()


def test_the_cubes_have_to_be_those_that_are_planned():
    plan = Plan({"probe": PROBE, "experiments": EXPERIMENTS, "maps": {"both": ENTRY}}, ROOT)
    assert plan.cubes["map_both"]["cubes"] == {name: plan.cubes[name] for name in ("o3", "digits")}


def test_another_threshold_computes_nothing_but_the_map_again():
    one, other = (
        Plan({"probe": PROBE, "experiments": EXPERIMENTS, "maps": {"both": ENTRY | {"threshold": threshold}}}, ROOT)
        for threshold in (-12.0, -9.0)
    )
    assert {name for name in one.cubes if one.cubes[name] != other.cubes[name]} == {"map_both"}


def test_there_is_none_unless_one_is_named():
    for maps in ({}, {"both": None}):
        study = Plan({"probe": PROBE, "experiments": EXPERIMENTS, "maps": maps}, ROOT).of["maps"]
        assert (study.cubes(), study.targets()) == ({}, {"study_maps": []})
        assert not any(figure.of for figure in study.figures())


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["digitz"], "maps.both.experiments: unknown experiment 'digitz'; did you mean digits?"),
        (["digits", "xyz"], "maps.both.experiments: unknown experiment 'xyz'; experiments: biased, columns, deeper"),
        (["digits", "columns"], "maps.both.experiments: columns has other values of sigma_w2 than digits; give both"),
        (["digits", "biased"], "maps.both.experiments: biased has other values of sigma_b2 than digits"),
        (["digits", "deeper"], "maps.both.experiments: deeper has other values of depth than digits"),
        (["digits", "digits"], "maps.both.experiments: ['digits', 'digits'] has non-unique elements"),
        ([], "maps.both.experiments: [] should be non-empty"),
        (list("abcdefg"), "maps.both.experiments: ['a', 'b', 'c', 'd', 'e', 'f', 'g'] is too long"),
        ("digits", "maps.both.experiments: 'digits' is not of type 'array'"),
    ],
)
def test_experiments_that_make_no_map_are_refused(names, message):
    with pytest.raises(InfoflowError, match=re.escape(message)) as refusal:
        planned({"experiments": names})
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({}, "maps.both: 'experiments' is a required property"),
        (ENTRY | {"threshold": 1}, "maps.both.threshold: 1 is greater than the maximum of 0"),
        (ENTRY | {"treshold": -9}, "maps.both.treshold: unknown key; did you mean threshold?"),
    ],
)
def test_an_entry_that_makes_no_sense_is_refused(entry, message):
    with pytest.raises(InfoflowError, match=re.escape(message)):
        planned(entry)


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("kernel", "both.experiments: digits is probed without its theory; set {} to [kernel, theory]"),
        (["adam", "ridge"], "digits is probed without its theory; set {} to [adam, ridge, theory]"),
        (["theory"], "digits is probed by theory first, which is of no network; set {} to [kernel, theory]"),
        (["theory", "adam"], "digits is probed by theory first, which is of no network; set {} to [adam, theory]"),
    ],
)
def test_the_probes_need_a_measured_map_and_its_theory(method, message):
    of_mlp = {name: entry for name, entry in EXPERIMENTS.items() if entry["architecture"] == "mlp"}
    places = {
        "probe.method": {"probe": PROBE | {"method": method}, "experiments": of_mlp},
        "datasets.digits.probe.method": {
            "datasets": {"digits": {"probe": {"method": method}}},
            "experiments": of_mlp,
        },
    }
    for place, config in places.items():
        with pytest.raises(InfoflowError, match=re.escape(message.format(place))) as refusal:
            planned({"experiments": ["digits"]}, **config)
        assert "\n" not in str(refusal.value)


def test_of_an_architecture_without_theory_none_is_needed():
    made_by = planned({"experiments": ["digits", "digits_cnn"]}).merge("both")
    assert [set(of["made_by"]) for of in made_by["cubes"].values()] == [{"evaluations", "theory"}, {"evaluations"}]


def test_a_further_method_is_welcome_and_the_first_one_is_drawn():
    probe = {"mlp": {"probe": {"method": ["adam", "theory", "kernel"]}}}
    study = planned({"experiments": ["digits"]}, architectures=probe)
    assert study.merge("both")["experiments"][0]["method"] == "Adam cascade"


def test_figures_are_drawn_of_every_map():
    study = planned()
    figures = study.figures()
    assert [figure.name for figure in figures] == list(Maps.FIGURES) == ["map", "collapse"]
    for figure in figures:
        assert figure.of == ["map_both"]
        assert figure.inputs("map_both") == {"cube": "results/cubes/map_both.nc"}


def test_an_experiment_has_not_the_name_of_a_map():
    message = "config: map_both is the name of a cube of trainability and of maps; rename the experiment or entry"
    with pytest.raises(InfoflowError, match=message):
        planned(experiments=EXPERIMENTS | {"map_both": DIGITS})


def test_the_config_of_a_map_makes_it_again():
    plan = Plan({"probe": PROBE, "experiments": EXPERIMENTS, "maps": {"both": ENTRY, "other": ENTRY}}, ROOT)
    config = plan.cubes["map_both"]["config"]
    assert set(config["experiments"]) == set(config["datasets"]) == {"o3", "digits"}
    assert config["maps"] == {"both": ENTRY | {"threshold": -12.0}}
    assert Plan(config, ROOT).cubes["map_both"] == plan.cubes["map_both"]


@pytest.mark.parametrize("studies", [["maps"], None])
def test_the_archive_of_a_map_names_its_data_sets(studies):
    config = {"run": {"studies": studies}, "probe": PROBE, "maps": {"both": ENTRY}}
    plan = Plan(config | {"experiments": {name: EXPERIMENTS[name] for name in ("digits", "o3")}}, ROOT)
    assert ("o3" in plan.wanted()) is (studies is None)
    assert set(plan.archive(ROOT)["data"]) == {"digits", "o3"}


def test_the_shipped_maps_are_of_four_data_sets_at_full_depth():
    plan = Plan(load_config("map"), ROOT)
    (made_by,) = plan.of["maps"].cubes().values()
    assert [e["name"] for e in made_by["experiments"]] == ["mnist", "fashion_mnist", "cifar10", "white_noise"]
    for cube in made_by["cubes"].values():
        axes = cube["axes"]
        assert (len(axes["sigma_w2"]), axes["sigma_w2"][0], axes["sigma_w2"][-1]) == (119, 0.1, 6.0)
        assert (axes["sigma_b2"], axes["depth"]) == ([0.05], [200])
    assert made_by["config"]["datasets"]["cifar10"].get("colour", False) is False
