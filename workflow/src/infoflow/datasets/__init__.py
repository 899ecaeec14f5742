"""Data sets: images with pixel values in [0, 1], their labels, a fixed split and a fixed evaluation set.

A data set is one module of this package, named like its `kind`, with `load(options, data_root, seed) -> Images`.
"""

import importlib
import os
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from platformdirs import user_cache_path

from infoflow.errors import InfoflowError


@dataclass(frozen=True)
class Images:
    """Training and test set.

    Attributes:
        train_images, test_images: [M, *shape], either float32 in [0, 1] or uint8 of so many `levels`.
        train_labels, test_labels: classes 0, 1, ... as int64 [M]; None where there are none.
        levels: what the stored values are divided by to give pixels in [0, 1].
    """

    train_images: np.ndarray
    test_images: np.ndarray
    train_labels: np.ndarray | None
    test_labels: np.ndarray | None
    levels: int = 1


def user_path(path: str) -> Path:
    """A path of the config, with `~` and `~user` as in a shell.

    Raises:
        InfoflowError: there is no such user.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise InfoflowError(f"{path}: {str(error).rstrip('.')}; write the path without ~") from error


def find_data_root(configured: str | None) -> Path:
    """Where data sets are kept: the configured directory, else $INFOFLOW_DATA, else the user's cache directory."""
    return user_path(str(configured or os.environ.get("INFOFLOW_DATA") or user_cache_path("infoflow")))


def kinds() -> list[str]:
    """Names of all data sets: the modules of this package."""
    return sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))


def load_images(options: Mapping[str, Any], data_root: Path, seed: int) -> Images:
    """The data set of a config entry, cut to `train_samples` and `test_samples` (seeded choice) if it names them.

    Raises:
        InfoflowError: files are missing, damaged or too few.
    """
    images = importlib.import_module(f"{__name__}.{options['kind']}").load(options, data_root, seed)
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
    return images
