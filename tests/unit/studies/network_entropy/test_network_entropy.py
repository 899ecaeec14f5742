"""The job of one point, from a data set to a result file."""

import json

import numpy as np
import pytest

from infoflow.datasets.images import Images
from infoflow.datasets.prepared import write_prepared
from infoflow.errors import InfoflowError
from infoflow.files.conventions import DIVERGED, OK
from infoflow.jobs.record import describe_job
from infoflow.studies.network_entropy.about import MEASURED
from infoflow.studies.network_entropy.variables import BINS


def write_images(path, parameters, *labels):
    pixels = np.random.default_rng(0).random((2, 9, 4, 4), np.float32)
    write_prepared(path, Images(*pixels, *labels), 0, describe_job("prepare_dataset", parameters["data"]))
    return path


def test_a_point_has_both_networks(point, parameters, tmp_path):
    _, result = point(tmp_path)
    assert set(result.variables) == set(MEASURED)
    assert result["relative_entropy"].shape == (2, 2, 3, 6)
    assert result["histogram"].shape == (2, 2, 6, len(BINS) - 1)
    assert result["layer_width"].tolist() == [12, 12, 12, 12, 5, 3]
    assert (result["status"] == OK).all()
    assert ((result["accuracy"] >= 0) & (result["accuracy"] <= 1)).all()
    assert result.attributes["hidden_layers"] == 4
    assert result.attributes["samples"] == 10
    assert result.attributes["entropy_seconds"] > 0
    assert result.attributes["train_seconds"] > 0
    assert result.attributes["precision"] == "float64"
    assert json.loads(result.attributes["parameters"]) == parameters
    untrained, trained = result["relative_entropy"]
    assert np.abs(trained - untrained).max() > 0.01


def test_training_that_does_nothing_changes_nothing(point, parameters, tmp_path):
    _, result = point(tmp_path, train=parameters["train"] | {"learning_rate": 0.0})
    untrained, trained = result["relative_entropy"]
    np.testing.assert_array_equal(trained, untrained)


def test_untrained_networks_begin_like_deeper_ones(point, tmp_path):
    _, shallow = point(tmp_path, train=None)
    _, deep = point(tmp_path, depth=7, train=None)
    np.testing.assert_allclose(
        shallow["relative_entropy"][..., :4], deep["relative_entropy"][..., :4], rtol=1e-6, atol=1e-6
    )
    assert np.isnan(shallow["accuracy"]).all()
    assert shallow.attributes["train_seconds"] == 0


def test_a_training_that_diverges_is_told(point, parameters, tmp_path):
    _, result = point(tmp_path, train=parameters["train"] | {"learning_rate": 1e308, "readout": "logits"})
    assert (result["status"][0] == OK).all()
    assert (result["status"][1] == DIVERGED).all()
    assert np.isnan(result["relative_entropy"][1]).all()
    assert np.isnan(result["histogram"][1]).all()
    assert np.isfinite(result["relative_entropy"][0]).all()


def test_what_cannot_be_measured_is_refused_in_one_line(point, parameters, tmp_path):
    with pytest.raises(InfoflowError, match=r"kind is cnn.*choose an architecture of kind mlp"):
        point(tmp_path, architecture={"kind": "cnn", "channels": 2, "activation": "tanh"})
    with pytest.raises(InfoflowError, match=r"tiny\.nc: images is 41, but the test set has 40"):
        point(tmp_path, entropy={"images": 41, "samples": 10})
    noise = write_images(tmp_path / "noise.nc", parameters, None, None)
    with pytest.raises(InfoflowError, match=r"noise\.nc: has no labels"):
        point(tmp_path, dataset=noise)
    _, result = point(tmp_path, dataset=noise, train=None)
    assert (result["status"] == OK).all()


def test_networks_are_not_trained_on_a_single_class(point, parameters, tmp_path):
    ones = write_images(tmp_path / "ones.nc", parameters, np.ones(9, int), np.ones(9, int))
    with pytest.raises(InfoflowError, match=r"ones\.nc: all 9 images to learn from are of class 1"):
        point(tmp_path, dataset=ones)
    _, result = point(tmp_path, dataset=ones, train=None)
    assert (result["status"] == OK).all()


def test_a_data_set_that_was_made_otherwise_is_refused(point, parameters, tmp_path):
    with pytest.raises(InfoflowError, match=r"tiny\.nc: made with seed = 0, not 1; delete it and run again"):
        point(tmp_path, data=parameters["data"] | {"seed": 1})
