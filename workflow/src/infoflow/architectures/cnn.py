"""Convolutional network without pooling between its layers. Source: arXiv:2406.12916, physics.md A1; arXiv:1806.05393.

A network of depth D, counted as published, has D + 2 probed layers: a stem of three convolutions (28 → 28 → 14 → 7),
and D - 1 circular ones of kernel 3 on a torus (5 × 5), which is stored with a border that repeats its opposite side
(7 × 7).
"""

from collections.abc import Mapping
from typing import Any

from infoflow.architectures._images import head, stem
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
    circular = Convolution(state, channels, activation, wrap=1)
    blocks += [Block(circular, inverse_of(circular), f"convolution {k}") for k in range(1, depth)]
    return Network(tuple(blocks), head(state, classes, activation, readout))
