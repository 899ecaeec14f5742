"""The workflow around the arithmetic: planning, scheduling, starting of jobs, merging, disk and memory.

Everything runs in temporary folders.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from unittest import mock

import numpy as np
import torch
import yaml
from machine import describe, spread, table

from infoflow.jobs.forkserver import OFF

ROOT = Path(__file__).parents[2]
SNAKEMAKE = [sys.executable, "-m", "snakemake", "--profile", str(ROOT / "profiles/local"), "--snakefile"]

# The peak memory of a process begins with that of the one that starts it: this one is small.
LAUNCH = """
import os, sys
process = os.spawnvp(os.P_NOWAIT, sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(process, 0)
print(usage.ru_maxrss, flush=True)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def measured(command: list[str], folder: Path) -> tuple[float, float, str]:
    """Seconds, peak memory in MB, and output of a command."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "workflow/src")}
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-S", "-c", LAUNCH, *command], cwd=folder, capture_output=True, text=True, env=environment
    )
    seconds = time.perf_counter() - started
    if done.returncode:
        raise SystemExit((done.stdout + done.stderr)[-3000:])
    *output, peak = (done.stderr + done.stdout).splitlines()
    return seconds, int(peak) / 1024, "\n".join(output)


def snakemake(folder: Path, config: dict, *arguments: str) -> tuple[float, float, str]:
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return measured([*SNAKEMAKE, str(ROOT / "Snakefile"), "--configfile", "config.yaml", *arguments], folder)


def planning(folder: Path, repeats: int) -> str:
    """`snakemake -n`, and a plain workflow of three rules per point in the same minutes."""
    plain = "rule all:\n    input: [f'r/c/{i}.txt' for i in range(10000)]\n"
    for source, target in (("", "a"), ("r/a/{i}.txt", "b"), ("r/b/{i}.txt", "c")):
        given = f"    input: '{source}'\n" if source else ""
        plain += f"rule {target}:\n{given}    output: 'r/{target}/{{i}}.txt'\n    shell: 'touch {{output}}'\n"
    (folder / "Plain").write_text(plain)

    def grid(columns: int, depths: int) -> dict:
        axis = {"start": 0.01, "stop": round(0.01 * columns, 2), "num": columns}
        mnist = {"dataset": "mnist", "architecture": "mlp", "sigma_w2": axis, "sigma_b2": [0.05]}
        return {"experiments": {"big": mnist | {"depth": {"start": 1, "stop": depths, "step": 1}}}}

    def dry(config: dict, *arguments: str):
        return lambda: snakemake(folder, config, "-n", "--quiet", "rules", *arguments)

    cases = {
        "plain workflow, 10,000 points of three rules": lambda: measured(
            [*SNAKEMAKE, "Plain", "-n", "--quiet", "rules"], folder
        ),
        "10,000 points: 100 σ_w² × 100 depths": dry(grid(100, 100), "--", "all_figures"),
        "— a tenth of it": dry(grid(100, 100), "--batch", "merge_cube=1/10", "--", "all_cubes"),
        "10,000 points: 10,000 σ_w², one depth": dry(grid(10_000, 1), "--", "all_figures"),
        "100,000 points: 500 σ_w² × 200 depths": dry(grid(500, 200), "--", "all_figures"),
        "— a hundredth of it": dry(grid(500, 200), "--batch", "merge_cube=1/100", "--", "all_cubes"),
    }
    found = {name: [] for name in cases}
    for turn in range(repeats):
        for name, run in cases.items():
            if not turn or "100,000" not in name:
                found[name].append(run())
    rows = []
    for name, runs in found.items():
        jobs = re.search(r"^total +(\d+)", runs[0][2], re.MULTILINE)[1]
        rows.append([name, f"{int(jobs):,}", spread([r[0] for r in runs], ".1f"), f"{max(r[1] for r in runs):.0f}"])
    return table(["`snakemake -n`", "jobs", "seconds", "MB"], rows)


def scheduling(folder: Path, repeats: int) -> str:
    """3,000 ready jobs that keep a core busy for a tenth of a second each."""
    cores, work = os.cpu_count(), 0.1
    code = f"import time; t = time.process_time()\\nwhile time.process_time() - t < {work}: pass"
    (folder / "Ready").write_text(
        "rule all:\n    input: [f'ready/{i}' for i in range(3000)]\n"
        "rule one:\n    output: touch('ready/{i}')\n    shell: \"\"\"python -S -c $'" + code + '\'"""\n'
    )
    seconds, memory, _ = measured([*SNAKEMAKE, "Ready", "--quiet", "all"], folder)
    return table(
        ["3,000 ready jobs of 0.1 s", "seconds", "share of the cores busy with them, %", "MB"],
        [["`scheduler: greedy`", f"{seconds:.0f}", f"{100 * 3000 * work / (cores * seconds):.0f}", f"{memory:.0f}"]],
    )


