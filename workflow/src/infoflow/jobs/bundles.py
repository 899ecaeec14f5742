"""Many short jobs in one submission to SLURM, while results, retries, logs and failures stay those of single jobs.

A bundle is one job of SLURM, in which one Snakemake computes all of its members, one after the other (`run_bundle`).
For the executor it looks like a job; for Snakemake there are only its members: each is reported by itself, while the
bundle runs if it is finished by then; of one that fails, a line is said at once. Once the bundle has ended, however
that came, of those that are not finished

- the ones that were begun have failed, and are tried again as any other job;
- the ones that were not are submitted again, as if nothing had been: they had no part in it. If nothing at all was
  begun, that is a failure of them all.

Snakemake's own groups are not used: a group fails, and is tried again, as a whole.

Standard library only: the workflow imports this when it is parsed.
"""

import shlex
import sys
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from infoflow.jobs import run_bundle
from infoflow.jobs.run_bundle import Member

LENGTH, EXPECTED = "bundle_minutes", "expected_seconds"
"""Resources: how long a bundle is to be, 0 for no bundles; and how long a job takes on one core, if that is known."""
SAFETY = 3
"""So many times the expected time of its members is asked for, beside the upper bound of one of them."""
AROUND_MB = 650
"""Memory of the process with large libraries from which the members are forked: measured, 605 MB."""
MOST = 1000
"""Members of a bundle."""
LONGEST = 100_000
"""Characters of a word on the command line, which may have 128 KiB; a bundle with more of it is written to a file."""
LARGEST = ("mem_mb", "mem_mib", "mem_mb_per_cpu", "disk_mb", "disk_mib", "runtime", EXPECTED)
"""Resources that may differ within a bundle: it gets the largest."""
WORDS = ("mem", "disk")
"""Resources that say the same as others, for people."""
_METHODS = ("run_jobs", "run_job", "format_job_exec", "check_active_jobs", "report_job_success", "report_job_error")
_NEEDED = (*_METHODS, "get_python_executable", "get_snakefile", "get_exec_mode")


class Resources(dict):
    """Resources by name, as items and as attributes."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class Bundle:
    """Jobs of one rule that are submitted together; where the executor submits jobs, it looks like one.

    Attributes:
        jobs: its members, at least two, alike but for `LARGEST`.
        files: what is known of their files, from when they were submitted; in the order of the jobs.
        pending: those that have not been reported yet.
        over: when it ended (`time.monotonic`), None if it did not.
        why: what was said of its end, None if it succeeded.
    """

    def __init__(self, jobs: Sequence[Any]):
        self.jobs = list(jobs)
        first = self.jobs[0]
        self.name, self.rule, self.threads, self.attempt = first.name, first.rule, first.threads, first.attempt
        self.jobid = f"{first.jobid} and {len(jobs) - 1} more of rule {first.name}"
        self.wildcards = [f"bundle_of_{len(jobs)}"]
        self.resources = resources(self.jobs)
        self.is_local = False
        self.files: dict[Any, Member] = {}
        self.pending = list(self.jobs)
        self.over: float | None = None
        self.why: str | None = None
        self._seen: set[Any] = set()
        self._read, self._failed = 0, False

    def is_group(self) -> bool:
        """Whether it is one of Snakemake's own groups."""
        return False

    def log_info(self, **options: Any) -> None:
        """Tell of all members, as of jobs that start."""
        for job in self.jobs:
            job.log_info(**options)

    def register(self, external_jobid: str | None = None) -> None:
        """Note of all members by which job of SLURM they are made."""
        for job in self.jobs:
            job.register(external_jobid=external_jobid)

    def look(self) -> None:
        """Note what is there of the members' files, before they are submitted."""
        self.files = {job: _member(job) for job in self.jobs}

    def finished(self) -> list[Any]:
        """The pending members that are finished. While the bundle runs, only those that were at the last look too.

        The Snakemake within it has some work with a member after its results are in place.
        """
        now = {job for job in self.pending if self.files[job].is_finished()}
        found = [job for job in self.pending if job in now and (self.over is not None or job in self._seen)]
        self._seen = now
        return found

    def failed(self, log: Path) -> list[Any]:
        """The pending members of which the Snakemake within the bundle has said since the last look that they failed.

        Args:
            log: SLURM's, of what it says: `Error in rule ...:`, and the outputs in one of the lines below.
        """
        with log.open("rb") as file:
            file.seek(self._read)
            lines = file.read().split(b"\n")
            self._read = file.tell() - len(lines.pop())  # of a line that is not whole, all at the next look
        named = {str(job.output[0]): job for job in self.pending if job.output}
        found = []
        for line in (line.decode("utf-8", "replace") for line in lines):
            key, _, value = line.strip().partition(": ")
            if line.startswith("Error in rule "):
                self._failed = True
            elif self._failed and key == "output":
                self._failed = False
                found += [job for path, job in named.items() if value == path or value.startswith(f"{path}, ")]
        return found

    def end(self, why: str | None) -> None:
        """Note that it has ended."""
        self.over, self.why = time.monotonic(), why


