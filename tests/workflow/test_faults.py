"""What can go wrong while the workflow runs, and that nothing is lost or wrong afterwards.

After every fault the cube is that of an undisturbed run (`finished`), and what was computed stays.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
import torch

from infoflow.datasets.prepared import read_prepared
from infoflow.errors import InfoflowError
from infoflow.files.cubes import read_cube
from infoflow.files.results import read_result, read_results
from infoflow.studies.trainability.cube import read_trainability
from runs import (
    CUBE,
    PREPARED,
    PROBES,
    TINY,
    TOLERANCE,
    TRAININGS,
    Checkout,
    assert_kept,
    assert_same_numbers,
    happened,
    results,
)


def assert_same_cube(run: Checkout, other: Checkout) -> None:
    """The cubes of two runs have the same numbers, and were made with the same parameters."""
    one, two = (read_trainability(checkout.root / CUBE) for checkout in (run, other))
    assert_same_numbers(one, two)
    assert one.attrs["parameters"] == two.attrs["parameters"]


def delete(run: Checkout, *paths: str) -> None:
    for path in paths:
        (run.root / path).unlink()


def wait_until(condition: Callable[[], object], process: subprocess.Popen | None = None) -> None:
    end = time.monotonic() + 240
    while not condition():
        assert process is None or process.poll() is None, process.communicate()
        assert time.monotonic() < end, "waited for too long"
        time.sleep(0.05)


def release(faults: dict[str, str]) -> None:
    (Path(faults["INFOFLOW_FAULTS"]).parent / "release").touch()


def processes(run: Checkout) -> list[int]:
    """The processes that work in the checkout."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == run.root and (process / "cmdline").read_bytes():
                found.append(int(process.name))
        except OSError:  # it has ended
            pass
    return found


@contextmanager
def held(run: Checkout, script: str, *arguments: str) -> Iterator[tuple[subprocess.Popen, dict[str, str]]]:
    """A run, as soon as a job of a script is running; these jobs wait for `release`. At the end all are killed."""
    faults = run.faults({"script": script, "times": None, "action": "hold"})
    with run.start(*arguments, **faults) as process:
        try:
            wait_until(lambda: happened(faults, f"started.{script}"), process)
            yield process, faults
        finally:
            process.kill()
            release(faults)
            for job in processes(run):
                with suppress(ProcessLookupError):
                    os.kill(job, signal.SIGKILL)
            wait_until(lambda: not processes(run))


def messages(done: subprocess.CompletedProcess) -> list[str]:
    """What jobs say of their failure."""
    lines = (done.stdout + done.stderr).splitlines()
    return sorted({line.removeprefix("error: ") for line in lines if line.startswith("error: ")})


def named(run: Checkout, message: str) -> list[str]:
    """The files that a message asks to delete."""
    return [word.strip(":") for word in message.split() if (run.root / word.strip(":")).is_file()]


def test_a_killed_job_is_tried_again(again, finished):
    delete(again, *TRAININGS[:2], CUBE)
    before = results(again)
    faults = again.faults(
        {"script": "train_network", "times": 2, "action": "kill", "seconds": 0.3},
        {"script": "merge_cube", "action": "kill_at_write"},
    )
    done = again.snakemake("--retries", "2", "all_cubes", **faults)
    assert done.returncode == 0, done.stderr
    assert happened(faults, "fault0") == 2
    assert happened(faults, "fault1") == 1
    assert_kept(again, before)
    assert_same_cube(again, finished)


def test_a_killed_job_stops_no_other_and_the_same_command_finishes(again, finished):
    delete(again, *TRAININGS, CUBE)
    faults = again.faults({"script": "train_network", "action": "kill_at_write"})
    done = again.snakemake("all_cubes", **faults)
    assert done.returncode != 0
    assert happened(faults, "started.train_network") == 4
    assert happened(faults, "started.merge_cube") == 0
    lost = set(TRAININGS) - set(results(again))
    assert len(lost) == 1
    output = done.stdout + done.stderr
    assert "Error in rule train_network" in output
    assert all(f"output: {path}" in output for path in lost)
    before = results(again)
    again.run("all_cubes")
    assert_kept(again, before)
    assert_same_cube(again, finished)


