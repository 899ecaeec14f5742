"""Means of correlated samples with their integrated autocorrelation time and error.

The Γ method with automatic windowing: U. Wolff, Comput. Phys. Commun. 156, 143 (2004), arXiv:hep-lat/0306017.
"""

from dataclasses import dataclass

import numpy as np

from infoflow.errors import InfoflowError

WINDOW = 1.5
"""Ratio S of the exponential to the integrated autocorrelation time that the window is chosen for, as recommended."""


@dataclass(frozen=True)
class Estimate:
    """A mean over all samples of all replicas.

    Attributes:
        mean, error: the mean and its standard error.
        time: integrated autocorrelation time τ, in samples; ½ if they are independent.
        time_error: its standard error.
        window: samples over which the autocorrelation was summed.
    """

    mean: float
    error: float
    time: float
    time_error: float
    window: int


def estimate(samples: np.ndarray) -> Estimate:
    """Mean of a stationary series and its error.

    Args:
        samples: shape (replicas, samples) of independent chains, or (samples,) of one. A function of several means is
            estimated from its samples linearised around the means.

    Raises:
        InfoflowError: there are fewer than 16 samples per chain, or some are not finite.
    """
    samples = np.atleast_2d(np.asarray(samples, float))
    length = samples.shape[1]
    if length < 16:
        raise InfoflowError(f"samples: {length} per chain are too few to estimate an error from; at least 16")
    if not np.isfinite(samples).all():
        raise InfoflowError("samples: some are not finite")
    total = samples.size
    mean = samples.mean()
    gamma = _autocovariance(samples - mean)
    if gamma[0] <= 0:
        return Estimate(float(mean), 0.0, 0.5, 0.0, 0)
    window = _window(gamma, total)
    # the mean was taken from the samples themselves
    gamma = gamma + (gamma[0] + 2 * gamma[1 : window + 1].sum()) / total
    summed = gamma[0] + 2 * gamma[1 : window + 1].sum()
    time = summed / gamma[0] / 2
    return Estimate(
        mean=float(mean),
        error=float(np.sqrt(max(summed, 0.0) / total)),
        time=float(time),
        time_error=float(2 * time * np.sqrt(max(window + 0.5 - time, 0.0) / total)),
        window=int(window),
    )


def _autocovariance(deviations: np.ndarray) -> np.ndarray:
    """Γ(t) over all chains, for t up to half a chain."""
    chains, length = deviations.shape
    size = 1 << (2 * length - 1).bit_length()
    spectrum = np.fft.rfft(deviations, size, axis=1)
    summed = np.fft.irfft(np.abs(spectrum) ** 2, size, axis=1)[:, : length // 2].sum(0)
    return summed / (chains * (length - np.arange(length // 2)))


def _window(gamma: np.ndarray, total: int) -> int:
    """Where the truncation bias falls below the noise."""
    times = 0.5 + np.cumsum(gamma[1:]) / gamma[0]
    # an integrated time of ½ or less: no correlation to speak of
    decay = np.full(times.shape, 1e-12)
    correlated = times > 0.5
    decay[correlated] = WINDOW / np.log((2 * times[correlated] + 1) / (2 * times[correlated] - 1))
    lags = np.arange(1, len(gamma))
    noise = np.exp(-lags / decay) - decay / np.sqrt(lags * total)
    below = np.flatnonzero(noise < 0)
    return int(lags[below[0]]) if below.size else len(gamma) - 1
