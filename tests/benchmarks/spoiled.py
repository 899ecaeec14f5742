"""Whether `check` names the block that was spoiled on purpose.

    python tests/benchmarks/spoiled.py

In networks that train, all matrices of one block, chosen at random, are multiplied by 0.1 or 10, set to zero, or
multiplied by 100, which saturates what can be. Counted: the culprit is that block or one next to it; and, where
none was spoiled, how often one is named. Prints a table; two minutes.
"""

from collections.abc import Callable

import torch
from sklearn.datasets import load_digits
from torch import nn

from infoflow.modules.capture import cut, untouched
from infoflow.modules.check import check
from infoflow.modules.repair import weights_of

SPOILINGS = {"× 0.1": 0.1, "× 10": 10.0, "zero": 0.0, "× 100": 100.0}
TRIALS, DEPTH = 8, 6


class Residual(nn.Module):
    """x + W relu(V x)."""

    def __init__(self, units: int):
        super().__init__()
        self.first, self.second = nn.Linear(units, units), nn.Linear(units, units)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.second(torch.relu(self.first(x)))


def _dense(activation: type[nn.Module], draw: Callable) -> nn.Module:
    layers: list[nn.Module] = [nn.Flatten()]
    units = 64
    for _ in range(DEPTH):
        layers += [nn.Linear(units, 40), activation()]
        units = 40
    model = nn.Sequential(*layers, nn.Linear(units, 10))
    for part in model:
        if isinstance(part, nn.Linear):
            draw(part.weight)
            nn.init.zeros_(part.bias)
    return model


def _he(weight: torch.Tensor) -> None:
    nn.init.kaiming_normal_(weight, nonlinearity="relu")


def _convolutions(norm: bool) -> nn.Module:
    layers: list[nn.Module] = []
    channels = 1
    for _ in range(DEPTH):
        convolution = nn.Conv2d(channels, 16, 3, padding=1)
        _he(convolution.weight)
        layers += [convolution, *([nn.BatchNorm2d(16)] if norm else []), nn.ReLU()]
        channels = 16
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))


def _residual() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 40), *(Residual(40) for _ in range(DEPTH - 1)), nn.Linear(40, 10))


def _transformer(norm_first: bool) -> nn.Module:
    layer = nn.TransformerEncoderLayer(8, 2, 32, batch_first=True, norm_first=norm_first, dropout=0.0)
    encoder = nn.TransformerEncoder(layer, DEPTH - 1, enable_nested_tensor=False)
    return nn.Sequential(nn.Flatten(1, 2), encoder, nn.Flatten(), nn.Linear(64, 10))


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "ReLU": lambda: _dense(nn.ReLU, _he),
    "tanh": lambda: _dense(nn.Tanh, nn.init.xavier_normal_),
    "convolutions": lambda: _convolutions(False),
    "convolutions, batch norm": lambda: _convolutions(True),
    "residual": _residual,
    "transformer, norm before": lambda: _transformer(True),
    "transformer, norm behind": lambda: _transformer(False),
}


def is_named(network: str, factor: float, trial: int, images: torch.Tensor, labels: torch.Tensor) -> bool:
    """Whether the culprit is within one block of that which was spoiled; with a factor of 1, whether there is one."""
    stream = torch.Generator().manual_seed(trial)
    with torch.random.fork_rng():
        torch.manual_seed(trial)
        model = NETWORKS[network]()
    with untouched(model):
        blocks = cut(model, images)
    weighty = [l for l in range(len(blocks.blocks) - 1) if weights_of(blocks, l)]
    spoiled = weighty[int(torch.randint(len(weighty), (), generator=stream))]
    named = dict(model.named_parameters())
    with torch.no_grad():
        for name in weights_of(blocks, spoiled):
            named[name].mul_(factor)
    report = check(model, images, labels, optimizer="sgd:0.1,steps=1000")
    names = [b.name for b in report.blocks]
    if report.culprit is None or factor == 1:
        return report.culprit is not None
    return abs(names.index(report.culprit) - spoiled) <= 1


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    digits = load_digits()
    images = torch.tensor(digits.images[:240] / 16, dtype=torch.float32)[:, None]
    labels = torch.tensor(digits.target[:240])
    print(f"| of {TRIALS} each | {' | '.join(SPOILINGS)} | none |\n|---|{'---|' * (len(SPOILINGS) + 1)}", flush=True)
    total = 0
    for network in NETWORKS:
        hits = [sum(is_named(network, f, t, images, labels) for t in range(TRIALS)) for f in SPOILINGS.values()]
        total += sum(hits)
        alarms = sum(is_named(network, 1.0, t, images, labels) for t in range(TRIALS))
        print(f"| {network} | {' | '.join(map(str, (*hits, alarms)))} |", flush=True)
    print(f"\n{total} of {TRIALS * len(NETWORKS) * len(SPOILINGS)}")


if __name__ == "__main__":
    main()
