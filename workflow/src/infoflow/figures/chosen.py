"""Which of many values are drawn. Standard library only: planning asks, and so do figures."""

from collections.abc import Sequence

MOST_BIASES = 4
"""Values of σ_b² that have panels of their own; of more some are shown, spread over all."""


def evenly(items: Sequence, count: int) -> list:
    """At most so many of the items, spread over them, their ends included."""
    if len(items) <= count:
        return list(items)
    return [items[round(k * (len(items) - 1) / (count - 1))] for k in range(count)]
