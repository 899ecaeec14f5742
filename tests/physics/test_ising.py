"""Ising models under decimation: the numbers of physics.md C2-C3, enumeration, limits, and refusals."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infoflow.errors import InfoflowError
from infoflow.studies.ising import chain, enumeration, square, strips
from infoflow.studies.ising.lattice import CRITICAL_COUPLING as KC
from infoflow.studies.ising.lattice import spin_entropy

couplings = st.floats(1e-3, 8)


def ring_probabilities(coupling: float, spins: int) -> np.ndarray:
    """Boltzmann probabilities of a ring, counted without the library."""
    bits = np.arange(2**spins)[:, None] >> np.arange(spins) & 1
    s = 1 - 2 * bits
    weights = np.exp(coupling * (s * np.roll(s, 1, axis=1)).sum(1))
    return weights / weights.sum()


def divergence(p: np.ndarray, q: np.ndarray) -> float:
    return math.fsum(p * np.log(p / q))  # exactly: 65,536 roundings would be as large as what is tested


def entropy(p: np.ndarray) -> float:
    return -math.fsum(p * np.log(p))


@pytest.mark.parametrize(
    ("K0", "flow", "a", "b", "asymptote"),
    [
        (
            0.5,
            [0.5, 0.216890, 0.045636, 0.002080, 0.000004],
            [0, 0.034054, 0.090896, 0.109985, 0.110942, 0.110944],
            [0, 0.099455, 0.110684, 0.110944],
            0.110944,
        ),
        (
            1.0,
            [1, 0.662501, 0.350061, 0.113672, 0.012812, 0.000164],
            [0, 0.028316, 0.121268, 0.247688, 0.318138, 0.327688, 0.327813],
            [0, 0.238210, 0.313385, 0.327011, 0.327808, 0.327813],
            0.327813,
        ),
    ],
)
def test_the_chain_in_the_thermodynamic_limit(K0, flow, a, b, asymptote):
    np.testing.assert_allclose(chain.flow_1d(K0, len(flow) - 1), flow, rtol=0, atol=5.1e-7)
    np.testing.assert_allclose(chain.relative_entropy_1d(K0, len(a) - 1, "A"), a, rtol=0, atol=5.1e-7)
    np.testing.assert_allclose(chain.relative_entropy_1d(K0, len(b) - 1, "B"), b, rtol=0, atol=5.1e-7)
    assert chain.asymptote_1d(K0) == pytest.approx(asymptote, abs=5.1e-7)
    reverse = chain.reverse_relative_entropy_1d(K0, 40)
    assert reverse[-1] == pytest.approx(math.log(math.cosh(K0)), abs=1e-14)


def test_the_ring_has_the_published_numbers():
    found = chain.relative_entropy_1d(1.0, 3, "B", spins=16)[1:]
    np.testing.assert_allclose(found, [0.2403912163, 0.3174425963, 0.3324184361], rtol=0, atol=5.1e-11)
    assert 8 * chain.relative_entropy_1d(1.0, 1, "A", spins=8)[1] == pytest.approx(0.2834206452694, abs=5.1e-14)
    assert 16 * chain.relative_entropy_between_1d(0.5, 0.1, 16) == pytest.approx(1.1156275025785, abs=1e-13)


@pytest.mark.parametrize("K0", [0.05, 0.7, 1.3, 3.0])
@pytest.mark.parametrize("spins", [4, 8, 16])
def test_a_ring_is_that_of_its_states(K0, spins):
    steps = spins.bit_length() - 1
    p = ring_probabilities(K0, spins)
    flow = chain.flow_1d(K0, steps)
    by_a = chain.relative_entropy_1d(K0, steps, "A", spins) * spins
    by_b = chain.relative_entropy_1d(K0, steps, "B", spins) * spins
    assert chain.entropy_1d(K0, spins) * spins == pytest.approx(entropy(p), abs=1e-12)
    for n in range(steps + 1):
        assert by_a[n] == pytest.approx(divergence(p, ring_probabilities(flow[n], spins)), abs=1e-12)
        # every 2^n-th spin is kept, the others are uniform
        kept = enumeration.marginal(p, range(0, spins, 2**n))
        if kept.size > 2:
            np.testing.assert_allclose(kept, ring_probabilities(flow[n], spins >> n), rtol=1e-12, atol=1e-15)
        index = sum(((np.arange(p.size) >> (k * 2**n)) & 1) << k for k in range(spins >> n))
        q = kept[index] / 2.0 ** (spins - (spins >> n))
        assert by_b[n] == pytest.approx(divergence(p, q), abs=1e-12)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_the_information_of_the_chain_is_that_of_a_long_ring(steps):
    # 16 spins at K = 0.3: what closes the ring is of order tanh^16 K
    K0, spins = 0.3, 16
    p = ring_probabilities(K0, spins)
    kept = list(range(0, spins, 2**steps))
    gone = sorted(set(range(spins)) - set(kept))
    left, lost = entropy(enumeration.marginal(p, kept)), entropy(enumeration.marginal(p, gone))
    assert chain.conditional_entropy_1d(K0, steps)[-1] == pytest.approx((entropy(p) - left) / spins, abs=1e-6)
    assert chain.mutual_information_1d(K0, steps)[-1] == pytest.approx((left + lost - entropy(p)) / spins, abs=1e-6)


@given(couplings, st.integers(1, 12))
def test_the_chain_rises_to_the_same_asymptote_by_both_definitions(K0, steps):
    for definition in ("A", "B"):
        found = chain.relative_entropy_1d(K0, steps, definition)
        assert found.shape == (steps + 1,)
        assert found[0] == 0
        assert (np.diff(found) >= -1e-14).all()
        assert found[-1] <= chain.asymptote_1d(K0) + 1e-14
        assert chain.relative_entropy_1d(K0, 60, definition)[-1] == pytest.approx(chain.asymptote_1d(K0), abs=1e-13)
    ring = chain.relative_entropy_1d(K0, steps, "B", 2**steps)
    assert (np.diff(ring) >= -1e-13).all()
    assert (chain.mutual_information_1d(K0, steps) >= -1e-14).all()
    assert (chain.conditional_entropy_1d(K0, steps) >= -1e-14).all()


@given(st.floats(1e-3, 3))
def test_definition_b_never_falls_on_a_torus(K0):
    for side in (2, 4):
        found = enumeration.relative_entropy_2d_enumerated(K0, side)
        assert (np.diff(found) >= -1e-13).all()


def test_an_array_of_couplings_is_a_stack_of_single_ones():
    some = [0.2, 1.0, 3.0]
    for definition in ("A", "B"):
        stacked = chain.relative_entropy_1d(some, 3, definition, 16)
        np.testing.assert_array_equal(stacked, [chain.relative_entropy_1d(k, 3, definition, 16) for k in some])
    np.testing.assert_allclose(square.relative_entropy_2d(some, 3), [square.relative_entropy_2d(k, 3) for k in some])


def test_extreme_couplings_are_finite():
    some = [1e-9, 1e-3, 20.0, 700.0]
    for definition in ("A", "B"):
        for spins in (None, 64):
            assert np.isfinite(chain.relative_entropy_1d(some, 6, definition, spins)).all()
    # one bit per spin is all that there is to lose
    np.testing.assert_allclose(chain.asymptote_1d(some), [0, 5e-7, math.log(2), math.log(2)], rtol=0, atol=1e-12)
    np.testing.assert_allclose(square.asymptote_2d(some), [0, 1e-6, math.log(2), math.log(2)], rtol=0, atol=1e-11)
    assert np.isfinite(square.relative_entropy_2d(some[:3], 4, "reverse")).all()
    assert np.isfinite(square.neighbour_sums_2d(some)).all()


def test_decimating_a_spin_of_the_square_lattice_is_exact():
    left = square.decimate_2d(0.37)
    for spins in np.ndindex(2, 2, 2, 2):
        s = 1 - 2 * np.array(spins)
        pairs = (s.sum() ** 2 - 4) / 2
        # half of a bond's coupling comes from each of the two spins that share it
        exponent = left.constant + left.nearest / 2 * pairs + left.four * s.prod()
        assert 2 * math.cosh(0.37 * s.sum()) == pytest.approx(math.exp(exponent), rel=1e-13)
    assert left.diagonal == pytest.approx(left.nearest / 2)


def test_onsager():
    assert square.free_energy_2d(KC) == pytest.approx(2 * 0.915965594177219015 / math.pi + math.log(2) / 2, abs=1e-14)
    assert square.free_energy_2d(KC) == pytest.approx(0.9296953983, abs=5.1e-11)
    assert square.energy_2d(KC) == pytest.approx(math.sqrt(2), abs=1e-12)
    assert square.free_energy_2d(0.3) == pytest.approx(0.7905590710, abs=5.1e-11)
    assert square.energy_2d(0.3) == pytest.approx(0.7044990710, abs=3e-10)
    near = KC + np.array([-1e-3, -1e-6, -1e-9, 1e-9, 1e-6, 1e-3])
    # the integral as it is printed, on a grid that resolves the root
    t = np.concatenate([[0], np.geomspace(1e-14, math.pi / 2, 400_001)])
    for k, f in zip(near, square.free_energy_2d(near)):
        sh, ch = np.sinh(2 * k), np.cosh(2 * k)
        y = np.log(ch**2 + np.sqrt((sh**2 - 1) ** 2 + 4 * sh**2 * np.sin(t) ** 2))
        printed = math.log(2) / 2 + np.trapezoid(y, t) / math.pi
        assert f == pytest.approx(printed, abs=1e-9)
    for k in (0.01, 0.2, 0.5, 2.0):
        numerical = (square.free_energy_2d(k + 1e-5) - square.free_energy_2d(k - 1e-5)) / 2e-5
        assert square.energy_2d(k) == pytest.approx(numerical, abs=2e-9)
        assert square.free_energy_torus(k, 200, 200) == pytest.approx(float(square.free_energy_2d(k)), abs=2e-5)


def test_the_truncated_flow():
    assert square.truncated_critical_coupling() == pytest.approx(0.506981, abs=5.1e-7)
    slope, thermal, nu = square.truncated_exponents()
    assert (slope, thermal, nu) == pytest.approx((1.448922, 1.06996, 0.93461), abs=5.1e-6)
    assert square.flow_2d(0.50, 60)[-1] < 1e-3
    assert square.flow_2d(0.51, 60)[-1] > 10
    # nearest neighbours only: no fixed point
    k = np.linspace(0.01, 5, 500)
    assert (square.truncate_2d(k, "nearest") < k).all()


@pytest.mark.parametrize(
    ("K0", "direction", "expected"),
    [
        (0.3, "forward", [0, 0.00880, 0.03845, 0.08104, 0.10868, 0.11382, 0.11394]),
        (0.4, "forward", [0, 0.00487, 0.02430, 0.06644, 0.13427, 0.20883, 0.24967, 0.25610]),
        (0.6, "reverse", [0, 0.00061, 0.00251, 0.00534, 0.00802, 0.00959, 0.01007, 0.01013]),
    ],
)
def test_definition_a_in_two_dimensions(K0, direction, expected):
    found = square.relative_entropy_2d(K0, len(expected) - 1, direction)
    np.testing.assert_allclose(found, expected, rtol=0, atol=5.1e-6)


def test_definition_a_grows_without_bound_in_the_ordered_phase_of_the_truncation():
    for K0 in (0.52, 0.6):
        found = square.relative_entropy_2d(K0, 40)
        assert found[-1] > 1000
        slope = found[-1] / square.flow_2d(K0, 40)[-1]
        assert slope == pytest.approx(2 - float(square.energy_2d(K0)), rel=1e-3)
        assert square.relative_entropy_2d(K0, 40, "reverse")[-1] < 0.1
    assert np.isfinite(square.relative_entropy_2d(0.6, 1000, "reverse")).all()
    assert np.isinf(square.relative_entropy_2d(1e200, 1000)[-1])
    assert square.relative_entropy_2d(0.4, 1000)[-1] == pytest.approx(float(square.asymptote_2d(0.4)), abs=1e-12)


def test_the_asymptotes_in_two_dimensions():
    np.testing.assert_allclose(
        square.asymptote_2d([0.3, 0.4, 0.48]), [0.113938, 0.256215, 0.506929], rtol=0, atol=5.1e-7
    )
    around = square.asymptote_2d([KC - 1e-7, KC, KC + 1e-7])
    assert np.ptp(around) < 1e-5


@pytest.mark.parametrize(
    ("K0", "expected"),
    [
        (0.3, [0, 0.107457, 0.135795, 0.145674, 0.147268]),
        (0.4406868, [0, 0.240379, 0.346769, 0.395317, 0.412977]),
    ],
)
def test_the_enumerated_torus(K0, expected):
    np.testing.assert_allclose(enumeration.relative_entropy_2d_enumerated(K0), expected, rtol=0, atol=5.1e-7)


@pytest.mark.parametrize("K0", [0.1, KC, 0.8])
def test_the_first_step_has_a_closed_form(K0):
    """The decimated spins are independent given the kept ones: physics.md C3."""
    p = enumeration.probabilities(K0, 4, 4)
    s = 1 - 2 * (np.arange(p.size)[:, None] >> np.arange(16) & 1).reshape(-1, 4, 4)
    total = sum(np.roll(s, shift, axis) for shift in (1, -1) for axis in (1, 2))
    closed = math.fsum(spin_entropy(K0 * total).mean((1, 2)) / 2 * p)
    found = enumeration.decimations(K0)
    assert found.conditional_entropy[1] == pytest.approx(closed, abs=1e-12)
    assert found.relative_entropy[1] == pytest.approx(math.log(2) / 2 - closed, abs=1e-12)
    assert found.mutual_information[1] == pytest.approx(found.entropy[0] - 2 * closed, abs=1e-12)


@pytest.mark.parametrize("K0", [0.2, KC, 0.7])
@pytest.mark.parametrize("torus", [(2, 2), (3, 4), (4, 4), (2, 7), (5, 4)])
def test_torus_and_transfer_matrix_are_enumerated(K0, torus):
    expected = enumeration.free_energy_enumerated(K0, *torus), enumeration.energy_enumerated(K0, *torus)
    assert (square.free_energy_torus(K0, *torus), square.energy_torus(K0, *torus)) == pytest.approx(expected, abs=1e-12)
    assert strips.closed_strip(K0, torus[1], torus[0])[:2] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("K0", [0.3, KC, 0.6])
@pytest.mark.parametrize("width", [2, 5, 8, 12])
def test_strips_are_long_tori(K0, width):
    strip = strips.infinite_strip(K0, width)
    assert strip.free_energy == pytest.approx(square.free_energy_torus(K0, 40_000, width), abs=1e-4 / width)
    closed = strips.closed_strip(K0, width, 12)
    exact = [f(K0, 12, width) for f in (square.free_energy_torus, square.energy_torus, square.entropy_torus)]
    assert closed == pytest.approx(exact, abs=1e-12)
    assert strip.neighbour_sums.sum() == pytest.approx(1, abs=1e-12)
    # Callen's identity
    sums = strip.neighbour_sums
    assert 2 * math.tanh(2 * K0) * sums[1] + 4 * math.tanh(4 * K0) * sums[2] == pytest.approx(
        2 * strip.energy, abs=1e-11
    )


def test_a_strip_in_the_disordered_phase_is_a_long_torus_to_all_digits():
    strip = strips.infinite_strip(0.3, 6)
    exact = [f(0.3, 400, 6) for f in (square.free_energy_torus, square.energy_torus, square.entropy_torus)]
    assert (strip.free_energy, strip.energy, strip.entropy) == pytest.approx(exact, abs=1e-12)


@pytest.mark.parametrize(("K0", "tolerance"), [(0.01, 1e-11), (0.15, 1e-8), (0.25, 1e-5), (0.8, 1e-6), (1.5, 1e-10)])
def test_the_limit_of_the_first_step_is_that_of_wide_strips(K0, tolerance):
    strip = strips.infinite_strip(K0, 12)
    assert square.conditional_entropy_2d(K0) == pytest.approx(strip.conditional_entropy, abs=tolerance)
    assert square.mutual_information_2d(K0) == pytest.approx(strip.mutual_information, abs=tolerance)
    assert square.first_relative_entropy_2d(K0) == pytest.approx(strip.relative_entropy, abs=tolerance)
    np.testing.assert_allclose(square.neighbour_sums_2d(K0), strip.neighbour_sums, rtol=0, atol=30 * tolerance)


def test_the_correlations_at_the_critical_point():
    expected = math.sqrt(0.5), 2 / math.pi, 1 - 4 / math.pi**2
    assert square.neighbour_correlations_2d(KC) == pytest.approx(expected, abs=1e-12)
    below, above = square.neighbour_sums_2d([0.02 - 1e-9, 0.02])
    np.testing.assert_allclose(below, above, rtol=0, atol=1e-8)


@pytest.mark.parametrize("bad", [0, -0.3, math.nan, math.inf, "x", None])
def test_a_coupling_that_is_none_is_refused(bad):
    calls = [
        lambda: chain.relative_entropy_1d(bad, 2),
        lambda: chain.asymptote_1d(bad),
        lambda: square.asymptote_2d(bad),
        lambda: square.relative_entropy_2d(bad, 2),
        lambda: enumeration.relative_entropy_2d_enumerated(bad),
        lambda: square.free_energy_torus(bad, 4, 4),
        lambda: strips.infinite_strip(bad, 4),
    ]
    for call in calls:
        with pytest.raises(InfoflowError, match="coupling: ") as refusal:
            call()
        assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: chain.relative_entropy_1d(1.0, 3, "B", 12), "a ring of 12 cannot be decimated 3 times; 8 must divide"),
        (lambda: chain.relative_entropy_1d(1.0, 3, "A", 12), "a ring of 12 cannot be decimated 3 times"),
        (lambda: chain.relative_entropy_1d(1.0, 3, "C"), "definition: 'C' is neither A nor B"),
        (lambda: chain.relative_entropy_1d(1.0, -1), "steps: -1"),
        (lambda: chain.relative_entropy_1d(1.0, 1.5), "steps: 1.5 is not a whole number"),
        (lambda: chain.relative_entropy_1d(1.0, 1, "B", 0), "spins: 0 is not at least 1"),
        (lambda: enumeration.relative_entropy_2d_enumerated(0.3, 3), "side: 3 is odd"),
        (lambda: enumeration.relative_entropy_2d_enumerated(0.3, 6), "side: 6 is not a power of two"),
        (lambda: enumeration.relative_entropy_2d_enumerated(0.3, 8), "8 × 8 is too large to enumerate, 64 sites"),
        (lambda: square.relative_entropy_2d(0.3, 2, "sideways"), "direction: 'sideways'"),
        (lambda: square.flow_2d(0.3, 2, "none"), "truncation: 'none'"),
        (lambda: strips.infinite_strip(0.3, 13), "width: 13 is not between 2 and 12"),
        (lambda: strips.closed_strip(0.3, 4, 0), "length: 0"),
        (lambda: strips.infinite_strip([0.3, 0.4], 4), "coupling: 2 of them"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(call, message):
    with pytest.raises(InfoflowError, match=message) as refusal:
        call()
    assert "\n" not in str(refusal.value)
