"""Values and gradients of all maps, against the modules of torch and autograd."""

import pytest
import torch

import plain
from infoflow.engine.activations.kinds import ACTIVATIONS
from infoflow.engine.initialization import draw_uniform
from infoflow.engine.maps import convolution
from infoflow.engine.maps.compose import Chain, Residual
from infoflow.engine.maps.convolution import Convolution, TransposedConvolution
from infoflow.engine.maps.dense import Dense
from infoflow.engine.maps.map import apply, vjp

SEED = 3


class Plain:
    """A map that knows nothing of gradients."""

    def __init__(self, known):
        self.input_shape, self.output_shape = known.input_shape, known.output_shape
        self.parameter_shapes = known.parameter_shapes
        self.pre_activation, self.activate = known.pre_activation, known.activate


MAPS = [
    *(Dense((2, 3), (5,), activation) for activation in ACTIVATIONS),
    Dense((2, 3), (5,), "tanh", bias=False),
    Convolution((6, 5), 3, "tanh", padding=1),
    Convolution((6, 5, 2), 3, "relu", stride=2, padding=1, bias=False),
    Convolution((6, 5, 2), 2, "tanh", wrap=1),
    Convolution((6, 5, 2), 2, "erf", kernel=4, stride=3, padding=2, wrap=2),
    TransposedConvolution((6, 5, 2), (6, 5), "tanh"),
    TransposedConvolution((3, 4, 2), (6, 8, 3), "tanh", stride=2),
    TransposedConvolution((3, 4, 2), (7, 7, 3), "relu", kernel=2, stride=2),
    TransposedConvolution((3, 4, 2), (6, 8, 3), "linear", kernel=2, stride=2),
    Chain((Convolution((6, 5, 2), 4, "tanh", wrap=1), Convolution((6, 5, 4), 2, "linear", wrap=1))),
    Residual(Dense((2, 3), (2, 3), "tanh"), "tanh"),
    Residual(Chain((Convolution((6, 5, 2), 4, "tanh", wrap=1), Convolution((6, 5, 4), 2, "linear", wrap=1))), "tanh"),
]


@pytest.mark.parametrize("layer", MAPS, ids=str)
@pytest.mark.parametrize(("decay", "scale"), [(0.0, 1.0), (1.0, -0.1), (0.9, 1.0)])
@pytest.mark.parametrize("networks", [1, 3])
def test_gradients_by_hand_equal_autograd(layer, decay, scale, networks):
    stream = torch.Generator().manual_seed(2)
    x = torch.randn(networks, 4, *layer.input_shape, generator=stream, dtype=torch.float64)
    gradient = torch.randn(networks, 4, *layer.output_shape, generator=stream, dtype=torch.float64)
    (parameters,) = draw_uniform([layer], SEED, "inverse", range(networks), dtype=x.dtype)
    results = []
    for kind in (layer, Plain(layer)):
        into = {name: p.clone() for name, p in parameters.items()}
        output, pull_back = vjp(kind, parameters, x)
        results.append([output, pull_back(gradient, into, decay, scale, to_input=True), *into.values()])
        _, pull_back = vjp(kind, parameters, x)
        assert pull_back(gradient, into, decay, scale, to_input=False) is None
    for by_hand, by_autograd in zip(*results):
        torch.testing.assert_close(by_hand, by_autograd, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("layer", [layer for layer in MAPS if "Convolution" in str(layer)], ids=str)
def test_networks_as_groups_of_one_convolution_compute_the_same(layer, monkeypatch):
    """What a GPU does, on the CPU."""
    stream = torch.Generator().manual_seed(2)
    x = torch.randn(3, 4, *layer.input_shape, generator=stream, dtype=torch.float64)
    gradient = torch.randn(3, 4, *layer.output_shape, generator=stream, dtype=torch.float64)
    (parameters,) = draw_uniform([layer], SEED, "inverse", range(3), dtype=x.dtype)
    results = []
    for grouped in (False, True):
        monkeypatch.setattr(convolution, "_grouped", lambda x, grouped=grouped: grouped)
        into = {name: p.clone() for name, p in parameters.items()}
        output, pull_back = vjp(layer, parameters, x)
        results.append([output, pull_back(gradient, into, 0.9, -0.1, to_input=True), *into.values()])
    for one_by_one, together in zip(*results):
        torch.testing.assert_close(together, one_by_one, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("layer", [layer for layer in MAPS if "erf" not in str(layer)], ids=str)  # torch has no Erf
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_maps_equal_the_modules_of_torch(layer, dtype):
    x = torch.randn(2, 4, *layer.input_shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64).to(dtype)
    (parameters,) = draw_uniform([layer], SEED, "inverse", range(2), dtype=dtype)
    with torch.no_grad():
        expected = torch.stack([plain.module(layer, parameters, r)(x[r]) for r in range(2)])
    tolerance = {"rtol": 1e-12, "atol": 1e-13} if dtype == torch.float64 else {"rtol": 1e-5, "atol": 1e-6}
    torch.testing.assert_close(apply(layer, parameters, x), expected, **tolerance)
