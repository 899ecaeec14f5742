"""The search of the boundary against the full grid, in trainings spent and in error.

Two runs of the workflow train the same networks of digits: every point of a grid, and by search, each in a directory of
its own, on six depths and on thirty. The table compares boundaries and seconds of training. The figure then plays other
strategies on the networks of the full grid, whose outcomes and seconds are known: random points, plain bisection, the
library `adaptive`, and the search with and without a guess. All of them are judged alike, by the threshold that the
posterior of `verdict.threshold` has from what they trained, against that of all networks; the error is
exp(mean |ln|) - 1 over columns.
"""

import argparse
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
import xarray as xr
import yaml
from machine import describe, table

mpl.use("Agg")
import matplotlib.pyplot as plt

from infoflow.figures.style import LINES, STYLE
from infoflow.studies.trainability.search_boundary import FALL, Search
from infoflow.verdict.threshold import depth_grid

ROOT = Path(__file__).parents[2]
GRIDS = {
    "six": ([0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.76, 2.0, 2.5, 3.0, 3.5, 4.0], [5, 10, 15, 20, 30, 40]),
    "thirty": ([0.6, 1.0, 1.4, 1.76, 2.5, 4.0], list(range(2, 61, 2))),
}
"""σ_w² and depths."""
HEADS = ["depths", "columns", "networks trained", "seconds of training", "ratio", "ratio of epochs times layers"]
HEADS += ["largest step apart", "factor apart"]
SEARCH = {"resolution": 0.1, "confidence": 0.9}
REPEATS = 20
"""Orders in which random points are trained."""


@dataclass(frozen=True)
class Column:
    """The networks of one σ_w², all of whose outcomes are known: [depth, replica]."""

    depths: np.ndarray
    good: np.ndarray
    seconds: np.ndarray
    guess: float

    def threshold(self, trained: list[tuple[int, int]]) -> float:
        """Of the networks that were trained."""
        good, count = np.zeros((2, len(self.depths)), int)
        for d, r in trained:
            good[d] += self.good[d, r]
            count[d] += 1
        return float(depth_grid(self.depths).fit(good, count).quantiles(0.5)[0])


