"""A directory of pictures with one folder per class, or two such directories, to train and to test on."""

import logging
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps
from torchvision.transforms import functional

from infoflow.datasets._split import split, stratify, told
from infoflow.datasets.images import Images
from infoflow.errors import InfoflowError
from infoflow.files.originals import user_path
from infoflow.files.pointers import refuse_pointer

logger = logging.getLogger(__name__)

NO_PICTURES = ("BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF")
"""Formats that Pillow knows but does not read by itself, or only by running another program."""
LONGEST = 20
"""Sides of a picture, the longer by the shorter, at most: resized, a strip of one pixel would fill the memory."""
TRAIN, TEST = ("train", "training"), ("test", "testing", "val", "valid", "validation")
"""Names of folders that hold a split and not classes; of those to test on, the first that there is."""
_TOLD = 20
"""Files that a message names, at most."""


@dataclass(frozen=True)
class Found:
    """What is in a directory.

    Attributes:
        classes: names of the folders, in their order.
        files, labels: pictures, and the numbers of their classes.
        others: what is no picture, by its ending.
    """

    classes: tuple[str, ...]
    files: Sequence[str]
    labels: np.ndarray
    others: Counter


def load(options: Mapping[str, Any], data_root: Path, seed: int) -> Images:
    """`train_samples` and `test_samples` pictures of `path`, chosen at random without overlap; no others are opened.

    Of every class so many as is its share; of a class with one picture, to train on. If the folders are `train` and
    `test` or `val`, each with the folders of the classes, these are what is trained and tested on.

    They are turned as their EXIF says, and prepared as for torchvision's pretrained networks: the shorter side resized
    to 256/224 of `size`, then the central square of `size` cut out. Images are [M, size, size, 3], or [M, size, size]
    without `colour`; labels count the folders in the order of their names.

    Args:
        options: `range`, [low, high], of pictures with more than 8 bits per channel: what becomes 0 and 1.
        data_root: what a relative `path` starts from.

    Raises:
        InfoflowError: the directory is missing, has too few pictures, or holds a folder twice, a class has no picture,
            or files are not pictures; the message names them all.
    """
    folder = Path(data_root) / user_path(options["path"])
    train, test = options["train_samples"], options["test_samples"]
    rng = np.random.default_rng(seed)
    parts = _find_parts(folder)
    for found, name in zip(parts, ("", "") if len(parts) == 1 else ("to train on: ", "to test on: ")):
        classes = told(found.classes, found.labels)
        logger.info("%s: %s%d pictures, %s, %s", folder, name, len(found.files), classes, _left_out(found))
    if len(parts) == 1:
        (found,) = parts
        if train + test > len(found.files):
            left_out = f", and {_left_out(found)}" if found.others else ""
            raise InfoflowError(
                f"{folder}: train_samples and test_samples are {train} + {test}, but there are only {len(found.files)} "
                f"pictures{left_out}; choose fewer"
            )
        rest, chosen = split(found.labels, test, rng)
        places = [(found, rest[:train]), (found, chosen)]
    else:
        for found, key, number in zip(parts, ("train_samples", "test_samples"), (train, test)):
            if number > len(found.files):
                raise InfoflowError(
                    f"{folder}: {key} is {number}, but its folder has only {len(found.files)} pictures; choose fewer"
                )
        places = [(found, stratify(found.labels, rng)[:n]) for found, n in zip(parts, (train, test))]
    names = [[found.files[i] for i in chosen] for found, chosen in places]
    images, levels = _read(names, options)
    return Images(*images, *(f.labels[p] for f, p in places), levels=levels, class_names=parts[0].classes)


def _find_parts(folder: Path) -> list[Found]:
    """What is in a directory, or in its directories to train and to test on."""
    try:
        names = _folders(folder)
        _refuse_repetitions(folder)
    except OSError as error:
        raise InfoflowError(
            f"{folder}: {str(error).rstrip(' .')}; path should be a directory with one folder of pictures per class"
        ) from error
    by_lower = {name.lower(): name for name in names}
    train = next((by_lower[name] for name in TRAIN if name in by_lower), None)
    tests = [by_lower[name] for name in TEST if name in by_lower]
    if train is None or not tests:
        return [_find(folder, names)]
    if others := [name for name in names if name not in (train, *tests)]:
        raise InfoflowError(
            f"{folder}: {train} and {tests[0]} look like a split into training and test set, but "
            f"{', '.join(others[:5])} stands beside them; set path to a directory that has either these two alone or "
            "one folder per class"
        )
    if left := tests[1:]:
        logger.info("%s: %s left out, as %s is there to test on", folder, " and ".join(left), tests[0])
    parts = [_find(folder / part, _folders(folder / part)) for part in (train, tests[0])]
    if parts[0].classes != parts[1].classes:
        odd = sorted(set(parts[0].classes) ^ set(parts[1].classes))
        raise InfoflowError(
            f"{folder}: {train} and {tests[0]} have other folders: {', '.join(odd[:5])} is in one of them alone; both "
            "need one per class, of the same names"
        )
    return parts


def _folders(folder: Path) -> list[str]:
    """Names of the folders in a directory, but for those that begin with a dot."""
    return sorted(e.name for e in os.scandir(folder) if e.is_dir() and not e.name.startswith("."))


