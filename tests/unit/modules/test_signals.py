"""What is measured of a network, against plain formulas and the workflow's own curves."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from common import ARCHITECTURES
from infoflow.architectures.build import build_network
from infoflow.datasets.samples import Samples
from infoflow.engine.initialization import Ensemble, generator
from infoflow.errors import InfoflowError
from infoflow.modules.capture import cut, untouched
from infoflow.modules.check import make_task
from infoflow.modules.signals import Signals, default_loss, measure
from infoflow.studies.trainability.probe_kernel import measure_network
from plain_networks import digits, he, mlp, normal, seeded


def signals_of(model: nn.Module, x=None, y=None, loss=default_loss) -> Signals:
    inputs, labels = digits()
    task = make_task(inputs if x is None else x, labels if x is None else y, loss)
    with untouched(model):
        return measure(cut(model, task.batch), task, generator(0, "test"))


def test_the_curves_of_a_built_in_network_are_the_workflows():
    depth, images = 5, digits(90)[0].double().view(-1, 8, 8)
    ensemble = Ensemble(1.5, 0.05, 3, [0])
    network = build_network(ARCHITECTURES["mlp"], (8, 8), 10, depth)
    to = {"dtype": torch.float64, "device": torch.device("cpu")}
    options = {"kernel_penalty": 1e-4, "kernel_noise": "absolute", "offset": 1e-12, "saturation_rtol": 0.005}
    samples = Samples(images[:60].numpy(), images[60:].numpy(), 10)
    known = measure_network(network.blocks, ensemble, samples, {**options, "pictures": 0}, to)
    layers: list[nn.Module] = [nn.Flatten()]
    for block, drawn in zip(network.blocks, ensemble.draw([b.forward for b in network.blocks], **to)):
        linear = nn.Linear(*drawn["weight"].shape[1:], dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(drawn["weight"][0].T)
            linear.bias.copy_(drawn["bias"].view(-1))
        layers += [linear, nn.Tanh()]
        assert block.forward.activation == "tanh"
    # the head that the workflow's probe does not look at
    model = nn.Sequential(*layers, nn.Linear(14, 10, dtype=torch.float64))
    found = signals_of(model, images).layers
    for name, other in (("entropy", "differential_entropy"), ("explained_variance", "explained_variance")):
        np.testing.assert_allclose(found[name][:depth], known[other][1][0], rtol=1e-5)


def test_gradients_are_those_of_a_plain_pass():
    model = seeded(lambda: mlp(3, he, activation=nn.ReLU))
    x, y = digits()
    found = signals_of(model).layers
    x = x[:32].requires_grad_()
    states = [x]
    for part in model:
        states.append(part(states[-1]))
    loss = nn.functional.cross_entropy(states[-1], y[:32])
    given = torch.autograd.grad(loss, [states[k] for k in (0, 2, 4, 6, 7)])
    expected = [math.log(g.double().square().sum()) for g in given]
    np.testing.assert_allclose(found["log_gradient"], expected, rtol=1e-5)


def test_the_step_is_bounded_by_the_largest_eigenvalue_of_the_tangent_kernel():
    """Of half the squared error, whose Hessian at the outputs is 1/C; a lower bound, and no bad one."""
    model = seeded(lambda: mlp(2, he, width=30, activation=nn.ReLU))
    x, _ = digits()
    targets = torch.randn(len(x), 10, generator=torch.Generator().manual_seed(0))
    whole = signals_of(model, x, targets).whole
    rows = []
    for sample in x[:16]:
        for c in range(10):
            given = torch.autograd.grad(model(sample[None])[0, c], list(model.parameters()))
            rows.append(torch.cat([g.flatten() for g in given]))
    jacobian = torch.stack(rows).double()
    largest = float(torch.linalg.eigvalsh(jacobian @ jacobian.T / 16)[-1])
    assert 0.4 * largest < whole["sharpness"] <= largest * (1 + 1e-6)
    assert whole["curvature"] == pytest.approx(0.1, rel=1e-3)


def test_the_rate_of_the_task_is_that_of_a_small_step():
    """A step of gradient descent takes away this share of what the loss wants that differs between samples."""
    model = seeded(lambda: mlp(2, he, width=30, activation=nn.ReLU)).double()
    x, _ = digits(32)
    x = x.double()
    targets = torch.randn(32, 10, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    with torch.no_grad():
        out = model(x)
        residual = (out - targets) / (32 * 10)
        centred = residual - residual.mean(0)
    given = torch.autograd.grad(model(x), list(model.parameters()), centred)
    rate, step = signals_of(model, x, targets).whole["task_rate"], 1e-7
    with torch.no_grad():
        for p, g in zip(model.parameters(), given):
            p -= step * g
        moved = ((out - model(x)) * centred).sum() / step
    assert float(moved / (32 * centred.square().sum())) == pytest.approx(rate, rel=1e-4)


@pytest.mark.parametrize("units", [1, 3, 9, 20])
def test_what_so_many_units_can_give_is_what_linear_outputs_of_them_can(units):
    """By least squares: the best change of a last layer's input, any numbers at all, and of its weights."""
    model = seeded(lambda: mlp(2, he, width=units))
    x, y = digits(32)
    with torch.no_grad():
        wanted = nn.functional.one_hot(y, 10).double() - model.double()(x.double()).softmax(1)
    wanted -= wanted.mean(0)
    left, sizes, right = torch.linalg.svd(wanted, full_matrices=False)
    held = (left[:, :units] * sizes[:units]) @ right[:units]
    share = float(1 - (wanted - held).square().sum() / wanted.square().sum())
    assert signals_of(model, x.double(), y).whole["wanted_held"] == pytest.approx(share, abs=1e-9)
    assert (share < 1 - 1e-6) == (units < 9)  # ten outputs without their mean, whose sum is fixed


