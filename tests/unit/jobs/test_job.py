import dataclasses
import re
import subprocess
import sys

import pytest
from snakemake.iocontainers import InputFiles, Log, OutputFiles, Params, Wildcards

from common import ROOT
from infoflow.jobs.job import Job
from infoflow.jobs.record import check_parameters

JOB = Job("merge_cube", {"seed": 3}, {"dataset": "a.nc", "points": ["b.nc", "c.nc"], "none": []}, ["d.nc", "e.nc"])


def test_a_job_knows_its_parameters_and_files():
    assert JOB["seed"] == 3
    assert JOB.output == "d.nc"
    assert [JOB.files(name) for name in ("dataset", "points", "none", "other")] == [["a.nc"], ["b.nc", "c.nc"], [], []]
    with pytest.raises(KeyError):
        JOB["other"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        JOB.threads = 2


def test_what_a_result_records_of_a_job_is_what_its_reader_asks_for():
    assert JOB.about()["rule"] == "merge_cube"
    check_parameters("d.nc", JOB.about(), {"seed": 3})


SCRIPT = """
import sys
from types import SimpleNamespace
from snakemake.iocontainers import InputFiles, Log, OutputFiles, Params, Wildcards
from infoflow.errors import InfoflowError
from infoflow.jobs.job import run

snakemake = SimpleNamespace(
    rule="merge_cube",
    params=Params(fromdict={"script": "x", "job": {"seed": 3}}),
    input=InputFiles(fromdict={"dataset": "a.nc", "points": ["b.nc", "c.nc"]}),
    output=OutputFiles(["d.nc", "e.nc"]),
    wildcards=Wildcards(fromdict={"experiment": "digits"}),
    log=Log(["job.log"]),
    scriptdir=sys.argv[1],
    threads=2,
    config={"data_root": None},
)


def main(job):
    exec(sys.argv[2])


run(snakemake, main)
print("not reached")
"""


def run_job(tmp_path, body: str, scripts=ROOT / "workflow/scripts") -> subprocess.CompletedProcess:
    """A process that runs a job as a script of the workflow does."""
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, str(scripts), body],
        cwd=tmp_path,
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        timeout=100,
    )


def test_a_job_gets_what_snakemake_says_and_ends_the_process(tmp_path):
    body = "print([job.rule, dict(job.parameters), job.files('dataset'), job.files('points'), list(job.outputs), "
    body += "job.wildcards['experiment'], job.threads, job.config])"
    done = run_job(tmp_path, body)
    assert (done.returncode, done.stderr) == (0, "")
    told = "['merge_cube', {'seed': 3}, ['a.nc'], ['b.nc', 'c.nc'], ['d.nc', 'e.nc'], 'digits', 2, {'data_root': None}]"
    assert done.stdout == f"{told}\n"
    assert (tmp_path / "job.log").read_text().endswith(" done\n")


def test_what_a_job_logs_is_in_its_log_and_the_warnings_too(tmp_path):
    done = run_job(tmp_path, "import logging; logging.getLogger('infoflow.x').warning('of %s', 3)")
    assert done.returncode == 0
    assert [line.split(" ", 1)[1] for line in (tmp_path / "job.log").read_text().splitlines()] == ["of 3", "done"]


def test_a_refusal_is_one_line_on_the_screen_and_in_the_log(tmp_path):
    done = run_job(tmp_path, "raise InfoflowError('no images')")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "error: no images\n")
    assert [line.split(" ", 1)[1] for line in (tmp_path / "job.log").read_text().splitlines()] == ["error: no images"]


def test_a_failure_is_one_line_on_the_screen_and_its_traceback_in_the_log(tmp_path):
    done = run_job(tmp_path, "raise ZeroDivisionError('of a job')")
    assert done.returncode == 1
    assert done.stderr == "unexpected error: ZeroDivisionError('of a job'); the traceback is in job.log\n"
    log = (tmp_path / "job.log").read_text()
    assert "Traceback" in log
    assert log.endswith("ZeroDivisionError: of a job\n")


def test_a_package_from_elsewhere_is_refused_before_it_does_anything(tmp_path):
    """The results would be attributed to the code beside the script."""
    done = run_job(tmp_path, "print('done')", tmp_path / "workflow/scripts")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: infoflow is installed from {ROOT}/workflow/src/infoflow, but this workflow")
    assert len(done.stderr.splitlines()) == 1


def test_the_names_of_snakemake_are_those_that_a_job_asks_for():
    """Of the version of the lock: dicts with lists where a name has several files, and lists without names."""
    assert dict(InputFiles(fromdict={"a": "x", "b": ["y", "z"]}).items()) == {"a": "x", "b": ["y", "z"]}
    assert dict(InputFiles(["x"]).items()) == {}
    assert list(OutputFiles(fromdict={"cube": "x", "csv": "y"})) == ["x", "y"]
    assert dict(Wildcards(fromdict={"point": "w"}).items()) == {"point": "w"}
    assert Params(fromdict={"job": {"a": {"b": 1}}}).job == {"a": {"b": 1}}
    assert Log(["l"])[0] == "l"


def test_the_files_of_a_job_need_no_locks(tmp_path):
    """NFS and Lustre may have none, and say so when a result is written."""
    done = run_job(tmp_path, "import os; print(os.environ['HDF5_USE_FILE_LOCKING'])")
    assert done.stdout == "FALSE\n"


@pytest.mark.parametrize(
    "body",
    [
        "import numpy; numpy.empty(2**58)",
        "raise RuntimeError('[enforce fail] DefaultCPUAllocator: can\\'t allocate memory: you tried to allocate 1')",
        "raise MemoryError",
        "raise RuntimeError('CUDA out of memory. Tried to allocate 90.00 GiB')",
    ],
)
def test_memory_that_is_not_enough_is_told_with_what_to_do(tmp_path, body):
    done = run_job(tmp_path, body)
    assert done.returncode == 1
    assert re.fullmatch(r"error: out of memory \(.*\); choose smaller images, .* in job.log\n", done.stderr)
    assert "Traceback" in (tmp_path / "job.log").read_text()
