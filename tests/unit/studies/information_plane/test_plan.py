"""What the config says of the information plane."""

import re

import pytest

from common import ROOT, load_config
from infoflow.errors import InfoflowError
from infoflow.plan import Plan
from infoflow.studies.information_plane.networks import TrainedNetwork
from infoflow.studies.information_plane.plan import InformationPlane, expand_networks

BINNING = {"kind": "range_binning", "bins": 30, "low": -1.0, "high": 1.0}
PLANE = {
    "dataset": "o3",
    "epochs": 100,
    "estimators": {"z": {"kind": "kernel_density", "noise_variance": 0.001}, "binning": BINNING},
    "networks": {"fractions": {"train_fraction": [0.05, 0.85]}, "relu": {"activation": ["relu"]}},
}
NOISE = {"kind": "white_noise", "shape": [4, 4], "train_samples": 50, "test_samples": 10}


def planned(run=None, datasets=None, **plane) -> InformationPlane:
    config = {"run": run or {}, "datasets": datasets or {}, "information_plane": PLANE | plane}
    return Plan(config, ROOT).of["information_plane"]


def test_all_networks_are_in_one_cube():
    study = planned(run={"name": "mine"})
    names = [
        "tanh_10-7-5-4-3_f0.05_adam0.0004_truncated_w1.0_b0.0",
        "tanh_10-7-5-4-3_f0.85_adam0.0004_truncated_w1.0_b0.0",
        "relu_10-7-5-4-3_f0.8_adam0.0004_truncated_w1.0_b0.0",
    ]
    assert study.merge_inputs() == {
        "trained": [f"results/train_snapshots/{name}.nc" for name in names],
        "measured": [f"results/measure_information/{name}.nc" for name in names],
        "dataset": "results/prepare_dataset/o3.nc",
    }
    made_by = study.cubes()["information_plane"]
    assert (list(study.cubes()), made_by["order"], made_by["title"]) == (["information_plane"], names, "mine")
    assert made_by["networks"] == {name: study.measure(name) for name in names}
    assert list(made_by["outputs"].items()) == [("binning", "binning"), ("z_upper", "z"), ("z_lower", "z")]
    assert (made_by["dataset"], made_by["batch_size"], made_by["estimators"]) == ("o3", 512, PLANE["estimators"])
    assert study.targets() == {"study_information_plane": ["information_plane"]}


def test_what_is_measured_depends_on_the_training_and_training_not_on_what_is_measured():
    before, after = planned(), planned(estimators={"binning": BINNING}, ridge_penalty=0.1)
    name = before.merge()["order"][0]
    assert before.training(name) == after.training(name)
    assert before.measure(name)["trained"] == before.training(name)
    assert before.measure(name) != after.measure(name)
    assert set(before.training(name)) == {"network", "run", "data", "plane", "code"}
    assert set(before.training(name)["plane"]) == {
        "samples", "epochs", "snapshots", "batch_size", "shuffled", "replicas", "draws"
    }  # fmt: skip
    assert set(before.measure(name)["plane"]) == {"samples", "estimators", "ridge_penalty", "ridge_samples"}
    assert before.training(name)["network"]["train_fraction"] == 0.05
    assert before.training(name)["data"]["options"] == {"kind": "o3"}
    # a kind of estimators is a module, and so is an activation
    assert before.measure(name)["code"] != after.measure(name)["code"]
    tanh, relu = (before.training(before.merge()["order"][k])["code"] for k in (0, 2))
    assert tanh != relu


def test_replicas_are_those_of_the_plane_or_of_the_run():
    def replicas(**changes) -> int:
        study = planned(run={"replicas": 7}, **changes)
        return study.training(study.merge()["order"][0])["plane"]["replicas"]

    assert replicas(replicas=5) == 5
    assert replicas(replicas=None) == replicas() == 7


def test_the_config_of_a_cube_makes_it_again():
    study = planned(run={"seed": 3}, datasets={"o3": {"shuffled": False, "probe": {"epochs": 3}}})
    config = study.merge()["config"]
    assert config["datasets"] == {"o3": {"kind": "o3", "shuffled": False}}
    assert set(config) == {"run", "datasets", "information_plane"}
    assert Plan(config, ROOT).of["information_plane"].merge() == study.merge()


