"""What is done beyond the SLURM executor; on a real cluster: tests/workflow/test_cluster.py."""

import os
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from infoflow.errors import InfoflowError
from infoflow.jobs.slurm import refuse_leftover_jobs, repair_arrays


@pytest.fixture
def queue(tmp_path, monkeypatch):
    """Makes squeue print some lines, and end with a status."""

    def make(lines: str, status: int = 0) -> None:
        (tmp_path / "squeue").write_text(f"#!/bin/sh\ncat <<'EOF'\n{lines}\nEOF\nexit {status}\n")
        (tmp_path / "squeue").chmod(0o755)

    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return make


def test_jobs_of_an_earlier_run_in_this_directory_are_named(queue):
    queue(
        "10 rule_train_network_wildcards_digits|/data/run\n"
        "9 rule_probe_cascade_wildcards_digits|/data/run\n"
        "9 rule_probe_cascade_wildcards_digits|/data/run\n"  # another of the same array
        "11 rule_train_network|/data/another run\n"
        "12 somebody's own job|/data/run\n"
        "13 |/data/run"
    )
    with pytest.raises(InfoflowError, match=r"in this directory: 9 10; .* scancel 9 10$"):
        refuse_leftover_jobs("/data/run")
    with pytest.raises(InfoflowError, match=r"in this directory: 11;"):
        refuse_leftover_jobs("/data/another run")
    refuse_leftover_jobs("/data")


def test_where_no_queue_answers_a_run_starts(queue, monkeypatch, caplog):
    queue("10 rule_train_network|/data/run", status=1)
    refuse_leftover_jobs("/data/run")
    assert "cannot be looked for" in caplog.text
    monkeypatch.setenv("PATH", "/nowhere")
    refuse_leftover_jobs("/data/run")


@dataclass(frozen=True)
class Job:
    name: str
    resources: dict = field(hash=False)


def executor():
    """An executor that submits as the one for SLURM does: all of a rule, once all that are ready came."""
    submitted = []
    plugin = SimpleNamespace(pending_jobs_for_rule=lambda dag, rule_name: 18)

    class Executor:
        def run_jobs(self, jobs):
            if len(jobs) >= plugin.pending_jobs_for_rule(None, jobs[0].name):
                submitted.append(jobs)

    plugin.Executor = Executor
    return plugin, submitted


def test_jobs_are_submitted_as_they_come_and_only_with_others_that_need_as_much():
    plugin, submitted = executor()
    first, second, again = (Job("train_network", {"mem_mb": m, "runtime": 30}) for m in (3500, 3500, 7000))
    other = Job("probe_cascade", {"runtime": 30, "mem_mb": 3500})
    plugin.Executor().run_jobs([first])
    assert submitted == []
    repair_arrays(plugin)
    repair_arrays(plugin)  # once is enough
    plugin.Executor().run_jobs([first, again, other, second])
    assert submitted == [[first, second], [again], [other]]


def test_jobs_of_different_lengths_that_ask_for_the_same_are_one_array():
    plugin, submitted = executor()
    jobs = [Job("train_network", {"mem_mb": 3500, "expected_seconds": seconds}) for seconds in (700, 900)]
    repair_arrays(plugin)
    plugin.Executor().run_jobs(jobs)
    assert submitted == [jobs]


def test_an_executor_that_is_not_there_or_another_is_left_alone():
    repair_arrays(None)
    repair_arrays(SimpleNamespace())
    other = SimpleNamespace(Executor=SimpleNamespace(run_jobs=print))
    repair_arrays(other)
    assert other.Executor.run_jobs is print


def test_the_executor_of_the_lock_is_one_that_is_repaired():
    import snakemake_executor_plugin_slurm as plugin

    kept = plugin.Executor.run_jobs, plugin.pending_jobs_for_rule
    try:
        repair_arrays(plugin)
        assert plugin.Executor.run_jobs.repaired
        assert plugin.pending_jobs_for_rule(None, "train_network") == 0
    finally:
        plugin.Executor.run_jobs, plugin.pending_jobs_for_rule = kept
