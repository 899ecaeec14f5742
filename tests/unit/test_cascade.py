"""The batched engine against the plain loop."""

import pytest
import torch

import plain
from infoflow.architectures import Block, apply, build_network, vjp
from infoflow.architectures.mlp import Dense
from infoflow.cascade import compose_cascades, probe_cascade
from infoflow.initialization import draw_gaussian, draw_order, draw_uniform
from infoflow.reconstruction import fit_inverses, methods, ridge

SEED, REPLICAS = 3, 3
ADAM = {"method": "adam", "epochs": 2, "batch_size": 16, "learning_rate": 1e-2}
RIDGE = {"method": "ridge", "ridge_penalty": 1e-4, "ridge_samples": 30}
OPTIONS = {"adam": ADAM, "ridge": RIDGE}
LAYOUTS = [{"layout": "wide"}, {"layout": "wide", "width": 11}, {"layout": "shrinking", "width": 14}]


@pytest.fixture(scope="module")
def images():
    # 40 images in batches of 16: the last batch is a smaller one
    return torch.rand(40, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def blocks(option, depth=6) -> tuple[Block, ...]:
    return build_network({"kind": "mlp", "layout": "wide", "activation": "tanh", **option}, (4, 4), 10, depth).blocks


def probe(option, images, replicas=range(REPLICAS), depth=6, method="adam", sigma_w2=1.5, **changes):
    settings = OPTIONS[method] | changes
    return probe_cascade(
        blocks(option, depth), sigma_w2, 0.1, images, images[:5], settings, seed=SEED, replicas=replicas
    )


def plain_probe(blocks, sigma_w2, sigma_b2, images, evaluation, replica):
    """One replica as one would write it down: reconstructions [L, S, P], losses [L, steps]."""
    frozen = plain.frozen_layers([b.forward for b in blocks], sigma_w2, sigma_b2, SEED, replica, dtype=images.dtype)
    inverses = plain.inverse_layers([b.inverse for b in blocks], SEED, replica, dtype=images.dtype)
    orders = [draw_order(SEED, "probe order", epoch, [replica], len(images))[0] for epoch in range(ADAM["epochs"])]
    batches = [images[batch] for order in orders for batch in order.split(ADAM["batch_size"])]
    losses = plain.train_inverses(frozen, inverses, batches, ADAM["learning_rate"])
    return plain.compose(frozen, inverses, evaluation), losses


@pytest.mark.parametrize("option", LAYOUTS, ids=str)
def test_the_batched_engine_equals_the_plain_loop(option, images):
    found = probe(option, images)
    for r in range(REPLICAS):
        reconstructions, losses = plain_probe(blocks(option), 1.5, 0.1, images, images[:5], r)
        torch.testing.assert_close(found.reconstructions[r].flatten(2), reconstructions, rtol=1e-9, atol=1e-11)
        torch.testing.assert_close(found.losses[r], losses, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("at_once", [1, 2, 4, 7, 100])
@pytest.mark.parametrize("option", LAYOUTS, ids=str)
@pytest.mark.parametrize("method", methods())
def test_how_many_networks_are_taken_at_once_changes_nothing(method, option, at_once, images):
    settings = {"seed": SEED, "replicas": range(REPLICAS)}
    frozen = draw_gaussian(
        [b.forward for b in blocks(option)], 1.5, 0.1, SEED, "frozen", range(REPLICAS), dtype=images.dtype
    )
    one, other = (
        fit_inverses(blocks(option), frozen, images, OPTIONS[method], at_once=n, **settings) for n in (None, at_once)
    )
    torch.testing.assert_close(other.losses, one.losses, rtol=1e-10, atol=1e-12)
    for p, q in zip(one.parameters, other.parameters, strict=True):
        for name in p:
            torch.testing.assert_close(q[name], p[name], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("method", methods())
def test_the_number_of_threads_changes_nothing(images, method, threads):
    before = torch.get_num_threads()
    expected = probe({}, images, method=method)
    try:
        torch.set_num_threads(threads)
        found = probe({}, images, method=method)
    finally:
        torch.set_num_threads(before)
    torch.testing.assert_close(found.reconstructions, expected.reconstructions, rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(found.losses, expected.losses, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("method", methods())
@pytest.mark.parametrize("option", LAYOUTS, ids=str)
def test_replicas_in_one_batch_equal_single_runs(option, method, images):
    together = probe(option, images, method=method)
    for r in range(REPLICAS):
        alone = probe(option, images, replicas=[r], method=method)
        torch.testing.assert_close(together.reconstructions[r], alone.reconstructions[0], rtol=1e-9, atol=1e-11)
        torch.testing.assert_close(together.losses[r], alone.losses[0], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("method", methods())
@pytest.mark.parametrize("option", LAYOUTS[:2], ids=str)
def test_the_probe_of_a_shallow_network_is_the_prefix_of_the_deep_one(option, method, images):
    deep, shallow = (probe(option, images, depth=depth, method=method) for depth in (6, 3))
    torch.testing.assert_close(shallow.reconstructions, deep.reconstructions[:, :3], rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(shallow.pre_activation_moments, deep.pre_activation_moments[:, :3])


def test_replicas_differ_and_runs_repeat(images):
    run = [probe({}, images, replicas=range(2)) for _ in range(2)]
    assert torch.equal(run[0].reconstructions, run[1].reconstructions)
    assert not torch.allclose(run[0].reconstructions[0], run[0].reconstructions[1], atol=1e-3)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_no_gradient_reaches_the_frozen_network_and_inputs_stay(images, options):
    option = blocks({})
    frozen = draw_gaussian([b.forward for b in option], 1.5, 0.1, SEED, "frozen", [0], dtype=images.dtype)
    before = [{k: v.clone() for k, v in p.items()} for p in frozen]
    for p in frozen:
        for tensor in p.values():
            tensor.requires_grad_()
    found = fit_inverses(option, frozen, images, options, seed=SEED, replicas=[0])
    assert all(tensor.grad is None for p in frozen for tensor in p.values())
    for now, then in zip(frozen, before):
        assert all(torch.equal(now[k], then[k]) for k in then)
    assert not any(tensor.requires_grad for p in found.parameters for tensor in p.values())


@pytest.mark.parametrize("method", methods())
def test_a_probe_that_overflows_is_told_and_does_not_crash(images, method):
    from infoflow.evaluation import DIVERGED, evaluate_probe
    from infoflow.store import Result

    result = probe({"activation": "relu"}, images.float(), range(2), depth=30, method=method, sigma_w2=1e5)
    found = {
        "reconstructions": result.reconstructions.flatten(3).numpy(),
        "evaluation_images": images[:5].flatten(1).numpy(),
        "losses": result.losses.numpy(),
        "pre_activation_moments": result.pre_activation_moments.numpy(),
    }
    variables = evaluate_probe(Result(found, {}), 1e-12, 0.005, pictures=3)
    assert (variables["probe_status"][1] == DIVERGED).all()
    assert all(torch.isnan(torch.from_numpy(variables["explained_variance"][1])).flatten())


def test_every_layers_loss_falls(images):
    losses = probe({}, images, range(2), epochs=20).losses
    assert (losses[..., -6:].mean(-1) < losses[..., :3].mean(-1)).all()


def test_composition_and_moments_of_a_known_network(images):
    option = blocks({}, 2)
    eye = {"weight": torch.eye(16, dtype=images.dtype)[None], "bias": torch.zeros(1, 1, 16, dtype=images.dtype)}
    forward, inverse = [b.forward for b in option], [b.inverse for b in option]
    reconstructions, moments = compose_cascades(forward, [eye, eye], inverse, [eye, eye], images[:3])
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
    layers = [Dense((4, 4), (16,), "linear")]
    frozen = draw_gaussian(layers, 4.0, 0.1, SEED, "frozen", [0], dtype=images.dtype)
    block = [Block(layers[0], Dense((16,), (4, 4), "tanh"))]
    found = fit_inverses(block, frozen, images, RIDGE | {"ridge_penalty": 1e-12}, seed=SEED, replicas=[0])
    back = apply(found.maps[0], found.parameters[0], apply(layers[0], frozen[0], images[None]))
    torch.testing.assert_close(back[0], images, atol=1e-6, rtol=0)
    assert float(found.losses[0, 0, 0]) < 1e-9


class Plain:
    """A map like Dense that knows nothing of gradients."""

    def __init__(self, dense):
        self.input_shape, self.output_shape = dense.input_shape, dense.output_shape
        self.parameter_shapes = dense.parameter_shapes
        self.pre_activation, self.activate = dense.pre_activation, dense.activate


@pytest.mark.parametrize("activation", ["tanh", "erf", "relu", "linear"])
@pytest.mark.parametrize(("decay", "scale"), [(0.0, 1.0), (1.0, -0.1), (0.9, 1.0)])
def test_gradients_by_hand_equal_autograd(activation, decay, scale):
    layer = Dense((2, 3), (5,), activation)
    stream = torch.Generator().manual_seed(2)
    x = torch.randn(4, 7, 2, 3, generator=stream, dtype=torch.float64)
    gradient = torch.randn(4, 7, 5, generator=stream, dtype=torch.float64)
    (parameters,) = draw_uniform([layer], SEED, "inverse", range(4), dtype=x.dtype)
    results = []
    for kind in (layer, Plain(layer)):
        into = {name: p.clone() for name, p in parameters.items()}
        output, pull_back = vjp(kind, parameters, x)
        results.append([output, pull_back(gradient, into, decay, scale, to_input=True), *into.values()])
        _, pull_back = vjp(kind, parameters, x)
        assert pull_back(gradient, into, decay, scale, to_input=False) is None
    for by_hand, by_autograd in zip(*results):
        torch.testing.assert_close(by_hand, by_autograd, rtol=1e-12, atol=1e-14)
