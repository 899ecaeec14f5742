"""Relative entropy between the first layer of a fully connected network and its deeper layers.

p is the Gaussian with the mean and variance, across neurons, of one image's pre-activations in layer 1; q is that of a
deeper layer, evaluated where the weights take samples of p. With m = l - 1 layers between them,

    D_m = -(N_p/2) ln(2πe σ_p²) + (N_q/2) ln(2π σ_q²) + E|z^l - μ_q|² / (2 σ_q²),    D_0 = 0.

D_m is **not** a true relative entropy: its last term is taken of z^l, not of z^1. It has no lower bound, and is
negative where q^1 > q*, as for bright images in the ordered phase. In wide networks D_m = (N/2) ln(q^l/q^1), with the
mean-field recursion q^{l+1} = V(q^l) from q^1 = σ_w² ⟨x²⟩ + σ_b²: it approaches (N/2) ln(q*/q^1) over the length ξ_q,
which is finite at the edge of chaos. Where N_q differs from N_p the entropies of the two Gaussians are of different
dimensions, and D_m is no measure of distance at all; it is given as the formula says, and such layers are told apart
by their width. Layers count from 1, so that PHYSICS, which counts m from 0, has its q^m in layer m + 1.

The true relative entropy of the two Gaussians, neuron by neuron, is `gaussian_divergence`.
Source: Erdmenger, Grosvenor, Jefferson, arXiv:2107.06898, and PHYSICS C4.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike

from infoflow import meanfield
from infoflow.architectures import Network, build_network
from infoflow.errors import InfoflowError
from infoflow.grid import decode
from infoflow.ground_truth import train_replicas
from infoflow.initialization import draw_gaussian, generator
from infoflow.maps import Map, Parameters
from infoflow.parallel import for_each
from infoflow.prepared import PreparedImages, read_prepared
from infoflow.runtime import DTYPES, choose_device, describe_device, finish_work
from infoflow.store import Variable, write_result

NETWORKS = ("untrained", "trained")
OK, DIVERGED, MISSING = 0, 1, 2
STATUS = {
    "units": "1",
    "flag_values": np.array([OK, DIVERGED, MISSING], np.int8),
    "flag_meanings": "ok diverged missing",
}
BINS = np.linspace(-4, 4, 41)
"""Edges of the histogram of pre-activations, in standard deviations from the mean."""
PUBLISHED_STEP = 0.05
"""Spacing of q at which V(q) is interpolated: with it the published 15.889792 at σ_w² = 1.5, σ_b² = 0.05 comes out."""

_UNKNOWN = "NaN where status is not ok, and in layers that a network does not have"
ABOUT: dict[str, dict] = {
    "relative_entropy": {
        "long_name": "D_m between the pre-activations of layer 1 and of layer m + 1, as published",
        "units": "1",
        "comment": "in nats; not a true relative entropy: q is evaluated on variables pushed forward, so that it is "
        "negative where the variance falls with the layer; zero in layer 1; no measure of distance in layers whose "
        f"layer_width differs from that of layer 1; {_UNKNOWN}",
    },
    "sampling_error": {
        "long_name": "standard error of relative_entropy from the finite number of samples",
        "units": "1",
        "comment": f"in nats; the spread over networks is larger, about sqrt(width / 2); zero in layer 1; {_UNKNOWN}",
    },
    "gaussian_divergence": {
        "long_name": "true relative entropy of the Gaussians of layer 1 and of the layer, both of layer 1's width",
        "units": "1",
        "comment": f"in nats; a true relative entropy, never negative; {_UNKNOWN}",
    },
    "pre_activation_mean": {
        "long_name": "mean of the pre-activations across neurons, of one image",
        "units": "1",
        "comment": _UNKNOWN,
    },
    "pre_activation_variance": {
        "long_name": "variance of the pre-activations across neurons, of one image, about their mean",
        "units": "1",
        "comment": _UNKNOWN,
    },
    "excess_kurtosis": {
        "long_name": "excess kurtosis of the pre-activations across neurons, of one image",
        "units": "1",
        "comment": f"zero for a Gaussian; {_UNKNOWN}",
    },
    "histogram": {
        "long_name": "probability density of (z - mean)/standard deviation of the pre-activations, of all images",
        "units": "1",
        "comment": f"what lies beyond the bins is counted, but not shown; {_UNKNOWN}",
    },
    "mean_square_input": {"long_name": "mean square of the pixels of the image", "units": "1"},
    "layer_width": {"long_name": "number of neurons of the layer", "units": "1"},
    "status": {
        "long_name": "outcome for the network",
        **STATUS,
        "comment": "missing: not asked for; diverged: parameters or results that are not finite",
    },
    "accuracy": {
        "long_name": "accuracy of the trained network on the test set, after its last epoch",
        "units": "1",
        "comment": "NaN where the trained network is missing or diverged before an epoch ended",
    },
}
"""Attributes of the variables of one point, here and in the cube."""


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


def closed_form(
    first_variance: ArrayLike, sigma_w2: float, sigma_b2: float, width: int, layers: int, activation: str = "tanh"
) -> np.ndarray:
    """(N/2) ln(q^l/q^1) in nats for layers l = 1..L: D_m of a network of infinite width, per N neurons.

    Args:
        first_variance: q^1, any shape: σ_w² ⟨x²⟩ + σ_b², or what was measured in a network of finite width.

    Returns:
        [*shape, L]; negative where q^1 > q*.

    Raises:
        ValueError: there is no mean-field theory for the activation.
    """
    variances = [np.asarray(first_variance, float)]
    for _ in range(layers - 1):
        variances.append(sigma_w2 * meanfield.second_moment(variances[-1], activation) + sigma_b2)
    return width / 2 * np.log(np.stack(variances, axis=-1) / variances[0][..., None])


def asymptote(
    first_variance: ArrayLike, sigma_w2: float, sigma_b2: float, width: int, activation: str = "tanh"
) -> np.ndarray:
    """(N/2) ln(q*/q^1) in nats, which D_m approaches over ξ_q layers; arguments as those of `closed_form`."""
    q_star = meanfield.depth_scales(sigma_w2, sigma_b2, activation).q_star
    with np.errstate(divide="ignore"):  # q* = 0 in the ordered phase without bias: D_m falls for ever
        return width / 2 * np.log(q_star / np.asarray(first_variance, float))


def interpolated_correlation_length(
    sigma_w2: float, sigma_b2: float, activation: str = "tanh", step: float = PUBLISHED_STEP
) -> float:
    """ξ = 1/|ln χ₁| in layers, with q* from a linear interpolation of V(q) between multiples of `step`, as published.

    V is concave, so that the interpolated q* is too small; ξ is off by 0.6 % at σ_w² = 1.5, and by more and
    more towards the edge of chaos. Beyond it this is the length of the gradients; the length of the correlations is
    `meanfield.depth_scales(...).xi_c`.

    Raises:
        ValueError: the activation is not bounded by one.
    """
    if activation not in meanfield.SMOOTH:
        raise ValueError(f"interpolated for {', '.join(meanfield.SMOOTH)}, not for {activation!r}")
    q = np.arange(0, sigma_w2 + sigma_b2 + 2 * step, step)  # φ² <= 1: V(q) lies below the diagonal from there on
    excess = meanfield.variance_map(q, sigma_w2, sigma_b2, activation) - q
    last = len(q) - 1 - int((excess[::-1] > 0).argmax()) if (excess > 0).any() else 0
    q_star = q[last] + step * excess[last] / (excess[last] - excess[last + 1]) if excess[last] > 0 else 0.0
    chi = meanfield.slope_at(q_star, sigma_w2, activation)
    return math.inf if chi == 1 else 1 / abs(math.log(chi))


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


def entropy_point(
    dataset: str | Path,
    output: str | Path,
    point: str,
    architecture: Mapping[str, Any],
    entropy: Mapping[str, Any],
    train: Mapping[str, Any] | None,
    run: Mapping[str, Any],
    threads: int,
    attributes: Mapping[str, Any],
) -> None:
    """Measure D_m for all networks and images of one point, untrained and, if asked, trained.

    Args:
        dataset: prepared data set.
        output: result file to write.
        point: name of the point (`grid.encode`).
        architecture: entry of the config, of kind mlp.
        entropy: `images`, how many of the fixed evaluation order; `samples` of p for each of them.
        train: epochs, batch_size, learning_rate, momentum, readout; all epochs are run, whatever the accuracy. None:
            no trained networks.
        run: entry of the config: seed, replicas, precision.
        threads: CPU threads.
        attributes: further global attributes of the result.

    Raises:
        InfoflowError: the network is not fully connected, or the data set is too small, has no labels, or is of one
            class.
    """
    check_architecture(architecture)
    device = choose_device(threads)
    images = read_prepared(dataset, device, DTYPES[run["precision"]], to_learn=train is not None)
    if entropy["images"] > len(images.test_images):
        raise InfoflowError(
            f"{dataset}: images is {entropy['images']}, but the test set has {len(images.test_images)}; ask for fewer"
        )
    if train and images.train_labels is None:
        raise InfoflowError(f"{dataset}: has no labels to train with; ask for untrained networks only")
    sigma_w2, sigma_b2, depth = decode(point)
    readout = train["readout"] if train else "logits"  # of no importance for pre-activations
    network = build_network(architecture, images.shape, images.classes, depth, readout)

    started = time.monotonic()
    variables, train_seconds = _measure_networks(network, sigma_w2, sigma_b2, images, entropy, train, run)
    finish_work(device)
    write_result(
        output,
        variables,
        {
            "entropy_seconds": time.monotonic() - started - train_seconds,
            "train_seconds": train_seconds,
            "hidden_layers": len(network.blocks),
            "samples": entropy["samples"],
            **describe_device(device, run["precision"], threads),
            **attributes,
        },
    )


def check_architecture(architecture: Mapping[str, Any]) -> None:
    """Raise InfoflowError unless the network is fully connected."""
    if architecture["kind"] != "mlp":
        raise InfoflowError(
            f"architecture: kind is {architecture['kind']}, but the relative entropy of layers is that of fully "
            "connected networks; choose an architecture of kind mlp"
        )


def _measure_networks(
    network: Network,
    sigma_w2: float,
    sigma_b2: float,
    images: PreparedImages,
    entropy: Mapping[str, Any],
    train: Mapping[str, Any] | None,
    run: Mapping[str, Any],
) -> tuple[dict[str, Variable], float]:
    """Variables of the result of one point, and the seconds of training."""
    replicas = range(run["replicas"])
    chosen = images.test_images[images.evaluation_order[: entropy["images"]]]
    hidden = [b.forward for b in network.blocks]
    layers = [*hidden, *network.head]
    to = {"dtype": chosen.dtype, "device": chosen.device}
    # The very draws that the training starts from.
    untrained = draw_gaussian(hidden, sigma_w2, sigma_b2, run["seed"], "frozen", replicas, **to)
    untrained += draw_gaussian(network.head, sigma_w2, sigma_b2, run["seed"], "head", replicas, **to)
    options = {"samples": entropy["samples"], "seed": run["seed"], "replicas": replicas}
    found = [measure_entropies(layers, untrained, chosen, **options)]
    del untrained

    accuracy, seconds = np.full(len(replicas), np.nan), 0.0
    if train:
        started = time.monotonic()
        # All epochs, or the networks of different points would not have been trained alike.
        settings = {**train, "success_accuracy": math.inf}
        history = train_replicas(network, sigma_w2, sigma_b2, images, settings, run, keep_parameters=True)
        finish_work(chosen.device)
        seconds = time.monotonic() - started
        accuracy = np.where(history.diverged, np.nan, history.accuracy[:, -1])
        found.append(measure_entropies(layers, history.parameters, chosen, **options))

    networks = [np.stack([getattr(e, f.name) for e in found]) for f in fields(Entropies)]
    finite = np.isfinite(networks[0]).all(axis=(2, 3))
    per_layer = ("network", "replica", "image", "layer")
    dimensions = {"histogram": ("network", "replica", "layer", "bin")}
    variables = {
        f.name: (
            dimensions.get(f.name, per_layer),
            np.where(finite.reshape(finite.shape + (1,) * (values.ndim - 2)), values, np.nan).astype(np.float32),
            ABOUT[f.name],
        )
        for f, values in zip(fields(Entropies), networks)
    }
    inputs = chosen.double().square().flatten(1).mean(1).cpu().numpy()
    further = {
        "status": (("network", "replica"), np.where(finite, OK, DIVERGED).astype(np.int8)),
        "accuracy": (("replica",), accuracy.astype(np.float32)),
        "mean_square_input": (("image",), inputs),
        "layer_width": (("layer",), np.array([layer.fan_out for layer in layers], np.int32)),
    }
    return variables | {name: (*value, ABOUT[name]) for name, value in further.items()}, seconds
