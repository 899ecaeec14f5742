"""How much of the input is left in a reconstruction: entropies, explained variance, saturation depth.

Pure functions of arrays: they compute in float64, never modify their inputs, and work on any number of leading axes.
Images are vectors of P pixels on the last axis; S samples are on the axis before it. Entropies are in nats.
Source: arXiv:2406.12916; physics.md A3, A7.
"""

import numpy as np
from numpy.typing import ArrayLike

from infoflow.reconstruction.cases import NEVER_INFORMATIVE, NOT_SATURATED, SATURATED, UNKNOWN

OFFSET = 1e-12


def normalise(images: ArrayLike, offset: float = OFFSET) -> np.ndarray:
    """Images as probability vectors: shifted to a minimum of `offset`, divided by their sum. [..., P] -> [..., P]."""
    images = np.asarray(images, dtype=np.float64)
    shifted = images - images.min(axis=-1, keepdims=True) + offset
    return shifted / shifted.sum(axis=-1, keepdims=True)


def relative_entropy(reference: ArrayLike, reconstruction: ArrayLike, offset: float = OFFSET) -> np.ndarray:
    """D(reference ‖ reconstruction) of every sample in nats: [..., P] and [..., P] -> [...].

    Both are shifted to a minimum of `offset` and normalised first. It is zero for equal images and positive otherwise,
    but not monotone in information: the shift turns the noise of a poor reconstruction into structure (physics.md A7).
    """
    p, q = normalise(reference, offset), normalise(reconstruction, offset)
    return (p * (np.log(p) - np.log(q))).sum(axis=-1)


def differential_entropy(reconstructions: ArrayLike, offset: float = OFFSET) -> np.ndarray:
    """Gaussian differential entropy per pixel over the samples, in nats: [..., S, P] -> [...].

    H = mean over pixels of ½ ln(2πe) + ln std over samples (ddof 1), of the shifted and normalised images. It falls
    to the resolution of the number format, or to -inf, where the reconstructions of all inputs agree.

    Raises:
        ValueError: fewer than two samples.
    """
    images = normalise(reconstructions, offset)
    if images.shape[-2] < 2:
        raise ValueError("the differential entropy needs at least two samples")
    # As differences from the first sample: where all agree their spread is 0, not the rounding of a mean.
    images -= images[..., :1, :].copy()
    with np.errstate(divide="ignore"):
        return 0.5 * np.log(2 * np.pi * np.e) + np.log(images.std(axis=-2, ddof=1)).mean(axis=-1)


def explained_variance(reference: ArrayLike, reconstruction: ArrayLike) -> np.ndarray:
    """R² = 1 - E|x - C|² / E|x - x̄|², x̄ the mean sample: [..., S, P] and [..., S, P] -> [...].

    1 for a perfect reconstruction, 0 for one that always gives the mean image, negative for worse ones.

    Raises:
        ValueError: all reference samples are equal.
    """
    reference = np.asarray(reference, dtype=np.float64)
    error = np.square(reference - np.asarray(reconstruction, dtype=np.float64)).mean(axis=(-2, -1))
    variance = np.square(reference - reference.mean(axis=-2, keepdims=True)).mean(axis=(-2, -1))
    if not np.all(variance > 0):
        raise ValueError("the explained variance needs reference samples that differ")
    return 1 - error / variance


def saturation_depth(curve: ArrayLike, rtol: float = 0.005, atol: float = 1e-8) -> np.ndarray:
    """Depth at which a quantity stops changing with the layer: [..., L] -> [...].

    Counted as published: walking back from the last layer, the index (from 0) of the first value that differs from the
    last one by more than atol + rtol |last|; in other words, the number of layers before the last informative one.
    Where the published code returns L, whatever the reason, three cases are told apart; see `saturation_case`:

    - never informative (no value differs, from the first layer on): 0;
    - not saturated within the depth: NaN;
    - unknown, because a value is NaN: NaN.

    [5, 4, 3, 2, 1.003, 1, 1, 1] gives 3 at rtol 0.005 and 4 at rtol 0.001.
    """
    index, case = _saturation(curve, rtol, atol)
    return np.select([case == NEVER_INFORMATIVE, case == SATURATED], [0.0, index], np.nan)[()]


def saturation_case(curve: ArrayLike, rtol: float = 0.005, atol: float = 1e-8) -> np.ndarray:
    """Which of the cases (`cases`) `saturation_depth` met: [..., L] -> [...] of int8.

    A curve counts as saturated if at least a tenth of its values, and no fewer than two, agree with the last one:
    a curve that is still moving meets its own last value once or twice by chance. Of a curve with a NaN nothing is
    known; infinite values agree with each other, and with nothing else.
    """
    return _saturation(curve, rtol, atol)[1][()]


def _saturation(curve: ArrayLike, rtol: float, atol: float) -> tuple[np.ndarray, np.ndarray]:
    curve = np.asarray(curve, dtype=np.float64)
    layers = curve.shape[-1]
    last = curve[..., -1:]
    with np.errstate(invalid="ignore"):
        agrees = np.abs(curve - last) <= atol + rtol * np.abs(last)
    differs = ~np.where(np.isinf(last), curve == last, agrees)
    index = layers - 1 - np.argmax(differs[..., ::-1], axis=-1)
    plateau = layers - 1 - index
    saturated = plateau >= max(2, int(np.ceil(layers / 10)))
    case = np.select(
        [np.isnan(curve).any(axis=-1), ~differs.any(axis=-1), saturated],
        [UNKNOWN, NEVER_INFORMATIVE, SATURATED],
        NOT_SATURATED,
    )
    return index, case.astype(np.int8)
