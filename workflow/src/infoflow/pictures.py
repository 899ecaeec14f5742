"""Pictures: images to look at, of 8 bits."""

import numpy as np

from infoflow.store import Variable

PICTURE_LEVELS = 127
"""A pixel of 1 in a picture."""
ABOUT = {"units": "1", "scale_factor": 1 / PICTURE_LEVELS}


def take_pictures(reconstructions: np.ndarray, images: np.ndarray, count: int) -> dict[str, Variable]:
    """The first images and their reconstructions, [R, L, K, P] and [K, P], of 8 bits from -1 to 1."""
    return {
        "pictures": (
            ("replica", "layer", "picture", "pixel"),
            as_picture(reconstructions[:, :, :count]),
            {"long_name": "reconstructions of some images, to look at; cut to [-1, 1]", **ABOUT},
        ),
        "inputs": (("picture", "pixel"), as_picture(images[:count]), {"long_name": "these images", **ABOUT}),
    }


def take_channel_pictures(channels: np.ndarray) -> Variable:
    """Reconstructions from single channels as pictures, [R, K, S, P]; each has its contrast stretched, from 0 to 1."""
    low, high = np.quantile(np.nan_to_num(channels), (0.01, 0.99), axis=-1, keepdims=True)
    about = {"long_name": "reconstructions of some images from single channels, contrast stretched", **ABOUT}
    stretched = (channels - low) / np.where(high > low, high - low, 1)
    return ("replica", "channel", "channel_sample", "pixel"), as_picture(stretched.clip(0, 1)), about


def as_picture(values: np.ndarray) -> np.ndarray:
    """Pixels cut to [-1, 1], of 8 bits; NaN is zero."""
    return np.rint(PICTURE_LEVELS * np.nan_to_num(values, nan=0.0).clip(-1, 1)).astype(np.int8)
