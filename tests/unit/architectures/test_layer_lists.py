"""Lists of layers: what is refused, in one line that names the key, and shapes."""

import re

import pytest

from common import ROOT, modular_experiment
from infoflow.architectures.layer_lists import channels_first, follow, unroll
from infoflow.errors import InfoflowError
from infoflow.plan import Plan

REPEATED = {"dense": 4, "repeat": "depth"}


def plan(layers, experiment=None, **options):
    return Plan(modular_experiment({"kind": "layers", "layers": layers, **options}, experiment or {}), ROOT)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([], "config: architectures.own.layers: [] should be non-empty"),
        ([{"dens": 4}], "config: architectures.own.layers[0].dens: unknown key; did you mean dense?"),
        ([{"dense": 0}], "config: architectures.own.layers[0].dense: 0 is less than the minimum of 1"),
        ([{"dense": 4.0}], "config: architectures.own.layers[0].dense: 4.0 is not of type 'integer'"),
        (["relu"], "config: architectures.own.layers[0]: 'relu' is not one of ['average', 'flatten']"),
        ([{"kernel": 3}], "config: architectures.own.layers[0]: says of no layer what it is; give one of activation,"),
        (
            [{"dense": 4, "activation": "relu"}],
            "config: architectures.own.layers[0]: is activation and dense at once; give one of activation, average",
        ),
        (
            [{"dense": 4, "kernel": 3}],
            "own.layers[0].kernel: dense has no kernel; its keys: bias, initialization, repeat",
        ),
        ([{"activation": "swish"}], "own.layers[0].activation: unknown activation 'swish'; there are erf, gelu"),
        ([{"norm": "instance"}], "own.layers[0].norm: 'instance' is not one of"),
        ([{"norm": "batch", "groups": 2}], "config: architectures.own.layers[0].groups: those of norm: group"),
        ([{"dropout": 1}], "own.layers[0].dropout: 1 is greater than or equal to the maximum of 1"),
        ([{"dense": 4, "repeat": 3}], "own.layers[0].repeat: 'depth' was expected"),
        ([REPEATED, REPEATED], "config: architectures.own.layers: 2 entries have repeat: depth; leave it to one"),
        ([{"residual": [REPEATED]}, REPEATED], "own.layers: 2 entries have repeat: depth"),
        ([{"residual": [{"conv": 3, "units": 3}]}], "own.layers[0].residual[0].units: unknown key"),
        ([{"residual": [{"scale": 3}]}], "own.layers[0].residual[0]: says of no layer"),
        ([{"dense": 4, "initialization": "xavier"}], "own.layers[0].initialization: 'xavier' is not one of"),
        ([{"dense": 4, "initialization": {"normal": 1, "uniform": 1}}], "own.layers[0].initialization: "),
        ([{"dense": 4, "initialization": {"normal": -1}}], "own.layers[0].initialization.normal: -1"),
        # what images do not fit
        ([{"dense": 4}, {"conv": 3}], "config: architectures.own.layers[1].conv: needs an image, but gets 4 units"),
        (["average", {"pool": "max"}], "config: architectures.own.layers[1].pool: needs an image, but gets 1 units"),
        ([{"conv": 3, "kernel": 9, "padding": 0}], "own.layers[0].kernel: 9 pixels, but it gets 1 x 8 x 8"),
        ([{"pool": "avg", "size": 9}], "own.layers[0].size: 9 pixels, but it gets 1 x 8 x 8"),
        ([{"conv": 3, "groups": 2}], "own.layers[0].conv: 3 channels are not a multiple of 2"),
        ([{"conv": 4, "groups": 2}], "own.layers[0].groups: 1 channels are not a multiple of 2"),
        ([{"conv": 4}, {"norm": "group"}], "own.layers[1].groups: 4 channels are not a multiple of 8"),
        ([{"residual": ["average", {"conv": 4}]}], "own.layers[0].residual[1].conv: needs an image, but gets 1 units"),
    ],
    ids=str,
)
def test_a_list_that_makes_no_sense_is_refused_in_one_line(layers, message):
    with pytest.raises(InfoflowError, match=re.escape(message)) as refusal:
        plan(layers)
    assert "\n" not in str(refusal.value)


def test_the_list_and_its_initialisation_are_checked():
    with pytest.raises(InfoflowError, match=re.escape("architectures.own.layers: missing, but kind layers needs it")):
        Plan(modular_experiment({"kind": "layers"}), ROOT)
    with pytest.raises(InfoflowError, match="own.initialization: 'xavier' is not one of"):
        plan([{"dense": 4}], initialization="xavier")
    with pytest.raises(InfoflowError, match="own.weights: 'a.pth'; of layers they are gaussian or own"):
        plan([{"dense": 4}], weights="a.pth")
    with pytest.raises(InfoflowError, match="own.activation: layers has no activation; its keys: layers, init"):
        plan([{"dense": 4}], activation="tanh")


def test_without_an_entry_that_is_repeated_there_is_one_depth():
    with pytest.raises(InfoflowError, match=re.escape("own.depth: [1, 2], but no entry of the layers has repeat")):
        plan([{"dense": 4}], {"depth": [1, 2]})
    assert plan([REPEATED], {"depth": [1, 2]}).wanted() == ["own"]


def test_layers_repeat_in_place():
    entries = [{"dense": 1}, {"layers": [{"dense": 2}, {"layers": ["flatten"]}], "repeat": "depth"}, {"dense": 3}]
    found = list(unroll(entries, 2))
    repeated = [("layers[1].layers[0]", {"dense": 2}), ("layers[1].layers[1].layers[0]", {"flatten": True})]
    assert found == [("layers[0]", {"dense": 1}), *repeated, *repeated, ("layers[2]", {"dense": 3})]


@pytest.mark.parametrize(
    ("entries", "shape", "after"),
    [
        ([{"conv": 5}], (1, 8, 7), (5, 8, 7)),
        ([{"conv": 5, "stride": 2}], (1, 8, 7), (5, 4, 4)),
        ([{"conv": 5, "kernel": 4, "padding": 0}], (1, 8, 7), (5, 5, 4)),
        ([{"pool": "max"}], (3, 9, 8), (3, 4, 4)),
        ([{"pool": "avg", "size": 3, "stride": 1}], (3, 9, 8), (3, 7, 6)),
        (["flatten"], (3, 2, 2), (12,)),
        (["average"], (3, 2, 2), (3,)),
        ([{"dense": 7}], (3, 2, 2), (7,)),
        ([{"norm": "group", "groups": 3}, {"activation": "prelu"}, {"dropout": 0.5}], (3, 2, 2), (3, 2, 2)),
        ([{"residual": [{"conv": 6, "stride": 2}]}], (3, 5, 5), (6, 3, 3)),
        ([{"residual": [{"dense": 9}]}], (3, 2, 2), (9,)),
        ([{"pool": "max", "repeat": "depth"}], (3, 16, 16), (3, 4, 4)),
    ],
    ids=str,
)
def test_shapes_follow_the_layers(entries, shape, after):
    assert follow(entries, shape, depth=2) == after


def test_a_branch_that_no_projection_follows_is_refused():
    with pytest.raises(
        InfoflowError, match=r"layers\[0\].residual: its branch turns 1 x 8 x 8 into 2 x 5 x 5, which no"
    ):
        follow([{"residual": [{"conv": 2, "kernel": 4, "padding": 0}]}], (1, 8, 8), 1)


def test_images_have_their_channels_first():
    assert [channels_first(shape) for shape in ((12,), (7, 8), (7, 8, 3))] == [(12,), (1, 7, 8), (3, 7, 8)]
