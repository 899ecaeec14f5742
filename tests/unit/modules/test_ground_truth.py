"""Full training of modules, against that of the engine's networks."""

import numpy as np
import pytest
import torch
from torch import nn

from common import MODULAR
from infoflow.architectures.build import build_network
from infoflow.architectures.modular import Modular
from infoflow.engine import training
from infoflow.engine.images import PreparedImages
from infoflow.engine.initialization import Ensemble
from infoflow.modules import ground_truth
from infoflow.modules.ground_truth import train_at_rates
from plain_modules import both

SHAPE = (5, 4)
ENSEMBLE = Ensemble(1.5, 0.05, 3, [0, 2])
SETTINGS = {
    "epochs": 4,
    "batch_size": 8,
    "optimizer": "sgd",
    "learning_rate": [0.05, 0.2],
    "momentum": 0.9,
    "weight_decay": 0.05,
    "readout": "logits",
    "success_accuracy": 0.9,
    "stop": "never",
}


def made_up(size=45, dtype=torch.float64, shape=SHAPE):
    """Images whose classes are told by their first pixels."""
    x = torch.rand(size, *shape, generator=torch.Generator().manual_seed(0), dtype=dtype)
    labels = x.flatten(1)[:, :3].argmax(1)
    return PreparedImages(x[:-15], x[-15:], labels[:-15], labels[-15:], torch.arange(15))


@pytest.mark.parametrize("changes", [{}, {"momentum": 0.0}, {"optimizer": "adamw", "learning_rate": [0.01, 0.03]}])
@pytest.mark.parametrize("stop", ["never", "success"])
def test_a_perceptron_of_layers_is_trained_like_the_one_of_the_engine(monkeypatch, changes, stop):
    mlp, listed, draw = both(SHAPE, 3, 2)
    monkeypatch.setattr(ground_truth, "draw_module", draw)
    settings = SETTINGS | changes | {"stop": stop, "success_accuracy": 0.5}
    found = train_at_rates(listed, ENSEMBLE, made_up(), settings)
    expected = training.train_at_rates(mlp, ENSEMBLE, made_up(), settings)
    np.testing.assert_allclose(found.loss, expected.loss, rtol=1e-9)
    np.testing.assert_array_equal(found.accuracy, expected.accuracy)
    np.testing.assert_array_equal(found.tried, expected.tried)
    assert not found.diverged.any()


def test_what_diverges_says_so_and_the_next_rate_is_tried():
    network = build_network(MODULAR["dense"], SHAPE, 3, 2)
    exploding = Modular(
        "own", lambda: nn.Sequential(nn.Flatten(), nn.Linear(20, 20), nn.Linear(20, 3)), SHAPE, 3, "own"
    )
    settings = SETTINGS | {"learning_rate": [1e30, 0.1], "stop": "success"}
    found = train_at_rates(exploding, ENSEMBLE, made_up(), settings)
    assert found.diverged.tolist() == [[True, False]] * 2
    assert found.tried.all()
    assert np.isnan(found.loss[:, 0, 1:]).all()
    assert np.isfinite(train_at_rates(network, ENSEMBLE, made_up(), SETTINGS).loss).all()


def test_normalisation_and_dropout_train_and_are_evaluated_each_in_its_mode():
    """A rest of one image is left out: it has no statistics."""
    seen = []

    class Watched(nn.BatchNorm1d):
        def forward(self, x):
            seen.append((self.training, len(x)))
            return super().forward(x)

    def make():
        return nn.Sequential(nn.Flatten(), nn.Linear(20, 12), Watched(12), nn.Dropout(0.2), nn.Linear(12, 3))

    network = Modular("own", make, SHAPE, 3, "own")
    settings = SETTINGS | {"epochs": 2, "batch_size": 29, "learning_rate": [0.1]}
    one = train_at_rates(network, Ensemble(1.0, 0.0, 0, [0]), made_up(), settings)
    # the trial of the draw; then an epoch, and the test set
    assert seen == [(False, 2), *[(True, 29), (False, 15)] * 2]
    state = torch.get_rng_state()
    other = train_at_rates(network, Ensemble(1.0, 0.0, 0, [0, 1]), made_up(), settings)
    np.testing.assert_array_equal(one.loss[0], other.loss[0])
    assert (other.loss[0] != other.loss[1]).all()
    assert torch.equal(torch.get_rng_state(), state)


def test_a_convolutional_network_learns():
    network = build_network(MODULAR["layers"] | {"initialization": "he"}, (8, 8), 3, 1)
    settings = SETTINGS | {"epochs": 30, "learning_rate": [0.05], "stop": "success", "success_accuracy": 0.7}
    found = train_at_rates(network, Ensemble(1.0, 0.0, 0, [0]), made_up(150, torch.float32, (8, 8)), settings)
    assert np.nanmax(found.accuracy) >= 0.7
