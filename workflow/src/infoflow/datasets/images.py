"""Data sets: images with pixel values in [0, 1], their labels, a fixed split and a fixed evaluation set.

A data set is one module of this package, named like its `kind`, with `load(options, data_root, seed) -> Images`, and
one entry of `kinds.DATASETS`.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from infoflow.errors import InfoflowError


@dataclass(frozen=True)
class Images:
    """Training and test set.

    Attributes:
        train_images, test_images: [M, *shape], either float32 in [0, 1] or uint8 of so many `levels`.
        train_labels, test_labels: classes 0, 1, ... as int64 [M]; None where there are none.
        levels: what the stored values are divided by to give pixels in [0, 1].
        class_names: of the classes 0, 1, ..., if they have names.
    """

    train_images: np.ndarray
    test_images: np.ndarray
    train_labels: np.ndarray | None
    test_labels: np.ndarray | None
    levels: int = 1
    class_names: tuple[str, ...] | None = None


def load_images(options: Mapping[str, Any], data_root: Path, seed: int) -> Images:
    """The data set of a config entry, cut to `train_samples` and `test_samples` (seeded choice) if it names them.

    Raises:
        InfoflowError: files are missing, damaged or too few, or a pixel is not within [0, 1].
    """
    images = importlib.import_module(f"infoflow.datasets.{options['kind']}").load(options, data_root, seed)
    for part in ("train", "test"):
        wanted, values = options.get(f"{part}_samples"), getattr(images, f"{part}_images")
        if wanted is None or wanted == len(values):
            continue
        if wanted > len(values):
            raise InfoflowError(f"{options['kind']}: {part}_samples is {wanted}, but there are only {len(values)}")
        chosen = np.sort(np.random.default_rng([seed, part == "test"]).permutation(len(values))[:wanted])
        labels = getattr(images, f"{part}_labels")
        images = replace(
            images,
            **{f"{part}_images": values[chosen], f"{part}_labels": None if labels is None else labels[chosen]},
        )
    for part in ("train", "test"):
        values = getattr(images, f"{part}_images")
        least, most = values.min() / images.levels, values.max() / images.levels
        if not (least >= 0 and most <= 1):  # NaN is neither
            raise InfoflowError(
                f"{options['kind']}: images of the {part} set are from {least:g} to {most:g}, not within [0, 1]; "
                f"divide by the largest value that there can be, or give it as levels, in datasets/{options['kind']}.py"
            )
    return images
