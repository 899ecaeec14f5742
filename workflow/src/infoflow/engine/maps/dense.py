"""Fully connected layers."""

from dataclasses import dataclass

import torch

from infoflow.engine.activations.activation import find_activation
from infoflow.engine.maps.map import Parameters, PullBack, accumulate, units


@dataclass(frozen=True)
class Dense:
    """φ(W x + b) on flattened inputs."""

    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    activation: str
    bias: bool = True

    @property
    def fan_out(self) -> int:
        return units(self.output_shape)

    @property
    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        # Stored as [fan_in, fan_out]: the layout in which the batched product needs no transposition.
        shapes = {"weight": (units(self.input_shape), self.fan_out)}
        return shapes | {"bias": (1, self.fan_out)} if self.bias else shapes

    def fan_in(self, name: str) -> int:
        return units(self.input_shape)

    def pre_activation(self, parameters: Parameters, x: torch.Tensor) -> torch.Tensor:
        return self._product(parameters, x.flatten(2)).unflatten(2, self.output_shape)

    def activate(self, z: torch.Tensor) -> torch.Tensor:
        return find_activation(self.activation).function(z)

    def vjp(self, parameters: Parameters, x: torch.Tensor) -> tuple[torch.Tensor, PullBack]:
        """By hand: see `infoflow.engine.maps.map.vjp`. The products write into `into`, old contents and all."""
        weight = parameters["weight"]
        rows = x if x.ndim == 3 else x.flatten(2)
        z = self._product(parameters, rows)
        output = find_activation(self.activation).function(z)

        def pull_back(
            gradient: torch.Tensor, into: Parameters, decay: float, scale: float, to_input: bool
        ) -> torch.Tensor | None:
            gradient = gradient if gradient.ndim == 3 else gradient.flatten(2)
            gradient = find_activation(self.activation).pull_back(gradient, z, output)
            # before the weights change, if `into` are the parameters
            back = torch.bmm(gradient, weight.mT).view(x.shape) if to_input else None
            into["weight"].baddbmm_(rows.mT, gradient, beta=decay, alpha=scale)
            if self.bias:
                accumulate(into["bias"], gradient.sum(1, keepdim=True), decay, scale)
            return back

        return (output if len(self.output_shape) == 1 else output.unflatten(2, self.output_shape)), pull_back

    def _product(self, parameters: Parameters, rows: torch.Tensor) -> torch.Tensor:
        if not self.bias:
            return torch.bmm(rows, parameters["weight"])
        return torch.baddbmm(parameters["bias"], rows, parameters["weight"])
