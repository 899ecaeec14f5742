"""Bins from the smallest to the largest value in a layer, of each network and epoch for itself (physics.md D3 a).

For units without a range of their own, like ReLU. `bins` edges as in `range_binning`; the largest value has a bin of
its own. A layer in which nothing varies has no information.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from infoflow.estimators._codes import information
from infoflow.estimators.estimate import Information
from infoflow.estimators.range_binning import bins_of


def estimate(
    states: np.ndarray, labels: np.ndarray, options: Mapping[str, Any], *, seed: int
) -> dict[str, Information]:
    """See `infoflow.estimators.estimate`; the option is `bins`. Nothing is random."""

    def digits(state: np.ndarray, out: np.ndarray) -> int:
        low, high = float(state.min()), float(state.max())
        if low == high:
            out[...] = 0
            return 1
        bins_of(state, np.linspace(low, high, options["bins"]), out)
        return options["bins"] + 1

    return information(states, labels, digits)
