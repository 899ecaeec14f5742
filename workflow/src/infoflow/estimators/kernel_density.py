"""Bounds on the information of T + N(0, s² 1) from a kernel density of the states (PHYSICS D3 c).

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
from numba import njit

from infoflow.estimators import Information
from infoflow.estimators._states import check_states, classes, over_states
from infoflow.estimators._tree import EXACT_ENOUGH, LEAF, boxes, fill, gaps, order, squares

CUT = 21.0
"""exp -D below exp -CUT, for the Bhattacharyya distance, is left out: at most 1e-5 bit for N = 10,000. The fourth power
of it, the kernel of the upper bound, is hardly larger than the smallest normal number of float32."""


def estimate(
    states: np.ndarray, labels: np.ndarray, options: Mapping[str, Any], *, seed: int
) -> dict[str, Information]:
    """See the package; the option is `noise_variance` s². Nothing is random."""
    check_states(states, labels)
    y, counts = classes(labels)
    by_class, starts = np.argsort(y, kind="stable"), np.concatenate([[0], np.cumsum(counts)])
    samples, count = len(y), len(states)
    means = np.empty((count, 4))

    def one(k: int) -> None:
        _mean_logarithms(states[k], by_class.copy(), starts, 1 / (8 * options["noise_variance"]), means[k])

    over_states(count, one)
    h = np.log2(samples) - counts @ np.log2(counts) / samples
    return {
        name: Information(
            np.log2(samples) - means[:, column], np.maximum(h + means[:, column + 1] - means[:, column], 0)
        )
        for name, column in (("upper", 0), ("lower", 2))
    }


@njit(cache=True, nogil=True, fastmath=EXACT_ENOUGH)
def _mean_logarithms(state, by_class, starts, scale, out):
    """⟨log2 S_i⟩ and ⟨log2 s_i⟩ of the upper and of the lower bound; `scale` is 1/8s²."""
    samples, units = state.shape
    reach = np.float32(CUT / scale)
    # what is much nearer than the reach is not told apart by boxes
    bounds, labels = order(state, by_class, starts, LEAF, np.float32(0.25 * np.sqrt(reach / units)))
    leaves = len(labels)
    tiles, rows = fill(state, np.zeros((1, samples, units), np.float32), by_class, bounds, LEAF)
    low, high = boxes(tiles)
    low_of, high_of = low.T.copy(), high.T.copy()
    # sums of the kernels over the inputs of the same class, and over those of other classes
    sums = np.zeros((2, leaves, 2, LEAF))
    gap = np.empty(leaves, np.float32)
    buffer, columns = np.empty((4, LEAF), np.float32), np.empty((2, LEAF), np.float32)
    own = np.empty((LEAF, rows.shape[1]), np.float32)
    for a in range(leaves):
        gaps(low_of[a], high_of[a], low, high, gap)
        count = bounds[a + 1] - bounds[a]
        own[:count] = rows[bounds[a] : bounds[a + 1]]
        own[count:] = np.nan  # four at a time: not those of the next leaf
        for b in range(a, leaves):
            if gap[b] < reach:
                which = sums[0 if labels[a] == labels[b] else 1]
                _add_pairs(tiles, own, a, b, count, scale, gap[b] > 0, buffer, columns, which)
    out[:] = 0
    for leaf in range(leaves):
        for j in range(bounds[leaf + 1] - bounds[leaf]):
            for bound in range(2):
                same = sums[0, leaf, bound, j]
                out[2 * bound] += np.log2(same + sums[1, leaf, bound, j])
                out[2 * bound + 1] += np.log2(same)
    out /= samples


@njit(cache=True, nogil=True, fastmath=EXACT_ENOUGH, inline="always")
def _kernel(square, step):
    """exp -D, cut off, for the squared distance and `step` = 1/(8s² 32).

    A polynomial for exp -D/32, fitted in the maximum norm, exact at 0; good to 6e-6 in all.
    """
    t = square * step
    p = np.float32(0.00601595) * t - np.float32(0.04004934)
    p = p * t + np.float32(0.16613462)
    p = p * t - np.float32(0.49992183)
    p = p * t + np.float32(0.99999618)
    p = np.float32(1) - p * t
    p *= p
    p *= p
    p *= p
    p *= p
    p *= p
    return p if t < np.float32(CUT / 32) else np.float32(0)


@njit(cache=True, nogil=True, fastmath=EXACT_ENOUGH)
def _add_pairs(tiles, own, a, b, count, scale, apart, buffer, columns, sums):
    """Add the kernels of all pairs of the leaves a and b to the sums of both [L, 2, LEAF].

    Leaf a has `count` samples, the first of the rows `own`. Where a is b each pair comes up twice by itself. If the
    boxes are `apart`, it is worth a look whether anything is near.
    """
    step, reach = np.float32(scale / 32), np.float32(CUT / scale)
    for j in range(LEAF):
        columns[0, j] = columns[1, j] = 0
    for i in range(0, count, 4):
        squares(tiles, b, own, i, buffer)
        if apart:
            near = np.int32(0)
            for j in range(LEAF):
                near += np.int32(buffer[0, j] < reach) | np.int32(buffer[1, j] < reach)
                near += np.int32(buffer[2, j] < reach) | np.int32(buffer[3, j] < reach)
            if near == 0:
                continue
        for r in range(0, 4, 2):
            u0, u1, l0, l1 = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
            for j in range(LEAF):
                k0, k1 = _kernel(buffer[r, j], step), _kernel(buffer[r + 1, j], step)
                l0 += k0
                l1 += k1
                columns[1, j] += k0 + k1
                k0, k1 = k0 * k0, k1 * k1
                k0, k1 = k0 * k0, k1 * k1
                u0 += k0
                u1 += k1
                columns[0, j] += k0 + k1
            sums[a, 0, i + r] += u0
            sums[a, 0, i + r + 1] += u1
            sums[a, 1, i + r] += l0
            sums[a, 1, i + r + 1] += l1
    if a != b:
        for j in range(LEAF):
            sums[b, 0, j] += columns[0, j]
            sums[b, 1, j] += columns[1, j]
