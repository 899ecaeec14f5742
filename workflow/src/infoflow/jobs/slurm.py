"""What runs on a SLURM cluster need beyond Snakemake's executor for it.

Standard library only: the workflow imports this when it is parsed.
"""

import logging
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from infoflow.errors import InfoflowError
from infoflow.jobs.bundles import EXPECTED

logger = logging.getLogger(__name__)

_SUBMITTED = "rule_"
"""With what the comment begins that the executor gives its jobs."""


def refuse_leftover_jobs(directory: str | Path) -> None:
    """Refuse to start while jobs of an earlier run still compute in a directory.

    They outlive a Snakemake process that was killed; submitted again, their points would be computed twice.

    Raises:
        InfoflowError: there are such jobs; the message names them.
    """
    if shutil.which("squeue") is None:
        return
    command = ["squeue", "--me", "--noheader", "--format=%A %k|%Z"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        logger.warning("jobs of an earlier run cannot be looked for: %s", error)
        return
    jobs = set()
    for line in done.stdout.splitlines():
        job, _, where = line.rpartition("|")
        number, _, comment = job.partition(" ")
        if comment.startswith(_SUBMITTED) and Path(where) == Path(directory):
            jobs.add(number)
    if jobs:
        numbers = " ".join(sorted(jobs, key=int))
        raise InfoflowError(
            f"SLURM jobs of an earlier run still compute in this directory: {numbers}; wait until they are done, their "
            f"results count, or end them with: scancel {numbers}"
        )


def repair_arrays(plugin: ModuleType | None = None) -> None:
    """Let the SLURM executor submit every job that the scheduler hands over, with its own resources.

    Version 2.8.0 of it forgets jobs of a rule that is submitted as job arrays, if more of them are ready than `jobs`
    allows at a time: it waits for all of them, while the scheduler counts those that it handed over as running, and
    waits for ever. It also asks for the resources of the first job for all of an array, so that a job that is tried
    again would not get more memory and time.

    Args:
        plugin: the executor's module; if Snakemake has not imported it, there is nothing to repair.
    """
    plugin = plugin or sys.modules.get("snakemake_executor_plugin_slurm")
    submit = getattr(getattr(plugin, "Executor", None), "run_jobs", None)
    if submit is None or not hasattr(plugin, "pending_jobs_for_rule") or hasattr(submit, "repaired"):
        return

    def run_jobs(self: Any, jobs: list) -> None:
        alike: dict[tuple, list] = {}
        for job in jobs:
            wanted = sorted((name, value) for name, value in job.resources.items() if name != EXPECTED)
            alike.setdefault((job.name, repr(wanted)), []).append(job)
        for part in alike.values():
            submit(self, part)

    run_jobs.repaired = True
    plugin.Executor.run_jobs = run_jobs
    plugin.pending_jobs_for_rule = lambda dag, rule_name: 0  # nothing to wait for
