"""Reconstruction cascades: train a one-layer inverse of every layer of a frozen random network, and compose them.

For frozen activations x_0 (the input), x_1, ..., x_L the reconstruction network c_l is trained to take x_l back to
x_{l-1}; the cascade C^l = c_1 ∘ c_2 ∘ ... ∘ c_l then shows what of the input is left in x_l.
Source: arXiv:2406.12916, physics.md A2.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from infoflow.engine.initialization import Ensemble
from infoflow.engine.maps.map import Map, Parameters, apply_in_parts, record_of, units
from infoflow.engine.network import Block, follow
from infoflow.errors import InfoflowError
from infoflow.reconstruction.fit import fit_inverses
from infoflow.reconstruction.walk import memory


@dataclass(frozen=True)
class Probe:
    """What probing one point gives; R replicas, L layers, S evaluation samples, N training steps.

    Attributes:
        reconstructions: C^l(x) of the evaluation set, [R, L, S, *input_shape].
        losses: mean squared error of every reconstruction network per step, [R, L, N].
        pre_activation_moments: (1/N_l) Σ_i (z_i^l)² of the frozen network, [R, L, S].
        channels: reconstructions of some of the evaluation set from single channels, [R, K, S', *input_shape].
    """

    reconstructions: torch.Tensor
    losses: torch.Tensor
    pre_activation_moments: torch.Tensor
    channels: torch.Tensor


CHANNEL_SAMPLES = 4
"""Images that are reconstructed from single channels."""


def reconstruct(
    blocks: Sequence[Block],
    ensemble: Ensemble,
    images: torch.Tensor,
    evaluation_images: torch.Tensor,
    options: Mapping[str, Any],
    weights: Sequence[Parameters] | None = None,
) -> Probe:
    """Draw the frozen networks, find their reconstruction networks, and reconstruct the evaluation set.

    Args:
        blocks: the L layers and their inverses.
        images: training images [M, *input_shape]; their dtype and device are those of the whole computation.
        evaluation_images: [S, *input_shape].
        options: section `probe` of the config.
        weights: parameters of the layers, to be scaled by σ_w and σ_b; by default they are drawn at random.
    """
    to = {"dtype": images.dtype, "device": images.device}
    forward = [b.forward for b in blocks]
    shown = options.get("show_channels", [])
    _check_channels(forward, shown)  # before all the work
    frozen = ensemble.draw(forward, **to) if weights is None else ensemble.scale(weights, **to)
    found = fit_inverses(blocks, frozen, images, options, seed=ensemble.seed, replicas=ensemble.replicas)
    way_back = found.maps, found.parameters
    reconstructions, moments = compose_cascades(forward, frozen, *way_back, evaluation_images, len(ensemble))
    channels = reconstruct_channels(
        forward, frozen, *way_back, evaluation_images[:CHANNEL_SAMPLES], len(ensemble), shown
    )
    return Probe(reconstructions, found.losses, moments, channels)


@torch.no_grad()
def compose_cascades(
    layers: Sequence[Map],
    frozen: Sequence[Parameters],
    inverses: Sequence[Map],
    parameters: Sequence[Parameters],
    images: torch.Tensor,
    replicas: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """All cascades C^1 ... C^L of the images in one sweep, from the deepest layer down.

    On its way down the batch of layer l + 1 is joined by the activations of layer l, so that every inverse is applied
    once, to everything that has to pass it. As many images are taken at once as memory holds.

    Args:
        layers: the L layers, with their parameters `frozen`, stacked over R replicas.
        inverses: the L reconstruction networks, with their `parameters`.
        images: [S, *input_shape].
        replicas: R.

    Returns:
        Reconstructions [R, L, S, *input_shape] and (1/N_l) Σ_i (z_i^l)² [R, L, S].
    """
    largest = max(units(layer.output_shape) for layer in layers)
    samples = max(1, memory(images.device) // (images.element_size() * replicas * len(layers) * largest))
    if samples >= len(images):
        return _compose(layers, frozen, inverses, parameters, images, replicas)
    cascades = images.new_empty(replicas, len(layers), *images.shape)
    moments = images.new_empty(cascades.shape[:3])
    for first in range(0, len(images), samples):
        part = slice(first, first + samples)
        found = _compose(layers, frozen, inverses, parameters, images[part], replicas)
        cascades[:, :, part], moments[:, :, part] = found
    return cascades, moments


def _compose(layers, frozen, inverses, parameters, images: torch.Tensor, replicas: int):
    """`compose_cascades` of images that all fit in memory."""
    activations, moments, records = forward(layers, frozen, images, replicas)
    # [R, L, S, *shape]: filled from the deepest layer down, each inverse takes what is there in place
    cascades = images.new_empty(replicas, len(layers), len(images), *inverses[-1].input_shape)
    for l in reversed(range(len(layers))):
        cascades[:, l] = activations.pop()
        source = cascades[:, l:].flatten(1, 2)
        if inverses[l].output_shape != inverses[l].input_shape:
            cascades = images.new_empty(*cascades.shape[:3], *inverses[l].output_shape)
        record = None if records[l] is None else records[l].repeat(1, len(layers) - l, *[1] * (records[l].ndim - 2))
        apply_in_parts(inverses[l], parameters[l], source, cascades[:, l:].flatten(1, 2), record)
    return cascades, torch.stack(moments, dim=1)


@torch.no_grad()
def forward(
    layers: Sequence[Map], frozen: Sequence[Parameters], images: torch.Tensor, replicas: int
) -> tuple[list[torch.Tensor], list[torch.Tensor], list[torch.Tensor | None]]:
    """Of every layer: activations [R, S, *output_shape], (1/N_l) Σ_i (z_i^l)² [R, S], and what its inverse needs."""
    activations, moments, records = [images.expand(replicas, *images.shape)], [], []
    for layer, (z, x) in zip(layers, follow(layers, frozen, images, replicas), strict=True):
        moments.append(z.square().flatten(2).mean(2))
        records.append(record_of(layer, activations[-1]))
        activations.append(x)
    return activations[1:], moments, records


@torch.no_grad()
def send_back(
    inverses: Sequence[Map],
    parameters: Sequence[Parameters],
    states: torch.Tensor,
    records: Sequence[torch.Tensor | None] | None = None,
) -> torch.Tensor:
    """States [R, S, *shape] of the layer that the last inverse undoes, taken back to images [R, S, *input_shape]."""
    for l in reversed(range(len(inverses))):
        states = apply_in_parts(inverses[l], parameters[l], states, record=records and records[l])
    return states


@torch.no_grad()
def reconstruct_channels(
    layers: Sequence[Map],
    frozen: Sequence[Parameters],
    inverses: Sequence[Map],
    parameters: Sequence[Parameters],
    images: torch.Tensor,
    replicas: int,
    channels: Sequence[tuple[int, int]],
) -> torch.Tensor:
    """What single channels hold: all others are set to zero, and the state is taken back to the input.

    Args:
        layers, frozen, inverses, parameters, images, replicas: see `compose_cascades`.
        channels: K pairs of a layer, counted from 1, and a channel of it, counted from 0.

    Returns:
        [R, K, S, *input_shape].

    Raises:
        InfoflowError: there is no such layer or channel.
    """
    _check_channels(layers, channels)
    found = images.new_empty(replicas, len(channels), *images.shape)
    if channels:
        activations, _, records = forward(layers, frozen, images, replicas)
    for k, (layer, channel) in enumerate(channels):
        state = torch.zeros_like(activations[layer - 1])
        state[..., channel] = activations[layer - 1][..., channel]
        found[:, k] = send_back(inverses[:layer], parameters[:layer], state, records)
    return found


def _check_channels(layers: Sequence[Map], channels: Sequence[tuple[int, int]]) -> None:
    for layer, channel in channels:
        if layer > len(layers) or channel >= layers[layer - 1].output_shape[-1]:
            raise InfoflowError(
                f"probe.show_channels: there is no channel {channel} in layer {layer} of this network of {len(layers)} "
                f"layers; channels count from 0, layers from 1"
            )
