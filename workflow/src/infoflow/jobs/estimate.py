"""What a run will take, and how far it is: the only place that looks into Snakemake's graph of jobs.

Of Snakemake (its version is in the lock) this uses `workflow.dag`: `needrun_jobs()`, the jobs that are still to be run,
and `dependencies`, the jobs that a job waits for; and the records of finished jobs that it logs. Standard library only:
the workflow imports this when it is parsed.
"""

import heapq
import logging
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from infoflow.errors import InfoflowError
from infoflow.jobs.costs import Cost
from infoflow.jobs.forkserver import OFF
from infoflow.jobs.resources import Costs, has_gpu

_FIGURES = "figure_"
_EVERY_SECONDS = 300.0
"""Between lines on what is left, at most, where a tenth of the work takes longer."""
_MOST_JOBS = 100_000
_LEAST = 0.1
"""Seconds of a job that is forked and does nothing."""
_SHORT = 120.0
"""Seconds of runs of which nothing is said on the way."""
_TRUST = 0.05
"""Share of all work after which what was measured counts as much as what was expected."""


@dataclass(frozen=True)
class Task:
    """A job that is still to be run.

    Attributes:
        rule: of it.
        cost: that is expected.
        gpu: whether it gets a GPU.
        disk_mb: that its results take and keep.
        waits_for: indices of others.
        priority: of those that could start, the highest does.
    """

    rule: str
    cost: Cost
    gpu: bool
    disk_mb: float
    waits_for: Sequence[int]
    priority: float = 0.0


@dataclass(frozen=True)
class Sum:
    """What the jobs of a rule take together; the memory is that of the largest."""

    jobs: int
    cpu_seconds: float
    gpu_seconds: float
    memory_mb: float
    disk_mb: float


def tasks_of(dag: Any, costs: Costs, local: bool) -> list[Task]:
    """The jobs of Snakemake's graph that are still to be run, without targets, which do nothing.

    Args:
        dag: Snakemake's.
        costs: of its jobs.
        local: whether they are computed here, where they are forked and import nothing.
    """
    forked = local and os.environ.get(OFF) != "0"
    jobs = [job for job in dag.needrun_jobs() if hasattr(job.rule.params, "job")]
    place = {job: k for k, job in enumerate(jobs)}
    tasks = []
    for job in jobs:
        cost = costs.of(job.rule, job.wildcards_dict)
        if forked:
            cost = replace(cost, seconds=max(_LEAST, cost.seconds - cost.import_seconds))
        kept = sum(not _is_temporary(file) for file in job.output) / max(1, len(job.output))
        before = [place[other] for other in dag.dependencies[job] if other in place]
        gpu = has_gpu(job.rule)
        tasks.append(Task(job.rule.name, cost, gpu, cost.disk_mb * kept, before, _priority(job)))
    return tasks


def _priority(job: Any) -> float:
    """That of its rule: Snakemake hands it on to what the job waits for when it starts a run, and not before."""
    said = job.rule.priority
    return said(job.wildcards) if callable(said) else said


def _is_temporary(file: Any) -> bool:
    return "temp" in (getattr(file, "flags", None) or {})


def total(tasks: Iterable[Task]) -> Sum:
    """Of some jobs."""
    tasks = list(tasks)
    return Sum(
        len(tasks),
        sum(task.cost.seconds for task in tasks if not task.gpu),
        sum(task.cost.seconds for task in tasks if task.gpu),
        max((task.cost.memory_mb for task in tasks), default=0.0),
        sum(task.disk_mb for task in tasks),
    )


def by_rule(tasks: Iterable[Task]) -> dict[str, Sum]:
    """The totals of every rule, what takes longest first; figures together."""
    found: dict[str, list[Task]] = defaultdict(list)
    for task in tasks:
        found["figures" if task.rule.startswith(_FIGURES) else task.rule].append(task)
    sums = {rule: total(some) for rule, some in found.items()}
    return dict(sorted(sums.items(), key=lambda item: -(item[1].cpu_seconds + item[1].gpu_seconds)))


