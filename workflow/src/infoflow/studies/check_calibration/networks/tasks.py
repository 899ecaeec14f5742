"""Data that the networks are trained on: small parts of real sets, and small problems that are drawn here.

All are deterministic. Images are float32 [M, channel, row, column], flat ones [M, pixels]; labels int64 [M].
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import avg_pool2d, one_hot

from infoflow.datasets.images import load_images
from infoflow.engine.initialization import generator
from infoflow.files.originals import find_data_root

SEED = 0
SAMPLES = 2000
"""Of MNIST, FashionMNIST and CIFAR-10; of their 50,000 or 60,000."""


@dataclass(frozen=True)
class Task:
    """Inputs and targets of the training set; `evaluation`, others where it is these that tell whether it learned."""

    inputs: torch.Tensor
    targets: torch.Tensor
    evaluation: tuple[torch.Tensor, torch.Tensor] | None = None


@cache
def load_task(name: str, data_root: str | None = None) -> Task:
    """The task of a name of `TASKS`.

    Args:
        data_root: see `find_data_root`.

    Raises:
        InfoflowError: files of the data set are missing or damaged.
    """
    return TASKS[name](find_data_root(data_root))


@cache
def _images(root: Path, kind: str, samples: int | None = SAMPLES) -> tuple[torch.Tensor, torch.Tensor]:
    """Pixels in [0, 1], [M, channel, row, column], and labels of a training set."""
    options = {"kind": kind} | ({"colour": True} if kind == "cifar10" else {})
    if samples is not None:
        options |= {"train_samples": samples, "test_samples": 1}
    images = load_images(options, root, SEED)
    pixels = torch.from_numpy(images.train_images.astype(np.float32)) / images.levels
    pixels = pixels[:, None] if pixels.ndim == 3 else pixels.permute(0, 3, 1, 2).contiguous()
    return pixels, torch.from_numpy(images.train_labels).long()


def _standardised(x: torch.Tensor) -> torch.Tensor:
    """With mean 0 and variance 1 per channel, over samples and pixels."""
    return (x - x.mean((0, 2, 3), keepdim=True)) / x.std((0, 2, 3), keepdim=True)


def _flat(root: Path, kind: str, scale: float = 1.0) -> Task:
    pixels, labels = _images(root, kind)
    return Task(scale * pixels.flatten(1), labels)


def _centred(root: Path, kind: str, samples: int | None = SAMPLES) -> Task:
    pixels, labels = _images(root, kind, samples)
    return Task(_standardised(pixels), labels)


def _halved(root: Path) -> Task:
    """CIFAR-10 at 16 × 16 pixels, standardised."""
    pixels, labels = _images(root, "cifar10")
    return Task(_standardised(avg_pool2d(pixels, 2)), labels)


def _digits_flat(root: Path) -> Task:
    task = _centred(root, "digits", None)
    return Task(task.inputs.flatten(1), task.targets)


def _vectors(root: Path, low: float, high: float, samples: int) -> Task:
    """MNIST, flat, with a target per class: `high` for the right one, `low` for the others."""
    pixels, labels = _images(root, "mnist", samples)
    return Task(pixels.flatten(1), low + (high - low) * one_hot(labels, 10).float())


def _parity(root: Path) -> Task:
    """MNIST, flat, standardised; whether the digit is odd."""
    pixels, labels = _images(root, "mnist")
    return Task(_standardised(pixels).flatten(1), labels % 2)


def _ring() -> Task:
    """Points of a disc of radius 1, and of the ring around it between radii 2 and 3; [1000, 2] and which."""
    stream = generator(SEED, "ring and disc")
    labels = torch.arange(1000) % 2
    inner, outer = torch.where(labels == 1, 2.0, 0.0), torch.where(labels == 1, 3.0, 1.0)
    radius = (inner**2 + (outer**2 - inner**2) * torch.rand(1000, generator=stream)).sqrt()
    angle = 2 * math.pi * torch.rand(1000, generator=stream)
    return Task(torch.stack([radius * angle.cos(), radius * angle.sin()], 1), labels)


def _table() -> Task:
    """Eleven standardised features of which five classes depend, one-hot: [1000, 11] and [1000, 5]."""
    stream = generator(SEED, "eleven features")
    centres = 1.5 * torch.randn(5, 11, generator=stream)
    labels = torch.arange(1000) % 5
    features = centres[labels] + torch.randn(1000, 11, generator=stream)
    return Task((features - features.mean(0)) / features.std(0), one_hot(labels, 5).float())


def _line() -> Task:
    """y = 2x − 1 at x = −1, 0, ..., 5: [7, 1] and [7, 1]."""
    x = torch.arange(-1.0, 6.0)[:, None]
    return Task(x, 2 * x - 1)


def _photograph(root: Path, scaled: bool) -> Task:
    """Grey levels in [−1, 1] of a photograph of 64 × 64 pixels from their coordinates; every second pixel is held back.

    The coordinates [2048, 2] lie in [−1, 1] if they are scaled, else they count the pixels. What is held back tells
    whether the image, and not only a list of pixels, has been learned.
    """
    options = {"kind": "photographs", "size": 64, "train_samples": 2, "test_samples": 1}
    image = load_images(options, root, SEED).train_images[0]
    values = torch.from_numpy(image.astype(np.float32)).mean(-1).reshape(-1, 1) * (2 / 255) - 1
    axis = torch.linspace(-1, 1, 64) if scaled else torch.arange(64.0)
    points = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    kept = ((torch.arange(64)[:, None] + torch.arange(64)) % 2 == 0).flatten()
    return Task(points[kept], values[kept], (points[~kept], values[~kept]))


def _opacity() -> Task:
    """Opacities of rays through a ball: 16 points on each of 576 parallel rays, [576, 16, 3], and [576]."""
    stream = generator(SEED, "rays")
    axis = torch.linspace(-1, 1, 24)
    x, y = (part.reshape(-1, 1).expand(-1, 16) for part in torch.meshgrid(axis, axis, indexing="ij"))
    z = (torch.arange(16) + torch.rand(576, 16, generator=stream)) / 8 - 1
    points = torch.stack([x, y, z], -1)
    density = 10.0 * (points.norm(dim=-1) < 0.6)
    return Task(points, 1 - torch.exp(-density.sum(1) / 8))


def _blobs() -> Task:
    """Noisy images with one small bright disc, and its mask: [400, 1, 32, 32] both."""
    stream = generator(SEED, "blobs")
    centre = 6 + 20 * torch.rand(400, 2, 1, 1, generator=stream)
    radius = 2 + 2 * torch.rand(400, 1, 1, generator=stream)
    rows, columns = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    mask = ((rows - centre[:, 0]) ** 2 + (columns - centre[:, 1]) ** 2 < radius**2).float()[:, None]
    return Task(mask + 0.3 * torch.randn(mask.shape, generator=stream), mask)


TOKENS, LENGTH = 8, 12
"""Alphabet and length of the sequences."""


def _first_token() -> Task:
    """Random sequences, int64 [1000, 12]; which token is the first one."""
    tokens = torch.randint(TOKENS, (1000, LENGTH), generator=generator(SEED, "sequences"))
    return Task(tokens, tokens[:, 0])


TASKS: dict[str, Callable[[Path], Task]] = {
    "digits": lambda root: _centred(root, "digits", None),
    "digits_flat": _digits_flat,
    "mnist_standardised": lambda root: _centred(root, "mnist"),
    "mnist_flat": lambda root: _flat(root, "mnist"),
    "mnist_parity": _parity,
    "mnist_zero_one": lambda root: _vectors(root, 0.0, 1.0, SAMPLES),
    "mnist_100": lambda root: _vectors(root, 0.01, 0.99, 100),
    "mnist_2000": lambda root: _vectors(root, 0.01, 0.99, SAMPLES),
    "fashion": lambda root: _flat(root, "fashion_mnist"),
    "fashion_255": lambda root: _flat(root, "fashion_mnist", 255.0),
    "cifar10": lambda root: _centred(root, "cifar10"),
    "cifar10_16": _halved,
    "ring": lambda root: _ring(),
    "table": lambda root: _table(),
    "line": lambda root: _line(),
    "photograph": lambda root: _photograph(root, True),
    "photograph_unscaled": lambda root: _photograph(root, False),
    "opacity": lambda root: _opacity(),
    "blobs": lambda root: _blobs(),
    "first_token": lambda root: _first_token(),
}
"""By name, from the directory where data sets are kept."""
