"""Bounds on the information of T + N(0, s² 1) from a kernel density of the states (physics.md D3 c).

The noisy T is a mixture of N Gaussians of equal weight. With pairwise distances D its entropy lies between
H(T|X) - ⟨ln ⟨exp -D⟩_j⟩_i for the Bhattacharyya distance |t_i - t_j|²/8s² and for the relative entropy
|t_i - t_j|²/2s² (A. Kolchinsky and B. D. Tracey, Entropy 19, 361, 2017). So `lower` and `upper` of I(X;T) are bounds of
the information of the mixture. I(T;Y) is the difference of the bounds of H(T) and of H(T|Y), as published: an
estimate, no bound. With S_i = Σ_j exp -D_ij over all inputs and s_i over those N_i of the class of i,

    I(X;T) = log2 N - ⟨log2 S_i⟩,   I(T;Y) = H(Y) + ⟨log2 s_i / S_i⟩.

From 1 <= s_i <= S_i, S_i <= N and s_i <= N_i follow 0 <= I(X;T) <= log2 N, I(T;Y) <= H(Y) and I(T;Y) <= I(X;T). The
larger kernel of the lower bound gives the larger S_i, so `lower` <= `upper` for I(X;T). Two things do not follow, and
minimising over places and numbers of states found exceptions, which the tests have: I(T;Y) down to -0.002 bit, for
states are mixed with weights of the density where they are, not where noise takes them; what is below 0 is cut off.
And `lower` above `upper` for I(T;Y), by up to 0.016 bit.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from infoflow.estimators._pairs import mean_logarithms
from infoflow.estimators._states import check_states, classes, over_states
from infoflow.estimators.estimate import Information

OUTPUTS = ("upper", "lower")


def estimate(
    states: np.ndarray, labels: np.ndarray, options: Mapping[str, Any], *, seed: int
) -> dict[str, Information]:
    """See `infoflow.estimators.estimate`; the option is `noise_variance` s². Nothing is random."""
    check_states(states, labels)
    y, counts = classes(labels)
    by_class, starts = np.argsort(y, kind="stable"), np.concatenate([[0], np.cumsum(counts)])
    samples, count = len(y), len(states)
    means = np.empty((count, 4))

    def one(k: int) -> None:
        mean_logarithms(states[k], by_class.copy(), starts, 1 / (8 * options["noise_variance"]), means[k])

    over_states(count, one)
    h = np.log2(samples) - counts @ np.log2(counts) / samples
    return {
        name: Information(
            np.log2(samples) - means[:, column], np.maximum(h + means[:, column + 1] - means[:, column], 0)
        )
        for name, column in (("upper", 0), ("lower", 2))
    }
