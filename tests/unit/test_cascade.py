"""The batched engine against the plain loop."""

import numpy as np
import pytest
import torch

import plain
from common import ARCHITECTURES
from infoflow import cascade, frozen, maps
from infoflow.architectures import Block, build_network
from infoflow.cascade import compose_cascades, probe_cascade
from infoflow.errors import InfoflowError
from infoflow.evaluation import DIVERGED, OK, evaluate_probe
from infoflow.grid import is_prefix_invariant
from infoflow.initialization import draw_gaussian, draw_order, draw_uniform
from infoflow.maps import apply, convolution, record_of, vjp
from infoflow.maps.compose import Chain, Residual
from infoflow.maps.convolution import Convolution, TransposedConvolution
from infoflow.maps.dense import Dense
from infoflow.maps.pooling import MaxPool, Unpool
from infoflow.reconstruction import fit_inverses, methods, ridge
from infoflow.store import Result

SEED, REPLICAS = 3, 3
ADAM = {"method": "adam", "epochs": 2, "batch_size": 16, "learning_rate": 1e-2}
RIDGE = {"method": "ridge", "ridge_penalty": 1e-4, "ridge_samples": 30}
OPTIONS = {"adam": ADAM, "ridge": RIDGE}
EVERY = pytest.mark.parametrize("option", ARCHITECTURES.values(), ids=ARCHITECTURES)
MLP = ARCHITECTURES["mlp"]


