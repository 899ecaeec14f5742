"""Training for the information plane: all replicas as one give what torch gives one after the other."""

import itertools
import math

import numpy as np
import pytest
import torch

from infoflow.engine.initialization import Ensemble, draw_order, generator
from infoflow.engine.maps.dense import Dense
from infoflow.studies.information_plane.training import (
    draw_parameters,
    layers_of,
    snapshot_epochs,
    states,
    train_networks,
)
from infoflow.studies.information_plane.variables import TRUNCATED_VARIANCE

SEED = 3
NETWORK = {
    "activation": "tanh",
    "hidden": [6, 4],
    "train_fraction": 0.7,
    "optimizer": "adam",
    "learning_rate": 0.01,
    "initialization": "truncated_normal",
    "sigma_w2": 1.0,
    "sigma_b2": 0.1,
}
WIDTHS = [5, 6, 4, 3]
FUNCTIONS = {
    "tanh": torch.tanh,
    "relu": torch.relu,
    "erf": torch.erf,
    "linear": lambda z: z,
    "tanhshrink": torch.nn.functional.tanhshrink,
    "silu": torch.nn.functional.silu,
    "sine": torch.sin,
}


@pytest.fixture(scope="module")
def samples():
    stream = torch.Generator().manual_seed(0)
    inputs = torch.rand(61, 5, generator=stream, dtype=torch.float64)
    return inputs, (inputs[:, 0] > 0.6).long() + (inputs[:, 1] > inputs[:, 2]).long()


def train(samples, replicas=range(3), epochs=7, at=(0, 3, 7), batch_size=16, shuffled=True, **changes):
    plane = {"epochs": epochs, "batch_size": batch_size, "shuffled": shuffled, "replicas": len(replicas)}
    some = None if replicas == range(len(replicas)) else replicas
    return train_networks(*samples, 3, NETWORK | changes, plane, at=at, seed=SEED, replicas=some)


def plain_training(samples, replica, epochs=7, at=(0, 3, 7), batch_size=16, shuffled=True, **changes):
    """One replica with autograd and torch.optim: at every snapshot parameters, accuracies, losses, gradients."""
    network = NETWORK | changes
    inputs, labels = samples
    drawn = draw_parameters(WIDTHS, network, SEED, [replica], dtype=torch.float64)
    weights = [w[0].clone().requires_grad_() for w in layers_of(drawn, WIDTHS)]
    kind = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[network["optimizer"]]
    optimizer = kind(weights, lr=network["learning_rate"])
    count = round(network["train_fraction"] * len(inputs))
    part = torch.randperm(len(inputs), generator=generator(SEED, "split", replica))
    part = part if shuffled else torch.arange(len(inputs))
    part, rest = part[:count], part[count:]

    def loss_of(some, mean=True):
        x = inputs[some]
        for w in weights[:-1]:
            x = FUNCTIONS[network["activation"]](x @ w[:, :-1].T + w[:, -1])
        scores = x @ weights[-1][:, :-1].T + weights[-1][:, -1]
        return torch.nn.functional.cross_entropy(scores, labels[some]), (
            scores.argmax(1) == labels[some]
        ).double().mean()

    found = {name: [] for name in ("parameters", "loss", "accuracy", "gradient_mean", "gradient_spread")}
    for epoch in range(epochs + 1):
        batches = part[draw_order(SEED, "train order", epoch, [replica], count)[0]].split(batch_size)
        if epoch in at:
            found["parameters"].append(torch.cat([w.detach().flatten() for w in weights]))
            both = [loss_of(part), loss_of(rest)]
            found["loss"].append([loss.item() for loss, _ in both])
            found["accuracy"].append([accuracy.item() for _, accuracy in both])
            gradients = [torch.autograd.grad(loss_of(batch)[0], weights) for batch in batches]
            per_layer = [torch.stack([g[l][:, :-1].flatten() for g in gradients]) for l in range(3)]
            found["gradient_mean"].append([float(g.mean(0).norm()) for g in per_layer])
            found["gradient_spread"].append([math.sqrt(g.var(0, unbiased=False).sum()) for g in per_layer])
        if epoch < epochs:
            for batch in batches:
                optimizer.zero_grad()
                loss_of(batch)[0].backward()
                optimizer.step()
    return {name: np.array([np.asarray(value) for value in values]) for name, values in found.items()}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"optimizer": "sgd", "learning_rate": 0.3},
        {"activation": "relu"},
        {"activation": "erf", "initialization": "gaussian"},
        {"activation": "tanhshrink", "sigma_w2": 4.0},
        {"activation": "linear"},
        {"activation": "silu"},
        {"activation": "sine"},
        {"shuffled": False},
    ],
    ids=str,
)
def test_all_replicas_as_one_equal_torch_one_by_one(samples, changes):
    found = train(samples, **changes)
    for r in range(3):
        for name, values in plain_training(samples, r, **changes).items():
            np.testing.assert_allclose(getattr(found, name)[r], values, rtol=1e-8, atol=1e-10, err_msg=name)


