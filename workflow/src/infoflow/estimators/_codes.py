"""Information of a layer whose states are digits: vectors of bins, equal or not (physics.md D3 a, b).

H(T) - H(T|X) = H(T), for T is a function of X; and I(T;Y) = H(T) - Σ_y p(y) H(T|y).
"""

from collections.abc import Callable

import numpy as np
from numba import njit

from infoflow.estimators._states import check_states, classes, over_states
from infoflow.estimators.estimate import Information

LARGEST_KEY = 2**62


def information(
    states: np.ndarray, labels: np.ndarray, digits: Callable[[np.ndarray, np.ndarray], int]
) -> dict[str, Information]:
    """Both informations of the code words of all states.

    Args:
        states, labels: see `infoflow.estimators.estimate`.
        digits: `digits(state, out)` writes the digits of a state [N, d] to `out`, int64 [N, d], from 0 on, and returns
            how many there are.
    """
    check_states(states, labels)
    y, counts = classes(labels)
    # c log2 c, of which all entropies are made: H(T) = log2 N - Σ_t c log2 c / N
    terms = np.arange(len(y) + 1, dtype=np.float64)
    terms[1:] *= np.log2(terms[1:])
    label_entropy = (terms[-1] - terms[counts].sum()) / len(y)
    found = Information(np.empty(len(states)), np.empty(len(states)))

    def one(k: int) -> None:
        out = np.empty(states.shape[1:], np.int64)
        alphabet = digits(states[k], out)
        found.input[k], lost = _entropies(out, alphabet, y, len(counts), terms)
        # H(Y) - H(Y|T): exactly H(Y) where each code word belongs to one class
        found.label[k] = label_entropy - lost

    over_states(len(states), one)
    return {"": found}


@njit(cache=True, nogil=True)
def _number(keys, size, slots, ids):
    """Number the distinct keys in the order in which they come: the number of each to `ids`; returns how many.

    Open addressing; keys are compared in full, so that unequal ones never fall together. `slots` holds 2^`size`
    numbers, at least twice as many as there are keys.
    """
    slots[:] = -1
    mask, shift = np.int64(len(slots) - 1), np.uint64(64 - size)
    distinct = np.empty(len(keys), np.int64)
    count = 0
    for n in range(len(keys)):
        key = keys[n]
        mixed = np.uint64(key)
        mixed = (mixed ^ (mixed >> np.uint64(32))) * np.uint64(0x9E3779B97F4A7C15)
        slot = np.int64(mixed >> shift)
        while True:
            number = slots[slot]
            if number < 0:
                slots[slot] = count
                distinct[count] = key
                ids[n] = count
                count += 1
                break
            if distinct[number] == key:
                ids[n] = number
                break
            slot = (slot + 1) & mask
    return count


@njit(cache=True, nogil=True)
def _sum_of_terms(ids, count, terms):
    occurrences = np.zeros(count, np.int64)
    for n in range(len(ids)):
        occurrences[ids[n]] += 1
    total = 0.0
    for i in range(count):
        total += terms[occurrences[i]]
    return total


@njit(cache=True, nogil=True)
def _entropies(digits, alphabet, labels, classes, terms):
    """H(T) and H(Y|T) of code words [N, d] whose digits are below `alphabet`.

    As many digits as an integer holds make a key, keys get numbers, and the number is the first digit of the next key:
    exact for any number of units, and one pass for the small layers.
    """
    samples, units = digits.shape
    size = 2
    while (1 << size) < 2 * samples:
        size += 1
    slots = np.empty(1 << size, np.int32)
    ids, keys = np.zeros(samples, np.int64), np.empty(samples, np.int64)
    count, first = 1, 0
    while first < units:
        last, space = first, LARGEST_KEY // count
        while last < units and space >= alphabet:
            space //= alphabet
            last += 1
        for n in range(samples):
            key = ids[n]
            for unit in range(first, last):
                key = key * alphabet + digits[n, unit]
            keys[n] = key
        count = _number(keys, size, slots, ids)
        first = last
    joint = _sum_of_terms(ids, count, terms)
    entropy = (terms[samples] - joint) / samples
    for n in range(samples):
        keys[n] = ids[n] * classes + labels[n]
    count = _number(keys, size, slots, ids)
    return entropy, (joint - _sum_of_terms(ids, count, terms)) / samples
