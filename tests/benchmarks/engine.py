"""Probing, training and composing, against the plain way of doing it. MNIST, width 784, batches of 64, float32.

The plain way is a torchvision DataLoader with ToTensor per sample, a loop over the layers, one optimizer per network,
autograd, one network at a time (`tests/plain.py`). Both do the same work, from the same initial networks and in the
same order of samples, and their results are compared. They take turns; a ratio is that of one turn.
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from machine import copy_bandwidth, describe, matrix_rate, seconds, spread, table
from torch.utils.data import DataLoader
from torchvision.datasets import MNIST
from torchvision.transforms import ToTensor

sys.path.insert(0, str(Path(__file__).parents[1]))
import plain
from infoflow.architectures.build import build_network
from infoflow.datasets.images import load_images
from infoflow.engine.images import PreparedImages
from infoflow.engine.initialization import Ensemble, draw_gaussian, draw_order, draw_uniform
from infoflow.engine.training import train
from infoflow.files.originals import find_data_root
from infoflow.reconstruction.cascade import compose_cascades
from infoflow.reconstruction.fit import fit_inverses

SIGMA_W2, SIGMA_B2, SEED, BATCH = 1.76, 0.05, 0, 64
ADAM = {"method": "adam", "epochs": 1, "batch_size": BATCH, "learning_rate": 1e-3}


@dataclass(frozen=True)
class Case:
    """One thing done in two ways.

    Attributes:
        plain, ours: what is timed; they return what has to agree.
        replicas: how many replicas `ours` computes; `plain` computes one.
        target: the ratio aimed at, on a CPU and on a GPU.
        tolerance: relative, of what has to agree.
    """

    name: str
    plain: Callable[[], torch.Tensor]
    ours: Callable[[], torch.Tensor]
    replicas: int
    target: tuple[float, float]
    tolerance: float


class Digits(MNIST):
    """torchvision's data set, from arrays that were read and checked already."""

    def __init__(self, images: torch.Tensor, labels: torch.Tensor):
        self.data, self.targets = images, labels
        self.transform, self.target_transform = ToTensor(), None


def network(depth: int):
    return build_network({"kind": "mlp", "layout": "wide", "activation": "tanh"}, (28, 28), 10, depth)


def probe_case(digits: Digits, depth: int, replicas: int, device: torch.device) -> Case:
    """Training of all reconstruction networks."""
    blocks, to = network(depth).blocks, {"dtype": torch.float32, "device": device}
    forward, inverse = [b.forward for b in blocks], [b.inverse for b in blocks]
    frozen = draw_gaussian(forward, SIGMA_W2, SIGMA_B2, SEED, "frozen", range(replicas), **to)
    images = digits.data.to(device).float() / 255

    def by_loop() -> torch.Tensor:
        (order,) = draw_order(SEED, "probe order", 0, [0], len(digits))
        loader = DataLoader(digits, batch_size=BATCH, sampler=order.tolist())
        batches = (x.to(device).squeeze(1) for x, _ in loader)
        layers = plain.frozen_layers(forward, SIGMA_W2, SIGMA_B2, SEED, 0, **to)
        return plain.train_inverses(layers, plain.inverse_layers(inverse, SEED, 0, **to), batches, 1e-3)[:, -10:]

    def by_engine() -> torch.Tensor:
        return fit_inverses(blocks, frozen, images, ADAM, seed=SEED, replicas=range(replicas)).losses[0, :, -10:]

    name = f"probe, depth {depth}, {replicas} replica{'s' * (replicas > 1)}"
    return Case(name, by_loop, by_engine, replicas, (2.0, 50.0 if replicas > 1 else 10.0), 0.02)


def training_case(digits: Digits, depth: int, replicas: int, device: torch.device) -> Case:
    """One epoch of full training."""
    net, to = network(depth), {"dtype": torch.float32, "device": device}
    images, labels = digits.data.to(device).float() / 255, digits.targets.to(device)
    prepared = PreparedImages(images, images[:BATCH], labels, labels[:BATCH], torch.arange(BATCH))
    settings = {"epochs": 1, "batch_size": BATCH, "learning_rate": 1e-3, "momentum": 0.0, "readout": "logits"}
    settings |= {"optimizer": "sgd", "success_accuracy": 1.0, "stop": "never"}
    ensemble = Ensemble(SIGMA_W2, SIGMA_B2, SEED, range(replicas))

    def by_loop() -> torch.Tensor:
        (order,) = ensemble.draw_order("train order", 0, [0], len(digits))
        loader = DataLoader(digits, batch_size=BATCH, sampler=order.tolist())
        layers = plain.frozen_layers([b.forward for b in net.blocks], SIGMA_W2, SIGMA_B2, SEED, 0, **to)
        layers += plain.frozen_layers(net.head, SIGMA_W2, SIGMA_B2, SEED, 0, "head", **to)
        return torch.tensor(plain.train(layers, ((x.to(device), y.to(device)) for x, y in loader), 1e-3))

    def by_engine() -> torch.Tensor:
        return torch.tensor(train(net, ensemble, prepared, settings).loss[0, 0], dtype=torch.float32)

    name = f"training, depth {depth}, {replicas} replicas"
    return Case(name, by_loop, by_engine, replicas, (1.5, 20.0), 0.02)


