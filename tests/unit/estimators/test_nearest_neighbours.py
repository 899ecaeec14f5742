import numpy as np
import pytest
import torch
from scipy.special import digamma
from sklearn.feature_selection import mutual_info_classif

from common import ESTIMATORS, hidden_states
from infoflow.engine.initialization import generator
from infoflow.estimators import nearest_neighbours
from infoflow.estimators.estimate import entropy


def plain_ross(points, values, queries, k):
    """Ross's formula in nats with all distances, for the averages over some of the points."""
    distances = np.sqrt(((points[queries, None].astype(np.float64) - points) ** 2).sum(-1))
    found = []
    for i, row in zip(queries, distances):
        others = np.arange(len(points)) != i
        alike = others & (values == values[i])
        radius = np.sort(row[alike])[k - 1]
        found.append(digamma(k) - digamma(alike.sum() + 1) - digamma((row[others] <= radius).sum()))
    return digamma(len(points)) + np.mean(found)


def test_the_plain_formula_is_that_of_scikit_learn():
    rng = np.random.default_rng(3)
    y = np.arange(300) % 3
    x = rng.normal(size=300) + y
    x /= x.std()  # as scikit-learn does, which then adds 1e-10 of noise
    theirs = mutual_info_classif(x[:, None], y, n_neighbors=3, random_state=0)[0]
    assert plain_ross(x[:, None], y, np.arange(300), 3) == pytest.approx(theirs, abs=1e-4)


@pytest.mark.parametrize(
    ("samples", "units", "classes", "variance", "neighbours", "draws"),
    [
        (120, 1, 2, 0.05, 3, 4),
        (91, 2, 3, 0.1, 1, 2),
        (70, 3, 2, 1.0, 4, 8),
        (60, 13, 5, 0.3, 2, 11),
        (33, 1, 33, 0.1, 3, 64),
    ],
)
def test_nearest_neighbours_are_the_plain_formula(samples, units, classes, variance, neighbours, draws):
    """To 1e-6 nat times the few neighbours whose order rounding to float32 may exchange."""
    options = {"neighbours": neighbours, "noise_variance": variance, "draws": draws}
    states = hidden_states(1, samples, units)
    y = np.arange(samples) % classes
    stream = generator(5, "nearest neighbours noise")
    noise = torch.randn(draws, samples, units, generator=stream).numpy() * np.float32(variance**0.5)
    points = (states[0] + noise).reshape(-1, units)
    inputs = np.tile(np.arange(samples), draws)
    expected = [plain_ross(points, v, np.arange(samples), neighbours) / np.log(2) for v in (inputs, y[inputs])]
    expected[0] = np.clip(expected[0], 0, np.log2(samples))
    expected[1] = np.clip(expected[1], 0, min(entropy(y), expected[0]))
    found = nearest_neighbours.estimate(states, y, options, seed=5)[""]
    assert (found.input[0], found.label[0]) == pytest.approx(expected, abs=2e-4)


def test_the_noise_belongs_to_the_seed():
    states, labels = hidden_states(1, 300, 2), np.arange(300) % 2
    a, b, c = (
        nearest_neighbours.estimate(states, labels, ESTIMATORS["neighbours"], seed=s)[""].input[0] for s in (0, 0, 1)
    )
    assert a == b != c
