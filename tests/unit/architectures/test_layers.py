"""Networks of lists of layers: every entry, every initialisation."""

import math

import pytest
import torch
from torch import nn

from infoflow.architectures import layers
from infoflow.architectures.layer_lists import LAYERS, follow
from infoflow.architectures.layers import build, initialise
from infoflow.architectures.modular import draw_module
from infoflow.engine.activations.activation import find_activation
from infoflow.engine.activations.kinds import ACTIVATIONS
from infoflow.engine.initialization import Ensemble

ONE = Ensemble(1.0, 1.0, 0, [0])
ENTRIES = [
    {"conv": 6, "kernel": 5, "stride": 2, "padding": 1, "bias": False},
    {"norm": "batch"},
    {"activation": "prelu"},
    {"conv": 6, "groups": 3, "bias": 0.25},
    {"norm": "group", "groups": 2},
    {"activation": "erf"},
    {"residual": [{"conv": 8, "stride": 2}, {"norm": "layer"}, {"activation": "gelu"}, {"conv": 8}], "scale": 0.5},
    {"pool": "max", "size": 2, "stride": 1},
    {"pool": "avg", "size": 2, "stride": 1},
    {"dropout": 0.3},
    {"layers": [{"residual": [{"conv": 8}]}], "repeat": "depth"},
    "average",
    {"norm": "batch"},
    {"residual": [{"dense": 5}, {"activation": "tanh"}]},
    "flatten",
    {"dense": 7, "initialization": {"normal": 0.1}},
]


def make(entries, shape=(18, 16), depth=2, ensemble=ONE, **options):
    options = {"initialization": "gaussian", "weights": "own", "layers": entries} | options
    return draw_module(build(options, shape, 3, depth), ensemble, 0)


def test_every_entry_is_the_layer_of_torch():
    assert {key for entry in ENTRIES for key in ([entry] if isinstance(entry, str) else entry)} >= set(LAYERS)
    module = make(ENTRIES)
    parts = dict(module.named_children())
    assert list(parts)[:7] == ["conv1", "norm1", "activation1", "conv2", "norm2", "activation2", "residual1"]
    assert list(parts)[7:] == [
        *("pool1", "pool2", "dropout1", "residual2", "residual3", "average1", "norm3", "residual4", "flatten1"),
        *("dense1", "readout"),
    ]
    first, second = parts["conv1"], parts["conv2"]
    assert (first.in_channels, first.out_channels, first.kernel_size, first.stride) == (1, 6, (5, 5), (2, 2))
    assert (first.padding, first.bias, second.groups, second.padding) == ((1, 1), None, 3, (1, 1))
    assert (second.bias == 0.25).all()
    kinds = {name: type(parts[name]) for name in ("norm1", "norm2", "norm3", "pool1", "pool2", "activation1")}
    assert kinds == {
        "norm1": nn.BatchNorm2d,
        "norm2": nn.GroupNorm,
        "norm3": nn.BatchNorm1d,
        "pool1": nn.MaxPool2d,
        "pool2": nn.AvgPool2d,
        "activation1": nn.PReLU,
    }
    assert (parts["norm2"].num_groups, parts["dropout1"].p, parts["residual1"].scale) == (2, 0.3, 0.5)
    assert (parts["residual1"].projection.kernel_size, parts["residual1"].projection.stride) == ((1, 1), (2, 2))
    assert isinstance(parts["residual2"].projection, nn.Identity)
    assert isinstance(parts["residual4"].projection, layers.Dense)


def test_states_have_the_shapes_that_planning_follows():
    module, x = make(ENTRIES).eval(), torch.rand(4, 1, 18, 16)
    with torch.no_grad():
        for part in module:
            x = part(x)
        assert x.shape == (4, 3)
        before = module[:-1](torch.rand(4, 1, 18, 16))
    assert tuple(before.shape[1:]) == follow(ENTRIES, (1, 18, 16), 2)


def test_a_residual_layer_is_the_scaled_branch_beside_the_input():
    module = make([{"residual": [{"dense": 5}], "scale": 0.5}, {"residual": [{"dense": 5}], "scale": -2}], (5,))
    x = torch.rand(3, 5)
    one, two = module.residual1, module.residual2
    torch.testing.assert_close(one(x), x + 0.5 * one.branch(x))
    torch.testing.assert_close(two(x), x - 2 * two.branch(x))
    projected = make([{"residual": [{"dense": 4}]}], (5,)).residual1
    torch.testing.assert_close(projected(x), projected.projection(x) + projected.branch(x))


@pytest.mark.parametrize("name", [*ACTIVATIONS, "prelu"])
def test_activations_are_those_of_the_engine(name):
    module = make([{"dense": 4}, {"activation": name}], (6,))
    x = torch.linspace(-3, 3, 41)
    expected = nn.functional.prelu(x, torch.tensor([0.25])) if name == "prelu" else find_activation(name).function(x)
    torch.testing.assert_close(module.activation1(x), expected)


@pytest.mark.parametrize(
    ("how", "variance"),
    [
        ("gaussian", 1 / 400),
        ("torch", 1 / 1200),
        ("glorot", 2 / 1000),
        ("he", 2 / 400),
        ("lecun", 1 / 400),
        ("orthogonal", 1 / 600),
        ({"normal": 0.3}, 0.09),
        ({"uniform": 0.3}, 0.03),
    ],
    ids=str,
)
def test_initialisations_have_their_variances(how, variance):
    layer = nn.Linear(400, 600)
    with torch.random.fork_rng([]):
        torch.random.default_generator.manual_seed(0)
        initialise(layer, how)
    assert layer.weight.var().item() == pytest.approx(variance, rel=0.02)
    assert abs(layer.weight.mean().item()) < 4 * math.sqrt(variance / 240_000)
    expected = {"gaussian": 1.0, "torch": 1 / 1200}.get(how if isinstance(how, str) else "", 0.0)
    assert layer.bias.square().mean().item() == pytest.approx(expected, rel=0.2)


def test_a_layer_may_be_initialised_in_another_way_than_the_others():
    module = make(
        [{"dense": 300}, {"dense": 300, "initialization": {"uniform": 0.5}}, {"dense": 300, "bias": 0.1}],
        (300,),
        ensemble=Ensemble(4.0, 9.0, 0, [0]),
        initialization="he",
    )
    # times σ_w, and biases times σ_b
    assert module.dense1.weight.var().item() == pytest.approx(4 * 2 / 300, rel=0.03)
    assert module.dense2.weight.abs().max().item() == pytest.approx(1.0, rel=1e-3)
    assert (module.dense1.bias == 0).all()
    torch.testing.assert_close(module.dense3.bias, torch.full((300,), 0.3))
    # a branch hands its own on to the layers in it
    inner = make([{"residual": [{"dense": 300}], "initialization": {"normal": 3}}], (300,)).residual1.branch.dense1
    assert inner.weight.var().item() == pytest.approx(9, rel=0.03)
