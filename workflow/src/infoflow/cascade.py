"""Reconstruction cascades: train a one-layer inverse of every layer of a frozen random network, and compose them.

For frozen activations x_0 (the input), x_1, ..., x_L the reconstruction network c_l is trained to take x_l back to
x_{l-1}; the cascade C^l = c_1 ∘ c_2 ∘ ... ∘ c_l then shows what of the input is left in x_l.
Source: arXiv:2406.12916, PHYSICS A2.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from infoflow.architectures import Block, Map, Parameters, apply_in_parts
from infoflow.initialization import draw_gaussian
from infoflow.reconstruction import fit_inverses


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
    options: Mapping[str, Any],
    *,
    seed: int,
    replicas: Sequence[int],
) -> Probe:
    """Draw the frozen networks, find their reconstruction networks, and reconstruct the evaluation set.

    Args:
        blocks: the L layers and their inverses.
        images: training images [M, *input_shape]; their dtype and device are those of the whole computation.
        evaluation_images: [S, *input_shape].
        options: section `probe` of the config.
        replicas: indices of the replicas to compute; replica r does not depend on which others are computed with it.
    """
    to = {"dtype": images.dtype, "device": images.device}
    frozen = draw_gaussian([b.forward for b in blocks], sigma_w2, sigma_b2, seed, "frozen", replicas, **to)
    inverses = fit_inverses(blocks, frozen, images, options, seed=seed, replicas=replicas)
    forward = [b.forward for b in blocks]
    reconstructions, moments = compose_cascades(forward, frozen, inverses.maps, inverses.parameters, evaluation_images)
    return Probe(reconstructions, inverses.losses, moments)


@torch.no_grad()
def compose_cascades(
    layers: Sequence[Map],
    frozen: Sequence[Parameters],
    inverses: Sequence[Map],
    parameters: Sequence[Parameters],
    images: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """All cascades C^1 ... C^L of the images in one sweep, from the deepest layer down.

    On its way down the batch of layer l + 1 is joined by the activations of layer l, so that every inverse is applied
    once, to everything that has to pass it.

    Args:
        layers: the L layers, with their parameters `frozen`, stacked over R replicas.
        inverses: the L reconstruction networks, with their `parameters`.
        images: [S, *input_shape].

    Returns:
        Reconstructions [R, L, S, *input_shape] and (1/N_l) Σ_i (z_i^l)² [R, L, S].
    """
    count = len(next(iter(frozen[0].values())))
    x = images.expand(count, *images.shape)
    activations, moments = [], []
    for layer, p in zip(layers, frozen, strict=True):
        z = layer.pre_activation(p, x)
        moments.append(z.square().flatten(2).mean(2))
        x = layer.activate(z)
        activations.append(x)

    # [R, L, S, *shape]: filled from the deepest layer down, each inverse takes what is there in place
    cascades = x.new_empty(count, len(layers), len(images), *inverses[-1].input_shape)
    for l in reversed(range(len(layers))):
        cascades[:, l] = activations.pop()
        source = cascades[:, l:].flatten(1, 2)
        if inverses[l].output_shape != inverses[l].input_shape:
            cascades = x.new_empty(*cascades.shape[:3], *inverses[l].output_shape)
        apply_in_parts(inverses[l], parameters[l], source, out=cascades[:, l:].flatten(1, 2))
    return cascades, torch.stack(moments, dim=1)