def run_workflow(folder: Path, truth: bool | str, cores: int) -> None:
    """Train both grids; what is there already stays."""
    experiment = {"dataset": "digits", "architecture": "mlp", "sigma_b2": [0.05], "truth": truth}
    config = {
        "run": {"name": "boundaries"},
        "datasets": {
            "digits": {
                "probe": {"kernel_samples": 200, "evaluation_samples": 360},
                "train": {"epochs": 40, "learning_rate": 0.05},
            }
        },
        "probe": {"method": "kernel"},
        "predictors": None,
        "experiments": {name: {**experiment, "sigma_w2": w, "depth": depths} for name, (w, depths) in GRIDS.items()},
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    command = [str(Path(sys.executable).with_name("snakemake")), "--profile", "profiles/local", "--cores", str(cores)]
    command += ["--directory", str(folder), "--configfile", str(folder / "config.yaml"), "--", "all_cubes"]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def read_columns(cube: xr.Dataset) -> Iterator[Column]:
    """The columns of a full grid."""
    entropy = cube["differential_entropy"].isel(sigma_b2=0).mean("replica").values
    depths = cube["depth"].values.astype(float)
    for w, of_layers in enumerate(entropy):
        fallen = np.flatnonzero(of_layers < of_layers.max() - FALL)
        good = cube["trainable"].isel(sigma_w2=w, sigma_b2=0).transpose("depth", "replica").values == 1
        seconds = cube["train_seconds"].isel(sigma_w2=w, sigma_b2=0).transpose("depth", "replica").values
        yield Column(depths, good, seconds, float(max(fallen[0], 1)) if len(fallen) else 1.5 * depths[-1])


# --- strategies: the order in which networks are trained


def by_search(column: Column, guessed: bool = True) -> list[tuple[int, int]]:
    """That of the workflow."""
    middle = float(np.sqrt(column.depths[0] * column.depths[-1]))
    search = Search(list(column.depths), column.good.shape[1], column.guess if guessed else middle, **SEARCH)
    search.run(lambda d, r: bool(column.good[d, r]))
    return search.order


def by_bisection(column: Column) -> list[tuple[int, int]]:
    """One replica after the other: the depth halfway between the last that trained and the first that did not."""
    order = []
    for r in range(column.good.shape[1]):
        low, high = -1, len(column.depths)
        while high - low > 1:
            middle = (low + high) // 2
            order.append((middle, r))
            low, high = (middle, high) if column.good[middle, r] else (low, middle)
    return order


def by_adaptive(column: Column) -> list[tuple[int, int]]:
    """`adaptive.Learner1D` of the outcome of the first replica over ln depth, then of the next; 2 to 10 points each."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from adaptive import Learner1D

    order = []
    logs = np.log(column.depths)
    for r in range(column.good.shape[1]):
        learner, seen = Learner1D(lambda x: None, (logs[0], logs[-1])), set()
        for _ in range(10):
            (x,), _ = learner.ask(1)
            d = int(np.abs(logs - x).argmin())
            learner.tell(x, float(column.good[d, r]))
            if (d, r) not in seen:
                seen.add((d, r))
                order.append((d, r))
    return order


def at_random(column: Column, seed: int) -> list[tuple[int, int]]:
    """All networks, in a random order."""
    order = np.random.default_rng(seed).permutation(column.good.size)
    return [tuple(map(int, np.unravel_index(k, column.good.shape))) for k in order]


def follow(
    columns: list[Column], strategy: Callable[[Column], list[tuple[int, int]]], shares: np.ndarray
) -> np.ndarray:
    """Error of the thresholds when a share of the seconds of the full grid is spent; NaN behind the strategy's end."""
    whole = [(d, r) for d in range(len(columns[0].depths)) for r in range(columns[0].good.shape[1])]
    total = sum(c.seconds.sum() for c in columns)
    errors, spent, ends = [], [], []
    for column in columns:
        order = strategy(column)
        spent.append(np.cumsum([column.seconds[one] for one in order]))
        truth = column.threshold(whole)
        errors.append([abs(np.log(column.threshold(order[:k]) / truth)) for k in range(1, len(order) + 1)])
        ends.append(len(order))
    found = np.full(len(shares), np.nan)
    for s, share in enumerate(shares):
        # every column has spent the same share of what it spends in the end
        budget = share * total
        parts = [max(1, round(end * min(1.0, budget / sum(t[-1] for t in spent)))) for end in ends]
        if budget <= 1.05 * sum(t[-1] for t in spent):
            found[s] = np.expm1(np.mean([e[k - 1] for e, k in zip(errors, parts)]))
    return found


def draw(columns: list[Column], path: Path) -> None:
    """Error against the share of the full grid's seconds."""
    shares = np.geomspace(0.01, 1, 40)
    strategies = {
        "search": by_search,
        "search without a guess": lambda c: by_search(c, guessed=False),
        "bisection": by_bisection,
        "adaptive": by_adaptive,
    }
    with mpl.rc_context(STYLE):
        figure, ax = plt.subplots(figsize=(6.4, 4))
        for (name, strategy), line in zip(strategies.items(), LINES):
            ax.plot(shares, follow(columns, strategy, shares), linestyle=line, label=name)
        runs = np.stack([follow(columns, lambda c, seed=s: at_random(c, seed), shares) for s in range(REPEATS)])
        ax.plot(shares, np.mean(runs, 0), color="0.5", label=f"random points, mean of {REPEATS}")
        ax.fill_between(shares, *np.quantile(runs, [0.1, 0.9], axis=0), color="0.85")
        ax.set(xscale="log", xlabel="seconds of training, full grid = 1", ylabel="error of the boundary, factor − 1")
        ax.set_ylim(bottom=0)
        ax.set_title(f"{len(columns)} columns of {len(columns[0].depths)} depths, {columns[0].good.shape[1]} replicas")
        ax.legend()
        figure.savefig(path)


def compare(full: xr.Dataset, found: xr.Dataset) -> list[str]:
    """A row of the table: a full grid, and a search of the same columns, or of some more."""
    depths = full["depth"].values
    found = found.sel(sigma_w2=full["sigma_w2"])
    position = {0: 0} | {int(d): k + 1 for k, d in enumerate(depths)}
    steps = [
        abs(position[int(a)] - position[int(b)])
        for a, b in zip(full["trainable_depth"].values.ravel(), found["trainable_depth"].values.ravel())
    ]
    factor = np.exp(np.abs(np.log(found["threshold_depth"] / full["threshold_depth"])).mean())
    seconds = [float(cube["train_seconds"].sum()) for cube in (full, found)]
    layers = [float((cube["epochs_run"].sum("learning_rate") * cube["depth"]).sum()) for cube in (full, found)]
    trained = [int((cube["truth_source"] == 0).sum()) for cube in (full, found)]
    return [
        str(len(depths)),
        str(len(steps)),
        f"{trained[1]} of {trained[0]}",
        f"{seconds[1]:.0f} : {seconds[0]:.0f}",
        f"{seconds[1] / seconds[0]:.3f}",
        f"{layers[1] / layers[0]:.3f}",
        f"{max(steps)} ({sum(s == 0 for s in steps)} of {len(steps)} the same)",
        f"{float(factor):.2f}",
    ]


def main() -> None:
    """Run, compare, draw."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--directory", type=Path, help="where the runs are kept; by default they are not")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--figure", type=Path, default=Path("boundary_search.png"))
    parser.add_argument(
        "--pair", type=Path, nargs=2, metavar=("FULL", "SEARCH"), help="compare these cubes of other runs only"
    )
    given = parser.parse_args()
    if given.pair:
        print(table(HEADS, [compare(*map(xr.load_dataset, given.pair))]))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = (given.directory or Path(temporary)).resolve()
        run_workflow(folder / "full", True, given.cores)
        run_workflow(folder / "search", "boundary", given.cores)
        cubes = {n: [xr.load_dataset(folder / k / f"results/cubes/{n}.nc") for k in ("full", "search")] for n in GRIDS}
    print(describe(torch.device("cpu")))
    print(table(HEADS, [compare(*pair) for pair in cubes.values()]))
    draw(list(read_columns(cubes["thirty"][0])), given.figure)


if __name__ == "__main__":
    main()
