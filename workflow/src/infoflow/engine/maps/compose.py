"""Maps made of maps: one after the other, and beside the identity."""

from dataclasses import dataclass

import torch

from infoflow.engine.activations.activation import find_activation
from infoflow.engine.maps.map import Map, Parameters, PullBack, apply, vjp


@dataclass(frozen=True)
class Chain:
    """Maps one after the other; the parameters of part k are called `k.name`."""

    parts: tuple[Map, ...]

    def __post_init__(self):
        for k, (a, b) in enumerate(zip(self.parts, self.parts[1:])):
            if a.output_shape != b.input_shape:
                raise ValueError(f"part {k} gives {a.output_shape}, but part {k + 1} takes {b.input_shape}")

    @property
    def input_shape(self) -> tuple[int, ...]:
        return self.parts[0].input_shape

    @property
    def output_shape(self) -> tuple[int, ...]:
        return self.parts[-1].output_shape

    @property
    def fan_out(self) -> int:
        return self.parts[-1].fan_out

    @property
    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        return {f"{k}.{name}": s for k, part in enumerate(self.parts) for name, s in part.parameter_shapes.items()}

    def fan_in(self, name: str) -> int:
        k, _, rest = name.partition(".")
        return self.parts[int(k)].fan_in(rest)

    def pre_activation(self, parameters: Parameters, x: torch.Tensor) -> torch.Tensor:
        """Of the last part."""
        *before, last = zip(self.parts, self._split(parameters))
        for part, p in before:
            x = apply(part, p, x)
        return last[0].pre_activation(last[1], x)

    def activate(self, z: torch.Tensor) -> torch.Tensor:
        return self.parts[-1].activate(z)

    def vjp(self, parameters: Parameters, x: torch.Tensor) -> tuple[torch.Tensor, PullBack]:
        """See `infoflow.engine.maps.map.vjp`."""
        way_back = []
        for part, p in zip(self.parts, self._split(parameters)):
            x, pull_back = vjp(part, p, x)
            way_back.append(pull_back)

        def pull_back(
            gradient: torch.Tensor, into: Parameters, decay: float, scale: float, to_input: bool
        ) -> torch.Tensor | None:
            targets = self._split(into)
            for k in reversed(range(len(way_back))):
                gradient = way_back[k](gradient, targets[k], decay, scale, to_input=to_input or k > 0)
            return gradient

        return x, pull_back

    def _split(self, parameters: Parameters) -> list[Parameters]:
        return [
            {name: parameters[f"{k}.{name}"] for name in part.parameter_shapes} for k, part in enumerate(self.parts)
        ]


@dataclass(frozen=True)
class Residual:
    """φ(x + S(x)) with a branch S."""

    branch: Map
    activation: str

    def __post_init__(self):
        if self.branch.input_shape != self.branch.output_shape:
            raise ValueError(f"the branch maps {self.branch.input_shape} to {self.branch.output_shape}")

    @property
    def input_shape(self) -> tuple[int, ...]:
        return self.branch.input_shape

    @property
    def output_shape(self) -> tuple[int, ...]:
        return self.branch.output_shape

    @property
    def fan_out(self) -> int:
        return self.branch.fan_out

    @property
    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        return self.branch.parameter_shapes

    def fan_in(self, name: str) -> int:
        return self.branch.fan_in(name)

    def pre_activation(self, parameters: Parameters, x: torch.Tensor) -> torch.Tensor:
        """z = x + S(x)."""
        return x + apply(self.branch, parameters, x)

    def activate(self, z: torch.Tensor) -> torch.Tensor:
        return find_activation(self.activation).function(z)

    def vjp(self, parameters: Parameters, x: torch.Tensor) -> tuple[torch.Tensor, PullBack]:
        """See `infoflow.engine.maps.map.vjp`."""
        branch, through_branch = vjp(self.branch, parameters, x)
        z = x + branch
        output = self.activate(z)

        def pull_back(
            gradient: torch.Tensor, into: Parameters, decay: float, scale: float, to_input: bool
        ) -> torch.Tensor | None:
            gradient = find_activation(self.activation).pull_back(gradient, z, output)
            back = through_branch(gradient, into, decay, scale, to_input)
            return None if back is None else gradient + back

        return output, pull_back
