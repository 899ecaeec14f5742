"""What the benchmarks share: the machine and its limits, and tables."""

import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch


def seconds(work: Callable[[], object], device: torch.device) -> float:
    """Wall-clock seconds of one call."""
    _wait(device)
    started = time.perf_counter()
    work()
    _wait(device)
    return time.perf_counter() - started


def matrix_rate(device: torch.device, side: int | None = None) -> float:
    """FLOP/s of a large float32 product, the best of ten; of so many rows and columns."""
    size = side or (8192 if device.type == "cuda" else 3072)
    a, b = (torch.rand(size, size, device=device) for _ in range(2))
    out = torch.empty_like(a)
    return 2 * size**3 / min(seconds(lambda: torch.mm(a, b, out=out), device) for _ in range(10))


def copy_bandwidth(device: torch.device) -> float:
    """Bytes/s, read and written, of a copy that no cache holds, the best of ten."""
    source = torch.rand((1 << 30 if device.type == "cuda" else 1 << 27) // 4, device=device)
    target = torch.empty_like(source)
    return 2 * source.nbytes / min(seconds(lambda: target.copy_(source), device) for _ in range(10))


def describe(device: torch.device) -> str:
    """One line for above a table."""
    if device.type == "cuda":
        name = f"{torch.cuda.get_device_name(device)}, CUDA {torch.version.cuda}"
    else:
        info = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
        model = next((line.split(": ")[1] for line in info.splitlines() if line.startswith("model name")), "CPU")
        name = f"{model}, {os.cpu_count()} cores, {torch.get_num_threads()} threads"
    return f"{name}; Python {platform.python_version()}, torch {torch.__version__}"


def spread(values: Sequence[float], form: str = ".2f") -> str:
    """Median, and least and largest."""
    return f"{statistics.median(values):{form}} ({min(values):{form}}–{max(values):{form}})"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
