"""The method as one would write it down: modules of torch, autograd, one network and one layer after the other.

What the tests compare the engine with, and the benchmarks its speed.
"""

from collections.abc import Iterable, Sequence

import torch
from torch import nn

from infoflow.initialization import draw_gaussian, draw_uniform


def linear(parameters: dict[str, torch.Tensor], replica: int = 0) -> nn.Linear:
    """One network's layer as a module."""
    weight, bias = parameters["weight"][replica], parameters["bias"][replica]
    layer = nn.Linear(*weight.shape, dtype=weight.dtype, device=weight.device)
    layer.weight.data, layer.bias.data = weight.T.contiguous(), bias[0].clone()
    return layer


def frozen_layers(maps: Sequence, sigma_w2: float, sigma_b2: float, seed: int, replica: int, purpose="frozen", **to):
    """The layers of one replica."""
    return [linear(p) for p in draw_gaussian(maps, sigma_w2, sigma_b2, seed, purpose, [replica], **to)]


def inverse_layers(maps: Sequence, seed: int, replica: int, **to) -> list[nn.Linear]:
    """The reconstruction networks of one replica, before training."""
    return [linear(p) for p in draw_uniform(maps, seed, "inverse", [replica], **to)]


def train_inverses(
    frozen: Sequence[nn.Linear], inverses: Sequence[nn.Linear], batches: Iterable[torch.Tensor], learning_rate: float
) -> torch.Tensor:
    """One Adam optimizer per reconstruction network; losses [L, steps]."""
    optimizers = [torch.optim.Adam(c.parameters(), lr=learning_rate) for c in inverses]
    losses = []
    for x in batches:
        x, step = x.flatten(1), []
        for layer, inverse, optimizer in zip(frozen, inverses, optimizers, strict=True):
            with torch.no_grad():
                y = torch.tanh(layer(x))
            loss = nn.functional.mse_loss(torch.tanh(inverse(y)), x)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step.append(loss.detach())
            x = y
        losses.append(torch.stack(step))
    return torch.stack(losses, dim=1)


@torch.no_grad()
def compose(frozen: Sequence[nn.Linear], inverses: Sequence[nn.Linear], images: torch.Tensor) -> torch.Tensor:
    """All cascades, [L, S, P]: for every layer, back through all layers below it."""
    reconstructions, x = [], images.flatten(1)
    for depth, layer in enumerate(frozen, start=1):
        x = torch.tanh(layer(x))
        y = x
        for inverse in reversed(inverses[:depth]):
            y = torch.tanh(inverse(y))
        reconstructions.append(y)
    return torch.stack(reconstructions)


def train(layers: Sequence[nn.Linear], batches: Iterable[tuple], learning_rate: float, momentum: float = 0.0) -> float:
    """One epoch of a network, its last layer linear, with torch.optim.SGD; mean loss."""
    modules = [m for layer in layers for m in (layer, nn.Tanh())][:-1]
    network = nn.Sequential(nn.Flatten(), *modules)
    optimizer = torch.optim.SGD(network.parameters(), lr=learning_rate, momentum=momentum)
    total, count = 0.0, 0
    for x, y in batches:
        loss = nn.functional.cross_entropy(network(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.detach() * len(x)
        count += len(x)
    return float(total / count)
