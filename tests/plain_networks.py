"""Small networks and data that the tests of `infoflow.modules` share."""

from collections.abc import Callable

import torch
from sklearn.datasets import load_digits
from torch import nn


def digits(samples: int = 240) -> tuple[torch.Tensor, torch.Tensor]:
    """Pixels in [0, 1], [N, 64], and labels [N]."""
    found = load_digits()
    return torch.tensor(found.data[:samples] / 16, dtype=torch.float32), torch.tensor(found.target[:samples])


def mlp(depth: int, draw: Callable, width: int = 40, activation: type[nn.Module] = nn.Tanh) -> nn.Sequential:
    """64 → width → … → 10, weights by `draw`, biases zero."""
    layers, units = [], 64
    for _ in range(depth):
        layers += [nn.Linear(units, width), activation()]
        units = width
    model = nn.Sequential(*layers, nn.Linear(units, 10))
    for part in model:
        if isinstance(part, nn.Linear):
            draw(part.weight)
            nn.init.zeros_(part.bias)
    return model


def he(weight: torch.Tensor) -> None:
    nn.init.kaiming_normal_(weight, nonlinearity="relu")


def normal(deviation: float) -> Callable:
    return lambda weight: nn.init.normal_(weight, std=deviation)


def seeded(build: Callable[[], nn.Module], seed: int = 0) -> nn.Module:
    """One draw."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return build()
