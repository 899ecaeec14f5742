"""Widths of the hidden layers of a multilayer perceptron. Source: arXiv:2406.12916, physics.md A1."""

import math
from collections.abc import Mapping, Sequence
from typing import Any


def hidden_widths(options: Mapping[str, Any], input_shape: Sequence[int], classes: int, depth: int) -> list[int]:
    """Constant (layout `wide`), or falling linearly to the number of classes (`shrinking`, by the published rule).

    Args:
        options: the architecture's entry of the config; the first layer has its `width`, or as many units as pixels.
        input_shape: of one image.
    """
    width = options.get("width") or math.prod(input_shape)
    if options["layout"] == "wide":
        return [width] * depth
    steps = depth + 1
    return [-((width * (l - steps) - classes * l) // steps) for l in range(1, steps)]  # exact ceiling
