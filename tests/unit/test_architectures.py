import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from infoflow import architectures
from infoflow.architectures import Block, apply, build_network
from infoflow.architectures.mlp import Dense, hidden_widths
from infoflow.grid import is_prefix_invariant
from infoflow.initialization import draw_gaussian, draw_uniform, generator

EXAMPLES = {"mlp": [{"layout": "wide"}, {"layout": "shrinking"}, {"layout": "wide", "width": 7, "head": [5]}]}


def options(kind: str):
    return [{"kind": kind, "activation": "tanh", **example} for example in EXAMPLES[kind]]


def every_architecture():
    return [o for kind in architectures.kinds() for o in options(kind)]


@pytest.mark.parametrize("option", every_architecture(), ids=str)
@given(height=st.integers(2, 9), width=st.integers(2, 9), depth=st.integers(1, 8), classes=st.integers(2, 12))
def test_blocks_chain_and_inverses_undo_their_shapes(option, height, width, depth, classes):
    network = build_network(option, (height, width), classes, depth)
    assert len(network.blocks) == depth
    x = torch.rand(2, 3, height, width)
    for index, block in enumerate(network.blocks):
        (parameters,) = draw_gaussian([block.forward], 1.0, 0.1, 0, f"test {index}", range(2))
        (inverse,) = draw_uniform([block.inverse], 0, f"inverse {index}", range(2))
        y = apply(block.forward, parameters, x)
        assert apply(block.inverse, inverse, y).shape == x.shape
        x = y
    for index, layer in enumerate(network.head):
        (parameters,) = draw_gaussian([layer], 1.0, 0.1, 0, f"head {index}", range(2))
        x = apply(layer, parameters, x)
    assert x.shape == (2, 3, classes)


@pytest.mark.parametrize("option", every_architecture(), ids=str)
def test_a_prefix_invariant_network_begins_like_a_deeper_one(option):
    shallow, deep = (build_network(option, (6, 6), 10, depth) for depth in (3, 7))
    assert (shallow.blocks == deep.blocks[:3]) == is_prefix_invariant(option)


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
