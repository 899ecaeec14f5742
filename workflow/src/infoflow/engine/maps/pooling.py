"""Layers without parameters: pooling, its undoing by recorded positions, reshaping."""

from dataclasses import dataclass

import torch
from torch.nn.functional import max_pool2d

from infoflow.engine.maps.map import Parameters, units


@dataclass(frozen=True)
class Fixed:
    """What maps without parameters share."""

    input_shape: tuple[int, ...]

    parameter_shapes = {}  # noqa: RUF012

    @property
    def fan_out(self) -> int:
        return self.output_shape[-1]

    def fan_in(self, name: str) -> int:
        raise KeyError(name)

    def activate(self, z: torch.Tensor) -> torch.Tensor:
        return z


@dataclass(frozen=True)
class Reshape(Fixed):
    """The same numbers in another shape."""

    output_shape: tuple[int, ...]

    def pre_activation(self, parameters: Parameters, x: torch.Tensor) -> torch.Tensor:
        return x.reshape(*x.shape[:2], *self.output_shape)


@dataclass(frozen=True)
class Standardise(Fixed):
    """(x - mean)/deviation, per channel."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    @property
    def output_shape(self) -> tuple[int, ...]:
        return self.input_shape

    def pre_activation(self, parameters: Parameters, x: torch.Tensor) -> torch.Tensor:
        return (x - x.new_tensor(self.mean)) / x.new_tensor(self.deviation)


@dataclass(frozen=True)
class MeanPool(Fixed):
    """Mean over all pixels of a channel."""

    @property
    def output_shape(self) -> tuple[int, ...]:
        return self.input_shape[2:]

    def pre_activation(self, parameters: Parameters, x: torch.Tensor) -> torch.Tensor:
        return x.mean((2, 3))


@dataclass(frozen=True)
class MaxPool(Fixed):
    """Maximum over squares of `size` x `size` pixels; what is left over at the end is dropped.

    Attributes:
        recorded: whether its inverse is told where the maxima were, as Unpool has to be; others do not take a record.
    """

    size: int
    recorded: bool = True

    @property
    def output_shape(self) -> tuple[int, ...]:
        return (*(n // self.size for n in self.input_shape[:2]), self.input_shape[2])

    def pre_activation(self, parameters: Parameters, x: torch.Tensor) -> torch.Tensor:
        return _rows_first(max_pool2d(_channels_first(x), self.size), x)

    def record(self, x: torch.Tensor) -> torch.Tensor | None:
        """Where the maxima were, as places in a channel's pixels: [N, B, *output_shape]."""
        if not self.recorded:
            return None
        return _rows_first(max_pool2d(_channels_first(x), self.size, return_indices=True)[1], x)


@dataclass(frozen=True)
class Unpool(Fixed):
    """Puts the maxima back to where they were, with zeros elsewhere: the inverse of MaxPool with its record."""

    output_shape: tuple[int, ...]

    def pre_activation(self, parameters: Parameters, x: torch.Tensor, record: torch.Tensor) -> torch.Tensor:
        pixels = x.new_zeros(*x.shape[:2], units(self.output_shape[:2]), self.output_shape[2])
        pixels.scatter_(2, record.flatten(2, 3), x.flatten(2, 3))
        return pixels.unflatten(2, self.output_shape[:2])


def _channels_first(x: torch.Tensor) -> torch.Tensor:
    return x.flatten(0, 1).permute(0, 3, 1, 2)


def _rows_first(y: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    return y.permute(0, 2, 3, 1).unflatten(0, like.shape[:2])
