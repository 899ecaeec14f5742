"""Crops of two photographs, a temple and a flower; shipped with scikit-learn, so nothing is downloaded."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_images

from infoflow.datasets.images import Images

TRAIN_COLUMNS = (0, 256)
TEST_COLUMNS = (256, 640)
"""Parts of the photographs, 427 × 640 pixels; no pixel is in both."""


def load(options: Mapping[str, Any], data_root: Path, seed: int) -> Images:
    """`train_samples` and `test_samples` random squares, resized: [M, size, size, 3], without `colour` [M, size, size].

    The photographs alternate and are the labels: 0, the temple, and 1, the flower. Half of the crops for training are
    mirrored.
    """
    size, colour = options.get("size", 64), options.get("colour", True)
    photographs = [Image.fromarray(p).convert("RGB" if colour else "L") for p in load_sample_images().images]
    images, labels = [], []
    for part, columns in (("train", TRAIN_COLUMNS), ("test", TEST_COLUMNS)):
        rng = np.random.default_rng([seed, 2 + (part == "test")])
        number = options[f"{part}_samples"]
        boxes = draw_boxes(rng, number, columns, photographs[0].height)
        mirrored = rng.random(number) < (0.5 if part == "train" else 0)
        of = np.arange(number) % len(photographs)
        crops = np.empty((number, size, size, *([3] if colour else [])), np.uint8)
        for k in range(number):
            crop = photographs[of[k]].crop(tuple(boxes[k])).resize((size, size), Image.Resampling.BILINEAR)
            crops[k] = np.asarray(crop)[:, ::-1] if mirrored[k] else crop
        images.append(crops)
        labels.append(of)
    return Images(*images, *labels, levels=255)


def draw_boxes(rng: np.random.Generator, number: int, columns: tuple[int, int], height: int) -> np.ndarray:
    """Random squares (left, upper, right, lower) [number, 4] within some columns.

    Their sides are uniform between half and all of the shorter side of that region.
    """
    start, stop = columns
    longest = min(stop - start, height)
    sides = rng.integers(longest // 2, longest + 1, number)
    left, upper = start + rng.integers(0, stop - start - sides + 1), rng.integers(0, height - sides + 1)
    return np.stack([left, upper, left + sides, upper + sides], axis=1)
