from infoflow.architectures.build import build_network


def test_the_reference_readout_ends_with_the_activation():
    wide = {"kind": "mlp", "layout": "wide", "activation": "tanh", "head": [400]}
    head = build_network(wide, (28, 28), 10, 2, "reference").head
    assert [(layer.output_shape, layer.activation) for layer in head] == [((400,), "tanh"), ((10,), "tanh")]
    assert build_network(wide, (28, 28), 10, 2, "logits").head[-1].activation == "linear"
