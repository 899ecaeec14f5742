"""The job of one probe; what the cascade gives is in the tests of infoflow.reconstruction."""

import numpy as np
import pytest
import torch

from common import ARCHITECTURES, PROBES
from infoflow.architectures.build import build_network
from infoflow.datasets.prepared import read_prepared
from infoflow.engine.initialization import Ensemble
from infoflow.errors import InfoflowError
from infoflow.files.results import read_result
from infoflow.jobs.record import find_mark, mark
from infoflow.reconstruction.cascade import reconstruct
from infoflow.studies.trainability.evaluate_kl import evaluate_probe
from infoflow.studies.trainability.probe_cascade import probe_cascade
from jobs import make_job

RUN = {"seed": 3, "replicas": 2, "draws": "independent", "precision": "float64"}
POINT = {"point": "w1.500000_b0.050000_d002"}


def run(prepared, output, architecture="mlp", method="adam", **probe):
    """The result of the job, and its parameters."""
    dataset, data = prepared
    parameters = {
        "architecture": ARCHITECTURES[architecture],
        "probe": PROBES[method] | {"evaluation_samples": 7} | probe,
        "run": RUN,
        "data": data,
        "code": "abc",
    }
    probe_cascade(make_job(parameters, output, {"dataset": dataset}, POINT, "probe_cascade"))
    return read_result(output, parameters), parameters


@pytest.mark.parametrize("method", PROBES)
def test_a_result_is_what_the_cascade_gives(prepared, tmp_path, method):
    found, parameters = run(prepared, tmp_path / "a.nc", method=method)
    images = read_prepared(prepared[0], torch.device("cpu"), torch.float64)
    network = build_network(ARCHITECTURES["mlp"], images.shape, images.classes, 2)
    evaluation = images.evaluation_images(7)
    ensemble = Ensemble(1.5, 0.05, 3, range(2))
    expected = reconstruct(network.blocks, ensemble, images.train_images, evaluation, parameters["probe"])
    assert found["reconstructions"].shape == (2, 2, 7, 64)
    np.testing.assert_array_equal(found["reconstructions"], expected.reconstructions.flatten(3).float())
    np.testing.assert_array_equal(found["evaluation_images"], evaluation.flatten(1).float())
    np.testing.assert_array_equal(found["losses"], expected.losses.float())
    np.testing.assert_array_equal(found["pre_activation_moments"], expected.pre_activation_moments.float())
    assert found["reconstructions"].dtype == np.float32
    attributes = found.attributes
    assert (attributes["probe_method"], attributes["precision"], attributes["weights"]) == (method, "float64", "random")
    assert attributes["image_shape"].tolist() == [8, 8]
    assert attributes["layer_widths"].tolist() == [14, 14]
    assert attributes["probe_seconds"] > 0
    assert find_mark(tmp_path / "a.nc") == mark(parameters)
    assert "channels" not in found.variables
    assert (evaluate_probe(found, 1e-12, 0.005)["probe_status"][1] == 0).all()


def test_channels_are_shown_if_they_are_asked_for(prepared, tmp_path):
    found, _ = run(prepared, tmp_path / "a.nc", "cnn", show_channels=[[4, 1], [1, 0]])
    assert found["channels"].shape[:2] == (2, 2)
    assert found.attributes["shown_channels"].tolist() == [4, 1, 1, 0]


def test_what_does_not_fit_is_refused_and_leaves_nothing(prepared, tmp_path):
    with pytest.raises(InfoflowError, match="evaluation_samples is 21, but the test set has 20 images"):
        run(prepared, tmp_path / "a.nc", evaluation_samples=21)
    with pytest.raises(InfoflowError, match=r"small\.nc: made with seed = 0, not 1; delete it and run again"):
        run((prepared[0], prepared[1] | {"seed": 1}), tmp_path / "a.nc")
    assert list(tmp_path.iterdir()) == []
