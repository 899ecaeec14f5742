"""Lists of layers as a config has them, kind `layers`: what an entry may say, in which order the layers come, and the
shapes that they give. Shapes are those of PyTorch: [channel, row, column] of images, [unit] of vectors.

Standard library only: every parse of the workflow checks lists with this, and jobs build networks of them.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from infoflow.errors import InfoflowError

Entry = Mapping[str, Any]
Shape = tuple[int, ...]

_WEIGHTS = {"bias": True, "initialization": None}
LAYERS: dict[str, dict[str, Any]] = {
    "activation": {},
    "average": {},
    "conv": {"kernel": 3, "stride": 1, "padding": None, "groups": 1, **_WEIGHTS},
    "dense": _WEIGHTS,
    "dropout": {},
    "flatten": {},
    "layers": {},
    "norm": {"groups": 8},
    "pool": {"size": 2, "stride": None},
    "residual": {"scale": 1.0, "initialization": None},
}
"""By the key that says what an entry is, its other keys and their values where the entry says nothing."""
REPEAT = "repeat"
"""The key that any one entry of a list may have as well: there are as many of it as the network is deep."""
TRAINABLE_SLOPE = "prelu"
"""The activation that there is besides those of `engine.activations`."""


def kind_of(entry: Entry) -> str:
    """The key that says what an entry is."""
    return next(key for key in LAYERS if key in entry)


def check_list(entries: Sequence[Any], where: str, activations: Sequence[str]) -> None:
    """Refuse entries that are not exactly one layer, with keys of that layer alone.

    Args:
        where: key of the list.
        activations: that there are.

    Raises:
        InfoflowError: the message names the key.
    """
    for index, given in enumerate(entries):
        here, entry = f"{where}[{index}]", as_entry(given)
        kinds = [key for key in LAYERS if key in entry]
        if len(kinds) != 1:
            said = f"is {' and '.join(kinds)} at once" if kinds else "says of no layer what it is"
            raise InfoflowError(f"{here}: {said}; give one of {', '.join(LAYERS)}, each an entry of its own")
        (kind,) = kinds
        known = [*LAYERS[kind], REPEAT]
        for key in entry:
            if key not in (kind, *known):
                raise InfoflowError(f"{here}.{key}: {kind} has no {key}; its keys: {', '.join(known)}")
        if kind == "norm" and "groups" in entry and entry["norm"] != "group":
            raise InfoflowError(f"{here}.groups: those of norm: group")
        if kind == "activation" and entry["activation"] not in activations:
            raise InfoflowError(
                f"{here}.activation: unknown activation {entry['activation']!r}; there are {', '.join(activations)}"
            )
        if kind in ("layers", "residual"):
            check_list(entry[kind], f"{here}.{kind}", activations)


def as_entry(given: Any) -> Entry:
    """An entry with its keys; `flatten` and `average` may be written without any."""
    return {given: True} if isinstance(given, str) else given


def all_entries(entries: Sequence[Any]) -> Iterator[Entry]:
    """All entries of a list, and of the lists within it, once."""
    for entry in map(as_entry, entries):
        yield entry
        yield from all_entries(entry.get("layers") or entry.get("residual") or ())


def activations_of(entries: Sequence[Any]) -> set[str]:
    """Names of the activations of a list."""
    return {entry["activation"] for entry in all_entries(entries) if "activation" in entry}


def count_repeated(entries: Sequence[Any]) -> int:
    """How many entries are repeated as often as the network is deep."""
    return sum(REPEAT in entry for entry in all_entries(entries))


def unroll(entries: Sequence[Any], depth: int, where: str = "layers") -> Iterator[tuple[str, Entry]]:
    """The layers one after the other, with the key of each: what is repeated `depth` times, lists within in place."""
    for index, entry in enumerate(map(as_entry, entries)):
        for _ in range(depth if REPEAT in entry else 1):
            if "layers" in entry:
                yield from unroll(entry["layers"], depth, f"{where}[{index}].layers")
            else:
                yield f"{where}[{index}]", entry


def follow(entries: Sequence[Any], shape: Shape, depth: int, where: str = "layers") -> Shape:
    """Shape of what a list of layers gives, of inputs of a shape.

    Raises:
        InfoflowError: see `output_shape`.
    """
    for here, entry in unroll(entries, depth, where):
        shape = output_shape(entry, shape, depth, here)
    return shape


def output_shape(entry: Entry, shape: Shape, depth: int, where: str) -> Shape:
    """Shape of what a layer gives.

    Raises:
        InfoflowError: it cannot take inputs of that shape; the message names its key.
    """
    kind = kind_of(entry)
    option = {**LAYERS[kind], **entry}
    if kind in ("conv", "pool", "average") and len(shape) != 3:
        raise InfoflowError(f"{where}.{kind}: needs an image, but gets {math.prod(shape)} units")
    match kind:
        case "dense":
            return (entry["dense"],)
        case "flatten":
            return (math.prod(shape),)
        case "average":
            return shape[:1]
        case "conv":
            for name, count in (("conv", entry["conv"]), ("groups", shape[0])):
                if count % option["groups"]:
                    raise InfoflowError(f"{where}.{name}: {count} channels are not a multiple of {option['groups']}")
            kernel, stride, padding = option["kernel"], option["stride"], padding_of(entry)
            return (entry["conv"], *_slide(shape, kernel, stride, padding, f"{where}.kernel"))
        case "pool":
            stride = option["stride"] or option["size"]
            return (shape[0], *_slide(shape, option["size"], stride, 0, f"{where}.size"))
        case "norm":
            if entry["norm"] == "group" and shape[0] % option["groups"]:
                raise InfoflowError(f"{where}.groups: {shape[0]} channels are not a multiple of {option['groups']}")
        case "residual":
            after = follow(entry["residual"], shape, depth, f"{where}.residual")
            projection_stride(shape, after, where)
            return after
    return shape


def padding_of(entry: Entry) -> int:
    """Pixels around the image of a convolution; by default so many that with stride 1 it keeps its size."""
    padding = entry.get("padding")
    return entry.get("kernel", LAYERS["conv"]["kernel"]) // 2 if padding is None else padding


def projection_stride(shape: Shape, after: Shape, where: str) -> int | None:
    """Stride of the 1 × 1 convolution that brings an image to the shape of a branch; None where none is needed.

    Raises:
        InfoflowError: no stride does.
    """
    if shape == after or len(after) == 1:
        return None
    stride = -(-shape[1] // after[1])
    if any((n - 1) // stride + 1 != m for n, m in zip(shape[1:], after[1:])):
        raise InfoflowError(
            f"{where}.residual: its branch turns {_told(shape)} into {_told(after)}, which no 1 x 1 convolution with a "
            "stride does; change strides or padding"
        )
    return stride


def channels_first(shape: Sequence[int]) -> Shape:
    """Shape of an image as PyTorch has it, [channel, row, column], of one [row, column] or [row, column, channel]."""
    if len(shape) == 1:
        return tuple(shape)
    return (shape[2] if len(shape) == 3 else 1, *shape[:2])


def _slide(shape: Shape, kernel: int, stride: int, padding: int, where: str) -> Shape:
    if min(shape[1:]) + 2 * padding < kernel:
        raise InfoflowError(f"{where}: {kernel} pixels, but it gets {_told(shape)}")
    return tuple((n + 2 * padding - kernel) // stride + 1 for n in shape[1:])


def _told(shape: Shape) -> str:
    return " x ".join(map(str, shape))
