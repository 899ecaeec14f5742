"""Samples of a prepared data set for what needs few of them, and no torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from infoflow.errors import InfoflowError
from infoflow.files.results import read_result
from infoflow.streams import stream


@dataclass(frozen=True)
class Samples:
    """Of a data set, pixels in [0, 1] as float64.

    Attributes:
        fit: a random choice of the training set, [n, *shape].
        evaluation: the first images of the fixed evaluation order, [S, *shape].
        classes: as `PreparedImages` counts them.
    """

    fit: np.ndarray
    evaluation: np.ndarray
    classes: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Of an image."""
        return self.fit.shape[1:]


def fit_order(seed: int, number: int) -> np.ndarray:
    """The order in which the images of a training set are chosen to fit to, [number]."""
    return stream(seed, "kernel samples").permutation(number)


def read_samples(path: str | Path, made_by: Mapping[str, Any] | None, fit: int, evaluation: int, seed: int) -> Samples:
    """Read samples of a prepared data set; whoever asks for as many with the same seed gets the same ones.

    Args:
        made_by: the parameters that it has to be made with, see `results.read_result`.

    Raises:
        InfoflowError: the file is missing, damaged or out of date, or has too few images.
    """
    stored = read_result(path, made_by)
    images = {}
    orders = {"train": partial(fit_order, seed), "test": lambda _: stored["evaluation_order"]}
    for part, key, number in (("train", "kernel_samples", fit), ("test", "evaluation_samples", evaluation)):
        known = stored[f"{part}_images"]
        if number > len(known):
            raise InfoflowError(f"probe.{key} is {number}, but the {part} set has {len(known)} images; choose fewer")
        images[part] = known[orders[part](len(known))[:number]] / np.float64(stored.attributes["levels"])
        if not ((images[part] >= 0) & (images[part] <= 1)).all():
            raise InfoflowError(f"{path}: pixels are not within [0, 1], which its kind of data set should see to")
    labels, names = stored.variables.get("train_labels"), stored.attributes.get("class_names")
    named = 0 if names is None else np.size(names)
    return Samples(images["train"], images["test"], 2 if labels is None else max(named, int(labels.max()) + 1))
