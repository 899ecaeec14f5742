"""Reconstructions as small PNG pictures within a page."""

import base64
import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from infoflow.files.conventions import OK
from infoflow.files.results import Result
from infoflow.studies.trainability.variables import PICTURE_LEVELS

IMAGES, LAYERS = 3, 10
"""At most, of a column."""

Pictures = dict[str, Any]
"""Of a column: `layers`, counted from 1; `rows`, one per image, the input and then its reconstructions, each a PNG file
in base64 or None where the probe diverged."""


def encode_pictures(probe: Result, last: int) -> Pictures | None:
    """Inputs and their reconstructions from some layers of replica 0; None, if the probe has no pictures.

    Args:
        last: layer of the experiment; the probe may be deeper, if another one shares it.
    """
    if "pictures" not in probe.variables:
        return None
    pictures, shape = probe["pictures"][0], tuple(np.atleast_1d(probe.attributes["image_shape"]))
    layers = sorted({round(l) for l in np.geomspace(1, min(last, len(pictures)), LAYERS)})
    rows = [
        [
            picture_png(probe["inputs"][image], shape),
            *(
                picture_png(pictures[l - 1, image], shape) if probe["probe_status"][0, l - 1] == OK else None
                for l in layers
            ),
        ]
        for image in range(min(IMAGES, pictures.shape[1]))
    ]
    return {"layers": layers, "rows": rows}


def picture_png(pixels: np.ndarray, shape: tuple[int, ...]) -> str:
    """Pixels of `pictures.as_picture` as a PNG file in base64: grey levels or colours, a vector as one row."""
    picture = (pixels.reshape(shape if len(shape) > 1 else (1, -1)) / PICTURE_LEVELS).clip(0, 1)
    if picture.ndim == 3 and picture.shape[2] == 1:
        picture = picture[..., 0]
    file = io.BytesIO()
    Image.fromarray(np.rint(255 * picture).astype(np.uint8)).save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def take_some(found: Mapping[tuple[float, float], Pictures | None], most: int) -> list[tuple[float, float, Pictures]]:
    """(σ_w², σ_b², pictures) of as many images, and then of as many columns, as take no more than `most` bytes."""
    columns = [(*column, one) for column, one in sorted(found.items()) if one]
    for images, step in ((IMAGES, 1), (1, 1), *((1, 2**k) for k in range(1, 12))):
        kept = [(w, b, one | {"rows": one["rows"][:images]}) for w, b, one in columns[::step]]
        if sum(len(png or "") for _, _, one in kept for row in one["rows"] for png in row) <= most:
            return kept
    return []
