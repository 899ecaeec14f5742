"""Estimators of information: code words made by hand, plain double loops, bounds, batches, refusals."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import digamma
from sklearn.feature_selection import mutual_info_classif

from infoflow import estimators
from infoflow.errors import InfoflowError
from infoflow.estimators import (
    Information,
    check_bounds,
    check_options,
    entropy,
    estimate_all,
    kernel_density,
    layer_range_binning,
    nearest_neighbours,
    range_binning,
    width_binning,
)
from infoflow.initialization import generator

BITS = 12
PATTERNS = ((np.arange(2**BITS)[:, None] >> np.arange(BITS)[::-1]) & 1).astype(np.float32)
BALANCED = (PATTERNS.sum(1) % 2).astype(int)
"""Parity: one bit, of which fewer than all bits know nothing."""
BINNINGS = {
    "range": {"kind": "range_binning", "bins": 30, "low": -1, "high": 1},
    "layer": {"kind": "layer_range_binning", "bins": 30},
    "width": {"kind": "width_binning", "width": 0.07},
}
NOISY = {
    "kernels": {"kind": "kernel_density", "noise_variance": 1e-3},
    "neighbours": {"kind": "nearest_neighbours", "neighbours": 3, "noise_variance": 1e-3, "draws": 8},
}
ALL = BINNINGS | NOISY


def one(states, labels, options, seed=0):
    """The only output of an estimator for one state [N, d]."""
    found = estimate_all(np.ascontiguousarray(states, np.float32)[None], labels, {"e": options}, seed=seed)
    return float(found["e"].input[0]), float(found["e"].label[0])


def hidden(count, samples, units, seed=0, gain=2.0):
    """States like those of tanh layers."""
    x = np.random.default_rng([seed, count, samples, units]).normal(size=(count, samples, units))
    return np.tanh(gain * x).astype(np.float32)


@pytest.mark.parametrize("options", BINNINGS.values(), ids=BINNINGS)
@pytest.mark.parametrize(
    ("states", "labels", "expected"),
    [
        (2 * PATTERNS - 1, BALANCED, (12, 1)),
        (2 * PATTERNS - 1, PATTERNS[:, 0].astype(int) * 7, (12, 1)),
        ((2 * PATTERNS - 1)[:, :3], BALANCED, (3, 0)),
        ((2 * PATTERNS - 1)[:, :3], PATTERNS[:, 1].astype(int), (3, 1)),
        (2.0 * BALANCED[:, None] - 1, BALANCED, (1, 1)),
        (np.zeros((4096, 5)), BALANCED, (0, 0)),
        (np.repeat(2 * PATTERNS - 1, 7, axis=1), BALANCED, (12, 1)),  # 84 units
        # T = and of two bits, Y = the first: H(1/4), 1 - (3/4) H(1/3)
        (
            (PATTERNS[:, :1] * PATTERNS[:, 1:2]),
            PATTERNS[:, 0].astype(int),
            (0.8112781244591328, 1 - 0.75 * 0.9182958340544896),
        ),
    ],
    ids=["one to one", "one to one, y a bit", "3 bits", "3 bits, y one", "parity", "constant", "84 units", "and"],
)
def test_code_words_made_by_hand(options, states, labels, expected):
    assert one(states, labels, options) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("options", BINNINGS.values(), ids=BINNINGS)
@pytest.mark.parametrize(("samples", "units", "classes"), [(301, 3, 2), (1000, 2, 10), (97, 40, 3)])
def test_binnings_are_the_plain_count_of_rows(options, samples, units, classes):
    """Against NumPy's digitize, floor and unique."""
    states = hidden(1, samples, units)[0] * (1.5 if options["kind"] == "range_binning" else 1)
    labels = np.random.default_rng(1).integers(0, classes, samples)
    t = states.astype(np.float64)
    if options["kind"] == "range_binning":
        digits = np.digitize(t, np.linspace(-1, 1, 30))
    elif options["kind"] == "layer_range_binning":
        digits = np.digitize(t, np.linspace(t.min(), t.max(), 30))
    else:
        digits = np.floor(t / 0.07)

    def h(rows):
        p = np.unique(rows, axis=0, return_counts=True)[1] / len(rows)
        return -(p @ np.log2(p))

    both = np.column_stack([digits, labels])
    assert one(states, labels, options) == pytest.approx((h(digits), h(digits) + h(labels) - h(both)), abs=1e-10)


