"""The published probe on networks with convolutions, beside the kernel cascade: does it tell what can be trained?

    python tests/benchmarks/published.py --directory DIRECTORY [--experiment evidence_mnist_cnn]

The entropy of what one-layer networks reconstruct, trained by Adam for about 900 steps, of the networks of a grid of
`config/evidence.yaml`, judged by what is known of their training, `docs/evidence.csv`. Probes only, in the directory:
what is there stays. Half an hour on two cores; prints a table.
"""

import argparse
import csv
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import xarray as xr
import yaml

from infoflow.studies.trainability.variables import SURE
from infoflow.verdict.auroc import auroc
from infoflow.verdict.resampling import (
    auroc_interval,
    auroc_within,
    draw_weights,
    interval,
    resample_stream,
    weighted_auroc,
)

ROOT = Path(__file__).parents[2]
CONFIG, POINTS = ROOT / "config/evidence.yaml", ROOT / "docs/evidence.csv"
EPOCHS = 12
"""Of 5,000 images in batches of 64: 936 steps."""
REPLICAS, UNKNOWN = 3, -1
SCORES = {"H": "differential_entropy", "R²": "explained_variance", "−D": "relative_entropy"}


def probe(directory: Path, name: str, cores: int) -> list[tuple[float, str]]:
    """Let the workflow probe the deepest network of every σ_w²; σ_w², and the path of a result below its rule."""
    config = yaml.safe_load(CONFIG.read_text())
    experiment = config["experiments"][name]
    architecture = experiment["architecture"]
    overlay = {"architectures": {architecture: {"probe": {"method": ["kernel", "adam"], "epochs": EPOCHS}}}}
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "published.yaml").write_text(yaml.safe_dump(overlay))
    (b,) = experiment["sigma_b2"]
    points = [
        (w, f"{experiment['dataset']}/{architecture}/w{w:.6f}_b{b:.6f}_d{max(experiment['depth']):03d}.nc")
        for w in experiment["sigma_w2"]
    ]
    command = [sys.executable, "-m", "snakemake", "--profile", "profiles/local", "--cores", str(cores)]
    command += ["--directory", str(directory), "--configfile", str(CONFIG), str(directory / "published.yaml"), "--"]
    command += [f"results/{rule}/{path}" for _, path in points for rule in ("evaluate_kl", "probe_kernel")]
    subprocess.run(command, cwd=ROOT, check=True)
    return points


def labels(name: str) -> Iterator[tuple[float, int, list[int]]]:
    """σ_w², depth, and of every replica whether it can be trained: known, or all but certain, or unknown."""
    with POINTS.open(newline="") as file:
        for row in csv.DictReader(file):
            if row["experiment"] == name:
                ran, well, probability = int(row["trained"]), int(row["trainable"]), float(row["train_probability"])
                rest = UNKNOWN if 1 - SURE <= probability <= SURE else int(probability > 0.5)
                of_replicas = [1] * well + [0] * (ran - well) + [rest] * (REPLICAS - ran)
                yield float(row["sigma_w2"]), int(row["depth"]), of_replicas


def score_of(result: xr.Dataset, variable: str, layer: int) -> float:
    """Mean over the replicas; of the relative entropy the negative median."""
    values = result[variable].isel(layer=layer)
    if "quantile" in values.dims:
        values = values.isel(quantile=2)
    return float(values.mean()) * (-1 if variable == "relative_entropy" else 1)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--directory", type=Path, required=True, help="where the workflow runs")
    parser.add_argument("--experiment", default="evidence_mnist_cnn")
    parser.add_argument("--cores", type=int, default=2)
    given = parser.parse_args()
    directory = given.directory.resolve()
    paths = dict(probe(directory, given.experiment, given.cores))
    known = list(labels(given.experiment))
    column, depth = np.array([w for w, _, _ in known]), np.array([d for _, d, _ in known])
    truth = np.array([own for _, _, own in known])
    weights = draw_weights(column, REPLICAS, resample_stream(0, given.experiment), "independent")
    sure = truth != UNKNOWN
    deepest = depth.max()
    print(f"{given.experiment}: {sure.sum()} networks, {truth[sure].mean():.0%} train\n")
    counted = np.repeat(-depth[:, None].astype(float), REPLICAS, 1)
    by_depth = auroc(counted[sure], truth[sure] == 1)
    print("| score | AUROC | above −depth | within depth |\n|---|---|---|---|")
    for method, rule in (("adam", "evaluate_kl"), ("kernel", "probe_kernel")):
        found = {w: xr.load_dataset(directory / "results" / rule / path) for w, path in paths.items()}
        for told, variable in SCORES.items():
            # the last layer is that of the deepest network
            score = np.array([score_of(found[w], variable, d - deepest - 1) for w, d, _ in known])
            every = np.repeat(score[:, None], REPLICAS, 1)
            cells = []
            for strata in (None, depth):
                low, high = auroc_interval(every, truth, column, weights, "independent", strata)
                value = auroc(every[sure], truth[sure] == 1) if strata is None else auroc_within(every, truth, strata)
                cells.append(f"{value:.3f} [{low:.3f}, {high:.3f}]")
                if strata is None:  # of the same networks
                    gains = weighted_auroc(every, truth, weights) - weighted_auroc(counted, truth, weights)
                    low, high = interval(gains)
                    cells.append(f"{value - by_depth:.3f} [{low:.3f}, {high:.3f}]")
            print(f"| {told}, {method} | {' | '.join(cells)} |")
    print(f"| −depth | {by_depth:.3f} | 0 | 0.500 |")


if __name__ == "__main__":
    main()
