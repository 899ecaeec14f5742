"""FashionMNIST: 60,000 + 10,000 pictures of clothes, 28 × 28 pixels (Xiao et al., arXiv:1708.07747)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torchvision.datasets import FashionMNIST

from infoflow.datasets._idx import load_idx
from infoflow.datasets.images import Images


def load(options: Mapping[str, Any], data_root: Path, seed: int) -> Images:
    """The published split."""
    return load_idx(FashionMNIST, data_root)
