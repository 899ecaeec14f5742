"""A directory of pictures, PNG or JPEG, with one folder per class: torchvision's ImageFolder."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torchvision.datasets import ImageFolder
from torchvision.transforms import functional

from infoflow.datasets.images import Images
from infoflow.errors import InfoflowError
from infoflow.files.originals import user_path

SUFFIXES = (".png", ".jpg", ".jpeg")
LONGEST = 20
"""Sides of a picture, the longer by the shorter, at most: resized, a strip of one pixel would fill the memory."""


def load(options: Mapping[str, Any], data_root: Path, seed: int) -> Images:
    """`train_samples` and `test_samples` pictures of `path`, chosen at random without overlap; no others are opened.

    They are prepared as for torchvision's pretrained networks: the shorter side resized to 256/224 of `size`, then the
    central square of `size` cut out. Images are [M, size, size, 3], or [M, size, size] without `colour`; labels count
    the folders in the order of their names.

    Args:
        data_root: what a relative `path` starts from.

    Raises:
        InfoflowError: the directory is missing, has too few pictures, or holds a folder twice, or a file is not a
            picture.
    """
    folder = Path(data_root) / user_path(options["path"])
    try:
        _refuse_repetitions(folder)
        files = ImageFolder(folder, is_valid_file=lambda name: name.lower().endswith(SUFFIXES)).samples
    except OSError as error:
        raise InfoflowError(
            f"{folder}: {str(error).rstrip(' .')}; path should be a directory with one folder of pictures per class"
        ) from error
    train, test = options["train_samples"], options["test_samples"]
    if train + test > len(files):
        raise InfoflowError(
            f"{folder}: train_samples and test_samples are {train} + {test}, but there are only {len(files)} pictures; "
            "choose fewer"
        )
    order = np.random.default_rng(seed).permutation(len(files))
    chosen = order[test : test + train], order[:test]
    images = (_read([files[i][0] for i in part], options) for part in chosen)
    labels = (np.array([files[i][1] for i in part], np.int64) for part in chosen)
    return Images(*images, *labels, levels=255)


def _refuse_repetitions(folder: Path) -> None:
    """Links to pictures and folders elsewhere are followed, but a link to a folder above it would have no end."""
    seen: dict[str, str] = {}
    for name, _, _ in os.walk(folder, followlinks=True):
        if (first := seen.setdefault(os.path.realpath(name), name)) != name:
            raise InfoflowError(f"{name}: a link to the same folder as {first}; remove one of them")


def _read(names: list[str], options: Mapping[str, Any]) -> np.ndarray:
    size, colour = options.get("size", 224), options.get("colour", True)
    images = np.empty((len(names), size, size, *([3] if colour else [])), np.uint8)
    for image, name in zip(images, names):
        image[...] = _open(name, size, "RGB" if colour else "L")
    return images


def _open(name: str, size: int, mode: str) -> Image.Image:
    try:
        if not os.path.isfile(name):  # to read a pipe would be to wait
            raise FileNotFoundError("there is no such file")
        with Image.open(name, formats=("PNG", "JPEG")) as file:
            if file.mode.startswith(("I", "F")):  # Pillow would cut off all above 255
                raise ValueError("more than 8 bits per channel")
            if max(file.size) > LONGEST * min(file.size):
                raise ValueError(f"{file.width} x {file.height} pixels, more than {LONGEST} times longer than wide")
            picture = file.convert(mode)
    except Exception as error:  # decoders have many
        raise InfoflowError(f"{name}: not a readable picture ({error}); remove or replace it") from error
    return functional.center_crop(functional.resize(picture, [round(size * 256 / 224)]), [size, size])
