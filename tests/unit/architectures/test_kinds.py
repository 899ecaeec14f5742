import itertools
import logging
import math
import re

import pytest

from common import ARCHITECTURES, MODULAR, ROOT, one_experiment, plugins
from infoflow import architectures
from infoflow.architectures import kinds
from infoflow.architectures.build import build_network
from infoflow.architectures.kinds import count_weights, wanted_images
from infoflow.architectures.vgg16 import NAMES
from infoflow.engine.maps.map import units
from infoflow.errors import InfoflowError
from infoflow.plan import Plan

SHAPES = [(12,), (1, 64), (7, 7), (8, 8), (8, 7), (8, 8, 3), (31, 32, 3), (32, 32, 3), (32, 32), (40, 32, 3), (8, 8, 2)]
HELPERS = ("build", "layer_lists", "modular", "modules", "published", "sizes", "stem", "widths")
NETWORKS = {**ARCHITECTURES, "vgg16": {"kind": "vgg16"}}  # which takes no such small images as the others


def test_the_table_names_the_modules():
    assert sorted(kinds.ARCHITECTURES) == plugins(architectures, *HELPERS)


def test_every_kind_has_an_example():
    of_maps = {kind for kind, about in kinds.ARCHITECTURES.items() if not about.modular}
    assert {options["kind"] for options in NETWORKS.values()} == of_maps
    assert {options["kind"] for options in MODULAR.values()} | {"module"} == set(kinds.ARCHITECTURES) - of_maps


def test_what_is_known_of_vgg16_is_that_of_its_module():
    assert len(NAMES) == kinds.VGG16_LAYERS


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


FOLDER = {"kind": "image_folder", "path": "own", "train_samples": 2000, "test_samples": 1000}
VECTORS = {"kind": "white_noise", "shape": [1, 64], "train_samples": 2000, "test_samples": 1000}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            one_experiment(VECTORS, {"architecture": "cnn", "truth": False}),
            "config: experiments.own.dataset: own has images of 1 x 64, but architecture cnn, cnn, needs images of at "
            "least 8 x 8 pixels; choose another data set or architecture",
        ),
        (
            one_experiment({"kind": "o3", "probe": {"evaluation_samples": 9}}, {"architecture": "resnet"}),
            "experiments.own.dataset: own has images of 12, but architecture resnet, resnet, needs images of",
        ),
        (
            one_experiment(
                {"kind": "digits", "probe": {"evaluation_samples": 9}}, {"architecture": "vgg16", "truth": False}
            ),
            "own has images of 8 x 8, but architecture vgg16, vgg16, needs colour images of at least 32 x 32 pixels",
        ),
        (
            one_experiment(FOLDER, {"architecture": "cnn", "truth_dataset": "few"}, datasets={"few": {"kind": "o3"}}),
            "experiments.own.truth_dataset: few has images of 12, but architecture cnn",
        ),
        (
            one_experiment(FOLDER, {"depth": [1, 5]}),
            "config: experiments.own.dataset: own has images of 224 x 224 x 3, so that the weights of architecture "
            "mlp, depth 5, take 1,360 GB for 3 replicas, more than any device has; choose smaller images, or mlp "
            "with a smaller width",
        ),
    ],
    ids=range(5),
)
def test_images_that_the_network_cannot_take_are_refused_before_a_job_is_planned(config, message):
    with pytest.raises(InfoflowError, match=re.escape(message)) as refusal:
        Plan(config, ROOT)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "config",
    [
        one_experiment(FOLDER, architectures={"mlp": {"width": 500}}),
        one_experiment(FOLDER | {"size": 64}),
        one_experiment(VECTORS, {"truth": False}),
    ],
    ids=range(3),
)
def test_images_that_the_network_can_take_are_accepted(config):
    assert Plan(config, ROOT).wanted() == ["own"]


def test_weights_that_this_machine_has_no_memory_for_are_told_when_planning(monkeypatch, caplog):
    caplog.set_level(logging.WARNING, "infoflow")
    monkeypatch.setattr("infoflow.studies.trainability.plan.memory", lambda: 64e9)
    Plan(one_experiment(FOLDER, {"depth": [1]}, run={"replicas": 1}), ROOT)
    (message,) = caplog.messages
    assert (
        "own has images of 224 x 224 x 3, so that the weights of architecture mlp, depth 1, take 91 GB for 1" in message
    )
    assert "this machine has 64 GB: choose smaller images, or mlp with a smaller width" in message
    caplog.clear()
    Plan(one_experiment(FOLDER, architectures={"mlp": {"width": 500}}), ROOT)
    assert not caplog.messages