def compose_case(digits: Digits, depth: int, samples: int, device: torch.device) -> Case:
    """All composed cascades."""
    blocks, to = network(depth).blocks, {"dtype": torch.float32, "device": device}
    forward, inverse = [b.forward for b in blocks], [b.inverse for b in blocks]
    frozen = draw_gaussian(forward, SIGMA_W2, SIGMA_B2, SEED, "frozen", [0], **to)
    parameters = draw_uniform(inverse, SEED, "inverse", [0], **to)
    layers = [plain.module(m, p) for m, p in zip(forward, frozen)]
    inverses = [plain.module(m, p) for m, p in zip(inverse, parameters)]
    images = digits.data[:samples].to(device).float() / 255
    return Case(
        f"cascades of all layers, depth {depth}, {samples} samples",
        lambda: plain.compose(layers, inverses, images),
        lambda: compose_cascades(forward, frozen, inverse, parameters, images, 1)[0][0],
        1,
        (3.0, 10.0),
        1e-4,
    )


def take_turns(case: Case, repeats: int, device: torch.device) -> list[tuple[float, float]]:
    """Seconds per replica of both, in turns, after one of each that is not timed but compared."""
    expected, found = case.plain(), case.ours()
    torch.testing.assert_close(found.to(expected.device), expected, rtol=case.tolerance, atol=1e-4)
    return [(seconds(case.plain, device), seconds(case.ours, device) / case.replicas) for _ in range(repeats)]


def compare(case: Case, repeats: int, device: torch.device) -> list[str]:
    """A row of the table."""
    turns = take_turns(case, repeats, device)
    by_loop, by_engine = zip(*turns)
    ratios = [a / b for a, b in turns]
    target = case.target[device.type == "cuda"]
    return [case.name, spread(by_loop), spread(by_engine), spread(ratios), f"{target:g}"]


@dataclass(frozen=True)
class Limits:
    """Time of a step of one reconstruction network, its frozen layer included, and what the machine allows.

    Attributes:
        rate, bandwidth: FLOP/s of a large product, bytes/s of a large copy.
        arithmetic, traffic: seconds of a step at these.
        taken: seconds, of each repeat.
    """

    rate: float
    bandwidth: float
    arithmetic: float
    traffic: float
    taken: list[float]

    @property
    def shares(self) -> list[float]:
        """Of the roofline, in per cent."""
        return [100 * max(self.arithmetic, self.traffic) / t for t in self.taken]


def measure_limits(
    digits: Digits, depth: int, replicas: int, repeats: int, device: torch.device, side: int | None = None
) -> Limits:
    """Steps of the probe against a product of square matrices and a copy."""
    case = probe_case(digits, depth, replicas, device)
    case.ours()
    units, steps = 784, -(-len(digits) // BATCH)
    rate, bandwidth = matrix_rate(device, side), copy_bandwidth(device)
    return Limits(
        rate,
        bandwidth,
        6 * units**2 * BATCH / rate,  # frozen forward, inverse forward, gradient
        7 * 4 * units**2 / bandwidth,  # parameters, moments: read and written; gradients: read
        [seconds(case.ours, device) / (depth * replicas * steps) for _ in range(repeats)],
    )


def roofline(digits: Digits, depth: int, replicas: int, repeats: int, device: torch.device) -> list[str]:
    """A row of the table."""
    found = measure_limits(digits, depth, replicas, repeats, device)
    return [
        f"depth {depth}, {replicas} replica{'s' * (replicas > 1)}",
        f"{found.rate / 1e9:,.0f}",
        f"{found.bandwidth / 1e9:,.0f}",
        f"{found.arithmetic * 1e6:.0f}",
        f"{found.traffic * 1e6:.0f}",
        spread([t * 1e6 for t in found.taken], ".0f"),
        spread(found.shares, ".0f"),
        "50" if device.type == "cuda" else "60",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, help="training images; default 60,000 on a GPU, 6,400 on a CPU")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", help="cases whose name contains this")
    arguments = parser.parse_args()

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    samples = arguments.samples or (60_000 if device.type == "cuda" else 6_400)
    mnist = load_images({"kind": "mnist"}, find_data_root(None), SEED)
    digits = Digits(torch.from_numpy(mnist.train_images[:samples]), torch.from_numpy(mnist.train_labels[:samples]))

    print(f"{describe(device)}; {samples:,} images; {arguments.repeats} turns; median (least–largest)\n", flush=True)
    head = ["", "plain, s per replica", "infoflow, s per replica", "ratio", "target"]
    cases = [
        lambda: probe_case(digits, 20, 1, device),
        lambda: probe_case(digits, 50, 8, device),
        lambda: training_case(digits, 50, 8, device),
        lambda: compose_case(digits, 200, 100, device),
    ]
    print(table(head, []), flush=True)
    for make in cases:  # one at a time: their parameters need not fit together
        case = make()
        if not arguments.only or arguments.only in case.name:
            print(f"| {' | '.join(compare(case, arguments.repeats, device))} |", flush=True)
        del case

    head = [
        "step of one network, µs",
        "GFLOP/s",
        "GB/s",
        "arithmetic",
        "traffic",
        "taken",
        "share, %",
        "target, %",
    ]
    if not arguments.only or arguments.only in "roofline":
        rows = [roofline(digits, 20, r, arguments.repeats, device) for r in (1, 8)]
        print(f"\n{table(head, rows)}")


if __name__ == "__main__":
    main()