def test_names_tell_all_networks_apart():
    found = Plan(load_config(), ROOT).of["information_plane"].networks_by_name
    assert len(found) == 2 + 6 + 3 + 3 - 2  # two are in more than one entry
    assert all(name == network.name for name, network in found.items())
    assert next(iter(found.values())).activation == "tanh"
    many = {"a": {"learning_rate": [0.1, 0.01], "sigma_w2": {"start": 1.0, "stop": 2.0, "step": 0.5}}}
    assert len(planned(networks=many).networks_by_name) == 2 * 3


def test_there_are_not_too_many_networks():
    entry = planned().config["information_plane"]["networks"]["relu"]
    rates = [k / 1000 for k in range(1, 101)]
    with pytest.raises(InfoflowError, match="networks.a: more than 10000 networks; choose fewer values"):
        expand_networks({"a": {**entry, "learning_rate": rates, "sigma_w2": {"start": 1, "stop": 2, "num": 101}}})
    assert len(expand_networks({"a": {**entry, "learning_rate": rates, "train_fraction": [0.5, 0.6]}})) == 200


def test_whole_numbers_make_the_names_of_floats():
    (network,) = planned(networks={"a": {"sigma_w2": [2], "learning_rate": [1], "train_fraction": [1]}}).merge()[
        "order"
    ]
    assert network == TrainedNetwork("tanh", (10, 7, 5, 4, 3), 1.0, "adam", 1.0, "truncated_normal", 2.0, 0.0).name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dataset": "o4"}, "information_plane.dataset: unknown dataset 'o4'"),
        ({"dataset": "noise"}, "information_plane.dataset: 'noise' has no labels to train on"),
        ({"samples": 4097}, "information_plane.samples: 4097, but o3 has only 4096 images"),
        ({"networks": {}}, "information_plane.networks: there is none"),
        ({"networks": {"a": {"hidden": [list(range(1, 90))]}}}, "networks.a.hidden: too many different widths"),
        ({"networks": {"a": {"activation": ["tanhh"]}}}, "networks.a.activation[0]: 'tanhh' is not one of"),
        ({"estimators": {}}, "information_plane.estimators: there is none; name at least one"),
        ({"estimators": {"a": {"kind": "width_binning"}}}, "estimators.a: width_binning needs width"),
        ({"estimators": {"a": {"kind": "width_binning", "width": 0.1, "bins": 3}}}, "width_binning needs width, and"),
        (
            {"estimators": {"k": {"kind": "kernel_density", "noise_variance": 0.1}, "k_lower": BINNING}},
            "another estimator has an output k_lower",
        ),
        ({"networks": {"a": {"sigma_w2": [1.0, 1.0]}}}, "information_plane.networks.a.sigma_w2: 1.0 and 1.0"),
    ],
)
def test_a_plane_that_cannot_be_measured_is_refused(change, message):
    with pytest.raises(InfoflowError, match=re.escape(message)) as refused:
        planned(datasets={"noise": NOISE}, **change)
    assert "\n" not in str(refused.value)


def test_null_switches_the_plane_its_estimators_and_networks_off():
    config = load_config()
    assert "information_plane" in Plan(config, ROOT).cubes
    off = Plan(config | {"information_plane": None}, ROOT)
    assert "information_plane" not in off.cubes
    assert (off.of["information_plane"].active, off.of["information_plane"].networks_by_name) == (False, {})
    plane = config["information_plane"]
    fewer = {
        "estimators": plane["estimators"] | {"kernel": None, "width": None},
        "networks": dict.fromkeys(plane["networks"]) | {"fractions": plane["networks"]["fractions"]},
    }
    left = Plan(config | {"information_plane": plane | fewer}, ROOT).of["information_plane"]
    assert list(left.merge()["estimators"]) == ["binning", "layer_range", "neighbours"]
    assert [network.train_fraction for network in left.networks_by_name.values()] == [0.05, 0.45, 0.85]


def test_every_figure_is_drawn_of_the_cube():
    figures = planned().figures()
    assert [figure.name for figure in figures] == list(InformationPlane.FIGURES)
    for figure in figures:
        assert figure.of == ["information_plane"]
        assert (ROOT / f"workflow/src/infoflow/studies/information_plane/figures/{figure.name}.py").exists()
