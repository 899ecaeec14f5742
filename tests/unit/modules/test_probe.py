"""The kernel cascade of modules, against that of the engine's networks and that of `check`."""

import numpy as np
import pytest
import torch
from torch import nn

from common import MODULAR
from infoflow.architectures.build import build_network
from infoflow.architectures.modular import Modular, draw_module
from infoflow.engine.initialization import Ensemble
from infoflow.engine.network import follow
from infoflow.errors import InfoflowError
from infoflow.modules import probe as module
from infoflow.modules.check import check
from infoflow.modules.probe import probe, reconstruct
from infoflow.reconstruction.divergence import differential_entropy, explained_variance
from infoflow.reconstruction.kernel import kernel_cascade
from plain_modules import both

OPTIONS = {"kernel_penalty": 1e-4, "kernel_noise": "absolute"}
ENSEMBLE = Ensemble(1.8, 0.1, 0, [0, 1, 2])
SHAPE, FIT = (6, 5), 40


@pytest.fixture
def images():
    return torch.rand(60, *SHAPE, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("noise", ["absolute", "relative"])
def test_a_perceptron_of_layers_is_probed_like_the_one_of_the_engine(images, monkeypatch, noise):
    mlp, listed, draw = both(SHAPE, 3, 4)
    monkeypatch.setattr(module, "draw_module", draw)
    options = OPTIONS | {"kernel_noise": noise}
    found = probe(listed, ENSEMBLE, images, FIT, options)
    assert found.names == ("dense1", "dense2", "dense3", "dense4")
    assert found.widths == (11,) * 4
    layers = [b.forward for b in mlp.blocks]
    states = follow(layers, ENSEMBLE.draw(layers, dtype=torch.float64), images, 3)
    expected = kernel_cascade([images[None], *(x for _, x in states)], FIT, 1e-4, noise == "relative")
    for one, other in zip(reconstruct(found, images, FIT), expected, strict=True):
        torch.testing.assert_close(one.images, other.images, rtol=1e-6, atol=1e-8)


def test_drawn_by_itself_its_states_have_the_same_statistics(images):
    """Mean squares of the states of 40 replicas, layer by layer."""
    ensemble = Ensemble(1.8, 0.1, 0, list(range(40)))
    mlp, listed, _ = both(SHAPE, 3, 4)
    squares = torch.stack([g.square for g in probe(listed, ensemble, images, FIT, OPTIONS).grams])
    layers = [b.forward for b in mlp.blocks]
    states = follow(layers, ensemble.draw(layers, dtype=torch.float64), images[:FIT], 40)
    expected = torch.stack([x.square().flatten(1).mean(1) for _, x in states])
    error = (squares.var(1) / 40 + expected.var(1) / 40).sqrt()
    assert ((squares.mean(1) - expected.mean(1)).abs() < 3.5 * error).all()
    assert (squares.std(1) / expected.std(1) - 1).abs().max() < 0.5


@pytest.mark.parametrize("name", ["layers", "dense"])
def test_curves_are_those_of_check(images, name):
    x = torch.rand(60, 8, 8, generator=torch.Generator().manual_seed(1))
    network = build_network(MODULAR[name], (8, 8), 3, 2)
    ensemble = Ensemble(2.0, 0.05, 0, [0])
    report = check(draw_module(network, ensemble, 0), network.inputs(x))
    probed = probe(network, ensemble, x, FIT, OPTIONS)
    assert list(probed.names) == [block.name for block in report.blocks[:-1]]
    pixels = x.flatten(1).double().numpy()
    for l, found in enumerate(reconstruct(probed, x, FIT)):
        (layer,) = found.images.numpy()
        curves = {"entropy": differential_entropy(layer), "explained_variance": explained_variance(pixels[FIT:], layer)}
        for curve, value in curves.items():
            np.testing.assert_allclose(value, report.signals[0].layers[curve][l], rtol=1e-6, err_msg=curve)


def test_a_module_is_left_as_it_was_and_its_randomness_is_its_own(images):
    state = torch.get_rng_state()
    network = build_network(MODULAR["layers"], (8, 8), 3, 2)
    x = torch.rand(60, 8, 8, generator=torch.Generator().manual_seed(1))
    one, other = (probe(network, ENSEMBLE, x, FIT, OPTIONS) for _ in range(2))
    for a, b in zip(one.grams, other.grams, strict=True):
        assert torch.equal(a.products, b.products)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_network_of_one_block_is_refused(images):
    class Bypassed(nn.Module):
        def __init__(self):
            super().__init__()
            self.scores = nn.Linear(30, 3)

        def forward(self, x):
            return self.scores(x.flatten(1)) + x.flatten(1)[:, :3]

    network = Modular("own", Bypassed, SHAPE, 3, "own")
    with pytest.raises(InfoflowError, match="^own: it is a single block, "):
        probe(network, ENSEMBLE, images, FIT, OPTIONS)


def test_replicas_of_different_blocks_are_refused(images):
    def make():
        layers = [nn.Linear(30, 30) for _ in range(int(torch.randint(1, 4, ())))]
        return nn.Sequential(nn.Flatten(), *layers, nn.Linear(30, 3))

    with pytest.raises(InfoflowError, match="^own: replicas have different blocks; only weights may be random"):
        probe(Modular("own", make, SHAPE, 3, "own"), Ensemble(1.0, 0.0, 0, range(8)), images, FIT, OPTIONS)
