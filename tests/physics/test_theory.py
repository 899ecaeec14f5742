"""Theory of the architectures: variances against wide random networks, limits, and what it does not know."""

import numpy as np
import pytest
import torch

from infoflow.architectures.build import build_network
from infoflow.engine.initialization import COMMON, draw_gaussian
from infoflow.reconstruction import cascade
from infoflow.theory import architectures as theory
from infoflow.theory import meanfield, residual

MLP = {"kind": "mlp", "layout": "wide", "activation": "tanh"}
CNN = {"kind": "cnn", "channels": 100, "activation": "tanh"}
RESNET = {"kind": "resnet", "channels": 100, "activation": "tanh"}
DENSE = {"kind": "resnet_dense", "activation": "tanh", "head": []}
VGG16 = {"kind": "vgg16", "activation": "relu"}
IMAGE = np.random.default_rng(3).random((12, 12))
WEIGHTS, BIASES = np.array([[0.3], [2.0]]), np.array([2e-5, 0.01, 0.05])


@pytest.fixture(autouse=True)
def one_thread():
    """The layers are small: threads would wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def simulate(architecture, image, w, b, depth, replicas) -> np.ndarray:
    """Mean squared pre-activations of random networks, [replicas, layers]."""
    layers = [block.forward for block in build_network(architecture, image.shape, 10, depth).blocks]
    given = torch.from_numpy(image).float()[None]
    found = []
    for first in range(0, replicas, 50):
        some = range(first, min(first + 50, replicas))
        frozen = draw_gaussian(layers, w, b, 0, "theory", some, COMMON)
        _, moments, _ = cascade.forward(layers, frozen, given, len(some))
        found.append(torch.stack(moments, dim=1)[..., 0].double())
    return torch.cat(found).numpy()


def predict(architecture, image, w, b, layers) -> tuple[np.ndarray, np.ndarray]:
    """Variance and spread of one point, [layers]."""
    widths = [image.size if architecture is DENSE else 100] * layers
    found = theory.layer_variances(architecture, image, np.array([w]), np.array([b]), widths)
    return tuple(values[0] for values in found)


@pytest.mark.parametrize(
    ("shape", "activation", "w"),
    [
        ((12, 12), "tanh", 0.7),
        ((12, 12), "relu", 2.0),
        ((9, 14, 3), "tanh", 2.0),
        ((9, 14, 3), "relu", 0.7),
        ((12, 12), "gelu", 1.5),
        ((12, 12), "sine", 2.0),
    ],
)
def test_variances_of_convolutional_networks(shape, activation, w):
    """400 networks of 100 channels: 3 standard errors, of up to 2 %, and a bias of the order of 1/channels."""
    image = np.random.default_rng(3).random(shape)
    architecture = CNN | {"activation": activation}
    measured = simulate(architecture, image, w, 0.02, 3, 400)
    variance, spread = predict(architecture, image, w, 0.02, 5)
    error = measured.std(0, ddof=1) / 20
    assert (np.abs(measured.mean(0) - variance) < 3 * error + variance / 100).all()
    assert (error < 0.02 * variance).all()
    # the spread is that of a network whose pixels are all alike; here they are not
    ratio = measured.std(0, ddof=1) / spread
    assert (ratio > 0.5).all()
    assert (ratio < 1).all()


@pytest.mark.parametrize("w", [0.3, 2.0])
def test_variances_of_residual_networks(w):
    """Mean of 200 networks of 100 channels; standard errors are 1 %."""
    measured = simulate(RESNET, IMAGE, w, 0.02, 5, 200).mean(0)
    variance, spread = predict(RESNET, IMAGE, w, 0.02, 7)
    assert measured == pytest.approx(variance, rel=0.03)
    assert np.isnan(spread).all()


@pytest.mark.parametrize("w", [0.3, 2.0])
def test_variances_of_dense_residual_networks(w):
    """Mean of 100 networks of width 576; standard errors are 0.5 %."""
    image = np.random.default_rng(3).random((24, 24))
    measured = simulate(DENSE, image, w, 0.02, 6, 100).mean(0)
    variance, spread = predict(DENSE, image, w, 0.02, 6)
    assert measured == pytest.approx(variance, rel=0.03)
    assert np.isnan(spread).all()


def test_variances_of_multilayer_perceptrons_are_the_recursion():
    found = predict(MLP, IMAGE, 1.7, 0.05, 8)
    expected = meanfield.variance_recursion(np.mean(IMAGE**2), 1.7, 0.05, [100] * 8)
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("w", [0.7, 1.5, 3.0])
def test_deep_convolutional_networks_forget_the_pixel(w):
    """Every pixel reaches the fixed point of the fully connected network."""
    (last,) = theory._convolution_variances(IMAGE, np.array([w]), np.array([0.05]), 80, "tanh")[-1]
    assert last == pytest.approx(np.full((4, 4), meanfield.depth_scales(w, 0.05).q_star), rel=1e-9)


def test_the_stem_of_the_residual_network_is_that_of_the_convolutional_one():
    for layers in (3, 6):
        np.testing.assert_allclose(
            predict(RESNET, IMAGE, 1.5, 0.05, layers)[0][:3], predict(CNN, IMAGE, 1.5, 0.05, 3)[0]
        )


def test_edges_of_chaos():
    assert theory.edge_of_chaos(CNN, [2e-5, 0.05]) == pytest.approx([1.049912, 1.760955], abs=6e-7)
    assert theory.edge_of_chaos(MLP | {"activation": "relu"}, 0.05).tolist() == [2]
    for architecture in (RESNET, DENSE, VGG16):
        assert np.isnan(theory.edge_of_chaos(architecture, [2e-5, 0.05])).tolist() == [True, True]


def test_depth_scales_without_blocks_are_those_of_mean_field_theory():
    expected = meanfield.depth_scales(WEIGHTS, BIASES)
    for architecture in (MLP, CNN):
        found = theory.depth_scales(architecture, *np.broadcast_arrays(WEIGHTS, BIASES), IMAGE, 5)
        assert list(found) == list(theory.SCALES)
        for name, values in found.items():
            np.testing.assert_array_equal(values, getattr(expected, name))


@pytest.mark.parametrize("architecture", [RESNET, DENSE], ids=lambda a: a["kind"])
def test_the_length_of_residual_networks_is_that_over_which_gradients_change_by_e(architecture):
    """xi_c = blocks / |ln of the mean squared gradient's ratio|; what enters the blocks is the stem's, or the image."""
    w, b = np.broadcast_arrays(WEIGHTS, BIASES)
    depth = 8
    blocks, initial = depth, IMAGE.ravel()
    if architecture is RESNET:
        blocks = depth - 1
        stem = [predict(CNN, IMAGE, *point, 3)[0][2] for point in zip(w.flat, b.flat)]
        initial = residual.after_tanh(np.reshape(stem, w.shape))
    log_jacobian = residual.follow_blocks(initial, w, b, blocks, architecture["kind"]).log_jacobian[..., -1]
    found = theory.depth_scales(architecture, w, b, IMAGE, depth)
    np.testing.assert_allclose(found["xi_c"], blocks / np.abs(log_jacobian), rtol=1e-6)
    np.testing.assert_allclose(found["chi_1"], np.exp(log_jacobian / blocks), rtol=1e-6)
    # gradients vanish and explode
    assert (found["chi_1"].min() < 1) & (found["chi_1"].max() > 1)
    for name in set(theory.SCALES) - {"xi_c", "chi_1"}:
        assert found[name].shape == w.shape
        assert np.isnan(found[name]).all()


@pytest.mark.parametrize(
    ("architecture", "depth"),
    [(RESNET, 1), (RESNET | {"activation": "relu"}, 5), (DENSE | {"activation": "erf"}, 5), (VGG16, 22)],
    ids=str,
)
def test_where_there_is_no_theory_everything_is_unknown(architecture, depth):
    w, b = np.broadcast_arrays(WEIGHTS, BIASES)
    for values in theory.depth_scales(architecture, w, b, IMAGE, depth).values():
        assert values.shape == w.shape
        assert np.isnan(values).all()
    if depth > 1:
        for values in theory.layer_variances(architecture, IMAGE, w.ravel(), b.ravel(), [7] * 4):
            assert values.shape == (6, 4)
            assert np.isnan(values).all()