@pytest.fixture(scope="module")
def images():
    # 40 images in batches of 16: the last batch is a smaller one
    return torch.rand(40, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def blocks(option, depth=5) -> tuple[Block, ...]:
    return build_network(option, (8, 8), 10, depth).blocks


def probe(option, images, replicas=range(REPLICAS), depth=5, method="adam", sigma_w2=1.5, **changes):
    settings = OPTIONS[method] | changes
    return probe_cascade(
        blocks(option, depth), sigma_w2, 0.1, images, images[:5], settings, seed=SEED, replicas=replicas
    )


def plain_probe(blocks, sigma_w2, sigma_b2, images, evaluation, replica):
    """One replica as one would write it down: reconstructions [L, S, P], losses [L, steps]."""
    layers = plain.frozen_layers([b.forward for b in blocks], sigma_w2, sigma_b2, SEED, replica, dtype=images.dtype)
    inverses = plain.inverse_layers([b.inverse for b in blocks], SEED, replica, dtype=images.dtype)
    orders = [draw_order(SEED, "probe order", epoch, [replica], len(images))[0] for epoch in range(ADAM["epochs"])]
    batches = [images[batch] for order in orders for batch in order.split(ADAM["batch_size"])]
    losses = plain.train_inverses(layers, inverses, batches, ADAM["learning_rate"])
    return plain.compose(layers, inverses, evaluation), losses


@EVERY
def test_the_batched_engine_equals_the_plain_loop(option, images):
    found = probe(option, images)
    for r in range(REPLICAS):
        reconstructions, losses = plain_probe(blocks(option), 1.5, 0.1, images, images[:5], r)
        torch.testing.assert_close(found.reconstructions[r], reconstructions, rtol=1e-9, atol=1e-11)
        torch.testing.assert_close(found.losses[r], losses, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("at_once", [1, 2, 4, 7, 100])
@EVERY
@pytest.mark.parametrize("method", methods())
def test_how_many_networks_are_taken_at_once_changes_nothing(method, option, at_once, images):
    settings = {"seed": SEED, "replicas": range(REPLICAS)}
    parameters = draw_gaussian(
        [b.forward for b in blocks(option)], 1.5, 0.1, SEED, "frozen", range(REPLICAS), dtype=images.dtype
    )
    one, other = (
        fit_inverses(blocks(option), parameters, images, OPTIONS[method], at_once=n, **settings)
        for n in (None, at_once)
    )
    torch.testing.assert_close(other.losses, one.losses, rtol=1e-10, atol=1e-12)
    for p, q in zip(one.parameters, other.parameters, strict=True):
        for name in p:
            torch.testing.assert_close(q[name], p[name], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("method", methods())
def test_the_number_of_threads_changes_nothing(images, method, threads):
    before = torch.get_num_threads()
    expected = probe(MLP, images, method=method)
    try:
        torch.set_num_threads(threads)
        found = probe(MLP, images, method=method)
    finally:
        torch.set_num_threads(before)
    torch.testing.assert_close(found.reconstructions, expected.reconstructions, rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(found.losses, expected.losses, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("method", methods())
@EVERY
def test_replicas_in_one_batch_equal_single_runs(option, method, images):
    together = probe(option, images, method=method)
    for r in range(REPLICAS):
        alone = probe(option, images, replicas=[r], method=method)
        torch.testing.assert_close(together.reconstructions[r], alone.reconstructions[0], rtol=1e-9, atol=1e-11)
        torch.testing.assert_close(together.losses[r], alone.losses[0], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("method", methods())
@pytest.mark.parametrize("option", [o for o in ARCHITECTURES.values() if is_prefix_invariant(o)], ids=str)
def test_the_probe_of_a_shallow_network_is_the_prefix_of_the_deep_one(option, method, images):
    deep, shallow = (probe(option, images, depth=depth, method=method) for depth in (5, 3))
    layers = shallow.losses.shape[1]
    torch.testing.assert_close(shallow.reconstructions, deep.reconstructions[:, :layers], rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(shallow.pre_activation_moments, deep.pre_activation_moments[:, :layers])


def test_replicas_differ_and_runs_repeat(images):
    run = [probe(MLP, images, replicas=range(2)) for _ in range(2)]
    assert torch.equal(run[0].reconstructions, run[1].reconstructions)
    assert not torch.allclose(run[0].reconstructions[0], run[0].reconstructions[1], atol=1e-3)


@EVERY
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_no_gradient_reaches_the_frozen_network_and_inputs_stay(images, option, options):
    parameters = draw_gaussian([b.forward for b in blocks(option)], 1.5, 0.1, SEED, "frozen", [0], dtype=images.dtype)
    before = [{k: v.clone() for k, v in p.items()} for p in parameters]
    for p in parameters:
        for tensor in p.values():
            tensor.requires_grad_()
    found = fit_inverses(blocks(option), parameters, images, options, seed=SEED, replicas=[0])
    assert all(tensor.grad is None for p in parameters for tensor in p.values())
    for now, then in zip(parameters, before):
        assert all(torch.equal(now[k], then[k]) for k in then)
    assert not any(tensor.requires_grad for p in found.parameters for tensor in p.values())


def evaluated(found, images) -> dict[str, np.ndarray]:
    """What `evaluate_probe` makes of a probe, but for the image."""
    arrays = {
        "reconstructions": found.reconstructions.flatten(3).numpy(),
        "evaluation_images": images[:5].flatten(1).numpy(),
        "losses": found.losses.numpy(),
        "pre_activation_moments": found.pre_activation_moments.numpy(),
    }
    variables = evaluate_probe(Result(arrays, {}), 1e-12, 0.005, pictures=3)
    return {name: v for name, (dimensions, v, _) in variables.items() if dimensions[:2] == ("replica", "layer")}


@pytest.mark.parametrize("method", methods())
def test_a_probe_that_overflows_is_told_and_does_not_crash(images, method):
    result = probe(MLP | {"activation": "relu"}, images.float(), range(2), depth=30, method=method, sigma_w2=1e5)
    variables = evaluated(result, images)
    assert (variables["probe_status"][1, 0] == OK).all()
    assert (variables["probe_status"][1, -1] == DIVERGED).all()
    assert np.array_equal(np.isnan(variables["explained_variance"]), variables["probe_status"] == DIVERGED)


@pytest.mark.parametrize("method", methods())
@pytest.mark.parametrize("name", ["mlp pixels", "cnn"])
def test_a_divergence_in_deep_layers_leaves_the_shallow_ones_as_they_are(images, method, name):
    """ReLU at σ_w² = 6 overflows in deep layers; the probe of three layers is the beginning of that of all."""
    option = ARCHITECTURES[name] | {"activation": "relu"} | ({"channels": 12} if name == "cnn" else {})
    alone, deep = (
        evaluated(probe(option, images.float(), range(2), depth=depth, method=method, sigma_w2=6.0), images)
        for depth in (3, 220)
    )
    assert (alone["probe_status"] == OK).all()
    assert (deep["probe_status"][:, :10] == OK).all()
    assert (deep["probe_status"][:, -1] == DIVERGED).all()
    layers = alone["probe_status"].shape[1]
    for variable, values in alone.items():
        assert variable == "saturation_depth" or np.isfinite(values).all(), variable
        np.testing.assert_allclose(deep[variable][:, :layers], values, rtol=1e-3, atol=1e-4, err_msg=variable)


def test_every_layers_loss_falls(images):
    losses = probe(MLP, images, range(2), epochs=20).losses
    assert (losses[..., -6:].mean(-1) < losses[..., :3].mean(-1)).all()


def test_composition_and_moments_of_a_known_network(images):
    option = blocks(ARCHITECTURES["mlp pixels"], 2)
    eye = {"weight": torch.eye(64, dtype=images.dtype)[None], "bias": torch.zeros(1, 1, 64, dtype=images.dtype)}
    forward, inverse = [b.forward for b in option], [b.inverse for b in option]
    reconstructions, moments = compose_cascades(forward, [eye, eye], inverse, [eye, eye], images[:3], 1)
    x = images[:3].flatten(1)
    for _ in range(2):
        x = torch.tanh(x)
    torch.testing.assert_close(reconstructions[0, 0].flatten(1), x)
    torch.testing.assert_close(reconstructions[0, 1].flatten(1), torch.tanh(torch.tanh(x)))
    torch.testing.assert_close(moments[0, 0], images[:3].flatten(1).square().mean(1))


def test_ridge_is_the_minimum_of_its_objective(images):
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
    images = images[:, :2, :4]
    found = fit_inverses(block, parameters, images, RIDGE | {"ridge_penalty": 1e-12}, seed=SEED, replicas=[0])
    back = apply(found.maps[0], found.parameters[0], apply(layers[0], parameters[0], images[None]))
    torch.testing.assert_close(back[0], images, atol=1e-6, rtol=0)
    assert float(found.losses[0, 0, 0]) < 1e-9


class Plain:
    """A map that knows nothing of gradients."""

    def __init__(self, known):
        self.input_shape, self.output_shape = known.input_shape, known.output_shape
        self.parameter_shapes = known.parameter_shapes
        self.pre_activation, self.activate = known.pre_activation, known.activate


MAPS = [
    *(Dense((2, 3), (5,), activation) for activation in ("tanh", "erf", "relu", "linear", "tanhshrink")),
    Dense((2, 3), (5,), "tanh", bias=False),
    Convolution((6, 5), 3, "tanh", padding=1),
    Convolution((6, 5, 2), 3, "relu", stride=2, padding=1, bias=False),
    Convolution((6, 5, 2), 2, "tanh", wrap=1),
    Convolution((6, 5, 2), 2, "erf", kernel=4, stride=3, padding=2, wrap=2),
    TransposedConvolution((6, 5, 2), (6, 5), "tanh"),
    TransposedConvolution((3, 4, 2), (6, 8, 3), "tanh", stride=2),
    TransposedConvolution((3, 4, 2), (7, 7, 3), "relu", kernel=2, stride=2),
    TransposedConvolution((3, 4, 2), (6, 8, 3), "linear", kernel=2, stride=2),
    Chain((Convolution((6, 5, 2), 4, "tanh", wrap=1), Convolution((6, 5, 4), 2, "linear", wrap=1))),
    Residual(Dense((2, 3), (2, 3), "tanh"), "tanh"),
    Residual(Chain((Convolution((6, 5, 2), 4, "tanh", wrap=1), Convolution((6, 5, 4), 2, "linear", wrap=1))), "tanh"),
]


@pytest.mark.parametrize("layer", MAPS, ids=str)
@pytest.mark.parametrize(("decay", "scale"), [(0.0, 1.0), (1.0, -0.1), (0.9, 1.0)])
@pytest.mark.parametrize("networks", [1, 3])
def test_gradients_by_hand_equal_autograd(layer, decay, scale, networks):
    stream = torch.Generator().manual_seed(2)
    x = torch.randn(networks, 4, *layer.input_shape, generator=stream, dtype=torch.float64)
    gradient = torch.randn(networks, 4, *layer.output_shape, generator=stream, dtype=torch.float64)
    (parameters,) = draw_uniform([layer], SEED, "inverse", range(networks), dtype=x.dtype)
    results = []
    for kind in (layer, Plain(layer)):
        into = {name: p.clone() for name, p in parameters.items()}
        output, pull_back = vjp(kind, parameters, x)
        results.append([output, pull_back(gradient, into, decay, scale, to_input=True), *into.values()])
        _, pull_back = vjp(kind, parameters, x)
        assert pull_back(gradient, into, decay, scale, to_input=False) is None
    for by_hand, by_autograd in zip(*results):
        torch.testing.assert_close(by_hand, by_autograd, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("layer", [layer for layer in MAPS if "Convolution" in str(layer)], ids=str)
def test_networks_as_groups_of_one_convolution_compute_the_same(layer, monkeypatch):
    """What a GPU does, on the CPU."""
    stream = torch.Generator().manual_seed(2)
    x = torch.randn(3, 4, *layer.input_shape, generator=stream, dtype=torch.float64)
    gradient = torch.randn(3, 4, *layer.output_shape, generator=stream, dtype=torch.float64)
    (parameters,) = draw_uniform([layer], SEED, "inverse", range(3), dtype=x.dtype)
    results = []
    for grouped in (False, True):
        monkeypatch.setattr(convolution, "_grouped", lambda x, grouped=grouped: grouped)
        into = {name: p.clone() for name, p in parameters.items()}
        output, pull_back = vjp(layer, parameters, x)
        results.append([output, pull_back(gradient, into, 0.9, -0.1, to_input=True), *into.values()])
    for one_by_one, together in zip(*results):
        torch.testing.assert_close(together, one_by_one, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("layer", [layer for layer in MAPS if "erf" not in str(layer)], ids=str)  # torch has no Erf
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_maps_equal_the_modules_of_torch(layer, dtype):
    x = torch.randn(2, 4, *layer.input_shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64).to(dtype)
    (parameters,) = draw_uniform([layer], SEED, "inverse", range(2), dtype=dtype)
    with torch.no_grad():
        expected = torch.stack([plain.module(layer, parameters, r)(x[r]) for r in range(2)])
    tolerance = {"rtol": 1e-12, "atol": 1e-13} if dtype == torch.float64 else {"rtol": 1e-5, "atol": 1e-6}
    torch.testing.assert_close(apply(layer, parameters, x), expected, **tolerance)


@pytest.mark.parametrize("option", [ARCHITECTURES[name] for name in ("mlp", "cnn", "resnet")], ids=str)
@pytest.mark.parametrize("method", methods())
def test_what_does_not_fit_in_memory_is_streamed_and_changes_nothing(method, option, images, monkeypatch):
    expected = probe(option, images, method=method)
    if method == "adam":  # all layers, or those of the stem
        monkeypatch.setattr(frozen, "ACTIVATIONS", 1000 if option is MLP else 8 * 40 * 3 * 50)
        assert any(frozen.is_streamed(block, images) for block in blocks(option))
    monkeypatch.setattr(maps, "PART", 10_000)
    monkeypatch.setattr(cascade, "memory", lambda device: 100_000)
    found = probe(option, images, method=method)
    torch.testing.assert_close(found.losses, expected.losses, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(found.reconstructions, expected.reconstructions, rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(found.pre_activation_moments, expected.pre_activation_moments)


def test_pooling_is_undone_where_the_maxima_were():
    x = torch.rand(2, 3, 6, 7, 4, generator=torch.Generator().manual_seed(0))
    layer, back = MaxPool((6, 7, 4), 2), Unpool((3, 3, 4), (6, 7, 4))
    y = apply(layer, {}, x)
    again = apply(back, {}, y, record_of(layer, x))
    torch.testing.assert_close(apply(layer, {}, again), y)
    where = again != 0
    torch.testing.assert_close(again[where], x[where])
    assert int(where.sum()) == y.numel()


def test_single_channels_add_up_in_a_linear_way_back(images):
    """With linear inverses without bias, the reconstructions from all single channels sum to that from all at once."""
    layers = [Convolution((8, 8), 3, "tanh", padding=1)]
    weights = draw_gaussian(layers, 1.5, 0.1, SEED, "frozen", range(2), dtype=images.dtype)
    inverse = [TransposedConvolution((8, 8, 3), (8, 8), "linear")]
    parameters = draw_uniform(inverse, SEED, "inverse", range(2), dtype=images.dtype)
    parameters[0]["bias"].zero_()
    single = cascade.reconstruct_channels(layers, weights, inverse, parameters, images[:2], 2, [(1, 0), (1, 1), (1, 2)])
    full, _ = compose_cascades(layers, weights, inverse, parameters, images[:2], 2)
    torch.testing.assert_close(single.sum(1), full[:, 0])
    with pytest.raises(InfoflowError, match="no channel 3 in layer 1"):
        cascade.reconstruct_channels(layers, weights, inverse, parameters, images[:2], 2, [(1, 3)])


def test_ridge_refuses_layers_that_are_too_large(images):
    layer = Dense((30_000,), (30_000,), "tanh")
    block = [Block(layer, layer)]
    with pytest.raises(InfoflowError, match="layer 1 takes 30000 units to 30000, too many"):
        fit_inverses(block, [{}], images, RIDGE, seed=SEED, replicas=[0])


def test_channels_that_do_not_exist_are_refused_before_all_the_work(images, monkeypatch):
    monkeypatch.setattr(cascade, "fit_inverses", lambda *arguments, **options: pytest.fail("it was begun"))
    with pytest.raises(InfoflowError, match="no channel 0 in layer 8 of this network of 7 layers"):
        probe(ARCHITECTURES["cnn"], images, show_channels=[(1, 0), (8, 0)])
