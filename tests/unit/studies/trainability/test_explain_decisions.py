import numpy as np
import pytest
import torch

from common import ARCHITECTURES
from infoflow.architectures.build import build_network
from infoflow.datasets.images import Images
from infoflow.datasets.prepared import write_prepared
from infoflow.engine.images import PreparedImages
from infoflow.engine.initialization import Ensemble, draw_gaussian
from infoflow.engine.maps.dense import Dense
from infoflow.engine.maps.map import apply
from infoflow.engine.training import train_at_rates
from infoflow.files.results import read_result
from infoflow.jobs.record import describe_job
from infoflow.reconstruction.fit import Inverses
from infoflow.studies.trainability.explain_decisions import (
    all_blocks,
    choose_inputs,
    class_targets,
    explain_decisions,
    find_decisions,
    find_prototypes,
)
from jobs import make_job

RUN = {"seed": 3, "replicas": 2, "draws": "independent", "precision": "float64"}
TRAIN = {
    "epochs": 6,
    "batch_size": 8,
    "optimizer": "sgd",
    "learning_rate": [0.1],
    "momentum": 0.5,
    "success_accuracy": 0.85,
    "stop": "success",
}
PROBE = {"method": "adam", "epochs": 6, "batch_size": 8, "learning_rate": 0.01, "evaluation_samples": 40}
KINDS = ["mlp", "mlp shrinking", "cnn"]
POINT = 1.5, 0.05
ENSEMBLE = Ensemble(*POINT, RUN["seed"], range(RUN["replicas"]))


@pytest.fixture(scope="module")
def images():
    """Three classes of which two are easily told apart: where the bright row is."""
    stream = torch.Generator().manual_seed(0)
    pixels = 0.6 * torch.rand(140, 8, 8, generator=stream, dtype=torch.float64)
    labels = torch.randint(0, 3, (140,), generator=stream)
    pixels[labels == 0, 1] += 0.4
    pixels[labels == 1, 6] += 0.05
    order = torch.randperm(60, generator=stream)
    return PreparedImages(pixels[:80], pixels[80:], labels[:80], labels[80:], order)


def explain(images, kind, readout="logits", count=3):
    network = build_network(ARCHITECTURES[kind], images.shape, 3, 2, readout)
    return network, find_decisions(network, ENSEMBLE, images, TRAIN | {"readout": readout}, PROBE, count)


