"""Information of T + N(0, s² 1) from distances of nearest neighbours (PHYSICS D3 d).

The estimator of B. C. Ross (PLOS ONE 9, e87357, 2014), of the family of Kraskov, Stögbauer and Grassberger, for the
information between a discrete variable and a continuous one of any dimension:

    I = ψ(n) + ⟨ψ(k_i)⟩ - ⟨ψ(n_i)⟩ - ⟨ψ(m_i)⟩

for n points, n_i of which have the discrete value of point i; r_i is the distance of the k-th nearest of those, and k_i
of those and m_i of all other points are within r_i. k_i is k, unless states are so large that noise is lost in rounding
and distances are equal, or 0.

The points are `draws` m points of noise around the state of each of the N inputs, n = N m, and the averages are over
the first of each input. The discrete variable is the input itself for I(X;T), its class for I(T;Y). With one draw for
each input, as for samples of an unknown density, I(T;Y) would be blind to noise: where it is small against the
distances of states, the nearest neighbours would tell of the layout of classes instead.

Both have sampling errors, I(X;T) also a bias of up to ψ(N m) - ψ(m) - ln N ≈ 1/2m nat where all states are well apart;
so they may leave the bounds that hold for information, and are cut off there. The noise is the same for all networks
and epochs.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numba import njit
from scipy.special import digamma

from infoflow.estimators import Information, entropy
from infoflow.estimators._states import check_states, classes, over_states
from infoflow.estimators._tree import LEAF, boxes, fill, gaps, order, squares
from infoflow.initialization import generator

SLACK = 1 + 1e-6
"""Squared distances that differ by less are equal: rounding depends on how a loop is vectorised."""


def estimate(
    states: np.ndarray, labels: np.ndarray, options: Mapping[str, Any], *, seed: int
) -> dict[str, Information]:
    """See the package; options are `neighbours` k, `noise_variance` s² and `draws` m > k."""
    check_states(states, labels)
    y, counts = classes(labels)
    count, samples, units = states.shape
    neighbours, draws = options["neighbours"], options["draws"]
    by_class, starts = np.argsort(y, kind="stable"), np.concatenate([[0], np.cumsum(counts)])
    stream = generator(seed, "nearest neighbours noise")
    noise = torch.randn(draws, samples, units, generator=stream).mul_(options["noise_variance"] ** 0.5).numpy()
    psi = np.concatenate([[0.0], digamma(np.arange(1, samples * draws + 1))])
    of_pairs = counts @ psi[counts * draws] / samples
    most = np.log2(samples), entropy(labels)
    found = Information(np.empty(count), np.empty(count))

    def one(k: int) -> None:
        of_input, of_label = _mean_digammas(states[k], noise, by_class.copy(), starts, neighbours, psi)
        found.input[k] = np.clip((psi[-1] - psi[draws] + of_input) / np.log(2), 0, most[0])
        found.label[k] = np.clip((psi[-1] - of_pairs + of_label) / np.log(2), 0, min(most[1], found.input[k]))

    over_states(count, one)
    return {"": found}


@njit(cache=True, nogil=True)
def _mean_digammas(state, noise, by_class, starts, neighbours, psi):
    """⟨ψ(k_i)⟩ - ⟨ψ(m_i)⟩ for the inputs, and for the labels."""
    samples, units = state.shape
    draws = len(noise)
    size = LEAF // draws
    bounds, labels = order(state, by_class, starts, size, np.float32(0))
    leaves = len(labels)
    tiles, rows = fill(state, noise, by_class, bounds, size)
    low, high = boxes(tiles)
    gap, near, buffer = np.empty(leaves, np.float32), np.empty(leaves, np.int64), np.empty((4, LEAF), np.float32)
    lowest, highest = np.empty(rows.shape[1], np.float32), np.empty(rows.shape[1], np.float32)
    own, nearest = np.empty(draws - 1, np.float32), np.empty((4, neighbours), np.float32)
    # of four points: squared radii for input and label, points within them
    radius, reach = np.empty(4, np.float32), np.empty(4, np.float32)
    alike, within = np.empty(4, np.int64), np.empty(4, np.int64)
    same, found = np.empty(4, np.int64), np.empty(4, np.int64)
    of_input, of_label = 0.0, 0.0
    for label in range(len(starts) - 1):
        offset = np.searchsorted(labels, label)
        for first in range(starts[label], starts[label + 1], 4):
            points = min(4, starts[label + 1] - first)
            radius[:] = -1
            for r in range(points):
                leaf, column = offset + (first + r - starts[label]) // size, (first + r - starts[label]) % size
                for m in range(draws - 1):
                    own[m] = 0
                    for u in range(units):
                        own[m] += (tiles[leaf, u, (m + 1) * size + column] - rows[first + r, u]) ** 2
                nearest[r] = np.inf
                _insert(own, draws - 1, -1, nearest[r])
                radius[r] = nearest[r, neighbours - 1] * np.float32(SLACK)
                alike[r] = 0
                for m in range(draws - 1):
                    alike[r] += own[m] <= radius[r]
                nearest[r] = radius[r]
            limit = radius.max()
            for u in range(rows.shape[1]):
                lowest[u] = highest[u] = rows[first, u]
                for r in range(1, points):
                    lowest[u], highest[u] = min(lowest[u], rows[first + r, u]), max(highest[u], rows[first + r, u])
            gaps(lowest, highest, low, high, gap)
            count = 0
            for b in range(leaves):
                near[count] = b
                count += gap[b] <= limit

            within[:] = -1  # itself
            for b in near[:count]:
                if labels[b] == label:
                    squares(tiles, b, rows, first, buffer)
                    found[:] = 0
                    for r in range(4):
                        reach[r] = nearest[r, neighbours - 1]
                    _count(buffer, radius, reach, within, found)
                    for r in range(points):
                        if found[r]:
                            column = first + r - bounds[b]
                            itself = column if 0 <= column < bounds[b + 1] - bounds[b] else -1
                            _insert(buffer[r], LEAF, itself, nearest[r])
            for r in range(4):
                # Where noise is lost, all that is equal is a neighbour.
                same[r] = within[r] if radius[r] == 0 else neighbours
                reach[r] = nearest[r, neighbours - 1] * np.float32(SLACK)
            found[:] = same
            for b in near[:count]:
                if labels[b] != label:
                    squares(tiles, b, rows, first, buffer)
                    _count(buffer, radius, reach, within, found)
            for r in range(points):
                of_input += psi[alike[r]] - psi[within[r]]
                of_label += psi[same[r]] - psi[found[r]]
    return of_input / samples, of_label / samples


@njit(cache=True, nogil=True)
def _count(distances, radius, reach, within, found):
    """Add how many of the distances [4, LEAF] are not above the radii to `within`, not above the reach to `found`."""
    a, b, c, d = radius[0], radius[1], radius[2], radius[3]
    e, f, g, h = reach[0], reach[1], reach[2], reach[3]
    w0, w1, w2, w3 = np.int32(0), np.int32(0), np.int32(0), np.int32(0)
    f0, f1, f2, f3 = np.int32(0), np.int32(0), np.int32(0), np.int32(0)
    for j in range(LEAF):
        w0 += np.int32(distances[0, j] <= a)
        w1 += np.int32(distances[1, j] <= b)
        w2 += np.int32(distances[2, j] <= c)
        w3 += np.int32(distances[3, j] <= d)
        f0 += np.int32(distances[0, j] <= e)
        f1 += np.int32(distances[1, j] <= f)
        f2 += np.int32(distances[2, j] <= g)
        f3 += np.int32(distances[3, j] <= h)
    within[0] += w0
    within[1] += w1
    within[2] += w2
    within[3] += w3
    found[0] += f0
    found[1] += f1
    found[2] += f2
    found[3] += f3


@njit(cache=True, nogil=True)
def _insert(distances, count, itself, nearest):
    """Keep the smallest of `nearest`, in order, and of the first `count` distances but that to itself."""
    k = len(nearest)
    for j in range(count):
        distance = distances[j]
        if distance < nearest[k - 1] and j != itself:
            position = k - 1
            while position and nearest[position - 1] > distance:
                nearest[position] = nearest[position - 1]
                position -= 1
            nearest[position] = distance