def test_a_replica_does_not_depend_on_the_others(samples):
    together, alone = train(samples, range(4)), train(samples, [2])
    for name in ("parameters", "loss", "accuracy", "gradient_mean", "gradient_spread", "trained_on"):
        np.testing.assert_allclose(getattr(together, name)[2:3], getattr(alone, name), rtol=1e-12, err_msg=name)


def test_snapshots_do_not_change_the_training(samples):
    np.testing.assert_array_equal(train(samples, at=(7,)).parameters[:, 0], train(samples).parameters[:, -1])


def test_the_training_part(samples):
    found = train(samples)
    assert (found.trained_on.sum(1) == 43).all()  # 0.7 · 61 = 42.7
    assert len({tuple(row) for row in found.trained_on}) == 3
    assert train(samples, shuffled=False).trained_on[:, :43].all()
    whole = train(samples, train_fraction=1.0)
    assert np.isnan(whole.accuracy[..., 1]).all()
    assert np.isfinite(whole.accuracy[..., 0]).all()


def test_one_mini_batch_has_no_spread(samples):
    found = train(samples, batch_size=1000)
    assert np.isnan(found.gradient_spread).all()
    assert (found.gradient_mean > 0).all()


def test_a_network_that_diverges_harms_no_other(samples):
    kept = train(samples, range(2), optimizer="sgd", learning_rate=0.3)
    broken = train(samples, range(2), optimizer="sgd", learning_rate=1e200, activation="linear")
    assert np.isfinite(kept.parameters).all()
    assert not np.isfinite(broken.parameters[:, -1]).all(1).any()
    assert np.isnan(broken.accuracy[:, -1]).all()
    assert np.isnan(broken.loss[:, -1]).all()
    assert np.isfinite(broken.parameters[:, 0]).all()


def test_states_are_those_of_the_network(samples):
    parameters = torch.from_numpy(train(samples, activation="relu").parameters[:, -1])
    layers = list(states(parameters, WIDTHS, "relu", samples[0]))
    assert [tuple(layer.shape) for layer in layers] == [(3, 6, 61), (3, 4, 61), (3, 3, 61)]
    x = samples[0]
    for weight in layers_of(parameters[1:2], WIDTHS)[:2]:
        x = torch.relu(x @ weight[0, :, :-1].T + weight[0, :, -1])
    torch.testing.assert_close(layers[1][1].T, x)
    torch.testing.assert_close(layers[2].sum(1), torch.ones(3, 61, dtype=torch.float64))


def test_gaussian_networks_are_those_that_are_probed_elsewhere():
    network = NETWORK | {"initialization": "gaussian", "sigma_w2": 2.0}
    layers = layers_of(draw_parameters(WIDTHS, network, SEED, [0, 4], dtype=torch.float64), WIDTHS)
    maps = [Dense((a,), (b,), "tanh") for a, b in itertools.pairwise(WIDTHS)]
    for layer, drawn in zip(layers, Ensemble(2.0, 0.1, SEED, [0, 4]).draw(maps, dtype=torch.float64)):
        torch.testing.assert_close(layer[:, :, :-1], drawn["weight"].mT)
        torch.testing.assert_close(layer[:, :, -1:], drawn["bias"].mT)


def test_truncated_weights_have_their_variance():
    network = NETWORK | {"sigma_w2": 3.0, "sigma_b2": 0.0}
    (weights, _) = layers_of(draw_parameters([400, 400, 2], network, SEED, [0], dtype=torch.float64), [400, 400, 2])
    scale = math.sqrt(3 / 400)
    assert weights[..., :-1].abs().max() <= 2 * scale
    # 160,000 draws: the variance is known to half a percent; three standard errors
    assert weights[..., :-1].var() == pytest.approx(TRUNCATED_VARIANCE * scale**2, rel=0.015)
    assert (weights[..., -1] == 0).all()
    # by quadrature of x² over the normal density between -2 and 2
    x = np.linspace(-2, 2, 100_001)
    density = np.exp(-(x**2) / 2)
    assert np.trapezoid(x**2 * density, x) / np.trapezoid(density, x) == pytest.approx(TRUNCATED_VARIANCE, abs=1e-9)


def test_snapshot_epochs_are_evenly_spaced_in_the_logarithm():
    assert snapshot_epochs(3000, 2) == [0, 3000]
    assert snapshot_epochs(3, 100) == [0, 1, 2, 3]
    epochs = snapshot_epochs(3000, 40)
    assert epochs[0] == 0
    assert epochs[-1] == 3000
    assert epochs == sorted(set(epochs))
    assert 30 <= len(epochs) <= 40
    late = np.diff(np.log1p(epochs))[-15:]
    assert late.max() / late.min() < 1.1
