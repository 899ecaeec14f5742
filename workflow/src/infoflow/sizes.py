"""What is known of data sets and networks from the config alone, before anything is loaded or built.

Standard library only: every cluster job imports this when it parses the workflow.
"""

import math
from collections.abc import Mapping
from typing import Any

_SETS = {
    "cifar10": (50_000, 10_000),
    "digits": (1437, 360),
    "fashion_mnist": (60_000, 10_000),
    "mnist": (60_000, 10_000),
}
"""Images for training and for testing of the kinds of data sets that have so many."""

_SQUARES = {"cifar10": 32, "digits": 8, "fashion_mnist": 28, "image_folder": 224, "mnist": 28, "photographs": 64}
"""Rows and columns of an image, unless `size` says otherwise."""

_COLOUR = {"image_folder", "photographs"}
"""Kinds whose images have three channels, unless `colour` says otherwise."""

_PATTERNS, _VERTICES, _TRAIN_FRACTION = 4096, 12, 0.8
"""Of data set o3."""

_SMALLEST = {"cnn": 8, "resnet": 8, "vgg16": 32}
"""Rows and columns of an image, at least, of the kinds of architectures that are made of convolutions."""


def set_sizes(options: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """Images for training and for testing of an entry of `datasets`; None, where the config does not tell."""
    whole = whole_sizes(options)
    return options.get("train_samples", whole[0]), options.get("test_samples", whole[1])


def whole_sizes(options: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """What `train_samples` and `test_samples` choose from; None, where the config does not tell."""
    if options["kind"] == "o3":
        train = round(options.get("train_fraction", _TRAIN_FRACTION) * _PATTERNS)
        return train, _PATTERNS - train
    return _SETS.get(options["kind"], (None, None))


def image_shape(options: Mapping[str, Any]) -> tuple[int, ...] | None:
    """Shape of an image of an entry of `datasets`, [row, column(, channel)]; None, where the config does not tell."""
    kind = options["kind"]
    if kind == "o3":
        return (_VERTICES,)
    if kind == "white_noise":
        return tuple(options["shape"])
    if (side := options.get("size", _SQUARES.get(kind))) is None:
        return None
    return (side, side, 3) if options.get("colour", kind in _COLOUR) else (side, side)


def wanted_images(kind: str, shape: tuple[int, ...]) -> str | None:
    """The images that a kind of architecture needs, in words, if those of this shape do not suit it."""
    if (smallest := _SMALLEST.get(kind)) is None:
        return None
    colours = (3,) if kind == "vgg16" else (1, 3)
    channels = shape[2] if len(shape) == 3 else 1
    if len(shape) in (2, 3) and min(shape[:2]) >= smallest and channels in colours:
        return None
    return f"{'colour ' if kind == 'vgg16' else ''}images of at least {smallest} x {smallest} pixels"


def count_weights(options: Mapping[str, Any], shape: tuple[int, ...], depth: int) -> int:
    """Weights of the hidden layers of a fully connected network, about; of other kinds 0: they are of bounded size.

    Args:
        options: an entry of `architectures`, with the defaults of its kind.
        shape: of an image.
        depth: number of hidden layers.
    """
    pixels = math.prod(shape)
    if options["kind"] == "resnet_dense":
        return depth * pixels**2
    if options["kind"] != "mlp":
        return 0
    width = options["width"] or pixels
    deeper = (depth - 1) * width**2
    # widths that fall linearly to a few: the mean of their squares is a third
    return pixels * width + (deeper // 3 if options["layout"] == "shrinking" else deeper)
