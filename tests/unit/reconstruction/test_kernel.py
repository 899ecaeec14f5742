"""The kernel cascade against ridge regression of one layer after the other."""

import itertools
import math
import weakref
from unittest import mock

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from common import ARCHITECTURES
from infoflow.architectures.build import build_network
from infoflow.engine.initialization import Ensemble
from infoflow.engine.network import follow
from infoflow.errors import InfoflowError
from infoflow.reconstruction import kernel
from infoflow.reconstruction.cascade import compose_cascades
from infoflow.reconstruction.divergence import differential_entropy
from infoflow.reconstruction.fit import fit_inverses
from infoflow.reconstruction.kernel import Reconstruction, kernel_cascade

FIT, EVALUATION = 20, 6
DENSE = [name for name, option in ARCHITECTURES.items() if option["kind"] in ("mlp", "resnet_dense")]


def plain_cascade(states, fit, penalty, relative=False):
    """Physics.md E13 of one network: its inverses by the covariances of the units, put into each other in a loop.

    Args:
        states: of the input and of every layer, [n + S, *shape].
        penalty: 0, the limit in which it vanishes.

    Returns:
        Reconstructions [S, P] from every layer.
    """
    inverses, found = [], []
    for before, after in itertools.pairwise(x.flatten(1).double() for x in states):
        noise = penalty * after[:fit].square().mean() if relative else penalty
        mean, target = after[:fit].mean(0), before[:fit].mean(0)
        x, y = after[:fit] - mean, before[:fit] - target
        covariance = x.T @ x / fit + noise * torch.eye(x.shape[1], dtype=x.dtype)
        weight = torch.linalg.solve(covariance, x.T @ y / fit) if penalty else torch.linalg.pinv(x, rtol=1e-9) @ y
        inverses.append((mean, weight, target))
        back = after[fit:]
        for mean, weight, target in reversed(inverses):
            back = target + (back - mean) @ weight
        found.append(back)
    return found


def network_states(shapes, samples, replicas, seed, gain=1.5):
    """Of the input, [1, samples, *shape], and of tanh layers of these shapes, [replicas, samples, *shape]."""
    stream = torch.Generator().manual_seed(seed)
    x = torch.rand(1, samples, math.prod(shapes[0]), generator=stream, dtype=torch.float64)
    states = [x]
    for shape in shapes[1:]:
        before = states[-1]
        weight = torch.randn(replicas, before.shape[2], math.prod(shape), generator=stream, dtype=torch.float64)
        states.append(torch.tanh(gain / math.sqrt(before.shape[2]) * (before @ weight)))
    return [x.unflatten(2, shape) for x, shape in zip(states, shapes)]


def replica_of(states, r):
    """The states of a replica alone, with an axis of replicas."""
    return [states[0], *(x[r : r + 1] for x in states[1:])]


def reconstruct(states, fit=FIT, penalty=1e-4, relative=False) -> list[Reconstruction]:
    return list(kernel_cascade(states, fit, penalty, relative))


def assert_equal(found, expected, rtol=1e-8):
    """Images of all layers, relative to the largest pixel."""
    assert len(found) == len(expected)
    for one, other in zip(found, expected):
        assert one.images.dtype == torch.float64
        torch.testing.assert_close(one.images, other, rtol=0, atol=rtol * float(other.abs().max()))


def small_states(replicas=2, layers=6, samples=FIT + EVALUATION):
    return network_states([(3, 4), *[(5, 3)] * layers], samples, replicas, seed=0)


SIDES = st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple)


@given(
    fit=st.integers(2, 40),
    evaluation=st.integers(1, 4),
    replicas=st.integers(1, 3),
    shapes=st.lists(SIDES, min_size=2, max_size=6),
    penalty=st.sampled_from([1e-4, 1e-2, 1.0]),
    relative=st.booleans(),
    together=st.sampled_from([1, 4 << 10, 1 << 30]),
    part=st.sampled_from([1, 4 << 10, 1 << 30]),
    seed=st.integers(0, 1000),
)
def test_it_is_the_ridge_regression_of_every_layer(
    fit, evaluation, replicas, shapes, penalty, relative, together, part, seed
):
    """Whatever the shapes; replicas, layers and parts of the states together or one by one."""
    states = network_states(shapes, fit + evaluation, replicas, seed)
    with mock.patch.dict(kernel.TOGETHER, cpu=together), mock.patch.object(kernel, "PART", part):
        found = reconstruct(states, fit, penalty, relative)
        alone = [reconstruct(replica_of(states, r), fit, penalty, relative) for r in range(replicas)]
    expected = [plain_cascade([x[0] for x in replica_of(states, r)], fit, penalty, relative) for r in range(replicas)]
    assert_equal(found, [torch.stack(layer) for layer in zip(*expected)])
    for r, one in enumerate(alone):
        assert_equal(one, [layer.images[r : r + 1] for layer in found])


