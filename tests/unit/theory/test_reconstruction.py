import math
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import erf, expit, ndtr

from infoflow.engine.activations.kinds import ACTIVATIONS
from infoflow.reconstruction.divergence import differential_entropy, explained_variance, relative_entropy
from infoflow.theory import meanfield
from infoflow.theory import reconstruction as theory
from infoflow.theory.reconstruction import KERNELS, reconstruction_theory, theory_cascade

PENALTY = 1e-3
PHI = {
    "erf": erf,
    "gelu": lambda z: z * ndtr(z),
    "leaky_relu": lambda z: np.maximum(z, z / 100),
    "linear": lambda z: z,
    "relu": lambda z: np.maximum(z, 0),
    "sigmoid": expit,
    "silu": lambda z: z * expit(z),
    "sine": np.sin,
    "softplus": lambda z: np.logaddexp(0, z),
    "tanh": np.tanh,
    "tanhshrink": lambda z: z - np.tanh(z),
}


def images(seed: int, n: int, samples: int, pixels: int) -> tuple[np.ndarray, np.ndarray]:
    """Images to fit and to reconstruct; some are brighter than others."""
    stream = np.random.default_rng(seed)
    every = stream.uniform(size=(n + samples, pixels)) * stream.uniform(0.3, 1.5, size=(n + samples, 1))
    return every[:n], every[n:]


def cascade(*arguments, **options) -> np.ndarray:
    return np.stack(list(theory_cascade(*arguments, **options)))


def covariance(phi, a: float, b: float, c: float) -> float:
    """E φ(u)φ(u') for variances a and b and correlation c, as a trapezoidal sum over the plane."""
    z = np.arange(-100, 101) / 12
    weight = np.exp(-z * z / 2)
    weight /= weight.sum()
    other = phi(math.sqrt(b) * (c * z[:, None] + math.sqrt(1 - c * c) * z))
    return float((weight * phi(math.sqrt(a) * z)) @ (other @ weight))


def after(kernel, a: float, b: float, apart: float) -> tuple[np.ndarray, float]:
    """E φ² of both and E (φ - φ')²/2, for variances a and b and 1 - c = apart."""
    root = math.sqrt(a) - math.sqrt(b)
    distance = root * root / 2 + apart * math.sqrt(a * b)
    square, found = kernel(np.array([a, b]), np.array([[0, distance], [distance, 0]]))
    assert found[0, 1] == pytest.approx(found[1, 0], rel=1e-12)
    assert found[0, 0] == found[1, 1] == 0
    return square, float(found[0, 1])


def plain_cascade(phi, sigma_w2, sigma_b2, widths, fit, evaluation, noises):
    """The recursion of physics.md F2, word by word, with the covariances of `covariance`."""
    n, every = len(fit), np.concatenate([fit, evaluation])
    left, k, found = fit - fit.mean(0), every @ every.T / fit.shape[1], []
    for width, noise in zip(widths, noises):
        q = sigma_w2 * k + sigma_b2
        root = np.sqrt(np.diag(q))
        c = np.clip(q / root[:, None] / root, -1, 1)
        k = [[covariance(phi, a * a, b * b, c[i, j]) for j, b in enumerate(root)] for i, a in enumerate(root)]
        k = np.array(k)
        gram = width * k[:, :n]
        gram = gram - gram.mean(1, keepdims=True) - gram[:n].mean(0) + gram[:n].mean()
        inverse = np.linalg.solve(gram[:n] + n * noise(k[:n, :n]) * np.eye(n), left)
        left = gram[:n] @ inverse
        found.append(fit.mean(0) + gram[n:] @ inverse)
    return np.stack(found)


# --- covariances


SMOOTH = sorted(set(KERNELS) - {"leaky_relu", "linear", "relu"})


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize(("a", "b"), [(0.05, 0.05), (0.3, 1.1), (1.7, 1.7), (4.0, 0.2), (3.8, 4.0)])
def test_covariances_are_those_of_two_dimensional_quadrature(name, a, b):
    for c in (-0.9, 0.0, 0.3, 0.8, 0.98):
        square, distance = after(KERNELS[name], a, b, 1 - c)
        expected = covariance(PHI[name], a, b, c)
        assert square.mean() - distance == pytest.approx(expected, rel=1e-10, abs=1e-14)
        assert square == pytest.approx([covariance(PHI[name], v, v, 1.0) for v in (a, b)], rel=1e-12)


