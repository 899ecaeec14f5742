"""The probe against curves measured with the published implementation, on real MNIST.

Wide network, width 784, σ_b² = 0.05, one epoch in batches of 64. Depth sharing makes the first layers of a deep network
a probe of their own, so the comparison stops at a depth that a test can afford.
"""

import numpy as np
import pytest
import torch

from infoflow.architectures.build import build_network
from infoflow.datasets.images import load_images
from infoflow.datasets.prepared import read_prepared, write_prepared
from infoflow.engine.initialization import COMMON, Ensemble
from infoflow.reconstruction.cascade import reconstruct
from infoflow.reconstruction.divergence import differential_entropy, explained_variance, relative_entropy


@pytest.fixture(scope="module")
def mnist(mnist_root, tmp_path_factory):
    path = tmp_path_factory.mktemp("mnist") / "mnist.nc"
    write_prepared(path, load_images({"kind": "mnist"}, mnist_root, 0), 0, {})
    return read_prepared(path, torch.device("cpu"), torch.float32)


def probe(images, sigma_w2: float, depth: int, samples: int = 1000):
    """Input [S, P] and reconstructions [L, S, P] of one replica, by the published protocol."""
    options = {"kind": "mlp", "layout": "wide", "activation": "tanh"}
    blocks = build_network(options, images.shape, images.classes, depth).blocks
    evaluation = images.evaluation_images(samples)
    settings = {"method": "adam", "epochs": 1, "batch_size": 64, "learning_rate": 1e-3}
    result = reconstruct(blocks, Ensemble(sigma_w2, 0.05, 0, [0], COMMON), images.train_images, evaluation, settings)
    return evaluation.flatten(1).numpy(), result.reconstructions[0].flatten(2).numpy()


@pytest.mark.parametrize(("sigma_w2", "depth"), [(0.5, 19), (1.76, 10)])
def test_curves_agree_with_the_published_implementation(mnist, published, sigma_w2, depth):
    """Relative entropy within 10 %, differential entropy within 0.2 before the collapse; its layer within ± 3.

    The reference is one seed and 100 test images; its sampling error of the median is about 4 %. It has its collapse in
    layer 16, so that no layer beyond 19 is looked at.
    """
    images, reconstructions = probe(mnist, sigma_w2, depth)
    reference = {name: curve[:depth] for name, curve in published[sigma_w2].items()}
    relative = np.median(relative_entropy(images, reconstructions), axis=-1)
    differential = differential_entropy(reconstructions)
    alive = reference["differential"] > -8  # the collapse has not begun
    assert relative[alive] == pytest.approx(reference["relative"][alive], rel=0.1)
    assert differential[alive] == pytest.approx(reference["differential"][alive], abs=0.2)
    collapsed, expected = differential < -12, reference["differential"] < -12
    assert collapsed.any() == expected.any()
    if expected.any():
        assert abs(int(collapsed.argmax()) - int(expected.argmax())) <= 3


def test_relative_entropies_of_known_images(mnist):
    """Of the first 1,000 test images against a constant, the mean image, and faint noise."""
    x = mnist.test_images[:1000].flatten(1).double().numpy()
    mean = mnist.test_images.double().mean(0).flatten().numpy()
    noise = 0.5 + 1e-3 * np.random.default_rng(0).random(784)
    assert relative_entropy(x, np.ones(784)).mean() == pytest.approx(1.9235, abs=0.002)
    assert relative_entropy(x, mean).mean() == pytest.approx(1.0566, abs=0.01)
    # the shift turns noise into structure: worse than a constant
    assert relative_entropy(x, noise).mean() == pytest.approx(2.245, abs=0.1)
    assert np.allclose(relative_entropy(x, x), 0)
    assert explained_variance(x, x) == 1