@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize("fit", [12, 35])
@pytest.mark.parametrize("option", ARCHITECTURES.values(), ids=ARCHITECTURES)
def test_it_needs_nothing_of_a_network_but_its_states(option, fit, relative, images):
    """Fewer and more samples than pixels or units."""
    layers = [b.forward for b in build_network(option, (8, 8), 10, 4).blocks]
    frozen = Ensemble(1.5, 0.1, 3, range(2)).draw(layers, dtype=images.dtype)
    states = [images[None], *(x for _, x in follow(layers, frozen, images, 2))]
    found = reconstruct(states, fit, relative=relative)
    expected = [plain_cascade([x[0] for x in replica_of(states, r)], fit, 1e-4, relative) for r in range(2)]
    assert_equal(found, [torch.stack(layer) for layer in zip(*expected)])


@pytest.mark.parametrize("fit", [12, 35])
@pytest.mark.parametrize("name", DENSE)
def test_it_agrees_with_method_ridge_where_layers_are_dense(name, fit, images):
    blocks = build_network(ARCHITECTURES[name], (8, 8), 10, 5).blocks
    layers = [b.forward for b in blocks]
    frozen = Ensemble(1.5, 0.1, 3, range(2)).draw(layers, dtype=images.dtype)
    options = {"method": "ridge", "ridge_penalty": 1e-4, "ridge_samples": fit}
    inverses = fit_inverses(blocks, frozen, images[:fit], options, seed=3, replicas=range(2))
    expected, _ = compose_cascades(layers, frozen, inverses.maps, inverses.parameters, images[fit:], 2)
    found = reconstruct([images[None], *(x for _, x in follow(layers, frozen, images, 2))], fit)
    assert_equal(found, expected.flatten(3).unbind(1))


def test_states_of_float32_are_taken_as_they_are():
    states = [x.float() for x in small_states()]
    assert_equal(reconstruct(states), [layer.images for layer in reconstruct([x.double() for x in states])], rtol=0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("together", [1, 1 << 30])
def test_states_are_let_go(dtype, together):
    """When a state is asked for, only the one before it is still there: memory does not grow with the depth."""
    alive, most = [], []

    def states():
        for layer in range(10):
            most.append(sum(one() is not None for one in alive))
            # a tensor keeps the array that it is made of, and so do all its views
            array = np.random.default_rng(layer).random((1 if layer == 0 else 2, FIT + EVALUATION, 3, 4)).astype(dtype)
            alive.append(weakref.ref(array))
            tensor = torch.from_numpy(array)
            del array
            yield tensor
            del tensor

    with mock.patch.dict(kernel.TOGETHER, cpu=together):
        assert len(reconstruct(states())) == 9
    assert max(most) == 1
    assert not any(one() is not None for one in alive)


def test_states_are_asked_for_when_it_is_their_turn(monkeypatch):
    monkeypatch.setitem(kernel.TOGETHER, "cpu", 1)
    asked = []
    given_states = (asked.append(layer) or x for layer, x in enumerate(small_states()))
    for layer, _ in enumerate(kernel_cascade(given_states, FIT, 1e-4), start=1):
        assert asked == list(range(layer + 1))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e155, 1e200])
@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize("together", [1, 1 << 30])
def test_a_replica_is_lost_where_its_states_are_no_numbers_or_have_no_square(value, relative, together):
    """From that layer on; the layers before it and the other replicas do not see it."""
    states = small_states(replicas=3)
    with mock.patch.dict(kernel.TOGETHER, cpu=together):
        sound = reconstruct(states, relative=relative)
        states[3] = states[3].clone()
        states[3][1, 4, 2, 0] = value
        found = reconstruct(states, relative=relative)
    for layer, (one, other) in enumerate(zip(found, sound), start=1):
        rows = [0, 2] if layer >= 3 else [0, 1, 2]
        torch.testing.assert_close(one.images[rows], other.images[rows], rtol=1e-12, atol=1e-12)
        assert layer < 3 or one.images[1].isnan().all()
        assert not one.constant.any()