@pytest.mark.parametrize("readout", ["logits", "reference"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_networks_of_the_ground_truth_are_explained_by_inputs_and_prototypes(images, kind, readout):
    network, found = explain(images, kind, readout)
    settings = {**TRAIN, "readout": readout}
    trained = train_at_rates(network, ENSEMBLE, images, settings, keep_parameters=True).parameters

    def ask(x):
        for layer, p in zip([*(b.forward for b in network.blocks), *network.head], trained, strict=True):
            x = apply(layer, p, x)
        return x

    torch.testing.assert_close(found.scores, ask(found.inputs.expand(2, *found.inputs.shape)))
    right = found.scores[0].argmax(-1) == found.labels
    assert right.tolist() == [True] * 3 + [False] * (len(right) - 3)
    assert 3 < len(right) <= 6
    evaluated = images.evaluation_order[:40]
    all_scores = ask(images.test_images[evaluated].expand(2, 40, 8, 8))
    share = (all_scores.argmax(-1) == images.test_labels[evaluated]).double().mean(1)
    torch.testing.assert_close(found.accuracy, share)

    layers = len(network.blocks) + len(network.head)
    assert found.reconstructions.shape == (2, layers, len(right), 8, 8)
    prototypes = found.prototypes
    assert prototypes.images.shape == (2, 3, 8, 8)
    torch.testing.assert_close(prototypes.scores, ask(prototypes.images))
    expected = class_targets(network, trained, images, {"readout": readout})
    torch.testing.assert_close(prototypes.targets, expected)


def test_targets_of_logits_are_centred_and_as_large_as_the_networks_own_scores(images):
    network = build_network(ARCHITECTURES["mlp shrinking"], images.shape, 3, 2)
    layers = [*(b.forward for b in network.blocks), *network.head]
    trained = draw_gaussian(layers, *POINT, 0, "test", range(2), dtype=torch.float64)
    trained[-1]["weight"][1] *= 30
    targets = class_targets(network, trained, images, {"readout": "logits"})
    assert targets.shape == (2, 3, 3)
    torch.testing.assert_close(targets.sum(-1), torch.zeros(2, 3, dtype=torch.float64), atol=1e-12, rtol=0)
    scores = images.train_images.expand(2, 80, 8, 8)
    for layer, p in zip(layers, trained, strict=True):
        scores = apply(layer, p, scores)
    size = scores.square().mean((1, 2)).sqrt()
    torch.testing.assert_close(targets.square().mean((1, 2)).sqrt(), size)
    assert size[1] > 10 * size[0]
    # nothing but the class: one score stands out, the others are equal
    for row, k in ((r, k) for r in range(2) for k in range(3)):
        others = targets[row, k, [c for c in range(3) if c != k]]
        torch.testing.assert_close(others[0], others[1])
        assert targets[row, k, k] > others[0]


@pytest.mark.parametrize("readout", ["reference", "tanh"])
def test_targets_of_scores_through_tanh_are_the_published_ones(images, readout):
    network = build_network(ARCHITECTURES["mlp"], images.shape, 3, 2, readout)
    layers = [*(b.forward for b in network.blocks), *network.head]
    trained = draw_gaussian(layers, *POINT, 0, "test", range(2), dtype=torch.float64)
    targets = class_targets(network, trained, images, {"readout": readout})
    assert targets.tolist() == 2 * [[[1, -1, -1], [-1, 1, -1], [-1, -1, 1]]]


@pytest.mark.parametrize("kind", KINDS)
def test_the_inverses_of_the_head_learn(images, kind):
    network, found = explain(images, kind)
    head = found.losses[:, len(network.blocks) :]
    assert (head[..., -10:].mean(-1) < 0.7 * head[..., :10].mean(-1)).all()


def test_one_replica_does_not_depend_on_the_others(images):
    network, found = explain(images, "mlp")
    alone = find_decisions(network, Ensemble(*POINT, 3, range(1)), images, TRAIN | {"readout": "logits"}, PROBE, 3)
    torch.testing.assert_close(alone.reconstructions[0], found.reconstructions[0])
    torch.testing.assert_close(alone.prototypes.images[0], found.prototypes.images[0])


def test_a_prototype_of_a_network_that_can_be_inverted_has_the_scores_that_were_asked_for():
    layer = Dense((3,), (3,), "linear")
    stream = torch.Generator().manual_seed(1)
    trained, back = [], []
    for _ in range(4):
        weight = torch.linalg.qr(torch.randn(2, 3, 3, generator=stream, dtype=torch.float64)).Q
        bias = torch.randn(2, 1, 3, generator=stream, dtype=torch.float64)
        trained.append({"weight": weight, "bias": bias})
        back.append({"weight": weight.mT, "bias": -bias @ weight.mT})
    targets = torch.randn(2, 3, 3, generator=stream, dtype=torch.float64)
    found = find_prototypes([layer] * 4, trained, Inverses([layer] * 4, back, torch.empty(0)), targets)
    assert torch.equal(found.targets, targets)
    torch.testing.assert_close(found.scores, targets)


def test_inputs_are_chosen_in_order_and_of_different_classes():
    labels = torch.tensor([1, 1, 0, 1, 2, 0, 2])
    wanted = torch.tensor([True, True, False, True, True, True, True])
    assert choose_inputs(wanted, labels, 2) == [0, 4]
    assert choose_inputs(wanted, labels, 5) == [0, 4, 5, 1, 6]
    assert choose_inputs(wanted, labels, 10) == [0, 4, 5, 1, 6, 3]
    assert choose_inputs(~wanted, labels, 3) == [2]


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_every_layer_of_every_architecture_has_an_inverse_and_a_name(kind):
    network = build_network(ARCHITECTURES[kind], (8, 8), 3, 2)
    blocks = all_blocks(network)
    assert len({b.name for b in blocks}) == len(blocks) == len(network.blocks) + len(network.head)
    assert blocks[-1].name == "scores"
    state = torch.rand(1, 2, 8, 8)
    for block, p in zip(blocks, draw_gaussian([b.forward for b in blocks], *POINT, 0, "test", [0]), strict=True):
        state = apply(block.forward, p, state)
        assert block.inverse.input_shape == state.shape[2:]


def test_the_result_file_holds_pictures_labels_and_verdicts(tmp_path):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 17, (70, 8, 8, 3)).astype(np.uint8)
    labels = rng.integers(0, 3, 70)
    data = Images(pixels[:40], pixels[40:], labels[:40], labels[40:], levels=16)
    write_prepared(tmp_path / "data.nc", data, 0, describe_job("prepare_dataset", {"code": "y"}))
    parameters = {
        "architecture": ARCHITECTURES["cnn"],
        "train": TRAIN | {"readout": "logits"},
        "probe": PROBE | {"evaluation_samples": 30},
        "run": RUN,
        "data": {"code": "y"},
        "images": 2,
    }
    point = {"point": "w1.500000_b0.050000_d002"}
    threads = torch.get_num_threads()
    explain_decisions(make_job(parameters, tmp_path / "found.nc", {"dataset": tmp_path / "data.nc"}, point))
    torch.set_num_threads(threads)

    found = read_result(tmp_path / "found.nc", parameters)
    inputs = len(found["labels"])
    assert found["pictures"].shape == (2, 7, inputs, 192)
    assert found["pictures"].dtype == found["prototypes"].dtype == np.int8
    assert found["prototypes"].shape == (2, 3, 192)
    evaluated = np.rint(127 / 16 * pixels[40:].reshape(30, -1)).astype(np.int8)
    assert all((evaluated == one).all(1).any() for one in found["inputs"])
    assert ((found["predictions"][0] == found["labels"])[:2]).all()
    for name in ("", "prototype_"):
        assert (found[f"{name}probabilities"] >= 1 / 3).all()
        assert set(found[f"{name}predictions"].flatten()) <= {0, 1, 2}
    names = ["stem 1", "stem 2", "stem 3", "convolution 1", "head 1", "head 2", "scores"]
    assert found.attributes["layer_names"] == names
    assert found.attributes["hidden_layers"] == 4
    assert found.attributes["explain_seconds"] > 0
    assert found.attributes["precision"] == "float64"
