import math
from dataclasses import replace

import numpy as np
import pytest
import torch

import plain
from common import ARCHITECTURES
from infoflow.architectures.build import build_network
from infoflow.engine.images import PreparedImages
from infoflow.engine.initialization import Ensemble
from infoflow.engine.training import class_loss, predict_classes, train, train_at_rates

SEED = 5
OPTIONS = {"kind": "mlp", "layout": "wide", "width": 9, "activation": "tanh"}
TRAIN = {
    "epochs": 4,
    "batch_size": 16,
    "learning_rate": 0.1,
    "momentum": 0.5,
    "readout": "logits",
    "success_accuracy": 1.0,
    "optimizer": "sgd",
    "stop": "success",
}


@pytest.fixture(scope="module")
def data():
    """Two classes that a straight line separates, and a third that it does not."""
    stream = torch.Generator().manual_seed(0)
    images = torch.rand(60, 8, 8, generator=stream, dtype=torch.float64)
    labels = (images[:, 0, 0] > 0.5).long() + (images[:, 1, 1] > 0.8).long()
    return PreparedImages(images[:40], images[40:], labels[:40], labels[40:], torch.arange(20))


def run(data, option=OPTIONS, depth=3, replicas=range(3), sigma_w2=1.5, at_once=None, keep_parameters=False, **changes):
    settings = TRAIN | changes
    network = build_network(option, (8, 8), 3, depth, settings["readout"])
    ensemble = Ensemble(sigma_w2, 0.1, SEED, replicas)
    return train(network, ensemble, data, settings, at_once=at_once, keep_parameters=keep_parameters)


def plain_training(data, option, depth, replica, **changes):
    """One replica with torch.nn and torch.optim: accuracy, loss, and the layers."""
    settings = TRAIN | changes
    images, labels = data.train_images, data.train_labels
    network = build_network(option, (8, 8), 3, depth, settings["readout"])
    to = {"seed": SEED, "replica": replica, "dtype": images.dtype}
    layers = plain.frozen_layers([b.forward for b in network.blocks], 1.5, 0.1, **to)
    layers += plain.frozen_layers(network.head, 1.5, 0.1, purpose="head", **to)
    model = torch.nn.Sequential(*layers)
    if settings["optimizer"] == "adamw":
        options = {"lr": settings["learning_rate"], "weight_decay": settings["weight_decay"]}
        optimizer = torch.optim.AdamW(model.parameters(), **options)
    else:
        optimizer = torch.optim.SGD(model.parameters(), lr=settings["learning_rate"], momentum=settings["momentum"])
    accuracy, loss = [], []
    for epoch in range(settings["epochs"]):
        (order,) = Ensemble(1.5, 0.1, SEED, [replica]).draw_order("train order", epoch, [replica], len(images))
        total = 0.0
        for batch in order.split(settings["batch_size"]):
            scores = model(images[batch])
            if settings["readout"] == "reference":
                scores = torch.softmax(scores, 1)
            batch_loss = torch.nn.functional.cross_entropy(scores, labels[batch])
            optimizer.zero_grad()
            batch_loss.backward()
            optimizer.step()
            total += batch_loss.item() * len(batch)
        loss.append(total / len(images))
        with torch.no_grad():
            right = model(data.test_images).argmax(1) == data.test_labels
            accuracy.append(right.double().mean().item())
    return accuracy, loss, layers


