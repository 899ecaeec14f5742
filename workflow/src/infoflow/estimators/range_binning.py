"""Bins of a fixed range: `bins` edges from `low` to `high`, of which a state makes one code word (physics.md D3 a).

A value below `low` has the bin 0, one between edges i-1 and i the bin i, one at or above `high` the bin `bins`: 30
edges over [-1, 1] are 29 intervals, and one more bin for what is saturated at 1. The published code moved values below
`low` into the last bin; tanh has none. Values far outside, as of ReLU, all fall into one bin: use
`layer_range_binning`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numba import njit

from infoflow.estimators._codes import information
from infoflow.estimators.estimate import Information


def estimate(
    states: np.ndarray, labels: np.ndarray, options: Mapping[str, Any], *, seed: int
) -> dict[str, Information]:
    """See `infoflow.estimators.estimate`; `options` are `bins`, `low` and `high`. Nothing is random."""
    edges = np.linspace(options["low"], options["high"], options["bins"])

    def digits(state: np.ndarray, out: np.ndarray) -> int:
        bins_of(state, edges, out)
        return len(edges) + 1

    return information(states, labels, digits)


@njit(cache=True, nogil=True)
def bins_of(state, edges, out):
    """How many of the edges, evenly spaced and rising, are not above each value of `state` [N, d]."""
    last = len(edges)
    low, high = edges[0], edges[last - 1]
    scale = (last - 1) / (high - low)
    for n in range(state.shape[0]):
        for unit in range(state.shape[1]):
            value = np.float64(state[n, unit])
            # A guess that rounding may have put one bin off: the edges decide.
            guess = np.int64(min(max((value - low) * scale, 0.0), last - 1.0))
            guess += 1
            if value < edges[guess - 1]:
                guess -= 1
            elif guess < last and value >= edges[guess]:
                guess += 1
            out[n, unit] = guess
