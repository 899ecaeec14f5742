"""Prepared data sets: the file that probing and training read."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from infoflow.datasets.images import Images
from infoflow.engine.images import PreparedImages
from infoflow.errors import InfoflowError
from infoflow.files.results import Result, read_result, write_result

_PIXELS = ("row", "column", "channel")
_TOLD = 5
"""Classes that a message names, at most."""


def class_names(result: Result) -> tuple[str, ...] | None:
    """Names of the classes of a prepared data set, None if they have none."""
    names = result.attributes.get("class_names")
    return None if names is None else tuple(map(str, np.atleast_1d(names)))


def refuse_one_class(path: str | Path, labels: torch.Tensor) -> None:
    """Raise an InfoflowError if all labels are equal: whatever a network says would be right."""
    if labels.min() == labels.max():
        raise InfoflowError(
            f"{path}: all {len(labels)} images to learn from are of class {labels[0].item()}; choose a data set, or so "
            "many images of it, that there are others, or set truth: false to probe only"
        )


def refuse_missing_classes(path: str | Path, labels: torch.Tensor, names: Sequence[str]) -> None:
    """Raise an InfoflowError if there are classes that no training image is of."""
    missing = sorted(set(range(len(names))) - set(labels.tolist()))
    if missing:
        more = f" and {len(missing) - _TOLD} more" if len(missing) > _TOLD else ""
        raise InfoflowError(
            f"{path}: no training image is of {', '.join(names[k] for k in missing[:_TOLD])}{more}; set train_samples "
            f"of the data set to at least {len(names)}, the number of its classes, or leave these classes out"
        )


def write_prepared(path: str | Path, images: Images, seed: int, attributes: dict) -> None:
    """Write images, labels and a fixed, random order of the test set for evaluation."""
    variables = {}
    for part in ("train", "test"):
        values = getattr(images, f"{part}_images")
        variables[f"{part}_images"] = (
            (part, *_PIXELS[: values.ndim - 1]),
            values,
            {"long_name": f"images of the {part} set", "units": "1", "scale_factor": 1 / images.levels},
        )
        if (labels := getattr(images, f"{part}_labels")) is not None:
            variables[f"{part}_labels"] = (
                (part,),
                labels.astype(np.int16),
                {"long_name": f"classes of the {part} set", "units": "1"},
            )
    order = np.random.default_rng([seed, 1]).permutation(len(images.test_images)).astype(np.int32)
    about = {"long_name": "test samples in the order in which they enter the evaluation set", "units": "1"}
    variables["evaluation_order"] = (("test",), order, about)
    names = {} if images.class_names is None else {"class_names": list(images.class_names)}
    write_result(path, variables, {**attributes, "levels": images.levels, **names})


def read_prepared(
    path: str | Path,
    device: torch.device,
    dtype: torch.dtype,
    made_by: Mapping[str, Any] | None = None,
    to_learn: bool = False,
) -> PreparedImages:
    """Read a prepared data set onto the device, as one tensor per part.

    Args:
        made_by: the parameters that it has to be made with, see `results.read_result`.
        to_learn: whether its classes are to be learned, so that there have to be several.

    Raises:
        InfoflowError: the file is missing, damaged or out of date, or a class has no training image, or only one
            class has any.
    """
    result = read_result(path, made_by)
    parts = {}
    for part in ("train", "test"):
        images = torch.from_numpy(result[f"{part}_images"]).to(device).to(dtype)
        parts[f"{part}_images"] = images = images / int(result.attributes["levels"])
        if images.min() < 0 or images.max() > 1:
            raise InfoflowError(f"{path}: pixels are not within [0, 1], which its kind of data set should see to")
        labels = result.variables.get(f"{part}_labels")
        parts[f"{part}_labels"] = None if labels is None else torch.from_numpy(labels).long().to(device)
    names = class_names(result)
    if to_learn and parts["train_labels"] is not None:
        refuse_one_class(path, parts["train_labels"])
        refuse_missing_classes(path, parts["train_labels"], names or ())
    order = torch.from_numpy(result["evaluation_order"]).long().to(device)
    return PreparedImages(**parts, evaluation_order=order, class_names=names)