@given(
    st.lists(st.floats(-3, 3, width=32), min_size=1, max_size=50),
    st.integers(2, 40),
    st.floats(-2, 0),
    st.floats(0.01, 2),
)
def test_bins_are_those_of_digitize(values, bins, low, width):
    edges = np.linspace(low, low + width, bins)
    t = np.array([*values, *edges], np.float32)[:, None]
    out = np.empty(t.shape, np.int64)
    range_binning.bins_of(t, edges, out)
    np.testing.assert_array_equal(out, np.digitize(t.astype(np.float64), edges))


def test_bins_beyond_the_range_are_bins_of_their_own():
    t = np.array([-5, -1.01, -1, 0.999, 1, 3e38], np.float32)[:, None]
    out = np.empty(t.shape, np.int64)
    range_binning.bins_of(t, np.linspace(-1, 1, 30), out)
    assert out[:, 0].tolist() == [0, 0, 1, 29, 30, 30]


def test_bins_of_the_layer_do_not_depend_on_scale_or_on_the_other_networks():
    states = hidden(1, 500, 3)
    labels = np.arange(500) % 2
    options = BINNINGS["layer"]
    # powers of two and a shift that float32 takes without rounding, for the edges move along exactly
    batch = np.concatenate([states, 1024 * states, states / 4096])
    found = layer_range_binning.estimate(batch, labels, options, seed=0)[""]
    np.testing.assert_allclose(found.input, found.input[0], atol=1e-12)
    assert found.input[0] > 8


def test_widths_that_are_lost_in_the_values_only_tell_apart_what_differs():
    states = np.array([1e30, 1e30, -1e30, 0, 1e-3, 3e38], np.float32)[:, None]
    found = width_binning.estimate(states[None], np.zeros(6, int), BINNINGS["width"], seed=0)[""]
    assert found.input[0] == pytest.approx(np.log2(6) - 4 / 6, abs=1e-12)  # two pairs, two alone


def plain_kernels(t, y, variance):
    """PHYSICS D3 c in float64, with all pairs: (upper, lower), each (input, label), in bits."""
    t = t.astype(np.float64)
    square = ((t[:, None] - t) ** 2).sum(-1)
    d = t.shape[1]

    def bounds(square):
        noise = d / 2 * (np.log(2 * np.pi * variance) + 1)
        upper = noise - np.log(np.exp(-square / (2 * variance)).mean(1)).mean()
        lower = (
            d / 2 * (np.log(2 * np.pi * 4 * variance) + 1)
            + d / 2 * np.log(0.25)
            - np.log(np.exp(-square / (8 * variance)).mean(1)).mean()
        )
        return np.array([upper, lower]) - noise

    total = bounds(square)
    given_label = sum((y == c).mean() * bounds(square[np.ix_(y == c, y == c)]) for c in np.unique(y))
    return np.stack([total, total - given_label], 1) / np.log(2)


@pytest.mark.parametrize(
    ("samples", "units", "classes", "variance", "gain"),
    [
        (300, 1, 2, 1e-3, 1),
        (501, 2, 2, 1e-3, 5),
        (400, 3, 10, 0.1, 1),
        (257, 4, 3, 1e-2, 1),
        (130, 12, 2, 0.1, 0.1),
        (200, 7, 200, 1e-2, 0.5),
        (64, 784, 3, 0.1, 0.1),
        (1, 2, 1, 0.1, 1),
    ],
)
def test_kernel_density_is_the_plain_double_sum(samples, units, classes, variance, gain):
    """To 2e-5 bit: the kernel in float32, and what is cut off."""
    states = hidden(1, samples, units, gain=gain)
    labels = np.arange(samples) % classes
    found = kernel_density.estimate(states, labels, {"noise_variance": variance}, seed=0)
    for name, (x, y) in zip(("upper", "lower"), plain_kernels(states[0], labels, variance)):
        assert (found[name].input[0], found[name].label[0]) == pytest.approx((x, y), abs=2e-5)


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
    states = hidden(1, samples, units)
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