def test_an_evaluation_sample_that_is_no_number_is_lost_alone():
    states = small_states()
    sound = reconstruct(states)
    for layer in range(3, len(states)):
        states[layer] = states[layer].clone()
        states[layer][1, FIT + 2] = math.nan
    for layer, (one, other) in enumerate(zip(reconstruct(states), sound), start=1):
        lost = one.images.isnan()
        expected = torch.zeros_like(lost)
        expected[1, 2] = layer >= 3
        assert torch.equal(lost, expected)
        torch.testing.assert_close(one.images[~lost], other.images[~lost], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("scale", [1e9, 1e30, 1e60])
@pytest.mark.parametrize(("fit", "shape", "rtol"), [(12, (8, 8), 1e-6), (35, (2, 2), 0.02)])
def test_large_states_are_not_lost(scale, fit, shape, rtol):
    """Their Gram matrix is singular and rounded by more than λ: the regression is then one without noise.

    As far as can be told: with more samples than units there are directions in which there is nothing but rounding.
    """
    states = network_states([(2, 3), *[shape] * 3], fit + EVALUATION, 2, seed=1)
    found = reconstruct([states[0], *(scale * x for x in states[1:])], fit)
    expected = [plain_cascade([x[0] for x in replica_of(states, r)], fit, penalty=0) for r in range(2)]
    assert_equal(found, [torch.stack(layer) for layer in zip(*expected)], rtol)


@pytest.mark.parametrize("penalty", [0, 0.0, -1e-4, math.nan, math.inf, -math.inf])
def test_a_penalty_that_makes_no_sense_is_refused(penalty):
    with pytest.raises(InfoflowError, match=rf"^kernel cascade: the penalty is {penalty}; .* above 0[^\n]*$"):
        reconstruct(small_states(), penalty=penalty)


@pytest.mark.parametrize("fit", [-1, 0, 1, FIT + EVALUATION, FIT + EVALUATION + 1])
def test_too_few_samples_are_refused(fit):
    with pytest.raises(InfoflowError, match=rf"^kernel cascade: {fit} of 26 samples to fit to; [^\n]*$"):
        reconstruct(small_states(), fit)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize("value", [0.0, 0.1, -1 / 3, 1e-30, 123456.7])
@pytest.mark.parametrize("fit", [7, 300])
def test_of_a_constant_layer_the_mean_is_all_that_is_reconstructed(dtype, relative, value, fit):
    """Exactly, although most values, and their means, have to be rounded; of later layers as well."""
    states = network_states([(9,), (8,), (8,), (8,)], fit + EVALUATION, 2, seed=2)
    states[2][1] = value * torch.arange(1, 9)
    states = [x.to(dtype) for x in states]
    found = reconstruct(states, fit, relative=relative)
    assert [layer.constant.tolist() for layer in found] == [[False, False], [False, True], [False, False]]
    mean = states[0][0, :fit].double().mean(0)
    for layer in found[1:]:
        assert torch.equal(layer.images[1], mean.expand(EVALUATION, -1))
        entropy = differential_entropy(layer.images.numpy())
        assert np.isfinite(entropy[0])
        assert entropy[1] == -np.inf


@given(power=st.integers(-12, 12), seed=st.integers(0, 100))
def test_relative_noise_does_not_see_the_scale_of_a_layer(power, seed):
    states = network_states([(3, 4), *[(5, 3)] * 4], FIT + EVALUATION, 1, seed)
    scaled = [x if layer in (0, 3) else 10.0**power * x for layer, x in enumerate(states)]
    expected = [layer.images for layer in reconstruct(states, relative=True)]
    assert_equal(reconstruct(scaled, relative=True), expected)


def test_absolute_noise_drowns_a_small_layer():
    states = small_states(layers=2)
    large, small = (reconstruct([states[0], *(scale * x for x in states[1:])]) for scale in (1, 1e-6))
    spread = [[float(layer.images.std(1).mean()) for layer in layers] for layers in (large, small)]
    assert min(spread[0]) > 0.01
    assert spread[1][0] < 1e-4
    assert spread[1][1] < 1e-10


def test_what_is_lost_becomes_zero_at_once():
    """Not by way of the numbers that are too small for fast arithmetic, below 1e-308."""
    half = torch.randint(-2, 3, (FIT // 2, 12), generator=torch.Generator().manual_seed(0)).double()
    inputs = torch.cat([half, -half, torch.ones(EVALUATION, 12)])[None]  # of mean 0 without rounding
    layer = 1e-3 * torch.randn(1, *inputs.shape[1:2], 15, generator=torch.Generator().manual_seed(1))
    found = torch.cat([layer.images for layer in reconstruct([inputs, *[layer] * 300])]).abs()
    assert found[-1].max() == 0
    assert found[found > 0].min() > 1e-200
