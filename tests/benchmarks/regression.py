"""How the verdict of `check` does on what its rule has not seen at all: networks that fit numbers.

    python tests/benchmarks/regression.py

The rule was fitted to networks that classify. Here perceptrons of four activations, initialisations and three depths
fit a function of two coordinates with Adam, and digits from their own pixels with SGD, three draws each; one has
learned that halves the squared error of the best constant. Prints a table; three minutes on one core.
"""

from functools import partial
from itertools import product

import numpy as np
import torch
from torch import nn

from infoflow.engine.initialization import generator
from infoflow.modules.check import check
from infoflow.modules.training import LOSSES, Recipe, Success, parse_optimizer, train
from infoflow.modules.verdict import features, read_rule
from infoflow.studies.check_calibration.fit import interval
from infoflow.studies.check_calibration.networks import parts
from infoflow.studies.check_calibration.networks.case import Case, draw
from infoflow.studies.check_calibration.networks.families import INITIALISATIONS, WIDTH
from infoflow.studies.check_calibration.networks.tasks import load_task
from infoflow.studies.check_calibration.rows import baselines
from infoflow.studies.check_calibration.table import make_table
from infoflow.verdict.auroc import auroc

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "softplus": nn.Softplus, "gelu": nn.GELU}
ARMS = {"waves": "adam:3e-3", "pixels": "sgd:0.3"}
SEEDS = 3


def waves() -> tuple[torch.Tensor, torch.Tensor]:
    """Sum of eight waves of random directions over a square, of variance 1: [1000, 2] and [1000, 1]."""
    stream = generator(0, "waves")
    points = 2 * torch.rand(1000, 2, generator=stream) - 1
    numbers = 4 * torch.randn(2, 8, generator=stream)
    values = (points @ numbers + 2 * torch.pi * torch.rand(8, generator=stream)).sin().sum(1, keepdim=True)
    return points, (values - values.mean()) / values.std()


def network(
    inputs: int, outputs: int, depth: int, activation: type[nn.Module], weights: parts.Draw | None
) -> nn.Module:
    return parts.initialise(parts.mlp([inputs, *[WIDTH] * depth, outputs], activation), weights)


def rows_of(case: Case, inputs: torch.Tensor, targets: torch.Tensor) -> list[dict]:
    """One per draw, as the table of `check_calibration` has them, and the probability that `check` gives it."""
    report = check(case.build, inputs, targets, optimizer=case.recipe, loss=LOSSES[case.recipe.loss], seeds=SEEDS)
    found = []
    for seed, (signals, first) in enumerate(zip(report.signals, report.first_steps)):
        stream = generator(seed, "regression", case.name)
        numbers = features(signals, case.recipe, first)
        found.append(
            {
                "network": case.name,
                "family": case.family,
                "seed": seed,
                "learned": int(train(draw(case, seed), inputs, targets, case.recipe, stream).succeeded),
                **baselines(case.facts, signals),
                "probability": read_rule().judge([numbers]).probability,
                "without": read_rule(False).judge([numbers]).probability,
            }
        )
    return found


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    pixels = load_task("digits_flat").inputs
    tasks = {"waves": waves(), "pixels": (pixels, pixels)}
    rows = []
    for (name, activation), how, depth, task in product(
        ACTIVATIONS.items(), ("default", "he", "small", "large"), (2, 5, 10), tasks
    ):
        inputs, targets = tasks[task]
        build = partial(network, inputs.shape[1], targets.shape[1], depth, activation, INITIALISATIONS[how])
        base = Recipe(steps=400, batch_size=64, loss="mse", success=Success("loss", 0.5))
        recipe = parse_optimizer(ARMS[task], base)
        label = f"{task}_{name}_{how}_d{depth:02d}"
        case = Case(label, task, ARMS[task], build, task, recipe, seeds=SEEDS, facts={"depth": depth + 1})
        rows += rows_of(case, inputs, targets)
    table = make_table(rows)
    scores = {n: table.features[:, table.names.index(n)] for n in ("probability", "without")} | dict(table.baselines)
    print(f"{len(table)} draws, {table.learned.sum()} learned")
    for name, score in scores.items():
        low, high = interval(score, table)
        print(f"{name}: AUROC {auroc(score, table.learned):.3f} [{low:.3f}, {high:.3f}]")
        for task in tasks:
            own = table.families == task
            print(f"  {task}: {auroc(score[own], table.learned[own]):.3f}")
    sure = scores["probability"]
    for told, chosen in (("> 0.8", sure > 0.8), ("< 0.2", sure < 0.2), ("between", (sure >= 0.2) & (sure <= 0.8))):
        print(f"probability {told}: {np.count_nonzero(chosen)}, of which {table.learned[chosen].mean():.0%} learned")


if __name__ == "__main__":
    main()
