"""Batches for `check` on the command line: a data set by name, a file of arrays, or photographs cut to size."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from infoflow.datasets.images import load_images
from infoflow.errors import InfoflowError
from infoflow.files.originals import find_data_root

NAMED = ("digits", "mnist", "fashion_mnist", "cifar10", "photographs")
_SEED = 0


def load_batch(data: str, shape: Sequence[int] | None, samples: int) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Inputs [N, *shape], and labels if there are any.

    Images of a data set are standardised, [channel, row, column]; if they have another shape they are resized, grey
    ones are repeated in all channels, and for a shape of one number they are flat.

    Args:
        data: one of `NAMED`, or a file `.npz` with arrays `x` and `y`, or the first two that it has; they are taken as
            they are.
        shape: of one sample; None: as the data are.

    Raises:
        InfoflowError: there is no such data set or file, or it does not fit the shape.
    """
    if data in NAMED:
        return _images(data, shape, samples)
    path = Path(data).expanduser()
    if path.suffix != ".npz":
        raise InfoflowError(f"--data {data}: neither a data set, {', '.join(NAMED)}, nor a file .npz")
    if not path.is_file():
        raise InfoflowError(f"--data {data}: there is no such file")
    try:
        with np.load(path, allow_pickle=False) as file:
            names = list(file.files)
            wanted = ["x", "y"] if "x" in names else names[:2]
            arrays = [file[n][:samples] for n in wanted if n in names]
    except (OSError, ValueError, KeyError) as error:
        raise InfoflowError(f"--data {data}: cannot be read as arrays: {error}") from error
    if not arrays:
        raise InfoflowError(f"--data {data}: holds no array")
    inputs = torch.from_numpy(np.ascontiguousarray(arrays[0]))
    if inputs.dtype in (torch.float64, torch.float16):
        inputs = inputs.float()
    elif inputs.dtype == torch.uint8:
        inputs = inputs.float() / 255
    if shape is not None and tuple(inputs.shape[1:]) != tuple(shape):
        if math.prod(inputs.shape[1:]) != math.prod(shape):
            raise InfoflowError(
                f"--data {data}: samples of shape {tuple(inputs.shape[1:])}, but --input {tuple(shape)}"
            )
        inputs = inputs.reshape(-1, *shape)
    labels = torch.from_numpy(np.ascontiguousarray(arrays[1])) if len(arrays) > 1 else None
    if labels is not None and len(labels) != len(inputs):
        raise InfoflowError(f"--data {data}: {len(inputs)} samples, but {len(labels)} labels")
    return inputs, labels


def _images(kind: str, shape: Sequence[int] | None, samples: int) -> tuple[torch.Tensor, torch.Tensor | None]:
    options: dict = {"kind": kind}
    if kind == "cifar10":
        options["colour"] = True
    if kind == "photographs":
        options |= {
            "size": shape[-1] if shape is not None and len(shape) == 3 else 64,
            "train_samples": samples,
            "test_samples": 1,
        }
    elif kind != "digits":
        options |= {"train_samples": samples, "test_samples": 1}
    found = load_images(options, find_data_root(None), _SEED)
    pixels = torch.from_numpy(found.train_images[:samples].astype(np.float32)) / found.levels
    pixels = pixels[:, None] if pixels.ndim == 3 else pixels.permute(0, 3, 1, 2).contiguous()
    pixels = (pixels - pixels.mean((0, 2, 3), keepdim=True)) / pixels.std((0, 2, 3), keepdim=True)
    labels = None if found.train_labels is None else torch.from_numpy(found.train_labels[:samples]).long()
    if shape is None:
        return pixels, labels
    if len(shape) == 1:
        if math.prod(pixels.shape[1:]) != shape[0]:
            raise InfoflowError(f"--input {shape[0]}: {kind} has {math.prod(pixels.shape[1:])} pixels")
        return pixels.flatten(1), labels
    if len(shape) == 2:
        shape = (1, *shape)
    if len(shape) != 3:
        raise InfoflowError(f"--input {'x'.join(map(str, shape))}: images of {kind} are CHANNELSxROWSxCOLUMNS")
    channels, *size = shape
    if tuple(size) != tuple(pixels.shape[2:]):
        pixels = functional.interpolate(pixels, tuple(size), mode="bilinear", antialias=True)
    if channels != pixels.shape[1]:
        pixels = pixels.mean(1, keepdim=True).expand(-1, channels, -1, -1).contiguous()
    return pixels, labels