@pytest.mark.parametrize(
    ("readout", "how"),
    [
        ("logits", {"momentum": 0.0}),
        ("logits", {"momentum": 0.5}),
        ("reference", {"momentum": 0.5}),
        ("tanh", {"momentum": 0.0}),
        ("logits", {"optimizer": "adamw", "learning_rate": 0.003, "weight_decay": 0.1}),
    ],
)
@pytest.mark.parametrize("option", ARCHITECTURES.values(), ids=ARCHITECTURES)
def test_batched_training_equals_the_plain_loop(data, option, readout, how):
    changes = {"readout": readout, "epochs": 2, **how}
    together = run(data, option, depth=2, replicas=range(2), keep_parameters=True, **changes)
    network = build_network(option, (8, 8), 3, 2, readout)
    maps = [*(b.forward for b in network.blocks), *network.head]
    for r in range(2):
        accuracy, loss, layers = plain_training(data, option, 2, r, **changes)
        np.testing.assert_allclose(together.loss[r], loss, rtol=1e-10)
        np.testing.assert_allclose(together.accuracy[r], accuracy)
        for layer, ours, theirs in zip(maps, together.parameters, layers, strict=True):
            same = plain.module(layer, ours, r)
            torch.testing.assert_close(same.state_dict(), theirs.state_dict(), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("how", [{}, {"optimizer": "adamw", "learning_rate": 0.01, "weight_decay": 0.1}])
def test_a_replica_stops_at_success_and_does_not_depend_on_the_others(data, how):
    settings = {"epochs": 30, "success_accuracy": 0.58, "keep_parameters": True, **how}
    together = run(data, **settings)
    stops = np.isfinite(together.accuracy).sum(1)
    assert len(set(stops)) > 1, "the replicas should stop at different epochs for this test to mean something"
    for r in range(3):
        alone = run(data, replicas=[r], **settings)
        np.testing.assert_allclose(together.accuracy[r], alone.accuracy[0])
        np.testing.assert_allclose(together.loss[r], alone.loss[0], rtol=1e-10)
        history = together.accuracy[r, : stops[r]]
        assert (history[:-1] < 0.58).all()
        assert history[-1] >= 0.58 or stops[r] == 30
        assert np.isnan(together.accuracy[r, stops[r] :]).all()
        for ours, single in zip(together.parameters, alone.parameters, strict=True):
            for name, p in single.items():
                torch.testing.assert_close(ours[name][r], p[0])


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("at_once", [None, 1, 2, 3])
def test_how_many_replicas_are_trained_at_once_changes_nothing(data, threads, at_once):
    before = torch.get_num_threads()
    expected = run(data, momentum=0.5, keep_parameters=True)
    try:
        torch.set_num_threads(threads)
        found = run(data, momentum=0.5, keep_parameters=True, at_once=at_once)
    finally:
        torch.set_num_threads(before)
    np.testing.assert_allclose(found.loss, expected.loss, rtol=1e-10)
    np.testing.assert_allclose(found.accuracy, expected.accuracy)
    torch.testing.assert_close(found.parameters, expected.parameters)
    assert run(data).parameters is None


def test_overflow_is_reported_as_divergence_and_spares_the_other_replicas(data):
    network = build_network({**OPTIONS, "activation": "relu"}, (8, 8), 3, 20)
    images = replace(data, train_images=data.train_images.float(), test_images=data.test_images.float())
    settings = TRAIN | {"learning_rate": 1e6, "momentum": 0.0}
    history = train(network, Ensemble(4.0, 0.1, SEED, range(2)), images, settings)
    assert history.diverged.all()
    calm = run(data)
    assert not calm.diverged.any()


def test_the_reference_loss_stays_within_its_published_bounds():
    scores = torch.full((1, 1, 10), -1.0, dtype=torch.float64)
    scores[..., 0] = 1.0
    best, worst = (class_loss(scores, torch.tensor([[k]]), "reference").item() for k in (0, 1))
    assert best == pytest.approx(1.95932, abs=1e-5)
    # the worst is one other class at the top, the own at the bottom: docs/physics.md gives the bound 2.34916
    assert worst <= 2.34916 + 1e-5
    chance = class_loss(torch.zeros(1, 1, 10, dtype=torch.float64), torch.tensor([[0]]), "reference").item()
    assert chance == pytest.approx(2.302585, abs=1e-6)


def test_the_loss_of_scores_through_tanh_is_bounded_too():
    """Own score 1, all others -1, or the opposite: ln(1 + 9 e^∓2)."""
    scores = torch.full((1, 1, 10), -1.0, dtype=torch.float64)
    scores[..., 3] = 1.0
    label = torch.tensor([[3]])
    assert class_loss(scores, label, "tanh").item() == pytest.approx(0.796614, abs=1e-6)
    assert class_loss(-scores, label, "tanh").item() == pytest.approx(np.log(1 + 9 * np.exp(2)))
    # the scores that come here went through tanh already: they are taken as they are
    assert class_loss(3 * scores, label, "tanh") == class_loss(3 * scores, label, "logits")


@pytest.mark.parametrize("readout", ["logits", "reference", "tanh"])
@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_the_steps_do_not_become_a_graph(data, readout, momentum):
    """Parameters that required gradients would keep the activations of every step."""
    kept = run(data, readout=readout, momentum=momentum, keep_parameters=True).parameters
    assert not any(p.requires_grad for layer in kept for p in layer.values())


def test_a_network_that_says_nothing_is_never_right(data):
    """NaN is no class, though argmax would take it for class 0: no share of that class makes a network trainable."""
    ones = replace(data, train_labels=data.train_labels * 0, test_labels=data.test_labels * 0)
    found = run(ones, sigma_w2=1e300, success_accuracy=0.5)
    assert found.diverged.all()
    assert (found.accuracy[:, 0] == 0).all()
    scores = torch.tensor([[0.1, 0.7, 0.2], [math.nan] * 3, [0.1, math.nan, 0.2], [-math.inf, 0.0, -math.inf]])
    assert predict_classes(scores).tolist() == [1, -1, -1, 1]


def test_without_a_stop_all_epochs_are_run(data):
    stopped, whole = (run(data, epochs=30, success_accuracy=0.58, stop=stop) for stop in ("success", "never"))
    reached = np.nan_to_num(stopped.accuracy).max(1) >= 0.58
    assert reached.any()
    assert np.isnan(stopped.accuracy[reached, -1]).all()
    assert np.isfinite(whole.accuracy).all()
    known = np.isfinite(stopped.accuracy)
    np.testing.assert_allclose(whole.accuracy[known], stopped.accuracy[known])


class TestRates:
    """A network is trained at each rate from the same weights, until one is right for it."""

    RATES = (1e-6, 0.1, 0.3)
    HOW = TRAIN | {"epochs": 30, "success_accuracy": 0.58, "learning_rate": list(RATES)}

    def trained(self, data, keep_parameters=False, **changes):
        network = build_network(OPTIONS, (8, 8), 3, 3)
        ensemble = Ensemble(1.5, 0.1, SEED, range(3))
        return train_at_rates(network, ensemble, data, self.HOW | changes, keep_parameters=keep_parameters)

    def test_every_history_is_that_of_a_training_at_that_rate(self, data):
        found = self.trained(data, stop="never")
        assert found.accuracy.shape == (3, 3, 30)
        assert found.tried.all()
        for k, rate in enumerate(self.RATES):
            alone = run(data, epochs=30, learning_rate=rate, stop="never")
            np.testing.assert_allclose(found.accuracy[:, k], alone.accuracy)
            np.testing.assert_allclose(found.loss[:, k], alone.loss, rtol=1e-10)

    def test_rates_behind_one_that_succeeds_are_not_tried(self, data):
        whole, found = self.trained(data, stop="never"), self.trained(data)
        good = (np.nan_to_num(whole.accuracy) >= 0.58).any(2)
        assert good[:, 1:].any(1).all(), "some rate should succeed"
        assert not good[:, 0].any(), "the first rate should be too small for this test to mean something"
        for r, first in enumerate(good.argmax(1)):
            assert found.tried[r].tolist() == [k <= first for k in range(3)]
            assert np.isnan(found.accuracy[r, first + 1 :]).all()
            stop = np.isfinite(found.accuracy[r, first]).sum()
            np.testing.assert_allclose(found.accuracy[r, first, :stop], whole.accuracy[r, first, :stop])

    def test_a_rate_that_diverges_is_one_that_is_wrong(self, data):
        network = build_network(OPTIONS, (8, 8), 3, 3)
        how = self.HOW | {"learning_rate": [1e308, 0.1]}
        found = train_at_rates(network, Ensemble(1.5, 0.1, SEED, range(2)), data, how)
        assert found.diverged.tolist() == [[True, False]] * 2
        alone = train(network, Ensemble(1.5, 0.1, SEED, range(2)), data, how | {"learning_rate": 0.1})
        np.testing.assert_allclose(found.accuracy[:, 1], alone.accuracy)

    def test_the_parameters_are_those_of_the_rate_that_succeeded(self, data):
        found = self.trained(data, keep_parameters=True)
        for r in range(3):
            won = int(np.flatnonzero(found.tried[r])[-1])
            settings = {"epochs": 30, "success_accuracy": 0.58, "learning_rate": self.RATES[won]}
            alone = run(data, replicas=[r], keep_parameters=True, **settings)
            for ours, single in zip(found.parameters, alone.parameters, strict=True):
                for name, p in single.items():
                    torch.testing.assert_close(ours[name][r], p[0])
