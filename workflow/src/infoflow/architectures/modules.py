"""Feed-forward networks of torch's modules, cut into blocks that have inverses, with the weights they hold.

A convolution or a dense layer is a block together with the activation behind it, or alone if there is none; a pooling
layer and a Flatten are blocks of their own. What does nothing once a network is trained is skipped.

Torch's images are [channel, row, column], the states of the blocks [row, column, channel]: the rows of a dense layer
that follows a Flatten are put into that order.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

from torch import nn

from infoflow.engine.maps.convolution import Convolution, TransposedConvolution, as_image
from infoflow.engine.maps.dense import Dense
from infoflow.engine.maps.map import Map, Parameters, units
from infoflow.engine.maps.pooling import MaxPool, Reshape, Unpool
from infoflow.engine.network import Block
from infoflow.errors import InfoflowError

ACTIVATION_OF = {
    nn.GELU: "gelu",
    nn.LeakyReLU: "leaky_relu",
    nn.ReLU: "relu",
    nn.SiLU: "silu",
    nn.Sigmoid: "sigmoid",
    nn.Softplus: "softplus",
    nn.Tanh: "tanh",
    nn.Tanhshrink: "tanhshrink",
}
"""Activations of `infoflow.engine.activations` by the modules that torch has for them."""
UNPOOL = ("learned", "recorded")
"""How pooling is undone: by a trained map, or by putting the maxima back to where they were."""

_CONSTANTS = {
    nn.GELU: {"approximate": "none"},
    nn.LeakyReLU: {"negative_slope": 0.01},
    nn.Softplus: {"beta": 1, "threshold": 20},
}
"""Options of activations, of which there is one value here."""
_SKIPPED = (nn.Dropout, nn.Dropout2d, nn.Identity)
_CUT = (
    f"what can be cut: Conv2d or Linear with {', '.join(kind.__name__ for kind in ACTIVATION_OF)} or nothing behind "
    "it, MaxPool2d, Flatten, Dropout, Identity, an AdaptiveAvgPool2d that changes nothing, and Sequential of these"
)


def cut_modules(
    modules: Iterable[nn.Module],
    input_shape: tuple[int, ...],
    *,
    inverse_activation: str | None = None,
    unpool: str = "learned",
    names: Sequence[str] | None = None,
) -> tuple[Block, ...]:
    """Blocks that compute what the modules compute one after the other, in eval mode.

    Args:
        modules: they may lie on the meta device: their weights are not looked at.
        input_shape: shape of one input: [row, column], [row, column, channel] or [unit].
        inverse_activation: φ of the inverses of convolutions and dense layers; by default the layer's own.
        unpool: `learned`, a transposed convolution without activation, as published; `recorded`, see `Unpool`.
        names: of the blocks; by default they are counted.

    Raises:
        InfoflowError: a module cannot be cut, or does not fit the one before it.
    """
    if unpool not in UNPOOL:
        raise InfoflowError(f"unpool: {unpool!r} is unknown; choose {' or '.join(UNPOOL)}")
    maps = [layer.forward for layer in _layers(modules, input_shape, unpool == "recorded")]
    names = _count(maps) if names is None else names
    return tuple(
        Block(forward, _undo(forward, inverse_activation), name) for forward, name in zip(maps, names, strict=True)
    )


def import_parameters(modules: Iterable[nn.Module], input_shape: tuple[int, ...]) -> list[Parameters]:
    """Weights of the modules as parameters of the blocks' forward maps, without an axis of networks.

    Raises:
        InfoflowError: see `cut_modules`.
    """
    return [_parameters(layer) for layer in _layers(modules, input_shape)]


@dataclass(frozen=True)
class _Layer:
    """A forward map and what its parameters come from.

    Attributes:
        module: that has the weights, if there are any.
        image: shape of the image that was flattened right before, if one was: [row, column, channel].
    """

    forward: Map
    module: nn.Module | None = None
    image: tuple[int, int, int] | None = None


def _layers(modules: Iterable[nn.Module], input_shape: tuple[int, ...], recorded: bool = False) -> list[_Layer]:
    found: list[_Layer] = []
    for name, module in _flatten(modules):
        last = found[-1].forward if found else None
        shape = tuple(input_shape) if last is None else last.output_shape
        kind = type(module)  # not isinstance: a subclass may compute something else
        if kind in _SKIPPED:
            continue
        if kind is nn.AdaptiveAvgPool2d:
            if not _changes_nothing(module, shape):
                _refuse(name, module, f"it changes what it gets, {_told(shape)}")
            continue
        if kind in ACTIVATION_OF:
            if not isinstance(last, Convolution | Dense) or last.activation != "linear":
                _refuse(name, module, "it does not follow a Conv2d or Linear")
            for option, wanted in _CONSTANTS.get(kind, {}).items():
                if getattr(module, option) != wanted:
                    _refuse(name, module, f"its {option} is not {wanted}")
            found[-1] = replace(found[-1], forward=replace(last, activation=ACTIVATION_OF[kind]))
        elif kind is nn.Conv2d:
            found.append(_Layer(_convolution(name, module, shape), module))
        elif kind is nn.MaxPool2d:
            found.append(_Layer(_pooling(name, module, shape, recorded)))
        elif kind is nn.Flatten:
            if (module.start_dim, module.end_dim) != (1, -1):
                _refuse(name, module, "it does not flatten all axes but that of the samples")
            if len(shape) > 1:
                found.append(_Layer(Reshape(shape, (units(shape),))))
        elif kind is nn.Linear:
            image = as_image(last.input_shape) if isinstance(last, Reshape) else None
            found.append(_Layer(_dense(name, module, shape), module, image))
        else:
            _refuse(name, module, "it is of another kind")
    return found


def _flatten(modules: Iterable[nn.Module], prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """(place, module) of all modules that are not a Sequential: `4.0` is the first one of the Sequential at 4."""
    for place, module in enumerate(modules):
        if isinstance(module, nn.Sequential) and type(module).forward is nn.Sequential.forward:
            yield from _flatten(module, f"{prefix}{place}.")
        else:
            yield f"{prefix}{place}", module


def _convolution(name: str, module: nn.Conv2d, shape: tuple[int, ...]) -> Convolution:
    for option, wanted in (("groups", 1), ("dilation", (1, 1)), ("padding_mode", "zeros")):
        if getattr(module, option) != wanted:
            _refuse(name, module, f"its {option} is not {wanted}")
    padding = module.padding
    if padding == "valid":
        padding = (0, 0)
    elif padding == "same":
        if any(k % 2 == 0 for k in module.kernel_size):
            _refuse(name, module, "its padding is not the same on both sides")
        padding = tuple(k // 2 for k in module.kernel_size)
    for option, pair in (("kernel_size", module.kernel_size), ("stride", module.stride), ("padding", padding)):
        if pair[0] != pair[1]:
            _refuse(name, module, f"its {option} is not the same for rows and columns")
    if len(shape) not in (2, 3) or as_image(shape)[2] != module.in_channels:
        _refuse(name, module, f"it takes images of {module.in_channels} channels, but gets {_told(shape)}")
    if min(shape[:2]) + 2 * padding[0] < module.kernel_size[0]:
        _refuse(name, module, f"its kernel is larger than what it gets, {_told(shape)}")
    return Convolution(
        shape,
        module.out_channels,
        "linear",
        kernel=module.kernel_size[0],
        stride=module.stride[0],
        padding=padding[0],
        bias=module.bias is not None,
    )


def _pooling(name: str, module: nn.MaxPool2d, shape: tuple[int, ...], recorded: bool) -> MaxPool:
    size = _pair(module.kernel_size)
    wanted = (size[:1] * 2, size[:1] * 2, (0, 0), (1, 1), False, False)
    given = (
        size,
        *map(_pair, (module.stride, module.padding, module.dilation)),
        module.ceil_mode,
        module.return_indices,
    )
    if given != wanted:
        _refuse(name, module, "it does not take the maxima of squares side by side, without padding and ceil_mode")
    if len(shape) != 3 or min(shape[:2]) < size[0]:
        _refuse(name, module, f"it takes images [row, column, channel] of its size or more, but gets {_told(shape)}")
    return MaxPool(shape, size[0], recorded)


def _dense(name: str, module: nn.Linear, shape: tuple[int, ...]) -> Dense:
    if len(shape) != 1:
        _refuse(name, module, f"it gets {_told(shape)} that is not flattened; put a Flatten before it")
    if module.in_features != shape[0]:
        _refuse(name, module, f"it takes {module.in_features} units, but gets {shape[0]}")
    return Dense(shape, (module.out_features,), "linear", bias=module.bias is not None)


def _changes_nothing(module: nn.AdaptiveAvgPool2d, shape: tuple[int, ...]) -> bool:
    return len(shape) == 3 and all(to in (None, n) for to, n in zip(_pair(module.output_size), shape))


def _undo(forward: Map, activation: str | None) -> Map:
    there, back = forward.output_shape, forward.input_shape
    match forward:
        case Convolution():
            return TransposedConvolution(there, back, activation or forward.activation, forward.kernel, forward.stride)
        case MaxPool(recorded=True):
            return Unpool(there, back)
        case MaxPool():
            return TransposedConvolution(there, back, "linear", forward.size, forward.size)
        case Reshape():
            return Reshape(there, back)
        case Dense():
            return Dense(there, back, activation or forward.activation)
    raise TypeError(forward)


def _parameters(layer: _Layer) -> Parameters:
    module = layer.module
    if module is None:
        return {}
    weight, bias = module.weight.detach(), module.bias
    if isinstance(module, nn.Linear):
        if layer.image is None:
            weight = weight.T.contiguous()
        else:
            rows, columns, channels = layer.image
            weight = weight.unflatten(1, (channels, rows, columns)).permute(2, 3, 1, 0).flatten(0, 2)
    if bias is None:
        return {"weight": weight}
    return {"weight": weight, "bias": bias.detach()[None] if isinstance(module, nn.Linear) else bias.detach()}


def _count(maps: Sequence[Map]) -> list[str]:
    """`convolution 1`, `convolution 2`, `pooling 1`, ..."""
    kinds = {Convolution: "convolution", MaxPool: "pooling", Reshape: "flatten", Dense: "dense"}
    counter, names = Counter(), []
    for layer in maps:
        kind = kinds[type(layer)]
        counter[kind] += 1
        names.append(f"{kind} {counter[kind]}")
    return names


def _pair(option) -> tuple:
    return tuple(option) if isinstance(option, tuple | list) else (option, option)


def _told(shape: tuple[int, ...]) -> str:
    return f"a state of shape {shape}"


def _refuse(name: str, module: nn.Module, why: str) -> NoReturn:
    described = " ".join(str(module).split())
    raise InfoflowError(f"module {name}, {described}, cannot be cut into a block: {why}; {_CUT}")
