"""Where a checkout can lie."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from common import ROOT
from runs import Checkout

ISING = {
    "monte_carlo": {"couplings": [0.3], "sides": [4], "sweeps": 100, "equilibration": 2, "replicas": 2},
}
SAMPLES = "results/ising_monte_carlo/k0.300000.nc"


def run(checkout: Checkout, *arguments: str) -> subprocess.CompletedProcess:
    """Snakemake with the Python of the checkout, as `make` starts it."""
    command = [checkout.root / ".venv/bin/python", "-m", "snakemake", "--profile", "profiles/local", "--cores", "1"]
    return subprocess.run(
        [*command, *arguments, "--configfile", "tiny.yaml", "--", SAMPLES],
        cwd=checkout.root,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
        capture_output=True,
        text=True,
        timeout=300,
    )


def make_checkout(root: Path) -> Checkout:
    root.mkdir(parents=True)
    checkout = Checkout(root)
    checkout.write("tiny.yaml", {"ising": ISING})
    venv.create(root / ".venv", with_pip=False)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    (root / ".venv/lib" / version / "site-packages/others.pth").write_text(sysconfig.get_path("purelib"))
    return checkout


def test_a_checkout_with_its_python_lies_where_there_are_spaces_umlauts_and_quotes(tmp_path):
    checkout = make_checkout(tmp_path / "some dir ü" / "it's" / 'a "b" $HOME')
    done = run(checkout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (checkout.root / SAMPLES).exists()


def test_braces_in_the_path_are_refused_in_one_line_before_a_job(tmp_path):
    checkout = make_checkout(tmp_path / "{x}")
    done = run(checkout, "-n")
    assert done.returncode != 0
    assert (
        "{x}: Snakemake takes what is in braces for a variable; move the workflow to another path"
        in done.stdout + done.stderr
    )
    assert not (checkout.root / "results").exists()


def test_a_cluster_is_sent_no_job_from_such_a_path(tmp_path):
    checkout = make_checkout(tmp_path / "a b")
    # submits nothing anywhere: the jobs of this executor are commands
    done = run(checkout, "--executor", "slurm", "--jobs", "1")
    assert done.returncode != 0
    assert "on a cluster paths pass through several shells, and this one has ' '; move the checkout" in done.stderr
    assert not (checkout.root / SAMPLES).exists()


RECORDING = """#!/bin/sh
# In place of Python: notes what it is called for, and makes an environment of itself.
printf '%s\\n' "$PIP_EXTRA_INDEX_URL$*" >> "$CALLS"
if [ "$1 $2" = "-m venv" ]; then
    mkdir -p "$3/bin"
    cp "$0" "$3/bin/python"
fi
"""


def make(folder: Path, *arguments: str) -> tuple[subprocess.CompletedProcess, list[str]]:
    """`make` of a checkout in a folder, and what it starts Python for."""
    folder.mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml", "envs/requirements.lock"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    python, calls = folder.parent / "recording", folder.parent / "calls"
    python.write_text(RECORDING)
    python.chmod(0o755)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "PIP_"))} | {"CALLS": str(calls)}
    done = subprocess.run(
        ["make", f"PYTHON={python}", *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )
    return done, calls.read_text().splitlines() if calls.exists() else []


@pytest.mark.parametrize("name", ["a b", 'it\'s "ü" `c`', "x" * 200])
def test_make_starts_python_itself_as_first_lines_of_scripts_hold_no_such_path(tmp_path, name):
    done, calls = make(tmp_path / name, "figures", "plan", "lint", "CONFIG=config/digits.yaml")
    assert done.returncode == 0, done.stderr
    assert calls[2:5] == [
        "-m venv .venv",
        "-m pip install --quiet --disable-pip-version-check --requirement .venv/requirements.txt",
        "-m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .",
    ]
    profile = "--profile profiles/local --configfile config/digits.yaml -- all_figures"
    assert calls[5:7] == [f"-m snakemake {profile}", f"-m infoflow.cli plan {profile}"]
    assert "-m snakemake --lint" in calls


def test_an_environment_for_cpus_has_all_but_cuda(tmp_path):
    for name, more in (("all", []), ("cpu", ["TORCH_INDEX=https://wheels/cpu"])):
        done, calls = make(tmp_path / name, "setup", *more)
        assert done.returncode == 0, done.stderr
    assert calls[-2].startswith("https://wheels/cpu -m pip install")
    all_of, cpu = ((tmp_path / name / ".venv/requirements.txt").read_text().splitlines() for name in ("all", "cpu"))
    assert all_of == (ROOT / "envs/requirements.lock").read_text().splitlines()
    left_out = {line.partition("=")[0].partition("-")[0] for line in {*all_of} - {*cpu}}
    assert left_out == {"cuda", "nvidia", "triton", "torch", "torchvision"}
    assert sorted(line.partition("==")[0] for line in {*cpu} - {*all_of}) == ["torch", "torchvision"]
    assert sum("+cpu" in line for line in cpu) == 2


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("p{q}", "p{q}: Snakemake takes what is in braces for a variable; move the checkout to another path"),
        ("p\nq", "there is a line break in the path of this folder; move the checkout to another path"),
        ("p$q", "p$q: no Python can be installed into a path with a $ or a colon; name another place with make VENV="),
        ("p:q", "p:q: no Python can be installed into a path with a $ or a colon; name another place with make VENV="),
    ],
)
def test_paths_that_nothing_can_be_installed_into_are_refused_before_anything_is_done(tmp_path, name, message):
    done, calls = make(tmp_path / name, "setup")
    assert done.returncode != 0
    assert calls == []
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert message in line


def test_the_environment_can_lie_elsewhere(tmp_path):
    done, calls = make(tmp_path / "p$q:r", "setup", f"VENV={tmp_path}/elsewhere")
    assert done.returncode == 0, done.stderr
    assert f"-m venv {tmp_path}/elsewhere" in calls
    assert (tmp_path / "elsewhere/.ready").exists()
