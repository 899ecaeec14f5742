"""Runs of the workflow in a copy of the repository."""

import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import yaml

from common import ROOT, load_config

OFF = dict.fromkeys(load_config()["experiments"])
"""The default experiments, switched off."""
TINY = {
    "run": {"name": "tiny", "replicas": 2},
    "datasets": {
        "digits": {
            "train_samples": 64,
            "test_samples": 40,
            "probe": {"epochs": 1, "batch_size": 32, "evaluation_samples": 20},
            "train": {"epochs": 2, "batch_size": 32},
        }
    },
    "architectures": {"mlp": {"width": 12}},
    "experiments": {"digits": {"sigma_w2": [1.0, 2.0], "depth": [2, 3], "highlight": [1.0]}},
    "information_plane": None,
    "predictors": None,
    "ising": None,
    "network_entropy": dict.fromkeys(load_config()["network_entropy"]),
    "probing_budget": dict.fromkeys(load_config()["probing_budget"]),
}
CODE = ("Snakefile", "workflow", "config", "profiles", "envs", "LICENSE", "CITATION.cff")


TOLERANCE = 1e-6
"""Of numbers of two runs on one machine; they are usually equal bit for bit."""
FAULTS = Path(__file__).parent / "faults"


class Checkout:
    """A copy of the repository with the tiny grid."""

    def __init__(self, root: Path):
        self.root = root
        for name in CODE:
            source = ROOT / name
            if source.is_dir():
                # with what Python and Numba compiled
                shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("*.egg-info"))
            else:
                shutil.copy2(source, root / name)
        self.configure()

    def configure(self, **changes) -> None:
        """Write the tiny grid, with changes like evaluate={"saturation_rtol": 0.1}; it explains nothing by default.

        Of the default experiments it has those that are named.
        """
        config = TINY | changes
        named = {name: {"decisions": None} | entry for name, entry in config["experiments"].items()}
        config["experiments"] = OFF | named
        (self.root / "tiny.yaml").write_text(yaml.safe_dump(config))

    def snakemake(
        self, *arguments: str, config: str = "tiny.yaml", limit: float = 600, **changes: str
    ) -> subprocess.CompletedProcess:
        """Run Snakemake for at most `limit` seconds; `changes` are those of the environment."""
        with self.start(*arguments, config=config, **changes) as process:
            output, errors = process.communicate(timeout=limit)
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def start(
        self, *arguments: str, config: str = "tiny.yaml", profile: str = "local", **changes: str
    ) -> subprocess.Popen:
        """Start Snakemake and go on; several config files are separated by spaces."""
        command = [sys.executable, "-m", "snakemake", "--profile", f"profiles/{profile}"]
        # before the installed package, which is that of the original
        environment = os.environ | {"PYTHONPATH": f"{self.root / 'workflow/src'}:{FAULTS}", **changes}
        return subprocess.Popen(
            [*command, *arguments, "--configfile", *config.split()],
            cwd=self.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            # where the tests run in the background, they are deaf to it, and so would be what they start
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def faults(self, *faults: dict) -> dict[str, str]:
        """The change of the environment that makes jobs fail: see `faults/sitecustomize.py`."""
        directory = Path(tempfile.mkdtemp(prefix="faults", dir=self.root))
        (directory / "faults.json").write_text(json.dumps(faults))
        return {"INFOFLOW_FAULTS": str(directory / "faults.json")}

    def run(self, *arguments: str, config: str = "tiny.yaml") -> str:
        done = self.snakemake(*arguments, config=config)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def plan(self, *arguments: str, config: str = "tiny.yaml") -> dict[str, int]:
        """Jobs per rule that a run would do, without the targets."""
        output = self.run("--dry-run", *arguments, config=config)
        table = re.search(r"^job +count\n-+ +-+\n(.*?)^total", output, re.DOTALL | re.MULTILINE)
        if table is None:
            assert "Nothing to be done" in output, output
            return {}
        jobs = dict(line.split() for line in table[1].splitlines())
        return {rule: int(count) for rule, count in jobs.items() if not rule.startswith(("all_", "experiment_"))}


def assert_same_numbers(one: xr.Dataset, two: xr.Dataset) -> None:
    """All but times: coordinates and flags are equal, numbers within TOLERANCE, and NaN where there is NaN."""
    one, two = (c.drop_vars([name for name in c.variables if name.endswith("seconds")]) for c in (one, two))
    assert set(one.variables) == set(two.variables)
    for name in one.variables:
        if name in one.coords or one[name].dtype.kind != "f":
            assert np.array_equal(one[name], two[name]), name
        else:
            np.testing.assert_allclose(one[name], two[name], rtol=TOLERANCE, atol=TOLERANCE, err_msg=name)


@pytest.fixture
def checkout(tmp_path) -> Checkout:
    """A checkout in which nothing ran yet."""
    return Checkout(tmp_path)


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A directory that the tests share, those of other workers too: the first one that needs it has it made."""
    base = factory.getbasetemp()
    root = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    with open(f"{root}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            new = root.with_name(f"{name}.new")
            shutil.rmtree(new, ignore_errors=True)  # a worker failed
            new.mkdir()
            make(new)
            new.rename(root)
    return root


def opened(root: Path) -> Checkout:
    """A checkout that is there."""
    checkout = object.__new__(Checkout)
    checkout.root = root
    return checkout


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Checkout:
    """A checkout in which the tiny grid ran to its end. Not to be changed: copy it with `again`."""
    return opened(made_once(tmp_path_factory, "finished", lambda root: Checkout(root).run("all_figures")))


@pytest.fixture
def again(finished, tmp_path) -> Checkout:
    """A copy of the finished checkout, times of files included."""
    shutil.copytree(finished.root, tmp_path / "again", symlinks=True)
    return opened(tmp_path / "again")
