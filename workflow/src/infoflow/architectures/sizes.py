"""How large the networks of an entry of `architectures` are, without building them.

Standard library only: every parse of the workflow imports this, and no job does.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from infoflow.architectures.kinds import ARCHITECTURES, count_repeated, count_weights
from infoflow.architectures.layer_lists import channels_first, output_shape, unroll
from infoflow.architectures.stem import strides

UNKNOWN = 4e4
"""Products per pixel of the image of networks whose layers nobody knows before they are built, like torchvision's; a
ResNet-50 has 8e4, a ResNet-18 3.6e4. Not measured."""
_OF_VGG16 = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0)
"""Channels of its convolutions; 0 is a pooling."""


@dataclass(frozen=True)
class Layer:
    """A layer, for one image.

    Attributes:
        inputs, outputs: units before and after it.
        weights: of it.
        places: where the same weights are applied; 1 of a dense layer.
        around: units that one place is reconstructed from.
        repeated: how many such layers follow each other.
    """

    inputs: int
    outputs: int
    weights: int
    places: int = 1
    around: int = 0
    repeated: int = 1


@dataclass(frozen=True)
class Size:
    """A network of some depth.

    Attributes:
        layers: hidden ones.
        classes: that it tells apart.
    """

    layers: tuple[Layer, ...]

    @property
    def depth(self) -> int:
        """Number of layers."""
        return sum(layer.repeated for layer in self.layers)

    @property
    def products(self) -> int:
        """Products of a weight and a state, in one pass of one image."""
        return sum(layer.repeated * layer.weights * layer.places for layer in self.layers)

    @property
    def weights(self) -> int:
        """Of all layers."""
        return sum(layer.repeated * layer.weights for layer in self.layers)

    @property
    def units(self) -> int:
        """Of all layers."""
        return sum(layer.repeated * layer.outputs for layer in self.layers)

    @property
    def widest(self) -> int:
        """Units of the largest state."""
        return max(max(layer.inputs, layer.outputs) for layer in self.layers)

    @property
    def pixels(self) -> int:
        """Units of the input."""
        return self.layers[0].inputs


def size_of(options: Mapping[str, Any], shape: tuple[int, ...], depth: int) -> Size:
    """The size of a network, from its entry of `architectures`, the shape of an image and the depth."""
    kind, pixels = options["kind"], math.prod(shape)
    if kind in ("cnn", "resnet"):
        return Size(tuple(_convolutional(options, shape, depth)))
    if kind == "vgg16":
        return Size(tuple(_vgg16(shape))[:depth])
    if kind == "layers":
        return Size(tuple(_listed(options, shape, depth)))
    if ARCHITECTURES[kind].modular:
        # as if all was done in four layers that become narrower
        places = max(1, pixels // 16)
        return Size((Layer(pixels, 16 * pixels, int(UNKNOWN * pixels / places), places, 576),) * max(1, min(depth, 50)))
    if kind == "resnet_dense":
        return Size((Layer(pixels, pixels, pixels**2, around=pixels, repeated=depth),))
    if kind != "mlp":  # one that is new here
        weights = count_weights(options, shape, depth) or round(UNKNOWN * pixels)
        return Size((Layer(pixels, pixels, weights // depth, around=pixels, repeated=depth),))
    width = options["width"] or pixels
    if options["layout"] == "shrinking":
        widths = [width, *(max(1, round(width * (depth - l) / depth)) for l in range(1, depth))]
        pairs = zip([pixels, *widths], widths, strict=False)
        return Size(tuple(Layer(a, b, a * b, around=b) for a, b in pairs))
    first = Layer(pixels, width, pixels * width, around=width)
    deeper = Layer(width, width, width**2, around=width, repeated=depth - 1)
    return Size((first, deeper) if depth > 1 else (first,))


def _convolutional(options: Mapping[str, Any], shape: tuple[int, ...], depth: int) -> Iterator[Layer]:
    rows, columns = shape[:2]
    before = shape[2] if len(shape) == 3 else 1
    channels = options["channels"]
    for stride in strides(rows, columns):
        inputs = rows * columns * before
        rows, columns = math.ceil(rows / stride), math.ceil(columns / stride)
        places = rows * columns
        yield Layer(inputs, places * channels, 9 * before * channels, places, 9 * channels)
        before = channels
    places, parts = rows * columns, 2 if options["kind"] == "resnet" else 1
    if depth > 1:
        around = (9 if parts == 1 else 25) * channels
        yield Layer(places * channels, places * channels, 9 * parts * channels**2, places, around, depth - 1)


def _vgg16(shape: tuple[int, ...]) -> Iterator[Layer]:
    rows, columns, before = (*shape[:2], 3)
    for channels in _OF_VGG16:
        places = rows * columns
        if channels:
            yield Layer(places * before, places * channels, 9 * before * channels, places, 9 * channels)
            before = channels
        else:
            rows, columns = rows // 2, columns // 2
            yield Layer(places * before, rows * columns * before, 0, rows * columns, before)
    units = rows * columns * before
    yield Layer(units, units, 0)
    for width in (4096, 4096, 1000):
        yield Layer(units, width, units * width, around=width)
        units = width


def _listed(options: Mapping[str, Any], shape: tuple[int, ...], depth: int) -> Iterator[Layer]:
    """Of a list of layers; what is within a residual counts as often as its own list is long."""
    state = channels_first(shape)
    for where, entry in unroll(options["layers"], depth if count_repeated(options["layers"]) else 1):
        after = output_shape(entry, state, depth, where)
        inner = list(_inner(entry, state, depth, where))
        if inner:
            yield from inner
        else:
            places = math.prod(after[1:]) if len(after) == 3 else 1
            weights = _weights(entry, state, after)
            yield Layer(math.prod(state), math.prod(after), weights, places, min(math.prod(after), 9 * after[0]))
        state = after


def _inner(entry: Mapping[str, Any], shape: tuple[int, ...], depth: int, where: str) -> Iterator[Layer]:
    if "residual" in entry:
        for here, part in unroll(entry["residual"], depth, where):
            after = output_shape(part, shape, depth, here)
            places = math.prod(after[1:]) if len(after) == 3 else 1
            yield Layer(math.prod(shape), math.prod(after), _weights(part, shape, after), places, 9 * after[0])
            shape = after


def _weights(entry: Mapping[str, Any], before: tuple[int, ...], after: tuple[int, ...]) -> int:
    if "dense" in entry:
        return math.prod(before) * after[0]
    if "conv" in entry:
        return before[0] * after[0] * entry.get("kernel", 3) ** 2 // entry.get("groups", 1)
    return 0
