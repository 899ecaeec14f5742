"""The closed-form cascade against values measured independently: MNIST at 14 x 14 pixels, width 196, σ_b² = 0.05."""

import numpy as np
import pytest
import torch

from infoflow.architectures.build import build_network
from infoflow.datasets.images import load_images
from infoflow.engine.initialization import Ensemble
from infoflow.reconstruction.cascade import reconstruct
from infoflow.reconstruction.divergence import differential_entropy, explained_variance

DEPTH = 40


@pytest.fixture(scope="module")
def small_mnist(mnist_root):
    images = load_images({"kind": "mnist"}, mnist_root, 0)
    train, test = (torch.from_numpy(part).float()[:, None] / 255 for part in (images.train_images, images.test_images))
    return [torch.nn.functional.avg_pool2d(part, 2)[:, 0] for part in (train, test[:1000])]


def probe(small_mnist, sigma_w2: float, penalty: float) -> tuple[np.ndarray, np.ndarray]:
    """Differential entropy and explained variance of every layer."""
    blocks = build_network({"kind": "mlp", "layout": "wide", "activation": "tanh"}, (14, 14), 10, DEPTH).blocks
    options = {"method": "ridge", "ridge_penalty": penalty, "ridge_samples": 4000}
    train, test = small_mnist
    (reconstructions,) = reconstruct(blocks, Ensemble(sigma_w2, 0.05, 0, [0]), train, test, options).reconstructions
    x, found = test.flatten(1).numpy(), reconstructions.flatten(2).numpy()
    return differential_entropy(found), np.array([explained_variance(x, layer) for layer in found])


@pytest.mark.parametrize(("penalty", "layer"), [(1e-4, 14), (1e-6, 21), (1e-8, 29)])
def test_the_ordered_phase_collapses_where_the_penalty_says(small_mnist, penalty, layer):
    """H < -8 first at layers 14, 21, 29: each factor 100 of the penalty buys the same number of layers. Within ± 1."""
    entropy, _ = probe(small_mnist, 0.6, penalty)
    assert abs(int((entropy < -8).argmax()) + 1 - layer) <= 1


def test_explained_variance_peaks_at_the_edge(small_mnist):
    explained = {sigma_w2: probe(small_mnist, sigma_w2, 1e-4)[1][-1] for sigma_w2 in (0.6, 1.0, 1.76, 4.0)}
    assert explained[1.76] > 0.1
    assert max(explained[w] for w in (0.6, 1.0, 4.0)) < 0.01


def test_the_chaotic_phase_decays_slowly(small_mnist):
    """Measured independently: H = -7.0 at layer 40 for σ_w² = 4. Within 1."""
    entropy, _ = probe(small_mnist, 4.0, 1e-4)
    assert entropy[-1] == pytest.approx(-7.0, abs=1)
