"""The batched engine against the plain loop."""

import numpy as np
import pytest
import torch

import plain
from common import ARCHITECTURES, PROBES
from infoflow.architectures.build import build_network
from infoflow.engine.initialization import Ensemble, draw_gaussian, draw_order, draw_uniform
from infoflow.engine.maps import map as maps
from infoflow.engine.maps.convolution import Convolution, TransposedConvolution
from infoflow.engine.network import Block
from infoflow.errors import InfoflowError
from infoflow.files.conventions import DIVERGED, OK
from infoflow.files.results import Result
from infoflow.reconstruction import cascade, walk
from infoflow.reconstruction.cascade import compose_cascades, reconstruct
from infoflow.studies.trainability.evaluate_kl import evaluate_probe
from infoflow.studies.trainability.grid import is_prefix_invariant

SEED, REPLICAS = 3, 3
EVERY = pytest.mark.parametrize("option", ARCHITECTURES.values(), ids=ARCHITECTURES)
MLP = ARCHITECTURES["mlp"]


def blocks(option, depth=5) -> tuple[Block, ...]:
    return build_network(option, (8, 8), 10, depth).blocks


def probe(option, images, replicas=range(REPLICAS), depth=5, method="adam", sigma_w2=1.5, **changes):
    ensemble = Ensemble(sigma_w2, 0.1, SEED, replicas)
    return reconstruct(blocks(option, depth), ensemble, images, images[:5], PROBES[method] | changes)


def plain_probe(blocks, sigma_w2, sigma_b2, images, evaluation, replica):
    """One replica as one would write it down: reconstructions [L, S, P], losses [L, steps]."""
    layers = plain.frozen_layers([b.forward for b in blocks], sigma_w2, sigma_b2, SEED, replica, dtype=images.dtype)
    inverses = plain.inverse_layers([b.inverse for b in blocks], SEED, replica, dtype=images.dtype)
    adam = PROBES["adam"]
    orders = [draw_order(SEED, "probe order", epoch, [replica], len(images))[0] for epoch in range(adam["epochs"])]
    batches = [images[batch] for order in orders for batch in order.split(adam["batch_size"])]
    losses = plain.train_inverses(layers, inverses, batches, adam["learning_rate"])
    return plain.compose(layers, inverses, evaluation), losses


@EVERY
def test_the_batched_engine_equals_the_plain_loop(option, images):
    found = probe(option, images)
    for r in range(REPLICAS):
        reconstructions, losses = plain_probe(blocks(option), 1.5, 0.1, images, images[:5], r)
        torch.testing.assert_close(found.reconstructions[r], reconstructions, rtol=1e-9, atol=1e-11)
        torch.testing.assert_close(found.losses[r], losses, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("method", PROBES)
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


@pytest.mark.parametrize("method", PROBES)
@EVERY
def test_replicas_in_one_batch_equal_single_runs(option, method, images):
    together = probe(option, images, method=method)
    for r in range(REPLICAS):
        alone = probe(option, images, replicas=[r], method=method)
        torch.testing.assert_close(together.reconstructions[r], alone.reconstructions[0], rtol=1e-9, atol=1e-11)
        torch.testing.assert_close(together.losses[r], alone.losses[0], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("method", PROBES)
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


@pytest.mark.parametrize("method", PROBES)
def test_a_probe_that_overflows_is_told_and_does_not_crash(images, method):
    result = probe(MLP | {"activation": "relu"}, images.float(), range(2), depth=30, method=method, sigma_w2=1e5)
    variables = evaluated(result, images)
    assert (variables["probe_status"][1, 0] == OK).all()
    assert (variables["probe_status"][1, -1] == DIVERGED).all()
    assert np.array_equal(np.isnan(variables["explained_variance"]), variables["probe_status"] == DIVERGED)


@pytest.mark.parametrize("method", PROBES)
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


@pytest.mark.parametrize("option", [ARCHITECTURES[name] for name in ("mlp", "cnn", "resnet")], ids=str)
@pytest.mark.parametrize("method", PROBES)
def test_what_does_not_fit_in_memory_is_streamed_and_changes_nothing(method, option, images, monkeypatch):
    expected = probe(option, images, method=method)
    if method == "adam":  # all layers, or those of the stem
        monkeypatch.setattr(walk, "ACTIVATIONS", 1000 if option is MLP else 8 * 40 * 3 * 50)
        assert any(walk.is_streamed(block, images) for block in blocks(option))
    monkeypatch.setattr(maps, "PART", 10_000)
    monkeypatch.setattr(cascade, "memory", lambda device: 100_000)
    found = probe(option, images, method=method)
    torch.testing.assert_close(found.losses, expected.losses, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(found.reconstructions, expected.reconstructions, rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(found.pre_activation_moments, expected.pre_activation_moments)


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


def test_channels_that_do_not_exist_are_refused_before_all_the_work(images, monkeypatch):
    monkeypatch.setattr(cascade, "fit_inverses", lambda *arguments, **options: pytest.fail("it was begun"))
    with pytest.raises(InfoflowError, match="no channel 0 in layer 8 of this network of 7 layers"):
        probe(ARCHITECTURES["cnn"], images, show_channels=[(1, 0), (8, 0)])
