"""What a run will take, from its jobs, and what is left of it."""

import logging
from itertools import pairwise

import pytest

from infoflow.jobs.costs import Cost
from infoflow.jobs.estimate import Progress, Task, at_a_time, by_rule, lines, total, wall_seconds


def task(rule="probe", seconds=10.0, memory=500.0, gpu=False, disk=1.0, waits_for=(), priority=0.0) -> Task:
    return Task(rule, Cost(seconds, 2 * seconds, memory, disk), gpu, disk, waits_for, priority)


TASKS = [
    task("prepare", 4.0, 900.0),
    *(task("probe", 10.0, waits_for=[0]) for _ in range(4)),
    task("train", 30.0, gpu=True, waits_for=[0], disk=20.0),
    task("merge", 2.0, waits_for=[1, 2, 3, 4, 5]),
    *(task(f"figure_{name}", 3.0, 200.0, waits_for=[6]) for name in "ab"),
]


def test_totals_are_the_sums_of_the_rules():
    every, rules = total(TASKS), by_rule(TASKS)
    assert every.jobs == sum(one.jobs for one in rules.values()) == len(TASKS)
    assert every.cpu_seconds == sum(one.cpu_seconds for one in rules.values()) == 4 + 40 + 2 + 6
    assert every.gpu_seconds == rules["train"].gpu_seconds == 30
    assert every.memory_mb == max(one.memory_mb for one in rules.values()) == 900
    assert every.disk_mb == sum(one.disk_mb for one in rules.values()) == 28
    assert rules["figures"].jobs == 2
    assert list(rules)[:2] == ["probe", "train"]


def test_wall_time_is_that_of_a_schedule():
    assert wall_seconds(TASKS, 1) == total(TASKS).cpu_seconds + total(TASKS).gpu_seconds
    # what the last ones wait for
    assert wall_seconds(TASKS, 100) == 4 + 30 + 2 + 3
    walls = [wall_seconds(TASKS, cores) for cores in (1, 2, 3, 4)]
    assert all(more <= fewer for fewer, more in pairwise(walls))
    assert wall_seconds([], 3) == 0


def test_the_highest_priority_is_started_first():
    tasks = [task(seconds=1.0), task(seconds=1.0), task(seconds=9.0, priority=5.0)]
    assert wall_seconds(tasks, 2) == 9.0
    assert wall_seconds([*tasks[:2], task(seconds=9.0)], 2) == 10.0


def test_the_plan_says_what_there_is():
    first, second, _, head, *rows = lines(TASKS, 2, "cores")
    assert first.startswith("to do: 9 jobs, 52 s of one core, 30 s of one GPU")
    assert "up to 900 MB of memory, 28 MB on disk" in first
    assert second == f"about {wall_seconds(TASKS, 2):.0f} s with 2 cores"
    assert head.split() == ["rule", "jobs", "time", "per", "job", "memory", "disk"]
    assert [row.split()[:2] for row in rows] == [[rule, str(one.jobs)] for rule, one in by_rule(TASKS).items()]
    assert lines([], 1, "core") == ["nothing to do"]


@pytest.mark.parametrize(
    ("told", "number"),
    [
        ((True, 4, None), (4, "cores")),
        ((True, 1, None), (1, "core")),
        ((True, None, None), (1, "core")),
        ((False, 1, 500), (500, "jobs at a time")),
    ],
)
def test_how_many_at_a_time(told, number):
    assert at_a_time(*told) == number


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def followed():
    """A run of a hundred jobs of ten seconds, which 1000 seconds were expected for."""
    said: list[str] = []
    clock = Clock()
    return Progress({number: task() for number in range(100)}, 1000.0, said.append, clock), said, clock


def finish(progress: Progress, number: int) -> None:
    record = logging.LogRecord("snakemake", logging.INFO, "", 0, "", (), None)
    record.event, record.job_id = "job_finished", number
    progress.emit(record)


@pytest.mark.parametrize("slower", [0.5, 1.0, 3.0])
def test_what_is_left_is_corrected_by_what_was_measured(followed, slower):
    progress, said, clock = followed
    assert progress.seconds_left == pytest.approx(1000)
    for number in range(50):
        clock.now += 10 * slower
        finish(progress, number)
    assert progress.share == pytest.approx(0.5)
    assert progress.seconds_left == pytest.approx(500 * slower, rel=0.2)
    assert len(said) >= 5  # every tenth
    assert said[-1].endswith("left: 50 jobs, 50% of the work")
    for number in range(50, 100):
        clock.now += 10 * slower
        finish(progress, number)
    assert progress.share == 1
    assert progress.seconds_left == 0


def test_lines_come_now_and_then(followed):
    progress, said, clock = followed
    for number in range(9):
        clock.now += 10
        finish(progress, number)
    assert said == []
    clock.now += 300
    finish(progress, 9)
    assert len(said) == 1
    finish(progress, 9)  # told twice
    finish(progress, 1000)  # of a target
    assert progress.share == pytest.approx(0.1)


def test_of_short_runs_nothing_is_said():
    said: list[str] = []
    progress = Progress({number: task(seconds=1.0) for number in range(10)}, 10.0, said.append, Clock())
    for number in range(10):
        finish(progress, number)
    assert said == []