def wall_seconds(tasks: Sequence[Task], cores: int) -> float:
    """Until all are done, if so many are computed at a time and each starts as soon as it can."""
    waiting = [len(task.waits_for) for task in tasks]
    after: list[list[int]] = [[] for _ in tasks]
    for k, task in enumerate(tasks):
        for other in task.waits_for:
            after[other].append(k)
    ready = [(-task.priority, k) for k, task in enumerate(tasks) if not waiting[k]]
    heapq.heapify(ready)
    running: list[tuple[float, int]] = []
    now = 0.0
    while ready or running:
        while ready and len(running) < cores:
            k = heapq.heappop(ready)[1]
            heapq.heappush(running, (now + tasks[k].cost.seconds, k))
        now, done = heapq.heappop(running)
        for k in after[done]:
            waiting[k] -= 1
            if not waiting[k]:
                heapq.heappush(ready, (-tasks[k].priority, k))
    return now


def at_a_time(local: bool, cores: int | None, jobs: int | None) -> tuple[int, str]:
    """How many jobs run at a time, and what that number is called, from what Snakemake was told."""
    number = (cores or jobs) if local else jobs
    number = min(number or 1, _MOST_JOBS)
    return number, "jobs at a time" if not local else "core" if number == 1 else "cores"


def lines(tasks: Sequence[Task], cores: int, called: str) -> list[str]:
    """The plan in words: a line with the totals, and one per rule."""
    if not tasks:
        return ["nothing to do"]
    every = total(tasks)
    sums = [f"{every.jobs} job{'s' * (every.jobs != 1)}", f"{_time(every.cpu_seconds)} of one core"]
    if every.gpu_seconds:
        sums.append(f"{_time(every.gpu_seconds)} of one GPU (speed of a GPU: assumed, not measured)")
    sums += [f"up to {_size(every.memory_mb)} of memory", f"{_size(every.disk_mb)} on disk"]
    wall = _time(wall_seconds(tasks, cores))
    rows = [("rule", "jobs", "time", "per job", "memory", "disk")]
    for rule, one in by_rule(tasks).items():
        seconds = one.cpu_seconds + one.gpu_seconds
        gpu = " GPU" if one.gpu_seconds else ""
        each = _time(seconds / one.jobs)
        rows.append((rule, str(one.jobs), _time(seconds) + gpu, each, _size(one.memory_mb), _size(one.disk_mb)))
    widths = [max(map(len, column)) for column in zip(*rows)]
    table = [
        "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:]))]).rstrip()
        for row in rows
    ]
    return [f"to do: {', '.join(sums)}", f"about {wall} with {cores} {called}", "", *table]


