"""Pictures: images to look at, of 8 bits."""

import numpy as np

from infoflow.files.results import Variable
from infoflow.studies.trainability.about import FIRST_IMAGE, PICTURES
from infoflow.studies.trainability.variables import PICTURE_LEVELS


def take_pictures(reconstructions: np.ndarray, images: np.ndarray, count: int) -> dict[str, Variable]:
    """The first images and their reconstructions, [R, L, K, P] and [K, P], of 8 bits from -1 to 1."""
    shown = ("replica", "layer", "picture", "pixel")
    return {
        "pictures": (shown, as_picture(reconstructions[:, :, :count]), PICTURES["pictures"]),
        "inputs": (shown[2:], as_picture(images[:count]), PICTURES["inputs"]),
    }


def take_first_image(images: np.ndarray) -> dict[str, Variable]:
    """The first of the evaluation images [S, P], whose pre-activation variance is recorded."""
    return {"first_image": (("pixel",), images[0].astype(np.float32), FIRST_IMAGE)}


def take_channel_pictures(channels: np.ndarray) -> Variable:
    """Reconstructions from single channels as pictures, [R, K, S, P]; each has its contrast stretched, from 0 to 1."""
    low, high = np.quantile(np.nan_to_num(channels), (0.01, 0.99), axis=-1, keepdims=True)
    stretched = (channels - low) / np.where(high > low, high - low, 1)
    dimensions = ("replica", "channel", "channel_sample", "pixel")
    return dimensions, as_picture(stretched.clip(0, 1)), PICTURES["channel_pictures"]


def as_picture(values: np.ndarray) -> np.ndarray:
    """Pixels cut to [-1, 1], of 8 bits; NaN is zero."""
    return np.rint(PICTURE_LEVELS * np.nan_to_num(values, nan=0.0).clip(-1, 1)).astype(np.int8)
