"""Architectures: a network is a list of blocks and a readout head.

The contract, and all that the engine knows of a network:

- a `Map` takes activations of one shape to another, with parameters stacked over independent networks; how gradients
  go back through it is autograd's business (`vjp`), unless it has a faster way of its own;
- a `Block` pairs the frozen forward map of one layer with the inverse map that is trained to undo it;
- a `Network` is the blocks, in the order in which the input meets them, and the maps of the readout head.

Maps and blocks are compared by value: equal ones are computed together, in one batched operation.

An architecture is one module of this package, named like its `kind`, with `build` (see `build_network`).
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from infoflow.parallel import for_each

Parameters = dict[str, torch.Tensor]
"""Parameters of N independent networks: each tensor is [N, *shape]."""

PullBack = Callable[..., torch.Tensor | None]
"""`pull_back(gradient, into, decay, scale, to_input)`, see `vjp`."""


class Map(Protocol):
    """A layer, forward or inverse, evaluated for N independent networks at once."""

    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    parameter_shapes: dict[str, tuple[int, ...]]
    """Shapes for one network, by name; the name `bias` is drawn with σ_b², all others with σ_w²/fan_in."""
    fan_in: int
    fan_out: int
    """Units, or channels, of the output; their number sets the finite-width spread."""

    def pre_activation(self, parameters: Parameters, x: torch.Tensor) -> torch.Tensor:
        """z = W x + b: [N, B, *input_shape] -> [N, B, *output_shape]."""

    def activate(self, z: torch.Tensor) -> torch.Tensor:
        """φ(z), elementwise."""


def apply(layer: Map, parameters: Parameters, x: torch.Tensor) -> torch.Tensor:
    """φ(W x + b): [N, B, *input_shape] -> [N, B, *output_shape]."""
    return layer.activate(layer.pre_activation(parameters, x))


def apply_in_parts(
    layer: Map, parameters: Parameters, x: torch.Tensor, out: torch.Tensor | None = None, samples: int = 1024
) -> torch.Tensor:
    """`apply` for any number B of samples, so many at a time, into `out`: only the result takes memory."""
    if out is None:
        out = x.new_empty(*x.shape[:2], *layer.output_shape)

    @torch.no_grad()
    def evaluate(start: int) -> None:
        part = slice(start, start + samples)
        out[:, part] = apply(layer, parameters, x[:, part])

    starts = range(0, x.shape[1], samples)
    for_each(starts, evaluate, x.device, len(starts))
    return out


def vjp(layer: Map, parameters: Parameters, x: torch.Tensor) -> tuple[torch.Tensor, PullBack]:
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
        output = apply(layer, variables, x)

    def pull_back(
        gradient: torch.Tensor, into: Parameters, decay: float, scale: float, to_input: bool
    ) -> torch.Tensor | None:
        wanted = [*variables.values(), *([x] if to_input else [])]
        found = torch.autograd.grad(output, wanted, gradient)
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


@dataclass(frozen=True)
class Block:
    """One layer of the probed network and the reconstruction network that is trained to undo it."""

    forward: Map
    inverse: Map

    def __post_init__(self):
        there, back = self.forward, self.inverse
        if back.input_shape != there.output_shape or back.output_shape != there.input_shape:
            raise ValueError(
                f"the inverse maps {back.input_shape} to {back.output_shape}, "
                f"but its layer maps {there.input_shape} to {there.output_shape}"
            )


@dataclass(frozen=True)
class Network:
    """`depth` blocks and the maps of the readout head, whose last one gives the class scores."""

    blocks: tuple[Block, ...]
    head: tuple[Map, ...]


def kinds() -> list[str]:
    """Names of all architectures: the modules of this package."""
    return sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))


def build_network(
    options: Mapping[str, Any], input_shape: tuple[int, ...], classes: int, depth: int, readout: str = "logits"
) -> Network:
    """The network of one grid point.

    Args:
        options: the architecture's entry of the config; `kind` names the module.
        input_shape: shape of one image, without the batch axis.
        classes: number of classes of the readout.
        depth: number of hidden layers.
        readout: `logits` (linear) or `reference` (the published head ends with φ as well).
    """
    module = importlib.import_module(f"{__name__}.{options['kind']}")
    return module.build(options, tuple(input_shape), classes, depth, readout)