def test_one_unit_can_give_what_is_one_number_and_what_is_unknown():
    """The same target ten times from outputs that are constant; and no labels; where ten classes are more than that."""
    model = seeded(lambda: mlp(2, he, width=1))
    x, y = digits(32)
    assert signals_of(model, x, y).whole["wanted_held"] < 0.5
    assert signals_of(model, x, None).whole["wanted_held"] == 1
    with torch.no_grad():
        model[-1].weight.zero_()
    assert signals_of(model, x, (y % 2).float()[:, None].repeat(1, 10)).whole["wanted_held"] == pytest.approx(1)
    assert signals_of(model, x, model(x).detach()).whole["wanted_held"] == 1  # nothing is wanted


def test_dead_units_and_labels():
    model = seeded(lambda: mlp(2, he, activation=nn.ReLU))
    with torch.no_grad():
        model[2].bias[:10] = -100
    found = signals_of(model).layers
    assert found["dead_share"][1] >= 0.25
    assert found["dead_share"][0] < 0.25
    assert found["label_accuracy"][0] > 0.8
    with torch.no_grad():
        model[2].bias[:] = -100
    found = signals_of(model)
    assert found.layers["dead_share"][1] == 1
    assert found.layers["collapsed"][1] == 1
    assert np.isneginf(found.layers["entropy"][1])
    assert found.whole["task_rate"] < 1e-12


def test_equal_blocks_are_found():
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    model = nn.Sequential(nn.TransformerEncoder(layer, 3), nn.Flatten(), nn.Linear(40, 3))
    x = torch.randn(40, 5, 8, generator=torch.Generator().manual_seed(0))
    found = signals_of(model, x).layers
    assert found["equal_to"].tolist() == [0, 1, 1, 0]
    assert np.isfinite(found["token_cosine"][:3]).all()


def test_dropout_is_noise_of_training():
    def build(share: float) -> nn.Module:
        return seeded(lambda: nn.Sequential(nn.Linear(64, 40), nn.Dropout(share), nn.Linear(40, 10)))

    some, none = signals_of(build(0.5)).whole, signals_of(build(0.0)).whole
    assert some["training_noise"] > 0.1
    assert none["training_noise"] == 0


def test_all_is_finite_or_said_not_to_be():
    model = seeded(lambda: mlp(6, normal(1e30)))
    found = signals_of(model)
    assert not np.isnan(found.layers["root_mean_square"][0])


def test_labels_that_do_not_fit_are_refused():
    model = seeded(lambda: mlp(1, he))
    x, _ = digits()
    with pytest.raises(InfoflowError, match="do not fit"):
        signals_of(model, x, torch.randn(len(x), 7))
    with pytest.raises(InfoflowError, match="labels"):
        signals_of(model, x, torch.zeros(3))
