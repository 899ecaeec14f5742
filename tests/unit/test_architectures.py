import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from common import ARCHITECTURES
from infoflow import architectures
from infoflow.architectures import Block, build_network
from infoflow.architectures.mlp import hidden_widths
from infoflow.errors import InfoflowError
from infoflow.grid import is_prefix_invariant
from infoflow.initialization import draw_gaussian, draw_uniform, generator
from infoflow.inverses import inverse_of
from infoflow.maps import apply, record_of
from infoflow.maps.convolution import Convolution
from infoflow.maps.dense import Dense

EXAMPLES = pytest.mark.parametrize("option", ARCHITECTURES.values(), ids=ARCHITECTURES)


def test_every_kind_has_an_example():
    # vgg16 takes no such small images; it has tests of its own, test_vgg16
    assert {option["kind"] for option in ARCHITECTURES.values()} == set(architectures.kinds()) - {"vgg16"}


@EXAMPLES
@settings(max_examples=30)
@given(
    height=st.integers(8, 21),
    width=st.integers(8, 21),
    colours=st.sampled_from([(), (1,), (3,)]),
    depth=st.integers(1, 8),
    classes=st.integers(2, 12),
    readout=st.sampled_from(["logits", "reference", "tanh"]),
)
def test_blocks_chain_and_inverses_undo_their_shapes(option, height, width, colours, depth, classes, readout):
    shape = (height, width, *colours)
    network = build_network(option, shape, classes, depth, readout)
    assert len(network.blocks) == depth + (2 if option["kind"] in ("cnn", "resnet") else 0)
    x = torch.rand(2, 3, *shape)
    for index, block in enumerate(network.blocks):
        (parameters,) = draw_gaussian([block.forward], 1.0, 0.1, 0, f"test {index}", range(2))
        (inverse,) = draw_uniform([block.inverse], 0, f"inverse {index}", range(2))
        y = apply(block.forward, parameters, x)
        assert y.shape[2:] == block.forward.output_shape
        assert apply(block.inverse, inverse, y, record_of(block.forward, x)).shape == x.shape
        x = y
    for index, layer in enumerate(network.head):
        (parameters,) = draw_gaussian([layer], 1.0, 0.1, 0, f"head {index}", range(2))
        back = inverse_of(layer)
        assert (back.input_shape, back.output_shape) == (layer.output_shape, layer.input_shape)
        x = apply(layer, parameters, x)
    assert x.shape == (2, 3, classes)


@EXAMPLES
def test_a_prefix_invariant_network_begins_like_a_deeper_one(option):
    shallow, deep = (build_network(option, (9, 9), 10, depth).blocks for depth in (3, 7))
    assert (shallow == deep[: len(shallow)]) == is_prefix_invariant(option)


@pytest.mark.parametrize("kind", ["cnn", "resnet"])
def test_the_convolutional_networks_are_the_published_ones(kind):
    network = build_network({"kind": kind, "channels": 16, "activation": "tanh"}, (28, 28), 10, 5)
    states = [block.forward.output_shape for block in network.blocks]
    assert states == [(28, 28, 16), (14, 14, 16), *[(7, 7, 16)] * 5]
    assert [layer.output_shape for layer in network.head] == [(5, 5, 16), (16,), (10,)]
    assert network.head[-1].bias is False


@pytest.mark.parametrize("kind", ["cnn", "resnet"])
@pytest.mark.parametrize("shape", [(7, 9), (28, 28, 2), (64,), (2, 8, 8, 3)])
def test_what_is_not_an_image_is_refused(kind, shape):
    with pytest.raises(InfoflowError, match="needs images of at least 8 x 8 pixels and 1 or 3 channels"):
        build_network({"kind": kind, "channels": 4, "activation": "tanh"}, shape, 10, 3)


