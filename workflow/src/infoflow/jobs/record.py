"""What a result records of the job that wrote it: its rule, its parameters, and what it cost.

Standard library only: every script imports this.
"""

import hashlib
import json
import os
import re
import resource
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from infoflow.errors import InfoflowError

_IMPORTED = time.monotonic()
_MARK = re.compile(rb"made-by-[0-9a-f]{32}")
_NEAR = 4096
"""Bytes at either end of a file, or before the table of a PDF file, within which its mark stands."""
_TABLE = re.compile(rb"startxref\s+([0-9]{1,15})\s+%%EOF")
"""Says where the table of a PDF file begins; it is as long as there are many pictures."""

Cost = dict[str, dict[str, float]]
"""What jobs cost, by rule: see `spent`."""


def describe_job(rule: str, parameters: Mapping[str, Any]) -> dict[str, str]:
    """Global attributes of a result: `rule`, and `parameters` as JSON."""
    return {"rule": rule, "parameters": _canonical(parameters)}


def mark(parameters: Mapping[str, Any] | str) -> str:
    """What a file bears of the parameters that it was made with, given as they are or as JSON: `made-by-<digest>`.

    It stands where it is found without reading the file: see `find_mark`.
    """
    text = parameters if isinstance(parameters, str) else _canonical(parameters)
    return f"made-by-{hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}"


def find_mark(path: str | Path) -> str | None:
    """The mark of a file: in the seal of a result, in the metadata of a picture; None if there is none."""
    with open(path, "rb") as file:
        parts = [file.read(_NEAR)]
        file.seek(max(0, file.seek(0, os.SEEK_END) - _NEAR))
        parts.append(file.read())
        if table := _TABLE.search(parts[-1]):
            file.seek(max(0, int(table[1]) - _NEAR))
            parts.append(file.read(_NEAR))
    found = _MARK.findall(b"\n".join(parts))
    return found[-1].decode() if found else None


def check_parameters(path: str | Path, attributes: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Refuse a result that was made with other parameters, or by other code, than those that are wanted.

    Snakemake makes such results again as long as it remembers how they were made; a job that outlives the run that
    submitted it, or a deleted `.snakemake`, escapes it.

    Args:
        path: the result file, for the message.
        attributes: its global attributes.
        expected: the parameters of the rule that makes it.

    Raises:
        InfoflowError: they differ; the message names the first difference.
    """
    recorded = dict(_leaves(json.loads(attributes.get("parameters", "{}"))))
    wanted = dict(_leaves(json.loads(_canonical(expected))))
    for name in [*wanted, *recorded]:
        if recorded.get(name) != wanted.get(name):
            raise InfoflowError(
                f"{path}: made with {name} = {recorded.get(name)}, not {wanted.get(name)}; delete it and run again"
            )


def spent(rule: str, earlier: str = "{}") -> str:
    """What this process cost until now, added to what is known of earlier rules; JSON, by rule.

    Keys: `jobs`; `cpu_seconds`, of all threads; `wall_seconds`; `gpu_seconds`, the wall-clock seconds of a job that
    held a GPU, else 0; `peak_memory_mb`; `gpu_peak_memory_mb`, of what torch allocated. Failed attempts left no result
    and are not known.

    Args:
        rule: that this process is a job of.
        earlier: what an input recorded, if the result takes its place.
    """
    wall = _age()
    # Who did not import torch held no GPU.
    cuda = getattr(sys.modules.get("torch"), "cuda", None)
    gpu = cuda is not None and cuda.is_initialized()
    cost = {
        "jobs": 1,
        "cpu_seconds": round(time.process_time(), 3),
        "wall_seconds": round(wall, 3),
        "gpu_seconds": round(wall, 3) if gpu else 0.0,
        "peak_memory_mb": round(_peak_memory(), 1),
        "gpu_peak_memory_mb": round(cuda.max_memory_allocated() / 2**20, 1) if gpu else 0.0,
    }
    return _canonical(json.loads(earlier) | {rule: cost})


def add_costs(attributes: Iterable[Mapping[str, Any]]) -> Cost:
    """What several results cost, from their global attributes: sums, by rule; of the memory, the largest."""
    total: Cost = {}
    for known in attributes:
        for rule, one in json.loads(known.get("cost", "{}")).items():
            sums = total.setdefault(rule, dict.fromkeys(one, 0))
            for name, value in one.items():
                sums[name] = max(sums[name], value) if "memory" in name else round(sums[name] + value, 3)
    return dict(sorted(total.items()))


def probing_to_training(cost: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Seconds of every rule that probes per second of full training; on the GPU, if both used it, else of CPUs.

    Whole jobs, their start included. Empty without training.
    """
    training = cost.get("train_network") or cost.get("search_boundary")
    ratios = {}
    for rule, probing in cost.items():
        if training and rule.startswith("probe_"):
            clock = "gpu_seconds" if probing["gpu_seconds"] and training["gpu_seconds"] else "cpu_seconds"
            ratios[rule] = round(probing[clock] / training[clock], 4)
    return ratios


def _age() -> float:
    """Seconds since this process was started; where the system does not tell, since this module was imported."""
    try:
        started = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        return time.clock_gettime(time.CLOCK_BOOTTIME) - started / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError):
        return time.monotonic() - _IMPORTED


def _peak_memory() -> float:
    """Largest resident memory of this process, MB."""
    try:
        # The system call below begins with what the parent had when it forked.
        status = Path("/proc/self/status").read_text()
        return int(re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)[1]) / 1024
    except (OSError, TypeError):
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _leaves(value: Any, path: str = "") -> Iterable[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else str(key))
    else:
        yield path, value