def starting(folder: Path, repeats: int) -> str:
    """What a job of no arithmetic costs, and where it goes."""
    tiny = {
        "datasets": {
            "digits": {
                "train_samples": 64,
                "test_samples": 40,
                "probe": {
                    "method": ["adam", "ridge"],
                    "epochs": 1,
                    "batch_size": 64,
                    "evaluation_samples": 20,
                    "ridge_samples": 20,
                },
                "train": {"epochs": 1},
            }
        },
        "architectures": {"mlp": {"width": 4}},
        "experiments": {
            "digits": {
                "dataset": "digits",
                "architecture": "mlp",
                "sigma_w2": {"start": 0.1, "stop": 2.0, "num": 20},
                "sigma_b2": [0.05],
                "depth": [1],
            }
        },
    }
    rows = []
    for way, fork in (("a Python of its own", "0"), ("forked", "1")):
        place = folder / way
        place.mkdir()
        with mock.patch.dict(os.environ, {OFF: fork}):
            snakemake(place, tiny, "--", "all_cubes")
        for rule in ("probe_cascade", "probe_ridge", "train_network"):
            lines = [p.read_text().split("\n")[1] for p in (place / f"results/benchmarks/{rule}").glob("**/*.tsv")]
            rows.append([f"`{rule}`, start to end, {way}", spread([float(line.split("\t")[0]) for line in lines])])
    parts = {
        "Python": "pass",
        "Snakemake's preamble": "from snakemake import script",
        "NumPy, netCDF4": "import numpy, netCDF4",
        "torch": "import gc; gc.set_threshold(100_000); import torch",
    }
    for name, code in parts.items():
        taken = [measured([sys.executable, "-c", f"{code}\nimport os; os._exit(0)"], folder)[0] for _ in range(10)]
        rows.append([f"— {name}", spread(taken)])
    return table(["a job without arithmetic, two at a time", "seconds"], rows)