@pytest.mark.parametrize(("a", "b"), [(1e-4, 3e-4), (0.3, 1.1), (1.7, 1.7), (8.0, 8.1)])
def test_the_expansion_has_the_closed_form_of_erf(a, b):
    for apart in (1e-6, 1e-3, 0.2, 1.0, 1.9):
        square, distance = after(partial(theory._odd, erf), a, b, apart)
        exact, expected = after(KERNELS["erf"], a, b, apart)
        assert distance == pytest.approx(expected, rel=1e-10)
        assert square == pytest.approx(exact, rel=1e-13)
        plain = [2 / math.pi * math.asin(2 * v / (1 + 2 * v)) for v in (a, b)]
        s = 2 * math.sqrt(a * b) * (1 - apart) / math.sqrt((1 + 2 * a) * (1 + 2 * b))
        assert expected == pytest.approx(np.mean(plain) - 2 / math.pi * math.asin(s), rel=1e-9, abs=1e-15)


def test_leaky_relu_is_a_mixture_of_a_line_and_relu():
    """Against quadrature over the line, half by half, in polar coordinates: E φφ' is a mean over the angle."""
    angle = (np.arange(40_000) + 0.5) * math.pi / 20_000
    for a, b in ((0.3, 1.1), (2.0, 2.0)):
        for apart in (0.01, 0.5, 1.0, 1.5, 2.0):
            square, distance = after(KERNELS["leaky_relu"], a, b, apart)
            u, v = math.sqrt(a) * np.cos(angle), math.sqrt(b) * np.cos(angle - math.acos(1 - apart))
            # r² of the plane's radius is 2 on average
            expected = 2 * np.mean(PHI["leaky_relu"](u) * PHI["leaky_relu"](v))
            assert square.mean() - distance == pytest.approx(expected, rel=1e-7, abs=1e-8)
            assert square == pytest.approx([0.50005 * a, 0.50005 * b], rel=1e-12)


