"""Activations of a frozen random network over the whole training set, some layers and replicas at a time.

The reconstruction networks of all layers and replicas are independent, so they can be found in any order. Going through
the network layer by layer, with the whole training set, evaluates each frozen layer once, in large products, and keeps
only what the present layers need: memory does not grow with depth. How many networks are taken at once follows from
the device. On a CPU their parameters, gradients and moments stay in its cache from one step to the next; a GPU gets as
many as its memory holds, to be busy.

Layers whose activations do not fit in memory, like the first ones of a convolutional network, are streamed: a batch at
a time goes through all of them. What is computed does not depend on it.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch

from infoflow.engine.maps.map import PART, Parameters, apply, apply_in_parts, units
from infoflow.engine.network import Block
from infoflow.engine.parallel import CACHE

ACTIVATIONS = 1 << 30
"""Bytes of activations on a CPU."""
GPU_SHARE = 0.25
"""Share of the free memory of a GPU for activations, parameters, gradients and moments."""

Pair = tuple[torch.Tensor, torch.Tensor]
"""Activations before and after some layers, one batch for each of N networks: [N, B, *shape]."""


@dataclass(frozen=True)
class Stored:
    """C consecutive layers, whose blocks are equal, of Q consecutive replicas, computed as N = C Q networks.

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

    @property
    def parts(self) -> list[range]:
        """Layers that are computed as one."""
        return [self.layers]

    def batches(self, orders: Sequence[torch.Tensor], batch_size: int) -> Iterator[Iterable[Pair]]:
        """For every batch a pair for each of the parts; the samples as they lie, then in further orders [Q, M]."""
        replicas, samples = self.inputs.shape[1:3]
        parts = [a.flatten(0, 1).split(batch_size, dim=1) for a in (self.inputs, self.outputs)]
        for pair in zip(*parts):
            yield [pair]
        first_of = samples * torch.arange(replicas, device=self.inputs.device)[:, None]
        flat = [a.flatten(1, 2) for a in (self.inputs, self.outputs)]
        for order in orders:
            for places in (order + first_of).split(batch_size, dim=1):
                rows = places.flatten()
                yield [tuple(a.index_select(1, rows).view(-1, places.shape[1], *a.shape[2:]) for a in flat)]


