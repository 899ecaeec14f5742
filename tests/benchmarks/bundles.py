"""Many short jobs on a SLURM cluster: one by one and in bundles. As root: it starts the cluster of the tests.

    python tests/slurm_cluster.py install
    python tests/benchmarks/bundles.py --probes 1000

Everything else runs in temporary folders.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
import yaml
from machine import describe, table

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from slurm_cluster import Cluster  # noqa: E402

PARTITIONS = {"cpu": "batch", "gpu": "accelerated"}


def write(folder: Path, probes: int, minutes: int) -> None:
    """The profile of the repository for this cluster, and a grid of kernel probes of tiny networks."""
    profile = yaml.safe_load((ROOT / "profiles/slurm/config.yaml").read_text())
    profile["set-resources"] = {rule: dict(wanted) for rule, wanted in profile["set-resources"].items()}  # no aliases
    for resources in (profile["default-resources"], *profile["set-resources"].values()):
        if "slurm_partition" in resources:
            resources["slurm_partition"] = PARTITIONS[resources["slurm_partition"]]
    profile["default-resources"] |= {"slurm_account": "theory", "bundle_minutes": minutes}
    profile["set-resources"]["probe_kernel"]["expected_seconds"] = 2
    (folder / "config.yaml").write_text(yaml.safe_dump(profile))
    probe = {"method": "kernel", "kernel_samples": 30, "evaluation_samples": 20}
    grid = {"sigma_w2": {"start": 0.01, "stop": round(0.01 * probes, 2), "num": probes}, "sigma_b2": [0.05]}
    config = {
        "run": {"name": "many", "replicas": 2},
        "datasets": {"digits": {"train_samples": 64, "test_samples": 40, "probe": probe}},
        "architectures": {"mlp": {"width": 12}},
        "experiments": {"many": {"dataset": "digits", "architecture": "mlp", "depth": [3], "truth": False} | grid},
    }
    (folder / "many.yaml").write_text(yaml.safe_dump(config))


def elapsed(cluster: Cluster, jobs: set[str]) -> float:
    """Seconds that jobs of SLURM ran, all together."""
    total = 0
    for line in cluster.jobs("all", "%F|%M"):
        job, _, used = line.partition("|")
        if job in jobs:
            days, _, clock = used.rpartition("-")
            parts = [int(part) for part in clock.split(":")]
            total += 86_400 * int(days or 0) + sum(60**k * part for k, part in enumerate(reversed(parts)))
    return total


def measure(cluster: Cluster, probes: int, minutes: int) -> list[str]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, probes, minutes)
        command = [
            *(sys.executable, "-m", "snakemake", "--profile", folder, "--snakefile", ROOT / "Snakefile"),
            *("--directory", folder / "run", "--configfile", folder / "many.yaml", "--", "all_probes"),
        ]
        started = time.perf_counter()
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT / "workflow/src")},
        )
        seconds = time.perf_counter() - started
        output = done.stdout + done.stderr
        if done.returncode:
            raise SystemExit(output[-3000:])
        own = [
            float(path.read_text().split("\n")[1].split("\t")[0])
            for path in (folder / "run/results/benchmarks/probe_kernel").glob("**/*.tsv")
        ]
        if len(own) != probes:
            raise SystemExit(f"{len(own)} of {probes} probes")
    single = re.findall(r"has been submitted with SLURM jobid (\d+)", output)
    arrays = re.findall(r"SLURM job ID (\d+)\. The individual task IDs are (\d+)-(\d+)", output)
    tasks = len(single) + sum(int(last) - int(first) + 1 for _, first, last in arrays)
    used = elapsed(cluster, {*single, *(job for job, *_ in arrays)})
    return [
        f"bundles of {minutes} min" if minutes else "one by one",
        f"{probes:,}",
        f"{tasks:,}",
        f"{len(single) + len(arrays)}",
        f"{seconds:.0f}",
        f"{used / probes:.1f}",
        f"{sum(own) / probes:.1f}",
        f"{(used - sum(own)) / probes:.2f}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--probes", type=int, default=1000)
    parser.add_argument("--alone", type=int, default=48, help="so many one by one; 0: none")
    parser.add_argument("--minutes", type=int, default=10)
    arguments = parser.parse_args()
    print(f"{describe(torch.device('cpu'))}\n", flush=True)
    cluster = Cluster()
    cluster.start()
    try:
        rows = [measure(cluster, arguments.alone, 0)] if arguments.alone else []
        rows.append(measure(cluster, arguments.probes, arguments.minutes))
    finally:
        cluster.stop()
    head = ["kernel probes", "points", "tasks of SLURM", "`sbatch`", "seconds", "of a CPU per point", "job", "rest"]
    print(table(head, rows))


if __name__ == "__main__":
    main()