def test_relu_has_the_arc_cosine_kernel():
    for a, b in ((0.3, 1.1), (2.0, 2.0)):
        for apart in (0.01, 0.5, 1.0, 1.5, 2.0):
            square, distance = after(KERNELS["relu"], a, b, apart)
            angle = math.acos(1 - apart)
            expected = math.sqrt(a * b) / (2 * math.pi) * (math.sin(angle) + (math.pi - angle) * math.cos(angle))
            assert square.mean() - distance == pytest.approx(expected, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize(
    ("name", "slope"), [("linear", 1.0), *((name, None) for name in sorted(set(KERNELS) & set(meanfield.ACTIVATIONS)))]
)
@pytest.mark.parametrize("v", [0.05, 0.7, 4.0, 7.9])
def test_distances_keep_their_relative_precision_where_inputs_become_one(name, slope, v):
    """Where c rounds to 1, they still shrink by the slope of the correlation map."""
    slope = meanfield.slope_at(v, 1.0, name) if slope is None else slope
    for apart in (1e-12, 1e-18, 1e-25):
        _, distance = after(KERNELS[name], v, v, apart)
        assert distance == pytest.approx(slope * v * apart, rel=1e-5 if "relu" in name else 1e-9)


def test_distances_keep_their_relative_precision_where_variances_differ():
    for apart, tolerance in ((1e-6, 1e-10), (1e-12, 1e-6), (1e-16, 1e-3)):
        _, expected = after(KERNELS["erf"], 0.7, 0.7 * (1 + apart), apart)
        _, distance = after(partial(theory._odd, erf), 0.7, 0.7 * (1 + apart), apart)
        assert distance == pytest.approx(expected, rel=tolerance)


@pytest.mark.parametrize("v", [1e-12, 1e-3, 0.9, 30.0])
def test_the_variance_is_that_of_mean_field_theory(v):
    for name in sorted(set(KERNELS) & set(meanfield.ACTIVATIONS)):
        square, _ = after(KERNELS[name], v, v, 0.3)
        assert square == pytest.approx(meanfield.second_moment(np.array([v, v]), name), rel=1e-12)
    if v < 1e-2:  # z - tanh z = z³/3 - 2 z⁵/15
        square, _ = after(KERNELS["tanhshrink"], v, v, 0.3)
        assert square == pytest.approx(15 / 9 * v**3 * (1 - 5.6 * v), rel=1e-4)


def test_equal_inputs_stay_equal_in_the_chaotic_phase():
    fit, evaluation = images(0, 6, 3, 5)
    evaluation[0] = evaluation[1] = fit[2]
    found = cascade("tanh", 9.0, 0.0, [100] * 60, fit, evaluation, PENALTY)
    assert np.ptp(found[:, :2], axis=1).max() < 1e-12
    assert np.abs(found[5, 0] - fit[2]).max() < np.abs(found[5, 0] - fit[3]).max()


# --- the cascade


@pytest.mark.parametrize("name", sorted({*SMOOTH, "linear"}))  # a kink is not resolved by the quadrature
@pytest.mark.parametrize(("n", "pixels"), [(5, 9), (7, 4), (6, 6)])
@pytest.mark.parametrize("relative", [False, True])
def test_it_is_the_recursion_of_its_definition(name, n, pixels, relative):
    fit, evaluation = images(1, n, 2, pixels)
    widths = [30, 10, 20]
    found = cascade(name, 1.5, 0.1, widths, fit, evaluation, PENALTY, relative=relative)
    noises = [lambda k: PENALTY * (np.diag(k).mean() if relative else 1)] * 3
    assert found == pytest.approx(plain_cascade(PHI[name], 1.5, 0.1, widths, fit, evaluation, noises), rel=1e-8)


@pytest.mark.parametrize("name", KERNELS)
def test_the_first_layer_of_a_wide_network_is_as_predicted(name):
    """The Gram matrix of 200,000 units. Within the few per cent of the contrast that they leave."""
    fit, evaluation = images(2, 6, 3, 8)
    stream = np.random.default_rng(0)
    every = np.concatenate([fit, evaluation])
    z = every @ stream.standard_normal((8, 200_000)) * math.sqrt(1.5 / 8) + 0.3 * stream.standard_normal(200_000)
    states = PHI[name](z)
    states -= states[:6].mean(0)
    gram = states @ states[:6].T / 200_000 * 50
    expected = fit.mean(0) + gram[6:] @ np.linalg.solve(gram[:6] + 6 * PENALTY * np.eye(6), fit - fit.mean(0))
    (found,) = theory_cascade(name, 1.5, 0.09, [50], fit, evaluation, PENALTY)
    assert np.abs(found - expected).max() < 0.03 * np.ptp(expected, axis=0).max()


def test_a_linear_layer_of_as_many_units_as_pixels_is_ridge_regression_on_the_images():
    fit, evaluation = images(3, 8, 4, 5)
    (found,) = theory_cascade("linear", 1.0, 0.4, [5], fit, evaluation, PENALTY)
    x = fit - fit.mean(0)
    inverse = np.linalg.solve(x.T @ x + 8 * PENALTY * np.eye(5), x.T @ x)
    assert found == pytest.approx(fit.mean(0) + (evaluation - fit.mean(0)) @ inverse, rel=1e-10)


@settings(max_examples=15)
@given(
    name=st.sampled_from(sorted(KERNELS)),
    n=st.integers(2, 12),
    samples=st.integers(1, 6),
    pixels=st.integers(1, 15),
    seed=st.integers(0, 2**16),
)
def test_evaluation_samples_do_not_know_of_each_other(name, n, samples, pixels, seed):
    fit, evaluation = images(seed, n, samples, pixels)
    arguments = (name, 1.3, 0.05, [40] * 3)
    found = cascade(*arguments, fit, evaluation, PENALTY)
    assert found.shape == (3, samples, pixels)
    order = np.random.default_rng(seed).permutation(samples)
    assert cascade(*arguments, fit, evaluation[order], PENALTY) == pytest.approx(found[:, order], rel=1e-7, abs=1e-9)
    assert cascade(*arguments, fit, evaluation[:1], PENALTY) == pytest.approx(found[:, :1], rel=1e-7, abs=1e-9)
    order = np.random.default_rng(seed).permutation(n)
    assert cascade(*arguments, fit[order], evaluation, PENALTY) == pytest.approx(found, rel=1e-7, abs=1e-9)


@settings(max_examples=10)
@given(n=st.integers(3, 9), seed=st.integers(0, 2**16), name=st.sampled_from(sorted(KERNELS)))
def test_it_does_not_matter_whether_there_are_more_pixels_than_samples(n, seed, name):
    """Black pixels, with the others brighter for them, leave x·x'/P as it is."""
    pixels, more = n - 1, 3 * n
    fit, evaluation = images(seed, n, 4, pixels)
    found = cascade(name, 1.3, 0.05, [40] * 4, fit, evaluation, PENALTY)
    bright = math.sqrt(more / pixels)
    padded = (np.pad(part * bright, ((0, 0), (0, more - pixels))) for part in (fit, evaluation))
    other = cascade(name, 1.3, 0.05, [40] * 4, *padded, PENALTY)
    assert other[..., :pixels] / bright == pytest.approx(found, rel=1e-7, abs=1e-9)
    assert (other[..., pixels:] == 0).all()


@pytest.mark.parametrize("name", ["linear", "relu", "leaky_relu"])
def test_relative_noise_does_not_see_the_scale_of_a_layer(name):
    fit, evaluation = images(4, 8, 5, 12)
    found = cascade(name, 1.0, 0.0, [40] * 6, fit, evaluation, PENALTY, relative=True)
    for w in (1e-9, 0.1, 100.0):
        other = cascade(name, w, 0.0, [40] * 6, fit, evaluation, PENALTY, relative=True)
        assert other == pytest.approx(found, rel=1e-9)
    assert explained_variance(evaluation, cascade(name, 0.1, 0.0, [40] * 6, fit, evaluation, PENALTY)[-1]) < 0.1


def test_widths_and_the_noise_enter_by_their_ratio_only():
    fit, evaluation = images(5, 8, 5, 12)
    found = cascade("tanh", 1.5, 0.05, [40, 20, 10], fit, evaluation, PENALTY)
    assert cascade("tanh", 1.5, 0.05, [400, 200, 100], fit, evaluation, 10 * PENALTY) == pytest.approx(found, rel=1e-9)


# --- limits


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize("pixels", [4, 20])
def test_where_all_states_agree_it_is_the_mean(name, relative, pixels):
    fit, evaluation = images(6, 7, 3, pixels)
    for sigma_b2 in (0.0, 0.05):
        found = cascade(name, 0.0, sigma_b2, [9] * 3, fit, evaluation, PENALTY, relative=relative)
        assert (found == fit.mean(0)).all()
    same = np.repeat(fit[:1], 7, axis=0)
    assert (cascade(name, 1.0, 0.1, [9] * 3, same, evaluation, PENALTY, relative=relative) == same.mean(0)).all()


def test_deep_in_the_ordered_phase_it_becomes_the_mean():
    fit, evaluation = images(7, 20, 5, 9)
    found = reconstruction_theory("tanh", 0.4, 0.05, 400, fit, evaluation, 1e-4, 50)
    entropy = found.differential_entropy
    lost = int(np.isneginf(entropy).argmax())
    assert lost > 10
    assert np.isneginf(entropy[lost:]).all()
    assert (np.diff(entropy[5:lost]) < 0).all()
    assert np.isfinite(found.relative_entropy).all()
    assert found.explained_variance[-1] == explained_variance(evaluation, np.repeat(fit.mean(0)[None], 5, axis=0))


@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize("name", KERNELS)
def test_variances_may_vanish(name, relative):
    """Without biases and with weights so small that the squares leave the range of the numbers; black images."""
    fit, evaluation = images(8, 6, 3, 9)
    fit[0] = evaluation[0] = 0
    found = cascade(name, 1e-30, 0.0, [9] * 15, fit, evaluation, PENALTY, relative=relative)
    assert np.isfinite(found).all()
    if not relative:
        assert found[-1] == pytest.approx(np.repeat(fit.mean(0)[None], 3, axis=0))


@pytest.mark.parametrize("name", ["linear", "relu", "tanhshrink", "leaky_relu", "gelu", "silu", "softplus"])
@pytest.mark.parametrize("pixels", [4, 20])
def test_where_numbers_overflow_it_is_nan_from_there_on(name, pixels):
    fit, evaluation = images(9, 6, 3, pixels)
    found = cascade(name, 1e60, 0.05, [9] * 9, fit, evaluation, PENALTY)
    sound = np.isfinite(found).all(axis=(1, 2))
    assert sound[0]
    assert not sound[-1]
    assert (np.diff(sound.astype(int)) <= 0).all()
    assert np.isnan(found[~sound]).all()
    curves = reconstruction_theory(name, 1e60, 0.05, 9, fit, evaluation, PENALTY, 9)
    for curve in (curves.relative_entropy, curves.differential_entropy, curves.explained_variance):
        assert (np.isfinite(curve) == sound).all()


def test_a_noise_below_rounding_is_no_error():
    fit, evaluation = images(10, 30, 5, 6)
    found = cascade("tanh", 1.5, 0.05, [10**9] * 20, fit, evaluation, 1e-30)
    assert np.isfinite(found).all()
    assert explained_variance(evaluation, found[0]) > 0.99


# --- the curves


def test_the_curves_are_those_of_the_reconstructions():
    fit, evaluation = images(11, 9, 5, 6)
    widths = [40, 30, 20]
    found = reconstruction_theory("erf", 1.5, 0.05, 3, fit, evaluation, PENALTY, widths)
    layers = cascade("erf", 1.5, 0.05, widths, fit, evaluation, PENALTY)
    assert found.relative_entropy == pytest.approx(np.median(relative_entropy(evaluation, layers), axis=-1))
    assert found.differential_entropy == pytest.approx(differential_entropy(layers))
    assert found.explained_variance == pytest.approx(explained_variance(evaluation, layers))
    one = reconstruction_theory("erf", 1.5, 0.05, 3, fit, evaluation, PENALTY, 40)
    assert one.explained_variance.shape == (3,)
    assert one.explained_variance[0] == found.explained_variance[0]
    assert one.explained_variance[2] > found.explained_variance[2]


def test_there_is_a_theory_of_every_activation():
    assert set(KERNELS) <= set(ACTIVATIONS)
    assert sorted(PHI) == sorted(KERNELS) == list(KERNELS)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"activation": "swish"}, "no theory of reconstruction for activation 'swish'; known: erf, gelu, leaky"),
        ({"sigma_w2": -1.0}, "sigma_w2 must be finite and not negative"),
        ({"sigma_b2": np.inf}, "sigma_b2 must be finite and not negative"),
        ({"penalty": 0.0}, "penalty must be positive and finite"),
        ({"penalty": np.nan}, "penalty must be positive and finite"),
        ({"penalty": np.inf}, "penalty must be positive and finite"),
        ({"widths": [9, 0]}, "widths must be positive and finite"),
        ({"fit": np.ones((1, 4))}, "fit needs at least two samples"),
        ({"fit": np.full((3, 4), np.nan)}, "fit and evaluation must be finite"),
        ({"evaluation": np.full((3, 4), np.inf)}, "fit and evaluation must be finite"),
        ({"evaluation": np.ones((3, 5))}, "images of one size"),
        ({"fit": np.ones((3, 2, 2))}, "images of one size"),
    ],
)
def test_it_refuses(changed, message):
    """At the call, not when the first layer is asked for."""
    fit, evaluation = images(12, 5, 3, 4)
    arguments = {
        "activation": "tanh",
        "sigma_w2": 1.0,
        "sigma_b2": 0.05,
        "widths": [9, 9],
        "fit": fit,
        "evaluation": evaluation,
        "penalty": PENALTY,
    }
    with pytest.raises(ValueError, match=message):
        theory_cascade(**{**arguments, **changed})


def test_it_wants_one_width_for_every_layer():
    fit, evaluation = images(12, 5, 3, 4)
    with pytest.raises(ValueError, match="one number or one per layer: 2 for 3 layers"):
        reconstruction_theory("tanh", 1.0, 0.05, 3, fit, evaluation, PENALTY, [9, 9])
