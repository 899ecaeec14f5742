import itertools
import math
import re

import pytest

from common import ARCHITECTURES, SCHEMA, load_config
from infoflow import architectures, datasets
from infoflow.architectures import build_network
from infoflow.config import check_config, merge_config
from infoflow.datasets import find_data_root, load_images
from infoflow.errors import InfoflowError
from infoflow.maps import units
from infoflow.sizes import count_weights, image_shape, set_sizes, wanted_images

DATA = {
    "cifar10": [{}, {"colour": True}],
    "digits": [{}, {"train_samples": 20, "test_samples": 30}],
    "fashion_mnist": [{}],
    "image_folder": [],  # its pictures are resized: see below
    "mnist": [{}, {"test_samples": 100}],
    "o3": [{}, {"train_fraction": 0.3333}, {"train_fraction": 0.5, "train_samples": 9}],
    "photographs": [{"train_samples": 3, "test_samples": 2} | more for more in ({}, {"size": 16}, {"colour": False})],
    "white_noise": [{"shape": s, "train_samples": 3, "test_samples": 2} for s in ([4, 5], [4, 5, 3])],
}
"""By kind, options of data sets."""


def test_every_kind_of_data_set_is_known():
    assert sorted(DATA) == datasets.kinds()


@pytest.mark.parametrize(("kind", "options"), [(k, o) for k, several in DATA.items() for o in several], ids=str)
def test_sizes_and_shapes_are_those_of_what_is_loaded(kind, options):
    root = find_data_root(None)
    folder = {"cifar10": "cifar-10-batches-py", "fashion_mnist": "FashionMNIST", "mnist": "MNIST"}.get(kind)
    if folder and not (root / folder).is_dir():
        pytest.skip(f"needs {folder}: set INFOFLOW_DATA to a directory in torchvision's layout")
    entry = {"kind": kind, **options}
    images = load_images(entry, root, seed=0)
    assert set_sizes(entry) == (len(images.train_images), len(images.test_images))
    assert image_shape(entry) == images.train_images.shape[1:]


def test_pictures_of_a_folder_have_the_size_that_they_are_resized_to(tmp_path):
    from PIL import Image

    for number in range(4):
        path = tmp_path / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (30, 20)).save(path)
    for more in ({}, {"size": 8}, {"size": 8, "colour": False}):
        entry = {"kind": "image_folder", "path": str(tmp_path), "train_samples": 2, "test_samples": 2, **more}
        images = load_images(entry, tmp_path, seed=0)
        assert set_sizes(entry) == (2, 2)
        assert image_shape(entry) == images.train_images.shape[1:]


SHAPES = [(12,), (1, 64), (7, 7), (8, 8), (8, 7), (8, 8, 3), (31, 32, 3), (32, 32, 3), (32, 32), (40, 32, 3), (8, 8, 2)]
NETWORKS = {**ARCHITECTURES, "vgg16": {"kind": "vgg16"}}


def test_every_kind_of_architecture_is_tried():
    assert {options["kind"] for options in NETWORKS.values()} == set(architectures.kinds())


@pytest.mark.parametrize(("name", "shape"), list(itertools.product(NETWORKS, SHAPES)), ids=str)
def test_planning_refuses_the_images_that_the_network_refuses(name, shape):
    try:
        build_network(NETWORKS[name], shape, 10, 2)
    except InfoflowError:
        assert wanted_images(NETWORKS[name]["kind"], shape)
    else:
        assert wanted_images(NETWORKS[name]["kind"], shape) is None


@pytest.mark.parametrize("name", ["mlp", "mlp pixels", "resnet_dense"])
@pytest.mark.parametrize("depth", [1, 4])
def test_weights_are_counted(name, depth):
    network = build_network(ARCHITECTURES[name], (5, 6), 10, depth)
    there = sum(units(b.forward.input_shape) * units(b.forward.output_shape) for b in network.blocks)
    assert count_weights({"width": None} | ARCHITECTURES[name], (5, 6), depth) == there


def test_weights_of_a_shrinking_network_are_counted_about():
    options = {"kind": "mlp", "layout": "shrinking", "width": None, "activation": "tanh"}
    network = build_network(options, (20, 20), 10, 60)
    there = sum(math.prod(units(s) for s in (b.forward.input_shape, b.forward.output_shape)) for b in network.blocks)
    assert count_weights(options, (20, 20), 60) == pytest.approx(there, rel=0.1)


def small(dataset: dict, experiment: dict = {}, **changes) -> dict:  # noqa: B006
    """One experiment on a data set `own`, laid over the default config without its experiments."""
    default = load_config()
    off = {key: dict.fromkeys(default[key]) for key in ("experiments", "network_entropy", "probing_budget")}
    entry = {"dataset": "own", "architecture": "mlp", "sigma_w2": [1.0], "sigma_b2": [0.0], "depth": [2]} | experiment
    off["experiments"]["own"] = entry
    return merge_config([default, {"datasets": {"own": dataset}, "information_plane": None, **off}, changes])


