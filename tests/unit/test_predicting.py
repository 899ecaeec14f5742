"""The job that scores the networks of a column."""

import numpy as np
import pytest
import torch

from infoflow.config import ARCHITECTURE_OPTIONS
from infoflow.datasets import Images
from infoflow.errors import InfoflowError
from infoflow.grid import encode
from infoflow.initialization import draw_order
from infoflow.predicting import score_column
from infoflow.predictors import PREDICTORS, score_network
from infoflow.prepared import read_prepared, write_prepared
from infoflow.store import read_result
from infoflow.untrained import draw_untrained

NAMES = [name for name in PREDICTORS if name != "mean_field"]
RUN = {"seed": 2, "replicas": 2, "precision": "float32"}
MLP = ARCHITECTURE_OPTIONS["mlp"] | {"kind": "mlp", "width": 14}
POINT = encode(1.5, 0.05, 5)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    rng = np.random.default_rng(0)
    images, labels = rng.random((60, 8, 8)).astype(np.float32), np.arange(60) % 3
    path = tmp_path_factory.mktemp("data") / "small.nc"
    write_prepared(path, Images(images[:40], images[40:], labels[:40], labels[40:]), 0, {"rule": "test"})
    return path


def score(dataset, output, names=NAMES, batch_size=16, depths=(3, 5), architecture=MLP):
    predictors = {"names": list(names), "batch_size": batch_size}
    score_column(dataset, output, POINT, depths, architecture, predictors, RUN, 1, {"rule": "test"})
    return read_result(output)


def test_every_network_has_the_score_that_it_has_alone(dataset, tmp_path):
    found = score(dataset, tmp_path / "a.nc")
    assert found["score"].shape == found["raw"].shape == (len(NAMES), 2, 2)
    assert found["depth"].tolist() == [3, 5]
    assert (found["seconds"] > 0).all()
    assert list(found.attributes["predictors"]) == NAMES
    images = read_prepared(dataset, torch.device("cpu"), torch.float32)
    batch = draw_order(2, "predictor batch", 0, [0], 40)[0][:16]
    data = images.train_images[batch], images.train_labels[batch], 3
    for d, depth in enumerate((3, 5)):
        untrained = draw_untrained(MLP, *data, 1.5, 0.05, depth, seed=2, replicas=range(2))
        for n, name in enumerate(NAMES):
            scores = score_network(name, untrained).scores
            np.testing.assert_array_equal(found["score"][n, d], scores.score)
            np.testing.assert_array_equal(found["raw"][n, d], scores.raw)


def test_a_predictor_that_does_not_apply_says_why(dataset, tmp_path):
    residual = ARCHITECTURE_OPTIONS["resnet_dense"] | {"kind": "resnet_dense", "head": [6]}
    found = score(dataset, tmp_path / "a.nc", ["forward_correlation", "snip"], depths=(3,), architecture=residual)
    assert np.isnan(found["score"][0]).all()
    assert np.isfinite(found["score"][1]).all()
    assert "fixed point" in found.attributes["reasons"][0]
    assert found.attributes["reasons"][1] == "none"


def test_a_batch_that_is_larger_than_the_training_set_is_refused(dataset, tmp_path):
    with pytest.raises(InfoflowError, match="predictors.batch_size is 41, but .* has only 40 training images"):
        score(dataset, tmp_path / "a.nc", batch_size=41)
    assert not list(tmp_path.iterdir())