def _time(seconds: float) -> str:
    """In words, two digits."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size or (unit == "min" and seconds >= 100):
            return f"{_digits(seconds / size)} {unit}"
    return f"{_digits(seconds)} s"


def _size(mb: float) -> str:
    return f"{_digits(mb / 1000)} GB" if mb >= 1000 else f"{_digits(mb)} MB"


def _digits(value: float) -> str:
    return f"{value:.1f}" if value < 10 else f"{value:,.0f}"


class Progress(logging.Handler):
    """Says now and then how much time is left; told of finished jobs by Snakemake's log.

    What was measured until now corrects what was expected: the more work is done, the more it counts.

    Args:
        tasks: by the numbers that Snakemake gives to jobs.
        wall: seconds that were expected for all.
        say: gets the lines.
        clock: seconds.
    """

    def __init__(
        self,
        tasks: Mapping[int, Task],
        wall: float,
        say: Callable[[str], None] = lambda line: print(line, file=sys.stderr),
        clock: Callable[[], float] = time.monotonic,
    ):
        super().__init__()
        self._left = {number: task.cost.seconds for number, task in tasks.items()}
        self._all = sum(self._left.values())
        self._wall, self._say, self._clock = wall, say, clock
        self._began = self._said = clock()
        self._tenths = 0

    def emit(self, record: logging.LogRecord) -> None:
        if str(getattr(record, "event", "")) == "job_finished":
            self.finish(getattr(record, "job_id", None))

    def finish(self, number: Any) -> None:
        """A job is done."""
        if self._left.pop(number, None) is None or not self._left:
            return
        now, share = self._clock(), self.share
        tenths = int(10 * share + 1e-6)
        if tenths > self._tenths or now - self._said >= _EVERY_SECONDS:
            if self._wall >= _SHORT:
                left = len(self._left)
                self._say(
                    f"about {_time(self.seconds_left)} left: {left} job{'s' * (left != 1)}, {1 - share:.0%} of the work"
                )
            self._said, self._tenths = now, tenths

    @property
    def share(self) -> float:
        """Of all work, what is done."""
        return 1 - sum(self._left.values()) / self._all if self._all else 1.0

    @property
    def seconds_left(self) -> float:
        """Expected now."""
        passed, done = self._clock() - self._began, self.share
        # as if a share _TRUST of the work had been done as fast as was expected
        speed = (done + _TRUST) / (passed + _TRUST * self._wall) if self._wall else 0.0
        return (1 - done) / speed if speed else 0.0


def plan(arguments: Sequence[str], snakefile: str) -> list[str]:
    """The plan of what `snakemake ARGUMENTS` would run, in words. Nothing is run, and nothing is locked.

    Snakemake reads its command line and makes its graph of jobs itself, as it does for `--dag`; what it would print of
    the graph is not printed.

    Args:
        arguments: of Snakemake: targets, --configfile, --profile, --cores, --directory, ...
        snakefile: that is taken if they name none.

    Raises:
        InfoflowError: Snakemake refuses them; it has said why.
    """
    from snakemake.cli import args_to_api, parse_args
    from snakemake.workflow import Workflow

    told: list[str] = []

    def tell(workflow: Any) -> None:
        settings = workflow.dag_settings
        workflow._prepare_dag(forceall=settings.forceall, ignore_incomplete=True, lock_warn_only=True)
        workflow._build_dag()
        told.extend(lines(tasks_of(workflow.dag, workflow.globals["COSTS"], local), *parallel))

    printdag = Workflow.printdag
    Workflow.printdag = tell
    try:
        # what the arguments say comes last, and is stronger
        quiet = ["--quiet", "host", "rules", "progress"]
        parser, options = parse_args(["--dag", "dot", *quiet, "--snakefile", snakefile, *arguments])
        # for a graph Snakemake itself takes one core
        local = options.executor in (None, "local")
        parallel = at_a_time(local, options.cores, options.jobs)
        fine = args_to_api(options, parser)
    except SystemExit as stop:
        fine = stop.code in (0, None)
    finally:
        Workflow.printdag = printdag
    if not fine:
        raise InfoflowError("there is no plan: see above")
    return told


def start(workflow: Any, costs: Costs) -> None:
    """Say at the start of a run what it will take, and on the way what is left."""
    if workflow.output_settings.quiet and "all" in {str(q) for q in workflow.output_settings.quiet}:
        return
    tasks = tasks_of(workflow.dag, costs, workflow.local_exec)
    if not tasks:
        return
    settings = workflow.resource_settings
    cores, called = at_a_time(workflow.local_exec, settings.cores, settings.nodes)
    print(*lines(tasks, cores, called), "", sep="\n", file=sys.stderr, flush=True)
    jobs = [job for job in workflow.dag.needrun_jobs() if hasattr(job.rule.params, "job")]
    numbered = {job.jobid: task for job, task in zip(jobs, tasks, strict=True)}
    from snakemake.logging import logger

    logger.addHandler(Progress(numbered, wall_seconds(tasks, cores)))