@dataclass(frozen=True)
class Streamed:
    """Consecutive layers of Q consecutive replicas whose activations are computed batch by batch.

    Attributes:
        layers, rows: as in `Stored`.
        blocks: these layers.
        frozen: their parameters, of these replicas.
        source: activations of all M samples before the first of them, [Q, M, *input_shape].
    """

    layers: range
    rows: slice
    blocks: Sequence[Block]
    frozen: Sequence[Parameters]
    source: torch.Tensor

    @property
    def parts(self) -> list[range]:
        """See `Stored.parts`."""
        return [range(l, l + 1) for l in self.layers]

    def batches(self, orders: Sequence[torch.Tensor], batch_size: int) -> Iterator[Iterable[Pair]]:
        """See `Stored.batches`."""
        for x in self.source.split(batch_size, dim=1):
            yield self._through(x)
        every = torch.arange(len(self.source), device=self.source.device)[:, None]
        for order in orders:
            for places in order.split(batch_size, dim=1):
                yield self._through(self.source[every, places])

    @torch.no_grad()
    def _through(self, x: torch.Tensor) -> Iterator[Pair]:
        for block, p in zip(self.blocks, self.frozen, strict=True):
            y = apply(block.forward, p, x)
            yield x, y
            x = y

    @torch.no_grad()
    def outputs(self) -> torch.Tensor:
        """Activations of all samples after the last of the layers, [Q, M, *output_shape]."""
        largest = max(units(b.forward.output_shape) for b in self.blocks)
        samples = max(1, PART // (self.source.element_size() * len(self.source) * largest))
        found = self.source.new_empty(*self.source.shape[:2], *self.blocks[-1].forward.output_shape)
        for x, target in zip(self.source.split(samples, dim=1), found.split(samples, dim=1)):
            for block, p in zip(self.blocks, self.frozen):
                x = apply_in_parts(block.forward, p, x)
            target.copy_(x)
        return found


Chunk = Stored | Streamed


@torch.no_grad()
def walk(
    blocks: Sequence[Block],
    frozen: Sequence[Parameters],
    images: torch.Tensor,
    replicas: int,
    order: torch.Tensor | None = None,
    at_once: int | None = None,
) -> Iterator[Chunk]:
    """All layers and replicas of a network, chunk by chunk.

    Args:
        blocks: the L layers.
        frozen: their parameters, stacked over R replicas.
        images: [M, *input_shape].
        replicas: R.
        order: permutations [R, M] of the images, for every replica its own; by default they stay as they are.
        at_once: networks per chunk, by default what suits the device; what is computed does not depend on it.
    """
    limits = [at_once or _networks_at_once(block, images) for block in blocks]
    streamed = [is_streamed(block, images) for block in blocks]
    together = min(replicas, *limits)
    for first in range(0, replicas, together):
        rows = slice(first, min(first + together, replicas))
        count = rows.stop - rows.start
        x = images.expand(count, *images.shape).contiguous() if order is None else images[order[rows]]
        for layers in _runs(blocks, [max(1, limit // count) for limit in limits], streamed):
            parameters = [{name: p[rows] for name, p in frozen[l].items()} for l in layers]
            if streamed[layers.start]:
                chunk = Streamed(layers, rows, blocks[layers.start : layers.stop], parameters, x)
                yield chunk
                if layers.stop < len(blocks):
                    x = chunk.outputs()
                del chunk  # with the activations that it began with
                continue
            forward = blocks[layers.start].forward
            if len(layers) > 1:  # equal shapes: the outputs of a layer are the inputs of the next
                storage = x.new_empty(len(layers) + 1, *x.shape)
                storage[0] = x
                inputs, outputs = storage[:-1], storage[1:]
            else:
                inputs, outputs = x[None], x.new_empty(1, count, len(images), *forward.output_shape)
            for source, target, p in zip(inputs, outputs, parameters):
                apply_in_parts(forward, p, source, target)
            yield Stored(layers, rows, inputs, outputs)
            x = outputs[-1]


def memory(device: torch.device) -> int:
    """Bytes for activations that are kept at a time; on a GPU for all that belongs to them."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(GPU_SHARE * (free + unused))
    return ACTIVATIONS


def is_streamed(block: Block, images: torch.Tensor) -> bool:
    """Whether a single network's activations before and after the layer are too many to be kept."""
    shapes = block.forward.input_shape, block.forward.output_shape
    return images.element_size() * len(images) * sum(map(units, shapes)) > 2 * memory(images.device)


def _networks_at_once(block: Block, images: torch.Tensor) -> int:
    parameters = 4 * sum(map(units, block.inverse.parameter_shapes.values()))  # with gradient and two moments
    activations = len(images) * units(block.forward.output_shape)
    size = images.element_size()
    if images.device.type == "cuda":
        return max(1, memory(images.device) // (size * (parameters + activations)))
    return max(1, min(CACHE // max(1, size * parameters), memory(images.device) // (size * activations)))


def _runs(blocks: Sequence[Block], limits: Sequence[int], streamed: Sequence[bool]) -> Iterator[range]:
    """Runs of layers that are streamed, and of equal blocks that are not, these none longer than its limit."""
    for (stream, _), group in itertools.groupby(
        range(len(blocks)), key=lambda l: (streamed[l], None if streamed[l] else blocks[l])
    ):
        run = list(group)
        longest = len(run) if stream else limits[run[0]]
        for start in range(0, len(run), longest):
            yield range(run[start], run[min(start + longest, len(run)) - 1] + 1)
