"""Sums over all pairs of the states of a layer, without those that are too far apart to matter.

Samples are in the order of a k-d tree, in leaves with bounding boxes: what is far apart need not be looked at. The
points of a leaf, one per sample or several, are a tile [d, LEAF], so that a loop over them, of a length known to the
compiler, vectorises and stays in the cache. The number of units is made even by zeros. Where there are fewer points
than there is room for, the rest is NaN, whose distance is not below anything.

All of it is one module, for numba takes what it compiled before from its cache as long as the file of the function is
the same, whatever happened to the functions that it calls.
"""

import numpy as np
from numba import njit

LEAF = 64
"""Points of a tile."""
EXACT_ENOUGH = {"contract", "reassoc", "nsz"}
"""Liberties of the compiler with sums and products; not that there be no NaN."""
CUT = 21.0
"""exp -D below exp -CUT, for the Bhattacharyya distance, is left out: at most 1e-5 bit for N = 10,000. The fourth power
of it, the kernel of the upper bound, is hardly larger than the smallest normal number of float32."""
SLACK = 1 + 1e-6
"""Squared distances that differ by less are equal: rounding depends on how a loop is vectorised."""


@njit(cache=True, nogil=True)
def _partition(state, order, starts, size, resolution):
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
def _fill(state, noise, order, bounds, size):
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
def _boxes(tiles):
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
def _gaps(low_a, high_a, low, high, out):
    """Squared distances of the box from `low_a` to `high_a` [d] from all boxes [d, L]."""
    out[:] = 0
    for u in range(len(low)):
        below, above, l, h = low_a[u], high_a[u], low[u], high[u]
        for b in range(len(out)):
            gap = max(max(l[b] - above, below - h[b]), np.float32(0))
            out[b] += gap * gap


@njit(cache=True, nogil=True)
def _any_within(distances, limit):
    near = np.int32(0)
    for j in range(LEAF):
        near += np.int32(distances[0, j] <= limit) | np.int32(distances[1, j] <= limit)
        near += np.int32(distances[2, j] <= limit) | np.int32(distances[3, j] <= limit)
    return near > 0


@njit(cache=True, nogil=True, fastmath=EXACT_ENOUGH)
def _squares(tiles, t, points, i, limit, out):
    """Squared distances of the points i to i + 3 of [n, d] from those of tile t of [L, d, LEAF]: [4, LEAF]; d is even.

    Four points at a time, and two units: so what is loaded is used often enough for arithmetic to be the limit.

    Returns:
        Whether any may be within the limit; if not, not all units have been looked at.
    """
    for u in range(0, tiles.shape[1], 2):
        if u and u % 16 == 0 and not _any_within(out, limit):
            return False
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
    return True


@njit(cache=True, nogil=True, fastmath=EXACT_ENOUGH)
def mean_logarithms(state, by_class, starts, scale, out):
    """⟨log2 S_i⟩ and ⟨log2 s_i⟩ of the upper and of the lower bound; `scale` is 1/8s²."""
    samples, units = state.shape
    reach = np.float32(CUT / scale)
    # what is much nearer than the reach is not told apart by boxes
    bounds, labels = _partition(state, by_class, starts, LEAF, np.float32(0.25 * np.sqrt(reach / units)))
    leaves = len(labels)
    tiles, rows = _fill(state, np.zeros((1, samples, units), np.float32), by_class, bounds, LEAF)
    low, high = _boxes(tiles)
    low_of, high_of = low.T.copy(), high.T.copy()
    # sums of the kernels over the inputs of the same class, and over those of other classes
    sums = np.zeros((2, leaves, 2, LEAF))
    gap = np.empty(leaves, np.float32)
    buffer, columns = np.empty((4, LEAF), np.float32), np.empty((2, LEAF), np.float32)
    own = np.empty((LEAF, rows.shape[1]), np.float32)
    for a in range(leaves):
        _gaps(low_of[a], high_of[a], low, high, gap)
        count = bounds[a + 1] - bounds[a]
        own[:count] = rows[bounds[a] : bounds[a + 1]]
        own[count:] = np.nan  # four at a time: not those of the next leaf
        for b in range(a, leaves):
            if gap[b] < reach:
                which = sums[0 if labels[a] == labels[b] else 1]
                _add_pairs(tiles, own, count, (a, b), scale, gap[b] > 0, (buffer, columns), which)
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
def _add_pairs(tiles, own, count, leaves, scale, apart, scratch, sums):
    """Add the kernels of all pairs of two leaves to the sums of both [L, 2, LEAF].

    The first one has `count` samples, the first of the rows `own`. Where both are one each pair comes up twice by
    itself. If the boxes are `apart`, it is worth a look whether anything is near. `scratch` is overwritten: [4, LEAF]
    and [2, LEAF].
    """
    (a, b), (buffer, columns) = leaves, scratch
    step, reach = np.float32(scale / 32), np.float32(CUT / scale)
    for j in range(LEAF):
        columns[0, j] = columns[1, j] = 0
    for i in range(0, count, 4):
        if not _squares(tiles, b, own, i, reach, buffer) or (apart and not _any_within(buffer, reach)):
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


@njit(cache=True, nogil=True)
def mean_digammas(state, noise, by_class, starts, neighbours, psi):
    """⟨ψ(k_i)⟩ - ⟨ψ(m_i)⟩ for the inputs, and for the labels."""
    samples, units = state.shape
    draws = len(noise)
    size = LEAF // draws
    bounds, labels = _partition(state, by_class, starts, size, np.float32(0))
    leaves = len(labels)
    tiles, rows = _fill(state, noise, by_class, bounds, size)
    low, high = _boxes(tiles)
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
            _gaps(lowest, highest, low, high, gap)
            count = 0
            for b in range(leaves):
                near[count] = b
                count += gap[b] <= limit

            within[:] = -1  # itself
            for b in near[:count]:
                if labels[b] == label and _squares(tiles, b, rows, first, limit, buffer):
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
                if labels[b] != label and _squares(tiles, b, rows, first, limit, buffer):
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
