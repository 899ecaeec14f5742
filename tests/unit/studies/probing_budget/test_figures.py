"""The figure of the probing budget, from a cube that is made up."""

import matplotlib as mpl
import numpy as np
import pytest

mpl.use("Agg")
import matplotlib.pyplot as plt

from infoflow.figures.draw_study import draw_study
from infoflow.files.cubes import write_cube
from infoflow.studies.probing_budget.figures.probing_budget import draw
from jobs import make_job
from made_up_budget import NOISE, merge, synthetic, write_truth


def test_the_figure_marks_and_names_the_cheapest():
    figure = draw(merge(synthetic(NOISE)))
    assert len([ax for ax in figure.axes if ax.get_title()]) == 3
    for ax in figure.axes:
        assert "★ width 8, 1/2 steps, 4 samples:\ncost 0.45" in ax.get_title()
        star = next(line for line in ax.lines if line.get_marker() == "*")
        assert star.get_xydata()[0] == pytest.approx([5 / 11, 1.0])
    figure.draw_without_rendering()
    plt.close(figure)


def test_a_cube_without_both_classes_is_drawn():
    truth = write_truth()
    truth["trainable"][:] = 1
    figure = draw(merge(synthetic(NOISE), truth))
    figure.draw_without_rendering()
    for ax in figure.axes:
        assert not any(np.isfinite(line.get_xydata()).any() for line in ax.lines if line.get_marker() == "*")
    plt.close(figure)


def test_the_figure_is_drawn_from_the_file_of_the_cube_alone(tmp_path):
    write_cube(merge(synthetic(NOISE)), tmp_path / "cube.nc", "merge_probing_budget")
    outputs = [tmp_path / f"figure.{suffix}" for suffix in ("png", "pdf")]
    parameters = {"module": "studies.probing_budget.figures.probing_budget"}
    draw_study(make_job(parameters, outputs, {"cube": tmp_path / "cube.nc"}))
    assert min(path.stat().st_size for path in outputs) > 5000
