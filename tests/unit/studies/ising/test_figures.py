"""Figures of the Ising studies."""

import importlib

import matplotlib as mpl
import pytest
import xarray as xr

mpl.use("Agg")
import matplotlib.pyplot as plt

from infoflow.figures.draw_study import draw_study
from infoflow.jobs.record import find_mark, mark
from infoflow.studies.ising import chain as exact_chain
from infoflow.studies.ising.plan import Ising
from jobs import make_job


def of(dimension: str) -> list[str]:
    return [name for name, drawn_of in Ising.FIGURES.items() if drawn_of == dimension]


@pytest.mark.parametrize("figure", Ising.FIGURES)
def test_every_figure_is_drawn_from_its_cube_alone(figure, chain_job, square_job, tmp_path):
    cube = {"1d": chain_job, "2d": square_job}[Ising.FIGURES[figure]].output
    outputs = [tmp_path / f"{figure}.{suffix}" for suffix in ("png", "pdf")]
    parameters = {"module": f"studies.ising.figures.{figure}"}
    draw_study(make_job(parameters, outputs, {"cube": cube}))
    assert min(path.stat().st_size for path in outputs) > 5000
    assert {find_mark(path) for path in outputs} == {mark(parameters)}


def heading(figure: str, cube: xr.Dataset) -> str:
    drawn = importlib.import_module(f"infoflow.studies.ising.figures.{figure}").draw(cube)
    plt.close(drawn)
    return drawn.get_suptitle()


def test_the_figures_say_what_was_measured(chain, square):
    said = heading("ising_flow_1d", chain)
    assert "over 3 couplings the relative entropy never falls" in said
    assert f"to {float(exact_chain.asymptote_1d(1.0)):.4f}" in said
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
    for figure in of("2d"):
        assert heading(figure, one)
