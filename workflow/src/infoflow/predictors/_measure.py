"""Calling a predictor, and measuring what it takes."""

import ctypes
import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType

import numpy as np
import torch

from infoflow.runtime import finish_work
from infoflow.untrained import Scores, Untrained

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
