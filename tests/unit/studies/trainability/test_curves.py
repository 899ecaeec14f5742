"""Curves over the layers, one layer at a time; what they are made of is in test_divergence."""

import weakref

import numpy as np
import pytest

from infoflow.files.conventions import DIVERGED, OK
from infoflow.files.results import Result
from infoflow.reconstruction.divergence import differential_entropy, explained_variance, relative_entropy
from infoflow.studies.trainability.about import EVALUATED
from infoflow.studies.trainability.curves import describe_curves, measure_curves
from infoflow.studies.trainability.evaluate_kl import evaluate_probe

REPLICAS, LAYERS, SAMPLES, PIXELS = 3, 12, 5, 16
OFFSET, RTOL = 1e-12, 0.005


@pytest.fixture
def images():
    return np.random.default_rng(0).random((SAMPLES, PIXELS))


@pytest.fixture
def reconstructions(images):
    """[R, L, S, P], that become one image after some layers."""
    share = np.clip(1 - np.arange(1, LAYERS + 1) / 6, 0, 1)[:, None, None]
    noise = np.random.default_rng(1).normal(0, 0.01, (REPLICAS, 1, SAMPLES, PIXELS))
    return share * (images + noise) + (1 - share) * images.mean(0)


def assert_same(found, expected):
    assert set(found) == set(expected)
    for name, (dimensions, values, about) in found.items():
        assert (dimensions, about) == (expected[name][0], EVALUATED[name])
        assert values.dtype == expected[name][1].dtype
        np.testing.assert_array_equal(values, expected[name][1])


def measure(reconstructions, images):
    return measure_curves((reconstructions[:, l] for l in range(reconstructions.shape[1])), images, OFFSET)


def evaluated(reconstructions, images):
    """What `evaluate_probe` makes of the reconstructions from all layers together, without what is of the networks."""
    unknown = {
        "losses": np.zeros((REPLICAS, LAYERS, 1)),
        "pre_activation_moments": np.zeros((REPLICAS, LAYERS, SAMPLES)),
    }
    probe = {"reconstructions": reconstructions, "evaluation_images": images, **unknown}
    found = evaluate_probe(Result(probe, {}), OFFSET, RTOL)
    others = ("reconstruction_loss", "pre_activation_variance", "first_image")
    return {name: variable for name, variable in found.items() if name not in others}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_curves_are_those_of_all_layers_together(reconstructions, images, dtype):
    reconstructions = reconstructions.astype(dtype)
    reconstructions[1, 8, 2, 3] = np.nan
    found = describe_curves(measure(reconstructions, images), RTOL)
    assert_same(found, evaluated(reconstructions, images))
    assert (found["saturation_case"][1][0] == 0).any()


def test_every_layer_is_measured_by_itself(reconstructions, images):
    curves = measure(reconstructions, images)
    assert curves.ok.all()
    for r, l in [(0, 0), (2, 3), (1, LAYERS - 1)]:
        layer = reconstructions[r, l]
        np.testing.assert_array_equal(curves.divergence[r, l], relative_entropy(images, layer, OFFSET))
        assert curves.entropy[r, l] == differential_entropy(layer, OFFSET)
        assert curves.explained[r, l] == explained_variance(images, layer)
    assert (curves.entropy[:, -1] == -np.inf).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_layer_that_is_no_number_loses_all_behind_it(reconstructions, images, value):
    """Even if those are numbers again; other replicas, and the layers before it, do not see it."""
    sound = measure(reconstructions, images)
    broken = reconstructions.copy()
    broken[1, 4, 0, 7] = value
    curves = measure(broken, images)
    assert curves.ok[[0, 2]].all()
    assert curves.ok[1].tolist() == [l < 4 for l in range(LAYERS)]
    for name in ("divergence", "entropy", "explained"):
        found, expected = getattr(curves, name), getattr(sound, name)
        np.testing.assert_array_equal(found[curves.ok], expected[curves.ok])
        assert np.isnan(found[~curves.ok]).all()
    np.testing.assert_array_equal(np.isnan(curves.where(np.ones((REPLICAS, LAYERS)))), ~curves.ok)
    described = describe_curves(curves, RTOL)
    assert described["probe_status"][1].tolist() == np.where(curves.ok, OK, DIVERGED).tolist()
    for name in ("relative_entropy", "relative_entropy_mean", "differential_entropy", "explained_variance"):
        unknown = np.isnan(described[name][1].reshape(REPLICAS, LAYERS, -1)).all(axis=2)
        np.testing.assert_array_equal(unknown, ~curves.ok)


def test_layers_are_taken_one_at_a_time(reconstructions, images):
    alive, most = [], []

    def layers():
        for l in range(LAYERS):
            most.append(sum(one() is not None for one in alive))
            layer = reconstructions[:, l].copy()
            alive.append(weakref.ref(layer))
            yield layer
            del layer

    measure_curves(layers(), images, OFFSET)
    assert max(most) == 1
