"""How the stem of the convolutional networks makes images smaller: 28 → 28 → 14 → 7 pixels. Source: physics.md A1."""

import math

SMALLEST_STATE = 5
"""Least side of a state: with a border of one the torus is 3 × 3, and a kernel meets nine different pixels."""


def strides(rows: int, columns: int) -> tuple[int, ...]:
    """Strides of its three convolutions: 1, 2, 2, but 1 where less than SMALLEST_STATE pixels would be left."""
    side, found = min(rows, columns), [1]
    for _ in range(2):
        halved = math.ceil(side / 2)
        found.append(2 if halved >= SMALLEST_STATE else 1)
        side = halved if found[-1] == 2 else side
    return tuple(found)