def test_an_interrupted_run_goes_on_where_it_was(again, finished):
    delete(again, *TRAININGS, CUBE)
    # told to stop, Snakemake waits for the jobs that run; what they computed is kept
    for number, gentle in enumerate((signal.SIGINT, signal.SIGTERM), start=1):
        before = results(again)
        with held(again, "train_network", "--cores", "1", "all_cubes") as (process, faults):
            process.send_signal(gentle)
            release(faults)
            _, errors = process.communicate(timeout=240)
        assert process.returncode not in (0, -signal.SIGKILL), errors
        assert len(set(TRAININGS) & set(results(again))) == number
        assert_kept(again, before)
    # killed, it leaves its jobs behind, which finish, and a lock
    before = results(again)
    with held(again, "train_network", "--cores", "1", "all_cubes") as (process, faults):
        process.kill()
        process.wait()
        assert len(processes(again)) >= 1
        release(faults)
        wait_until(lambda: not processes(again))
    assert len(set(TRAININGS) & set(results(again))) == 3
    assert_kept(again, before)
    before = results(again)
    refused = again.snakemake("all_cubes")
    assert refused.returncode != 0
    assert refused.stderr.count("Directory cannot be locked") == 1
    assert "can be removed with the --unlock argument" in refused.stderr
    again.run("--unlock")
    assert again.plan("all_cubes") == {"train_network": 1, "merge_cube": 1}
    again.run("all_cubes")
    assert_kept(again, before)
    assert_same_cube(again, finished)


def test_a_second_run_in_the_same_directory_is_refused(again, finished):
    delete(again, *TRAININGS[:2], CUBE)
    before = results(again)
    with held(again, "train_network", "all_cubes") as (process, faults):
        for target in ("all_cubes", "all_trainings"):
            second = again.snakemake(target)
            assert second.returncode != 0
            assert second.stderr.count("Directory cannot be locked") == 1
            assert "no other Snakemake process" in second.stderr
            assert "Traceback" not in second.stderr
        release(faults)
        _, errors = process.communicate(timeout=240)
        assert process.returncode == 0, errors
    assert_kept(again, before)
    assert_same_cube(again, finished)


@contextmanager
def full_disk(path: Path, content: Path, free_kb: int) -> Iterator[Callable[[], None]]:
    """A disk at `path` with a copy of `content` and little space; gives a function that makes space."""

    def mount(*options: str) -> None:
        subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join(options), "infoflow", path], check=True)

    path.mkdir(exist_ok=True)
    mount("size=64m")
    try:
        shutil.copytree(content, path, symlinks=True, dirs_exist_ok=True)
        use = os.statvfs(path)
        mount("remount", f"size={(use.f_blocks - use.f_bfree) * use.f_frsize // 1024 + free_kb}k")
        yield lambda: mount("remount", "size=64m")
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk; a limit on files is tested for all")
@pytest.mark.parametrize(("part", "free_kb"), [("results", 60), (".", 72)], ids=["results", "everything"])
def test_a_full_disk_is_told_by_file_and_with_space_the_run_finishes(again, finished, tmp_path, part, free_kb):
    delete(again, *TRAININGS, CUBE)
    disk = Checkout.at(tmp_path / "disk")
    if part != ".":
        shutil.copytree(again.root, disk.root, symlinks=True, ignore=shutil.ignore_patterns(part))
    with full_disk(disk.root / part, again.root / part, free_kb) as make_space:
        done = disk.snakemake("all_cubes")
        assert done.returncode != 0
        if part == "results":
            told = messages(done)
            assert told
            for message in told:
                assert message.startswith(tuple(f"{path}: cannot be written (" for path in TRAININGS)), message
                assert message.endswith("is the disk full or read-only?")
            assert "Logging error" not in done.stderr
        before = results(disk)
        missing = set(TRAININGS) - set(before)
        assert missing
        assert CUBE not in before
        make_space()
        disk.run("all_cubes")
        assert_kept(disk, before)
        assert_same_cube(disk, finished)


