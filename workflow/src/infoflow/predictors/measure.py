"""Calling a predictor, and measuring what it takes.

A predictor is one module of this package, named like it, with `score(untrained) -> Scores`, and one entry of
`kinds.PREDICTORS`. Scores are such that larger means more likely trainable; `raw` is the quantity as the literature has
it. All of them look at R replicas at once, and compute in float64. Source: physics.md E.
"""

import ctypes
import importlib
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import torch

from infoflow.engine.device import finish_work
from infoflow.predictors.untrained import Scores, Untrained, unscored

PROCESS = Path("/proc/self")
RESET = "5"
"""What the kernel takes as the order to forget the largest resident set size so far."""


class Peak:
    """`bytes` is known once the measurement has ended."""

    bytes = math.nan


@contextmanager
def peak_memory(device: torch.device) -> Iterator[Peak]:
    """By how many bytes the memory in use grows at most while the block runs, on the device that computes.

    On a GPU what torch allocates. On a CPU the resident set size of the whole process (VmHWM, which is reset, less
    VmRSS before): memory that was freed but stays with the process is used again without being seen. The C library is
    asked to hand it back first; where it cannot, small computations may show nothing. NaN where the kernel does not
    tell.
    """
    peak = Peak()
    if device.type == "cuda":
        finish_work(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        yield peak
        finish_work(device)
        peak.bytes = float(torch.cuda.max_memory_allocated(device) - before)
        return
    with suppress(OSError, AttributeError):  # of glibc
        ctypes.CDLL(None).malloc_trim(0)
    try:
        (PROCESS / "clear_refs").write_text(RESET)
        before = _status("VmRSS")
    except (OSError, ValueError):
        before = math.nan
    yield peak
    peak.bytes = math.nan if math.isnan(before) else max(0.0, _status("VmHWM") - before)


def in_parts(module: ModuleType, untrained: Untrained, at_once: int | None) -> Scores:
    """`module.score` for so many replicas at a time."""
    size = at_once or untrained.replicas
    starts = range(0, untrained.replicas, size)
    found = [module.score(untrained.select(slice(s, s + size)) if len(starts) > 1 else untrained) for s in starts]
    finish_work(untrained.images.device)
    score, raw = (np.concatenate([getattr(f, name) for f in found]) for name in ("score", "raw"))
    reason = next((f.reason for f in found if f.reason), "")
    if np.isnan(score).any() and not reason:
        reason = "activations or gradients are zero or not finite"
    return Scores(score, raw, reason)


def _status(name: str) -> float:
    line = next(line for line in (PROCESS / "status").read_text().splitlines() if line.startswith(f"{name}:"))
    return 1024.0 * int(line.split()[1])


@dataclass(frozen=True)
class Measured:
    """The scores of a predictor, and what they cost.

    Attributes:
        scores: see `untrained.Scores`.
        seconds: wall-clock time.
        peak_bytes: by which the memory in use grew at most, see `peak_memory`; NaN where unknown.
    """

    scores: Scores
    seconds: float
    peak_bytes: float


def score_network(name: str, untrained: Untrained, at_once: int | None = None) -> Measured:
    """Scores of a predictor for all replicas, with time and memory.

    A predictor that cannot score a kind of architecture (its `UNSUITED`) gives NaN, and says why in `reason`.

    Args:
        name: of the predictor's module.
        at_once: how many replicas are computed as one batch; by default all. The scores do not depend on it.
    """
    module = importlib.import_module(f"infoflow.predictors.{name}")
    reason = getattr(module, "UNSUITED", {}).get(untrained.architecture["kind"])
    with peak_memory(untrained.images.device) as peak:
        started = time.perf_counter()
        scores = unscored(untrained, reason) if reason else in_parts(module, untrained, at_once)
        seconds = time.perf_counter() - started
    return Measured(scores, seconds, peak.bytes)
