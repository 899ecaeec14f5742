import math

from infoflow.architectures.build import build_network
from infoflow.architectures.mlp import hidden_widths


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
