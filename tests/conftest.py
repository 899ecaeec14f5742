"""What the tests share."""

import json
import os
import sys
from pathlib import Path

import hypothesis
import numpy as np
import pytest

from common import ROOT

# The same examples in every run; loading torch can make the first one slow.
hypothesis.settings.register_profile("fixed", derandomize=True, deadline=None)
hypothesis.settings.load_profile("fixed")


@pytest.fixture(autouse=True)
def figures_are_closed():
    """Matplotlib keeps those that a test has drawn, and warns of more than twenty."""
    yield
    if (pyplot := sys.modules.get("matplotlib.pyplot")) is not None:
        pyplot.close("all")


@pytest.fixture(scope="session")
def mnist_root() -> Path:
    """Directory with the original MNIST files; without it the test is skipped, and says so."""
    root = Path(os.environ.get("INFOFLOW_DATA", ""))
    if not os.environ.get("INFOFLOW_DATA") or not (root / "MNIST/raw/train-images-idx3-ubyte.gz").exists():
        pytest.skip("needs MNIST: set INFOFLOW_DATA to a directory in torchvision's layout")
    return root


@pytest.fixture(scope="session")
def cifar10_root() -> Path:
    """Directory with the original CIFAR-10 files; without it the test is skipped, and says so."""
    root = Path(os.environ.get("INFOFLOW_DATA", ""))
    if not os.environ.get("INFOFLOW_DATA") or not (root / "cifar-10-batches-py/test_batch").exists():
        pytest.skip("needs CIFAR-10: set INFOFLOW_DATA to a directory in torchvision's layout")
    return root


@pytest.fixture(scope="session")
def published() -> dict[float, dict[str, np.ndarray]]:
    """Per-layer medians measured with the published implementation on MNIST, by σ_w²."""
    points = json.loads((ROOT / "tests/physics/mnist_mlp_wide_d40.json").read_text())["points"]
    return {
        p["sigma_w2"]: {"relative": np.array(p["rel_median"]), "differential": np.array(p["diff_shifted"])}
        for p in points
    }