def expected_seconds(job: Any) -> int | None:
    """How long a job takes that may be one of a bundle; None if it goes by itself."""
    if job.is_group():
        return None
    seconds, minutes = job.resources.get(EXPECTED), job.resources.get(LENGTH)
    if not isinstance(seconds, int) or not isinstance(minutes, int) or seconds >= 60 * minutes:
        return None
    return max(seconds, 1)


def pack(jobs: Iterable[Any]) -> tuple[list[list[Any]], list[Any]]:
    """Divide jobs into bundles of about the wanted length.

    Members of one are of the same rule and ask for the same, but for `LARGEST`; those that need much of the memory go
    together. Of jobs that are alike there are as few bundles as their sum allows, about equally long.

    Returns:
        The members of each bundle, and the jobs that go by themselves: those that are long, or of unknown length, or
        have no like.
    """
    alike: dict[tuple, list] = {}
    bundles, alone = [], []
    for job in jobs:
        if expected_seconds(job) is None:
            alone.append(job)
        else:
            wanted = sorted((k, repr(v)) for k, v in job.resources.items() if k not in LARGEST + WORDS)
            alike.setdefault((job.name, job.attempt, job.threads, repr(wanted)), []).append(job)
    for like in alike.values():
        like.sort(key=lambda job: -job.resources.get("mem_mb", 0))
        seconds = [expected_seconds(job) for job in like]
        count = max(-(-sum(seconds) // (60 * like[0].resources[LENGTH])), -(-len(like) // MOST))
        parts: list[list] = [[] for _ in range(count)]
        before = 0.0
        for job, own in zip(like, seconds, strict=True):
            # a job goes where its middle lies
            parts[int((before + own / 2) / sum(seconds) * count)].append(job)
            before += own
        for part in parts:
            for k in range(0, len(part), MOST):
                few = part[k : k + MOST]
                (bundles.append(few) if len(few) > 1 else alone.extend(few))
    return bundles, alone


def resources(jobs: Sequence[Any]) -> Resources:
    """What a bundle asks for.

    The largest of what differs, as members run one after the other, and `AROUND_MB`. Of `runtime`, in minutes, which is
    the upper bound of one of them, once the largest and `SAFETY` times what is expected of all, but never more than all
    of the bounds.
    """
    found = Resources(jobs[0].resources.items())
    for name in LARGEST:
        values = [job.resources[name] for job in jobs if isinstance(job.resources.get(name), int)]
        if values:
            found[name] = max(values) + (AROUND_MB if name in ("mem_mb", "mem_mb_per_cpu") else 0)
    bounds = [job.resources.get("runtime") for job in jobs]
    if all(isinstance(bound, int) for bound in bounds):
        seconds = SAFETY * jobs[0].attempt * sum(expected_seconds(job) or 0 for job in jobs)
        found["runtime"] = min(sum(bounds), max(bounds) + -(-seconds // 60))
    return found


def bundle_jobs(plugin: ModuleType | None = None) -> None:
    """Let the SLURM executor submit short jobs as bundles.

    Args:
        plugin: the executor's module, of version 2.8.0 or alike; if Snakemake has not imported it, or it is another,
            nothing is changed.
    """
    plugin = plugin or sys.modules.get("snakemake_executor_plugin_slurm")
    executor = getattr(plugin, "Executor", None)
    if not all(hasattr(executor, name) for name in _NEEDED) or not hasattr(plugin, "SubmittedJobInfo"):
        return
    if hasattr(executor.run_jobs, "bundles"):
        return
    run_jobs, format_job_exec, check_active_jobs, success, error = (
        getattr(executor, name) for name in _METHODS if name != "run_job"
    )

    def run_jobs_in_bundles(self: Any, jobs: list) -> None:
        bundles, alone = pack(jobs)
        for members in bundles:
            _count_as_one(self.workflow.scheduler, members)
            bundle = Bundle(members)
            self.run_job_pre(bundle)
            _submit(self, bundle)
        if alone:
            run_jobs(self, alone)

    def format_any_exec(self: Any, job: Any) -> str:
        if not isinstance(job, Bundle):
            return format_job_exec(self, job)
        job.look()
        return _command(self, job)

    def report(self: Any, info: Any, jobs: Iterable[Any], msg: str | None = None, **told: Any) -> None:
        """Report members: they have failed, if there is a message."""
        for job in list(jobs):
            info.job.pending.remove(job)
            one = plugin.SubmittedJobInfo(job, external_jobid=info.external_jobid)
            success(self, one) if msg is None else error(self, one, msg=msg, **told)

    def report_any_success(self: Any, info: Any) -> None:
        info.job.end(None) if isinstance(info.job, Bundle) else success(self, info)

    def report_any_error(self: Any, info: Any, msg: str | None = None, **told: Any) -> None:
        if not isinstance(info.job, Bundle):
            error(self, info, msg=msg, **told)
        elif info.external_jobid is None:  # it was not submitted
            report(self, info, info.job.pending[:1], msg or "")
            report(self, info, info.job.pending, "Part of a bundle that was not submitted, see above. ")
        else:
            info.job.end(msg or "It failed. ")

    async def check_all_active_jobs(self: Any, active_jobs: list) -> AsyncIterator[Any]:
        bundles = [info for info in active_jobs if isinstance(info.job, Bundle)]
        ended = {id(info) for info in bundles if info.job.over is not None}
        async for info in check_active_jobs(self, [info for info in active_jobs if id(info) not in ended]):
            yield info
        any_finished = False
        for info in bundles:
            bundle = info.job
            # SLURM's log is there as soon as the bundle runs
            if bundle.over is not None or info.aux["slurm_logfile"].exists():
                finished = bundle.finished()
                report(self, info, finished)
                any_finished = any_finished or bool(finished)
                if bundle.over is None:
                    say_failed(self, info)
            if id(info) in ended and bundle.pending:
                settle(self, info)
            if bundle.over is not None and bundle.pending:
                yield info  # files may show up late: it is judged at the next look
        if any_finished:  # as the executor does, which waits longer and longer otherwise
            self.next_seconds_between_status_checks = self.workflow.executor_settings.init_seconds_before_status_checks

    def say_failed(self: Any, info: Any) -> None:
        try:
            failed = info.job.failed(Path(info.aux["slurm_logfile"]))
        except OSError:  # it is told when the bundle ends
            return
        for job in failed:
            self.logger.info(
                f"{job.output[0]}: rule {job.name} failed, in a bundle that goes on, SLURM job {info.external_jobid}; "
                f"it is tried again, or given up, when that ends. Logs: {', '.join(map(str, job.log))}, "
                f"{info.aux['slurm_logfile']}"
            )

    def settle(self: Any, info: Any) -> None:
        """Report what is pending of a bundle that has ended, or submit it again."""
        bundle = info.job
        if bundle.why is None and time.monotonic() - bundle.over < self.workflow.execution_settings.latency_wait:
            return
        failed, others = [], []
        for job in bundle.pending:
            (failed if _is_begun(self.workflow.persistence, job, info.external_jobid) else others).append(job)
        log = info.aux["slurm_logfile"]
        why = f"One of {len(bundle.jobs)} jobs of a bundle: {bundle.why or 'It left no result. '} SLURM's log: {log}. "
        if len(others) == len(bundle.jobs):
            report(self, info, others[:1], why, aux_logs=[str(log)])
            report(self, info, others[1:], why)
            return
        report(self, info, failed, why)
        if others:
            bundle.pending = []
            self.logger.info(
                f"SLURM job {info.external_jobid} ended before {len(others)} of its {len(bundle.jobs)} jobs were "
                f"begun: they are submitted again. SLURM's log: {log}"
            )
            again, alone = pack(others)
            for members in again:
                _submit(self, Bundle(members))
            for job in alone:
                self._job_submission_executor.submit(self.run_job, job)

    run_jobs_in_bundles.bundles = run_jobs_in_bundles.repaired = True
    executor.run_jobs = run_jobs_in_bundles
    executor.format_job_exec = format_any_exec
    executor.check_active_jobs = check_all_active_jobs
    executor.report_job_success = report_any_success
    executor.report_job_error = report_any_error


def _submit(executor: Any, bundle: Bundle) -> None:
    executor._job_submission_executor.submit(executor.run_job, bundle)


def _count_as_one(scheduler: Any, members: Sequence[Any]) -> None:
    """Let the members of a bundle be one of the `jobs` that may be in the queue at a time."""
    if "_nodes" in getattr(scheduler, "resources", ()):
        for job in members[1:]:
            # what it has taken; when it ends, what is written here is given back
            scheduler.resources["_nodes"] += job.scheduler_resources.get("_nodes", 0)
            job.scheduler_resources["_nodes"] = 0


def _is_begun(persistence: Any, job: Any, submission: str) -> bool:
    """Whether a job of a submission was started that is not finished.

    Snakemake notes of each file that is not finished with which submission it is made; the Snakemake within the bundle
    notes none when it starts the job, and deletes the note when that has failed.
    """
    return submission not in persistence.external_jobids(job)


def _member(job: Any) -> Member:
    """What is to be known of a job."""
    ((rule, wildcards),) = job.get_target_spec()
    target = f"{rule}:" + ",".join(f"{name}={_quoted(value)}" for name, value in wildcards.items())
    results = [*map(str, job.output), *([str(job.benchmark)] if job.benchmark else [])]
    return Member.now(target, list(map(str, job.get_wait_for_files())), results)


def _quoted(value: Any) -> str:
    return f'"{value}"' if "," in str(value) else str(value)


def _command(executor: Any, bundle: Bundle) -> str:
    """What SLURM runs: the command line that the executor has for one job, but for many."""
    arguments = executor.workflow.spawned_job_args_factory
    settings = {"executor_common_settings": executor.common_settings}
    unneeded = [str(path) for job in bundle.jobs for path in executor.workflow.dag.get_unneeded_temp_files(job)]
    python = executor.get_python_executable()
    snakemake = [
        *(python, "-m", "snakemake", "--snakefile", str(executor.get_snakefile())),
        *("--allowed-rules", bundle.name),
        *("--cores", str(max(bundle.threads, 1))),  # one after the other: each has the memory and the GPU for itself
        *("--attempt", str(bundle.attempt)),
        "--force-use-threads",
        "--keep-going",
        *("--scheduler-subsample", "1"),  # it takes the next one; to look at all each time is quadratic
        *(["--unneeded-temp-files", *unneeded] if unneeded else []),
        *shlex.split(arguments.general_args(**settings)),
        *("--mode", executor.get_exec_mode().item_to_choice()),
    ]
    word = run_bundle.encode(snakemake, [bundle.files[job] for job in bundle.jobs])
    if len(word) > LONGEST:  # a few jobs with thousands of inputs
        path = Path(executor.tmpdir) / f"bundle.{bundle.jobs[0].jobid}.{bundle.attempt}"
        path.write_text(word, encoding="ascii")
        word = f"@{path}"
    before = arguments.precommand(**settings)
    call = shlex.join([python, str(Path(run_bundle.__file__).resolve()), word])
    return f"{before} && {call}" if before else call
