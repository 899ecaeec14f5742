"""Which jobs are submitted together, and how each is judged; on a real cluster: tests/workflow/test_cluster.py."""

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from infoflow.jobs.bundles import AROUND_MB, MOST, Bundle, bundle_jobs, pack
from infoflow.jobs.run_bundle import decode, read


@dataclass(eq=False)
class Job:
    """A job of Snakemake, as far as it matters here."""

    point: int
    seconds: int | None = 2
    name: str = "probe_kernel"
    attempt: int = 1
    threads: int = 1
    about: dict = field(default_factory=dict)
    is_grouped: bool = False
    benchmark: str | None = None
    rule: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(name="probe_kernel"))

    def __post_init__(self):
        self.jobid = self.point
        self.resources = {"mem_mb": 3000, "runtime": 30, "bundle_minutes": 10, "slurm_partition": "cpu"} | self.about
        if self.seconds is not None:
            self.resources["expected_seconds"] = self.seconds
        self.scheduler_resources = {"_nodes": 1}
        self.output = [f"{self.point}.nc"]
        self.log = [f"{self.point}.log"]

    def is_group(self):
        return self.is_grouped

    def log_info(self):
        pass

    def get_target_spec(self):
        return [(self.name, {"dataset": "digits", "point": f"{self.point},0"})]

    def get_wait_for_files(self):
        return ["data.nc"]

    def register(self, external_jobid):
        pass


def sums(bundles):
    return [sum(job.seconds for job in bundle) for bundle in bundles]


def test_a_thousand_jobs_of_seconds_are_a_few_bundles_of_about_equal_length():
    jobs = [Job(k) for k in range(1000)]
    bundles, alone = pack(jobs)
    assert alone == []
    assert sums(bundles) == [500] * 4  # of ten minutes three would not do
    assert sorted(job.point for bundle in bundles for job in bundle) == list(range(1000))


