"""White noise: pixels independent and uniform in [0, 1], without labels. To probe only."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from infoflow.datasets.images import Images


def load(options: Mapping[str, Any], data_root: Path, seed: int) -> Images:
    """`train_samples` and `test_samples` images of `shape`, [H, W] or [H, W, 3]."""
    rng = np.random.default_rng(seed)
    parts = (rng.random((options[f"{part}_samples"], *options["shape"]), np.float32) for part in ("train", "test"))
    return Images(*parts, train_labels=None, test_labels=None)