FEW = {"kind": "photographs", "size": 8, "train_samples": 80, "test_samples": 60}
FOLDER = {"kind": "image_folder", "path": "own", "train_samples": 2000, "test_samples": 1000}
VECTORS = {"kind": "white_noise", "shape": [1, 64], "train_samples": 2000, "test_samples": 1000}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            small(FEW),
            "config: probe.evaluation_samples: 1000, but the test set of own has only 60 images; set "
            "datasets.own.probe.evaluation_samples to at most 60",
        ),
        (
            small(FEW, architectures={"mlp": {"probe": {"evaluation_samples": 61}}}),
            "architectures.mlp.probe.evaluation_samples: 61, but the test set of own has only 60 images; set "
            "architectures.mlp.probe.evaluation_samples to at most 60",
        ),
        (
            small({"kind": "digits", "probe": {"evaluation_samples": 361}}),
            "datasets.own.probe.evaluation_samples: 361, but the test set of own has only 360 images",
        ),
        (
            small({"kind": "o3", "train_fraction": 0.9, "probe": {"evaluation_samples": 411}}),
            "datasets.own.probe.evaluation_samples: 411, but the test set of own has only 410 images",
        ),
        (
            small(FEW | {"train_samples": 63, "probe": {"evaluation_samples": 9}}),
            "predictors.batch_size: 64, but the training set of own has only 63 images; set predictors.batch_size to "
            "at most 63",
        ),
        (
            small(
                VECTORS, {"truth_dataset": "few"}, datasets={"few": FEW | {"train_samples": 20}}, probe={"epochs": 1}
            ),
            "predictors.batch_size: 64, but the training set of few has only 20 images",
        ),
        (
            small(
                VECTORS,
                {"truth_dataset": "few", "decisions": {"sigma_w2": 1.0, "sigma_b2": 0.0, "depth": 2}},
                datasets={"few": FEW},
            ),
            "probe.evaluation_samples: 1000, but the test set of few has only 60 images",
        ),
        (
            small(
                FEW | {"probe": {"evaluation_samples": 9}},
                network_entropy={
                    "few": {"dataset": "own", "architecture": "mlp", "sigma_w2": [1.0], "sigma_b2": [0.0], "depth": [2]}
                    | {"images": 61}
                },
            ),
            "network_entropy.few.images: 61, but the test set of own has only 60 images",
        ),
        (
            small(
                FEW | {"probe": {"evaluation_samples": 9}},
                information_plane=load_config()["information_plane"] | {"dataset": "own", "samples": 141},
            ),
            "information_plane.samples: 141, but own has only 140 images; set information_plane.samples to at most 140",
        ),
        (
            small({"kind": "mnist", "train_samples": 60_001}),
            "datasets.own.train_samples: 60001, but mnist has only 60000",
        ),
        (small({"kind": "digits", "test_samples": 400}), "datasets.own.test_samples: 400, but digits has only 360"),
        (small({"kind": "o3", "train_fraction": 0.99999}), "own.train_fraction: it leaves no pattern for test_samples"),
        (
            small(VECTORS, {"architecture": "cnn", "truth": False}),
            "config: experiments.own.dataset: own has images of 1 x 64, but architecture cnn, cnn, needs images of at "
            "least 8 x 8 pixels; choose another data set or architecture",
        ),
        (
            small({"kind": "o3", "probe": {"evaluation_samples": 9}}, {"architecture": "resnet"}),
            "experiments.own.dataset: own has images of 12, but architecture resnet, resnet, needs images of",
        ),
        (
            small({"kind": "digits", "probe": {"evaluation_samples": 9}}, {"architecture": "vgg16", "truth": False}),
            "own has images of 8 x 8, but architecture vgg16, vgg16, needs colour images of at least 32 x 32 pixels",
        ),
        (
            small(FOLDER, {"architecture": "cnn", "truth_dataset": "few"}, datasets={"few": {"kind": "o3"}}),
            "experiments.own.truth_dataset: few has images of 12, but architecture cnn",
        ),
        (
            small(FOLDER, {"depth": [1, 5]}),
            "config: experiments.own.dataset: own has images of 224 x 224 x 3, so that the weights of architecture "
            "mlp, depth 5, take 1,360 GB for 3 replicas, more than any device has; choose smaller images, or mlp "
            "with a smaller width",
        ),
    ],
    ids=range(17),
)
def test_what_does_not_fit_is_refused_before_it_is_planned(config, message):
    with pytest.raises(InfoflowError, match=re.escape(message)) as refusal:
        check_config(config, SCHEMA)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "config",
    [
        small(FEW | {"probe": {"evaluation_samples": 60}}),
        small(FEW | {"train_samples": 20, "probe": {"evaluation_samples": 60}}, predictors=None),
        small(FEW | {"train_samples": 20, "probe": {"evaluation_samples": 60}}, {"truth": False}),
        # these take what there is
        small(
            FEW | {"probe": {"evaluation_samples": 9, "batch_size": 500, "ridge_samples": 5000}},
            train={"batch_size": 99},
        ),
        small(FOLDER, architectures={"mlp": {"width": 500}}),
        small(FOLDER | {"size": 64}),
        small(VECTORS, {"truth": False}),
    ],
    ids=range(7),
)
def test_what_fits_is_accepted(config):
    check_config(config, SCHEMA)
