"""What mean-field theory says of the networks of an architecture: depth scales, and variances of the pre-activations.

Fully connected and convolutional networks have the same fixed points and depth scales (physics.md B5); in a
convolutional one the variance depends on the pixel until it has reached its fixed point. Residual networks are in
`residual`. Where there is no theory, as for networks with max-pooling, or with an activation that `meanfield` does not
know, everything is NaN.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from infoflow.architectures.stem import strides
from infoflow.theory import convolutional, meanfield, residual
from infoflow.theory.meanfield import SCALES

FEEDFORWARD = ("mlp", "cnn")
STEM = 3
"""Convolutions of the stem of `cnn` and `resnet`."""


def has_fixed_points(architecture: Mapping[str, Any]) -> bool:
    """Whether variance and correlation have fixed points that mean-field theory knows, with depth scales."""
    return architecture["kind"] in FEEDFORWARD and architecture["activation"] in meanfield.ACTIVATIONS


def edge_of_chaos(architecture: Mapping[str, Any], sigma_b2: ArrayLike) -> np.ndarray:
    """σ_w² of the edge of chaos for every σ_b²; NaN for architectures without a sharp edge, or without theory."""
    if has_fixed_points(architecture):
        return np.atleast_1d(meanfield.edge_of_chaos(sigma_b2, architecture["activation"]))
    return np.full(np.shape(np.atleast_1d(sigma_b2)), np.nan)


def depth_scales(
    architecture: Mapping[str, Any], sigma_w2: np.ndarray, sigma_b2: np.ndarray, image: np.ndarray, depth: int
) -> dict[str, np.ndarray]:
    """The SCALES by name, arrays of the shape of the variances.

    Of a residual network, which has no fixed point with exponential approach, ξ_c is the number of blocks over which
    the mean squared gradient changes by a factor e, on average over all blocks, and χ₁ that factor per block; the
    others are NaN.

    Args:
        image: an input of the network, [row, column] or [row, column, channel]; the first block depends on it.
        depth: of the network, as the architecture counts it.
    """
    if has_fixed_points(architecture):
        scales = meanfield.depth_scales(sigma_w2, sigma_b2, architecture["activation"])
        return {name: getattr(scales, name) for name in SCALES}
    found = {name: np.full(np.shape(sigma_w2), np.nan) for name in SCALES}
    if _has_residual_theory(architecture):
        blocks = depth if architecture["kind"] == "resnet_dense" else depth - 1
        if blocks:
            log_jacobian = _blocks(architecture, image, sigma_w2, sigma_b2, blocks).log_jacobian[..., -1]
            found["chi_1"] = np.exp(log_jacobian / blocks)
            with np.errstate(divide="ignore"):
                found["xi_c"] = blocks / np.abs(log_jacobian)
    return found


@dataclass(frozen=True)
class Variances:
    """Mean squared pre-activation of every layer for one input, and how far it strays at finite width; [n, L].

    Attributes:
        recursion: of infinitely many units, or channels.
        spread: standard deviation.
        log_mean, log_spread: mean and standard deviation of ln(mean squared pre-activation / recursion).
        mean_spread: standard deviation of the mean of these logarithms over the layers up to each.
    """

    recursion: np.ndarray
    spread: np.ndarray
    log_mean: np.ndarray
    log_spread: np.ndarray
    mean_spread: np.ndarray


def layer_variances(
    architecture: Mapping[str, Any],
    image: np.ndarray,
    sigma_w2: np.ndarray,
    sigma_b2: np.ndarray,
    widths: Sequence[int],
) -> Variances:
    """Of fully connected layers to leading order in 1/width; of convolutional ones from networks that are drawn.

    In residual ones all but the recursion is not known (NaN).

    Args:
        image: as in `depth_scales`.
        sigma_w2, sigma_b2: [n].
        widths: units, or channels, of the L layers.
    """
    unknown = np.full((len(sigma_w2), len(widths)), np.nan)
    nothing = (unknown,) * 4
    if not has_fixed_points(architecture) and not _has_residual_theory(architecture):
        return Variances(unknown, *nothing)
    kind, activation = architecture["kind"], architecture["activation"]
    if kind == "mlp":
        q, spread, mean_spread = meanfield.variance_recursion(np.mean(image**2), sigma_w2, sigma_b2, widths, activation)
        relative = np.divide(spread, q, out=np.zeros_like(q), where=q > 0)
        return Variances(q, spread, -(relative**2) / 2, relative, mean_spread)
    if kind == "cnn":
        maps = _convolution_variances(image, sigma_w2, sigma_b2, len(widths), activation)
        q = np.stack([q.mean((1, 2)) for q in maps], axis=1)
        law = convolutional.draw_law(image, sigma_w2, sigma_b2, widths, meanfield.function_of(activation), q)
        return Variances(q, q * law.spread, law.log_mean, law.log_spread, law.mean_spread)
    if kind == "resnet_dense":
        return Variances(_blocks(architecture, image, sigma_w2, sigma_b2, len(widths)).variance, *nothing)
    stem = _convolution_variances(image, sigma_w2, sigma_b2, STEM, activation)
    variance = np.stack([q.mean((1, 2)) for q in stem], axis=1)
    if len(widths) > STEM:
        blocks = _blocks(architecture, image, sigma_w2, sigma_b2, len(widths) - STEM)
        variance = np.concatenate([variance, blocks.variance], axis=1)
    return Variances(variance, *nothing)


def _has_residual_theory(architecture: Mapping[str, Any]) -> bool:
    return architecture["kind"] in residual.BRANCHES and architecture["activation"] == "tanh"


def _blocks(architecture, image, sigma_w2, sigma_b2, blocks: int) -> residual.Residual:
    if architecture["kind"] == "resnet_dense":
        return residual.follow_blocks(np.ravel(image), sigma_w2, sigma_b2, blocks, "resnet_dense")
    given = np.broadcast_arrays(np.asarray(sigma_w2, float), np.asarray(sigma_b2, float))
    flat = [a.reshape(-1) for a in given]
    last = _convolution_variances(image, *flat, STEM, architecture["activation"])[-1]
    initial = residual.after_tanh(last.mean((1, 2)).reshape(given[0].shape))
    return residual.follow_blocks(initial, *given, blocks, "resnet")


def _convolution_variances(
    image: np.ndarray, sigma_w2: np.ndarray, sigma_b2: np.ndarray, layers: int, activation: str
) -> list[np.ndarray]:
    """Variance of every pixel's pre-activation in a convolutional network of infinitely many channels.

    q(p) = σ_w² ⟨m⟩ + σ_b², the second moment m of the activations averaged over the nine pixels of the kernel, zeros
    beyond the border included; m = E φ²(√q z).

    Returns:
        For every layer [n, row, column].
    """
    w, b = (np.asarray(a, float)[:, None, None] for a in (sigma_w2, sigma_b2))
    squares = np.asarray(image, float) ** 2
    moment = np.broadcast_to(squares if squares.ndim == 2 else squares.mean(-1), (len(w), *squares.shape[:2]))
    found, stem = [], strides(*moment.shape[1:])
    for layer in range(layers):
        if layer < len(stem):
            mean = _nine(np.pad(moment, ((0, 0), (1, 1), (1, 1))), stem[layer])
        elif layer == len(stem):  # no padding: on the pixels that are left the torus begins
            mean = _nine(moment, 1)
        else:
            mean = _nine(np.pad(moment, ((0, 0), (1, 1), (1, 1)), mode="wrap"), 1)
        found.append(w * mean + b)
        moment = meanfield.second_moment(found[-1], activation)
    return found


def _nine(values: np.ndarray, stride: int) -> np.ndarray:
    """Mean over every square of 3 × 3 pixels, in steps."""
    windows = np.lib.stride_tricks.sliding_window_view(values, (3, 3), axis=(1, 2))
    return windows[:, ::stride, ::stride].mean((-2, -1))
