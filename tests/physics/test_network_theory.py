"""D_m through random networks against its closed form: physics.md C4."""

import numpy as np
import pytest
import torch

from infoflow.datasets.images import load_images
from infoflow.engine.initialization import draw_gaussian
from infoflow.engine.maps.dense import Dense
from infoflow.studies.network_entropy.measure import measure_entropies
from infoflow.studies.network_entropy.theory import asymptote, closed_form
from infoflow.theory import meanfield

WIDTH, BIAS = 784, 0.05
M = [1, 2, 3, 5, 10, 20, 27]
THEORY = {
    1.5: [138.7, 223.7, 274.5, 320.8, 340.9, 342.0, 342.0],
    3.0: [297.2, 470.4, 554.7, 605.3, 614.5, 614.5, 614.5],
}
"""Means over MNIST t10k images 5, 77 and 1234, for m of M."""
SQUARES = [0.0593, 0.0716, 0.1292]
"""Their ⟨x²⟩."""


def measure(images: torch.Tensor, w: float, depth: int, replicas=range(5), samples=32):
    maps = [Dense(a, (WIDTH,), "tanh") for a in ((28, 28), *[(WIDTH,)] * (depth - 1))]
    parameters = draw_gaussian(maps, w, BIAS, 0, "frozen", replicas)
    return measure_entropies(maps, parameters, images, samples=samples, seed=0, replicas=replicas)


def predict(images: torch.Tensor, w: float, depth: int) -> np.ndarray:
    squares = images.double().square().mean((1, 2)).numpy()
    return closed_form(w * squares + BIAS, w, BIAS, WIDTH, depth)


@pytest.fixture(scope="module")
def digits() -> torch.Tensor:
    """Ten images as dark as those of MNIST, of which a fifth of the pixels are not black."""
    stream = torch.Generator().manual_seed(0)
    ink = torch.rand(10, 28, 28, generator=stream) < torch.linspace(0.1, 0.3, 10)[:, None, None]
    return ink * torch.rand(10, 28, 28, generator=stream)


@pytest.mark.parametrize("w", [1.5, 2.0, 3.0, 4.0])
def test_wide_networks_follow_the_closed_form_within_five_per_cent(digits, w):
    measured = measure(digits, w, 12).relative_entropy.mean((0, 1))[1:]
    predicted = predict(digits, w, 12).mean(0)[1:]
    assert measured == pytest.approx(predicted, rel=0.05)


def spread(w: float) -> float:
    """Standard deviation of D_m over networks of WIDTH in the ordered phase, in nats; deep, all images agree.

    The variance across the N neurons of a layer is known to a share √(2/N), that of layer 1 in ln σ_p², and those of
    all later layers as far as they are remembered, e^{-k/ξ_q} k layers on: √(N/2) √(1 + 1/(1 - e^{-2/ξ_q})).
    """
    memory = np.exp(-2 / meanfield.depth_scales(w, BIAS).xi_q)
    return np.sqrt(WIDTH / 2 * (1 + 1 / (1 - memory)))


def test_in_the_ordered_phase_it_takes_more_than_five_networks_to_know_it_to_five_per_cent(digits):
    """At σ_w² = 1 the spread over networks is 31 nats: 14 in the mean of five, and five per cent of D_m are 3 to 11.

    More images do not help, as they have become one. So five networks are held to their own noise, and five per cent
    are asked of forty.
    """
    depth, predicted = 9, predict(digits, 1.0, 9).mean(0)[1:]
    groups = [measure(digits, 1.0, depth, range(r, r + 5), 16).relative_entropy.mean(1) for r in range(0, 40, 5)]
    curves = np.concatenate(groups)[:, 1:]
    assert np.abs(curves[:5].mean(0) - predicted).max() < 3 * spread(1.0) / np.sqrt(5)
    assert curves.mean(0) == pytest.approx(predicted, rel=0.05)
    assert curves[:, -1].std(ddof=1) == pytest.approx(spread(1.0), rel=0.3)  # forty know it to 11 %


def test_the_closed_form_has_the_values_of_the_specification():
    for w, expected in THEORY.items():
        curve = closed_form(w * np.array(SQUARES) + BIAS, w, BIAS, WIDTH, 28).mean(0)
        assert curve[M] == pytest.approx(expected, abs=0.11)  # ⟨x²⟩ has three digits here
    weights = [1, 1.5, 2, 2.5, 3, 3.5]
    ends = np.array([asymptote(w * 0.114 + BIAS, w, BIAS, WIDTH) for w in weights])
    assert ends == pytest.approx([65.0, 249.9, 374.0, 453.0, 506.8, 545.7], abs=0.06)
    units = WIDTH / 2 * np.log(2 * np.pi * np.e * np.array(weights))
    assert ends / units == pytest.approx([0.0585, 0.1965, 0.2702, 0.3078, 0.3284, 0.3403], abs=6e-5)


def test_images_of_mnist_have_the_measured_values(mnist_root):
    mnist = load_images({"kind": "mnist"}, mnist_root, 0)
    images = torch.from_numpy(mnist.test_images[[5, 77, 1234]].astype(np.float32)) / mnist.levels
    assert images.double().square().mean((1, 2)).numpy() == pytest.approx(SQUARES, abs=6e-5)
    for w, expected in THEORY.items():
        assert predict(images, w, 28).mean(0)[M] == pytest.approx(expected, abs=0.1)
        measured = measure(images, w, 28).relative_entropy.mean((0, 1))
        # of five networks; in the chaotic phase the spread is less, as samples of p do not become one
        assert np.abs(measured[M] - expected).max() < 3 * spread(w) / np.sqrt(5)


def test_bright_images_in_the_ordered_phase_have_negative_values_and_a_positive_gaussian_divergence():
    bright = torch.full((1, 28, 28), 0.19**0.5)
    assert asymptote(0.19 + BIAS, 1.0, BIAS, WIDTH) == pytest.approx(-84.2, abs=0.06)
    found = measure(bright, 1.0, 10)
    deep = found.relative_entropy[:, 0, 5:].mean()
    # about 20 nats of noise per network
    assert deep == pytest.approx(-84, abs=30)
    assert (found.gaussian_divergence >= 0).all()


def test_the_relaxation_length_is_finite_at_the_edge_where_the_correlation_length_is_not():
    edge = meanfield.edge_of_chaos(BIAS)
    scales = meanfield.depth_scales(edge, BIAS)
    assert scales.xi_q == pytest.approx(1.5211, abs=1e-4)
    assert scales.xi_c > 1e6
    # D_m approaches its end at that rate, and its end has no kink there
    curve = closed_form(edge * 0.114 + BIAS, edge, BIAS, WIDTH, 25)
    left = asymptote(edge * 0.114 + BIAS, edge, BIAS, WIDTH) - curve
    assert np.log(left[12] / left[13]) == pytest.approx(1 / scales.xi_q, rel=1e-3)
    around = np.array([asymptote(w * 0.114 + BIAS, w, BIAS, WIDTH) for w in edge + 0.01 * np.arange(-2, 3)])
    assert np.abs(np.diff(around, 3)).max() < 1e-2
