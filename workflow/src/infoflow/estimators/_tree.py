"""Samples in the order of a k-d tree, in leaves with bounding boxes: what is far apart need not be looked at.

The states of a leaf, one point per sample or several, are a tile [d, LEAF], so that a loop over its points, of a length
known to the compiler, vectorises and stays in the cache. The number of units is made even by zeros. Where there are
fewer points than there is room for, the rest is NaN, whose distance is not below anything.
"""

import numpy as np
from numba import njit

LEAF = 64
"""Points of a tile."""
EXACT_ENOUGH = {"contract", "reassoc", "nsz"}
"""Liberties of the compiler with sums and products; not that there be no NaN."""


@njit(cache=True, nogil=True)
def order(state, order, starts, size, resolution):
    """Bring each class into the order of a tree, in place; returns the leaves.

    Args:
        state: [N, d].
        order: inputs, class after class, int64 [N].
        starts: where each class begins in `order`, and N.
        size: samples of a leaf; the last one of a class may have fewer.
        resolution: nothing nearer than this, in all units, is worth to be told apart.

    Returns:
        Beginnings of the leaves, and N: int64 [L + 1]; class of each leaf [L].
    """
    samples, units = state.shape
    classes = len(starts) - 1
    leaves = 0
    for c in range(classes):
        leaves += (starts[c + 1] - starts[c] + size - 1) // size
    bounds, labels = np.empty(leaves + 1, np.int64), np.empty(leaves, np.int64)
    values, stack = np.empty(samples, np.float32), np.empty((64, 2), np.int64)
    low, high = np.empty(units, np.float32), np.empty(units, np.float32)
    leaf = 0
    for c in range(classes):
        for start in range(starts[c], starts[c + 1], size):
            bounds[leaf] = start
            labels[leaf] = c
            leaf += 1
        stack[0, 0], stack[0, 1] = starts[c], starts[c + 1]
        waiting = 1
        while waiting:
            waiting -= 1
            start, stop = stack[waiting, 0], stack[waiting, 1]
            if stop - start <= size:
                continue
            for u in range(units):
                low[u] = high[u] = state[order[start], u]
            for n in range(start + 1, stop):
                row = state[order[n]]
                for u in range(units):
                    low[u] = min(low[u], row[u])
                    high[u] = max(high[u], row[u])
            widest = 0
            for u in range(1, units):
                if high[u] - low[u] > high[widest] - low[widest]:
                    widest = u
            if high[widest] - low[widest] <= resolution:
                continue
            for n in range(start, stop):
                values[n] = state[order[n], widest]
            # all leaves but the last of a class are full
            middle = start + (stop - start + 2 * size - 1) // (2 * size) * size
            _select(values, order, start, stop - 1, middle)
            stack[waiting, 0], stack[waiting, 1] = start, middle
            stack[waiting + 1, 0], stack[waiting + 1, 1] = middle, stop
            waiting += 2
    bounds[leaves] = samples
    return bounds, labels


@njit(cache=True, nogil=True)
def _select(values, order, left, right, middle):
    """Hoare's selection: what is at `middle` and after is not below what comes before it."""
    while left < right:
        a, b, c = values[left], values[(left + right) // 2], values[right]
        pivot = max(min(a, b), min(max(a, b), c))
        i, j = left, right
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                order[i], order[j] = order[j], order[i]
                i += 1
                j -= 1
        if middle <= j:
            right = j
        elif middle >= i:
            left = i
        else:
            return


@njit(cache=True, nogil=True)
def fill(state, noise, order, bounds, size):
    """Put states [N, d] plus noise [m, N, d] into tiles.

    Returns:
        Tiles [L, d or d + 1, LEAF], in which draw r of sample c of a leaf is column r `size` + c; the first draws of
        all samples in order as rows, [N, d or d + 1], and three rows more.
    """
    samples, units = state.shape
    draws, leaves = len(noise), len(bounds) - 1
    tiles = np.empty((leaves, units + units % 2, LEAF), np.float32)
    rows = np.empty((samples + 3, tiles.shape[1]), np.float32)
    rows[samples:] = np.nan
    for leaf in range(leaves):
        tiles[leaf] = np.nan
        for c in range(bounds[leaf + 1] - bounds[leaf]):
            n = order[bounds[leaf] + c]
            for r in range(draws):
                column = r * size + c
                for u in range(units):
                    tiles[leaf, u, column] = state[n, u] + noise[r, n, u]
                if units % 2:
                    tiles[leaf, units, column] = 0
            for u in range(tiles.shape[1]):
                rows[bounds[leaf] + c, u] = tiles[leaf, u, c]
    return tiles, rows


@njit(cache=True, nogil=True)
def boxes(tiles):
    """Smallest and largest value of each unit in each leaf, [d, L] each."""
    leaves, units, _ = tiles.shape
    low, high = np.empty((units, leaves), np.float32), np.empty((units, leaves), np.float32)
    for leaf in range(leaves):
        for u in range(units):
            a = b = tiles[leaf, u, 0]
            for j in range(1, LEAF):
                value = tiles[leaf, u, j]
                a = value if value < a else a
                b = value if value > b else b
            low[u, leaf], high[u, leaf] = a, b
    return low, high


@njit(cache=True, nogil=True)
def gaps(low_a, high_a, low, high, out):
    """Squared distances of the box from `low_a` to `high_a` [d] from all boxes [d, L]."""
    out[:] = 0
    for u in range(len(low)):
        below, above, l, h = low_a[u], high_a[u], low[u], high[u]
        for b in range(len(out)):
            gap = max(max(l[b] - above, below - h[b]), np.float32(0))
            out[b] += gap * gap


@njit(cache=True, nogil=True, fastmath=EXACT_ENOUGH)
def squares(tiles, t, points, i, out):
    """Squared distances of the points i to i + 3 of [n, d] from those of tile t of [L, d, LEAF]: [4, LEAF]; d is even.

    Four points at a time, and two units: so what is loaded is used often enough for arithmetic to be the limit.
    """
    for u in range(0, tiles.shape[1], 2):
        p0, p1, p2, p3 = points[i, u], points[i + 1, u], points[i + 2, u], points[i + 3, u]
        q0, q1, q2, q3 = points[i, u + 1], points[i + 1, u + 1], points[i + 2, u + 1], points[i + 3, u + 1]
        if u == 0:
            for j in range(LEAF):
                a, b = tiles[t, u, j], tiles[t, u + 1, j]
                out[0, j] = (a - p0) * (a - p0) + (b - q0) * (b - q0)
                out[1, j] = (a - p1) * (a - p1) + (b - q1) * (b - q1)
                out[2, j] = (a - p2) * (a - p2) + (b - q2) * (b - q2)
                out[3, j] = (a - p3) * (a - p3) + (b - q3) * (b - q3)
        else:
            for j in range(LEAF):
                a, b = tiles[t, u, j], tiles[t, u + 1, j]
                out[0, j] += (a - p0) * (a - p0) + (b - q0) * (b - q0)
                out[1, j] += (a - p1) * (a - p1) + (b - q1) * (b - q1)
                out[2, j] += (a - p2) * (a - p2) + (b - q2) * (b - q2)
                out[3, j] += (a - p3) * (a - p3) + (b - q3) * (b - q3)
