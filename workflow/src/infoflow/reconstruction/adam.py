"""Reconstruction networks trained with Adam on the mean squared error, as published. Source: physics.md A2."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch

from infoflow.engine.initialization import draw_order, draw_uniform
from infoflow.engine.maps.map import Parameters, record_of, vjp
from infoflow.engine.network import Block
from infoflow.engine.optimizers import Adam
from infoflow.engine.parallel import for_each
from infoflow.reconstruction.fit import Inverses, Progress
from infoflow.reconstruction.walk import Chunk, Pair, is_streamed, walk


def fit(
    blocks: Sequence[Block],
    frozen: Sequence[Parameters],
    images: torch.Tensor,
    options: Mapping[str, Any],
    *,
    seed: int,
    replicas: Sequence[int],
    at_once: int | None = None,
) -> Inverses:
    """See `infoflow.reconstruction.fit.fit_inverses`; options: epochs, batch_size, learning_rate.

    The result equals training the networks one by one, each with its own optimizer.
    """
    epochs, batch_size = options["epochs"], options["batch_size"]
    orders = [draw_order(seed, "probe order", e, replicas, len(images)).to(images.device) for e in range(epochs)]
    maps = [b.inverse for b in blocks]
    parameters = draw_uniform(maps, seed, "inverse", replicas, dtype=images.dtype, device=images.device)
    steps = epochs * math.ceil(len(images) / batch_size)
    losses = images.new_empty(len(replicas), len(blocks), steps)

    # The images lie in the order of the first epoch: its batches need not be gathered, layer after layer.
    first = orders[0]
    place = first.argsort(1)
    later = [place.gather(1, order) for order in orders[1:]]
    tell = Progress()

    def train(chunk: Chunk) -> None:
        rows = chunk.rows
        count = rows.stop - rows.start
        # of every part the networks side by side, [layers x replicas, ...]
        networks = [
            {k: torch.cat([p[k][rows] for p in parameters[part.start : part.stop]]) for k in parameters[part.start]}
            for part in chunk.parts
        ]
        batches = chunk.batches([order[rows] for order in later], batch_size)
        histories = _train([blocks[p.start] for p in chunk.parts], networks, batches, steps, options["learning_rate"])
        for part, trained, history in zip(chunk.parts, networks, histories, strict=True):
            layers = slice(part.start, part.stop)
            losses[rows, layers] = history.T.unflatten(0, (-1, count)).transpose(0, 1)
            for name, both in trained.items():
                for p, one in zip(parameters[layers], both.split(count)):
                    p[name][rows] = one
        tell(chunk, len(blocks), replicas, torch.stack([h[-1].mean() for h in histories]).mean())

    chunks = walk(blocks, frozen, images, len(replicas), first, at_once)
    # layers that are streamed are one chunk
    stored = sum(not is_streamed(block, images) for block in blocks)
    for_each(chunks, train, images.device, max(1, stored) * len(replicas))
    return Inverses(maps, parameters, losses)


@torch.no_grad()
def _train(
    blocks: Sequence[Block],
    networks: Sequence[Parameters],
    batches: Iterable[Iterable[Pair]],
    steps: int,
    learning_rate: float,
) -> list[torch.Tensor]:
    """Train the inverses of some blocks in place, to give the first of each pair from the second.

    Args:
        blocks: P of them.
        networks: parameters of their inverses, each stacked over N networks.
        batches: for every step a pair [N, B, *shape] for each of the blocks.

    Returns:
        Losses [steps, N] of each of the blocks.
    """
    optimizers = [Adam(p.values(), learning_rate) for p in networks]
    gradients = [dict(zip(p, optimizer.gradients)) for p, optimizer in zip(networks, optimizers)]
    losses: list[torch.Tensor | None] = [None] * len(blocks)
    sizes = torch.empty(steps, len(blocks), dtype=torch.float64)
    for step, pairs in enumerate(batches):
        for k, (targets, outputs) in enumerate(pairs):
            guess, pull_back = vjp(blocks[k].inverse, networks[k], outputs, record_of(blocks[k].forward, targets))
            error = guess - targets
            if networks[k]:
                pull_back(error, gradients[k], decay=0.0, scale=2 / error[0].numel(), to_input=False)
                optimizers[k].step()
            if losses[k] is None:
                losses[k] = error.new_empty(steps, len(error))
            # Written in place: a small tensor kept from every step would keep the allocator from reusing large ones.
            torch.linalg.vector_norm(error.flatten(1), dim=1, out=losses[k][step])
            sizes[step, k] = error[0].numel()
    return [loss.square_().div_(sizes[:, k, None].to(loss)) for k, loss in enumerate(losses)]
