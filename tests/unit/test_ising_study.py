"""Results, cubes and figures of the Ising studies."""

import importlib
import json

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from infoflow import figures, ising
from infoflow.errors import InfoflowError
from infoflow.figures.draw_study import draw_study
from infoflow.ising import CRITICAL_COUPLING as KC
from infoflow.ising_cubes import merge_ising
from infoflow.ising_exact import decimate_chain, decimate_square
from infoflow.ising_samples import sample_lattices
from infoflow.record import describe_job
from infoflow.store import write_result
from infoflow.study import describe_study, read_parts, read_study, write_study

SAMPLING = {
    "sides": [8, 4],
    "algorithm": "wolff",
    "sweeps": 400,
    "equilibration": 20,
    "replicas": 2,
    "seed": 0,
}
MADE_BY = {"options": {"sweeps": 400}}


def result(path, variables) -> xr.Dataset:
    """What a job writes, read back as the merge does."""
    write_result(path, variables, describe_job("job", MADE_BY))
    return read_parts([path], MADE_BY)[0]


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chain")
    exact = result(folder / "exact.nc", decimate_chain([0.25, 0.5, 1.0], 4, 16))
    return merge_ising(exact, [], [0.5, 1.0])


@pytest.fixture(scope="module")
def square(tmp_path_factory):
    folder = tmp_path_factory.mktemp("square")
    exact = result(folder / "exact.nc", decimate_square([0.3, 0.440687, 0.6], 5, 4, [6, 4]))
    samples = [result(folder / f"{k}.nc", sample_lattices(k, **SAMPLING)) for k in (0.440687, 0.3)]
    return merge_ising(exact, samples, [0.3, 0.6])


def test_the_cube_of_the_chain_holds_the_library(chain):
    np.testing.assert_array_equal(chain["relative_entropy_b"].sel(coupling=1.0), ising.relative_entropy_1d(1.0, 4))
    ring = ising.relative_entropy_1d(0.5, 4, "A", 16)
    np.testing.assert_array_equal(chain["ring_relative_entropy_a"].sel(coupling=0.5), ring)
    np.testing.assert_array_equal(chain["asymptote"], ising.asymptote_1d([0.25, 0.5, 1.0]))
    assert chain["highlighted"].values.tolist() == [0, 1, 1]
    without = decimate_chain([0.25], 4, None)
    assert not any(name.startswith("ring") for name in without)


def test_the_cube_of_the_square_lattice_holds_the_library(square):
    torus = ising.decimations(0.6)
    for name in ("relative_entropy", "conditional_entropy", "mutual_information"):
        np.testing.assert_array_equal(square[f"enumerated_{name}"].sel(coupling=0.6), getattr(torus, name))
    np.testing.assert_array_equal(square["flow"].sel(coupling=0.3), ising.flow_2d(0.3, 5))
    assert square["width"].values.tolist() == [4, 6]
    assert square["sampled_coupling"].values.tolist() == [0.3, 0.440687]
    assert square["side"].values.tolist() == [4, 8]
    pulls = (square["sampled_energy"] - square["torus_energy"]) / square["sampled_energy_error"]
    assert (abs(pulls) < 4).all()
    np.testing.assert_allclose(
        square["sampled_mutual_information"],
        square["torus_entropy"] - 2 * square["sampled_conditional_entropy"],
    )


def test_strips_between_solved_couplings(square):
    for k in (0.3, 0.4375, 0.5):
        strip = ising.infinite_strip(k, 6)
        one = square.sel(width=6, near_coupling=k)
        assert float(one["strip_mutual_information"]) == pytest.approx(strip.mutual_information, abs=1e-9)
        step = 1e-4
        low, high = (ising.infinite_strip(k + sign * step, 6).conditional_entropy for sign in (-1, 1))
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


def test_a_lattice_has_its_own_random_numbers():
    alone = sample_lattices(0.3, **SAMPLING | {"sides": [8]})
    both = sample_lattices(0.3, **SAMPLING)
    assert alone["sampled_energy"][1][0] == both["sampled_energy"][1][1]
    other = sample_lattices(0.3, **SAMPLING | {"sides": [8], "seed": 1})
    assert alone["sampled_energy"][1][0] != other["sampled_energy"][1][0]


def test_a_cube_is_written_with_what_made_it(chain, tmp_path):
    path = tmp_path / "ising_1d.nc"
    write_study(describe_study(chain, {"title": "a run", "parameters": MADE_BY}), path, "merge_ising_1d")
    cube = read_study(path)
    xr.testing.assert_equal(cube, chain)
    assert cube.attrs["Conventions"] == "CF-1.11"
    assert json.loads(cube.attrs["parameters"]) == MADE_BY
    assert json.loads(cube.attrs["cost"])["merge_ising_1d"]["jobs"] == 1
    for variable in cube.variables.values():
        assert {"long_name", "units"} <= set(variable.attrs)
    with pytest.raises(InfoflowError, match="flow has no long_name"):
        write_study(chain.assign(flow=chain["flow"].drop_attrs(deep=False)), path, "merge")


def test_parts_of_another_config_or_damaged_ones_are_refused(tmp_path):
    path = tmp_path / "part.nc"
    write_result(path, decimate_chain([0.5], 1, None), describe_job("job", MADE_BY))
    with pytest.raises(InfoflowError, match=r"part.nc: made with options.sweeps = 400, not 500"):
        read_parts([path], {"options": {"sweeps": 500}})
    path.write_bytes(b"noise")
    with pytest.raises(InfoflowError, match="part.nc: not a whole cube"):
        read_parts([path], MADE_BY)


@pytest.mark.parametrize(("study", "figure"), [(s, f) for s in ("ising_1d", "ising_2d") for f in figures.STUDIES[s]])
def test_every_figure_is_drawn_from_its_cube_alone(study, figure, chain, square, tmp_path):
    cube = {"ising_1d": chain, "ising_2d": square}[study]
    write_study(describe_study(cube, {"parameters": MADE_BY}), tmp_path / "cube.nc", "merge")
    outputs = [tmp_path / f"{figure}.{suffix}" for suffix in ("png", "pdf")]
    draw_study(figure, tmp_path / "cube.nc", outputs)
    assert min(path.stat().st_size for path in outputs) > 5000


def heading(figure: str, cube: xr.Dataset) -> str:
    drawn = importlib.import_module(f"infoflow.figures.{figure}").draw(cube)
    plt.close(drawn)
    return drawn.get_suptitle()


def test_the_figures_say_what_was_measured(chain, square):
    said = heading("ising_flow_1d", chain)
    assert "over 3 couplings the relative entropy never falls" in said
    assert f"to {float(ising.asymptote_1d(1.0)):.4f}" in said
    broken = chain.copy(deep=True)
    broken["relative_entropy_a"][0, 2] = 0.0
    assert "falls by up to" in heading("ising_flow_1d", broken)
    said = heading("ising_flow_2d", square)
    assert "definition B, exact, never falls" in said
    assert "does not saturate" in said
    assert "without a step" in heading("ising_asymptote_2d", square)
    assert "A = 0.35 " in heading("ising_probes", square).replace("0.348", "0.35")


def test_a_cube_of_one_coupling_is_drawn(square):
    one = square.isel(coupling=[0], sampled_coupling=[0], side=[1])
    for figure in figures.STUDIES["ising_2d"]:
        heading(figure, one)
