"""Multilayer perceptron, layouts `wide` and `shrinking`. Source: arXiv:2406.12916, PHYSICS A1.

`depth` hidden layers are probed; the readout head comes after them. In the counting of the publication, which includes
the output and the layer of 400 before it, a network of depth D has D - 2 hidden layers.
"""

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from infoflow.activations import ACTIVATIONS
from infoflow.architectures import Block, Network, Parameters, PullBack, accumulate


@dataclass(frozen=True)
class Dense:
    """φ(W x + b) on flattened inputs."""

    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    activation: str

    @property
    def fan_in(self) -> int:
        return math.prod(self.input_shape)

    @property
    def fan_out(self) -> int:
        return math.prod(self.output_shape)

    @property
    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        # Stored as [fan_in, fan_out]: the layout in which the batched product needs no transposition.
        return {"weight": (self.fan_in, self.fan_out), "bias": (1, self.fan_out)}

    def pre_activation(self, parameters: Parameters, x: torch.Tensor) -> torch.Tensor:
        z = torch.baddbmm(parameters["bias"], x.flatten(2), parameters["weight"])
        return z.unflatten(2, self.output_shape)

    def activate(self, z: torch.Tensor) -> torch.Tensor:
        return ACTIVATIONS[self.activation].function(z)

    def vjp(self, parameters: Parameters, x: torch.Tensor) -> tuple[torch.Tensor, PullBack]:
        """By hand: see `infoflow.architectures.vjp`. The products write into `into`, old contents and all."""
        weight, bias = parameters["weight"], parameters["bias"]
        rows = x if x.ndim == 3 else x.flatten(2)
        z = torch.baddbmm(bias, rows, weight)
        output = ACTIVATIONS[self.activation].function(z)

        def pull_back(
            gradient: torch.Tensor, into: Parameters, decay: float, scale: float, to_input: bool
        ) -> torch.Tensor | None:
            gradient = gradient if gradient.ndim == 3 else gradient.flatten(2)
            gradient = ACTIVATIONS[self.activation].pull_back(gradient, z, output)
            # before the weights change, if `into` are the parameters
            back = torch.bmm(gradient, weight.mT).view(x.shape) if to_input else None
            into["weight"].baddbmm_(rows.mT, gradient, beta=decay, alpha=scale)
            accumulate(into["bias"], gradient.sum(1, keepdim=True), decay, scale)
            return back

        return (output if len(self.output_shape) == 1 else output.unflatten(2, self.output_shape)), pull_back


def hidden_widths(layout: str, width: int, classes: int, depth: int) -> list[int]:
    """Widths of the hidden layers: constant, or falling linearly from `width` to `classes` (the published rule)."""
    if layout == "wide":
        return [width] * depth
    steps = depth + 1
    return [-((width * (l - steps) - classes * l) // steps) for l in range(1, steps)]  # exact ceiling


def build(
    options: Mapping[str, Any], input_shape: tuple[int, ...], classes: int, depth: int, readout: str = "logits"
) -> Network:
    """See `infoflow.architectures.build_network`."""
    width = options.get("width") or math.prod(input_shape)
    activation = options["activation"]
    shapes = [input_shape, *((n,) for n in hidden_widths(options["layout"], width, classes, depth))]
    # The reconstruction of layer 1 is an image; all reconstruction networks end with tanh, as published.
    blocks = tuple(
        Block(forward=Dense(a, b, activation), inverse=Dense(b, a, "tanh")) for a, b in itertools.pairwise(shapes)
    )
    widths = [shapes[-1], *((n,) for n in options.get("head", ())), (classes,)]
    head = [Dense(a, b, activation) for a, b in itertools.pairwise(widths)]
    if readout == "logits":
        head[-1] = Dense(widths[-2], widths[-1], "linear")
    return Network(blocks, tuple(head))