def test_jobs_of_different_lengths_are_divided_by_their_sum():
    bundles, alone = pack([Job(k, seconds=1 + k) for k in range(100)])
    assert alone == []
    assert len(bundles) == -(-sum(range(101)) // 600) == 9
    assert max(sums(bundles)) < 600 + 100
    assert min(sums(bundles)) > 5050 / 9 - 100


@pytest.mark.parametrize(
    "changes",
    [
        {"seconds": None},
        {"seconds": 600},
        {"about": {"bundle_minutes": 0}},
        {"about": {"bundle_minutes": None}},
        {"is_grouped": True},
    ],
)
def test_jobs_that_are_long_or_of_unknown_length_go_by_themselves(changes):
    jobs = [Job(k, **changes) for k in range(3)]
    assert pack(jobs) == ([], jobs)


def test_only_jobs_that_are_alike_go_together():
    kinds = (
        {},
        {"name": "train_network"},
        {"attempt": 2},
        {"threads": 2},
        {"about": {"slurm_partition": "gpu"}},
        {"about": {"gpu": 1}},
    )
    jobs = [Job(k, **kind) for k in range(2) for kind in kinds]
    bundles, alone = pack(jobs)
    assert alone == []
    assert bundles == [[jobs[k], jobs[k + len(kinds)]] for k in range(len(kinds))]
    assert pack(jobs[: len(kinds)]) == ([], jobs[: len(kinds)])  # none has its like


def test_a_bundle_asks_for_the_largest_memory_and_for_time_for_all():
    small = [Job(k) for k in range(100)]
    large = Job(100, about={"mem_mb": 8000, "mem": "8 GB", "runtime": 45})
    ((members,), _) = pack([*small, large])
    bundle = Bundle(members)
    assert bundle.resources.mem_mb == 8000 + AROUND_MB
    assert bundle.resources.runtime == 45 + 11  # minutes: one upper bound, and three times the 202 seconds
    assert bundle.resources.get("slurm_partition") == "cpu"
    assert not hasattr(bundle.resources, "gres")
    again = Bundle([Job(k, attempt=2, about={"runtime": 60}) for k in range(100)])
    assert again.resources.runtime == 60 + 20
    assert Bundle([Job(k, about={"runtime": 1}) for k in range(2)]).resources.runtime == 2  # never more than the sum
    assert Bundle([Job(k, about={"runtime": None}) for k in range(2)]).resources.get("runtime") is None


def test_jobs_that_need_much_memory_go_together():
    jobs = [Job(k, seconds=100, about={"mem_mb": (3000, 9000)[k % 2]}) for k in range(12)]
    bundles, _ = pack(jobs)
    assert [Bundle(bundle).resources.mem_mb for bundle in bundles] == [9000 + AROUND_MB, 3000 + AROUND_MB]


def test_a_bundle_has_at_most_so_many_members():
    bundles, alone = pack([Job(k, seconds=1, about={"bundle_minutes": 1000}) for k in range(2 * MOST + 1)])
    assert [len(bundle) for bundle in bundles] == [667, 667, 667]
    assert alone == []


@dataclass
class SubmittedJobInfo:
    job: object
    external_jobid: str | None = None
    aux: dict | None = None


class Site:
    """An executor that submits as the one for SLURM does, to nowhere, and what it tells Snakemake."""

    def __init__(self, folder):
        self.told: list[tuple] = []
        self.submitted: list = []
        self.states: dict[str, str] = {}
        site = self
        log = folder / "slurm.log"
        log.touch()
        self.notes = {}
        """Of each point, with which submission it is made."""

        class Executor:
            tmpdir = str(folder)
            workflow = SimpleNamespace(
                scheduler=SimpleNamespace(resources={"_nodes": 7}),
                persistence=SimpleNamespace(external_jobids=lambda job: [site.notes.get(job.point)]),
                executor_settings=SimpleNamespace(init_seconds_before_status_checks=10),
                execution_settings=SimpleNamespace(latency_wait=0),
                dag=SimpleNamespace(get_unneeded_temp_files=lambda job: []),
                spawned_job_args_factory=SimpleNamespace(
                    general_args=lambda **_: "--force 'a b'", precommand=lambda **_: ""
                ),
            )
            logger = SimpleNamespace(info=lambda text: site.told.append(("info", text)))
            common_settings = None
            next_seconds_between_status_checks = 40
            _job_submission_executor = SimpleNamespace(submit=lambda function, job: function(job))

            def run_jobs(self, jobs):
                for job in jobs:
                    self.run_job(job)

            def run_job_pre(self, job):
                job.log_info()

            def run_job(self, job):
                command = self.format_job_exec(job)
                number = str(len(site.submitted) + 1)
                site.submitted.append((job, command))
                for one in getattr(job, "jobs", [job]):
                    site.notes[one.point] = number
                site.active.append(SubmittedJobInfo(job, number, {"slurm_logfile": log}))

            def format_job_exec(self, job):
                return f"snakemake {job.point}"

            def get_python_executable(self):
                return "python"

            def get_snakefile(self):
                return "Snakefile"

            def get_exec_mode(self):
                return SimpleNamespace(item_to_choice=lambda: "remote")

            def report_job_success(self, info):
                site.told.append(("success", info.job.point))

            def report_job_error(self, info, msg=None, **told):
                site.told.append(("error", info.job.point, msg))

            async def check_active_jobs(self, active):
                for info in active:
                    state = site.states.get(info.external_jobid, "RUNNING")
                    if state == "COMPLETED":
                        self.report_job_success(info)
                    elif state == "RUNNING":
                        yield info
                    else:
                        self.report_job_error(info, msg=f"SLURM status is: {state}. ", aux_logs=["log"])

        self.active: list = []
        self.plugin = SimpleNamespace(Executor=Executor, SubmittedJobInfo=SubmittedJobInfo)
        bundle_jobs(self.plugin)
        bundle_jobs(self.plugin)  # once is enough
        self.executor = Executor()

    def look(self):
        """One check of the status; what it told."""
        active, self.active = self.active, []

        async def check():
            return [info async for info in self.executor.check_active_jobs(active)]

        kept = asyncio.run(check())
        self.active += kept
        told, self.told = self.told, []
        return told


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Site(tmp_path)


def finish(folder, *points):
    for point in points:
        (folder / f"{point}.nc").write_text("whole")


def test_short_jobs_are_one_submission_with_their_names(site):
    site.executor.run_jobs([Job(1), Job(2), Job(3, seconds=None), Job(4)])
    (bundle, command), (alone, _) = site.submitted
    assert [job.point for job in bundle.jobs] == [1, 2, 4]
    assert alone.point == 3
    assert command.split()[0] == "python"
    snakemake, members = decode(command.split()[-1])
    assert snakemake[:5] == ["python", "-m", "snakemake", "--snakefile", "Snakefile"]
    assert {"--keep-going", "--force", "a b", "remote"} <= set(snakemake)
    assert [m.target for m in members] == [f'probe_kernel:dataset=digits,point="{k},0"' for k in (1, 2, 4)]
    assert [m.results for m in members] == [["1.nc"], ["2.nc"], ["4.nc"]]
    # of what may be in the queue at a time they are one, and give back as much as they took
    assert site.executor.workflow.scheduler.resources["_nodes"] == 7 + 2
    assert [job.scheduler_resources["_nodes"] for job in bundle.jobs] == [1, 0, 0]


def test_a_bundle_of_jobs_with_thousands_of_inputs_is_written_to_a_file(site, tmp_path):
    jobs = [Job(1), Job(2)]
    for job in jobs:
        job.get_wait_for_files = lambda own=job.point: [f"{hash((own, k))}.nc" for k in range(10_000)]
    site.executor.run_jobs(jobs)
    ((_, command),) = site.submitted
    assert len(command) < 1000
    word = read(command.split()[-1])
    assert [len(member.inputs) for member in decode(word)[1]] == [10_000, 10_000]


def test_members_are_reported_while_the_others_run(site, tmp_path):
    site.executor.run_jobs([Job(1), Job(2)])
    assert site.look() == []
    finish(tmp_path, 2)
    assert site.look() == []  # it may just have been finished
    assert site.look() == [("success", 2)]
    assert site.executor.next_seconds_between_status_checks == 10
    finish(tmp_path, 1)
    site.states["1"] = "COMPLETED"
    assert site.look() == [("success", 1)]
    assert site.active == []


def test_a_member_that_fails_is_told_at_once_and_judged_when_its_bundle_ends(site, tmp_path):
    site.executor.run_jobs([Job(k) for k in range(1, 13)])
    log = tmp_path / "slurm.log"
    said = "Error in rule probe_kernel:\n    jobid: 0\n    input: data.nc\n    output: 2.nc, 2.tsv\n    log: 2.log\n"
    log.write_text(f"rule probe_kernel:\n    output: 1.nc\n{said[:60]}")
    assert site.look() == []
    log.write_text(f"rule probe_kernel:\n    output: 1.nc\n{said}rule probe_kernel:\n    output: 12.nc\n")
    ((kind, told),) = site.look()
    assert kind == "info"
    assert told.startswith("2.nc: rule probe_kernel failed, in a bundle that goes on, SLURM job 1; it is tried again")
    assert "2.log" in told
    assert "slurm.log" in told
    assert site.look() == []  # once
    finish(tmp_path, 1, *range(3, 13))
    site.notes[2] = None
    site.states["1"] = "FAILED"
    assert {told[:2] for told in [*site.look(), *site.look()]} == {
        ("error", 2),
        *(("success", k) for k in (1, *range(3, 13))),
    }


@pytest.mark.parametrize("state", ["FAILED", "TIMEOUT", "CANCELLED", "OUT_OF_MEMORY", "NODE_FAIL"])
def test_of_a_bundle_that_ends_early_what_was_begun_has_failed_and_the_rest_is_submitted_again(site, tmp_path, state):
    jobs = [Job(k) for k in range(5)]
    site.executor.run_jobs(jobs)
    finish(tmp_path, 0, 1)
    site.notes[2] = None  # it was begun
    site.states["1"] = state
    assert site.look() == [("success", 0), ("success", 1)]
    failed, again = site.look()
    assert failed[:2] == ("error", 2)
    assert state in failed[2]
    assert "slurm.log" in failed[2]
    assert again[0] == "info"
    assert len(site.submitted) == 2
    assert site.submitted[1][0].jobs == jobs[3:]
    # the second one has finished all
    finish(tmp_path, 3, 4)
    site.states["2"] = "COMPLETED"
    assert site.look() == [("success", 3), ("success", 4)]
    assert site.active == []


def test_one_that_is_left_goes_by_itself(site, tmp_path):
    jobs = [Job(k) for k in range(2)]
    site.executor.run_jobs(jobs)
    finish(tmp_path, 0)
    site.states["1"] = "TIMEOUT"
    site.look()
    site.look()
    assert site.submitted[1][0] is jobs[1]


def test_a_bundle_that_began_nothing_has_failed_as_a_whole(site):
    site.executor.run_jobs([Job(1), Job(2)])
    site.states["1"] = "FAILED"
    assert site.look() == []
    assert [told[:2] for told in site.look()] == [("error", 1), ("error", 2)]
    assert len(site.submitted) == 1
    assert site.active == []


def test_results_that_show_up_late_are_waited_for(site, tmp_path):
    site.executor.workflow.execution_settings.latency_wait = 1000
    site.executor.run_jobs([Job(1), Job(2)])
    site.states["1"] = "COMPLETED"
    site.notes = {}
    finish(tmp_path, 1)
    assert site.look() == [("success", 1)]
    assert site.look() == []
    finish(tmp_path, 2)
    assert site.look() == [("success", 2)]
    assert site.active == []


def test_a_result_from_before_is_none(site, tmp_path):
    finish(tmp_path, 1, 2)
    site.executor.run_jobs([Job(1), Job(2)])
    site.notes = {}
    site.states["1"] = "FAILED"
    assert site.look() == []
    assert [told[:2] for told in site.look()] == [("error", 1), ("error", 2)]


def test_a_bundle_that_cannot_be_submitted_is_reported_point_by_point(site):
    bundle = Bundle([Job(1), Job(2)])
    site.executor.report_job_error(SubmittedJobInfo(bundle), "SLURM sbatch failed. ")
    first, second = site.told
    assert first == ("error", 1, "SLURM sbatch failed. ")
    assert second[:2] == ("error", 2)


def test_other_executors_are_left_alone():
    bundle_jobs(SimpleNamespace())
    other = SimpleNamespace(Executor=SimpleNamespace(run_jobs=print))
    bundle_jobs(other)
    assert other.Executor.run_jobs is print


def test_the_executor_of_the_lock_is_one_that_bundles():
    import snakemake_executor_plugin_slurm as plugin

    names = ("run_jobs", "format_job_exec", "check_active_jobs", "report_job_success", "report_job_error")
    inherited = {name: name not in vars(plugin.Executor) for name in names}
    kept = {name: getattr(plugin.Executor, name) for name in names}
    try:
        bundle_jobs(plugin)
        assert all(getattr(plugin.Executor, name) is not kept[name] for name in names)
    finally:
        for name in names:
            delattr(plugin.Executor, name) if inherited[name] else setattr(plugin.Executor, name, kept[name])
