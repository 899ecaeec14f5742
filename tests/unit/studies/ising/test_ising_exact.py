"""What is computed without sampling."""

import json

import numpy as np
import pytest

from infoflow.files.results import read_result
from infoflow.studies.ising import chain as exact_chain
from infoflow.studies.ising import enumeration, strips
from infoflow.studies.ising import square as exact_square
from infoflow.studies.ising.ising_exact import decimate_lattice, ising_exact
from infoflow.studies.ising.lattice import CRITICAL_COUPLING as KC
from jobs import make_job


def test_the_chain_holds_the_library(chain):
    np.testing.assert_array_equal(
        chain["relative_entropy_b"].sel(coupling=1.0), exact_chain.relative_entropy_1d(1.0, 4)
    )
    ring = exact_chain.relative_entropy_1d(0.5, 4, "A", 16)
    np.testing.assert_array_equal(chain["ring_relative_entropy_a"].sel(coupling=0.5), ring)
    np.testing.assert_array_equal(chain["asymptote"], exact_chain.asymptote_1d([0.25, 0.5, 1.0]))
    without = decimate_lattice("chain", {"couplings": [0.25], "steps": 4, "spins": None})
    assert not any(name.startswith("ring") for name in without)


def test_the_square_lattice_holds_the_library(square):
    torus = enumeration.decimations(0.6)
    for name in ("relative_entropy", "conditional_entropy", "mutual_information"):
        np.testing.assert_array_equal(square[f"enumerated_{name}"].sel(coupling=0.6), getattr(torus, name))
    np.testing.assert_array_equal(square["flow"].sel(coupling=0.3), exact_square.flow_2d(0.3, 5))
    assert square["width"].values.tolist() == [4, 6]


def test_strips_between_solved_couplings(square):
    for k in (0.3, 0.4375, 0.5):
        strip = strips.infinite_strip(k, 6)
        one = square.sel(width=6, near_coupling=k)
        assert float(one["strip_mutual_information"]) == pytest.approx(strip.mutual_information, abs=1e-9)
        step = 1e-4
        low, high = (strips.infinite_strip(k + sign * step, 6).conditional_entropy for sign in (-1, 1))
        assert float(one["strip_conditional_entropy_slope"]) == pytest.approx((high - low) / 2 / step, abs=1e-6)
    at = float(square["strip_entropy_steepest_coupling"].sel(width=6))
    slopes = -square["strip_entropy_slope"].sel(width=6)
    assert float(slopes.max()) == pytest.approx(float(square["strip_entropy_steepest"].sel(width=6)), abs=1e-3)
    assert at == pytest.approx(float(slopes["near_coupling"][int(slopes.argmax("near_coupling"))]), abs=2e-3)


def test_the_amplitude_of_the_entropy_is_that_of_the_specific_heat(square):
    # Onsager: du/dK = -(8/π) ln|K - K_c|, and ds/dK = -K du/dK
    assert float(square["limit_entropy_amplitude"]) == pytest.approx(8 * KC / np.pi, abs=1e-2)
    parts = square["limit_entropy_amplitude"] - 2 * square["limit_conditional_entropy_amplitude"]
    assert float(square["limit_mutual_information_amplitude"]) == pytest.approx(float(parts), abs=1e-6)


def test_a_result_says_what_it_is_and_what_made_it(tmp_path):
    parameters = {"section": "chain", "options": {"couplings": [0.5], "steps": 1, "spins": None}}
    ising_exact(make_job(parameters, tmp_path / "chain.nc", rule="ising_exact"))
    result = read_result(tmp_path / "chain.nc", parameters)
    assert result.attributes["rule"] == "ising_exact"
    assert json.loads(result.attributes["cost"])["ising_exact"]["jobs"] == 1
    np.testing.assert_array_equal(result["flow"], [exact_chain.flow_1d(0.5, 1)])
