"""Predictors of untrained networks on MNIST against the reference table of PHYSICS E, and against theory.

The table: 29 tanh layers of 196 units and a linear readout, σ_b² = 0.05, averages of 3 networks. Its definitions were
found by trial, those that fit are in the predictors' docstrings: the batch is the first 64 images of the test set, means
of 2 x 2 pixels in [0, 1], not standardised; the kernel's condition number is that of 16 of them.
"""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from infoflow import meanfield
from infoflow.datasets import load_images
from infoflow.predictors import score_network
from infoflow.untrained import Untrained, draw_untrained

MLP = {"kind": "mlp", "layout": "wide", "width": 196, "activation": "tanh"}
COLUMNS = {
    "gradient_ratio": 1 / 28,  # the table has it per layer
    "gradient_norm": 1,
    "snip": 1,
    "jacobian_covariance": 1,
    "naswot": 1,
    "synflow": 1,
    "lyapunov": 1,
    "ntk_condition": 1,
    "forward_correlation": 1,
}
TABLE = {
    0.6: (-0.6650, 0.38, 1.02, -1.07e5, 312.6, 67.02, -0.3395, 10.41, 1.0000),
    1.4: (-0.1250, 1.45, 2.38, -3925, 409.2, 79.72, -0.0477, 3.43, 0.9827),
    1.76: (-0.0486, 1.74, 2.74, -938, 440.0, 83.16, 0.0004, 2.07, 0.8555),
    3.0: (0.1461, 2.29, 3.45, -315, 483.4, 91.16, 0.0908, 1.20, 0.2967),
}
ROUNDING = (5e-5, 5e-3, 5e-3, 0.5, 0.05, 5e-3, 5e-5, 5e-3, 5e-5)
"""Of the table's numbers."""
NETWORKS = 20


def draw(root: Path, sigma_w2: float, width: int = 196, depth: int = 29, replicas: int = NETWORKS) -> Untrained:
    images = load_images({"kind": "mnist"}, root, 0)
    pixels = images.test_images[:64].reshape(64, 14, 2, 14, 2).mean((2, 4)) / images.levels
    labels = torch.from_numpy(images.test_labels[:64])
    options = MLP | {"width": width}
    data = (torch.from_numpy(pixels), labels, 10)
    return draw_untrained(options, *data, sigma_w2, 0.05, depth, seed=0, replicas=range(replicas))


@pytest.mark.parametrize("sigma_w2", TABLE)
def test_predictors_are_those_of_the_table(mnist_root, sigma_w2):
    untrained = draw(mnist_root, sigma_w2)
    apart = {}
    for (name, factor), expected, rounding in zip(COLUMNS.items(), TABLE[sigma_w2], ROUNDING, strict=True):
        raw = factor * score_network(name, untrained).scores.raw
        error = raw.std(ddof=1) * math.sqrt(1 / 3 + 1 / NETWORKS)
        apart[name] = max(0.0, abs(raw.mean() - expected) - rounding) / error
    assert {name: z for name, z in apart.items() if z > 3} == {}
    print(sigma_w2, {name: round(float(z), 2) for name, z in apart.items()})
