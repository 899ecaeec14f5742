"""Ridge regression of dense and of convolutional layers."""

import pytest
import torch

from common import PROBES
from infoflow.engine.initialization import draw_gaussian
from infoflow.engine.maps.compose import Chain, Residual
from infoflow.engine.maps.convolution import Convolution, TransposedConvolution
from infoflow.engine.maps.dense import Dense
from infoflow.engine.maps.inverse import inverse_of
from infoflow.engine.maps.map import apply, record_of
from infoflow.engine.maps.pooling import MaxPool, MeanPool, Reshape, Standardise, Unpool
from infoflow.engine.network import Block
from infoflow.errors import InfoflowError
from infoflow.reconstruction import ridge
from infoflow.reconstruction.fit import fit_inverses

SEED = 3
SHAPE = (9, 10, 2)


@pytest.fixture(scope="module")
def images():
    return torch.rand(30, *SHAPE, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_ridge_is_the_minimum_of_its_objective():
    """E|x - a B - b|² + λ |B|²: by its normal equations, and no neighbour is better."""
    stream = torch.Generator().manual_seed(1)
    a = torch.randn(2, 50, 7, generator=stream, dtype=torch.float64) + 0.5
    x = torch.rand(2, 50, 4, generator=stream, dtype=torch.float64)
    penalty = 0.01
    weight, bias, loss = ridge.solve(a, x, penalty)

    def objective(weight, bias):
        return (x - a @ weight - bias).square().sum(2).mean(1) + penalty * weight.square().sum((1, 2))

    best = objective(weight, bias)
    torch.testing.assert_close(loss, (x - a @ weight - bias).square().mean((1, 2)))
    for _ in range(20):
        dw, db = (1e-3 * torch.randn(t.shape, generator=stream, dtype=t.dtype) for t in (weight, bias))
        assert (objective(weight + dw, bias + db) > best).all()


def test_ridge_undoes_an_invertible_linear_layer(images):
    """Without activation and with more samples than units, nothing but the penalty stands between x and C(x)."""
    layers = [Dense((2, 4), (8,), "linear")]
    parameters = draw_gaussian(layers, 4.0, 0.1, SEED, "frozen", [0], dtype=images.dtype)
    block = [Block(layers[0], Dense((8,), (2, 4), "tanh"))]
    images = images[:, :2, :4, 0]
    found = fit_inverses(block, parameters, images, PROBES["ridge"] | {"ridge_penalty": 1e-12}, seed=SEED, replicas=[0])
    back = apply(found.maps[0], found.parameters[0], apply(layers[0], parameters[0], images[None]))
    torch.testing.assert_close(back[0], images, atol=1e-6, rtol=0)
    assert float(found.losses[0, 0, 0]) < 1e-9


def test_ridge_refuses_layers_that_are_too_large(images):
    layer = Dense((30_000,), (30_000,), "tanh")
    block = [Block(layer, layer)]
    with pytest.raises(InfoflowError, match="layer 1 takes 30000 units to 30000, too many"):
        fit_inverses(block, [{}], images, PROBES["ridge"], seed=SEED, replicas=[0])


def fit(layer, images, inverse=None, penalty=1e-6):
    block = Block(layer, inverse or inverse_of(layer))
    frozen = draw_gaussian([layer], 1.5, 0.1, SEED, "frozen", range(2), dtype=images.dtype)
    options = {"method": "ridge", "ridge_penalty": penalty, "ridge_samples": 25}
    found = fit_inverses([block], frozen, images, options, seed=SEED, replicas=range(2))
    outputs = apply(layer, frozen[0], everything := images.expand(2, *images.shape))
    record = record_of(layer, everything)
    return found, outputs, apply(found.maps[0], found.parameters[0], outputs, record)


RESIDUAL = Residual(
    Chain((Convolution(SHAPE, 3, "tanh", wrap=1), Convolution((9, 10, 3), 2, "linear", wrap=1))), "tanh"
)


@pytest.mark.parametrize(
    ("layer", "reach"),
    [
        (Convolution(SHAPE, 4, "tanh", padding=1), (3, 1)),
        (Convolution(SHAPE, 4, "tanh", stride=2, padding=1), (3, 2)),
        (Convolution(SHAPE, 4, "tanh", kernel=4, stride=2), (5, 2)),
        (MaxPool(SHAPE, 2), (1, 2)),
        (RESIDUAL, (5, 1)),
        (Chain((Standardise(SHAPE, (0.5, 0.5), (0.2, 0.3)), Convolution(SHAPE, 4, "relu", padding=1))), (3, 1)),
    ],
    ids=str,
)
def test_a_pixel_is_found_from_its_neighbourhood(layer, reach, images):
    """Not worse than any neighbour of the solution, in the sense of its own objective."""
    inverse = TransposedConvolution(layer.output_shape, SHAPE, "linear", 2, 2) if isinstance(layer, MaxPool) else None
    if isinstance(layer, MaxPool):
        layer = MaxPool(SHAPE, 2, recorded=False)
    if isinstance(layer, Residual | Chain):
        inverse = Chain((TransposedConvolution(layer.output_shape, SHAPE, "tanh"),))
    penalty = 0.01
    found, outputs, _ = fit(layer, images, inverse, penalty)
    assert (found.maps[0].kernel, found.maps[0].stride) == reach
    assert found.maps[0].output_shape == SHAPE
    weight, bias = found.parameters[0]["weight"], found.parameters[0]["bias"]
    stride = reach[1]
    rows, columns = (n // stride * stride for n in SHAPE[:2])  # squares that are whole
    numbers = stride**2 * SHAPE[2]

    def objective(weight, bias):
        (order,) = ridge.draw_order(SEED, "ridge samples", 0, [0], len(images))
        chosen = order[:25]
        back = apply(found.maps[0], {"weight": weight, "bias": bias}, outputs[:, chosen])
        error = (back - images[chosen])[:, :, :rows, :columns].square().mean((1, 2, 3, 4)) * numbers
        return error + penalty * weight.square().sum((1, 2, 3, 4))

    best = objective(weight, bias)
    torch.testing.assert_close(
        found.losses[:, 0, 0] * numbers, best - penalty * weight.square().sum((1, 2, 3, 4)), rtol=1e-9, atol=1e-12
    )
    stream = torch.Generator().manual_seed(1)
    for _ in range(10):
        dw, db = (1e-3 * torch.randn(t.shape, generator=stream, dtype=t.dtype) for t in (weight, bias))
        assert (objective(weight + dw, bias + db) > best).all()


def test_a_linear_convolution_with_enough_channels_is_undone(images):
    _, _, back = fit(Convolution(SHAPE, 20, "linear", padding=1), images, penalty=1e-12)
    torch.testing.assert_close(back, images.expand_as(back), atol=1e-5, rtol=0)
    _, _, back = fit(Convolution(SHAPE, 40, "linear", stride=2, padding=1), images, penalty=1e-12)
    torch.testing.assert_close(back[:, :, :8], images.expand_as(back)[:, :, :8], atol=1e-4, rtol=0)


def test_what_has_nothing_to_find_stays_and_what_is_not_local_is_dense(images):
    pool = MaxPool(SHAPE, 2)
    found, outputs, _ = fit(pool, images, Unpool(pool.output_shape, SHAPE))
    assert isinstance(found.maps[0], Unpool)
    again = apply(found.maps[0], {}, outputs, pool.record(images.expand(2, *images.shape)))
    (order,) = ridge.draw_order(SEED, "ridge samples", 0, [0], len(images))
    torch.testing.assert_close(found.losses[:, 0, 0], (again - images)[:, order[:25]].square().mean((1, 2, 3, 4)))
    flat = Reshape(SHAPE, (180,))
    found, _, back = fit(flat, images)
    torch.testing.assert_close(back, images.expand_as(back))
    assert found.losses.abs().max() == 0
    assert isinstance(ridge.linear_inverse(Block(MeanPool(SHAPE), inverse_of(MeanPool(SHAPE)))), Dense)
    large = Dense((90_000,), (90_000,), "tanh")
    with pytest.raises(InfoflowError, match="layer 7 takes 90000 units to 90000, too many"):
        ridge.linear_inverse(Block(large, large), 7)


def test_fewer_samples_than_units_give_the_same_solution():
    """From the small matrix as from the large one."""
    stream = torch.Generator().manual_seed(2)
    a, x = (torch.randn(2, 20, n, generator=stream, dtype=torch.float64) for n in (50, 4))
    weight, bias, loss = ridge.solve(a, x, 0.01)
    centred, targets = a - a.mean(1, keepdim=True), x - x.mean(1, keepdim=True)
    covariance = centred.mT @ centred / 20 + 0.01 * torch.eye(50, dtype=torch.float64)
    expected = torch.linalg.solve(covariance, centred.mT @ targets / 20)
    torch.testing.assert_close(weight, expected)
    torch.testing.assert_close(loss, (x - a @ weight - bias).square().mean((1, 2)))
