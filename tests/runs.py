"""Runs of the workflow in a copy of the repository, and what the tests of such runs share."""

import fcntl
import functools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import yaml

from common import ROOT
from infoflow.files.results import read_result
from infoflow.plan import KINDS

EXPERIMENT = {"dataset": "digits", "architecture": "mlp", "sigma_b2": [0.05]}
"""What an experiment has that says nothing else."""
TINY = {
    "run": {"name": "tiny", "replicas": 2},
    "datasets": {
        "digits": {
            "train_samples": 64,
            "test_samples": 40,
            "probe": {
                "method": ["kernel", "theory", "adam"],
                "kernel_samples": 30,
                "epochs": 1,
                "batch_size": 32,
                "evaluation_samples": 20,
            },
            "train": {"epochs": 2, "batch_size": 32, "learning_rate": 0.05},
        }
    },
    "architectures": {"mlp": {"width": 12}},
    "experiments": {"digits": EXPERIMENT | {"sigma_w2": [1.0, 2.0], "depth": [2, 3], "highlight": [1.0]}},
    "predictors": {"names": ["snip", "lyapunov"], "batch_size": 16},
}
"""One experiment and nothing else: 2 columns of 2 depths."""
STUDIES = {
    "maps": {"tiny": {"experiments": ["digits"]}},
    "ising": {
        "chain": {"couplings": [0.5, 1.0], "highlight": [1.0], "steps": 3, "spins": 16},
        "square": {"couplings": [0.3, 0.5], "highlight": [0.3, 0.6], "steps": 3, "strip_widths": [2, 4]},
        "monte_carlo": {
            "couplings": [0.3, 0.440687],
            "sides": [4, 8],
            "sweeps": 200,
            "equilibration": 20,
            "replicas": 2,
        },
    },
    "network_entropy": {
        "tiny": EXPERIMENT
        | {"sigma_w2": [1.0, 2.0], "depth": [3], "images": 5, "samples": 20}
        | {"train": {"epochs": 2, "batch_size": 32, "learning_rate": 0.05}},
    },
    "probing_budget": {"tiny": {"experiment": "digits", "fractions": [0.5], "samples": [10], "widths": [6]}},
    "information_plane": {
        "dataset": "o3",
        "replicas": 2,
        "epochs": 4,
        "snapshots": 3,
        "estimators": {
            "binning": {"kind": "range_binning", "bins": 30, "low": -1.0, "high": 1.0},
            "kernel": {"kind": "kernel_density", "noise_variance": 1.0e-3},
        },
        "networks": {"variances": {"hidden": [[4, 3]], "sigma_w2": [0.5, 4.0], "learning_rate": [0.01]}},
    },
}
"""All other studies, as small."""
CODE = ("Snakefile", "workflow", "config", "profiles", "envs", "LICENSE", "CITATION.cff")
PREPARED = "results/prepare_dataset/digits.nc"
PROBES = [f"results/{{}}/digits/mlp/w{w}.000000_b0.050000_d003.nc" for w in (1, 2)]
"""Of the tiny grid; `format` puts in a rule that probes or evaluates."""
TRAININGS = [f"results/train_network/digits/mlp/w{w}.000000_b0.050000_d00{d}.nc" for w in (1, 2) for d in (2, 3)]
CUBE = "results/cubes/digits.nc"

TOLERANCE = 1e-6
"""Of numbers of two runs on one machine; they are usually equal bit for bit."""
FAULTS = ROOT / "tests/workflow/faults"


