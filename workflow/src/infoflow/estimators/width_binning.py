"""Bins of a fixed width, without an end: floor(t / width) of every unit, in float64 (physics.md D3 b)."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from infoflow.estimators._codes import information
from infoflow.estimators.estimate import Information

LARGEST_ALPHABET = 2**40


def estimate(
    states: np.ndarray, labels: np.ndarray, options: Mapping[str, Any], *, seed: int
) -> dict[str, Information]:
    """See `infoflow.estimators.estimate`; the option is `width`. Nothing is random."""
    width = float(options["width"])

    def digits(state: np.ndarray, out: np.ndarray) -> int:
        floors = np.floor(state / np.float64(width))
        low, high = floors.min(), floors.max()
        if high - low < LARGEST_ALPHABET:
            np.subtract(floors, low, out=out, casting="unsafe")
            return int(high - low) + 1
        # Too many bins to count: only which of them are equal matters.
        distinct, numbers = np.unique(floors, return_inverse=True)
        out[...] = numbers.reshape(out.shape)
        return len(distinct)

    return information(states, labels, digits)
