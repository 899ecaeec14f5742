"""Runs on a real SLURM, started here: what a cluster does to jobs, and what the profile does about it."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import xarray as xr
import yaml

from common import ROOT
from infoflow.files.results import read_result
from infoflow.jobs.bundles import Bundle
from infoflow.jobs.costs import LEAST_MEMORY_MB, memory_around
from infoflow.studies.trainability.cube import read_trainability
from runs import CUBE, TINY, TRAININGS, Checkout, assert_same_numbers, happened, results
from slurm_cluster import Cluster

pytestmark = pytest.mark.slurm

PARTITIONS = {"cpu": "batch", "gpu": "accelerated"}
QUICK = {"slurm-init-seconds-before-status-checks": 2, "seconds-between-status-checks": 2}
DIGITS = {**TINY["datasets"]["digits"], "probe": {**TINY["datasets"]["digits"]["probe"], "method": "adam"}}
SMALL = {
    "datasets": {"digits": DIGITS},
    "experiments": {"digits": {"sigma_w2": [1.0], "depth": [2], "highlight": [1.0]}},
}
"""One probe, one training."""
TRAINED = TRAININGS[0]
MANY = {
    "datasets": {"digits": {**DIGITS, "probe": {**DIGITS["probe"], "method": "kernel"}}},
    "experiments": {"digits": {"sigma_w2": {"start": 0.5, "stop": 2.7, "num": 12}, "depth": [3], "truth": False}},
}
"""A dozen probes of a second."""
BUNDLED = {"probe_kernel": {"expected_seconds": 2, "mem_mb": "3500 * attempt", "runtime": 60}}


@pytest.fixture(scope="session")
def cluster():
    cluster = Cluster()
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory):
    """The cube of the small grid from the local profile."""
    checkout = Checkout(tmp_path_factory.mktemp("undisturbed"))
    checkout.configure(**SMALL)
    checkout.run("all_cubes")
    return read_trainability(checkout.root / CUBE)


@pytest.fixture(scope="session")
def many(tmp_path_factory):
    """The probes of the grid of many from the local profile."""
    checkout = Checkout(tmp_path_factory.mktemp("many"))
    checkout.configure(**MANY)
    checkout.run("all_probes")
    return probed(checkout)


@pytest.fixture
def site(cluster, checkout):
    """A site whose jobs go one by one."""
    checkout.configure(**SMALL)
    adapt(checkout, **QUICK)
    yield checkout
    cluster.cancel_all()


@pytest.fixture
def bundling(cluster, checkout):
    """A site that submits many probes together."""
    checkout.configure(**MANY)
    adapt(checkout, bundle_minutes=10, rules=BUNDLED, **QUICK)
    yield checkout
    cluster.cancel_all()


def adapt(checkout: Checkout, rules: dict | None = None, bundle_minutes: int = 0, **changes) -> None:
    """Write profiles/site: that of the repository with this cluster's partitions and account, and further changes."""
    profile = yaml.safe_load((ROOT / "profiles/slurm/config.yaml").read_text())
    profile["set-resources"] = {rule: dict(wanted) for rule, wanted in profile["set-resources"].items()}  # no aliases
    for resources in (profile["default-resources"], *profile["set-resources"].values()):
        if "slurm_partition" in resources:
            resources["slurm_partition"] = PARTITIONS[resources["slurm_partition"]]
    profile["default-resources"] |= {"slurm_account": "theory", "bundle_minutes": bundle_minutes}
    for rule, resources in (rules or {}).items():
        profile["set-resources"][rule] = profile["set-resources"].get(rule, {}) | resources
        profile["set-resources"][rule] = {k: v for k, v in profile["set-resources"][rule].items() if v is not None}
    (checkout.root / "profiles/site").mkdir(exist_ok=True)
    (checkout.root / "profiles/site/config.yaml").write_text(yaml.safe_dump(profile | changes))


