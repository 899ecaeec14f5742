"""The information plane of 12-10-7-5-4-3-2: training and all estimators, for one replica and for many as one.

The plain way is a `torch.nn.Sequential` with `torch.optim.Adam`, and NumPy and SciPy for one layer of one snapshot
after the other (`tests/plain.py`). It estimates every tenth snapshot only, and its seconds of that are multiplied by
ten. Everything starts from the same network. Compilation is not timed.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from machine import describe, seconds, spread, table

sys.path.insert(0, str(Path(__file__).parents[1]))
import plain
from common import load_config
from infoflow.datasets.images import load_images
from infoflow.estimators.kinds import output_names
from infoflow.studies.information_plane.measures import estimate_information
from infoflow.studies.information_plane.training import draw_parameters, snapshot_epochs, states, train_networks

SEED, BATCH, HIDDEN = 0, 512, [10, 7, 5, 4, 3]
NETWORK = {
    "activation": "tanh",
    "hidden": HIDDEN,
    "train_fraction": 0.8,
    "optimizer": "adam",
    "learning_rate": 4e-4,
    "initialization": "truncated_normal",
    "sigma_w2": 1.0,
    "sigma_b2": 0.0,
}
WIDTHS = [12, *HIDDEN, 2]
PLAIN_EVERY = 10
"""Snapshots, of which the plain way estimates one."""
TARGET = 10
"""Times that all replicas may take, in those of one."""


class Ours:
    """Training and information of so many replicas, as one."""

    def __init__(self, samples, estimators, epochs: int, at: list[int], replicas: int):
        self.samples, self.estimators, self.epochs, self.at, self.replicas = samples, estimators, epochs, at, replicas

    def train(self) -> None:
        plane = {"epochs": self.epochs, "batch_size": BATCH, "shuffled": True, "replicas": self.replicas}
        found = train_networks(*self.samples, 2, NETWORK, plane, at=self.at, seed=SEED)
        self.parameters = torch.from_numpy(found.parameters).flatten(0, 1)

    def estimate(self) -> None:
        inputs, labels = self.samples
        self.information = estimate_information(
            inputs, labels.numpy(), self.parameters, WIDTHS, "tanh", self.estimators, SEED
        )


class Plain:
    """One replica, one layer of one snapshot after the other."""

    def __init__(self, samples, estimators, epochs: int, at: list[int]):
        self.samples, self.estimators, self.epochs, self.at = samples, estimators, epochs, at

    def train(self) -> None:
        inputs, labels = self.samples
        drawn = draw_parameters(WIDTHS, NETWORK, SEED, [0])
        part = plain.training_part(SEED, 0, len(inputs), NETWORK["train_fraction"])
        self.snapshots = plain.train_classifier(
            drawn[0], WIDTHS, inputs, labels, part, SEED, self.epochs, self.at, BATCH, NETWORK["learning_rate"]
        )

    def estimate(self) -> None:
        inputs, labels = self.samples
        self.information = {}
        for e, parameters in list(enumerate(self.snapshots))[::PLAIN_EVERY]:
            for l, layer in enumerate(states(parameters[None], WIDTHS, "tanh", inputs)):
                for name, options in self.estimators.items():
                    found = plain.information(layer[0].T.numpy().astype(float), labels.numpy(), options, SEED)
                    self.information[name, e, l] = found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--replicas", type=int, default=50)
    parser.add_argument("--epochs", type=int, default=3000)
    parser.add_argument("--snapshots", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=3, help="turns of all but the plain way, which takes one")
    options = parser.parse_args()
    device = torch.device("cpu")
    estimators = load_config()["information_plane"]["estimators"]
    with tempfile.TemporaryDirectory() as nowhere:
        images = load_images({"kind": "o3", "shuffled": False}, Path(nowhere), SEED)
    inputs = torch.from_numpy(np.concatenate([images.train_images, images.test_images])).float()
    labels = torch.from_numpy(np.concatenate([images.train_labels, images.test_labels]))
    at = snapshot_epochs(options.epochs, options.snapshots)
    settings = (inputs, labels), estimators, options.epochs, at
    compiled = Ours((inputs, labels), estimators, 1, [0, 1], 1)
    compiled.train()
    compiled.estimate()

    rows, totals = [], {}
    one, many = (Ours(*settings, replicas) for replicas in (1, options.replicas))
    named = [("plain, 1 replica", Plain(*settings), 1)]
    named += [(f"infoflow, {w.replicas} replica{'s' * (w.replicas > 1)}", w, options.repeats) for w in (one, many)]
    for name, work, repeats in named:
        share = len(at) / len(at[::PLAIN_EVERY]) if isinstance(work, Plain) else 1
        pairs = [(seconds(work.train, device), share * seconds(work.estimate, device)) for _ in range(repeats)]
        totals[name] = [sum(pair) for pair in pairs]
        rows.append([name, *(spread([p[k] for p in pairs], ".1f") for k in (0, 1)), spread(totals[name], ".1f")])
    by_loop, alone, together = totals.values()
    print(f"{describe(device)}; {options.epochs} epochs, {len(at)} snapshots, {len(inputs)} patterns\n")
    print(table(["seconds", "training", "estimators", "both"], rows))
    print(f"\n{options.replicas} replicas in those of one: {spread([b / a for a, b in zip(alone, together)])} ", end="")
    print(f"of infoflow, {spread([b / by_loop[0] for b in together])} of the plain way; aimed at: at most {TARGET}")
    _compare(named[0][1], one)


def _compare(by_loop: Plain, ours: Ours) -> None:
    """By estimator, how far both ways are from each other, untrained: later, rounding grows into another network."""
    far = dict.fromkeys(by_loop.estimators, 0.0)
    for index, (name, entry) in enumerate(output_names(by_loop.estimators).items()):
        for l in range(len(WIDTHS) - 1):
            plainly = by_loop.information[entry, 0, l][name.removeprefix(entry).lstrip("_")]
            here = ours.information.input[index, 0, l], ours.information.label[index, 0, l]
            far[entry] = max(far[entry], *(abs(x - y) for x, y in zip(plainly, here)))
    said = ", ".join(f"{name} {value:.2g}" for name, value in far.items())
    print(f"\nuntrained, they differ by at most so many bits: {said} (neighbours: other noise)")


if __name__ == "__main__":
    main()
