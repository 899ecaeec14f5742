import numpy as np
import pytest
import torch

from infoflow.architectures import build_network
from infoflow.initialization import draw_gaussian, draw_order
from infoflow.training import class_loss, train_network

SEED = 5
OPTIONS = {"kind": "mlp", "layout": "wide", "width": 9, "activation": "tanh"}
TRAIN = {
    "epochs": 4,
    "batch_size": 16,
    "learning_rate": 0.1,
    "momentum": 0.5,
    "readout": "logits",
    "success_accuracy": 1.0,
    "seed": SEED,
}


@pytest.fixture(scope="module")
def data():
    """Two classes that a straight line separates, and a third that it does not."""
    stream = torch.Generator().manual_seed(0)
    images = torch.rand(60, 4, 4, generator=stream, dtype=torch.float64)
    labels = (images[:, 0, 0] > 0.5).long() + (images[:, 1, 1] > 0.8).long()
    return images[:40], labels[:40], images[40:], labels[40:]


def run(data, depth=3, replicas=range(3), sigma_w2=1.5, **changes):
    settings = TRAIN | changes
    network = build_network(OPTIONS, (4, 4), 3, depth, settings["readout"])
    return train_network(network, sigma_w2, 0.1, *data, replicas=replicas, **settings)


def plain_training(data, depth, replica, **changes):
    """One replica with torch.nn and torch.optim: accuracy, loss, and the linear layers."""
    settings = TRAIN | changes
    images, labels, test_images, test_labels = data
    network = build_network(OPTIONS, (4, 4), 3, depth, settings["readout"])
    hidden = [b.forward for b in network.blocks]
    parameters = draw_gaussian(hidden, 1.5, 0.1, SEED, "frozen", [replica], dtype=images.dtype)
    parameters += draw_gaussian(network.head, 1.5, 0.1, SEED, "head", [replica], dtype=images.dtype)
    layers = [torch.nn.Flatten()]
    for p in parameters:
        layer = torch.nn.Linear(*p["weight"].shape[1:], dtype=images.dtype)
        layer.weight.data, layer.bias.data = p["weight"][0].T.clone(), p["bias"][0, 0].clone()
        layers += [layer, torch.nn.Tanh()]
    model = torch.nn.Sequential(*(layers[:-1] if settings["readout"] == "logits" else layers))
    optimizer = torch.optim.SGD(model.parameters(), lr=settings["learning_rate"], momentum=settings["momentum"])
    accuracy, loss = [], []
    for epoch in range(settings["epochs"]):
        (order,) = draw_order(SEED, "train order", epoch, [replica], len(images))
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
            accuracy.append((model(test_images).argmax(1) == test_labels).double().mean().item())
    return accuracy, loss, [layer for layer in model if isinstance(layer, torch.nn.Linear)]


@pytest.mark.parametrize("readout", ["logits", "reference"])
@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_batched_training_equals_the_plain_loop(data, readout, momentum):
    together = run(data, readout=readout, momentum=momentum, keep_parameters=True)
    for r in range(3):
        accuracy, loss, layers = plain_training(data, 3, r, readout=readout, momentum=momentum)
        np.testing.assert_allclose(together.loss[r], loss, rtol=1e-10)
        np.testing.assert_allclose(together.accuracy[r], accuracy)
        for ours, theirs in zip(together.parameters, layers, strict=True):
            torch.testing.assert_close(ours["weight"][r].T, theirs.weight.data)
            torch.testing.assert_close(ours["bias"][r, 0], theirs.bias.data)


def test_a_replica_stops_at_success_and_does_not_depend_on_the_others(data):
    settings = {"epochs": 30, "success_accuracy": 0.75, "keep_parameters": True}
    together = run(data, **settings)
    stops = np.isfinite(together.accuracy).sum(1)
    assert len(set(stops)) > 1, "the replicas should stop at different epochs for this test to mean something"
    for r in range(3):
        alone = run(data, replicas=[r], **settings)
        np.testing.assert_allclose(together.accuracy[r], alone.accuracy[0])
        np.testing.assert_allclose(together.loss[r], alone.loss[0], rtol=1e-10)
        history = together.accuracy[r, : stops[r]]
        assert (history[:-1] < 0.75).all()
        assert history[-1] >= 0.75 or stops[r] == 30
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
    network = build_network({**OPTIONS, "activation": "relu"}, (4, 4), 3, 20)
    images = tuple(d.float() if d.is_floating_point() else d for d in data)
    settings = TRAIN | {"learning_rate": 1e6, "momentum": 0.0}
    history = train_network(network, 4.0, 0.1, *images, replicas=range(2), **settings)
    assert history.diverged.all()
    calm = run(data)
    assert not calm.diverged.any()


def test_the_reference_loss_stays_within_its_published_bounds():
    scores = torch.full((1, 1, 10), -1.0, dtype=torch.float64)
    scores[..., 0] = 1.0
    best, worst = (class_loss(scores, torch.tensor([[k]]), "reference").item() for k in (0, 1))
    assert best == pytest.approx(1.95932, abs=1e-5)
    # the worst is one other class at the top, the own at the bottom: PHYSICS gives the bound 2.34916
    assert worst <= 2.34916 + 1e-5
    chance = class_loss(torch.zeros(1, 1, 10, dtype=torch.float64), torch.tensor([[0]]), "reference").item()
    assert chance == pytest.approx(2.302585, abs=1e-6)
