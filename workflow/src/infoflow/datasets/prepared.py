"""Prepared data sets: the file that probing and training read."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from infoflow.datasets.images import Images
from infoflow.engine.images import PreparedImages
from infoflow.errors import InfoflowError
from infoflow.files.results import read_result, write_result

_PIXELS = ("row", "column", "channel")


def refuse_one_class(path: str | Path, labels: torch.Tensor) -> None:
    """Raise an InfoflowError if all labels are equal: whatever a network says would be right."""
    if labels.min() == labels.max():
        raise InfoflowError(
            f"{path}: all {len(labels)} images to learn from are of class {labels[0].item()}; choose a data set, or so "
            "many images of it, that there are others, or set truth: false to probe only"
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
    write_result(path, variables, {**attributes, "levels": images.levels})


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
        InfoflowError: the file is missing, damaged or out of date, or all training images are of one class.
    """
    result = read_result(path, made_by)
    parts = {}
    for part in ("train", "test"):
        images = torch.from_numpy(result[f"{part}_images"]).to(device).to(dtype)
        parts[f"{part}_images"] = images = images / int(result.attributes["levels"])
        if images.min() < 0 or images.max() > 1:
            raise InfoflowError(f"{path}: pixels are not within [0, 1]; delete it and run again")
        labels = result.variables.get(f"{part}_labels")
        parts[f"{part}_labels"] = None if labels is None else torch.from_numpy(labels).long().to(device)
    if to_learn and parts["train_labels"] is not None:
        refuse_one_class(path, parts["train_labels"])
    return PreparedImages(**parts, evaluation_order=torch.from_numpy(result["evaluation_order"]).long().to(device))
