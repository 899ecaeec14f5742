"""What the whole config asks for; single studies are in tests/unit/studies/*/test_plan.py."""

import copy
import random

import pytest

from common import ROOT, changed_config, load_config
from infoflow.archive.source import source_digest
from infoflow.config.check import merge_config
from infoflow.errors import InfoflowError
from infoflow.plan import KINDS, Plan, in_order

OTHER = {"dataset": "mnist", "architecture": "mlp", "sigma_w2": [1.0], "sigma_b2": [0.05], "depth": [3]}
OFF = {"ising": None, "information_plane": None, "network_entropy": {}}
OF = {
    "trainability": {"digits", "digits_published", "digits_cnn", "digits_resnet", "photographs_vgg16"},
    "ising": {"ising_1d", "ising_2d"},
    "network_entropy": {"network_entropy_digits"},
    "information_plane": {"information_plane"},
    "leaderboard": {"leaderboard"},
    "recommendation": {"recommendation"},
    "claims": {"claims"},
}
"""Cubes of the demonstration."""
ON_DEMAND = {"leaderboard", "recommendation"}
"""Those that compare experiments with ground truth, of which there is one."""


@pytest.fixture(scope="module")
def demonstration() -> Plan:
    return Plan(load_config(), ROOT)


def shuffled(value, generator: random.Random):
    """With the keys of all mappings in another order."""
    if not isinstance(value, dict):
        return value
    keys = generator.sample(list(value), len(value))
    return {key: shuffled(value[key], generator) for key in keys}


def test_the_cubes_of_all_studies(demonstration):
    assert {name: set(study.names()) for name, study in demonstration.of.items() if study.names()} == OF
    assert list(demonstration.of) == [kind.name for kind in KINDS]
    assert set(demonstration.cubes) == set.union(*OF.values())
    assert set(demonstration.wanted()) == set(demonstration.cubes) - ON_DEMAND
    for study in demonstration.of.values():
        assert study.cubes() == {name: demonstration.cubes[name] for name in study.names()}
    for name, made_by in demonstration.cubes.items():
        assert made_by["title"] == load_config()["run"]["name"], name
        assert made_by["config"]["run"]["seed"] == 0


def test_every_cube_has_its_config_and_code(demonstration):
    codes = {name: made_by["code"] for name, made_by in demonstration.cubes.items()}
    assert len(set(codes.values())) == len(OF)  # one rule merges all cubes of a study
    for made_by in demonstration.cubes.values():
        assert set(made_by["config"]) <= {"run", *load_config(), "evaluate", "predictors", "probe", "search", "train"}


def test_every_figure_is_one_of_its_study_and_lies_with_its_cube(demonstration):
    assert [f.name for f in demonstration.figures] == [name for kind in KINDS for name in kind.FIGURES]
    for figure in demonstration.figures:
        assert set(figure.of) <= set(demonstration.cubes)
        for cube in figure.of:
            assert figure.inputs(cube)["cube"] == f"results/cubes/{cube}.nc"
            module = figure.parameters(cube)["module"]
            assert module.endswith(f".figures.{figure.name}")
            assert (ROOT / f"workflow/src/infoflow/{module.replace('.', '/')}.py").is_file()
            assert (ROOT / f"workflow/scripts/{figure.script}.py").is_file()
        assert figure.files(*demonstration.cubes) == [
            f"results/figures/{cube}/{figure.name}.{suffix}" for cube in figure.of for suffix in ("png", "pdf", "json")
        ]
        assert figure.files() == []
    drawn = {figure.name for figure in demonstration.figures if figure.of}
    # of the demonstration no experiment has several bias variances
    everything = {name for kind in KINDS if kind.name in OF for name in kind.FIGURES}
    assert drawn == everything - {"phase_diagram"}


def test_targets_are_cubes_with_their_figures(demonstration):
    targets = demonstration.targets
    assert {name: set(cubes) for name, cubes in targets.items()} == {
        **{f"study_{study}": cubes for study, cubes in OF.items()},
        **{f"experiment_{name}": {name} for name in OF["trainability"]},
    }
    files = demonstration.files(*targets["study_ising"])
    assert files[:2] == ["results/cubes/ising_1d.nc", "results/cubes/ising_2d.nc"]
    assert len(files) == 2 + 3 * 5
    everything = demonstration.files(*demonstration.wanted())
    assert len(everything) == len(set(everything))
    figures = [f for f in everything if not f.startswith("results/cubes/")]
    assert demonstration.figure_files() == figures
    assert all(f.startswith("results/figures/") for f in figures)
    assert demonstration.pages() == [
        "results/explorer.html",
        *(f"results/summary.{end}" for end in ("html", "txt", "json")),
    ]


def test_what_is_switched_off_has_no_cube_and_no_target():
    plan = Plan(merge_config([load_config(), OFF, {"experiments": {"digits_cnn": None}}]), ROOT)
    assert set(plan.cubes) == {
        *OF["trainability"] - {"digits_cnn"},
        *OF["network_entropy"],
        "leaderboard",
        "recommendation",
        "claims",
    }
    plan = Plan({**load_config(), **OFF, "experiments": {"other": OTHER}}, ROOT)
    assert plan.wanted() == ["other"]
    studies = {f"study_{name}" for name in ("trainability", "leaderboard", "recommendation")}
    assert set(plan.targets) == {*studies, "experiment_other"}