def test_a_layer_with_a_border_is_a_convolution_on_a_torus():
    """Shifting a state on the torus shifts what the layer makes of it."""
    layer = Convolution((7, 7, 3), 4, "tanh", wrap=1)
    (parameters,) = draw_gaussian([layer], 1.5, 0.1, 0, "torus", range(2), dtype=torch.float64)
    torus = torch.rand(2, 3, 5, 5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def through(state):
        bordered = torch.nn.functional.pad(state.flatten(0, 1).permute(0, 3, 1, 2), (1, 1, 1, 1), "circular")
        y = apply(layer, parameters, bordered.permute(0, 2, 3, 1).unflatten(0, (2, 3)))
        torch.testing.assert_close(y[:, :, 0], y[:, :, 5])
        torch.testing.assert_close(y[:, :, :, 6], y[:, :, :, 1])
        return y[:, :, 1:-1, 1:-1]

    torch.testing.assert_close(through(torus.roll((1, 2), (2, 3))), through(torus).roll((1, 2), (2, 3)))


def test_a_block_refuses_an_inverse_that_does_not_fit():
    with pytest.raises(ValueError, match="inverse"):
        Block(Dense((4,), (3,), "tanh"), Dense((3,), (5,), "tanh"))


def test_the_shrinking_layout_is_the_published_one():
    # published: ceil(linspace(1024, 10, 20)), input and output included
    widths = hidden_widths("shrinking", 1024, 10, 18)
    assert [*widths[:2], widths[-1]] == [971, 918, 64]
    for width, depth in ((784, 38), (64, 7), (100, 3)):
        exact = [width + (10 - width) * k / (depth + 1) for k in range(1, depth + 1)]
        assert hidden_widths("shrinking", width, 10, depth) == [math.ceil(round(v, 9)) for v in exact]


def test_the_reference_readout_ends_with_the_activation():
    wide = {"kind": "mlp", "layout": "wide", "activation": "tanh", "head": [400]}
    head = build_network(wide, (28, 28), 10, 2, "reference").head
    assert [(layer.output_shape, layer.activation) for layer in head] == [((400,), "tanh"), ((10,), "tanh")]
    assert build_network(wide, (28, 28), 10, 2, "logits").head[-1].activation == "linear"


@EXAMPLES
def test_only_logits_are_linear(option):
    ends = {
        readout: build_network(option, (8, 8), 3, 2, readout).head[-1].activation
        for readout in ("logits", "reference", "tanh")
    }
    assert ends == {"logits": "linear", "reference": "tanh", "tanh": "tanh"}


def test_gaussian_parameters_have_their_variances():
    (p,) = draw_gaussian([Dense((400,), (500,), "tanh")], 1.7, 0.3, 0, "test", range(2))
    assert p["weight"].shape == (2, 400, 500)
    # 400,000 draws: relative standard error of the variance √(2/n) = 0.22 %; of 1,000 biases, 4.5 %
    assert p["weight"].var().item() == pytest.approx(1.7 / 400, rel=0.01)
    assert p["bias"].var().item() == pytest.approx(0.3, rel=0.2)
    assert p["weight"].mean().item() == pytest.approx(0, abs=5e-4)


def test_uniform_parameters_are_the_defaults_of_torch():
    inverse = Dense((300,), (200,), "tanh")
    (p,) = draw_uniform([inverse], 0, "test", range(1))
    reference = torch.nn.Linear(300, 200)
    for ours, theirs in ((p["weight"], reference.weight), (p["bias"], reference.bias)):
        assert ours.abs().max().item() == pytest.approx(theirs.detach().abs().max().item(), rel=0.05)
        assert ours.std().item() == pytest.approx(theirs.detach().std().item(), rel=0.15)


def test_generators_differ_by_every_label_and_agree_with_themselves():
    draws = {
        labels: torch.rand(1, generator=generator(*labels)).item()
        for labels in [(0, "a", 1, 2), (0, "a", 2, 1), (0, "a", 12), (1, "a", 1, 2), (0, "b", 1, 2)]
    }
    assert len(set(draws.values())) == len(draws)
    assert draws[0, "a", 1, 2] == torch.rand(1, generator=generator(0, "a", 1, 2)).item()


def test_draws_scale_with_sigma_and_do_not_depend_on_the_other_replicas():
    layer = Dense((5,), (4,), "tanh")
    (a,) = draw_gaussian([layer], 1.0, 0.1, 0, "x", [0, 1, 2])
    (b,) = draw_gaussian([layer], 4.0, 0.1, 0, "x", [2])
    torch.testing.assert_close(b["weight"][0], 2 * a["weight"][2])
    torch.testing.assert_close(b["bias"][0], a["bias"][2])
