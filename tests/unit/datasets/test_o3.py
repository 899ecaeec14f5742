"""Patterns on an icosahedron: the facts of the published data, other rules, what is refused. physics.md D1."""

import itertools

import numpy as np
import pytest
from numpy.polynomial.legendre import legval

from common import SCHEMA, load_config
from infoflow.config.check import check_config
from infoflow.datasets import o3
from infoflow.datasets.images import load_images
from infoflow.errors import InfoflowError

ANTIPODES = (9, 7, 5, 6, 10, 2, 3, 1, 11, 0, 4, 8)
PUBLISHED = o3.draw_labels(o3.all_patterns(), {}, 0)


def load(tmp_path, seed=0, **options):
    return load_images({"kind": "o3"} | options, tmp_path, seed)


def whole(images):
    """Patterns and labels of both parts, in binary order."""
    patterns = np.concatenate([images.train_images, images.test_images])
    labels = np.concatenate([images.train_labels, images.test_labels])
    order = np.argsort(patterns @ (1 << np.arange(11, -1, -1)))
    return patterns[order], labels[order]


@pytest.fixture(scope="module")
def positions():
    """Unit vectors r_i [12, 3]: the eigenvectors of the adjacency matrix with its eigenvalue √5."""
    adjacency = np.zeros((12, 12))
    for vertex, others in enumerate(o3.NEIGHBOURS):
        adjacency[vertex, list(others)] = 1
    assert np.array_equal(adjacency, adjacency.T)
    values, vectors = np.linalg.eigh(adjacency)
    chosen = np.isclose(values, np.sqrt(5))
    assert chosen.sum() == 3
    return vectors[:, chosen] * 2  # 12/3 = 2² of every vertex


@pytest.fixture(scope="module")
def group():
    """The automorphisms of the adjacency graph as permutations [120, 12]: vertices that are placed one by one."""
    found = [()]
    for vertex in range(12):
        earlier = [w in o3.NEIGHBOURS[vertex] for w in range(vertex)]
        found = [
            (*placed, image)
            for placed in found
            for image in range(12)
            if image not in placed and [p in o3.NEIGHBOURS[image] for p in placed] == earlier
        ]
    return np.array(found)


def test_the_table_is_an_icosahedron(positions):
    cosines = positions @ positions.T
    for vertex in range(12):
        expected = np.full(12, -1 / np.sqrt(5))
        expected[list(o3.NEIGHBOURS[vertex])] = 1 / np.sqrt(5)
        expected[vertex], expected[ANTIPODES[vertex]] = 1, -1
        assert cosines[vertex] == pytest.approx(expected, abs=1e-12)


def test_the_power_spectrum_is_that_of_the_positions(positions):
    patterns, cosines = o3.all_patterns(), positions @ positions.T
    x = patterns.astype(float)
    for degree in range(6):
        kernel = legval(cosines, np.eye(6)[degree])
        assert o3.power_spectrum(patterns, degree) == pytest.approx(((x @ kernel) * x).sum(1), abs=1e-9)
    k, adjacent, between, opposite = o3.pair_counts(patterns)
    root = 2 / np.sqrt(5) * (adjacent - between)
    closed = (k**2, k + root - 2 * opposite, k - 0.4 * (adjacent + between) + 2 * opposite, k - root - 2 * opposite)
    for degree, expected in enumerate(closed):
        assert o3.power_spectrum(patterns, degree) == pytest.approx(expected, abs=1e-9)


def test_the_published_rule_in_its_three_forms():
    k, adjacent, _, opposite = o3.pair_counts(o3.all_patterns())
    s = 2 * adjacent - opposite
    assert np.array_equal(PUBLISHED, (k >= 8) | (k == 7) & (s >= 15) | (k <= 6) & (s >= 12))
    f = o3.invariant(o3.all_patterns(), o3.POWER_SPECTRUM)
    assert f == pytest.approx(45.6 * k - 4.4 * k**2 + 9.6 * adjacent - 4.8 * opposite, abs=1e-9)
    assert (f[PUBLISHED == 0].max(), f[PUBLISHED == 1].min()) == pytest.approx((170.8, 172.8))


def test_the_published_labels_have_the_published_numbers():
    patterns = o3.all_patterns()
    assert np.array_equal(patterns @ (1 << np.arange(11, -1, -1)), np.arange(4096))
    assert PUBLISHED.sum() == 2118
    p = PUBLISHED.mean()
    assert -p * np.log2(p) - (1 - p) * np.log2(1 - p) == pytest.approx(0.999157, abs=1e-6)
    by_ones = [PUBLISHED[patterns.sum(1) == k].mean() for k in range(13)]
    assert by_ones == pytest.approx([0] * 5 + [0.076, 0.576, 0.924] + [1] * 5, abs=5e-4)
    inputs = np.column_stack([patterns, np.ones(4096)])
    fitted = inputs @ np.linalg.lstsq(inputs, PUBLISHED, rcond=None)[0]
    assert ((fitted > 0.5) == PUBLISHED).mean() == pytest.approx(0.875, abs=5e-4)


def test_the_published_labels_are_invariant_under_the_icosahedral_group(group):
    assert len(group) == 120
    patterns = o3.all_patterns()
    turned = np.stack([patterns[:, g] @ (1 << np.arange(11, -1, -1)) for g in group])
    assert (PUBLISHED[turned] == PUBLISHED).all()
    # to the last bit, whatever the weights: a threshold cannot part patterns that are the same but for a rotation
    f = o3.invariant(patterns, [0.3, -1.7, 0.1, 2.9])
    assert (f[turned] == f).all()
    orbits = np.unique(turned.min(0))
    assert (len(orbits), PUBLISHED[orbits].sum()) == (82, 42)


