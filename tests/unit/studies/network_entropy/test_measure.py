"""D_m and what belongs to it, of single networks."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from infoflow.engine.initialization import Ensemble, generator
from infoflow.engine.maps.dense import Dense
from infoflow.studies.network_entropy.measure import gaussian_divergence, measure_entropies, relative_entropy
from infoflow.studies.network_entropy.variables import BINS


def layers(*widths: int, shape=(3, 4)) -> list[Dense]:
    shapes = [shape, *((n,) for n in widths)]
    return [Dense(a, b, "tanh") for a, b in itertools.pairwise(shapes)]


def draws(maps, replicas, w=1.5):
    return Ensemble(w, 0.05, 0, replicas).draw(maps, dtype=torch.float64)


@pytest.fixture
def images():
    return torch.rand(3, 3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def test_the_direct_form_is_the_published_double_sum(images):
    """⟨Q⟩ as the publication has it: sums over all pairs of neurons of the second moments of φ."""
    maps = layers(9, 9, 9, 6)
    parameters = draws(maps, [0])
    found = measure_entropies(maps, parameters, images[:1], samples=50, seed=0, replicas=[0])

    z, examples = images[:1].flatten(1), []
    for p in parameters:
        z = z @ p["weight"][0] + p["bias"][0]
        examples.append(z[0].numpy())
        z = z.tanh()
    own = examples[0]
    stream = generator(0, "entropy samples", 0, 0)
    pushed = own.mean() + own.std() * torch.randn(50, 9, generator=stream).double().numpy()
    expected = [0.0]
    for p, z in zip(parameters[1:], examples[1:]):
        phi, weight = np.tanh(pushed), p["weight"][0].numpy().T
        shift = p["bias"][0, 0].numpy() - z.mean()
        square = shift @ shift
        for j in range(phi.shape[1]):
            square += 2 * phi[:, j].mean() * (weight[:, j] @ shift)
            for k in range(phi.shape[1]):
                square += (phi[:, j] * phi[:, k]).mean() * (weight[:, j] @ weight[:, k])
        entropy = len(own) / 2 * math.log(2 * math.pi * math.e * own.var())
        expected.append(len(z) / 2 * math.log(2 * math.pi * z.var()) + square / (2 * z.var()) - entropy)
        pushed = phi @ weight.T + p["bias"][0, 0].numpy()
    assert found.relative_entropy[0, 0] == pytest.approx(expected, abs=1e-10)


def test_replicas_and_images_do_not_depend_on_which_others_are_measured_with_them(images):
    maps = layers(9, 9, 9, 6)
    options = {"samples": 20, "seed": 3}
    together = measure_entropies(maps, draws(maps, range(3)), images, replicas=range(3), **options)
    for r in range(3):
        alone = measure_entropies(maps, draws(maps, [r]), images, replicas=[r], **options)
        fewer = measure_entropies(maps, draws(maps, [r]), images[:1], replicas=[r], **options)
        for name in ("relative_entropy", "sampling_error", "gaussian_divergence", "excess_kurtosis", "histogram"):
            both = getattr(together, name)[r], getattr(alone, name)[0]
            np.testing.assert_allclose(*both, rtol=1e-11, atol=1e-11)
        np.testing.assert_allclose(fewer.relative_entropy[0, 0], alone.relative_entropy[0, 0], rtol=1e-11, atol=1e-11)


def test_in_the_first_layer_everything_is_zero(images):
    maps = layers(9, 9)
    found = measure_entropies(maps, draws(maps, [0, 1]), images, samples=5, seed=0, replicas=[0, 1])
    assert np.abs(found.relative_entropy[..., 0]).max() < 1e-12
    assert np.abs(found.gaussian_divergence[..., 0]).max() < 1e-12
    assert (found.sampling_error[..., 0] == 0).all()


def test_the_sampling_error_is_the_spread_of_repeated_samples(images):
    maps = layers(20, 20, 20)
    parameters = draws(maps, [0])
    repeated = [measure_entropies(maps, parameters, images[:1], samples=40, seed=s, replicas=[0]) for s in range(60)]
    spread = np.std([r.relative_entropy[0, 0, 2] for r in repeated], ddof=1)
    told = np.mean([r.sampling_error[0, 0, 2] for r in repeated])
    assert told == pytest.approx(spread, rel=0.3)  # 60 repetitions know their spread to 9 %


def test_the_gaussian_divergence_is_that_of_two_normal_distributions():
    p, q = (Normal(*torch.tensor(values).double()) for values in ([0.3, 0.8], [-0.2, 1.7]))
    expected = float(kl_divergence(p, q))
    assert gaussian_divergence(0.3, 0.64, -0.2, 2.89, width=50) == pytest.approx(50 * expected, rel=1e-6)
    assert gaussian_divergence(0.1, 2.0, 0.1, 2.0) == 0


def test_the_gaussian_divergence_is_never_negative_where_the_published_one_is():
    r = np.geomspace(0.1, 10, 21)
    published = relative_entropy(100, 1.0, 100, r, 100 * r)  # a wide network: E|z - μ|² = N σ_q²
    assert published == pytest.approx(50 * np.log(r), abs=1e-9)
    assert (published[r < 0.99] < 0).all()
    assert (gaussian_divergence(0, 1.0, 0, r, 100) >= 0).all()


def test_layers_of_other_widths_get_what_the_formula_says():
    own = 784 / 2 * math.log(2 * math.pi * math.e * 0.2)
    expected = 400 / 2 * math.log(2 * math.pi * 0.5) + 380 * 0.5 / (2 * 0.5) - own
    assert relative_entropy(784, 0.2, 400, 0.5, 380 * 0.5) == pytest.approx(expected, rel=1e-12)


def test_the_histogram_is_a_density_and_a_gaussian_one(images):
    maps = layers(4000, 4000)
    found = measure_entropies(maps, draws(maps, [0]), images, samples=2, seed=0, replicas=[0])
    density = found.histogram[0, 1]
    centre = (BINS[1:] + BINS[:-1]) / 2
    gaussian = np.exp(-(centre**2) / 2) / math.sqrt(2 * math.pi)
    assert (density * np.diff(BINS)).sum() == pytest.approx(1, abs=1e-3)
    assert np.abs(density - gaussian).max() < 0.05
    assert np.abs(found.excess_kurtosis).max() < 0.4  # five standard errors of 4,000 neurons
