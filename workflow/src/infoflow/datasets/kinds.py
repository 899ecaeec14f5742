"""Kinds of data sets: what a config can say of each, what is known of it before it is loaded, and where it comes from.

Standard library only: every parse of the workflow imports this, and no job does.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infoflow.errors import InfoflowError

SIZES = ("train_samples", "test_samples")
NOT_DATA = ("probe", "train", "architectures")
"""Keys of a data set that say how networks are probed and trained on it, and nothing about its images."""

_PATTERNS, _VERTICES, _TRAIN_FRACTION = 4096, 12, 0.8
"""Of kind o3."""


@dataclass(frozen=True)
class Kind:
    """What is known of a kind.

    Attributes:
        source: what it is, its address if it has one, its licence.
        needed, optional: keys besides the common ones.
        labelled: whether it can be trained on, and not only probed.
        sets: images for training and for testing, if there are always so many.
        side: rows and columns of an image, unless `size` says otherwise.
        colour: whether images have three channels, unless `colour` says otherwise.
    """

    source: tuple[str, str | None, str]
    needed: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    labelled: bool = True
    sets: tuple[int, int] | None = None
    side: int | None = None
    colour: bool = False


DATASETS: dict[str, Kind] = {
    "arrays": Kind(
        source=("arrays of the user's own", None, "that of the arrays"),
        needed=("path", *SIZES),
        optional=("images", "labels", "layout", "range", "standardise"),
    ),
    "cifar10": Kind(
        source=(
            "CIFAR-10: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009",
            "https://www.cs.toronto.edu/~kriz/cifar.html",
            "not stated by its authors",
        ),
        optional=("colour",),
        sets=(50_000, 10_000),
        side=32,
    ),
    "digits": Kind(
        source=(
            "Optical Recognition of Handwritten Digits: E. Alpaydin, C. Kaynak, UCI Machine Learning Repository, 1998, "
            "the part that comes with scikit-learn",
            "https://archive.ics.uci.edu/dataset/80",
            "https://creativecommons.org/licenses/by/4.0/",
        ),
        sets=(1437, 360),
        side=8,
    ),
    "fashion_mnist": Kind(
        source=(
            "Fashion-MNIST: H. Xiao, K. Rasul, R. Vollgraf, arXiv:1708.07747",
            "https://github.com/zalandoresearch/fashion-mnist",
            "https://spdx.org/licenses/MIT",
        ),
        sets=(60_000, 10_000),
        side=28,
    ),
    "image_folder": Kind(
        source=("pictures of the user's own", None, "that of the pictures"),
        needed=("path", *SIZES),
        optional=("size", "colour", "range"),
        side=224,
        colour=True,
    ),
    "mnist": Kind(
        source=(
            "MNIST: Y. LeCun, C. Cortes, C. J. C. Burges, The MNIST database of handwritten digits, 1998",
            "http://yann.lecun.com/exdb/mnist/",
            "not stated by its authors",
        ),
        sets=(60_000, 10_000),
        side=28,
    ),
    "o3": Kind(
        source=(
            "patterns on the vertices of an icosahedron, made by the workflow and labelled like those of R. "
            "Shwartz-Ziv, N. Tishby, arXiv:1703.00810",
            "https://github.com/ravidziv/IDNNs",
            "none needed",
        ),
        optional=("power_spectrum", "threshold", "softness", "shuffled", "train_fraction"),
    ),
    "photographs": Kind(
        source=(
            "china.jpg by danielbuechele and flower.jpg by vultilion, which come with scikit-learn",
            "https://scikit-learn.org/stable/modules/generated/sklearn.datasets.load_sample_images.html",
            "https://creativecommons.org/licenses/by/2.0/",
        ),
        needed=SIZES,
        optional=("size", "colour"),
        side=64,
        colour=True,
    ),
    "table": Kind(
        source=("a table of the user's own", None, "that of the table"),
        needed=("path", *SIZES),
        optional=("columns", "labels", "range", "standardise"),
    ),
    "white_noise": Kind(
        source=("independent pixels, drawn by the workflow", None, "none needed"),
        needed=("shape", *SIZES),
        labelled=False,
    ),
}
"""By name, which is that of the module of this package that loads it."""


def is_labelled(config: Mapping[str, Any], dataset: str) -> bool:
    """Whether a data set of a config can be trained on."""
    options = config["datasets"][dataset]
    return DATASETS[options["kind"]].labelled and options.get("labels", "") is not None


def check_datasets(config: Mapping[str, Any]) -> None:
    """Refuse entries with keys that their kind does not have, or without those that it needs.

    Raises:
        InfoflowError: the message names the key.
    """
    for name, options in config["datasets"].items():
        kind = DATASETS[options["kind"]]
        for key in kind.needed:
            if key not in options:
                raise InfoflowError(f"config: datasets.{name}.{key}: {options['kind']} needs it")
        for key in options:
            if key not in ("kind", *SIZES, *NOT_DATA, *kind.needed, *kind.optional):
                *others, last = [k for k, other in DATASETS.items() if key in (*other.needed, *other.optional)]
                having = f"{', '.join(others)} and {last} have" if others else f"{last} has"
                raise InfoflowError(f"config: datasets.{name}.{key}: only {having} a {key} to choose")
        if "range" in options:
            if options.get("standardise"):
                raise InfoflowError(f"config: datasets.{name}: range and standardise both scale; leave one out")
            if not options["range"][0] < options["range"][1]:
                raise InfoflowError(
                    f"config: datasets.{name}.range: {options['range']} does not go upwards; swap its ends"
                )
        for other in options.get("architectures", {}):
            if other not in config["architectures"]:
                close = difflib.get_close_matches(other, list(config["architectures"]), n=1)
                hint = f"; did you mean {close[0]}?" if close else ""
                raise InfoflowError(f"config: datasets.{name}.architectures.{other}: unknown architecture{hint}")
        for key, there in zip(SIZES, whole_sizes(options)):
            if there == 0:
                raise InfoflowError(f"config: datasets.{name}.train_fraction: it leaves no pattern for {key}")
            check_number(f"datasets.{name}.{key}", options.get(key), there, f"{options['kind']} has")


def check_number(path: str, number: int | None, there: int | None, having: str, own: str | None = None) -> None:
    """Refuse to take more images than there are, where both are known; `own`: where to set fewer, if not at `path`."""
    if number is not None and there is not None and number > there:
        raise InfoflowError(
            f"config: {path}: {number}, but {having} only {there} images; set {own or path} to at most {there}"
        )


def set_sizes(options: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """Images for training and for testing of an entry of `datasets`; None, where the config does not tell."""
    whole = whole_sizes(options)
    return options.get("train_samples", whole[0]), options.get("test_samples", whole[1])


def whole_sizes(options: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """What `train_samples` and `test_samples` choose from; None, where the config does not tell."""
    if options["kind"] == "o3":
        train = round(options.get("train_fraction", _TRAIN_FRACTION) * _PATTERNS)
        return train, _PATTERNS - train
    return DATASETS[options["kind"]].sets or (None, None)


def image_shape(options: Mapping[str, Any]) -> tuple[int, ...] | None:
    """Shape of an image of an entry of `datasets`, [row, column(, channel)]; None, where the config does not tell."""
    kind = DATASETS[options["kind"]]
    if options["kind"] == "o3":
        return (_VERTICES,)
    if "shape" in options:
        return tuple(options["shape"])
    if (side := options.get("size", kind.side)) is None:
        return None
    return (side, side, 3) if options.get("colour", kind.colour) else (side, side)
