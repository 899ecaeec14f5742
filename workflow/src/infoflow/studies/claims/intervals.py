"""A value with what is known of its error, and the ways to it."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy  # scipy.stats is imported when it is used
from numpy.typing import ArrayLike

from infoflow.streams import stream
from infoflow.verdict.resampling import LEVEL, interval

RESAMPLES = 500
ROUNDING, SINGLE = 1e-9, 1e-6
"""Relative errors of what is computed exactly, and of what cubes store in single precision."""


class Interval(NamedTuple):
    """A value and its bounds; arrays of several components have one each."""

    value: ArrayLike
    low: ArrayLike
    high: ArrayLike


class Untested(Exception):
    """Why a quantity cannot be computed from a cube."""


def exact(value: ArrayLike, rounding: float = ROUNDING, resolution: ArrayLike = 0.0) -> Interval:
    """What has no error but rounding and, of what lies on a grid, the distance to the neighbours."""
    value = np.asarray(value, float)
    error = rounding * np.maximum(1, np.abs(np.where(np.isfinite(value), value, 0))) + resolution
    return Interval(value, value - error, value + error)


def spread(values: ArrayLike) -> Interval:
    """Median, least and largest of values that a statement is about all of; NaN are left out."""
    known = np.asarray(values, float)
    known = known[~np.isnan(known)]
    if not known.size:
        raise Untested("nothing of it is known")
    return Interval(np.median(known), known.min(), known.max())


def over_replicas(values: ArrayLike) -> Interval:
    """Mean over the last axis with Student's interval.

    Raises:
        Untested: there is only one replica.
    """
    values = np.asarray(values, float)
    count = values.shape[-1]
    if count < 2:
        raise Untested("one replica has no error")
    mean = values.mean(-1)
    reach = scipy.stats.t.ppf((1 + LEVEL) / 2, count - 1) * values.std(-1, ddof=1) / np.sqrt(count)
    error = np.maximum(reach, SINGLE * np.maximum(1, np.abs(mean)))
    return Interval(mean, mean - error, mean + error)


def resampled(statistic: Callable[..., float], *columns: np.ndarray) -> Interval:
    """A statistic of arrays with the same first axis, which is drawn with replacement for the interval."""
    count, generator = len(columns[0]), stream(0, "claims")
    if count < 3:
        raise Untested("too few columns")
    draws = (generator.integers(count, size=count) for _ in range(RESAMPLES))
    low, high = interval(np.array([statistic(*(c[drawn] for c in columns)) for drawn in draws]))
    return Interval(statistic(*columns), float(low), float(high))