class Run:
    """A run of Snakemake that goes on while the test does."""

    def __init__(self, checkout: Checkout, *arguments: str, **environment: str):
        self.process = checkout.start(*arguments, profile="site", **environment)
        self.output: list[str] = []
        self.readers = [
            threading.Thread(target=lambda pipe=pipe: self.output.extend(pipe), daemon=True)
            for pipe in (self.process.stdout, self.process.stderr)
        ]
        for reader in self.readers:
            reader.start()

    def finish(self, seconds: float = 600) -> str:
        """Its output, once it has ended."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            pytest.fail(f"no end after {seconds} s:\n{''.join(self.output)}")
        for reader in self.readers:
            reader.join()
        return "".join(self.output)

    def succeed(self) -> str:
        output = self.finish()
        assert self.process.returncode == 0, output
        return output


def wait_for(condition, run: Run, what: str, seconds: float = 180) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end or run.process.poll() is not None:
            run.process.kill()
            pytest.fail(f"no {what}:\n{run.finish()}")
        time.sleep(0.1)


def started(environment: dict[str, str], script: str, times: int = 1) -> bool:
    """Whether so many processes of a script have begun."""
    return happened(environment, f"started.{script}") >= times


def release(environment: dict[str, str]) -> None:
    """Let the jobs go on that hold."""
    (Path(environment["INFOFLOW_FAULTS"]).parent / "release").touch()


def running(cluster: Cluster, rule: str, show: str = "%i") -> list[str]:
    """The jobs of a rule that run."""
    jobs = [line.split("|") for line in cluster.jobs(show=f"%k|{show}")]
    return [shown for comment, shown in jobs if comment.startswith(f"rule_{rule}")]


def attempts(output: str, rule: str, resource: str) -> list[int]:
    """What a rule asked for, attempt by attempt."""
    blocks = re.findall(rf"^rule {rule}:\n((?:    .*\n)+)", output, re.MULTILINE)
    return [int(re.search(rf"\b{resource}=(\d+)", block)[1]) for block in blocks]


def submissions(output: str) -> int:
    """Jobs of SLURM, an array as one."""
    return len(re.findall(r"has been submitted with SLURM jobid|^Submitted array job", output, re.MULTILINE))


def reported(run: Run) -> int:
    """Probes that Snakemake has taken note of, and has touched."""
    return sum("(Rule: probe_kernel)" in line for line in run.output)


def probed(checkout: Checkout) -> dict[str, xr.Dataset]:
    """The probes of the grid of many."""
    return {path.name: xr.load_dataset(path) for path in checkout.root.glob("results/probe_kernel/digits/mlp/*.nc")}


def assert_same_probes(checkout: Checkout, expected: dict[str, xr.Dataset]) -> None:
    found = probed(checkout)
    assert set(found) == set(expected)
    for name, probe in found.items():
        assert_same_numbers(probe, expected[name])


def test_the_tiny_grid_runs_through_the_profile_to_every_figure(cluster, checkout, finished):
    adapt(checkout, bundle_minutes=10)
    output = Run(checkout, "all_figures").succeed()
    assert re.search(r"Submitted array job|and \d+ more of rule", output)
    assert_same_numbers(read_trainability(checkout.root / CUBE), read_trainability(finished.root / CUBE))
    drawn = {path.relative_to(checkout.root) for path in checkout.root.glob("results/figures/*/*")}
    assert drawn == {path.relative_to(finished.root) for path in finished.root.glob("results/figures/digits/*")}
    assert checkout.plan() == {}


def test_more_jobs_than_may_be_submitted_at_a_time_all_run(site):
    site.configure(datasets=SMALL["datasets"])
    adapt(site, jobs=3, **QUICK)
    output = Run(site, "all_trainings", "all_probes").succeed()
    assert "Submitted array job" in output
    assert len(list(site.root.glob("results/train_network/digits/mlp/*.nc"))) == 4


def test_a_cancelled_job_is_submitted_again(cluster, site, undisturbed):
    faults = site.faults({"script": "train_network", "action": "sleep", "seconds": 600})
    run = Run(site, "all_cubes", **faults)
    wait_for(lambda: started(faults, "train_network"), run, "training that runs")
    cluster.run("scancel", *running(cluster, "train_network"))
    run.succeed()
    assert_same_numbers(read_trainability(site.root / CUBE), undisturbed)


def test_a_killed_python_is_started_again(site, undisturbed):
    faults = site.faults({"script": "probe_cascade", "action": "kill", "seconds": 0.5})
    Run(site, "all_cubes", **faults).succeed()
    assert started(faults, "probe_cascade", 2)
    assert_same_numbers(read_trainability(site.root / CUBE), undisturbed)


def test_a_node_that_goes_down_loses_no_job(cluster, site, undisturbed):
    faults = site.faults({"script": "train_network", "action": "sleep", "seconds": 180})
    run = Run(site, "all_cubes", **faults)
    wait_for(lambda: started(faults, "train_network"), run, "training that runs")
    (node,) = running(cluster, "train_network", "%N")
    cluster.run("scontrol", "update", f"nodename={node}", "state=down", "reason=test")
    try:
        run.succeed()
    finally:
        cluster.run("scontrol", "update", f"nodename={node}", "state=resume", check=False)  # it may be back
    assert started(faults, "train_network", 2)
    assert_same_numbers(read_trainability(site.root / CUBE), undisturbed)


def test_a_restarted_controller_is_waited_for(cluster, site, undisturbed):
    faults = site.faults({"script": "train_network", "action": "hold"})
    run = Run(site, "all_cubes", **faults)
    wait_for(lambda: started(faults, "train_network"), run, "training that runs")
    # slurmctld writes down within five seconds what started and ended; sooner, it would start that again
    evaluated = site.root / "results/evaluate_kl/digits/mlp/w1.000000_b0.050000_d002.nc"
    wait_for(lambda: evaluated.exists() and len(cluster.jobs("pending,running,completing")) == 1, run, "end of others")
    time.sleep(7)
    cluster.end("slurmctld", signal.SIGKILL)
    time.sleep(5)  # the queue is asked in vain meanwhile
    cluster.start_controller()
    release(faults)
    run.succeed()
    assert not started(faults, "train_network", 2)
    assert_same_numbers(read_trainability(site.root / CUBE), undisturbed)


def test_after_snakemake_was_killed_its_jobs_finish_and_are_not_computed_again(cluster, site, undisturbed):
    faults = site.faults({"script": "train_network", "action": "hold"})
    run = Run(site, "all_cubes", **faults)
    wait_for(lambda: started(faults, "train_network"), run, "training that runs")
    (job,) = running(cluster, "train_network")
    run.process.kill()
    run.finish()
    locked = Run(site, "all_cubes", **faults)
    assert "Directory cannot be locked" in locked.finish()
    Run(site, "all_cubes", "--unlock").succeed()
    early = Run(site, "all_cubes", **faults)
    assert f"SLURM jobs of an earlier run still compute in this directory: {job}" in early.finish()
    assert early.process.returncode != 0
    release(faults)
    cluster.wait_for(lambda: not running(cluster, "train_network"), "end of the training", 120)
    whole = {path: path.stat().st_mtime_ns for path in site.root.glob("results/*/digits/mlp/*.nc")}
    assert site.root / TRAINED in whole
    Run(site, "all_cubes", **faults).succeed()
    assert {path: path.stat().st_mtime_ns for path in whole} == whole
    assert not started(faults, "train_network", 2)
    assert_same_numbers(read_trainability(site.root / CUBE), undisturbed)


def test_an_interrupted_run_cancels_its_jobs_and_goes_on_when_started_again(cluster, site, undisturbed):
    faults = site.faults({"script": "train_network", "action": "sleep", "seconds": 600})
    run = Run(site, "all_cubes", **faults)
    wait_for(lambda: started(faults, "train_network"), run, "training that runs")
    for _ in range(2):  # the first one waits for jobs that run, the second one cancels them
        run.process.send_signal(signal.SIGINT)
        time.sleep(1)
    run.finish(120)
    cluster.wait_for(lambda: not cluster.jobs("pending,running,completing"), "cancelled job")
    Run(site, "all_cubes", **faults).succeed()
    assert_same_numbers(read_trainability(site.root / CUBE), undisturbed)


def test_a_job_that_takes_too_long_gets_more_time_and_is_reported_in_its_last_attempt(
    site, undisturbed, tmp_path_factory
):
    """Two runs side by side: SLURM looks for jobs beyond their limit of a minute every half minute."""
    last = Checkout(tmp_path_factory.mktemp("last"))
    last.configure(**SMALL)
    runs = []
    for checkout, restarts in ((site, {}), (last, {"restart-times": 0})):
        adapt(checkout, rules={"train_network": {"runtime": "1 * attempt"}}, **QUICK, **restarts)
        faults = checkout.faults({"script": "train_network", "action": "sleep", "seconds": 600})
        runs.append(Run(checkout, "all_cubes", **faults))
    output = runs[0].succeed()
    assert attempts(output, "train_network", "runtime") == [1, 2]
    assert_same_numbers(read_trainability(site.root / CUBE), undisturbed)

    output = runs[1].finish()
    assert runs[1].process.returncode != 0
    assert re.search(r"Error in rule train_network:\n(    .*\n)*    output: " + re.escape(TRAINED), output)
    assert "TIMEOUT" in output
    assert list(last.root.glob("results/evaluate_kl/digits/mlp/*.nc"))
    Run(last, "all_cubes").succeed()
    assert_same_numbers(read_trainability(last.root / CUBE), undisturbed)


def test_a_job_that_needs_more_memory_gets_it(site, undisturbed):
    adapt(site, rules={"train_network": {"mem_mb": "2000 * attempt"}}, **QUICK)
    faults = site.faults(
        {"script": "train_network", "action": "fill", "mb": 2200, "seconds": 10, "times": None},
    )
    output = Run(site, "all_cubes", **faults).succeed()
    assert attempts(output, "train_network", "mem_mb") == [2000, 4000]
    assert_same_numbers(read_trainability(site.root / CUBE), undisturbed)


def test_a_job_that_never_gets_enough_is_reported_and_the_others_finish(site, undisturbed):
    adapt(site, rules={"train_network": {"mem_mb": "500 * attempt"}}, **QUICK)
    faults = site.faults(
        {"script": "train_network", "action": "fill", "mb": 2200, "seconds": 60, "times": None},
    )
    run = Run(site, "all_cubes", **faults)
    output = run.finish()
    assert run.process.returncode != 0
    assert attempts(output, "train_network", "mem_mb") == [500, 1000, 1500]
    assert re.search(r"Error in rule train_network:\n(    .*\n)*    output: " + re.escape(TRAINED), output)
    assert list(site.root.glob("results/evaluate_kl/digits/mlp/*.nc"))
    assert not (site.root / CUBE).exists()
    adapt(site, **QUICK)
    Run(site, "all_cubes").succeed()
    assert_same_numbers(read_trainability(site.root / CUBE), undisturbed)


def test_of_a_bundle_a_killed_job_alone_has_failed_and_is_computed_again(bundling, many):
    adapt(bundling, bundle_minutes=10, rules=BUNDLED, **QUICK, **{"restart-times": 0})
    faults = bundling.faults({"script": "probe_kernel", "action": "kill", "seconds": 0.2})
    run = Run(bundling, "all_probes", **faults)
    output = run.finish()
    assert run.process.returncode != 0
    assert submissions(output) == 1
    assert output.count("Error in rule probe_kernel") == 1
    (error,) = re.findall(r"^Error in rule probe_kernel:\n((?:    .*\n)+)", output, re.MULTILINE)
    (name,) = set(many) - set(probed(bundling))
    assert f"    output: results/probe_kernel/digits/mlp/{name}\n" in error
    assert f"    log: results/logs/probe_kernel/digits/mlp/{Path(name).stem}.log " in error
    assert "One of 12 jobs of a bundle" in error
    (log,) = bundling.root.glob("results/logs/slurm/rule_probe_kernel/bundle_of_12/*.log")
    jobs = [SimpleNamespace(output=[f"results/probe_kernel/digits/mlp/{name}"]) for name in many]
    bundle = SimpleNamespace(pending=jobs, _read=0, _failed=False)
    assert [job.output for job in Bundle.failed(bundle, log)] == [[f"results/probe_kernel/digits/mlp/{name}"]]

    before = results(bundling)
    output = Run(bundling, "all_probes", **faults).succeed()
    assert submissions(output) == 1
    assert happened(faults, "started.probe_kernel") == 12 + 1
    assert results(bundling).items() > before.items()
    assert_same_probes(bundling, many)


def test_of_a_cancelled_bundle_what_was_finished_stays_and_what_was_not_begun_loses_no_attempt(cluster, bundling, many):
    faults = bundling.faults({"script": "probe_kernel", "action": "sleep", "seconds": 600, "skip": 4})
    run = Run(bundling, "all_probes", **faults)
    wait_for(lambda: reported(run) == 4, run, "four probes that are reported while the bundle runs")
    assert happened(faults, "started.probe_kernel") == 5
    (bundle,) = running(cluster, "probe_kernel")
    before = results(bundling)
    cluster.run("scancel", bundle)
    output = run.succeed()
    assert happened(faults, "started.probe_kernel") == 12 + 1
    assert results(bundling).items() > before.items()
    assert_same_probes(bundling, many)
    # the twelve, the seven that were not begun, and the one that was, with more memory
    assert submissions(output) == 3
    assert sorted(attempts(output, "probe_kernel", "mem_mb")) == [3500] * 12 + [7000]
    assert "before 7 of its 12 jobs were begun" in output


def test_a_bundle_that_is_queued_again_does_not_touch_what_it_had_finished(cluster, bundling, many):
    """As SLURM does by itself when a node is lost."""
    faults = bundling.faults({"script": "probe_kernel", "action": "sleep", "seconds": 600, "skip": 4})
    run = Run(bundling, "all_probes", **faults)
    wait_for(lambda: reported(run) == 4, run, "four probes that are reported")
    (bundle,) = running(cluster, "probe_kernel")
    before = results(bundling)
    cluster.run("scontrol", "requeue", bundle)
    output = run.succeed()
    assert submissions(output) == 1
    assert happened(faults, "started.probe_kernel") == 12 + 1
    assert results(bundling).items() > before.items()
    assert_same_probes(bundling, many)


def test_an_interrupted_run_cancels_its_bundles(cluster, bundling):
    faults = bundling.faults({"script": "probe_kernel", "action": "sleep", "seconds": 600})
    run = Run(bundling, "all_probes", **faults)
    wait_for(lambda: started(faults, "probe_kernel"), run, "probe that runs")
    for _ in range(2):
        run.process.send_signal(signal.SIGINT)
        time.sleep(1)
    run.finish(120)
    cluster.wait_for(lambda: not cluster.jobs("pending,running,completing"), "cancelled bundle")
    assert happened(faults, "started.probe_kernel") == 1


def test_small_and_large_jobs_ask_for_what_they_take(cluster, checkout):
    """From 64 units and 2 layers to 784 and 200, of 3 replicas: none is killed, none asks for more than twice of it."""
    probe = {
        "method": ["kernel", "adam"],
        "epochs": 1,
        "batch_size": 32,
        "evaluation_samples": 10,
        "kernel_samples": 40,
    }
    pictures = {"kind": "photographs", "size": 28, "colour": False, "train_samples": 64, "test_samples": 20}
    train = {"epochs": 1, "batch_size": 32, "learning_rate": 0.05}
    one = {"sigma_w2": [1.0], "sigma_b2": [0.05], "highlight": [1.0]}
    checkout.configure(
        run={"name": "sizes", "replicas": 3},
        datasets={"digits": DIGITS, "photographs": pictures | {"probe": probe, "train": train}},
        architectures={"mlp": {"width": None}},
        predictors=None,
        experiments={"digits": one | {"depth": [2]}, "deep": one | {"dataset": "photographs", "depth": [200]}},
    )
    no_gpu = {"gpu": None, "slurm_partition": PARTITIONS["cpu"]}
    adapt(checkout, rules=dict.fromkeys(("probe_cascade", "probe_kernel", "train_network"), no_gpu), **QUICK)
    output = Run(checkout, "all_cubes", "--retries", "0").succeed()
    asked = dict(
        re.findall(r"^    output: (\S+\.nc)\n(?:    .*\n)*?    resources: .*?mem_mb=(\d+)", output, re.MULTILINE)
    )
    taken = {}
    for path, mb in asked.items():
        result = read_result(checkout.root / path)
        rule = Path(path).parts[1]
        peak = json.loads(result.attributes["cost"]).get(rule, {}).get("peak_memory_mb")
        if peak is not None:
            taken[path] = peak + memory_around()
            assert taken[path] <= int(mb) <= max(2 * taken[path], LEAST_MEMORY_MB), path
    assert max(taken.values()) > 5 * min(taken.values())
    assert {Path(path).parts[1] for path in taken} >= {"probe_cascade", "probe_kernel", "train_network", "evaluate_kl"}


@pytest.mark.parametrize("share", ["shard:1", "gpu:1"])
def test_gpus_are_asked_for_as_the_site_wants_them(cluster, site, share):
    adapt(site, rules={"train_network": {"gpu": None, "gres": f"'{share}'"}}, **QUICK)
    faults = site.faults({"script": "train_network", "action": "hold"})
    run = Run(site, "all_trainings", **faults)
    wait_for(lambda: started(faults, "train_network"), run, "training that runs")
    assert running(cluster, "train_network", "%b") == [f"gres:{share}"]
    release(faults)
    run.succeed()


def test_the_cluster_is_started_and_stopped_by_hand(tmp_path):
    """What a developer does to look at a run."""
    cluster = Cluster()
    assert cluster.run("sinfo", "--noheader", "--format=%P").split() == ["batch*", "accelerated"]
    script = ROOT / "tests/slurm_cluster.py"
    done = subprocess.run([sys.executable, script, "start"], capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0  # it runs already
