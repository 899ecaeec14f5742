"""A network: blocks, each a layer and the map that is trained to undo it, and a readout head."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import torch

from infoflow.engine.maps.map import Map, Parameters


@dataclass(frozen=True)
class Block:
    """One layer of the probed network and the reconstruction network that is trained to undo it."""

    forward: Map
    inverse: Map
    name: str = field(default="", compare=False)

    def __post_init__(self):
        there, back = self.forward, self.inverse
        if back.input_shape != there.output_shape or back.output_shape != there.input_shape:
            raise ValueError(
                f"the inverse maps {back.input_shape} to {back.output_shape}, "
                f"but its layer maps {there.input_shape} to {there.output_shape}"
            )


@dataclass(frozen=True)
class Network:
    """The blocks and the maps of the readout head, whose last one gives the class scores."""

    blocks: tuple[Block, ...]
    head: tuple[Map, ...]

    @property
    def layers(self) -> list[Map]:
        """Of the blocks and of the head, in the order in which the input meets them."""
        return [*(b.forward for b in self.blocks), *self.head]


@torch.no_grad()
def follow(
    layers: Sequence[Map], frozen: Iterable[Parameters], images: torch.Tensor, replicas: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Pre-activations z and states φ(z) of every layer, [R, S, ...], one layer after the other.

    Args:
        layers: with their parameters `frozen`, stacked over R replicas; those of a layer are asked for when it is its
            turn.
        images: [S, *input_shape].
        replicas: R.
    """
    x = images.expand(replicas, *images.shape)
    for layer, p in zip(layers, frozen, strict=True):
        z = layer.pre_activation(p, x)
        x = layer.activate(z)
        yield z, x
