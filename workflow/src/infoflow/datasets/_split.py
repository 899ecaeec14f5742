"""Random splits in which every class has its share, and what a log says of classes."""

from collections.abc import Sequence

import numpy as np

_TOLD = 20
"""Classes that a line names, at most."""


def stratify(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """An order of samples [N], of classes `labels` [N], each of whose beginnings has the classes in proportion.

    One of every class stands before the second of any.
    """
    keys = np.empty(len(labels))
    for label in np.unique(labels):
        places = rng.permutation(np.flatnonzero(labels == label))
        keys[places] = np.arange(len(places)) / len(places)
    return np.lexsort((rng.random(len(labels)), keys))


def split(labels: np.ndarray, test: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Places of all samples that are left to train on, and of `test` samples; each begins with every class.

    The only sample of a class is one to train on.
    """
    order = stratify(labels, rng)
    counts = np.unique_counts(labels)
    single = np.isin(labels[order], counts.values[counts.counts == 1])
    chosen = order[~single][:test]
    rest = np.setdiff1d(np.arange(len(labels)), chosen)
    return rest[stratify(labels[rest], rng)], chosen


def told(names: Sequence[str], labels: np.ndarray) -> str:
    """`2 classes: cat 60, dog 60` of labels [N] that count the names."""
    counts = np.bincount(labels, minlength=len(names))
    first = ", ".join(f"{name} {count}" for name, count in list(zip(names, counts))[:_TOLD])
    more = f" and {len(names) - _TOLD} more" if len(names) > _TOLD else ""
    return f"{len(names)} {'class' if len(names) == 1 else 'classes'}: {first}{more}"
