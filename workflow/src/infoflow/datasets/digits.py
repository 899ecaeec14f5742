"""scikit-learn's 1,797 handwritten digits, 8 × 8 pixels; shipped with it, so nothing is downloaded."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

from infoflow.datasets.images import Images

TEST_SAMPLES = 360


def load(options: Mapping[str, Any], data_root: Path, seed: int) -> Images:
    """All digits, split at random into 1,437 for training and 360 for testing."""
    levels, labels = load_digits(return_X_y=True)
    levels = levels.reshape(-1, 8, 8).astype(np.uint8)
    order = np.random.default_rng(seed).permutation(len(levels))
    test, train = order[:TEST_SAMPLES], order[TEST_SAMPLES:]
    return Images(levels[train], levels[test], labels[train], labels[test], levels=16)
