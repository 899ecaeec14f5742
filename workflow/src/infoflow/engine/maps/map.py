"""Maps: what a layer computes, forward or inverse, for many independent networks at once.

The contract, and all that the engine knows of a layer:

- a `Map` takes activations of one shape to another, with parameters stacked over independent networks. Images and
  states of convolutional layers are [row, column, channel], the channel last;
- how gradients go back through it is autograd's business (`vjp`), unless the map has a faster way of its own;
- what the forward map has to remember of a sample for its inverse, like the positions of the maxima of a pooling layer,
  is its `record`; almost all maps have none.

Maps are compared by value: equal ones are computed together, in one batched operation.
"""

import math
from collections.abc import Callable
from typing import Protocol

import torch

from infoflow.engine.parallel import for_each

Parameters = dict[str, torch.Tensor]
"""Parameters of N independent networks: each tensor is [N, *shape]."""

PullBack = Callable[..., torch.Tensor | None]
"""`pull_back(gradient, into, decay, scale, to_input)`, see `vjp`."""

PART = 64 << 20
"""Bytes of activations that are computed at once where the samples can be taken in parts."""


class Map(Protocol):
    """A layer, forward or inverse, evaluated for N independent networks at once."""

    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    parameter_shapes: dict[str, tuple[int, ...]]
    """Shapes for one network, by name; names that end with `bias` are drawn with σ_b², all others with σ_w²/fan_in."""
    fan_out: int
    """Units, or channels, of the output; their number sets the finite-width spread."""

    def fan_in(self, name: str) -> int:
        """Number of terms in a sum that a parameter takes part in, as PyTorch counts it."""

    def pre_activation(self, parameters: Parameters, x: torch.Tensor) -> torch.Tensor:
        """z = W x + b: [N, B, *input_shape] -> [N, B, ...]."""

    def activate(self, z: torch.Tensor) -> torch.Tensor:
        """φ(z), and what follows without parameters: [N, B, ...] -> [N, B, *output_shape]."""


def units(shape: tuple[int, ...]) -> int:
    """Number of units of a state."""
    return math.prod(shape)


def apply(layer: Map, parameters: Parameters, x: torch.Tensor, record: torch.Tensor | None = None) -> torch.Tensor:
    """φ(W x + b): [N, B, *input_shape] -> [N, B, *output_shape]; the `record` is that of the map that is undone."""
    z = layer.pre_activation(parameters, x) if record is None else layer.pre_activation(parameters, x, record)
    return layer.activate(z)


def record_of(layer: Map, x: torch.Tensor) -> torch.Tensor | None:
    """What the inverse of a layer has to know of the samples x [N, B, *input_shape] besides its output; often None."""
    return layer.record(x) if hasattr(layer, "record") else None


def apply_in_parts(
    layer: Map,
    parameters: Parameters,
    x: torch.Tensor,
    out: torch.Tensor | None = None,
    record: torch.Tensor | None = None,
) -> torch.Tensor:
    """`apply` for any number B of samples, some at a time, into `out`: only the result takes memory."""
    if out is None:
        out = x.new_empty(*x.shape[:2], *layer.output_shape)
    largest = max(units(layer.input_shape), units(layer.output_shape))
    samples = min(1024, max(1, PART // (x.element_size() * x.shape[0] * largest)))

    @torch.no_grad()
    def evaluate(start: int) -> None:
        part = slice(start, start + samples)
        out[:, part] = apply(layer, parameters, x[:, part], None if record is None else record[:, part])

    starts = range(0, x.shape[1], samples)
    for_each(starts, evaluate, x.device, len(starts))
    return out


def vjp(
    layer: Map, parameters: Parameters, x: torch.Tensor, record: torch.Tensor | None = None
) -> tuple[torch.Tensor, PullBack]:
    """The output of a map, and the function that takes a gradient back through it (vector-Jacobian product).

    `pull_back(gradient, into, decay, scale, to_input)` takes the gradient of a loss by the output, [N, B,
    *output_shape], adds what it gives for the parameters to `into` (p <- decay p + scale ∂loss/∂p, for the names and
    shapes of the parameters), and returns the gradient by the input, [N, B, *input_shape], if `to_input`, else None.
    So a step of gradient descent needs no memory for gradients: `into` may be the parameters themselves.

    A map with a method `vjp` of its own is asked for it; for all others it is autograd.
    """
    if hasattr(layer, "vjp"):
        return layer.vjp(parameters, x)
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        variables = {name: p.detach().requires_grad_() for name, p in parameters.items()}
        output = apply(layer, variables, x, record)

    def pull_back(
        gradient: torch.Tensor, into: Parameters, decay: float, scale: float, to_input: bool
    ) -> torch.Tensor | None:
        wanted = [*variables.values(), *([x] if to_input else [])]
        if not wanted:
            return None
        # Of a scalar: a gradient that is handed over makes torch import a computer algebra system, most of a second.
        found = torch.autograd.grad((output * gradient).sum(), wanted)
        for name, part in zip(variables, found):
            accumulate(into[name], part, decay, scale)
        return found[-1] if to_input else None

    return output.detach(), pull_back


def accumulate(into: torch.Tensor, part: torch.Tensor, decay: float, scale: float) -> None:
    """into <- decay into + scale part; what was in `into` is not looked at if `decay` is 0."""
    if decay == 0:
        torch.mul(part, scale, out=into)
    elif decay == 1:
        into.add_(part, alpha=scale)
    else:
        into.mul_(decay).add_(part, alpha=scale)
