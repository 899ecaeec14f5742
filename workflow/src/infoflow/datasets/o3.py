"""All patterns on the 12 vertices of an icosahedron, labelled by a rule that no rotation or reflection changes.

The data of arXiv:1703.00810, whose published labels are regenerated bit for bit. Nothing is downloaded. physics.md D1.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import eval_legendre, expit

from infoflow.datasets.images import Images
from infoflow.errors import InfoflowError

NEIGHBOURS = (
    (1, 3, 5, 10, 11),
    (0, 2, 3, 4, 11),
    (1, 3, 4, 8, 9),
    (0, 1, 2, 8, 10),
    (1, 2, 6, 9, 11),
    (0, 6, 7, 10, 11),
    (4, 5, 7, 9, 11),
    (5, 6, 8, 9, 10),
    (2, 3, 7, 9, 10),
    (2, 4, 6, 7, 8),
    (0, 3, 5, 7, 8),
    (0, 1, 4, 5, 6),
)
"""The five vertices next to each vertex of the icosahedron, which are numbered like the bits of a pattern."""

VERTICES = len(NEIGHBOURS)
COSINES = (1 / math.sqrt(5), -1 / math.sqrt(5), -1.0)
"""r_i·r_j of two vertices on the unit sphere that are adjacent, next to adjacent, antipodal."""

POWER_SPECTRUM = (1.2, 12 + 1.2 * math.sqrt(5), 16, 12 - 1.2 * math.sqrt(5))
THRESHOLD = 171.8
"""The published rule: f(x) = Σ_l w_l p_l(x) is at most 170.8 where the label is 0, at least 172.8 where it is 1."""

TRAIN_FRACTION = 0.8


def load(options: Mapping[str, Any], data_root: Path, seed: int) -> Images:
    """All 4096 patterns, [M, 12] of 0 and 1: of M · `train_fraction`, rounded to the nearest, the network learns.

    A random choice. Without `shuffled` the first ones in binary order, as published: a shift of distribution.

    Raises:
        InfoflowError: a part is empty, or has labels of one class only.
    """
    patterns = all_patterns()
    labels = draw_labels(patterns, options, seed)
    fraction = options.get("train_fraction", TRAIN_FRACTION)
    order = np.arange(len(patterns))
    if options.get("shuffled", True):
        order = np.random.default_rng([seed, 0]).permutation(order)
    train, test = np.split(order, [round(fraction * len(patterns))])
    for part, chosen in (("training", train), ("testing", test)):
        if not len(chosen):
            raise InfoflowError(f"o3: train_fraction {fraction:g} leaves none of {len(patterns)} patterns for {part}")
    for found, where in ((labels, "all patterns"), (labels[train], "all patterns for training")):
        if found.min() == found.max():
            raise InfoflowError(
                f"o3: {where} have label {found[0]}; change threshold, power_spectrum, softness or train_fraction"
            )
    return Images(patterns[train], patterns[test], labels[train], labels[test])


def draw_labels(patterns: np.ndarray, options: Mapping[str, Any], seed: int) -> np.ndarray:
    """Labels 0 and 1, int64 [M]: f > θ, or drawn with p(y = 1 | x) = 1/(1 + exp(-γ (f - θ))) where γ is given.

    θ is the `threshold`, γ the `softness`; f follows from `power_spectrum`.
    """
    excess = invariant(patterns, options.get("power_spectrum", POWER_SPECTRUM)) - options.get("threshold", THRESHOLD)
    if (steepness := options.get("softness")) is None:
        return (excess > 0).astype(np.int64)
    drawn = np.random.default_rng([seed, 1]).random(len(patterns))
    return (drawn < expit(steepness * excess)).astype(np.int64)


def all_patterns() -> np.ndarray:
    """All 2^12 patterns in increasing binary order, uint8 [4096, 12]; bit 0 is the most significant one."""
    return (np.arange(2**VERTICES)[:, None] >> np.arange(VERTICES - 1, -1, -1) & 1).astype(np.uint8)


def pair_counts(patterns: np.ndarray) -> tuple[np.ndarray, ...]:
    """Ones of patterns [M, 12], and pairs of ones that are adjacent, next to adjacent, antipodal: four of int64 [M]."""
    adjacent = np.zeros((VERTICES, VERTICES), np.int64)
    for vertex, others in enumerate(NEIGHBOURS):
        adjacent[vertex, list(others)] = 1
    # Two vertices have neighbours in common unless they are antipodes.
    same = np.eye(VERTICES, dtype=np.int64)
    antipodal = (adjacent @ adjacent == 0).astype(np.int64)
    x = patterns.astype(np.int64)
    pairs = (((x @ a) * x).sum(1) // 2 for a in (adjacent, 1 - same - adjacent - antipodal, antipodal))
    return x.sum(1), *pairs


def power_spectrum(patterns: np.ndarray, degree: int) -> np.ndarray:
    """p_l = Σ_ij x_i x_j P_l(r_i·r_j) of patterns [M, 12], float64 [M].

    Exactly equal, as it follows from counts of pairs, for patterns that a rotation or reflection turns into each other.
    """
    ones, *pairs = pair_counts(patterns)
    return ones + 2 * sum(eval_legendre(degree, c) * n for c, n in zip(COSINES, pairs))


def invariant(patterns: np.ndarray, weights: Sequence[float]) -> np.ndarray:
    """f = Σ_l w_l p_l of patterns [M, 12], float64 [M]; the weights are those of l = 0, 1, ..."""
    return sum(w * power_spectrum(patterns, degree) for degree, w in enumerate(weights))
