"""Predictors of modules, against those of the engine's networks."""

import numpy as np
import pytest
import torch

from common import MODULAR
from infoflow.architectures.build import build_network
from infoflow.engine.initialization import Ensemble
from infoflow.predictors import measure, modular, untrained
from infoflow.predictors.kinds import PREDICTORS
from infoflow.predictors.modular import draw_untrained, score_network
from plain_modules import MLP, both

SHAPE, DEPTH = (5, 4), 4
ENSEMBLE = Ensemble(1.8, 0.1, 0, [0, 1, 2])
KNOWN = sorted(modular._SCORES)


@pytest.fixture
def batch():
    stream = torch.Generator().manual_seed(0)
    return torch.rand(20, *SHAPE, generator=stream), torch.arange(20) % 3


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("name", KNOWN)
def test_a_perceptron_of_layers_has_the_scores_of_the_one_of_the_engine(batch, monkeypatch, name, activation):
    _, listed, draw = both(SHAPE, 3, DEPTH, activation)
    monkeypatch.setattr(modular, "draw_module", draw)
    found = score_network(name, draw_untrained(listed, *batch, DEPTH, ENSEMBLE)).scores
    of_engine = untrained.draw_untrained(MLP | {"activation": activation}, *batch, 3, DEPTH, ENSEMBLE)
    expected = measure.score_network(name, of_engine).scores
    np.testing.assert_allclose(found.score, expected.score, rtol=1e-5)
    np.testing.assert_allclose(found.raw, expected.raw, rtol=1e-5)
    assert not found.reason


@pytest.mark.parametrize("name", sorted(set(PREDICTORS) - set(KNOWN)))
def test_what_needs_maps_is_not_scored_and_says_why(batch, name):
    found = score_network(name, draw_untrained(build_network(MODULAR["dense"], SHAPE, 3, 2), *batch, 2, ENSEMBLE))
    assert np.isnan(found.scores.score).all()
    assert "this network is a module of PyTorch" in found.scores.reason


def test_residual_networks_with_normalisation_are_scored():
    x, labels = torch.rand(20, 8, 8, generator=torch.Generator().manual_seed(0)), torch.arange(20) % 3
    drawn = draw_untrained(build_network(MODULAR["layers"], (8, 8), 3, 3), x, labels, 3, ENSEMBLE)
    before = [{name: p.clone() for name, p in module.state_dict().items()} for module in drawn.modules]
    for name in KNOWN:
        found = score_network(name, drawn)
        assert np.isfinite(found.scores.score).all(), name
        assert found.seconds > 0
    for module, state in zip(drawn.modules, before, strict=True):
        assert all(torch.equal(p, state[name]) for name, p in module.state_dict().items())


def test_large_networks_have_no_tangent_kernel(batch, monkeypatch):
    monkeypatch.setattr(modular, "MOST_PARAMETERS", 10)
    drawn = draw_untrained(build_network(MODULAR["dense"], SHAPE, 3, 2), *batch, 2, ENSEMBLE)
    assert "takes too much memory" in score_network("ntk_condition", drawn).scores.reason