def merging(folder: Path, repeats: int) -> str:
    """A cube of 10,000 evaluations of depth 200, and one of 10,000 trainings of 200 epochs."""
    script = """
import sys, time, resource
from pathlib import Path
from infoflow.files.cubes import write_cube
from infoflow.files.names import decode
from infoflow.files.results import read_result
from infoflow.studies.trainability.merge_cube import merge_results
from infoflow.studies.trainability.variables import PICTURES
started = time.perf_counter()
parts = [{p.stem: read_result(p, skip=PICTURES) for p in Path(d).glob("*.nc")} for d in sys.argv[1:]]
read = time.perf_counter() - started
architecture = {"kind": "mlp", "layout": "wide", "activation": "tanh"}
points = [decode(name) for part in parts for name in part]
axes = {axis: sorted({p[k] for p in points}) for k, axis in enumerate(("sigma_w2", "sigma_b2", "depth"))}
train = {"epochs": 200, "optimizer": "sgd", "learning_rate": [0.1], "success_accuracy": 0.9}
options = {"prefix_invariant": True, "architecture": architecture, "axes": axes, "experiment": "large"}
options |= {"attributes": {}, "train": train if parts[1] else None, "run": {"seed": 0, "draws": "independent"}}
write_cube(merge_results(dict(zip(("evaluations", "trainings"), parts)), **options), "cube.nc", "merge_cube")
print(read, time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
    rng = np.random.default_rng(0)
    from infoflow.files.names import encode
    from infoflow.files.results import Result, write_result
    from infoflow.studies.trainability.evaluate_kl import evaluate_probe

    def evaluations(count: int, layers: int) -> Path:
        target = folder / f"evaluations_{count}"
        found = {
            "reconstructions": rng.random((3, layers, 10, 16)).astype(np.float32),
            "evaluation_images": rng.random((10, 16)).astype(np.float32),
            "losses": rng.random((3, layers, 10)).astype(np.float32),
            "pre_activation_moments": rng.random((3, layers, 10)).astype(np.float32),
        }
        variables = evaluate_probe(Result(found, {}), 1e-12, 0.005, 10)
        about = {
            "probe_seconds": 1.0,
            "layer_widths": np.full(layers, 784, np.int32),
            "image_shape": np.array([4, 4], np.int32),
        }
        for k in range(1, count + 1):
            write_result(target / f"{encode(k / 10_000, 0.05, layers)}.nc", variables, about)
        return target

    def trainings(columns: int, depths: int, epochs: int) -> Path:
        target = folder / "trainings"
        for k in range(1, columns + 1):
            for depth in range(1, depths + 1):
                history = rng.random((3, 1, epochs)).astype(np.float32)
                of = "replica", "learning_rate"
                variables = {
                    "accuracy": ((*of, "epoch"), history, {}),
                    "loss": ((*of, "epoch"), history, {}),
                    "status": (of, np.zeros((3, 1), np.int8), {}),
                    "seconds": (("replica",), np.ones(3), {}),
                }
                write_result(target / f"{encode(k / 10_000, 0.05, depth)}.nc", variables, {})
        return target

    cases = {
        "10,000 evaluations, 3 replicas, depth 200": [evaluations(10_000, 200), folder / "none"],
        "100 evaluations, 10,000 trainings, 3 replicas, 200 epochs": [
            evaluations(100, 100),
            trainings(100, 100, 200),
        ],
    }
    rows = []
    for name, folders in cases.items():
        _, _, output = measured([sys.executable, "-c", script, *map(str, folders)], folder)
        read, seconds, memory = (float(v) for v in output.split()[-3:])
        size = (folder / "cube.nc").stat().st_size / 1e6
        rows.append([name, f"{read:.0f}", f"{seconds:.0f}", f"{memory:.0f}", f"{size:.0f}"])
    return table(["merged", "reading, s", "seconds", "MB", "cube, MB"], rows)


def room(folder: Path, repeats: int) -> str:
    """Memory and files of a probe of depth 200 and width 784, on images of MNIST's shape.

    Memory: with all 60,000 images, whose activations it has to hold. The batches are large there: steps take time, and
    no memory. Files: with the replicas and the evaluation set of config/paper.yaml.
    """
    rows = []
    for replicas, images, samples, keep in ((1, 60_000, 1000, True), (3, 640, 100, True), (3, 640, 100, False)):
        noise = {"kind": "white_noise", "shape": [28, 28], "train_samples": images, "test_samples": samples}
        noise["probe"] = {"epochs": 1, "batch_size": images // 10, "evaluation_samples": samples}
        config = {
            "run": {"replicas": replicas, "keep_reconstructions": keep},
            "datasets": {"white_noise": noise},
            "experiments": {
                "deep": {
                    "dataset": "white_noise",
                    "architecture": "mlp",
                    "sigma_w2": [1.76],
                    "sigma_b2": [0.05],
                    "depth": [200],
                    "truth": False,
                },
            },
        }
        place = folder / f"room_{replicas}_{keep}"
        place.mkdir()
        snakemake(place, config, "--", "all_probes")
        (line,) = (p.read_text().split("\n")[1] for p in place.glob("results/benchmarks/probe_cascade/**/*.tsv"))
        sizes = {
            rule: sum(p.stat().st_size for p in place.glob(f"results/{rule}/**/*.nc")) / 1e6
            for rule in ("probe_cascade", "evaluate_kl")
        }
        total = 590 * sum(sizes.values()) / 1e3
        rows.append(
            [
                f"{replicas} replica{'s' * (replicas > 1)}, {images:,} images, {samples:,} of evaluation, "
                f"`keep_reconstructions: {str(keep).lower()}`",
                f"{float(line.split(chr(9))[2]) / 1024:.1f}",
                f"{sizes['probe_cascade']:.0f}",
                f"{sizes['evaluate_kl']:.1f}",
                f"{total:.1f}",
            ]
        )
    head = ["depth 200, width 784", "peak memory, GB", "probe, MB", "evaluation, MB", "590 of them, GB"]
    return table(head, rows)


PARTS = {
    "planning": planning,
    "scheduling": scheduling,
    "starting": starting,
    "merging": merging,
    "room": room,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="default: all")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    print(f"{describe(torch.device('cpu'))}; median (least–largest)", flush=True)
    for part in arguments.parts or PARTS:
        with tempfile.TemporaryDirectory() as folder:
            print(f"\n{PARTS[part](Path(folder), arguments.repeats)}", flush=True)


if __name__ == "__main__":
    main()
