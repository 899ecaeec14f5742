"""Monte Carlo of the Ising model against exact values, its errors against their coverage."""

import math

import numpy as np
import pytest

from infoflow.errors import InfoflowError
from infoflow.studies.ising import enumeration, square
from infoflow.studies.ising.autocorrelation import estimate
from infoflow.studies.ising.lattice import CRITICAL_COUPLING as KC
from infoflow.studies.ising.monte_carlo import ALGORITHMS, _next, analyse, first_step, metropolis_sweeps, run_chain


def deviation(found, expected) -> float:
    """In standard errors."""
    return abs(found.mean - float(expected)) / found.error


def slope(function, coupling, step=1e-4):
    return (function(coupling + step) - function(coupling - step)) / (2 * step)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("K0", [0.3, KC, 0.6])
def test_the_enumerated_torus_is_met_within_three_errors(algorithm, K0):
    found = first_step(K0, 4, 20_000, np.random.default_rng(1), replicas=2, algorithm=algorithm)
    exact = enumeration.decimations(K0)
    assert deviation(found.conditional_entropy, exact.conditional_entropy[1]) < 3
    assert deviation(found.energy, enumeration.energy_enumerated(K0, 4, 4)) < 3
    of_entropy = slope(lambda k: enumeration.decimations(k).conditional_entropy[1], K0)
    of_information = slope(lambda k: enumeration.decimations(k).mutual_information[1], K0)
    of_energy = slope(lambda k: square.energy_torus(k, 4, 4), K0)
    assert deviation(found.conditional_entropy_slope, of_entropy) < 3
    assert deviation(found.information_slope, of_information) < 3
    assert deviation(found.heat, of_energy) < 3


@pytest.mark.parametrize(("K0", "algorithm"), [(0.3, "metropolis"), (0.35, "wolff"), (KC, "wolff"), (0.5, "wolff")])
def test_larger_tori_are_met_within_three_errors(K0, algorithm):
    found = first_step(K0, 32, 2_000, np.random.default_rng(2), replicas=4, algorithm=algorithm)
    assert deviation(found.energy, square.energy_torus(K0, 32, 32)) < 3
    if K0 != KC:  # else they are larger than their correlation length, and infinite for their errors
        assert deviation(found.energy, square.energy_2d(K0)) < 3
        assert deviation(found.conditional_entropy, square.conditional_entropy_2d(K0)) < 3
    magnetisation = max(0.0, 1 - math.sinh(2 * K0) ** -4) ** 0.125
    assert found.magnetisation.mean == pytest.approx(magnetisation, abs=0.75 if K0 == KC else 0.12)


def test_both_algorithms_agree_at_the_critical_point():
    one, other = (
        first_step(KC, 16, 8_000, np.random.default_rng(3), replicas=2, algorithm=algorithm) for algorithm in ALGORITHMS
    )
    for name in ("energy", "magnetisation", "conditional_entropy", "conditional_entropy_slope", "information_slope"):
        a, b = getattr(one, name), getattr(other, name)
        assert abs(a.mean - b.mean) < 3 * math.hypot(a.error, b.error)
    # critical slowing down: what the clusters are for
    assert one.magnetisation.time > 5 * other.magnetisation.time


def test_the_errors_of_wolff_cover_the_exact_value():
    side, trials = 8, 400
    energies, slopes = [], []
    exact = square.energy_torus(KC, side, side), slope(lambda k: square.energy_torus(k, side, side), KC)
    for trial in range(trials):
        generator = np.random.default_rng([4, trial])
        chains = [run_chain(KC, side, 400, g, equilibration=50) for g in generator.spawn(2)]
        found = analyse(KC, side, chains)
        energies.append((found.energy.mean - exact[0]) / found.energy.error)
        slopes.append((found.heat.mean - exact[1]) / found.heat.error)
    for pulls in (np.array(energies), np.array(slopes)):
        # 0.683 and 0.954 of a Gaussian; four standard errors of a fraction of 400 are 0.09 and 0.04
        assert 0.59 < np.mean(np.abs(pulls) < 1) < 0.77
        assert 0.91 < np.mean(np.abs(pulls) < 2) <= 1
    # a variance and its error rise and fall together, so that only the energies are checked for a bias
    assert abs(np.mean(energies)) < 4 / math.sqrt(trials)


def test_the_autocorrelation_time_of_a_known_process():
    rng = np.random.default_rng(5)
    decay = 0.9
    noise = rng.normal(size=(4, 50_000))
    series = np.empty_like(noise)
    series[:, 0] = noise[:, 0] / math.sqrt(1 - decay**2)
    for t in range(1, noise.shape[1]):
        series[:, t] = decay * series[:, t - 1] + noise[:, t]
    found = estimate(series)
    exact = (1 + decay) / (1 - decay) / 2
    assert abs(found.time - exact) < 3 * found.time_error
    variance = 1 / (1 - decay**2)
    assert found.error == pytest.approx(math.sqrt(2 * exact * variance / noise.size), rel=0.1)
    assert abs(found.mean) < 3 * found.error
    assert estimate(rng.normal(size=1000)).time == pytest.approx(0.5, abs=0.1)
    assert estimate(np.ones(20)).error == 0


def test_a_seed_is_a_chain():
    one, again, other = (run_chain(0.4, 8, 20, np.random.default_rng(seed)) for seed in (7, 7, 8))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()


def test_the_random_numbers_are_those_of_xoshiro256_plus_plus():
    mask = 2**64 - 1
    s = [1, 2, 3, 4]
    state = np.array(s, np.uint64)

    def rotated(x, k):
        return (x << k | x >> (64 - k)) & mask

    for _ in range(50):
        expected = (rotated((s[0] + s[3]) & mask, 23) + s[0]) & mask
        t = s[1] << 17 & mask
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotated(s[3], 45)
        assert int(_next(state)) == expected
    # published with the generator: its first three numbers from the state 1, 2, 3, 4
    state = np.array([1, 2, 3, 4], np.uint64)
    assert [int(_next(state)) for _ in range(3)] == [41943041, 58720359, 3588806011781223]


def test_metropolis_keeps_the_equilibrium_of_a_lattice():
    spins = np.ones((64, 64), np.int8)
    metropolis_sweeps(spins, 0.3, 200, np.random.default_rng(6))
    assert set(np.unique(spins)) == {-1, 1}
    bonds = (spins * np.roll(spins, 1, 0) + spins * np.roll(spins, 1, 1)).mean()
    assert bonds == pytest.approx(float(square.energy_2d(0.3)), abs=0.1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"coupling": 0.0}, "coupling: 0.0 is not a finite number greater than zero"),
        ({"side": 7}, "side: 7 is odd"),
        ({"side": 0}, "side: 0"),
        ({"side": 10_000}, "side: 10000 is not between 2 and 8192"),
        ({"sweeps": 3}, "sweeps: 3 is not at least 16"),
        ({"replicas": 0}, "replicas: 0"),
        ({"algorithm": "glauber"}, "algorithm: 'glauber' is none of metropolis, wolff"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(arguments, message):
    given = {"coupling": 0.4, "side": 8, "sweeps": 20, "generator": np.random.default_rng(0)} | arguments
    with pytest.raises(InfoflowError, match=message) as refusal:
        first_step(**given)
    assert "\n" not in str(refusal.value)
