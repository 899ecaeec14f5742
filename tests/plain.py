"""The method as one would write it down: modules of torch, autograd, one network and one layer after the other.

What the tests compare the engine with, and the benchmarks its speed.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from scipy.spatial import KDTree
from scipy.spatial.distance import cdist
from scipy.special import digamma, logsumexp
from torch import nn

from infoflow.engine.initialization import draw_gaussian, draw_order, draw_uniform, generator
from infoflow.engine.maps.compose import Chain, Residual
from infoflow.engine.maps.convolution import Convolution, TransposedConvolution
from infoflow.engine.maps.dense import Dense
from infoflow.engine.maps.pooling import MaxPool, MeanPool, Reshape, Standardise
from infoflow.studies.information_plane.training import layers_of

FUNCTIONS = {
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "leaky_relu": nn.LeakyReLU,
    "sigmoid": nn.Sigmoid,
    "silu": nn.SiLU,
    "softplus": nn.Softplus,
    "sine": lambda: Call(torch.sin),
    "tanhshrink": nn.Tanhshrink,
    "linear": nn.Identity,
}


class ChannelsFirst(nn.Module):
    """Modules of images [B, channel, row, column] for [B, row, column, channel]; one channel may have no axis."""

    def __init__(self, layer, *modules: nn.Module):
        super().__init__()
        self.layer, self.modules_ = layer, nn.Sequential(*modules)

    def forward(self, x):
        x = x.unsqueeze(-1) if x.ndim == 3 else x
        return self.modules_(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1).reshape(len(x), *self.layer.output_shape)


class Cut(nn.Module):
    """Both sides alike, an odd rest at the end; what lacks is filled by the module before it (output_padding)."""

    def __init__(self, layer):
        super().__init__()
        self.sides = layer.output_shape[:2]

    def forward(self, x):
        starts = [(n - side) // 2 for n, side in zip(x.shape[2:], self.sides)]
        return x[:, :, starts[0] : starts[0] + self.sides[0], starts[1] : starts[1] + self.sides[1]]


class Beside(nn.Module):
    """x + S(x)."""

    def __init__(self, branch):
        super().__init__()
        self.branch = branch

    def forward(self, x):
        return x + self.branch(x)


class Call(nn.Module):
    """A function of the samples."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def module(layer, parameters: dict[str, torch.Tensor], replica: int = 0) -> nn.Module:
    """One network's layer, forward or inverse, its activation included, on samples [B, *input_shape]."""

    def give(to: nn.Module, **values: torch.Tensor) -> nn.Module:
        for name, value in values.items():
            getattr(to, name).data = value.clone()
        return to

    mine = {name: p[replica] for name, p in parameters.items()}
    match layer:
        case Dense():
            linear = nn.Linear(*mine["weight"].shape, bias=layer.bias)
            give(linear, weight=mine["weight"].T.contiguous(), **({"bias": mine["bias"][0]} if layer.bias else {}))
            shaped = nn.Unflatten(1, layer.output_shape)
            return nn.Sequential(nn.Flatten(), linear, FUNCTIONS[layer.activation](), shaped)
        case Convolution():
            size = mine["weight"].shape
            convolution = nn.Conv2d(size[1], size[0], size[2], layer.stride, layer.padding, bias=layer.bias)
            give(convolution, **mine)
            return ChannelsFirst(layer, convolution, FUNCTIONS[layer.activation](), nn.CircularPad2d(layer.wrap))
        case TransposedConvolution():
            size = mine["weight"].shape
            full = [(m - 1) * layer.stride + layer.kernel for m in layer.input_shape[:2]]
            more = [max(0, n - f) for n, f in zip(layer.output_shape[:2], full)]
            back = nn.ConvTranspose2d(size[0], size[1], size[2], layer.stride, output_padding=more)
            return ChannelsFirst(layer, give(back, **mine), FUNCTIONS[layer.activation](), Cut(layer))
        case Chain():
            names = [(k, part) for k, part in enumerate(layer.parts)]
            split = [{n.split(".", 1)[1]: p for n, p in parameters.items() if n.startswith(f"{k}.")} for k, _ in names]
            return nn.Sequential(*(module(part, p, replica) for (_, part), p in zip(names, split)))
        case Residual():
            branch = module(layer.branch, parameters, replica)
            return nn.Sequential(Beside(branch), FUNCTIONS[layer.activation]())
        case MaxPool():
            return ChannelsFirst(layer, nn.MaxPool2d(layer.size))
        case MeanPool():
            return nn.Sequential(nn.Flatten(1, 2), Call(lambda x: x.mean(1)))
        case Reshape():
            return nn.Sequential(nn.Flatten(), nn.Unflatten(1, layer.output_shape))
        case Standardise():
            return Call(lambda x: (x - x.new_tensor(layer.mean)) / x.new_tensor(layer.deviation))
    raise TypeError(layer)


