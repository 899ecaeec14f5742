"""What the convolutional architectures share: the stem that makes images smaller, and the readout head."""

from infoflow.architectures.stem import strides
from infoflow.engine.maps.convolution import Convolution, as_image
from infoflow.engine.maps.dense import Dense
from infoflow.engine.maps.inverse import inverse_of
from infoflow.engine.maps.map import Map
from infoflow.engine.maps.pooling import MeanPool
from infoflow.engine.network import Block
from infoflow.errors import InfoflowError

SMALLEST_IMAGE = 8


def stem(input_shape: tuple[int, ...], channels: int, activation: str) -> list[Block]:
    """Three convolutions, see `infoflow.architectures.stem`.

    Raises:
        InfoflowError: the input is not an image of at least 8 × 8 pixels and 1 or 3 channels.
    """
    if (
        len(input_shape) not in (2, 3)
        or min(input_shape[:2]) < SMALLEST_IMAGE
        or as_image(input_shape)[2] not in (1, 3)
    ):
        raise InfoflowError(
            f"a convolutional network needs images of at least {SMALLEST_IMAGE} x {SMALLEST_IMAGE} pixels and 1 or 3 "
            f"channels, not of shape {input_shape}"
        )
    blocks, shape = [], input_shape
    for stride in strides(*input_shape[:2]):
        forward = Convolution(shape, channels, activation, stride=stride, padding=1)
        blocks.append(Block(forward, inverse_of(forward), f"stem {len(blocks) + 1}"))
        shape = forward.output_shape
    return blocks


def head(state_shape: tuple[int, ...], classes: int, activation: str, readout: str) -> tuple[Map, ...]:
    """A convolution without padding, the mean over its pixels, and a dense layer without bias."""
    last = Convolution(state_shape, state_shape[2], activation)
    pool = MeanPool(last.output_shape)
    scores = Dense(pool.output_shape, (classes,), "linear" if readout == "logits" else activation, bias=False)
    return last, pool, scores
