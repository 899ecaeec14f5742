"""Reconstruction networks trained with Adam on the mean squared error, as published. Source: PHYSICS A2."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from infoflow.architectures import Block, Map, Parameters, vjp
from infoflow.frozen import Chunk, walk
from infoflow.initialization import draw_order, draw_uniform
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

    tell = Progress()
    for chunk in walk(blocks, frozen, images, at_once):
        layers, rows = slice(chunk.layers.start, chunk.layers.stop), chunk.rows
        # the networks side by side, [layers x replicas, ...]
        networks = {k: torch.cat([p[k][rows] for p in parameters[layers]]) for k in parameters[layers.start]}
        batches = [batch for order in orders for batch in order[rows].split(batch_size, dim=1)]
        history = _train(maps[layers.start], networks, chunk, batches, options["learning_rate"])

        count = rows.stop - rows.start
        losses[rows, layers] = history.T.unflatten(0, (-1, count)).transpose(0, 1)
        for name, trained in networks.items():
            for p, part in zip(parameters[layers], trained.split(count)):
                p[name][rows] = part
        tell(chunk, len(blocks), replicas, history[-1].mean())
    return Inverses(maps, parameters, losses)


@torch.no_grad()
def _train(
    inverse: Map, networks: Parameters, chunk: Chunk, batches: Sequence[torch.Tensor], learning_rate: float
) -> torch.Tensor:
    """Train the networks of a chunk, N = C Q of them, in place, on batches [Q, B] of samples; losses [steps, N]."""
    optimizer = Adam(networks.values(), learning_rate)
    gradients = dict(zip(networks, optimizer.gradients))
    samples = chunk.inputs.shape[2]
    offsets = samples * torch.arange(chunk.inputs.shape[1], device=chunk.inputs.device)[:, None]
    # Written in place: a small tensor kept from every step would keep the allocator from reusing the large ones.
    losses = chunk.inputs.new_empty(len(batches), len(chunk.layers) * len(offsets))
    for step, batch in enumerate(batches):
        places = (batch + offsets).flatten()
        targets, outputs = (
            a.flatten(1, 2).index_select(1, places).view(-1, batch.shape[1], *a.shape[3:])
            for a in (chunk.inputs, chunk.outputs)
        )
        guess, pull_back = vjp(inverse, networks, outputs)
        error = guess - targets
        size = error[0].numel()
        pull_back(error, gradients, decay=0.0, scale=2 / size, to_input=False)
        optimizer.step()
        losses[step] = torch.linalg.vector_norm(error.flatten(1), dim=1).square() / size
    return losses
