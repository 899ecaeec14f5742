"""What the config says of the relative entropy through networks."""

import re

import pytest

from common import ROOT
from infoflow.errors import InfoflowError
from infoflow.plan import Plan
from infoflow.studies.network_entropy.plan import NetworkEntropy

TRAIN = {"epochs": 4, "batch_size": 32, "learning_rate": 0.02, "momentum": 0.8, "readout": "tanh"}
ENTRY = {
    "dataset": "digits",
    "architecture": "mlp",
    "sigma_w2": [1.76, 1.0],
    "sigma_b2": [0.05],
    "depth": [6, 20],
    "images": 12,
    "samples": 64,
    "train": TRAIN,
}
NOISE = {"kind": "white_noise", "shape": [4, 4], "train_samples": 50, "test_samples": 10}


def planned(entry=ENTRY, **others) -> NetworkEntropy:
    return Plan({"network_entropy": {"digits": entry}, **others}, ROOT).of["network_entropy"]


def test_a_cube_is_merged_from_all_points_of_its_entry():
    study = planned(ENTRY, run={"name": "mine", "replicas": 2, "seed": 5})
    assert study.point_files("digits") == [
        f"results/network_entropy/digits/w{w}_b0.050000_d{d}.nc"
        for w in ("1.000000", "1.760000")
        for d in ("006", "020")
    ]
    assert study.dataset_file("digits") == "results/prepare_dataset/digits.nc"
    (name,) = study.cubes()
    made_by = study.cubes()[name]
    assert name == "network_entropy_digits"
    assert (made_by["title"], made_by["dataset"], made_by["points"]) == ("mine", "digits", study.point("digits"))
    assert made_by["code"] != made_by["points"]["code"]
    assert study.targets() == {"study_network_entropy": ["network_entropy_digits"]}


def test_a_point_depends_on_what_its_entry_says():
    parameters = planned(ENTRY, run={"replicas": 2, "seed": 5}).point("digits")
    assert parameters["entropy"] == {"images": 12, "samples": 64}
    assert parameters["run"] == {"seed": 5, "replicas": 2, "draws": "independent", "precision": "float32"}
    assert (parameters["data"]["options"], parameters["data"]["seed"]) == ({"kind": "digits"}, 5)
    assert parameters["architecture"] == {
        "kind": "mlp", "activation": "tanh", "layout": "wide", "width": None, "head": []
    }  # fmt: skip
    assert set(parameters) == {"architecture", "entropy", "train", "run", "data", "code"}


def test_networks_are_trained_as_their_entry_says():
    assert planned().point("digits")["train"] == TRAIN
    assert planned(ENTRY | {"train": None}).point("digits")["train"] is None
    shorter = planned(ENTRY | {"train": {"epochs": 2}}, train={"batch_size": 9}).point("digits")["train"]
    assert (shorter["epochs"], shorter["batch_size"]) == (2, 9)
    assert set(shorter) == set(TRAIN)


def test_a_cube_says_what_part_of_the_config_it_comes_from():
    own = {"kind": "mlp", "width": 7, "train": {"epochs": 3}, "probe": {"epochs": 8}}
    study = planned(
        ENTRY | {"architecture": "own", "train": {"batch_size": 9}},
        architectures={"own": own},
        datasets={"digits": {"test_samples": 99, "probe": {"evaluation_samples": 50}}},
    )
    config = study.merge("digits")["config"]
    assert config["datasets"] == {"digits": {"kind": "digits", "test_samples": 99}}
    assert config["architectures"]["own"]["width"] == 7
    assert "probe" not in config["architectures"]["own"]
    entry = config["network_entropy"]["digits"]
    assert (entry["train"]["epochs"], entry["train"]["batch_size"], entry["images"]) == (3, 9, 12)
    assert set(config) == {"run", "datasets", "architectures", "network_entropy"}
    # it is a config of its own, which makes the same results
    assert Plan(config, ROOT).of["network_entropy"].point("digits") == study.point("digits")


def test_every_figure_is_drawn_of_every_cube():
    config = {"network_entropy": {"digits": ENTRY, "untrained": ENTRY | {"train": None}, "off": None}}
    study = Plan(config, ROOT).of["network_entropy"]
    assert list(study.cubes()) == ["network_entropy_digits", "network_entropy_untrained"]
    assert {figure.name: figure.of for figure in study.figures()} == {
        name: list(study.cubes()) for name in NetworkEntropy.FIGURES
    }
    for figure in study.figures():
        assert (ROOT / f"workflow/src/infoflow/studies/network_entropy/figures/{figure.name}.py").exists()
        assert figure.inputs("network_entropy_digits") == {"cube": "results/cubes/network_entropy_digits.nc"}
        one, other = (figure.parameters(name) for name in figure.of)
        assert one["module"] == other["module"] == f"studies.network_entropy.figures.{figure.name}"
        assert one["cube"] != other["cube"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"architecture": "cnn"}, "network_entropy.digits.architecture: kind is cnn, but it has to be mlp"),
        ({"architecture": "mpl"}, "network_entropy.digits.architecture: unknown architecture 'mpl'; did you mean mlp?"),
        ({"dataset": "digitz"}, "network_entropy.digits.dataset: unknown dataset 'digitz'; did you mean digits?"),
        ({"dataset": "white_noise"}, "network_entropy.digits: dataset 'white_noise' has no labels; set train: null"),
        ({"sigma_w2": [1.0, 1.0]}, "network_entropy.digits.sigma_w2: 1.0 and 1.0 would have the same file name"),
        ({"train": {"success_accuracy": 0.9}}, "network_entropy.digits.train.success_accuracy: unknown key"),
        ({"images": 361}, "network_entropy.digits.images: 361, but the test set of digits has only 360 images"),
        (
            {"sigma_w2": {"start": 0, "stop": 5, "step": 1.0e-4}, "sigma_b2": {"start": 0, "stop": 1, "num": 3}},
            "network_entropy.digits: more than 200000 points; choose fewer values",
        ),
    ],
)
def test_a_relative_entropy_that_cannot_be_computed_is_refused(change, message):
    with pytest.raises(InfoflowError, match=re.escape(message)) as refusal:
        planned(ENTRY | change, datasets={"white_noise": NOISE})
    assert "\n" not in str(refusal.value)


def test_untrained_networks_need_no_labels():
    study = planned(ENTRY | {"dataset": "white_noise", "train": None, "images": 10}, datasets={"white_noise": NOISE})
    assert study.point("digits")["data"]["options"] == NOISE