def test_a_permutation_of_another_kind_changes_the_labels():
    swapped = o3.all_patterns()[:, [1, 0, *range(2, 12)]] @ (1 << np.arange(11, -1, -1))
    assert not np.array_equal(PUBLISHED[swapped], PUBLISHED)


def test_the_walsh_spectrum_of_the_published_labels():
    signs = 1.0 - 2 * o3.all_patterns().astype(float)
    coefficients = signs.T @ (1.0 - 2 * PUBLISHED) / 4096
    assert coefficients == pytest.approx(np.full(12, 0.216), abs=5e-4)
    assert (coefficients**2).sum() == pytest.approx(0.559, abs=5e-4)


def test_the_split_is_random_and_follows_from_the_seed(tmp_path):
    a, b, c = load(tmp_path), load(tmp_path), load(tmp_path, seed=1)
    assert a.train_images.shape == (3277, 12)
    assert a.test_images.shape == (819, 12)
    assert a.levels == 1
    assert np.array_equal(a.train_images, b.train_images)
    assert not np.array_equal(a.train_images, c.train_images)
    for images in (a, c):
        patterns, labels = whole(images)
        assert np.array_equal(patterns, o3.all_patterns())
        assert np.array_equal(labels, PUBLISHED)
    # 819 of 4096 without replacement: standard error 0.016
    assert a.test_labels.mean() == pytest.approx(0.517, abs=0.06)


def test_the_unshuffled_split_is_the_published_shift_of_distribution(tmp_path):
    images = load(tmp_path, shuffled=False)
    assert np.array_equal(images.train_images, o3.all_patterns()[:3277])
    assert np.array_equal(whole(images)[1], PUBLISHED)
    assert images.train_labels.mean() == pytest.approx(0.437, abs=5e-4)
    assert images.test_labels.mean() == pytest.approx(0.836, abs=5e-4)


@pytest.mark.parametrize(("fraction", "patterns"), [(0.05, 205), (0.45, 1843), (0.85, 3482)])
def test_the_published_fractions(tmp_path, fraction, patterns):
    assert len(load(tmp_path, train_fraction=fraction).train_images) == patterns


def test_the_soft_rule_has_the_hard_one_and_chance_as_its_limits(tmp_path):
    hard, half = load(tmp_path, softness=None), load(tmp_path, softness=0.0)
    assert np.array_equal(whole(hard)[1], PUBLISHED)
    assert np.array_equal(whole(load(tmp_path, softness=100.0))[1], PUBLISHED)
    # 4096 fair coins: standard error 0.008
    assert (whole(half)[1] == PUBLISHED).mean() == pytest.approx(0.5, abs=0.03)
    assert np.array_equal(whole(half)[1], whole(load(tmp_path, softness=0.0))[1])
    assert not np.array_equal(whole(half)[1], whole(load(tmp_path, softness=0.0, seed=1))[1])


def test_soft_labels_have_the_stated_probability():
    f = o3.invariant(o3.all_patterns(), o3.POWER_SPECTRUM) - o3.THRESHOLD
    drawn = np.mean([o3.draw_labels(o3.all_patterns(), {"softness": 0.05}, seed) for seed in range(50)], axis=0)
    for low, high in itertools.pairwise((-40, -15, -5, 5, 15, 40)):
        inside = (f > low) & (f <= high)
        assert inside.sum() > 200
        # at least 10,000 draws in each: standard error below 0.005
        assert drawn[inside].mean() == pytest.approx((1 / (1 + np.exp(-0.05 * f[inside]))).mean(), abs=0.02)


def test_other_rules(tmp_path):
    # p_0 alone counts the ones
    patterns, labels = whole(load(tmp_path, power_spectrum=[1], threshold=30))
    assert np.array_equal(labels, patterns.sum(1) >= 6)
    # l = 4 and 5 are combinations of the others: at most three numbers tell the pairs apart
    spectra = np.stack([o3.power_spectrum(patterns, degree) for degree in range(6)])
    assert np.linalg.matrix_rank(spectra, tol=1e-6) == np.linalg.matrix_rank(spectra[:4], tol=1e-6) == 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"train_fraction": 1e-5}, "train_fraction 1e-05 leaves none of 4096 patterns for training"),
        ({"train_fraction": 0.99999}, "leaves none of 4096 patterns for testing"),
        ({"threshold": 1e6}, "all patterns have label 0; change threshold"),
        ({"threshold": -1.0}, "all patterns have label 1; change threshold"),
        ({"shuffled": False, "train_fraction": 0.002}, "all patterns for training have label 0"),
    ],
)
def test_rules_and_splits_that_leave_nothing_to_learn_are_refused(tmp_path, options, message):
    with pytest.raises(InfoflowError, match=message):
        load(tmp_path, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"power_spectrum": []}, r"datasets.patterns.power_spectrum: \[\]"),
        ({"power_spectrum": [1] * 7}, "datasets.patterns.power_spectrum"),
        ({"power_spectrum": ["one"]}, r"datasets.patterns.power_spectrum\[0\]: 'one'"),
        ({"softness": -1}, "datasets.patterns.softness: -1"),
        ({"shuffled": 1}, "datasets.patterns.shuffled: 1"),
        ({"train_fraction": 1.0}, "datasets.patterns.train_fraction: 1.0"),
        ({"kind": "digits", "threshold": 1.0}, "only o3 has a threshold"),
    ],
)
def test_the_config_is_checked(options, message):
    config = load_config()
    config["datasets"]["patterns"] = {"kind": "o3"} | options
    with pytest.raises(InfoflowError, match=message):
        check_config(config, SCHEMA)
