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

DRAWS, FEWEST = 200, 20
"""Networks: a standard deviation is known to 5 %, a mean to 7 % of it; of large ones at least 20, to 16 and 22 %."""
WORK = 3e11
"""Products, above which fewer networks are drawn: ten seconds or so."""
POINTS = 12
"""Values of σ_w² for each σ_b² at which networks are drawn; between them the law is interpolated."""
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
    draws: int | None = None,
) -> Law:
    """From random networks, the same draws for every (σ_w², σ_b²); at `POINTS` of many σ_w², and lines between them.

    Args:
        image: [row, column] or [row, column, channel].
        sigma_w2, sigma_b2: [n].
        channels: of the L layers.
        phi: the activation.
        recursion: mean squared pre-activation with infinitely many channels, [n, L].
        draws: number of networks; by default `DRAWS`, and fewer of large ones, see `WORK`.

    Returns:
        arrays [n, L].
    """
    sigma_w2, sigma_b2 = (np.asarray(a, float) for a in (sigma_w2, sigma_b2))
    x = np.asarray(image, float)
    x = x.reshape(*x.shape[:2], -1)
    chosen = _choose(sigma_w2, sigma_b2)
    if draws is None:
        draws = int(np.clip(WORK / (len(chosen) * _products(x, channels)), FEWEST, DRAWS))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = _draw(x, sigma_w2[chosen], sigma_b2[chosen], channels, phi, draws) / recursion[chosen]
        log = np.log(ratio)
        mean = log.cumsum(-1) / np.arange(1, len(channels) + 1)
        found = (ratio.std(0, ddof=1), log.mean(0), log.std(0, ddof=1), mean.std(0, ddof=1))
    return Law(*(_between(values, chosen, sigma_w2, sigma_b2) for values in found))


def _choose(sigma_w2: np.ndarray, sigma_b2: np.ndarray) -> np.ndarray:
    """Numbers of the points at which networks are drawn: of every σ_b² `POINTS` of its σ_w², evenly by their order."""
    chosen = []
    for b in np.unique(sigma_b2):
        own = np.flatnonzero(sigma_b2 == b)
        own = own[np.argsort(sigma_w2[own], kind="stable")]
        chosen.append(own[np.unique(np.linspace(0, len(own) - 1, min(len(own), POINTS)).round().astype(int))])
    return np.sort(np.concatenate(chosen))


def _between(values: np.ndarray, chosen: np.ndarray, sigma_w2: np.ndarray, sigma_b2: np.ndarray) -> np.ndarray:
    """At all points [n, L] what is known [chosen, L] at some, linear in σ_w²."""
    found = np.empty((len(sigma_w2), values.shape[1]))
    for b in np.unique(sigma_b2):
        known, own = np.flatnonzero(sigma_b2[chosen] == b), np.flatnonzero(sigma_b2 == b)
        known = known[np.argsort(sigma_w2[chosen[known]], kind="stable")]
        for layer in range(values.shape[1]):
            found[own, layer] = np.interp(sigma_w2[own], sigma_w2[chosen[known]], values[known, layer])
    return found


def _products(x: np.ndarray, channels: Sequence[int]) -> float:
    """Of one network at one point."""
    rows, columns, before = x.shape
    steps, found = strides(rows, columns), 0.0
    for layer, number in enumerate(channels):
        if layer < len(steps):
            rows, columns = (math.ceil(side / steps[layer]) for side in (rows, columns))
        elif layer == len(steps):
            rows, columns = rows - 2, columns - 2
        found += 9.0 * before * number * rows * columns
        before = number
    return found


def _draw(x: np.ndarray, sigma_w2, sigma_b2, channels, phi, draws: int) -> np.ndarray:
    """Mean squared pre-activations, [draw, n, L]."""
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
