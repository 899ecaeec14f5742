"""Reconstruction cascades: train a one-layer inverse of every layer of a frozen random network, and compose them.

For frozen activations x_0 (the input), x_1, ..., x_L the reconstruction network c_l is trained to take x_l back to
x_{l-1}; the cascade C^l = c_1 ∘ c_2 ∘ ... ∘ c_l then shows what of the input is left in x_l.
Source: arXiv:2406.12916, PHYSICS A2.
"""

import itertools
import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from infoflow.architectures import Block, Parameters, apply
from infoflow.initialization import draw_gaussian, draw_order, draw_uniform

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Probe:
    """What probing one point gives; R replicas, L layers, S evaluation samples, N training steps.

    Attributes:
        reconstructions: C^l(x) of the evaluation set, [R, L, S, *input_shape].
        losses: mean squared error of every reconstruction network per step, [R, L, N].
        pre_activation_moments: (1/N_l) Σ_i (z_i^l)² of the frozen network, [R, L, S].
    """

    reconstructions: torch.Tensor
    losses: torch.Tensor
    pre_activation_moments: torch.Tensor


def probe_cascade(
    blocks: Sequence[Block],
    sigma_w2: float,
    sigma_b2: float,
    images: torch.Tensor,
    evaluation_images: torch.Tensor,
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    seed: int,
    replicas: Sequence[int],
) -> Probe:
    """Draw the frozen networks, train their reconstruction networks, and reconstruct the evaluation set.

    Args:
        blocks: the L layers and their inverses.
        images: training images [M, *input_shape]; their dtype and device are those of the whole computation.
        evaluation_images: [S, *input_shape].
        replicas: indices of the replicas to compute; replica r does not depend on which others are computed with it.
    """
    to = {"dtype": images.dtype, "device": images.device}
    frozen = draw_gaussian([b.forward for b in blocks], sigma_w2, sigma_b2, seed, "frozen", replicas, **to)
    inverse = draw_uniform([b.inverse for b in blocks], seed, "inverse", replicas, **to)
    inverse, losses = train_inverses(
        blocks,
        frozen,
        inverse,
        images,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        seed=seed,
        replicas=replicas,
    )
    reconstructions, moments = compose_cascades(blocks, frozen, inverse, evaluation_images)
    return Probe(reconstructions, losses, moments)


def train_inverses(
    blocks: Sequence[Block],
    frozen: Sequence[Parameters],
    inverse: Sequence[Parameters],
    images: torch.Tensor,
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    seed: int,
    replicas: Sequence[int],
) -> tuple[list[Parameters], torch.Tensor]:
    """Train the reconstruction networks of all layers and replicas with Adam on the mean squared error.

    Given the activations of a batch, the reconstruction networks do not depend on each other: runs of equal blocks take
    their optimizer step as one batch of independent networks. The result equals training them one by one.

    Returns:
        The trained parameters, one dict per layer stacked over replicas, and the losses [R, L, steps].
    """
    groups = [list(g) for _, g in itertools.groupby(range(len(blocks)), key=lambda l: blocks[l])]
    stacked = [
        {k: torch.cat([inverse[l][k] for l in group]).contiguous().requires_grad_() for k in inverse[group[0]]}
        for group in groups
    ]
    # fused: one pass over parameters, gradients and moments, on CPU and CUDA alike
    optimizer = torch.optim.Adam([p for s in stacked for p in s.values()], lr=learning_rate, fused=True)

    steps = math.ceil(len(images) / batch_size)
    # Written in place: a small tensor kept from every step would keep the allocator from reusing the large ones.
    losses = torch.empty(len(blocks) * len(replicas), epochs * steps, dtype=images.dtype, device=images.device)
    started = time.monotonic()
    for epoch in range(epochs):
        order = draw_order(seed, "probe order", epoch, replicas, len(images)).to(images.device)
        for step, batch in enumerate(order.split(batch_size, dim=1), start=epoch * steps):
            with torch.no_grad():
                activations = [images[batch]]
                for block, parameters in zip(blocks, frozen, strict=True):
                    activations.append(apply(block.forward, parameters, activations[-1]))
            step_losses = []
            for group, parameters in zip(groups, stacked, strict=True):
                outputs = torch.cat([activations[l + 1] for l in group])
                targets = torch.cat([activations[l] for l in group])
                guess = apply(blocks[group[0]].inverse, parameters, outputs)
                step_losses.append((guess - targets).square().flatten(1).mean(1))
            loss = torch.cat(step_losses)
            optimizer.zero_grad()
            loss.sum().backward()
            optimizer.step()
            losses[:, step] = loss.detach()
        now = losses[:, epoch * steps : step + 1].mean()
        elapsed = time.monotonic() - started
        logger.info("probe epoch %d/%d  loss %.5f  %.1f s", epoch + 1, epochs, now, elapsed)

    trained = [None] * len(blocks)
    for group, parameters in zip(groups, stacked, strict=True):
        for place, l in enumerate(group):
            rows = slice(place * len(replicas), (place + 1) * len(replicas))
            trained[l] = {k: p.detach()[rows] for k, p in parameters.items()}
    return trained, losses.unflatten(0, (len(blocks), len(replicas))).transpose(0, 1)


@torch.no_grad()
def compose_cascades(
    blocks: Sequence[Block], frozen: Sequence[Parameters], inverse: Sequence[Parameters], images: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """All cascades C^1 ... C^L of the images in one sweep, from the deepest layer down.

    On its way down the batch of layer l + 1 is joined by the activations of layer l, so that every inverse is applied
    once, to everything that has to pass it.

    Returns:
        Reconstructions [R, L, S, *input_shape] and (1/N_l) Σ_i (z_i^l)² [R, L, S].
    """
    count = len(next(iter(frozen[0].values())))
    x = images.expand(count, *images.shape)
    activations, moments = [], []
    for block, parameters in zip(blocks, frozen, strict=True):
        z = block.forward.pre_activation(parameters, x)
        moments.append(z.square().flatten(2).mean(2))
        x = block.forward.activate(z)
        activations.append(x)

    batch = activations[-1][:, :0]
    for block, parameters, x in zip(reversed(blocks), reversed(inverse), reversed(activations), strict=True):
        batch = apply(block.inverse, parameters, torch.cat([x, batch], dim=1))
    return batch.unflatten(1, (len(blocks), len(images))), torch.stack(moments, dim=1)
