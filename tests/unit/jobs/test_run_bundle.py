"""What a bundle of jobs does where it is computed."""

import os
import subprocess
import sys
import threading

import pytest

from infoflow.jobs import run_bundle
from infoflow.jobs.run_bundle import Member, decode, encode, read, what_is_left


def place(path, text="whole"):
    """Rename a file into place."""
    new = path.with_name("new")
    new.write_text(text)
    new.replace(path)


def member(path, *others, target="probe:point=1"):
    return Member.now(target, ["data.nc"], [str(path), *map(str, others)])


def test_a_member_is_finished_when_all_its_results_are_there(tmp_path):
    probe = member(tmp_path / "a.nc", tmp_path / "a.tsv")
    assert not probe.is_finished()
    place(tmp_path / "a.nc")
    assert not probe.is_finished()
    place(tmp_path / "a.tsv")
    assert probe.is_finished()
    assert not Member("nothing:").is_finished()


def test_results_from_before_do_not_count(tmp_path):
    path = tmp_path / "a.nc"
    place(path)
    probe = member(path)
    assert not probe.is_finished()
    place(path)  # as large, with the same words
    assert probe.is_finished()
    # the same inode at another time, and the same time with another inode
    probe = member(path)
    about = path.stat()
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns + 1))
    assert probe.is_finished()
    probe = member(path)
    about = path.stat()
    place(path)
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert probe.is_finished()


def test_only_what_is_not_finished_is_computed(tmp_path):
    members = [member(tmp_path / f"{k}.nc", target=f"probe:point={k}") for k in range(3)]
    place(tmp_path / "1.nc")
    command, inputs = what_is_left(["snakemake"], members)
    assert command == ["snakemake", "--target-jobs", "probe:point=0", "probe:point=2"]
    assert inputs == ["data.nc"]
    place(tmp_path / "0.nc")
    place(tmp_path / "2.nc")
    assert what_is_left(["snakemake"], members) == ([], [])


def test_a_thousand_members_fit_into_a_command(tmp_path):
    paths = [f"results/probe_kernel/digits/mlp/w{k / 1000:.6f}_b0.050000_d003.nc" for k in range(1000)]
    members = [
        Member.now(f"probe_kernel:dataset=digits,architecture=mlp,point={k}", ["data.nc"], [path, f"{path}.tsv"])
        for k, path in enumerate(paths)
    ]
    command = ["python", "a path", "--config", "{'a': \"b\"}"]
    word = encode(command, members)
    assert decode(word) == (command, members)
    assert word.replace("-", "").replace("_", "").isalnum()
    assert len(word) < 100_000


SHOW = "import sys; a = sys.argv; print(a[1:-1]); print(open(a[-1]).read().split()); sys.exit(3)"


@pytest.mark.parametrize("written", [False, True])
def test_it_becomes_the_command(tmp_path, written):
    """Run as a file, with nothing of the package on the path."""

    def run(members):
        word = encode([sys.executable, "-c", SHOW], members)
        if written:
            (tmp_path / "bundle").write_text(word)
            word = f"@{tmp_path / 'bundle'}"
        command = [sys.executable, "-I", run_bundle.__file__, word]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)

    probe = Member.now("probe:point=1", [f"{k}.nc" for k in range(10_000)], ["a.nc"])
    done = run([probe])
    target, inputs = done.stdout.splitlines()
    assert target == "['--target-jobs', 'probe:point=1', '--wait-for-files-file']"
    assert inputs == str(sorted(probe.inputs))
    assert done.returncode == 3
    place(tmp_path / "a.nc")
    done = run([probe])
    assert (done.stdout, done.returncode) == ("all jobs of this bundle are finished\n", 0)


def test_a_bundle_that_shows_up_late_is_waited_for(tmp_path):
    path = tmp_path / "bundle"
    threading.Timer(0.5, path.write_text, ["word"]).start()
    assert read(f"@{path}") == "word"
