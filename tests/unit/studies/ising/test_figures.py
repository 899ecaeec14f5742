"""Figures of the Ising studies."""

import importlib

import matplotlib as mpl
import pytest
import xarray as xr

mpl.use("Agg")
import matplotlib.pyplot as plt

from infoflow.figures.draw_study import draw_study
from infoflow.jobs.captions import read_caption
from infoflow.jobs.record import find_mark, mark
from infoflow.studies.ising import chain as exact_chain
from infoflow.studies.ising.figures.ising_probes import sharpness
from infoflow.studies.ising.plan import Ising
from jobs import make_job


def of(dimension: str) -> list[str]:
    return [name for name, drawn_of in Ising.FIGURES.items() if drawn_of == dimension]


@pytest.mark.parametrize("figure", Ising.FIGURES)
def test_every_figure_is_drawn_from_its_cube_alone(figure, chain_job, square_job, tmp_path):
    cube = {"1d": chain_job, "2d": square_job}[Ising.FIGURES[figure]].output
    outputs = [tmp_path / f"{figure}.{suffix}" for suffix in ("png", "pdf", "json")]
    parameters = {"module": f"studies.ising.figures.{figure}"}
    draw_study(make_job(parameters, outputs, {"cube": cube}))
    assert min(path.stat().st_size for path in outputs[:2]) > 5000
    assert read_caption(outputs[0])["finding"]
    assert {find_mark(path) for path in outputs} == {mark(parameters)}


def heading(figure: str, cube: xr.Dataset) -> str:
    drawn = importlib.import_module(f"infoflow.studies.ising.figures.{figure}").draw(cube)
    plt.close(drawn)
    return f"{drawn.finding}. {drawn.caption}"


def test_the_figures_say_what_was_measured(chain, square):
    said = heading("ising_flow_1d", chain)
    assert "The relative entropy never falls over 3 couplings" in said
    assert f"to {float(exact_chain.asymptote_1d(1.0)):.4f}" in said
    broken = chain.copy(deep=True)
    broken["relative_entropy_a"][0, 2] = 0.0
    assert "falls by up to" in heading("ising_flow_1d", broken)
    said = heading("ising_flow_2d", square)
    assert "Definition B never falls" in said
    assert "does not saturate" in said
    assert "has no step at K_c" in heading("ising_asymptote_2d", square)
    assert "A = 0.35 " in heading("ising_probes", square).replace("0.348", "0.35")


def test_probes_that_are_alike_but_for_a_constant_are_equally_sharp(square):
    found = sharpness(square)
    assert found["relative\nentropy,\n$n$ = 1"] == pytest.approx(found["conditional\nentropy"])


def test_a_cube_of_one_coupling_is_drawn(square):
    one = square.isel(coupling=[0], sampled_coupling=[0], side=[1])
    for figure in of("2d"):
        assert heading(figure, one)
