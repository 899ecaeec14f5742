"""The job of the full training of a point; what training does is in the tests of infoflow.engine."""

import numpy as np
import torch

from common import ARCHITECTURES, MODULAR
from infoflow.architectures.build import build_network
from infoflow.datasets.prepared import read_prepared
from infoflow.engine.initialization import Ensemble
from infoflow.engine.training import train_at_rates
from infoflow.files.conventions import OK
from infoflow.files.results import read_result
from infoflow.modules import ground_truth
from infoflow.studies.trainability.train_network import train_network
from jobs import make_job

TRAIN = {
    "epochs": 3,
    "batch_size": 8,
    "optimizer": "sgd",
    "learning_rate": [0.1],
    "momentum": 0.5,
    "readout": "tanh",
    "success_accuracy": 1,
    "stop": "success",
}
RUN = {"seed": 3, "replicas": 2, "draws": "independent", "precision": "float64"}


def test_a_result_is_the_history_of_all_replicas(prepared, tmp_path):
    dataset, data = prepared
    parameters = {"architecture": ARCHITECTURES["mlp"], "train": TRAIN, "run": RUN, "data": data, "code": "abc"}
    point = {"point": "w1.500000_b0.050000_d002"}
    train_network(make_job(parameters, tmp_path / "a.nc", {"dataset": dataset}, point, "train_network"))
    found = read_result(tmp_path / "a.nc", parameters)
    images = read_prepared(dataset, torch.device("cpu"), torch.float64)
    network = build_network(ARCHITECTURES["mlp"], images.shape, images.classes, 2, "tanh")
    history = train_at_rates(network, Ensemble(1.5, 0.05, 3, range(2)), images, TRAIN)
    assert found["accuracy"].shape == found["loss"].shape == (2, 1, 3)
    np.testing.assert_array_equal(found["accuracy"], history.accuracy.astype(np.float32))
    np.testing.assert_array_equal(found["loss"], history.loss.astype(np.float32))
    assert found["status"].tolist() == [[OK], [OK]]
    assert (found["seconds"] > 0).all()
    assert (found.attributes["rule"], found.attributes["precision"]) == ("train_network", "float64")


def test_networks_that_are_modules_have_the_same_result(prepared, tmp_path):
    """A file of a search is as good."""
    dataset, data = prepared
    train = TRAIN | {"readout": "logits", "learning_rate": [0.1, 0.2]}
    parameters = {"architecture": MODULAR["layers"], "train": train, "run": RUN, "data": data, "code": "abc"}
    point = {"point": "w1.500000_b0.050000_d002"}
    train_network(make_job(parameters, tmp_path / "a.nc", {"dataset": dataset}, point, "train_network"))
    found = read_result(tmp_path / "a.nc", parameters)
    images = read_prepared(dataset, torch.device("cpu"), torch.float64)
    network = build_network(MODULAR["layers"], images.shape, images.classes, 2)
    history = ground_truth.train_at_rates(network, Ensemble(1.5, 0.05, 3, range(2)), images, train)
    np.testing.assert_array_equal(found["accuracy"], history.accuracy.astype(np.float32))
    np.testing.assert_array_equal(found["loss"], history.loss.astype(np.float32))
    assert found["status"].tolist() == [[OK, OK]] * 2
