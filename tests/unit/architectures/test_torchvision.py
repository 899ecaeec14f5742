"""Classifiers of torchvision."""

import re

import pytest
import torch
from torchvision import models

from common import MODULAR, ROOT, modular_experiment
from infoflow.architectures.build import build_network
from infoflow.architectures.kinds import TORCHVISION
from infoflow.architectures.modular import draw_module
from infoflow.engine.initialization import Ensemble
from infoflow.errors import InfoflowError
from infoflow.plan import Plan

ONE = Ensemble(1.0, 0.0, 0, [0])


def test_planning_knows_the_classifiers_that_there_are():
    assert sorted(TORCHVISION) == models.list_models(module=models)


@pytest.mark.parametrize("shape", [(40, 41), (40, 41, 3)])
def test_grey_levels_enter_three_times(shape):
    network = build_network(MODULAR["torchvision"], shape, 4, 1)
    assert network.input_shape == (3, 40, 41)
    images = torch.rand(2, *shape)
    inputs = network.inputs(images)
    assert inputs.shape == (2, 3, 40, 41)
    for channel in range(3):
        assert torch.equal(inputs[:, channel], images[..., channel] if len(shape) == 3 else images)
    assert draw_module(network, ONE, 0)(inputs).shape == (2, 4)


def test_images_that_are_too_small_are_refused_in_one_line():
    network = build_network({"kind": "torchvision", "model": "alexnet", "weights": "own"}, (8, 8), 4, 1)
    with pytest.raises(
        InfoflowError, match="torchvision model alexnet: does not take images of 3 x 8 x 8: "
    ) as refusal:
        draw_module(network, ONE, 0)
    assert "\n" not in str(refusal.value)


def test_models_with_side_outputs_give_scores_alone():
    network = build_network({"kind": "torchvision", "model": "googlenet", "weights": "gaussian"}, (40, 40), 4, 1)
    assert draw_module(network, ONE, 0).train()(torch.rand(2, 3, 40, 40)).shape == (2, 4)


@pytest.mark.parametrize(
    ("options", "experiment", "message"),
    [
        ({}, {}, "config: architectures.own.model: missing, but kind torchvision needs it"),
        ({"model": "resnet17"}, {}, "own.model: torchvision has no classifier 'resnet17'; did you mean resnet1"),
        ({"model": "fcn_resnet50"}, {}, "own.model: torchvision has no classifier 'fcn_resnet50'; "),
        (
            {"model": "resnet18"},
            {"depth": [18]},
            "experiments.own.depth: [18], but a model is as deep as it is; set depth",
        ),
    ],
    ids=range(4),
)
def test_other_models_and_depths_are_refused_before_a_job_is_planned(options, experiment, message):
    with pytest.raises(InfoflowError, match=re.escape(message)) as refusal:
        Plan(modular_experiment({"kind": "torchvision", **options}, experiment), ROOT)
    assert "\n" not in str(refusal.value)
    assert Plan(modular_experiment({"kind": "torchvision", "model": "resnet18"}), ROOT).wanted() == ["own"]
