"""What planning takes, against a workflow of as many jobs that do nothing; in seconds of the processor."""

import os
import subprocess
import sys
from pathlib import Path

import yaml

from common import ROOT

SNAKEMAKE = [sys.executable, "-m", "snakemake", "--profile", str(ROOT / "profiles/local"), "-n", "--quiet", "rules"]
JOBS = 2000
MOST = 1.2
"""Times what the plain workflow takes. Measured: 0.8; with all that Snakemake asks of every job by itself, 1.45."""


def processor_seconds(folder: Path, *arguments: str) -> float:
    environment = os.environ | {"PYTHONPATH": str(ROOT / "workflow/src")}
    with (folder / "output").open("w") as output:
        process = subprocess.Popen([*SNAKEMAKE, *arguments], cwd=folder, stdout=output, stderr=output, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    text = (folder / "output").read_text()
    assert process.returncode == 0, text[-3000:]
    total, *_ = (int(line.split()[1]) for line in text.splitlines() if line.startswith("total "))
    assert JOBS <= total < 1.1 * JOBS
    return usage.ru_utime + usage.ru_stime


def test_planning_takes_no_longer_than_that_of_jobs_that_do_nothing(tmp_path):
    plain = f"rule all:\n    input: [f'c/{{i}}' for i in range({JOBS // 3 + 1})]\n"
    for given, made in (("", "a"), ("    input: 'a/{i}'\n", "b"), ("    input: 'b/{i}'\n", "c")):
        plain += f"rule {made}:\n{given}    output: '{made}/{{i}}'\n    shell: 'touch {{output}}'\n"
    (tmp_path / "Plain").write_text(plain)
    axes = {"sigma_w2": {"start": 0.1, "stop": 1.0, "num": 10}, "sigma_b2": [0.05]}
    grid = {"dataset": "digits", "architecture": "mlp", **axes, "depth": {"start": 1, "stop": JOBS // 10, "step": 1}}
    (tmp_path / "config.yaml").write_text(
        yaml.safe_dump({"probe": {"evaluation_samples": 100}, "experiments": {"grid": grid}})
    )
    ours = ["--snakefile", str(ROOT / "Snakefile"), "--configfile", "config.yaml", "--", "all_cubes"]
    processor_seconds(tmp_path, *ours)  # digests of the sources are remembered from now on
    taken = [
        (processor_seconds(tmp_path, *ours), processor_seconds(tmp_path, "--snakefile", "Plain")) for _ in range(2)
    ]
    assert min(of_ours / of_plain for of_ours, of_plain in taken) < MOST, taken