def _find(folder: Path, classes: Sequence[str]) -> Found:
    endings = _endings()
    files: list[str] = []
    labels: list[int] = []
    others = Counter(_ending(e.name) for e in os.scandir(folder) if _is_seen(e.name) and not e.is_dir())
    if not classes:
        raise InfoflowError(
            f"{folder}: it has no folders, but {others.total()} files; path should be a directory with one folder of "
            "pictures per class"
        )
    for label, name in enumerate(classes):
        for where, inner, there in os.walk(folder / name, followlinks=True):
            inner[:] = sorted(filter(_is_seen, inner))
            for file in sorted(filter(_is_seen, there)):
                if file.lower().endswith(endings):
                    files.append(os.path.join(where, file))
                    labels.append(label)
                else:
                    others[_ending(file)] += 1
    found = np.array(labels, np.int64)
    if empty := [name for label, name in enumerate(classes) if label not in labels]:
        raise InfoflowError(
            f"{folder}: there is no picture in {', '.join(empty[:_TOLD])}{_more(empty)}; remove what is no class, or "
            "put pictures there"
        )
    # of names that are not UTF-8 what is readable, as files of results hold no others
    return Found(tuple(os.fsencode(name).decode("utf-8", "replace") for name in classes), files, found, others)


def _left_out(found: Found) -> str:
    endings = ", ".join(f"{count} {ending}" for ending, count in sorted(found.others.items()))
    return f"{found.others.total()} files left out{f' ({endings})' if endings else ''}"


def _is_seen(name: str) -> bool:
    return not name.startswith(".")


def _ending(name: str) -> str:
    return os.path.splitext(name)[1].lower() or "without ending"


def _endings() -> tuple[str, ...]:
    """Of the files that Pillow can read."""
    return tuple(ending for ending, kind in Image.registered_extensions().items() if kind in _formats())


def _formats() -> list[str]:
    Image.init()
    return [kind for kind in Image.OPEN if kind not in NO_PICTURES]


def _more(names: Sequence[str]) -> str:
    return f" and {len(names) - _TOLD} more" if len(names) > _TOLD else ""


def _refuse_repetitions(folder: Path) -> None:
    """Links to pictures and folders elsewhere are followed, but a link to a folder above it would have no end."""
    seen: dict[str, str] = {}
    for name, inner, _ in os.walk(folder, followlinks=True):
        inner[:] = filter(_is_seen, inner)
        if (first := seen.setdefault(os.path.realpath(name), name)) != name:
            raise InfoflowError(f"{name}: a link to the same folder as {first}; remove one of them")


def _read(parts: Sequence[Sequence[str]], options: Mapping[str, Any]) -> tuple[list[np.ndarray], int]:
    """Pictures of 8 bits and 255, or, of a `range`, float32 within [0, 1] and 1."""
    size, colour, limits = options.get("size", 224), options.get("colour", True), options.get("range")
    shape = (size, size, *([3] if colour else []))
    images = [np.empty((len(names), *shape), np.float32 if limits else np.uint8) for names in parts]
    refused = []
    for values, names in zip(images, parts):
        for image, name in zip(values, names):
            try:
                image[...] = _open(name, size, "RGB" if colour else "L", limits)
            except Exception as error:  # decoders have many
                refused.append((name, " ".join(str(error).split()) or type(error).__name__))
    if len(refused) == 1:
        raise InfoflowError(f"{refused[0][0]}: not a readable picture ({refused[0][1]}); remove or replace it")
    if refused:
        first = ", ".join(f"{name} ({why})" for name, why in refused[:_TOLD])
        message = f"{len(refused)} files are not readable pictures; remove or replace them: {first}{_more(refused)}"
        raise InfoflowError(message, longest=len(message))
    return images, 1 if limits else 255


def _open(name: str, size: int, mode: str, limits: Sequence[float] | None) -> np.ndarray:
    """A picture as it is prepared, of 8 bits or, with limits, float32 within [0, 1]."""
    if not os.path.isfile(name):  # to read a pipe would be to wait
        raise FileNotFoundError("there is no such file")
    refuse_pointer(Path(name))
    with Image.open(name, formats=_formats()) as file:  # of several pictures, the first
        if max(file.size) > LONGEST * min(file.size):
            raise ValueError(f"{file.width} x {file.height} pixels, more than {LONGEST} times longer than wide")
        deep = file.mode.startswith(("I", "F"))  # Pillow would cut off all above 255
        if deep and limits is None:
            raise ValueError("more than 8 bits per channel: set range of the data set, like [0, 65535] for 16 bits")
        picture = ImageOps.exif_transpose(file)
        grey = _within(np.asarray(picture, np.float32), *limits) if deep else None
        picture = picture.convert(mode) if grey is None else Image.fromarray(grey)
    picture = functional.center_crop(functional.resize(picture, [round(size * 256 / 224)]), [size, size])
    values = np.asarray(picture)
    if limits is None:
        return values
    values = values if deep else np.float32(values) / 255
    return np.repeat(values[..., None], 3, axis=2) if deep and mode == "RGB" else values


def _within(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Grey levels as float32 of which `low` is 0 and `high` is 1."""
    if not (values.min() >= low and values.max() <= high):
        raise ValueError(f"values from {values.min():g} to {values.max():g}, beyond range [{low:g}, {high:g}]")
    return np.float32((values - low) / (high - low))
