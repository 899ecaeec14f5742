"""What a job is expected to take: seconds and memory, from the work that it has to do and from measured prices.

The plan of a study says in `Study.WORK` how much work a job is, in terms of its own (multiplications, passes of images,
files); `costs.json` has what a unit of each of them costs, as `python -m infoflow.measure` has measured it. The prices
are those of one core of one machine; another one is faster or slower by a factor, which the safety factors cover.

Standard library only: every parse of the workflow imports this, and no job does.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

PRICES = Path(__file__).with_name("costs.json")
"""Written by `python -m infoflow.measure`, and never by hand."""

MEMORY_SAFETY, TIME_SAFETY = 1.3, 3.0
"""Factors between what is expected and what is asked for."""
LEAST_MEMORY_MB = 400
"""Nothing asks for less: what a Python with torch takes before it computes anything is about that, and more here."""
LEAST_MINUTES = 10
"""Slow file systems and full nodes take minutes to start a Python."""
ROUND_MB = 50
"""Jobs of nearly the same size ask for the same, and so can be one job array."""
MOST_MINUTES = 14 * 24 * 60
"""A limit beyond it is refused by most clusters."""

GPU_SPEED = 20.0
"""By how much arithmetic is faster on a GPU than on a core. Not measured: a fast GPU has hundreds of times the peak."""
GPU_CALLS = 2.0
"""By how much small operations, which only wait for their start, are slower. Not measured."""
GPU_START = 15.0
"""Seconds until a GPU computes. Not measured."""
GPU_MEMORY_MB = 3000
"""Memory of the host that CUDA's libraries take. Not measured."""
CALLS = "calls"
"""The term of small operations, in millions."""

Terms = Mapping[str, float]


@dataclass(frozen=True)
class Work:
    """What a job has to do.

    Attributes:
        seconds: amounts of what takes time, by term.
        memory: MB of what is held, by term.
        disk: MB of what is written, before it is compressed.
        priced_as: rule whose prices hold for `seconds`, if they are not those of the job's own.
        early: whether the job can be done before all of that is: what it takes on average is a measured share.
    """

    seconds: Terms = field(default_factory=dict)
    memory: Terms = field(default_factory=dict)
    disk: float = 0.0
    priced_as: str | None = None
    early: bool = False


@dataclass(frozen=True)
class Cost:
    """What a job is expected to take.

    Attributes:
        seconds: of one core, without what a safety factor adds.
        most_seconds: of the longest job that does such work.
        memory_mb: of the job's process.
        disk_mb: of its results.
        import_seconds: of `seconds`, those in which a Python starts and imports: a job that is forked has none.
    """

    seconds: float
    most_seconds: float
    memory_mb: float
    disk_mb: float
    import_seconds: float = 0.0


@cache
def prices(path: Path = PRICES) -> dict[str, Any]:
    """The measured prices."""
    return json.loads(path.read_text(encoding="utf-8"))


def priced(rule: str) -> str:
    """The name under which a rule has its prices: its own, that of all figures, or `default`."""
    rules = prices()["rules"]
    if rule in rules:
        return rule
    return "figure" if rule.startswith("figure_") and "figure" in rules else "default"


def cost(rule: str, work: Work = Work(), gpu: bool = False) -> Cost:
    """What a job of a rule is expected to take.

    Args:
        rule: its name; one without measured prices gets the default, which is the most that rules without sizes take.
        work: what it has to do.
        gpu: whether it gets a GPU.
    """
    rules = prices()["rules"]
    own = rules[priced(rule)]
    clock = rules[priced(work.priced_as)] if work.priced_as else own
    full = sum(price * work.seconds.get(term, 0.0) for term, price in clock["seconds"].items())
    if gpu:
        calls = clock["seconds"].get(CALLS, 0.0) * work.seconds.get(CALLS, 0.0)
        full = (full - calls) / GPU_SPEED + calls * GPU_CALLS + GPU_START
    start, share = clock["start"], own.get("share", 1.0) if work.early else 1.0
    memory = own["memory_start"] + sum(price * work.memory.get(term, 0.0) for term, price in own["memory"].items())
    return Cost(
        seconds=start + share * full,
        most_seconds=own["upper"] * (start + full),
        memory_mb=memory + (GPU_MEMORY_MB if gpu else 0),
        disk_mb=own["disk_start"] + own["disk"] * work.disk,
        import_seconds=own["import"],
    )


def memory_mb(expected: Cost, attempt: int = 1) -> int:
    """Memory to ask for, of all processes of a job: its own, and those of Snakemake around it."""
    asked = MEMORY_SAFETY * (expected.memory_mb + memory_around())
    return max(LEAST_MEMORY_MB, math.ceil(asked / ROUND_MB) * ROUND_MB) * attempt


def memory_around() -> float:
    """MB of the Snakemake that a job begins with on a node of a cluster, and of the one that this starts."""
    return 2 * prices()["pythons"]["snakemake"]["memory_mb"]


def minutes(expected: Cost, attempt: int = 1) -> int:
    """Time to ask for."""
    asked = math.ceil(TIME_SAFETY * expected.most_seconds / 60)
    return min(max(LEAST_MINUTES, _rounded(asked)) * attempt, MOST_MINUTES)


def _rounded(number: int) -> int:
    """Up to two digits, so that jobs of nearly the same size ask for the same."""
    unit = 10 ** max(0, len(str(number)) - 2)
    return math.ceil(number / unit) * unit