@functools.cache
def dry_runs() -> subprocess.Popen:
    """The process that makes the dry runs of this one, and ends with it."""
    command = [sys.executable, ROOT / "tests/dry_runs.py"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT / "tests")


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

    @classmethod
    def at(cls, root: Path) -> "Checkout":
        """One that is there."""
        checkout = object.__new__(cls)
        checkout.root = root
        return checkout

    def configure(self, **changes) -> None:
        """Write the tiny grid, with other sections instead of its own, like evaluate={"saturation_rtol": 0.1}.

        Experiments that do not say otherwise are those of digits in the mlp.
        """
        config = TINY | changes
        config["experiments"] = {name: EXPERIMENT | entry for name, entry in config["experiments"].items()}
        self.write("tiny.yaml", config)

    def configure_all(self, **changes) -> None:
        """Write the tiny grid and all studies, likewise."""
        self.configure(**STUDIES | changes)

    def write(self, name: str, config: dict) -> None:
        """Write a config file."""
        (self.root / name).write_text(yaml.safe_dump(config))

    def source(self, module: str) -> Path:
        """A module of the package, by its path within it."""
        return self.root / "workflow/src/infoflow" / module

    def edit(self, *modules: str) -> None:
        """Add a statement to the end of modules of the package."""
        for module in modules:
            with self.source(module).open("a") as file:
                file.write("\n_EDITED = 1\n")

    def replace(self, file: str, old: str, new: str) -> None:
        """Replace the first place of a text in a file of the workflow; it has to be there."""
        path = self.root / "workflow" / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    def take_figures_as_drawn(self) -> None:
        """Make them, and the pages, newer than their cubes: where nobody looks at them, nobody needs to draw again."""
        for path in [*self.root.glob("results/figures/*/*"), *self.root.glob("results/*.*")]:
            path.touch()

    def forget(self) -> None:
        """Delete what Snakemake noted of how the results were made."""
        shutil.rmtree(self.root / ".snakemake")

    def snakemake(
        self, *arguments: str, config: str | None = "tiny.yaml", limit: float = 600, **changes: str
    ) -> subprocess.CompletedProcess:
        """Run Snakemake for at most `limit` seconds; `changes` are those of the environment."""
        if "--dry-run" in arguments and not changes:
            return self.dry_run(self.command(*arguments, config=config), limit)
        with self.start(*arguments, config=config, **changes) as process:
            output, errors = process.communicate(timeout=limit)
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def start(
        self, *arguments: str, config: str | None = "tiny.yaml", profile: str = "local", **changes: str
    ) -> subprocess.Popen:
        """Start Snakemake and go on. Several config files are separated by spaces; None: none is named."""
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(self.path), **changes}
        return subprocess.Popen(
            [sys.executable, "-m", "snakemake", *self.command(*arguments, config=config, profile=profile)],
            cwd=self.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            # where the tests run in the background, they are deaf to it, and so would be what they start
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    @property
    def path(self) -> list[str]:
        """Where Python looks first: before the installed package, which is that of the original."""
        return [str(self.root / "workflow/src"), str(FAULTS)]

    def command(self, *arguments: str, config: str | None, profile: str = "local") -> list[str]:
        """The arguments of Snakemake."""
        return [
            *("--profile", f"profiles/{profile}", *map(str, arguments)),
            *(("--configfile", *config.split()) if config else ()),
        ]

    def dry_run(self, command: list[str], limit: float) -> subprocess.CompletedProcess:
        """What Snakemake says, in a process that is forked: see `dry_runs.py`."""
        with tempfile.NamedTemporaryFile("r") as output:
            order = {"arguments": command, "directory": str(self.root), "path": self.path, "output": output.name}
            server = dry_runs()
            print(json.dumps(order | {"limit": int(limit)}), file=server.stdin, flush=True)
            return subprocess.CompletedProcess(command, int(server.stdout.readline()), output.read(), "")

    def faults(self, *faults: dict) -> dict[str, str]:
        """The change of the environment that makes jobs fail: see `workflow/faults/sitecustomize.py`."""
        directory = Path(tempfile.mkdtemp(prefix="faults", dir=self.root))
        (directory / "faults.json").write_text(json.dumps(faults))
        return {"INFOFLOW_FAULTS": str(directory / "faults.json")}

    def run(self, *arguments: str, config: str | None = "tiny.yaml", limit: float = 600) -> str:
        """A run that has to succeed; its output."""
        done = self.snakemake(*arguments, config=config, limit=limit)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def plan(self, *arguments: str, config: str | None = "tiny.yaml") -> dict[str, int]:
        """Jobs per rule that a run would do, without targets, and without the summary: it is of all that there is."""
        jobs = self.jobs(*arguments, config=config)
        if not arguments and any(rule.startswith("figure_") for rule in jobs):
            assert jobs["summarize"] == 1
        return {rule: count for rule, count in jobs.items() if rule != "summarize"}

    def jobs(self, *arguments: str, config: str | None = "tiny.yaml") -> dict[str, int]:
        """Jobs per rule that a run would do, without targets."""
        output = self.run("--dry-run", *arguments, config=config)
        table = re.search(r"^job +count\n-+ +-+\n(.*?)^total", output, re.DOTALL | re.MULTILINE)
        if table is None:
            assert "Nothing to be done" in output, output
            return {}
        jobs = {rule: int(count) for rule, count in (line.split() for line in table[1].splitlines())}
        targets = ("all_", "experiment_", "study_")
        return {rule: count for rule, count in jobs.items() if not rule.startswith(targets)}


def drawn(*studies: str, without: Iterable[str] = ()) -> dict[str, int]:
    """The jobs that draw all figures of studies, one cube each, but for some figures."""
    figures = [name for kind in KINDS if kind.name in studies for name in kind.FIGURES]
    return {f"figure_{name}": 1 for name in figures if name not in without}


ON_REQUEST = ("channels", "decisions", "phase_diagram")
"""Figures that the tiny experiment does not ask for."""
EXPLORED = {"explorer": 1}
"""The page of all experiments, which is made again with every cube of one."""
DRAWN = drawn("trainability", without=ON_REQUEST)
"""The jobs that draw the tiny experiment."""
OF_ONE = drawn("trainability", without=(*ON_REQUEST, "scaling"))
"""Those that draw one of a single σ_w²."""
CARD = {"recommend": 1, **drawn("recommendation")}
"""The jobs that read off and draw what is recommended."""


def results(run: Checkout) -> dict[str, int]:
    """All result files and when they were written."""
    paths = (p for p in run.root.glob("results/**/*.nc") if not p.name.startswith("."))
    return {str(p.relative_to(run.root)): p.stat().st_mtime_ns for p in paths}


def assert_kept(run: Checkout, before: dict[str, int]) -> None:
    """What was there was not computed again, all that is there is whole, and nothing half-written lies around."""
    now = results(run)
    assert {path: now.get(path) for path in before} == before
    for path in now:
        read_result(run.root / path)
    assert not list(run.root.glob("results/**/.*"))


def happened(faults: dict[str, str], what: str) -> int:
    """How often: `started.<script>` or `fault<index>`."""
    return len(list(Path(faults["INFOFLOW_FAULTS"]).parent.glob(f"{what}.*")))


def assert_same_numbers(one: xr.Dataset, two: xr.Dataset) -> None:
    """All but times: coordinates and flags are equal, numbers within TOLERANCE, and NaN where there is NaN."""
    one, two = (c.drop_vars([name for name in c.variables if name.endswith(MEASURED)]) for c in (one, two))
    assert set(one.variables) == set(two.variables)
    for name in one.variables:
        if name in one.coords or one[name].dtype.kind != "f":
            assert np.array_equal(one[name], two[name]), name
        else:
            np.testing.assert_allclose(one[name], two[name], rtol=TOLERANCE, atol=TOLERANCE, err_msg=name)


MEASURED = ("seconds", "memory")
"""Ends of the names of variables that say what something cost."""


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
