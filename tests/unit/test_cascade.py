"""The batched engine against the plain loop."""

import pytest
import torch

from infoflow.architectures import Block, build_network
from infoflow.cascade import compose_cascades, probe_cascade, train_inverses
from infoflow.initialization import draw_gaussian, draw_order, draw_uniform

SEED, REPLICAS = 3, 3
PROBE = {"epochs": 2, "batch_size": 16, "learning_rate": 1e-2, "seed": SEED}
LAYOUTS = [{"layout": "wide"}, {"layout": "wide", "width": 11}, {"layout": "shrinking", "width": 14}]


@pytest.fixture(scope="module")
def images():
    # 40 images in batches of 16: the last batch is a smaller one
    return torch.rand(40, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def blocks(option, depth=6) -> tuple[Block, ...]:
    return build_network({"kind": "mlp", "layout": "wide", "activation": "tanh", **option}, (4, 4), 10, depth).blocks


def linear(parameters: dict[str, torch.Tensor], replica: int) -> torch.nn.Linear:
    """One network's layer as a module of torch."""
    weight, bias = parameters["weight"][replica], parameters["bias"][replica]
    layer = torch.nn.Linear(*weight.shape, dtype=weight.dtype)
    layer.weight.data, layer.bias.data = weight.T.clone(), bias[0].clone()
    return layer


def plain_probe(blocks, sigma_w2, sigma_b2, images, evaluation, replica):
    """One replica as one would write it down: a loop over layers, one optimizer each, autograd."""
    frozen = [
        linear(p, 0) for p in draw_gaussian([b.forward for b in blocks], sigma_w2, sigma_b2, SEED, "frozen", [replica],
                                            dtype=images.dtype)
    ]  # fmt: skip
    inverses = [
        linear(p, 0) for p in draw_uniform([b.inverse for b in blocks], SEED, "inverse", [replica], dtype=images.dtype)
    ]
    optimizers = [torch.optim.Adam(c.parameters(), lr=PROBE["learning_rate"]) for c in inverses]
    losses = []
    for epoch in range(PROBE["epochs"]):
        (order,) = draw_order(SEED, "probe order", epoch, [replica], len(images))
        for batch in order.split(PROBE["batch_size"]):
            x, step = images[batch].flatten(1), []
            for layer, inverse, optimizer in zip(frozen, inverses, optimizers):
                with torch.no_grad():
                    y = torch.tanh(layer(x))
                loss = torch.nn.functional.mse_loss(torch.tanh(inverse(y)), x)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                step.append(loss.detach())
                x = y
            losses.append(torch.stack(step))
    reconstructions, x = [], evaluation.flatten(1)
    with torch.no_grad():
        for depth, layer in enumerate(frozen, start=1):
            x = torch.tanh(layer(x))
            y = x
            for inverse in reversed(inverses[:depth]):
                y = torch.tanh(inverse(y))
            reconstructions.append(y)
    return torch.stack(reconstructions), torch.stack(losses, dim=1)


@pytest.mark.parametrize("option", LAYOUTS, ids=str)
def test_the_batched_engine_equals_the_plain_loop(option, images):
    evaluation = images[:5]
    probe = probe_cascade(blocks(option), 1.5, 0.1, images, evaluation, replicas=range(REPLICAS), **PROBE)
    for r in range(REPLICAS):
        reconstructions, losses = plain_probe(blocks(option), 1.5, 0.1, images, evaluation, r)
        torch.testing.assert_close(probe.reconstructions[r].flatten(2), reconstructions, rtol=1e-9, atol=1e-11)
        torch.testing.assert_close(probe.losses[r], losses, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("option", LAYOUTS, ids=str)
def test_replicas_in_one_batch_equal_single_runs(option, images):
    together = probe_cascade(blocks(option), 1.5, 0.1, images, images[:5], replicas=range(REPLICAS), **PROBE)
    for r in range(REPLICAS):
        alone = probe_cascade(blocks(option), 1.5, 0.1, images, images[:5], replicas=[r], **PROBE)
        torch.testing.assert_close(together.reconstructions[r], alone.reconstructions[0], rtol=1e-10, atol=1e-12)
        torch.testing.assert_close(together.losses[r], alone.losses[0], rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("option", LAYOUTS[:2], ids=str)
def test_the_probe_of_a_shallow_network_is_the_prefix_of_the_deep_one(option, images):
    deep = probe_cascade(blocks(option, 6), 1.5, 0.1, images, images[:5], replicas=range(2), **PROBE)
    shallow = probe_cascade(blocks(option, 3), 1.5, 0.1, images, images[:5], replicas=range(2), **PROBE)
    torch.testing.assert_close(shallow.reconstructions, deep.reconstructions[:, :3], rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(shallow.pre_activation_moments, deep.pre_activation_moments[:, :3])


def test_replicas_differ_and_runs_repeat(images):
    run = [probe_cascade(blocks({}), 1.5, 0.1, images, images[:5], replicas=range(2), **PROBE) for _ in range(2)]
    assert torch.equal(run[0].reconstructions, run[1].reconstructions)
    assert not torch.allclose(run[0].reconstructions[0], run[0].reconstructions[1], atol=1e-3)


def test_no_gradient_reaches_the_frozen_network_and_inputs_stay(images):
    option = blocks({})
    frozen = draw_gaussian([b.forward for b in option], 1.5, 0.1, SEED, "frozen", [0], dtype=images.dtype)
    inverse = draw_uniform([b.inverse for b in option], SEED, "inverse", [0], dtype=images.dtype)
    before = [{k: v.clone() for k, v in p.items()} for p in (*frozen, *inverse)]
    for p in frozen:
        for tensor in p.values():
            tensor.requires_grad_()
    trained, _ = train_inverses(option, frozen, inverse, images, replicas=[0], **PROBE)
    assert all(tensor.grad is None for p in frozen for tensor in p.values())
    for now, then in zip((*frozen, *inverse), before):
        assert all(torch.equal(now[k], then[k]) for k in then)
    assert not any(tensor.requires_grad for p in trained for tensor in p.values())


def test_a_probe_that_overflows_is_told_and_does_not_crash(images):
    from infoflow.evaluation import DIVERGED, evaluate_probe
    from infoflow.store import Result

    option = {"layout": "wide", "activation": "relu"}
    deep = build_network({"kind": "mlp", **option}, (4, 4), 10, 30).blocks
    probe = probe_cascade(deep, 1e5, 0.1, images.float(), images[:5].float(), replicas=range(2), **PROBE)
    found = {
        "reconstructions": probe.reconstructions.flatten(3).numpy(),
        "evaluation_images": images[:5].flatten(1).numpy(),
        "losses": probe.losses.numpy(),
        "pre_activation_moments": probe.pre_activation_moments.numpy(),
    }
    variables = evaluate_probe(Result(found, {}), 1e-12, 0.005)
    assert (variables["probe_status"][1] == DIVERGED).all()
    assert all(torch.isnan(torch.from_numpy(variables["explained_variance"][1])).flatten())


def test_every_layers_loss_falls(images):
    probe = probe_cascade(
        blocks({}), 1.5, 0.1, images, images[:5], replicas=range(2), **{**PROBE, "epochs": 20}
    )  # fmt: skip
    assert (probe.losses[..., -6:].mean(-1) < probe.losses[..., :3].mean(-1)).all()


def test_composition_and_moments_of_a_known_network(images):
    option = blocks({}, 2)
    eye = {"weight": torch.eye(16, dtype=images.dtype)[None], "bias": torch.zeros(1, 1, 16, dtype=images.dtype)}
    reconstructions, moments = compose_cascades(option, [eye, eye], [eye, eye], images[:3])
    x = images[:3].flatten(1)
    for _ in range(2):
        x = torch.tanh(x)
    torch.testing.assert_close(reconstructions[0, 0].flatten(1), x)
    torch.testing.assert_close(reconstructions[0, 1].flatten(1), torch.tanh(torch.tanh(x)))
    torch.testing.assert_close(moments[0, 0], images[:3].flatten(1).square().mean(1))
