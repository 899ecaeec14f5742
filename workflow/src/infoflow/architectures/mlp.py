"""Multilayer perceptron, layouts `wide` and `shrinking`. Source: arXiv:2406.12916, physics.md A1.

`depth` hidden layers are probed; the readout head comes after them. In the counting of the publication, which includes
the output and the layer of 400 before it, a network of depth D has D - 2 hidden layers.
"""

import itertools
from collections.abc import Mapping
from typing import Any

from infoflow.architectures.widths import hidden_widths
from infoflow.engine.maps.dense import Dense
from infoflow.engine.network import Block, Network


def build(
    options: Mapping[str, Any], input_shape: tuple[int, ...], classes: int, depth: int, readout: str = "logits"
) -> Network:
    """See `infoflow.architectures.build.build_network`."""
    activation = options["activation"]
    shapes = [input_shape, *((n,) for n in hidden_widths(options, input_shape, classes, depth))]
    # The reconstruction of layer 1 is an image; all reconstruction networks end with tanh, as published.
    blocks = tuple(
        Block(forward=Dense(a, b, activation), inverse=Dense(b, a, "tanh")) for a, b in itertools.pairwise(shapes)
    )
    widths = [shapes[-1], *((n,) for n in options.get("head", ())), (classes,)]
    head = [Dense(a, b, activation) for a, b in itertools.pairwise(widths)]
    if readout == "logits":
        head[-1] = Dense(widths[-2], widths[-1], "linear")
    return Network(blocks, tuple(head))
