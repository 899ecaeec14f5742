"""A network written as a list of layers in the config, see `layer_lists`, with a linear readout behind them."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import nn

from infoflow.architectures.layer_lists import (
    LAYERS,
    TRAINABLE_SLOPE,
    Entry,
    Shape,
    kind_of,
    output_shape,
    padding_of,
    projection_stride,
    unroll,
)
from infoflow.architectures.modular import Modular
from infoflow.engine.activations.activation import find_activation

_OF_TORCH = {
    "gelu": nn.GELU,
    "leaky_relu": nn.LeakyReLU,
    "linear": nn.Identity,
    TRAINABLE_SLOPE: nn.PReLU,
    "relu": nn.ReLU,
    "sigmoid": nn.Sigmoid,
    "silu": nn.SiLU,
    "softplus": nn.Softplus,
    "tanh": nn.Tanh,
    "tanhshrink": nn.Tanhshrink,
}
"""Modules of activations; the others are functions, see `Activate`."""


class Activate(nn.Module):
    """An activation of the engine that torch has no module for."""

    def __init__(self, name: str):
        super().__init__()
        self.name, self.function = name, find_activation(name).function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x)

    def extra_repr(self) -> str:
        return self.name


class Dense(nn.Linear):
    """A dense layer of all that a sample has."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.flatten(1))


class Average(nn.Module):
    """Mean of every channel over its pixels."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean((2, 3))


class Residual(nn.Module):
    """P x + a S(x): a branch S, its scale a, and a projection P, the identity where shapes are equal."""

    def __init__(self, branch: nn.Module, projection: nn.Module, scale: float):
        super().__init__()
        self.branch, self.projection, self.scale = branch, projection, scale

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.projection(x) + self.scale * self.branch(x)


def build(
    options: Mapping[str, Any], input_shape: tuple[int, ...], classes: int, depth: int, readout: str = "logits"
) -> Modular:
    """See `infoflow.architectures.build.build_network`; the scores are linear, whatever the readout."""

    def make() -> nn.Module:
        layers, shape = _sequence(options["layers"], network.input_shape, depth, options["initialization"])
        readout = Dense(math.prod(shape), classes)
        initialise(readout, options["initialization"])
        layers.add_module("readout", readout)
        return layers

    network = Modular("layers", make, input_shape, classes, options["weights"])
    return network


def initialise(layer: nn.Linear | nn.Conv2d, how: str | Mapping[str, float], bias: float | bool = True) -> None:
    """Draw weights and biases of a layer from torch's own random numbers.

    Args:
        how: `torch`, as torch has made them; `gaussian`, N(0, 1/fan_in) and biases N(0, 1), which σ_w and σ_b multiply;
            `glorot`, uniform, of variance 2/(fan_in + fan_out); `he`, N(0, 2/fan_in); `lecun`, N(0, 1/fan_in);
            `orthogonal`; {normal: σ}, N(0, σ²); {uniform: a}, uniform in [-a, a]. But of the first two, biases are 0.
        bias: their value, if it is a number.
    """
    fan_in = layer.weight[0].numel()
    name, size = (how, None) if isinstance(how, str) else next(iter(how.items()))
    draw = {
        "gaussian": partial(nn.init.normal_, std=1 / math.sqrt(fan_in)),
        "glorot": nn.init.xavier_uniform_,
        "he": partial(nn.init.normal_, std=math.sqrt(2 / fan_in)),
        "lecun": partial(nn.init.normal_, std=1 / math.sqrt(fan_in)),
        "normal": partial(nn.init.normal_, std=size),
        "orthogonal": nn.init.orthogonal_,
        "torch": lambda weight: weight,
        "uniform": lambda weight: nn.init.uniform_(weight, -size, size),
    }[name]
    draw(layer.weight)
    if layer.bias is None:
        return
    if not isinstance(bias, bool):
        nn.init.constant_(layer.bias, bias)
    elif name == "gaussian":
        nn.init.normal_(layer.bias)
    elif name != "torch":
        nn.init.zeros_(layer.bias)


def _sequence(
    entries: Sequence[Any], shape: Shape, depth: int, initialization: Any, where: str = "layers"
) -> tuple[nn.Sequential, Shape]:
    """Modules `conv1`, `conv2`, `norm1`, ... one after the other, and the shape of what they give."""
    layers, counter = nn.Sequential(), Counter()
    for here, entry in unroll(entries, depth, where):
        kind = kind_of(entry)
        counter[kind] += 1
        after = output_shape(entry, shape, depth, here)
        layers.add_module(f"{kind}{counter[kind]}", _layer(entry, (shape, after), depth, initialization, here))
        shape = after
    return layers, shape


def _layer(entry: Entry, shapes: tuple[Shape, Shape], depth: int, initialization: Any, where: str) -> nn.Module:
    kind = kind_of(entry)
    option = {**LAYERS[kind], **entry}
    how = option.get("initialization") or initialization
    shape, after = shapes
    match kind:
        case "dense":
            dense = Dense(math.prod(shape), *after, bias=option["bias"] is not False)
            initialise(dense, how, option["bias"])
            return dense
        case "conv":
            convolution = nn.Conv2d(
                shape[0],
                after[0],
                option["kernel"],
                option["stride"],
                padding_of(entry),
                groups=option["groups"],
                bias=option["bias"] is not False,
            )
            initialise(convolution, how, option["bias"])
            return convolution
        case "residual":
            branch, _ = _sequence(entry["residual"], shape, depth, how, f"{where}.residual")
            return Residual(branch, _projection(shape, after, how, where), option["scale"])
        case "pool":
            return {"max": nn.MaxPool2d, "avg": nn.AvgPool2d}[entry["pool"]](option["size"], option["stride"])
        case "norm":
            return _normalisation(entry["norm"], shape, option["groups"])
        case "activation":
            name = entry["activation"]
            return _OF_TORCH[name]() if name in _OF_TORCH else Activate(name)
        case "dropout":
            return nn.Dropout(entry["dropout"])
        case "average":
            return Average()
        case "flatten":
            return nn.Flatten()
    raise ValueError(kind)


def _projection(shape: Shape, after: Shape, initialization: Any, where: str) -> nn.Module:
    if shape == after:
        return nn.Identity()
    stride = projection_stride(shape, after, where)
    projection = nn.Conv2d(shape[0], after[0], 1, stride) if stride else Dense(math.prod(shape), *after)
    initialise(projection, initialization)
    return projection


def _normalisation(name: str, shape: Shape, groups: int) -> nn.Module:
    if name == "batch":
        return (nn.BatchNorm2d if len(shape) == 3 else nn.BatchNorm1d)(shape[0])
    return nn.LayerNorm(shape) if name == "layer" else nn.GroupNorm(groups, shape[0])
