"""Where a checkout can lie."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

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
