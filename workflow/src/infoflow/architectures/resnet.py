"""Residual convolutional network with an outer activation. Source: arXiv:2406.12916, physics.md A1, B6.

Blocks x → φ(x + S(x)), S two circular convolutions with φ between them. A network of depth D, counted as published, has
D + 2 probed layers: the stem of the convolutional network, and D - 1 such blocks. Because of the outer φ it is not the
residual network of arXiv:1712.08969.
"""

from collections.abc import Mapping
from typing import Any

from infoflow.architectures._images import head, stem
from infoflow.engine.maps.compose import Chain, Residual
from infoflow.engine.maps.convolution import Convolution
from infoflow.engine.maps.inverse import inverse_of
from infoflow.engine.network import Block, Network


def build(
    options: Mapping[str, Any], input_shape: tuple[int, ...], classes: int, depth: int, readout: str = "logits"
) -> Network:
    """See `infoflow.architectures.build.build_network`."""
    channels, activation = options["channels"], options["activation"]
    blocks = stem(input_shape, channels, activation)
    state = blocks[-1].forward.output_shape
    first = Convolution(state, channels, activation, wrap=1)
    second = Convolution(state, channels, "linear", wrap=1)
    branch = Chain((first, second))
    residual = Residual(branch, activation)
    blocks += [Block(residual, inverse_of(branch), f"block {k}") for k in range(1, depth)]
    return Network(tuple(blocks), head(state, classes, activation, readout))
