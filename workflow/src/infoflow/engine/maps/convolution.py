"""Convolutions and transposed convolutions of images with the channel last.

Every network has weights of its own. On a CPU the networks are taken one after the other, each in the library's fastest
layout; on a GPU as the groups of one convolution.
"""

from dataclasses import dataclass

import torch
from torch.nn.functional import pad

from infoflow.engine.activations.activation import find_activation
from infoflow.engine.maps.map import Parameters, PullBack, accumulate

_convolution = torch.ops.aten.convolution
_convolution_backward = torch.ops.aten.convolution_backward


def as_image(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """[row, column] or [row, column, channel] with its channels."""
    return (*shape, 1) if len(shape) == 2 else shape


@dataclass(frozen=True)
class Convolution:
    """φ of a convolution with a square kernel, on [row, column, channel].

    Attributes:
        padding: zeros around the input.
        wrap: width of a border around the output that repeats its opposite side, so that the next convolution without
            padding is one on a torus.
    """

    input_shape: tuple[int, ...]
    channels: int
    activation: str
    kernel: int = 3
    stride: int = 1
    padding: int = 0
    wrap: int = 0
    bias: bool = True

    @property
    def output_shape(self) -> tuple[int, ...]:
        sides = ((n + 2 * self.padding - self.kernel) // self.stride + 1 for n in self.input_shape[:2])
        return (*(n + 2 * self.wrap for n in sides), self.channels)

    @property
    def fan_out(self) -> int:
        return self.channels

    @property
    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        shapes = {"weight": (self.channels, as_image(self.input_shape)[2], self.kernel, self.kernel)}
        return shapes | {"bias": (self.channels,)} if self.bias else shapes

    def fan_in(self, name: str) -> int:
        return as_image(self.input_shape)[2] * self.kernel**2

    def pre_activation(self, parameters: Parameters, x: torch.Tensor) -> torch.Tensor:
        return _unfold(
            [
                _convolution(image, weight, bias, *self._geometry, False, [0, 0], groups)
                for image, weight, bias, groups in _fold(parameters, x.unflatten(-1, self._columns))
            ],
            len(x),
        )

    def activate(self, z: torch.Tensor) -> torch.Tensor:
        return _wrap(find_activation(self.activation).function(z), self.wrap)

    def vjp(self, parameters: Parameters, x: torch.Tensor) -> tuple[torch.Tensor, PullBack]:
        """See `infoflow.engine.maps.map.vjp`; with the gradients of the library's convolution."""
        z = self.pre_activation(parameters, x)
        output = find_activation(self.activation).function(z)

        def pull_back(
            gradient: torch.Tensor, into: Parameters, decay: float, scale: float, to_input: bool
        ) -> torch.Tensor | None:
            gradient = _unwrap(gradient, self.wrap)
            gradient = find_activation(self.activation).pull_back(gradient, z, output)
            back = _pull_back(
                (parameters, x.unflatten(-1, self._columns)),
                gradient,
                (*self._geometry, False, [0, 0]),
                (into, decay, scale),
                to_input,
            )
            return None if back is None else back.reshape(x.shape)

        return _wrap(output, self.wrap), pull_back

    @property
    def _columns(self) -> tuple[int, ...]:
        """The last axis of the input with the channel that an image without one lacks."""
        return (self.input_shape[1], 1) if len(self.input_shape) == 2 else (self.input_shape[2],)

    @property
    def _geometry(self) -> tuple[list[int], list[int], list[int]]:
        return [self.stride] * 2, [self.padding] * 2, [1, 1]


@dataclass(frozen=True)
class TransposedConvolution:
    """φ of a transposed convolution, cut to the output's shape: at both sides alike, an odd rest at the end."""

    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    activation: str
    kernel: int = 3
    stride: int = 1

    def __post_init__(self):
        for n, m in zip(self.output_shape, self.input_shape[:2]):
            if n >= m * self.stride + self.kernel:
                raise ValueError(f"a kernel of {self.kernel} in steps of {self.stride} does not reach {n} from {m}")

    @property
    def fan_out(self) -> int:
        return as_image(self.output_shape)[2]

    @property
    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        return {"weight": (self.input_shape[2], self.fan_out, self.kernel, self.kernel), "bias": (self.fan_out,)}

    def fan_in(self, name: str) -> int:
        return self.fan_out * self.kernel**2  # PyTorch takes the transposed weights for those of a convolution

    def pre_activation(self, parameters: Parameters, x: torch.Tensor) -> torch.Tensor:
        full = _unfold([self._transposed(*one) for one in _fold(parameters, x)], len(x))
        rows, columns = self.output_shape[:2]
        return full[:, :, :rows, :columns].reshape(*x.shape[:2], *self.output_shape)

    def activate(self, z: torch.Tensor) -> torch.Tensor:
        return find_activation(self.activation).function(z)

    def vjp(self, parameters: Parameters, x: torch.Tensor) -> tuple[torch.Tensor, PullBack]:
        """See `infoflow.engine.maps.map.vjp`; with the gradients of the library's transposed convolution."""
        z = self.pre_activation(parameters, x)
        output = self.activate(z)

        def pull_back(
            gradient: torch.Tensor, into: Parameters, decay: float, scale: float, to_input: bool
        ) -> torch.Tensor | None:
            gradient = find_activation(self.activation).pull_back(gradient, z, output)
            gradient = gradient.reshape(*x.shape[:2], *as_image(self.output_shape))
            padding, extra, cut = self._geometry
            if any(cut):
                gradient = pad(gradient, (0, 0, 0, cut[1], 0, cut[0]))
            geometry = ([self.stride] * 2, padding, [1, 1], True, extra)
            return _pull_back((parameters, x), gradient, geometry, (into, decay, scale), to_input)

        return output, pull_back

    @property
    def _geometry(self) -> tuple[list[int], list[int], list[int]]:
        """Of both sides: cut at the beginning and at the end, added at the end, cut at the end alone."""
        found = []
        for n, m in zip(self.output_shape[:2], self.input_shape[:2]):
            excess = (m - 1) * self.stride + self.kernel - n
            both = max(0, excess // 2)
            found.append((both, max(0, -excess), max(0, excess - 2 * both)))
        return tuple(list(side) for side in zip(*found))

    def _transposed(self, image, weight, bias, groups) -> torch.Tensor:
        padding, extra, cut = self._geometry
        stride = [self.stride] * 2
        if self.stride == 1 or groups > 1 or image.is_cuda or image.requires_grad or weight.requires_grad:
            return _convolution(image, weight, bias, stride, padding, [1, 1], True, extra, groups)
        # The same numbers as gradients of a convolution, four times as fast on a CPU.
        sides = [n + c for n, c in zip(self.output_shape[:2], cut)]
        shape = (len(image), weight.shape[1], *sides)
        like = torch.empty(shape, dtype=image.dtype, device=image.device, memory_format=torch.channels_last)
        mask = [True, False, False]
        arguments = (None, stride, padding, [1, 1], False, [0, 0], groups, mask)
        return _convolution_backward(image, like, weight, *arguments)[0].add_(bias[:, None, None])


def _fold(parameters: Parameters, x: torch.Tensor) -> list[tuple]:
    """(images [B, channel, row, column], weight, bias, groups): one for every network, on a GPU one for all."""
    weight, bias = parameters["weight"], parameters.get("bias")
    if _grouped(x):
        images = x.permute(1, 0, 4, 2, 3).flatten(1, 2)
        return [(images, weight.flatten(0, 1), None if bias is None else bias.flatten(), len(x))]
    return [(x[n].permute(0, 3, 1, 2), weight[n], None if bias is None else bias[n], 1) for n in range(len(x))]


def _grouped(x: torch.Tensor) -> bool:
    return x.is_cuda and len(x) > 1


def _unfold(images: list[torch.Tensor], networks: int) -> torch.Tensor:
    """[N, B, row, column, channel] of what was computed from `_fold`."""
    if len(images) < networks:
        return images[0].unflatten(1, (networks, -1)).permute(1, 0, 3, 4, 2)
    if networks == 1:
        return images[0].permute(0, 2, 3, 1)[None]
    return torch.stack([image.permute(0, 2, 3, 1) for image in images])


def _pull_back(
    at: tuple[Parameters, torch.Tensor],
    gradient: torch.Tensor,
    geometry: tuple,
    into: tuple[Parameters, float, float],
    to_input: bool,
) -> torch.Tensor | None:
    """The gradients of a convolution, transposed or not, with parameters and input `at`; see `map.vjp`."""
    parameters, x = at
    target, decay, scale = into
    biased = "bias" in parameters
    gradients = _fold({"weight": parameters["weight"]}, gradient)
    found = [
        _convolution_backward(g[0], image, weight, _bias_size(bias), *geometry, groups, [to_input, True, biased])
        for g, (image, weight, bias, groups) in zip(gradients, _fold(parameters, x), strict=True)
    ]
    # after all: `into` may be the parameters
    for row, name in enumerate(("weight", "bias") if biased else ("weight",), start=1):
        for part, one in zip(target[name].flatten(0, 1)[None] if len(found) < len(x) else target[name], found):
            accumulate(part.view(one[row].shape), one[row], decay, scale)
    return _unfold([one[0] for one in found], len(x)) if to_input else None


def _bias_size(bias: torch.Tensor | None) -> list[int] | None:
    return None if bias is None else list(bias.shape)


def _wrap(y: torch.Tensor, width: int) -> torch.Tensor:
    """A border that repeats the opposite side, around rows and columns of [N, B, row, column, channel]."""
    for axis in (2, 3) if width else ():
        first, last = y.narrow(axis, 0, width), y.narrow(axis, y.shape[axis] - width, width)
        y = torch.cat([last, y, first], axis)
    return y


def _unwrap(gradient: torch.Tensor, width: int) -> torch.Tensor:
    """The gradient by what was wrapped."""
    for axis in (3, 2) if width else ():
        size = gradient.shape[axis] - 2 * width
        inner = gradient.narrow(axis, width, size).clone()
        inner.narrow(axis, size - width, width).add_(gradient.narrow(axis, 0, width))
        inner.narrow(axis, 0, width).add_(gradient.narrow(axis, size + width, width))
        gradient = inner
    return gradient


@dataclass(frozen=True)
class Subpixel:
    """A linear map from the `kernel` x `kernel` neighbourhood of a pixel to a square of `stride` x `stride` pixels.

    With stride 1 that is a convolution with zeros around; with a larger one it makes images larger.
    """

    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    kernel: int
    stride: int

    def __post_init__(self):
        if self.kernel % 2 == 0:
            raise ValueError(f"the kernel, {self.kernel}, is even: it has no middle")

    @property
    def fan_out(self) -> int:
        return as_image(self.output_shape)[2]

    @property
    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        numbers = self.stride**2 * self.fan_out
        return {"weight": (numbers, self.input_shape[2], self.kernel, self.kernel), "bias": (numbers,)}

    def fan_in(self, name: str) -> int:
        return self.input_shape[2] * self.kernel**2

    def surround(self, x: torch.Tensor) -> torch.Tensor:
        """Zeros around a state, so that every square of the output has its neighbourhood."""
        around = []
        for n, m in zip(reversed(self.output_shape[:2]), reversed(self.input_shape[:2])):
            lacking = -(-n // self.stride) - m
            before = lacking // 2 + self.kernel // 2
            around += [before, lacking - lacking // 2 + self.kernel // 2]
        return pad(x, (0, 0, *around))

    def pre_activation(self, parameters: Parameters, x: torch.Tensor) -> torch.Tensor:
        found = [
            _convolution(image, weight, bias, [1, 1], [0, 0], [1, 1], False, [0, 0], groups)
            for image, weight, bias, groups in _fold(parameters, self.surround(x))
        ]
        squares = _unfold(found, len(x)).unflatten(-1, (self.stride, self.stride, self.fan_out))
        rows, columns = self.output_shape[:2]
        whole = squares.permute(0, 1, 2, 4, 3, 5, 6).flatten(4, 5).flatten(2, 3)
        return whole[:, :, :rows, :columns].reshape(*x.shape[:2], *self.output_shape)

    def activate(self, z: torch.Tensor) -> torch.Tensor:
        return z