def frozen_layers(maps: Sequence, sigma_w2: float, sigma_b2: float, seed: int, replica: int, purpose="frozen", **to):
    """The layers of one replica, with their activations."""
    parameters = draw_gaussian(maps, sigma_w2, sigma_b2, seed, purpose, [replica], **to)
    return [module(layer, p) for layer, p in zip(maps, parameters)]


def inverse_layers(maps: Sequence, seed: int, replica: int, **to) -> list[nn.Module]:
    """The reconstruction networks of one replica, before training, with their activations."""
    parameters = draw_uniform(maps, seed, "inverse", [replica], **to)
    return [module(layer, p) for layer, p in zip(maps, parameters)]


def train_inverses(
    frozen: Sequence[nn.Module], inverses: Sequence[nn.Module], batches: Iterable[torch.Tensor], learning_rate: float
) -> torch.Tensor:
    """One Adam optimizer per reconstruction network; losses [L, steps]."""
    optimizers = [
        torch.optim.Adam(c.parameters(), lr=learning_rate) if list(c.parameters()) else None for c in inverses
    ]
    losses = []
    for x in batches:
        step = []
        for layer, inverse, optimizer in zip(frozen, inverses, optimizers, strict=True):
            with torch.no_grad():
                y = layer(x)
            loss = nn.functional.mse_loss(inverse(y), x)
            if optimizer is not None:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            step.append(loss.detach())
            x = y
        losses.append(torch.stack(step))
    return torch.stack(losses, dim=1)


@torch.no_grad()
def compose(frozen: Sequence[nn.Module], inverses: Sequence[nn.Module], images: torch.Tensor) -> torch.Tensor:
    """All cascades, [L, S, *shape]: for every layer, back through all layers below it."""
    reconstructions, x = [], images
    for depth, layer in enumerate(frozen, start=1):
        x = layer(x)
        y = x
        for inverse in reversed(inverses[:depth]):
            y = inverse(y)
        reconstructions.append(y)
    return torch.stack(reconstructions)


