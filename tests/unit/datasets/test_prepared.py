import numpy as np
import pytest
import torch

from infoflow.architectures.kinds import ARCHITECTURES
from infoflow.datasets.images import Images, load_images
from infoflow.datasets.prepared import read_prepared, write_prepared
from infoflow.errors import InfoflowError
from infoflow.jobs.record import describe_job
from infoflow.studies.network_entropy.network_entropy import network_entropy
from infoflow.studies.trainability.explain_decisions import explain_decisions
from infoflow.studies.trainability.score_predictor import score_predictor
from infoflow.studies.trainability.train_network import train_network
from jobs import make_job

CPU = torch.device("cpu")
NOISE = {"kind": "white_noise", "shape": [3, 5], "train_samples": 2000, "test_samples": 30}
PHOTOGRAPHS = {"kind": "photographs", "size": 16, "train_samples": 20, "test_samples": 10}


@pytest.mark.parametrize(
    "options", [{"kind": "digits"}, {"kind": "o3"}, NOISE, NOISE | {"shape": [3, 5, 3]}, PHOTOGRAPHS]
)
def test_what_is_prepared_is_what_was_loaded(tmp_path, options):
    images = load_images(options, tmp_path, 0)
    write_prepared(tmp_path / "a.nc", images, 0, {})
    prepared = read_prepared(tmp_path / "a.nc", CPU, torch.float32)
    expected = torch.from_numpy(images.train_images).float() / images.levels
    assert torch.equal(prepared.train_images, expected)
    assert prepared.test_images.max() <= 1
    assert prepared.shape == images.train_images.shape[1:]
    if images.train_labels is not None:
        assert torch.equal(prepared.test_labels, torch.from_numpy(images.test_labels))
        assert prepared.classes == len(np.unique(images.train_labels))


def test_a_smaller_evaluation_set_is_part_of_a_larger_one(tmp_path):
    write_prepared(tmp_path / "a.nc", load_images({"kind": "digits"}, tmp_path, 0), 0, {})
    prepared = read_prepared(tmp_path / "a.nc", CPU, torch.float32)
    assert torch.equal(prepared.evaluation_images(10), prepared.evaluation_images(360)[:10])
    with pytest.raises(InfoflowError, match="evaluation_samples is 361"):
        prepared.evaluation_images(361)


def test_images_of_one_class_can_be_probed_but_not_learned(tmp_path):
    images, one = np.random.default_rng(0).random((20, 8, 8), np.float32), np.full(20, 3)
    path, to, data = tmp_path / "a.nc", tmp_path / "b.nc", {"seed": 0}
    found = Images(images[:12], images[12:], one[:12], np.arange(8))
    write_prepared(path, found, 0, describe_job("prepare_dataset", data))
    assert read_prepared(path, CPU, torch.float32).shape == (8, 8)
    train = {"epochs": 1, "batch_size": 4, "learning_rate": 0.1, "momentum": 0.0, "readout": "logits"}
    entropy = {"images": 2, "samples": 4}

    common = {
        "architecture": {"kind": "mlp", **ARCHITECTURES["mlp"].defaults, "width": 5},
        "run": {"seed": 0, "replicas": 1, "draws": "independent", "precision": "float32"},
        "data": data,
    }

    def run(job_of, **parameters) -> None:
        job_of(make_job(common | parameters, to, {"dataset": path}, {"point": "w1.000000_b0.000000_d002"}))

    for job_of, parameters in {
        train_network: {"train": train | {"success_accuracy": 0.9}},
        score_predictor: {"depths": [2], "predictors": {"names": ["snip"], "batch_size": 4}},
        network_entropy: {"entropy": entropy, "train": train},
        explain_decisions: {"train": train, "probe": {"evaluation_samples": 4}, "images": 1},
    }.items():
        with pytest.raises(InfoflowError, match="a.nc: all 12 images to learn from are of class 3; choose a data set"):
            run(job_of, **parameters)
    assert not to.exists()
    run(network_entropy, entropy=entropy, train=None)
    assert to.exists()
