"""What arrays and tables of the user's own have in common: values within [0, 1], classes, training and test set."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from infoflow.datasets._split import split, stratify, told
from infoflow.datasets.images import Images
from infoflow.errors import InfoflowError
from infoflow.files.originals import user_path
from infoflow.files.pointers import refuse_pointer

logger = logging.getLogger(__name__)

WITHIN = 3.0
"""Standard deviations from the mean that become 0 and 1 of what is standardised."""
_LARGEST_LABEL = 32_767


@dataclass(frozen=True)
class Part:
    """Samples of a file.

    Attributes:
        images: [N, unit], [N, row, column] or [N, row, column, channel], as they are in the file.
        labels: [N] numbers or text, None if there are none.
        name, labels_name: what messages call them.
    """

    images: np.ndarray
    labels: np.ndarray | None
    name: str
    labels_name: str


def find_file(options: Mapping[str, Any], data_root: Path, suffixes: tuple[str, ...], remedy: str) -> Path:
    """The file that `path` names.

    Raises:
        InfoflowError: there is none, or it is of another kind; `remedy` says how to make one of these.
    """
    path = Path(data_root) / user_path(options["path"])
    if not path.name.lower().endswith(suffixes):
        raise InfoflowError(f"{path}: kind {options['kind']} reads {', '.join(suffixes)}; {remedy}")
    try:
        if not path.is_file():  # to read a pipe would be to wait
            raise FileNotFoundError("there is no such file")
        refuse_pointer(path)
    except OSError as error:
        raise InfoflowError(f"{path}: cannot be read ({error}); correct path") from error
    return path


def make_images(path: Path, options: Mapping[str, Any], parts: tuple[Part, ...], seed: int) -> Images:
    """A data set of one part, which is split by the seed, or of two, one to train on and one to test on.

    Args:
        options: `train_samples`, `test_samples`; `range` or `standardise`.

    Raises:
        InfoflowError: samples are too few, values are not within [0, 1] or the range, labels are no classes.
    """
    for part in parts:
        _check_part(path, part)
    if len({part.images.shape[1:] for part in parts}) > 1:
        shapes = " and ".join(f"{part.name} {part.images.shape}" for part in parts)
        raise InfoflowError(f"{path}: samples of {shapes} are not of one shape; make them alike")
    names, labels = _classes(path, parts)
    wanted = options["train_samples"], options["test_samples"]
    rng = np.random.default_rng(seed)
    # the order without labels is that of one class
    known = labels if names is not None else [np.zeros(len(part.images), np.int64) for part in parts]
    if len(parts) == 1:
        where = parts[0].name
        if sum(wanted) > len(known[0]):
            raise InfoflowError(
                f"{path}: train_samples and test_samples are {wanted[0]} + {wanted[1]}, but {where} has only "
                f"{len(known[0])} samples; choose fewer"
            )
        chosen = split(known[0], wanted[1], rng)
        parts, labels = (parts[0], parts[0]), (labels[0], labels[0])
    else:
        for part, key, number in zip(parts, ("train_samples", "test_samples"), wanted):
            if number > len(part.images):
                raise InfoflowError(
                    f"{path}: {key} is {number}, but {part.name} has only {len(part.images)} samples; choose fewer"
                )
        chosen = tuple(stratify(one, rng) for one in known)
    chosen = [places[:number] for places, number in zip(chosen, wanted)]
    values = [np.asarray(part.images[np.sort(places)]) for part, places in zip(parts, chosen)]
    values = [v[np.argsort(np.argsort(places))] for v, places in zip(values, chosen)]  # files are read in their order
    values, levels = scale(path, parts[0].name, values, options)
    found = [None if names is None else l[places] for l, places in zip(labels, chosen)]
    classes = "no labels" if names is None else told(names, np.concatenate(found))
    shape = " x ".join(map(str, values[0].shape[1:]))
    logger.info("%s: %d + %d samples of %s, %s", path, *map(len, values), shape, classes)
    return Images(*values, *found, levels=levels, class_names=names)


def _check_part(path: Path, part: Part) -> None:
    images, labels = part.images, part.labels
    if images.dtype.kind not in "buif":
        raise InfoflowError(
            f"{path}: {part.name} is of {_about(images)}, but images are numbers: booleans, integers or floats; save "
            "it as such an array"
        )
    if images.ndim not in (2, 3, 4) or not images.size:
        raise InfoflowError(
            f"{path}: {part.name} is of {_about(images)}, but expected are N x features, N x rows x columns, or N x "
            "rows x columns x channels"
        )
    if labels is not None and len(labels) != len(images):
        raise InfoflowError(
            f"{path}: {part.labels_name} is of {_about(labels)}, but {part.name} of {_about(images)}: one label per "
            "sample is expected"
        )


def _about(values: np.ndarray) -> str:
    return f"shape {' x '.join(map(str, values.shape)) or '()'}, {values.dtype}"


def _classes(path: Path, parts: tuple[Part, ...]) -> tuple[tuple[str, ...] | None, list[np.ndarray | None]]:
    """Names of the classes in their order, and labels that count them."""
    if any(part.labels is None for part in parts):
        return None, [None for _ in parts]
    found = [_as_classes(path, part) for part in parts]
    known, counted = np.unique(np.concatenate(found), return_inverse=True)
    if 2 * len(known) > len(counted) or len(known) > _LARGEST_LABEL:
        raise InfoflowError(
            f"{path}: {parts[0].labels_name} has {len(known)} different values for {len(counted)} samples: these are "
            "no classes, and what a regression aims at cannot be learned here; give classes, or set labels: null and "
            "the truth of the experiment to false to probe only"
        )
    return tuple(map(str, known)), np.split(counted.astype(np.int64), np.cumsum([len(f) for f in found])[:-1])


def _as_classes(path: Path, part: Part) -> np.ndarray:
    """Labels [N], whole numbers or text, of such labels [N] or [N, 1], or of one column per class."""
    labels = np.asarray(part.labels)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    numbers = labels.dtype.kind in "buif"
    if labels.ndim == 2 and numbers and np.isin(labels, (0, 1)).all() and (labels.sum(1) == 1).all():
        labels = labels.argmax(1)
    if labels.ndim != 1 or not (numbers or labels.dtype.kind in "US"):
        raise InfoflowError(
            f"{path}: {part.labels_name} is of {_about(labels)}, but expected is a class per sample, a whole number or "
            "text, or a column per class with one 1 in every row"
        )
    if labels.dtype.kind == "S":
        labels = np.char.decode(labels, "utf-8", "replace")
    if labels.dtype.kind == "f":
        odd = labels[~(np.isfinite(labels) & (labels == np.round(labels)))]
        if len(odd):
            raise InfoflowError(
                f"{path}: {part.labels_name} has {len(odd)} values like {odd[0]:g}: these are no classes, and what a "
                "regression aims at cannot be learned here; give classes, or set labels: null and the truth of the "
                "experiment to false to probe only"
            )
        if np.abs(labels).max(initial=0) < 2**53:  # beyond, floats have no room for all whole numbers
            labels = labels.astype(np.int64)
    return labels


def scale(path: Path, name: str, values: list[np.ndarray], options: Mapping[str, Any]) -> tuple[list[np.ndarray], int]:
    """Training and test images as uint8 with their `levels`, or as float32 within [0, 1].

    Args:
        options: `range`, [low, high] that become 0 and 1; without it 0 and 255 of uint8, else 0 and 1. Or
            `standardise`: mean ∓ 3 standard deviations of the training set become 0 and 1, and what lies beyond is cut
            off; of every feature of vectors, of every channel of images.

    Raises:
        InfoflowError: a value is not finite, or not within the range.
    """
    for part in values:
        if part.dtype.kind == "f" and (bad := int((~np.isfinite(part)).sum())):
            raise InfoflowError(f"{path}: {name} has {bad} values that are NaN or infinite; fill or leave them out")
    if options.get("standardise"):
        return _standardise(values), 1
    if values[0].dtype.kind == "b":
        return [part.astype(np.uint8) for part in values], 1
    bytes_ = values[0].dtype == np.uint8
    low, high = options.get("range", (0, 255) if bytes_ else (0, 1))
    least, most = min(part.min() for part in values), max(part.max() for part in values)
    if least < low or most > high:
        said = "the range that the config says" if "range" in options else "the range without key range"
        raise InfoflowError(
            f"{path}: {name}, {values[0].dtype}, has values from {least:g} to {most:g}, beyond [{low:g}, {high:g}], "
            f"{said}; set range: [{least:g}, {most:g}], or as far as such values can go, or standardise: true"
        )
    if bytes_ and low == 0 and high == int(high):
        return values, int(high)
    # in double precision, as the ends have to be 0 and 1
    return [((part.astype(np.float64) - low) / (high - low)).clip(0, 1).astype(np.float32) for part in values], 1


def _standardise(values: list[np.ndarray]) -> list[np.ndarray]:
    train = values[0].astype(np.float64)
    axes = {2: (0,), 3: (0, 1, 2), 4: (0, 1, 2)}[train.ndim]
    mean, deviation = train.mean(axes), train.std(axes)
    deviation = np.where(deviation > 0, deviation, 1)
    scaled = [0.5 + (part - mean) / (2 * WITHIN * deviation) for part in values]
    beyond = sum(int(((part < 0) | (part > 1)).sum()) for part in scaled)
    logger.info("standardised: %d of %d values cut off at %g deviations", beyond, sum(p.size for p in scaled), WITHIN)
    return [part.clip(0, 1).astype(np.float32) for part in scaled]


def listed(names: list[str]) -> str:
    """Names for a message; some of many."""
    first = ", ".join(names[:10])
    return f"{first} and {len(names) - 10} more" if len(names) > 10 else first or "nothing"
