"""Activations of a frozen random network over the whole training set, some layers and replicas at a time.

The reconstruction networks of all layers and replicas are independent, so they can be found in any order. Going through
the network layer by layer, with the whole training set, evaluates each frozen layer once, in large products, and keeps
only what the present layers need: memory does not grow with depth. How many networks are taken at once follows from
the device. On a CPU their parameters, gradients and moments stay in its cache from one step to the next; a GPU gets as
many as its memory holds, to be busy.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from infoflow.architectures import Block, Parameters, apply_in_parts
from infoflow.parallel import CACHE

ACTIVATIONS = 1 << 30
"""Bytes of activations on a CPU; those of one layer of one replica may take more."""
GPU_SHARE = 0.25
"""Share of the free memory of a GPU for both."""


@dataclass(frozen=True)
class Chunk:
    """C consecutive layers, whose blocks are equal, of Q consecutive replicas.

    Attributes:
        layers: indices from 0 into the blocks.
        rows: which of the replicas.
        inputs: activations of all M samples before each of the layers, [C, Q, M, *input_shape].
        outputs: activations after it, [C, Q, M, *output_shape].
    """

    layers: range
    rows: slice
    inputs: torch.Tensor
    outputs: torch.Tensor


@torch.no_grad()
def walk(
    blocks: Sequence[Block],
    frozen: Sequence[Parameters],
    images: torch.Tensor,
    order: torch.Tensor | None = None,
    at_once: int | None = None,
) -> Iterator[Chunk]:
    """All layers and replicas of a network, chunk by chunk.

    Args:
        blocks: the L layers.
        frozen: their parameters, stacked over R replicas.
        images: [M, *input_shape].
        order: permutations [R, M] of the images, for every replica its own; by default they stay as they are.
        at_once: networks per chunk, by default what suits the device; what is computed does not depend on it.
    """
    replicas = len(next(iter(frozen[0].values())))
    limits = [at_once or _networks_at_once(block, images) for block in blocks]
    together = min(replicas, *limits)
    for first in range(0, replicas, together):
        rows = slice(first, min(first + together, replicas))
        count = rows.stop - rows.start
        x = images.expand(count, *images.shape).contiguous() if order is None else images[order[rows]]
        for layers in _runs(blocks, [max(1, limit // count) for limit in limits]):
            forward = blocks[layers.start].forward
            if len(layers) > 1:  # equal shapes: the outputs of a layer are the inputs of the next
                storage = x.new_empty(len(layers) + 1, *x.shape)
                storage[0] = x
                inputs, outputs = storage[:-1], storage[1:]
            else:
                inputs, outputs = x[None], x.new_empty(1, count, len(images), *forward.output_shape)
            for source, target, l in zip(inputs, outputs, layers):
                apply_in_parts(forward, {name: p[rows] for name, p in frozen[l].items()}, source, target)
            yield Chunk(layers, rows, inputs, outputs)
            x = outputs[-1]


def _networks_at_once(block: Block, images: torch.Tensor) -> int:
    parameters = 4 * sum(map(math.prod, block.inverse.parameter_shapes.values()))  # with gradient and two moments
    activations = len(images) * math.prod(block.forward.output_shape)
    size = images.element_size()
    if images.device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(images.device)
        return max(1, int(GPU_SHARE * free) // (size * (parameters + activations)))
    return max(1, min(CACHE // (size * parameters), ACTIVATIONS // (size * activations)))


def _runs(blocks: Sequence[Block], limits: Sequence[int]) -> Iterator[range]:
    """Runs of equal blocks, none longer than its limit."""
    for _, group in itertools.groupby(range(len(blocks)), key=lambda l: blocks[l]):
        equal = list(group)
        for start in range(0, len(equal), limits[equal[0]]):
            yield range(equal[start], equal[min(start + limits[equal[0]], len(equal)) - 1] + 1)