@pytest.mark.parametrize("units", [1, 2, 5])
def test_far_apart_code_words_are_counted(units):
    """Noise that is nothing against distances: log2 of the number of code words, for 0 errors of the kernels."""
    words = 16
    states = np.repeat(10.0 * np.arange(words), 32)[:, None] * np.ones(units)
    labels = (np.arange(512) // 32) % 4
    x = np.ascontiguousarray(states, np.float32)[None]
    found = estimate_all(x, labels, NOISY, seed=0)
    for name in ("kernels_upper", "kernels_lower"):
        assert (found[name].input[0], found[name].label[0]) == pytest.approx((4, 2), abs=1e-6)
    # its sampling error, with 256 points per word
    assert (found["neighbours"].input[0], found["neighbours"].label[0]) == pytest.approx((4, 2), abs=0.1)


def states_of_all_sorts():
    rng = np.random.default_rng(11)
    n, d = 203, 3
    x = rng.normal(size=(n, d))
    return {
        "equal": np.full((n, d), 0.3),
        "duplicates": x[rng.integers(0, 9, n)],
        "saturated": np.sign(x),
        "nearly saturated": np.tanh(30 * x),
        "tanh": np.tanh(x),
        "small": 1e-3 * x,
        "one value apart": np.eye(1, n, 7).T * np.ones(d),
        "huge": 1e4 * np.maximum(x, 0),
        "larger than the noise can change": 1e30 * x,
        "largest": np.sign(x) * 3.4e38,
        "denormal": 1e-42 * x,
    }


@pytest.mark.parametrize("classes", [1, 2, 10, 203])
def test_bounds_hold_for_states_of_all_sorts(classes):
    sorts = states_of_all_sorts()
    states = np.stack(list(sorts.values())).astype(np.float32)
    labels = np.random.default_rng(classes).integers(0, classes, states.shape[1])
    found = estimate_all(states, labels, ALL, seed=0)
    assert set(found) == {"range", "layer", "width", "kernels_upper", "kernels_lower", "neighbours"}
    for information in found.values():
        x, y = information.input, information.label
        assert min(x.min(), y.min()) >= 0
        assert x.max() <= np.log2(states.shape[1])
        assert y.max() <= entropy(labels)
        assert (y <= x).all()
    assert (found["kernels_lower"].input <= found["kernels_upper"].input + 1e-6).all()
    for information in found.values():
        assert information.input[0] == pytest.approx(0, abs=0.1)  # all states equal
        assert information.input[4] > 5 or information is found["kernels_lower"]


@given(st.integers(0, 2**32 - 1), st.integers(1, 90), st.integers(1, 9), st.integers(1, 4), st.floats(-4, 2))
def test_bounds_hold_for_random_states(seed, samples, units, classes, logarithm):
    """`estimate_all` itself raises where they do not."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(2, samples, units)) * 10.0**logarithm
    x[1] = np.round(x[1])
    labels = rng.integers(0, classes, samples)
    found = estimate_all(x.astype(np.float32), labels, ALL, seed=0)
    assert (found["kernels_lower"].input <= found["kernels_upper"].input + 1e-5).all()


@pytest.mark.parametrize("threads", [1, 2])
def test_a_batch_is_its_members(threads):
    """Exactly, whatever the threads."""
    states, labels = hidden(5, 333, 4), np.arange(333) % 3
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        together = estimate_all(states, labels, ALL, seed=0)
    finally:
        torch.set_num_threads(before)
    for k in range(5):
        for name, information in estimate_all(states[k : k + 1], labels, ALL, seed=0).items():
            assert information.input[0] == together[name].input[k]
            assert information.label[0] == together[name].label[k]


@pytest.mark.parametrize("variance", [1e-30, 1e30])
def test_noise_that_is_nothing_or_everything(variance):
    """All of the information, or none, to the sampling error of the neighbours, 0.06 bit."""
    states = hidden(1, 1000, 3)
    constants = {"noise_variance": variance}
    found = estimate_all(
        states,
        np.arange(1000) % 2,
        {
            "kernels": {"kind": "kernel_density", **constants},
            "neighbours": {"kind": "nearest_neighbours", "neighbours": 1, "draws": 8, **constants},
        },
        seed=0,
    )
    for information in found.values():
        assert information.input[0] == pytest.approx(np.log2(1000) if variance < 1 else 0, abs=0.15)
        assert information.label[0] == pytest.approx(1 if variance < 1 else 0, abs=0.15)


def test_no_states_are_no_information():
    found = estimate_all(np.empty((0, 9, 2), np.float32), np.arange(9) % 2, ALL, seed=0)
    assert all(information.input.shape == information.label.shape == (0,) for information in found.values())


def test_the_order_of_inputs_does_not_matter():
    """Beyond rounding; but for the neighbours, whose noise it moves."""
    states, labels = hidden(1, 700, 3), np.arange(700) % 3
    order = np.random.default_rng(0).permutation(700)
    exact = BINNINGS | {"kernels": NOISY["kernels"]}
    before = estimate_all(states, labels, exact, seed=0)
    after = estimate_all(np.ascontiguousarray(states[:, order]), labels[order], exact, seed=0)
    for name in before:
        tolerance = 2e-6 if name.startswith("kernels") else 1e-12
        np.testing.assert_allclose(after[name].input, before[name].input, atol=tolerance)
        np.testing.assert_allclose(after[name].label, before[name].label, atol=tolerance)


def test_names_of_labels_do_not_matter():
    states = hidden(1, 200, 2)
    few = estimate_all(states, np.arange(200) % 2, ALL, seed=0)
    other = estimate_all(states, np.where(np.arange(200) % 2, 9, 4), ALL, seed=0)
    for name, information in few.items():
        assert information.label[0] == other[name].label[0]


def test_the_noise_belongs_to_the_seed():
    states, labels = hidden(1, 300, 2), np.arange(300) % 2
    a, b, c = (nearest_neighbours.estimate(states, labels, NOISY["neighbours"], seed=s)[""].input[0] for s in (0, 0, 1))
    assert a == b != c


# Places of states, and how many of each of two classes are there; found by minimising over both. Noise variance 1.
BELOW_ZERO = (
    "1.23 -2.12 -0.32 1.03 0.3 -3.13 1.65 -0.39 0.49 -0.36 -0.06 2.24 "
    "-1.02 -0.38 1.11 1.19 -1.62 -0.53 0.36 3.29 -1.68 -0.55 0.06 -1.99",
    "2 0 1 2 0 3 93 2 2 0 459 0",
    "0 11 0 0 10 0 0 0 408 1 0 6",
)
CROSSED = (
    "-0.38 -1.86 1.09 1.65 -3.36 0.77 3.86 6.81 0.16 -1.99 2.83 -0.16 "
    "0.56 1.78 -0.1 -2.23 -1.84 0.9 2.65 -1.73 4.04 -1.11 -2.53 -0.56",
    "0 28 10 1 30 0 1 2 2 0 423 1",
    "32 0 423 1 0 2 30 1 0 2 10 0",
)


def placed(places, *numbers):
    """States [1, N, 2] and labels."""
    x = np.array(places.split(), np.float32).reshape(-1, 2)
    counts = np.array([n.split() for n in numbers], int)
    return np.concatenate([np.repeat(x, c, axis=0) for c in counts])[None], np.repeat([0, 1], counts.sum(1))


def test_the_kernels_can_be_below_zero_for_the_label_which_is_cut_off():
    states, labels = placed(*BELOW_ZERO)
    assert -1e-3 < plain_kernels(states[0], labels, 1.0)[0, 1] < -4e-4
    assert kernel_density.estimate(states, labels, {"noise_variance": 1.0}, seed=0)["upper"].label[0] == 0


def test_the_lower_kernels_can_be_above_the_upper_ones_for_the_label():
    states, labels = placed(*CROSSED)
    found = kernel_density.estimate(states, labels, {"noise_variance": 1.0}, seed=0)
    assert 0.01 < found["lower"].label[0] - found["upper"].label[0] < 0.02
    assert found["lower"].input[0] < found["upper"].input[0]


def test_the_registry_names_the_modules():
    assert estimators.kinds() == [
        "kernel_density",
        "layer_range_binning",
        "nearest_neighbours",
        "range_binning",
        "width_binning",
    ]
    found = {kind: getattr(estimators, kind) for kind in estimators.kinds()}
    assert all(callable(module.estimate) for module in found.values())
    assert estimators.outputs("kernel_density") == ("upper", "lower")
    assert estimators.outputs("width_binning") == ("",)
    with pytest.raises(InfoflowError, match="'bining' is none of"):
        estimators.outputs("bining")


def test_the_registry_is_read_without_numpy():
    code = "import sys, infoflow.estimators as e; e.kinds(); assert not {'numpy', 'torch', 'numba'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "range_binning", "bins": 30, "low": -1}, "needs bins, low, high, and nothing else; given: bins, low"),
        ({"kind": "width_binning", "width": 0.1, "widht": 0.1}, "given: widht, width"),
        ({"kind": "width_binning", "width": 0}, "width is 0; it has to be above 0"),
        ({"kind": "kernel_density", "noise_variance": float("nan")}, "noise_variance is nan"),
        ({"kind": "kernel_density", "noise_variance": 1e-31}, "noise_variance is 1e-31; .* at least 1e-30"),
        ({"kind": "layer_range_binning", "bins": 1}, "bins is 1"),
        ({"kind": "layer_range_binning", "bins": 2.5}, "bins is 2.5; it has to be a whole number"),
        ({"kind": "range_binning", "bins": 30, "low": 1, "high": 1}, "low 1 is not below high 1"),
        ({"kind": "nearest_neighbours", "neighbours": 3, "noise_variance": 1, "draws": 3}, "draws is 3"),
        ({"kind": "nearest_neighbours", "neighbours": 3, "noise_variance": 1, "draws": 65}, "draws is 65"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    with pytest.raises(InfoflowError, match=message):
        check_options(options["kind"], options, "estimators.mine")


@pytest.mark.parametrize(
    ("states", "labels", "message"),
    [
        (np.zeros((2, 3, 4)), np.zeros(3, int), "float32 of shape .* not float64"),
        (np.zeros((2, 4, 3), np.float32).transpose(0, 2, 1), np.zeros(3, int), "C-contiguous"),
        (np.zeros((3, 4), np.float32), np.zeros(3, int), "shape"),
        (np.zeros((1, 3, 0), np.float32), np.zeros(3, int), "shape"),
        (np.zeros((1, 3, 4), np.float32), np.zeros(2, int), "3 inputs, but 2 labels"),
        (np.zeros((1, 3, 4), np.float32), np.zeros(3), "whole number per input"),
        (np.full((1, 3, 4), np.inf, np.float32), np.zeros(3, int), "network 0 of 1 are not all finite"),
    ],
)
@pytest.mark.parametrize("options", ALL.values(), ids=ALL)
def test_states_that_make_no_sense_are_refused(options, states, labels, message):
    with pytest.raises(InfoflowError, match=message):
        estimate_all(states, labels, {"e": options}, seed=0)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (-1e-4, 0, r"estimator e: I\(X;T\) is -0.0001 bit in 1 of 2 cases"),
        (3.1, 0.5, r"I\(X;T\) is 3.1 bit"),
        (2, 1.1, r"I\(T;Y\) is 1.1 bit"),
        (0.5, 0.6, r"I\(T;Y\) less I\(X;T\) is 0.1 bit"),
        (float("nan"), 0.6, r"I\(X;T\) is nan"),
    ],
)
def test_values_beyond_their_bounds_are_refused(x, y, message):
    with pytest.raises(InfoflowError, match=message):
        check_bounds(Information(np.array([2.0, x]), np.array([0.5, y])), 8, 1.0, "e")


def test_rounding_beyond_the_bounds_is_cut_off():
    found = check_bounds(Information(np.array([-9e-6, 3 + 9e-6]), np.array([-9e-6, 1 + 9e-6])), 8, 1.0, "e")
    assert found.input.tolist() == [0, 3]
    assert found.label.tolist() == [0, 1]
