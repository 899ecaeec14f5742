"""Theory of the architectures: variances against wide random networks, limits, and what it does not know."""

import numpy as np
import pytest
import torch
import xarray as xr

from infoflow.architectures.build import build_network
from infoflow.engine.initialization import COMMON, draw_gaussian
from infoflow.reconstruction import cascade
from infoflow.studies.trainability.figures import initialization
from infoflow.theory import architectures as theory
from infoflow.theory import convolutional, meanfield, residual

MLP = {"kind": "mlp", "layout": "wide", "activation": "tanh"}
CNN = {"kind": "cnn", "channels": 100, "activation": "tanh"}
RESNET = {"kind": "resnet", "channels": 100, "activation": "tanh"}
DENSE = {"kind": "resnet_dense", "activation": "tanh", "head": []}
VGG16 = {"kind": "vgg16", "activation": "relu"}
FIELDS = ("recursion", "log_mean", "log_spread", "mean_spread")
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
    return found.recursion[0], found.spread[0]


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
    # both standard deviations are of random networks: 3.5 % of 400, 5 % of 200
    assert measured.std(0, ddof=1) == pytest.approx(spread, rel=0.2)


DRAWN = np.array([0.5, 0.8, 1.05, 4.0])
"""σ_w² of the demonstration's convolutional networks, of 8 channels and 17 layers; σ_b² = 2·10⁻⁵."""


@pytest.fixture(scope="module")
def small() -> tuple[np.ndarray, theory.Variances]:
    """An image as large as those of digits, and what theory says of it."""
    image = np.random.default_rng(5).random((8, 8))
    return image, theory.layer_variances(CNN | {"channels": 8}, image, DRAWN, np.full(4, 2e-5), [8] * 17)


def judge(small, k: int, factor: float, networks: int, replicas: int = 3) -> np.ndarray:
    """What the figure judges by, of networks with `factor` times the σ_w² of the theory, some replicas at a time."""
    image, found = small
    layers = xr.DataArray(np.arange(17), dims="layer", name="layer")
    known = initialization.Known(*(xr.DataArray(getattr(found, f)[k], coords=[layers]) for f in FIELDS))
    drawn = simulate(CNN | {"channels": 8}, image, factor * DRAWN[k], 2e-5, 15, networks)
    groups = drawn.reshape(-1, replicas, 17)
    return np.array([initialization.mean_deviation(xr.DataArray(g, dims=("replica", "layer")), known) for g in groups])


@pytest.mark.parametrize("k", range(4))
def test_right_convolutional_networks_pass_the_check_of_their_initialisation(small, k):
    """Of 300 networks: 5 % of the layers are more than two standard deviations away, and the means are normal.

    The mean and the spread of theory are of 200 networks: known to 0.07 and 0.05 of the spread; groups of 3 replicas
    have √3 times that, and 100 of them a mean within 0.1 and a standard deviation within 0.07.
    """
    image, found = small
    drawn = simulate(CNN | {"channels": 8}, image, DRAWN[k], 2e-5, 15, 300)
    strays = (np.log(drawn / found.recursion[k]) - found.log_mean[k]) / found.log_spread[k]
    assert strays.std(0) == pytest.approx(1, abs=0.4)  # of chaotic networks tails are heavy
    assert strays.std(0).mean() == pytest.approx(1, abs=0.1)
    assert (np.abs(strays) > 2).mean() == pytest.approx(0.05, abs=0.03)
    means = judge(small, k, 1.0, 300)
    assert means.mean() == pytest.approx(0, abs=0.45)
    assert means.std() == pytest.approx(1, abs=0.3)
    assert (np.abs(means) < initialization.FOUND_OUT).mean() > 0.97


@pytest.mark.parametrize("factor", [1.3, 1 / 1.3])
@pytest.mark.parametrize("k", range(4))
def test_a_wrong_variance_of_convolutional_weights_is_found_out(small, k, factor):
    """By three replicas of 8 channels, in nearly all of 20 runs; σ_w² a factor of 1.3 off, which q hardly shows."""
    means = judge(small, k, factor, 60)
    assert (np.sign(means) == np.sign(np.log(factor))).all()
    assert (np.abs(means) > initialization.FOUND_OUT).mean() >= 0.95


def law_of(w: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, convolutional.Law]:
    """The recursion of 4 channels, 6 layers, and the law of how far they stray from it."""
    architecture = CNN | {"channels": 4}
    q = theory.layer_variances(architecture, IMAGE, w, b, [4] * 6).recursion
    return q, convolutional.draw_law(IMAGE, w, b, [4] * 6, np.tanh, q)


def test_of_many_variances_the_law_of_convolutional_networks_is_interpolated(monkeypatch):
    """The draws are the same at all points: what differs is the lines between them."""
    w = np.tile(np.linspace(0.2, 5, 40), 2)
    b = np.repeat([2e-5, 0.1], 40)
    _, lines = law_of(w, b)
    monkeypatch.setattr(convolutional, "POINTS", 40)
    _, exact = law_of(w, b)
    same = np.isclose(lines.spread, exact.spread, rtol=1e-12).all(1)
    assert 2 * 12 <= same.sum() < 80
    assert same[[0, 39, 40, 79]].all()
    for name in ("log_mean", "log_spread", "mean_spread"):
        off = np.abs(getattr(lines, name) - getattr(exact, name)) / exact.log_spread
        assert off.max() < 0.2, name
        assert off.mean() < 0.03, name


def test_of_large_convolutional_networks_fewer_are_drawn(monkeypatch):
    drawn = []
    inner = convolutional._draw
    monkeypatch.setattr(convolutional, "_draw", lambda *given: drawn.append(given[-1]) or inner(*given))
    work = 2 * 9 * (1 * 12 * 12 * 4 + 16 * (6 * 6 + 6 * 6 + 3 * 4 * 4))  # images of 12, 6, 6 and 4 pixels
    for of, number in ((1e9, 200), (work * 50, 50), (1, 20)):
        monkeypatch.setattr(convolutional, "WORK", of)
        law_of(np.array([0.5, 2.0]), np.full(2, 0.05))
        assert drawn.pop() == number


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
    np.testing.assert_allclose(found, expected[:2])


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
        for values in vars(theory.layer_variances(architecture, IMAGE, w.ravel(), b.ravel(), [7] * 4)).values():
            assert values.shape == (6, 4)
            assert np.isnan(values).all()


def test_where_no_variance_is_known_nothing_is_said_to_be_as_asked_for(small):
    layers = xr.DataArray(np.arange(17), dims="layer", name="layer")
    known = initialization.Known(*(xr.DataArray(getattr(small[1], f)[0], coords=[layers]) for f in FIELDS))
    lost = initialization.mean_deviation(xr.DataArray(np.full((3, 17), np.nan), dims=("replica", "layer")), known)
    deviations = np.full(51, np.nan)
    assert initialization._say(deviations, {(0.5, 0.05): lost}, known, "cnn")[0].startswith("Nothing is checked")
    right = {(0.5, 0.05): lost, (2.0, 0.05): -1.2}
    assert "within 1.2 standard errors" in initialization._say(deviations, right, known, "cnn")[0]