def train(
    layers: Sequence[nn.Module], batches: Iterable[tuple], learning_rate: float, momentum: float = 0.0, loss_of=None
) -> float:
    """One epoch of a network with torch.optim.SGD; mean loss. `loss_of` scores and labels, by default cross-entropy."""
    network = nn.Sequential(*layers)
    loss_of = loss_of or nn.functional.cross_entropy
    optimizer = torch.optim.SGD(network.parameters(), lr=learning_rate, momentum=momentum)
    total, count = 0.0, 0
    for x, y in batches:
        loss = loss_of(network(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.detach() * len(x)
        count += len(x)
    return float(total / count)


def training_part(seed: int, replica: int, samples: int, fraction: float) -> torch.Tensor:
    """The samples that a replica of the information plane is trained on."""
    return torch.randperm(samples, generator=generator(seed, "split", replica))[: round(fraction * samples)]


def train_classifier(
    parameters: torch.Tensor,
    widths: Sequence[int],
    inputs: torch.Tensor,
    labels: torch.Tensor,
    part: torch.Tensor,
    seed: int,
    epochs: int,
    at: Sequence[int],
    batch_size: int,
    learning_rate: float,
) -> list[torch.Tensor]:
    """A tanh network of the information plane with torch.optim.Adam: its parameters after the epochs `at`."""
    layers = []
    for (a, b), given in zip(itertools.pairwise(widths), layers_of(parameters[None], widths)):
        linear = nn.Linear(a, b)
        linear.weight.data, linear.bias.data = given[0, :, :-1].clone(), given[0, :, -1].clone()
        layers += [linear, nn.Tanh()]
    network = nn.Sequential(*layers[:-1])
    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
    kept = []
    for epoch in range(epochs + 1):
        if epoch in at:
            linears = [layer for layer in network if isinstance(layer, nn.Linear)]
            both = [torch.cat([m.weight.detach(), m.bias.detach()[:, None]], dim=1).flatten() for m in linears]
            kept.append(torch.cat(both))
        order = part[draw_order(seed, "train order", epoch, [0], len(part))[0]]
        for batch in order.split(batch_size) if epoch < epochs else ():
            loss = nn.functional.cross_entropy(network(inputs[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return kept


def information(
    states: np.ndarray, labels: np.ndarray, options: Mapping[str, Any], seed: int
) -> dict[str, tuple[float, float]]:
    """I(X;T) and I(T;Y) in bits of one layer's states [N, d], by the output of the estimator."""
    match options["kind"]:
        case "range_binning":
            edges = np.linspace(options["low"], options["high"], options["bins"])
            return {"": _of_codes(np.digitize(states, edges), labels)}
        case "layer_range_binning":
            edges = np.linspace(states.min(), states.max(), options["bins"])
            return {"": _of_codes(np.digitize(states, edges), labels)}
        case "width_binning":
            return {"": _of_codes(np.floor(states / options["width"]), labels)}
        case "kernel_density":
            variances = {"upper": options["noise_variance"], "lower": 4 * options["noise_variance"]}
            return {name: _of_kernels(states, labels, variance) for name, variance in variances.items()}
        case "nearest_neighbours":
            noise = np.random.default_rng(seed).normal(size=(options["draws"], *states.shape))
            noisy = states + np.sqrt(options["noise_variance"]) * noise
            return {"": _of_neighbours(noisy, labels, options["neighbours"])}
    raise ValueError(options["kind"])


def _of_codes(codes: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    def entropy(values: np.ndarray) -> float:
        p = np.unique(values, axis=0, return_counts=True)[1] / len(values)
        return -float((p * np.log2(p)).sum())

    whole = entropy(codes)
    return whole, whole - sum(np.mean(labels == y) * entropy(codes[labels == y]) for y in np.unique(labels))


def _of_kernels(states: np.ndarray, labels: np.ndarray, variance: float) -> tuple[float, float]:
    def excess(some: np.ndarray) -> float:
        """Entropy of the noisy states less that of the noise, bits."""
        exponents = -cdist(some, some, "sqeuclidean") / (2 * variance)
        return -float((logsumexp(exponents, axis=1) - np.log(len(some))).mean() / np.log(2))

    whole = excess(states)
    return whole, whole - sum(np.mean(labels == y) * excess(states[labels == y]) for y in np.unique(labels))


def _of_neighbours(noisy: np.ndarray, labels: np.ndarray, neighbours: int) -> tuple[float, float]:
    """Ross's estimator for several draws [m, N, d] around every state, with the input and with the label."""
    draws, inputs = noisy.shape[:2]
    tree, whole = KDTree(noisy.reshape(-1, noisy.shape[2])), digamma(draws * inputs) + digamma(neighbours)

    def mean(radii: np.ndarray) -> float:
        return digamma(tree.query_ball_point(noisy[0], np.nextafter(radii, 0), return_length=True)).mean()

    radii = np.sort(np.linalg.norm(noisy[1:] - noisy[0], axis=2), axis=0)[neighbours - 1]
    of_input = whole - digamma(draws) - mean(radii)
    radii, own = np.empty(inputs), np.empty(inputs)
    for y in np.unique(labels):
        some = labels == y
        of_class = KDTree(noisy[:, some].reshape(-1, noisy.shape[2]))
        radii[some] = of_class.query(noisy[0, some], neighbours + 1)[0][:, -1]
        own[some] = draws * some.sum()
    of_label = whole - digamma(own).mean() - mean(radii)
    return of_input / np.log(2), of_label / np.log(2)
