import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from common import ARCHITECTURES
from infoflow.architectures.build import build_network
from infoflow.engine.initialization import draw_gaussian, draw_uniform
from infoflow.engine.maps.inverse import inverse_of
from infoflow.engine.maps.map import apply, record_of
from infoflow.errors import InfoflowError
from infoflow.studies.trainability.grid import is_prefix_invariant

EXAMPLES = pytest.mark.parametrize("option", ARCHITECTURES.values(), ids=ARCHITECTURES)


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


@EXAMPLES
def test_only_logits_are_linear(option):
    ends = {
        readout: build_network(option, (8, 8), 3, 2, readout).head[-1].activation
        for readout in ("logits", "reference", "tanh")
    }
    assert ends == {"logits": "linear", "reference": "tanh", "tanh": "tanh"}
