"""Reconstruction networks trained with Adam on the mean squared error, as published. Source: PHYSICS A2."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch

from infoflow.architectures import Block, Map, Parameters, vjp
from infoflow.frozen import Chunk, walk
from infoflow.initialization import draw_order, draw_uniform
from infoflow.parallel import for_each
from infoflow.reconstruction import Inverses, Progress


class Adam:
    """torch.optim.Adam(fused=True) on gradients in fixed buffers.

    It calls the same kernel; the class in torch.optim costs every process that makes one 1.8 s, because it imports the
    compiler.
    """

    def __init__(self, parameters: Sequence[torch.Tensor], learning_rate: float):
        self.parameters = list(parameters)
        self.gradients = [torch.zeros_like(p) for p in self.parameters]
        self._moments = [torch.zeros_like(p) for p in self.parameters]
        self._squares = [torch.zeros_like(p) for p in self.parameters]
        self._steps = [torch.zeros((), dtype=torch.float32, device=p.device) for p in self.parameters]
        self._options = {"lr": learning_rate, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.0}

    def step(self) -> None:
        """Move the parameters, in place."""
        torch._foreach_add_(self._steps, 1)
        torch._fused_adam_(
            self.parameters,
            self.gradients,
            self._moments,
            self._squares,
            [],
            self._steps,
            amsgrad=False,
            maximize=False,
            **self._options,
        )


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
    """See `infoflow.reconstruction.fit_inverses`; options: epochs, batch_size, learning_rate.

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
        layers, rows = slice(chunk.layers.start, chunk.layers.stop), chunk.rows
        # the networks side by side, [layers x replicas, ...]
        networks = {k: torch.cat([p[k][rows] for p in parameters[layers]]) for k in parameters[layers.start]}
        batches = _batches(chunk, [order[rows] for order in later], batch_size)
        history = _train(maps[layers.start], networks, batches, steps, options["learning_rate"])

        count = rows.stop - rows.start
        losses[rows, layers] = history.T.unflatten(0, (-1, count)).transpose(0, 1)
        for name, trained in networks.items():
            for p, part in zip(parameters[layers], trained.split(count)):
                p[name][rows] = part
        tell(chunk, len(blocks), replicas, history[-1].mean())

    for_each(walk(blocks, frozen, images, first, at_once), train, images.device, len(blocks) * len(replicas))
    return Inverses(maps, parameters, losses)


def _batches(
    chunk: Chunk, orders: Sequence[torch.Tensor], batch_size: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Inputs and outputs [N, B, *shape] of the layers, batch by batch: as they lie, then in further orders [Q, M]."""
    replicas, samples = chunk.inputs.shape[1:3]
    parts = [a.flatten(0, 1).split(batch_size, dim=1) for a in (chunk.inputs, chunk.outputs)]
    yield from zip(*parts)
    first_of = samples * torch.arange(replicas, device=chunk.inputs.device)[:, None]
    flat = [a.flatten(1, 2) for a in (chunk.inputs, chunk.outputs)]
    for order in orders:
        for places in (order + first_of).split(batch_size, dim=1):
            rows = places.flatten()
            yield tuple(a.index_select(1, rows).view(-1, places.shape[1], *a.shape[2:]) for a in flat)


@torch.no_grad()
def _train(
    inverse: Map,
    networks: Parameters,
    batches: Iterable[tuple[torch.Tensor, torch.Tensor]],
    steps: int,
    learning_rate: float,
) -> torch.Tensor:
    """Train N networks in place, to give the first of each pair [N, B, *shape] from the second; losses [steps, N]."""
    optimizer = Adam(networks.values(), learning_rate)
    gradients = dict(zip(networks, optimizer.gradients))
    # Written in place: a small tensor kept from every step would keep the allocator from reusing the large ones.
    losses = optimizer.parameters[0].new_empty(steps, len(optimizer.parameters[0]))
    sizes = []
    for step, (targets, outputs) in enumerate(batches):
        guess, pull_back = vjp(inverse, networks, outputs)
        error = guess - targets
        sizes.append(error[0].numel())
        pull_back(error, gradients, decay=0.0, scale=2 / sizes[-1], to_input=False)
        optimizer.step()
        torch.linalg.vector_norm(error.flatten(1), dim=1, out=losses[step])
    return losses.square_().div_(losses.new_tensor(sizes)[:, None])
