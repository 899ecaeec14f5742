"""Convolutional networks of finitely many channels: how far the mean squared pre-activation of one image strays.

To leading order in 1/N, as for layers of many units, is not enough here: there are 8 or 16 channels, and how alike two
pixels are, on which it depends how much of the noise a mean over pixels leaves, itself differs from network to network.
So networks are drawn, of this image alone, by NumPy: nothing of the engine is used, whose initialisation is to be
checked by it. Source: physics.md B8.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from infoflow.architectures.stem import strides
from infoflow.streams import stream

DRAWS = 200
"""Networks: a standard deviation is known to 5 %, a mean to 7 % of it."""
_BLOCK = 2**22
"""Numbers that a layer holds at a time, per point of the grid at least one network."""


@dataclass(frozen=True)
class Law:
    """How the mean squared pre-activation of a layer, over its recursion, is distributed over networks.

    Attributes:
        spread: standard deviation of the ratio.
        log_mean, log_spread: mean and standard deviation of its logarithm; of few channels the ratio itself is skewed.
        mean_spread: standard deviation of the mean of the logarithm over the layers up to this one.
    """

    spread: np.ndarray
    log_mean: np.ndarray
    log_spread: np.ndarray
    mean_spread: np.ndarray


def draw_law(
    image: np.ndarray,
    sigma_w2: np.ndarray,
    sigma_b2: np.ndarray,
    channels: Sequence[int],
    phi: Callable[[np.ndarray], np.ndarray],
    recursion: np.ndarray,
    draws: int = DRAWS,
) -> Law:
    """From random networks, the same draws for every (σ_w², σ_b²).

    Args:
        image: [row, column] or [row, column, channel].
        sigma_w2, sigma_b2: [n].
        channels: of the L layers.
        phi: the activation.
        recursion: mean squared pre-activation with infinitely many channels, [n, L].

    Returns:
        arrays [n, L].
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = _draw(image, sigma_w2, sigma_b2, channels, phi, draws) / recursion
        log = np.log(ratio)
        mean = log.cumsum(-1) / np.arange(1, len(channels) + 1)
        return Law(ratio.std(0, ddof=1), log.mean(0), log.std(0, ddof=1), mean.std(0, ddof=1))


def _draw(image, sigma_w2, sigma_b2, channels, phi, draws: int) -> np.ndarray:
    """Mean squared pre-activations, [draw, n, L]."""
    x = np.asarray(image, float)
    x = x.reshape(*x.shape[:2], -1)
    w, b = (np.sqrt(np.asarray(a, float))[None, :, None, None, None] for a in (sigma_w2, sigma_b2))
    together = max(1, _BLOCK // (w.size * x.shape[0] * x.shape[1] * max(channels)))
    steps = strides(*x.shape[:2])
    found = np.empty((draws, w.size, len(channels)))
    for first in range(0, draws, together):
        some = range(first, min(first + together, draws))
        streams = [stream(0, "mean squared pre-activations", draw) for draw in some]
        state = np.broadcast_to(x, (len(some), w.size, *x.shape))
        for layer, number in enumerate(channels):
            seen = _patches(state, layer, steps)
            weight = np.stack([s.standard_normal((seen.shape[-1], number)) for s in streams])
            bias = np.stack([s.standard_normal(number) for s in streams])[:, None, None, None]
            product = seen.reshape(len(some), -1, seen.shape[-1]) @ weight
            z = w / math.sqrt(seen.shape[-1]) * product.reshape(*seen.shape[:-1], number) + b * bias
            found[first : some.stop, :, layer] = np.square(z).mean((2, 3, 4))
            state = phi(z)
    return found


def _patches(state: np.ndarray, layer: int, steps: Sequence[int]) -> np.ndarray:
    """What every pixel of a layer sees, 3 × 3 pixels of all channels: [..., row, column, 9·channel].

    The layers of the stem, in steps, with zeros beyond the border; one without padding, where the torus begins.
    """
    around, stride = ((0, 0), (0, 0), (1, 1), (1, 1), (0, 0)), 1
    if layer < len(steps):
        state, stride = np.pad(state, around), steps[layer]
    elif layer > len(steps):
        state = np.pad(state, around, mode="wrap")
    windows = np.lib.stride_tricks.sliding_window_view(state, (3, 3), axis=(2, 3))[:, :, ::stride, ::stride]
    return windows.reshape(*windows.shape[:4], -1)
