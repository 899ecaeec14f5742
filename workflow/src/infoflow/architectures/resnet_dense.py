"""Residual network of dense layers. Source: arXiv:2406.12916, physics.md A1.

`depth` blocks x → φ(x + φ(W x + b)) as wide as the image has pixels. The inverse of a block is two dense layers with
x - tanh x, as published.
"""

import itertools
from collections.abc import Mapping
from typing import Any

from infoflow.engine.maps.compose import Chain, Residual
from infoflow.engine.maps.dense import Dense
from infoflow.engine.network import Block, Network


def build(
    options: Mapping[str, Any], input_shape: tuple[int, ...], classes: int, depth: int, readout: str = "logits"
) -> Network:
    """See `infoflow.architectures.build.build_network`."""
    activation = options["activation"]
    layer = Residual(Dense(input_shape, input_shape, activation), activation)
    back = Dense(input_shape, input_shape, "tanhshrink")
    blocks = [Block(layer, Chain((back, back)), f"block {k}") for k in range(1, depth + 1)]
    shapes = [input_shape, *((n,) for n in options["head"]), (classes,)]
    head = [Dense(a, b, activation) for a, b in itertools.pairwise(shapes)]
    if readout == "logits":
        head[-1] = Dense(*shapes[-2:], "linear")
    return Network(tuple(blocks), tuple(head))
