"""Where the kernel cascade collapses on real MNIST, at the published width and depth."""

import numpy as np
import pytest
import torch

from infoflow.architectures.build import build_network
from infoflow.datasets.images import load_images
from infoflow.datasets.samples import Samples, fit_order
from infoflow.engine.initialization import Ensemble
from infoflow.studies.trainability.probe_kernel import measure_network

MLP = {"kind": "mlp", "layout": "wide", "activation": "tanh"}
OPTIONS = {
    "kernel_penalty": 1e-4,
    "kernel_noise": "absolute",
    "offset": 1e-12,
    "saturation_rtol": 0.005,
    "pictures": 0,
}


@pytest.fixture(scope="module")
def mnist(mnist_root) -> Samples:
    images = load_images({"kind": "mnist"}, mnist_root, 0)
    order = fit_order(0, len(images.train_images))[:300]
    evaluation = np.random.default_rng(0).permutation(len(images.test_images))[:100]
    return Samples(images.train_images[order] / 255.0, images.test_images[evaluation] / 255.0, 10)


@pytest.mark.parametrize(
    ("sigma_w2", "depth", "first", "last"),
    [(0.5, 30, 13, 15), (1.0, 60, 35, 40), (1.4, 140, 95, 125), (1.76, 200, None, None)],
)
def test_it_collapses_where_correlation_lengths_say(mnist, sigma_w2, depth, first, last):
    """First layer with H < -12, of one network. Far from the edge it is sharp, near it networks differ.

    Of seven networks at σ_w² = 1.4, in the ordered phase with ξ_c = 10.7, it is 103 to 118; the published program
    has 95, of one network and with Adam. At the edge of chaos there is none.
    """
    blocks = build_network(MLP, mnist.shape, mnist.classes, depth).blocks
    to = {"dtype": torch.float32, "device": torch.device("cpu")}
    found = measure_network(blocks, Ensemble(sigma_w2, 0.05, 0, [0]), mnist, OPTIONS, to)
    collapsed = found["differential_entropy"][1][0] < -12
    assert collapsed.any() == (first is not None)
    if first is not None:
        assert first <= collapsed.argmax() + 1 <= last
