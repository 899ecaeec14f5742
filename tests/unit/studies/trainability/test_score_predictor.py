"""The job that scores the networks of a column."""

import numpy as np
import pytest
import torch

from common import MODULAR
from infoflow.architectures.kinds import ARCHITECTURES
from infoflow.datasets.prepared import read_prepared
from infoflow.engine.initialization import Ensemble, draw_order
from infoflow.errors import InfoflowError
from infoflow.files.names import encode
from infoflow.files.results import read_result
from infoflow.predictors.kinds import PREDICTORS
from infoflow.predictors.measure import score_network
from infoflow.predictors.untrained import draw_untrained
from infoflow.studies.trainability import score_predictor as module
from infoflow.studies.trainability.score_predictor import score_predictor
from infoflow.studies.trainability.scores import FREE
from jobs import make_job

NAMES = [name for name in PREDICTORS if name not in FREE]
RUN = {"seed": 2, "replicas": 2, "draws": "independent", "precision": "float32"}
MLP = {**ARCHITECTURES["mlp"].defaults, "kind": "mlp", "width": 14}
POINT = encode(1.5, 0.05, 5)


def score(prepared, output, names=NAMES, batch_size=16, depths=(3, 5), architecture=MLP):
    parameters = {
        "predictors": {"names": list(names), "batch_size": batch_size},
        "depths": list(depths),
        "architecture": architecture,
        "run": RUN,
        "data": prepared[1],
    }
    score_predictor(make_job(parameters, output, {"dataset": prepared[0]}, {"point": POINT}))
    return read_result(output, parameters)


def test_every_network_has_the_score_that_it_has_alone(prepared, tmp_path):
    found = score(prepared, tmp_path / "a.nc")
    assert found["score"].shape == found["raw"].shape == (len(NAMES), 2, 2)
    assert found["depth"].tolist() == [3, 5]
    assert (found["seconds"] > 0).all()
    assert list(found.attributes["predictors"]) == NAMES
    images = read_prepared(prepared[0], torch.device("cpu"), torch.float32)
    batch = draw_order(2, "predictor batch", 0, [0], 40)[0][:16]
    data = images.train_images[batch], images.train_labels[batch], 3
    for d, depth in enumerate((3, 5)):
        untrained = draw_untrained(MLP, *data, depth, Ensemble(1.5, 0.05, 2, range(2)))
        for n, name in enumerate(NAMES):
            scores = score_network(name, untrained).scores
            np.testing.assert_array_equal(found["score"][n, d], scores.score)
            np.testing.assert_array_equal(found["raw"][n, d], scores.raw)


def test_a_predictor_that_does_not_apply_says_why(prepared, tmp_path):
    residual = {**ARCHITECTURES["resnet_dense"].defaults, "kind": "resnet_dense", "head": [6]}
    found = score(prepared, tmp_path / "a.nc", ["forward_correlation", "snip"], depths=(3,), architecture=residual)
    assert np.isnan(found["score"][0]).all()
    assert np.isfinite(found["score"][1]).all()
    assert "fixed point" in found.attributes["reasons"][0]
    assert found.attributes["reasons"][1] == "none"


def test_a_batch_that_is_larger_than_the_training_set_is_refused(prepared, tmp_path):
    with pytest.raises(InfoflowError, match="predictors.batch_size is 41, but .* has only 40 training images"):
        score(prepared, tmp_path / "a.nc", batch_size=41)
    assert not list(tmp_path.iterdir())


def test_large_networks_are_scored_one_by_one(prepared, tmp_path, monkeypatch):
    """With the same scores."""
    together = score(prepared, tmp_path / "a.nc")
    seen = []

    def spy(name, untrained, at_once):
        seen.append(at_once)
        return score_network(name, untrained, at_once)

    monkeypatch.setattr(module, "AT_ONCE", 1)
    monkeypatch.setattr(module, "score_network", spy)
    alone = score(prepared, tmp_path / "b.nc")
    assert set(seen) == {1}
    for name in ("score", "raw"):
        np.testing.assert_allclose(alone[name], together[name], rtol=1e-5)


def test_networks_that_are_modules_are_scored_where_they_can_be(prepared, tmp_path):
    found = score(prepared, tmp_path / "a.nc", ["snip", "synflow"], depths=(1, 2), architecture=MODULAR["layers"])
    assert np.isfinite(found["score"][0]).all()
    assert np.isnan(found["score"][1]).all()
    assert found.attributes["reasons"][0] == "none"
    assert "a module of PyTorch" in found.attributes["reasons"][1]
