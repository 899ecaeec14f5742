"""Relative entropy between the first layer of a fully connected network and its deeper layers.

p is the Gaussian with the mean and variance, across neurons, of one image's pre-activations in layer 1; q is that of a
deeper layer, evaluated where the weights take samples of p. With m = l - 1 layers between them,

    D_m = -(N_p/2) ln(2πe σ_p²) + (N_q/2) ln(2π σ_q²) + E|z^l - μ_q|² / (2 σ_q²),    D_0 = 0.

D_m is **not** a true relative entropy: its last term is taken of z^l, not of z^1. It has no lower bound, and is
negative where q^1 > q*, as for bright images in the ordered phase. In wide networks D_m = (N/2) ln(q^l/q^1), with the
mean-field recursion q^{l+1} = V(q^l) from q^1 = σ_w² ⟨x²⟩ + σ_b²: it approaches (N/2) ln(q*/q^1) over the length ξ_q,
which is finite at the edge of chaos. Where N_q differs from N_p the entropies of the two Gaussians are of different
dimensions, and D_m is no measure of distance at all; it is given as the formula says, and such layers are told apart
by their width. Layers count from 1, so that docs/physics.md, which counts m from 0, has its q^m in layer m + 1.

The true relative entropy of the two Gaussians, neuron by neuron, is `gaussian_divergence`.
Source: Erdmenger, Grosvenor, Jefferson, arXiv:2107.06898, and physics.md C4.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike

from infoflow.engine.initialization import generator
from infoflow.engine.maps.map import Map, Parameters
from infoflow.engine.parallel import for_each
from infoflow.studies.network_entropy.variables import BINS


@dataclass(frozen=True)
class Entropies:
    """Of R networks, I images and L layers; float64 arrays [R, I, L] unless said otherwise.

    Attributes:
        relative_entropy: D_m in nats, m = l - 1; not a true relative entropy, see the module.
        sampling_error: its standard error from the finite number of samples, in nats.
        gaussian_divergence: true relative entropy of the two Gaussians in nats, for the width of layer 1.
        pre_activation_mean, pre_activation_variance, excess_kurtosis: across neurons.
        histogram: probability density of the standardised pre-activations in BINS, all images together, [R, L, bin].
    """

    relative_entropy: np.ndarray
    sampling_error: np.ndarray
    gaussian_divergence: np.ndarray
    pre_activation_mean: np.ndarray
    pre_activation_variance: np.ndarray
    excess_kurtosis: np.ndarray
    histogram: np.ndarray


def relative_entropy(
    width_p: ArrayLike, variance_p: ArrayLike, width_q: ArrayLike, variance_q: ArrayLike, square: ArrayLike
) -> np.ndarray:
    """D_m in nats from its parts; broadcasts over its arguments. It may be negative.

    Args:
        width_p, variance_p: neurons of layer 1, and variance of its pre-activations across them.
        width_q, variance_q: likewise of the deeper layer.
        square: E|z - μ_q|² of that layer, the expectation over samples of p that went through the weights.
    """
    own = np.asarray(width_p) / 2 * np.log(2 * math.pi * math.e * np.asarray(variance_p))
    return np.asarray(width_q) / 2 * np.log(2 * math.pi * np.asarray(variance_q)) + square / (2 * variance_q) - own


def gaussian_divergence(
    mean_p: ArrayLike, variance_p: ArrayLike, mean_q: ArrayLike, variance_q: ArrayLike, width: ArrayLike = 1
) -> np.ndarray:
    """D(p ‖ q) of two Gaussians with independent, equal components, in nats: a true relative entropy.

    (N/2) [ln r + 1/r - 1 + (μ_p - μ_q)²/σ_q²] with r = σ_q²/σ_p².
    """
    ratio = np.asarray(variance_q) / variance_p
    shift = (np.asarray(mean_p) - mean_q) ** 2 / variance_q
    return np.asarray(width) / 2 * (np.log(ratio) + 1 / ratio - 1 + shift)


@torch.no_grad()
def measure_entropies(
    layers: Sequence[Map],
    parameters: Sequence[Parameters],
    images: torch.Tensor,
    *,
    samples: int,
    seed: int,
    replicas: Sequence[int],
) -> Entropies:
    """D_m and what belongs to it, for all networks, images and layers.

    The samples of image i and replica r come from a generator of their own: what is found does not depend on which
    other images and replicas are measured with them.

    Args:
        layers: fully connected layers; the last ones may be those of the readout head.
        parameters: of every layer, stacked over the replicas.
        images: [I, *input_shape].
        samples: number of samples of p per image.
        seed, replicas: of the samples.
    """
    networks, count, depth = len(replicas), len(images), len(layers)
    widths = [layer.fan_out for layer in layers]
    moments = torch.empty(4, networks, count, depth, dtype=torch.float64)
    histogram = torch.empty(networks, depth, len(BINS) - 1, dtype=torch.float64)
    x = images.expand(networks, *images.shape)
    for l, (layer, p) in enumerate(zip(layers, parameters, strict=True)):
        z = layer.pre_activation(p, x)
        x = layer.activate(z)
        mean, variance, kurtosis, shares = _describe(z)
        moments[:3, :, :, l] = torch.stack((mean, variance, kurtosis)).cpu()
        histogram[:, l] = shares
    mean, variance, kurtosis = moments[:3].numpy()

    square = np.empty((2, networks, count, depth))  # mean over the samples, and standard error of that mean
    square[0, ..., 0] = widths[0] * variance[..., 0]  # known without samples
    square[1, ..., 0] = 0

    def push(image: int) -> None:
        streams = [generator(seed, "entropy samples", image, r) for r in replicas]
        draws = torch.stack([torch.randn(samples, widths[0], generator=g) for g in streams])
        first = (torch.from_numpy(m[:, image, :1, None]) for m in (mean, np.sqrt(variance)))
        centre, deviation = (v.to(images) for v in first)
        z = centre + deviation * draws.to(images)
        for l in range(1, depth):
            z = layers[l].pre_activation(parameters[l], layers[l - 1].activate(z))
            centre = torch.from_numpy(mean[:, image, l, None, None]).to(images)
            distance = (z - centre).square_().sum(-1, dtype=torch.float64).cpu().numpy()
            square[0, :, image, l] = distance.mean(-1)
            square[1, :, image, l] = distance.std(-1) / math.sqrt(samples)

    for_each(range(count), push, images.device, count)
    with np.errstate(divide="ignore", invalid="ignore"):  # a network that diverged, or whose variances are zero
        return Entropies(
            relative_entropy(widths[0], variance[..., :1], np.array(widths), variance, square[0]),
            square[1] / (2 * variance),
            gaussian_divergence(mean[..., :1], variance[..., :1], mean, variance, widths[0]),
            mean,
            variance,
            kurtosis,
            histogram.numpy(),
        )


def _describe(z: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Mean, variance and excess kurtosis across neurons of z [R, I, N], each [R, I], and the histogram [R, bin]."""
    z = z.double()
    mean = z.mean(-1, keepdim=True)
    z = z - mean
    variance = z.square().mean(-1, keepdim=True)
    z = z / variance.sqrt()
    kurtosis = z.pow(4).mean(-1) - 3
    edges = len(BINS) - 1, float(BINS[0]), float(BINS[-1])
    counts = torch.stack([torch.histc(one.nan_to_num(nan=math.inf).cpu(), *edges) for one in z])
    return mean[..., 0], variance[..., 0], kurtosis, counts / (z[0].numel() * (BINS[1] - BINS[0]))
