"""A made-up run and its archive."""

import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import xarray as xr

from common import ROOT, changed_config
from infoflow.archive.archive import write_archive
from infoflow.archive.crate import METADATA
from infoflow.files.cubes import describe_cube, write_cube
from infoflow.jobs.job import Job
from infoflow.plan import Plan

SOFTWARE = {"torch_version": "2", "snakemake_version": "9", "git_commit": "abc"}
COST = {"jobs": 2, "cpu_seconds": 8.0, "wall_seconds": 4.0, "gpu_seconds": 0.0, "peak_memory_mb": 300.0}
COSTS = {"probe_cascade": COST, "train_network": COST | {"cpu_seconds": 32.0, "peak_memory_mb": 500.0}}
WHEN = 1_700_000_000


def written(**changes) -> dict:
    """The demonstration with one small experiment, and nothing else but what is named; as a user writes it."""
    entry = {"dataset": "digits", "architecture": "mlp", "sigma_w2": [1.0, 2.0], "sigma_b2": [0.05], "depth": [2, 3]}
    off = {"ising": None, "information_plane": None, "network_entropy": {}, "probing_budget": {}}
    options = {"experiments": {"digits": entry}, "run__name": "a run, für σ_w²/σ_b²", **off}
    return changed_config(**options | changes)


def planned(**changes) -> Plan:
    return Plan(written(**changes), ROOT)


class ArchivedRun:
    """Files of a run, and how they are archived."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.plan = planned()
        self.config = self.plan.config
        self.cube = self.write_cube("digits")
        self.figures = [folder / f"results/figures/digits/cost.{suffix}" for suffix in ("png", "pdf", "json")]
        self.figures[0].parent.mkdir(parents=True)
        for file in self.figures:
            file.write_bytes(file.name.encode() * 100)
        self.began = folder / "prepared.log"
        self.began.touch()
        pictures = zip(self.figures, (60, 70, 65), strict=True)
        for file, when in ((self.cube, 50), *pictures, (self.began, 0)):
            os.utime(file, (WHEN + when, WHEN + when))
        self.archive = folder / "archive.zip"

    def write_cube(self, name: str, plan: Plan | None = None, rule: str = "merge_cube") -> Path:
        """A cube of a plan, by default that of the run."""
        path = self.folder / f"results/cubes/{name}.nc"
        about = {"long_name": "random numbers", "units": "1"}
        cube = xr.Dataset({"entropy": (("layer",), np.random.default_rng(0).random(1000), about)})
        made_by = (plan or self.plan).cubes[name]
        attributes = {"title": "made up", "parameters": made_by, "cost": COSTS, "torch_version": "2"}
        write_cube(describe_cube(cube, attributes), path, rule)
        return path

    def write(self, path: Path | None = None, plan: Plan | None = None, root: Path = ROOT) -> Path:
        """The archive of a plan, by default that of the run."""
        plan = plan or self.plan
        parameters = plan.archive(root) | {"began": [str(self.began)]}
        cubes = [str(self.cube.with_name(f"{name}.nc")) for name in plan.wanted()]
        inputs = {"cubes": cubes, "figures": [*map(str, self.figures)]}
        write_archive(path or self.archive, Job("archive", parameters, inputs), root, SOFTWARE)
        return path or self.archive

    def forge(self, path: Path, change: Callable[[dict[str, bytes]], object]) -> None:
        """Pack the archive again with changed contents."""
        with zipfile.ZipFile(self.write()) as archive:
            contents = {name: archive.read(name) for name in archive.namelist()}
        change(contents)
        pack(path, contents.items())


def pack(path: Path, members) -> None:
    """Write a zip file of (name or ZipInfo, content)."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)


def read(path: Path, name: str) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return archive.read(name)


def metadata(path: Path) -> dict[str, dict]:
    """The entities of the crate, by identifier."""
    return {e["@id"]: e for e in json.loads(read(path, METADATA))["@graph"]}