def test_the_leaderboard_is_wanted_if_it_compares_several_experiments():
    one = Plan({"experiments": {"a": OTHER}}, ROOT)
    assert (one.wanted(), set(one.cubes)) == (["a"], {"a", "leaderboard", "recommendation"})
    two = Plan({"experiments": {"a": OTHER, "b": OTHER}}, ROOT)
    assert two.wanted() == ["a", "b", "leaderboard", "recommendation"]
    none = Plan({"experiments": {"a": OTHER | {"truth": False}}}, ROOT)
    assert (none.wanted(), set(none.cubes)) == (["a"], {"a"})


def test_some_studies_can_be_chosen():
    config = merge_config([load_config("digits"), {"ising": {}}])
    whole = Plan(config, ROOT)
    plan = Plan(merge_config([config, {"run": {"studies": ["ising", "leaderboard"]}}]), ROOT)
    assert set(plan.wanted()) == {*OF["ising"], *OF["leaderboard"]}
    # the others are there to be asked for, and made with the same parameters
    assert plan.cubes == whole.cubes
    assert plan.targets == whole.targets
    assert all("/ising_" in f or "/leaderboard" in f for f in plan.figure_files())
    with pytest.raises(InfoflowError, match="config: run.studies: unknown study 'isign'; did you mean ising"):
        Plan(changed_config(run__studies=["isign"]), ROOT)


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"experiments": {"digits": None}},
        {"run": {"studies": ["ising"]}, "experiments": {"a": OTHER}},
        {"run": {"studies": ["leaderboard"]}, "experiments": {"a": OTHER}},
    ],
    ids=str,
)
def test_a_config_that_asks_for_nothing_is_refused(config):
    with pytest.raises(InfoflowError, match="^config: nothing to do; name an experiment in experiments"):
        Plan(config, ROOT)


@pytest.mark.parametrize(
    ("name", "study"),
    [
        ("ising_1d", "ising"),
        ("network_entropy_digits", "network_entropy"),
        ("information_plane", "information_plane"),
        ("leaderboard", "leaderboard"),
    ],
)
def test_an_experiment_has_no_name_of_another_study(name, study):
    message = f"config: {name} is the name of a cube of trainability and of {study}; rename the experiment or entry"
    with pytest.raises(InfoflowError, match=message):
        Plan(changed_config(**{f"experiments__{name}": OTHER}), ROOT)
    # where there is none, it may
    assert Plan({"experiments": {name: OTHER | {"truth": False}}}, ROOT).wanted() == [name]


def test_the_order_of_keys_means_nothing(demonstration):
    """Snakemake compares the texts of parameters."""
    for seed in range(3):
        plan = Plan(shuffled(copy.deepcopy(load_config()), random.Random(seed)), ROOT)
        assert str(plan.config) == str(demonstration.config)
        for name in demonstration.cubes:
            assert str(plan.cubes[name]) == str(demonstration.cubes[name]), name


def test_only_keys_are_put_in_order():
    assert str(in_order({"b": [2, 1], "a": {"d": 1, "c": 2}})) == "{'a': {'c': 2, 'd': 1}, 'b': [2, 1]}"


@pytest.mark.parametrize("name", sorted(p.stem for p in (ROOT / "config").glob("*.yaml") if p.stem != "slower"))
def test_the_checked_config_of_a_run_gives_the_same_run_again(name):
    """Which is how the config of an archive is used."""
    once = Plan(load_config(name), ROOT)
    again = Plan(copy.deepcopy(once.config), ROOT)
    assert again.config == once.config
    assert again.cubes == once.cubes
    assert again.files(*again.wanted()) == once.files(*once.wanted())


def test_an_archive_is_of_what_is_wanted():
    config = {
        "datasets": {"digits": {"probe": {"evaluation_samples": 100}}},
        "experiments": {"a": OTHER, "b": OTHER | {"dataset": "digits"}},
        "ising": {},
    }
    parameters = Plan(config | {"run": {"studies": ["ising"]}}, ROOT).archive(ROOT)
    assert set(parameters["made_by"]) == {"ising_1d", "ising_2d"}
    assert (parameters["data"], parameters["began"]) == ({}, [])
    plan = Plan(config, ROOT)
    parameters = plan.archive(ROOT)
    assert parameters["made_by"] == plan.cubes
    assert parameters["config"] == plan.config
    assert parameters["source"] == source_digest(ROOT)
    assert parameters["began"] == [f"results/logs/prepare_dataset/{name}.log" for name in ("digits", "mnist")]
    assert parameters["data"]["mnist"]["address"] == "http://yann.lecun.com/exdb/mnist/"
    assert set(parameters["data"]["digits"]) == {"what", "address", "licence"}
