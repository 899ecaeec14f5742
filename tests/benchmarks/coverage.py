"""Do the printed intervals hold what whole runs with other seeds find?

One run of the workflow with 3 × 20 replicas of a small grid of digits is taken apart into twenty runs of three: weights
are independent, so that they are what twenty seeds would give. Of every score, the share of these runs whose interval
of the AUROC (and of that within depth) holds the value of all sixty replicas; the share of the pairs of runs whose
AUROC differ by no more than 1.96 √2 times the printed `auroc_spread`, mean of the two; and the spread itself, printed
and measured.
"""

import argparse
import itertools
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
import xarray as xr
import yaml
from machine import describe, table

from infoflow.studies.trainability.networks import grid_of, rows_of
from infoflow.verdict.standing import area_of, spread_of

ROOT = Path(__file__).parents[2]
RUNS, REPLICAS = 20, 3
SCORES = ("differential_entropy", "explained_variance", "mean_field", "gradient_ratio", "snip", "negative_depth")
CONFIG = {
    "run": {"name": "coverage", "replicas": RUNS * REPLICAS},
    "datasets": {
        "digits": {
            "probe": {"kernel_samples": 200, "evaluation_samples": 360},
            "train": {"epochs": 15, "learning_rate": 0.05},
        }
    },
    "probe": {"method": "kernel"},
    "predictors": {"names": ["gradient_ratio", "snip"]},
    "experiments": {
        "digits": {
            "dataset": "digits",
            "architecture": "mlp",
            "sigma_w2": [0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.76, 2.0, 2.5, 3.0, 3.5, 4.0],
            "sigma_b2": [0.05],
            "depth": [4, 8, 12, 16, 20],
        }
    },
}


def run_workflow(folder: Path, cores: int) -> xr.Dataset:
    """The cube of all replicas."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    command = [str(Path(sys.executable).with_name("snakemake")), "--profile", "profiles/local", "--cores", str(cores)]
    command += [
        "--directory",
        str(folder),
        "--configfile",
        str(folder / "config.yaml"),
        "--",
        "results/cubes/digits.nc",
    ]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return xr.load_dataset(folder / "results/cubes/digits.nc")


def judge(cube: xr.Dataset, score: str) -> list[str]:
    """A row of the table."""
    values = rows_of(cube["prediction_score"].sel(score=score)).astype(float)
    whole = grid_of(cube, 0, "all")
    truth = [area_of(values, whole, within=within).value for within in (False, True)]
    areas, held, spreads = [], [], []
    for run in range(RUNS):
        some = slice(run * REPLICAS, (run + 1) * REPLICAS)
        grid = grid_of(cube.isel(replica=some), run, "digits")
        found = [area_of(values[:, some], grid, within=within) for within in (False, True)]
        areas.append([one.value for one in found])
        held.append([one.low <= t <= one.high for one, t in zip(found, truth)])
        spreads.append(spread_of(values[:, some], grid))
    areas = np.array(areas)
    pairs = [
        abs(areas[i, 0] - areas[j, 0]) <= 1.96 * np.sqrt(spreads[i] ** 2 + spreads[j] ** 2)
        for i, j in itertools.combinations(range(RUNS), 2)
    ]
    spread = f"{np.sqrt(np.mean(np.square(spreads))):.4f} · {areas[:, 0].std(ddof=1):.4f}"
    return [
        score,
        f"{truth[0]:.3f}",
        *(f"{np.mean(column):.2f}" for column in zip(*held)),
        f"{np.mean(pairs):.2f}",
        spread,
    ]


def main() -> None:
    """Run, take apart, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--directory", type=Path, help="where the run is kept; by default it is not")
    parser.add_argument("--cores", type=int, default=2)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        cube = run_workflow((given.directory or Path(temporary)).resolve(), given.cores)
    print(describe(torch.device("cpu")))
    heads = [
        "score",
        "AUROC of all",
        "its interval holds that",
        "likewise within depth",
        "pairs agree",
        "spread: printed · measured",
    ]
    print(table(heads, [judge(cube, score) for score in SCORES]))


if __name__ == "__main__":
    main()
