"""MNIST: 60,000 + 10,000 handwritten digits, 28 × 28 pixels (LeCun, Cortes, Burges)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torchvision.datasets import MNIST

from infoflow.datasets._idx import load_idx
from infoflow.datasets.images import Images


def load(options: Mapping[str, Any], data_root: Path, seed: int) -> Images:
    """The published split."""
    return load_idx(MNIST, data_root)
