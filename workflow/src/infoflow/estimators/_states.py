"""What all estimators do with the states of a layer: check them, and share them among the threads."""

from collections.abc import Callable

import numpy as np
import torch

from infoflow.engine.parallel import for_each
from infoflow.errors import InfoflowError


def classes(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Classes of the inputs, numbered without gaps [N], and how many inputs each has; both int64.

    Raises:
        InfoflowError: no labels, or not one whole number per input.
    """
    if labels.ndim != 1 or not labels.size or not np.issubdtype(labels.dtype, np.integer):
        raise InfoflowError(f"labels: one whole number per input is needed, not {labels.dtype} {list(labels.shape)}")
    _, numbers, counts = np.unique(labels, return_inverse=True, return_counts=True)
    return numbers.astype(np.int64), counts.astype(np.int64)


def check_states(states: np.ndarray, labels: np.ndarray) -> None:
    """Refuse states that are no C-contiguous float32 [K, N, d] with finite numbers.

    Raises:
        InfoflowError: says what is wrong.
    """
    if states.dtype != np.float32 or states.ndim != 3 or not states.flags.c_contiguous or not states.shape[2]:
        raise InfoflowError(
            f"states: C-contiguous float32 of shape [networks, inputs, units] is needed, not {states.dtype} "
            f"{list(states.shape)}"
        )
    if states.shape[1] != len(labels):
        raise InfoflowError(f"states: {states.shape[1]} inputs, but {len(labels)} labels")
    for k, state in enumerate(states):
        if not np.isfinite(state.sum(dtype=np.float64)):  # finite numbers of float32 cannot overflow in there
            raise InfoflowError(f"states: those of network {k} of {len(states)} are not all finite numbers")


def over_states(count: int, work: Callable[[int], None]) -> None:
    """Call `work(k)` for every k below `count`, several at a time, on the threads that torch may use.

    `work` has to leave Python for most of its time (numba with nogil).
    """
    if not count:
        return
    parts = np.array_split(np.arange(count), min(count, 8 * torch.get_num_threads()))

    def part(numbers: np.ndarray) -> None:
        for k in numbers:
            work(k)

    for_each(parts, part, torch.device("cpu"), len(parts))
