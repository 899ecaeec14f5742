"""Estimators of information: code words made by hand, plain double loops, bounds, batches, refusals."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from common import ESTIMATORS, hidden_states
from infoflow.errors import InfoflowError
from infoflow.estimators.estimate import Information, check_bounds, entropy, estimate_all

BITS = 12
PATTERNS = ((np.arange(2**BITS)[:, None] >> np.arange(BITS)[::-1]) & 1).astype(np.float32)
BALANCED = (PATTERNS.sum(1) % 2).astype(int)
"""Parity: one bit, of which fewer than all bits know nothing."""
BINNINGS = {name: ESTIMATORS[name] for name in ("range", "layer", "width")}
NOISY = {name: ESTIMATORS[name] for name in ("kernels", "neighbours")}
ALL = BINNINGS | NOISY
"""Without those that may have been added: what is expected of them is not known here."""


def one(states, labels, options, seed=0):
    """The only output of an estimator for one state [N, d]."""
    found = estimate_all(np.ascontiguousarray(states, np.float32)[None], labels, {"e": options}, seed=seed)
    return float(found["e"].input[0]), float(found["e"].label[0])


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
    states = hidden_states(1, samples, units)[0] * (1.5 if options["kind"] == "range_binning" else 1)
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
    states, labels = hidden_states(5, 333, 4), np.arange(333) % 3
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        together = estimate_all(states, labels, ESTIMATORS, seed=0)
    finally:
        torch.set_num_threads(before)
    for k in range(5):
        for name, information in estimate_all(states[k : k + 1], labels, ESTIMATORS, seed=0).items():
            assert information.input[0] == together[name].input[k]
            assert information.label[0] == together[name].label[k]


@pytest.mark.parametrize("variance", [1e-30, 1e30])
def test_noise_that_is_nothing_or_everything(variance):
    """All of the information, or none, to the sampling error of the neighbours, 0.06 bit."""
    states = hidden_states(1, 1000, 3)
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
    found = estimate_all(np.empty((0, 9, 2), np.float32), np.arange(9) % 2, ESTIMATORS, seed=0)
    assert all(information.input.shape == information.label.shape == (0,) for information in found.values())


def test_the_order_of_inputs_does_not_matter():
    """Beyond rounding; but for the neighbours, whose noise it moves."""
    states, labels = hidden_states(1, 700, 3), np.arange(700) % 3
    order = np.random.default_rng(0).permutation(700)
    exact = BINNINGS | {"kernels": ESTIMATORS["kernels"]}
    before = estimate_all(states, labels, exact, seed=0)
    after = estimate_all(np.ascontiguousarray(states[:, order]), labels[order], exact, seed=0)
    for name in before:
        tolerance = 2e-6 if name.startswith("kernels") else 1e-12
        np.testing.assert_allclose(after[name].input, before[name].input, atol=tolerance)
        np.testing.assert_allclose(after[name].label, before[name].label, atol=tolerance)


def test_names_of_labels_do_not_matter():
    states = hidden_states(1, 200, 2)
    few = estimate_all(states, np.arange(200) % 2, ESTIMATORS, seed=0)
    other = estimate_all(states, np.where(np.arange(200) % 2, 9, 4), ESTIMATORS, seed=0)
    for name, information in few.items():
        assert information.label[0] == other[name].label[0]


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
@pytest.mark.parametrize("options", ESTIMATORS.values(), ids=ESTIMATORS)
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