def test_a_file_that_cannot_be_written_is_named_in_one_line(again, finished):
    delete(again, CUBE)
    before = results(again)
    done = again.snakemake("all_cubes", **again.faults({"script": "merge_cube", "action": "limit", "kb": 100}))
    assert done.returncode != 0
    (message,) = messages(done)
    assert message.startswith(f"{CUBE}: cannot be written (")
    assert message.endswith("is the disk full or read-only?")
    assert_kept(again, before)
    assert results(again) == before
    again.run("all_cubes")
    assert_kept(again, before)
    assert_same_cube(again, finished)


NOISE = np.random.default_rng(0).bytes(300)
DAMAGES = {
    "truncated": lambda whole, other: whole[: len(whole) * 2 // 3],
    "short of one byte": lambda whole, other: whole[:-1],
    "empty": lambda whole, other: b"",
    "noise in the middle": lambda whole, other: whole[: len(whole) // 2] + NOISE + whole[len(whole) // 2 + 300 :],
    "noise at the start": lambda whole, other: NOISE + whole[300:],
    "noise at the end": lambda whole, other: whole[:-300] + NOISE,
    "a block of zeros": lambda whole, other: whole[:4096] + bytes(4096) + whole[8192:],
    "more at the end": lambda whole, other: whole + b"\n",
    "another result": lambda whole, other: other,
}
READERS = {
    PREPARED: lambda path: read_prepared(path, torch.device("cpu"), torch.float32),
    PROBES[0].format("probe_cascade"): read_result,
    PROBES[0].format("probe_kernel"): read_result,
    PROBES[0].format("evaluate_kl"): lambda path: read_results({path: {}}),
    PROBES[0].format("probe_theory"): lambda path: read_results({path: {}}),
    PROBES[0].format("score_predictor"): lambda path: read_results({path: {}}),
    TRAININGS[0]: lambda path: read_results({path: {}}),
    "results/ising_exact/chain.nc": read_result,
    "results/ising_monte_carlo/k0.300000.nc": read_result,
    "results/network_entropy/tiny/w1.000000_b0.050000_d003.nc": read_result,
    "results/probe_budget/tiny/w1.000000_b0.050000_d003.nc": read_result,
    CUBE: read_trainability,
    "results/cubes/ising_1d.nc": read_cube,
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("path", READERS, ids=lambda path: "/".join(path.split("/")[1:3]))
def test_every_damage_of_every_kind_of_file_is_refused_by_name(finished, tmp_path, path, damage):
    whole = (finished.root / path).read_bytes()
    others = [p for p in (finished.root / path).parent.glob("*.nc") if p.name != Path(path).name]
    # of a kind with one file: the same under another name
    damaged = tmp_path / (Path(path).name if others or damage != "another result" else "other.nc")
    damaged.write_bytes(DAMAGES[damage](whole, others[0].read_bytes() if others else whole))
    with pytest.raises(InfoflowError) as refused:
        READERS[path](damaged)
    assert str(refused.value).startswith(f"{damaged}: not a whole ")
    assert "; delete it and run again" in str(refused.value)


def test_damaged_results_are_named_together_and_made_again_when_deleted(again, finished):
    evaluation = PROBES[1].format("evaluate_kl")
    undamaged = results(again)
    for path, damage in ((evaluation, "noise in the middle"), (TRAININGS[0], "another result")):
        whole = (again.root / path).read_bytes()
        (again.root / path).write_bytes(DAMAGES[damage](whole, (again.root / TRAININGS[1]).read_bytes()))
    delete(again, CUBE)
    done = again.snakemake("all_cubes")
    assert done.returncode != 0
    told = messages(done)
    assert len(told) == 1
    assert sorted(named(again, told[0])) == sorted([evaluation, TRAININGS[0]])
    delete(again, *named(again, told[0]))
    # the evaluation cannot be made from a damaged probe either
    probe = again.root / PROBES[1].format("probe_cascade")
    probe.write_bytes(DAMAGES["a block of zeros"](probe.read_bytes(), b""))
    done = again.snakemake("all_cubes")
    (message,) = messages(done)
    assert named(again, message) == [PROBES[1].format("probe_cascade")]
    delete(again, *named(again, message))
    again.run("all_cubes")
    assert_same_cube(again, finished)
    made = {evaluation, TRAININGS[0], PROBES[1].format("probe_cascade"), CUBE}
    assert_kept(again, {path: when for path, when in undamaged.items() if path not in made})


def test_a_damaged_data_set_is_refused_by_name(again):
    prepared, training = again.root / PREPARED, again.root / TRAININGS[0]
    accuracy = read_result(training)["accuracy"]
    prepared.write_bytes(DAMAGES["noise in the middle"](prepared.read_bytes(), b""))
    delete(again, TRAININGS[0])
    (message,) = messages(again.snakemake(TRAININGS[0]))
    assert named(again, message) == [PREPARED]
    delete(again, PREPARED)
    again.run(TRAININGS[0])
    np.testing.assert_allclose(read_result(training)["accuracy"], accuracy, rtol=TOLERANCE)


def test_a_run_killed_after_the_merge_draws_the_figures_without_merging_again(again, finished):
    figure = [f"results/figures/digits/cost.{suffix}" for suffix in ("png", "pdf")]
    delete(again, *figure, CUBE)
    with held(again, "draw_figure", *figure) as (process, _):
        process.kill()
    before = results(again)
    assert CUBE in before
    again.run("--unlock")
    # killed within a figure: the first of its two files is there, the second is not
    faults = again.faults({"script": "draw_figure", "action": "kill_at_write", "after": 1})
    assert again.snakemake(*figure, **faults).returncode != 0
    assert happened(faults, "fault0") == 1
    again.run(*figure)
    assert_kept(again, before)
    assert_same_cube(again, finished)
    assert all((again.root / path).stat().st_size > 5000 for path in figure)


def test_a_lost_file_of_a_figure_is_drawn_again(again):
    delete(again, "results/figures/digits/cost.pdf")
    assert again.plan() == {"figure_cost": 1}


def test_stale_results_are_refused_by_name_where_nobody_asks_how_they_were_made(again, finished):
    again.configure(train={"momentum": 0.5})
    again.run(*TRAININGS[:2])
    again.forget()
    again.configure()
    delete(again, CUBE)
    before = results(again)
    # nothing but times is looked at
    done = again.snakemake("all_cubes", "--rerun-triggers", "mtime")
    assert done.returncode != 0
    (message,) = messages(done)
    assert sorted(named(again, message)) == sorted(TRAININGS[:2])
    assert results(again) == before
    log = (again.root / "results/logs/merge_cube/digits.log").read_text()
    assert log.count("made with train.momentum = 0.5, not 0.0; delete it and run again") == 2
    # asked, they bear the mark of other parameters
    assert again.plan("all_cubes") == {"train_network": 2, "merge_cube": 1}
    again.run("all_cubes")
    assert_same_cube(again, finished)


def test_a_stale_data_set_is_refused_by_name(again):
    accuracy = read_result(again.root / TRAININGS[0])["accuracy"]
    digits = {"train_samples": 48, "test_samples": 30, "probe": TINY["datasets"]["digits"]["probe"]}
    again.configure(datasets={"digits": digits})
    again.run(PREPARED)
    again.forget()
    again.configure()
    delete(again, TRAININGS[0])
    (message,) = messages(again.snakemake(TRAININGS[0], "--rerun-triggers", "mtime"))
    assert message.startswith(f"{PREPARED}: made with options.")
    assert again.plan(TRAININGS[0]) == {"prepare_dataset": 1, "train_network": 1}
    again.run(TRAININGS[0])
    np.testing.assert_allclose(read_result(again.root / TRAININGS[0])["accuracy"], accuracy, rtol=TOLERANCE)


def test_the_result_of_a_job_that_outlives_its_run_is_refused_by_name(again, finished):
    again.configure(train={"momentum": 0.5})
    with held(again, "train_network", "--cores", "1", TRAININGS[0]) as (process, faults):
        process.kill()
        process.wait()
        # its job waits, while another run with another config finishes
        again.run("--unlock")
        again.configure()
        again.run("all_cubes")
        assert_same_cube(again, finished)
        release(faults)
        wait_until(lambda: not processes(again))
    (message,) = messages(again.snakemake("all_cubes"))
    assert message.startswith(f"{TRAININGS[0]}: made with train.momentum = 0.5, not 0.0")
    delete(again, TRAININGS[0])
    again.run("all_cubes")
    assert_same_cube(again, finished)
