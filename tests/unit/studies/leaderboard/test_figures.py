"""Figures of the leaderboard, from boards that are made up."""

import importlib
import itertools
import math

import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr

mpl.use("Agg")
import matplotlib.pyplot as plt

from common import assert_nothing_beyond_the_edges
from infoflow.figures.draw_study import draw_study
from infoflow.figures.style import STYLE
from infoflow.files.cubes import write_cube
from infoflow.predictors.kinds import PREDICTORS
from infoflow.reconstruction.kinds import METHODS
from infoflow.studies.leaderboard.build_leaderboard import judge_cubes
from infoflow.studies.leaderboard.figures._shared import shown_grids
from infoflow.studies.leaderboard.figures.leaderboard import FREE, UNKNOWN, cost_axis, side_by_side, spread
from infoflow.studies.leaderboard.figures.leaderboard_boundary import say_columns, say_factor, say_rules
from infoflow.studies.leaderboard.plan import Leaderboard
from infoflow.studies.leaderboard.variables import MAIN
from infoflow.studies.trainability.scores import MEASURES
from jobs import make_job
from made_up_board import CASCADES, KNOWN, add_scores

FIGURES = tuple(Leaderboard.FIGURES)
SCORES = [*PREDICTORS, *CASCADES]


def make_board(grids=3, scores=SCORES, truth=True, **limits) -> xr.Dataset:
    """The leaderboard of made-up cubes.

    Args:
        truth: of the last grid.
        limits: the largest trainable depth of the last grid, instead of one that varies.
    """
    random = np.random.default_rng(0)
    w, depth = np.linspace(0.5, 4, 8), np.array([2, 5, 10, 20])
    point = ("sigma_w2", "sigma_b2", "depth")
    cubes = {}
    for g in range(grids):
        limit = 40 * np.exp(-2 * abs(np.log(w / 1.8)))
        if g == grids - 1 and limits:
            limit = np.full(len(w), limits["limit"])
        coords = {"sigma_w2": w, "sigma_b2": [0.05], "depth": depth, "replica": range(3)}
        cube = xr.Dataset(coords=coords, attrs={"draws": "independent"})
        cube["xi_c"] = (point[:2], limit[:, None] / 4)
        if truth or g < grids - 1:
            shape = len(w), 1, len(depth), 3
            ratio = np.log(limit[:, None] / depth)[:, None, :, None]
            accuracy = np.clip(0.5 + 0.3 * ratio + 0.02 * random.normal(size=shape), 0, 1).astype(np.float32)
            known = [ratio + (0.2 + 0.2 * k) * random.normal(size=shape) for k in range(len(scores))]
            cube["reached_accuracy"] = ((*point, "replica"), accuracy)
            cube["trainable"] = ((*point, "replica"), (ratio + 0 * accuracy >= 0).astype(np.int8))
            cube["train_seconds"] = ((*point, "replica"), np.full(shape, 10.0 / 3))
            add_scores(cube, dict(zip(scores, known)))
            seconds = 10.0 ** random.uniform(-3, 0, cube.sizes["predictor"])
            cube["predictor_seconds"] = ((*point, "predictor"), np.ones((*shape[:3], 1)) * seconds)
            cube["probe_seconds"] = (point[:2], np.full((len(w), 1), 3.0))
            for method in METHODS.keys() - {MAIN}:
                cube[f"{method}_probe_seconds"] = (point[:2], np.full((len(w), 1), 0.7))
        cubes[f"grid_{g}"] = cube
    return judge_cubes(cubes, 0, KNOWN, {"title": "made up"}, resamples=30, boundary_resamples=6)


BOARD = make_board()
FEW = ["mean_field", "snip", "explained_variance"]
CASES = {
    "whole": BOARD,
    "one grid": make_board(1),
    "five grids": make_board(5, FEW),
    "without truth": make_board(2, FEW, truth=False),
    "nothing trainable": make_board(2, FEW, limit=1.0),
    "all trainable": make_board(1, FEW, limit=100.0),
    "no truth at all": make_board(1, FEW, truth=False),
    "one score": make_board(1, ["snip"]),
    "costs not known": BOARD.assign(relative_cost=BOARD["relative_cost"] * np.nan),
    "free alone": make_board(2, ["mean_field"]),
}


@pytest.fixture(autouse=True)
def style():
    with plt.rc_context(STYLE):
        yield
    plt.close("all")


def draw(name: str, board: xr.Dataset):
    figure = importlib.import_module(f"infoflow.studies.leaderboard.figures.{name}").draw(board)
    figure.canvas.draw()
    return figure


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", FIGURES)
def test_leaderboards_are_drawn(name, case):
    board = CASES[case]
    figure = draw(name, board)
    assert len(figure.axes) == len(shown_grids(board))
    for ax, grid in zip(figure.axes, shown_grids(board), strict=True):
        assert ax.get_title().startswith(f"{grid}: ")
        assert ax.lines or ax.texts
        assert min(ax.get_window_extent().size / figure.dpi) > 1  # inches
    assert_nothing_beyond_the_edges(figure)


@pytest.mark.parametrize("name", FIGURES)
def test_leaderboards_are_files_of_a_study(name, tmp_path, monkeypatch):
    monkeypatch.setattr("infoflow.files.cubes.spent", lambda rule, before: before)
    write_cube(BOARD, tmp_path / "cube.nc", "build_leaderboard")
    parameters = {"module": f"studies.leaderboard.figures.{name}"}
    draw_study(make_job(parameters, tmp_path / "a.png", {"cube": tmp_path / "cube.nc"}))
    assert (tmp_path / "a.png").stat().st_size > 20_000


def test_no_two_names_overlap_and_all_are_there():
    figure = draw("leaderboard", BOARD)
    titles = {title.replace(" R2", " $R^2$") for title in BOARD["title"].values}
    for ax in figure.axes:
        assert {t.get_text().rpartition("  ")[0] for t in ax.texts} == titles
        boxes = [t.get_window_extent() for t in ax.texts]
        assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
        panel = ax.get_window_extent()
        assert all(box.x0 > panel.x1 for box in boxes)
    # names of one panel are not in the next
    left, right = figure.axes[:2]
    assert max(t.get_window_extent().x1 for t in left.texts) < right.get_tightbbox().x0


def test_names_are_where_there_is_room():
    heights = np.array([0.9, 0.2, 0.9, 0.91, 0.5])
    found = spread(heights, 0.1)
    assert np.diff(np.sort(found)).min() >= 0.1 - 1e-12
    assert (np.argsort(found) == np.argsort(heights, kind="stable")).all()
    np.testing.assert_allclose(found[[1, 4]], [0.2, 0.5])
    assert found.max() <= 1
    np.testing.assert_allclose(np.sort(found)[2:], [0.8, 0.9, 1.0])
    np.testing.assert_allclose(spread(np.array([0.5, 0.52]), 0.1), [0.46, 0.56])
    assert spread(np.array([]), 0.1).size == 0


def test_what_is_free_stands_at_the_left():
    place, ticks = cost_axis(np.array([0.0, 2e-3, 0.4, np.nan]))
    assert list(ticks.values()) == [FREE, "$10^{-3}$", "$10^{-2}$", "$10^{-1}$", "$10^{0}$", UNKNOWN]
    assert place(0.0) == -4 < place(2e-3) < place(0.4) < place(math.nan) == 1
    assert place(0.01) == pytest.approx(-2)
    assert list(cost_axis(np.array([0.0]))[1].values()) == [FREE]
    assert side_by_side(np.array([1.0, 2.0, 1.0])).tolist() == pytest.approx([0.96, 2.0, 1.04])
    ticks = [t.get_text() for t in draw("leaderboard", BOARD).axes[0].get_xticklabels()]
    assert ticks[0] == FREE


def test_open_symbols_are_one_sided():
    ax = draw("leaderboard", make_board(1, ["mean_field", "snip", "lyapunov"])).axes[0]
    faces = [line.get_markerfacecolor() for line in ax.lines if line.get_marker() == "o"]
    # in the order of the cube: mean_field, snip, lyapunov
    assert [face == "white" for face in faces] == [False, True, False]


def test_bars_are_sorted_and_fixed_rules_beside_them():
    ax = draw("leaderboard_boundary", BOARD).axes[0]
    named = [t.get_text() for t in ax.get_yticklabels()]
    widths = [patch.get_width() for patch in ax.patches]
    fixed = [measure.title.replace("R2", "$R^2$") for measure in MEASURES.values() if measure.threshold is not None]
    rules = [f"{method.title}, {what}" for method in METHODS.values() for what in fixed]
    known = {f"{method} cascade, {what}" for method in ("Adam", "ridge") for what in ("$R^2$", "saturation depth")}
    assert known <= set(rules)
    assert len(named) == len(widths) == len(SCORES) + len(rules) + 1
    assert named.count("fixed rule") == len(rules) + 1
    calibrated = [width for name, width in zip(named, widths, strict=True) if name != "fixed rule"]
    assert calibrated == sorted(calibrated)
    before = [named[k - 1] for k, name in enumerate(named) if name == "fixed rule"]
    assert sorted(before) == sorted([*rules, "mean-field correlation length"])


def test_the_factors_are_said():
    here = BOARD.sel(grid="grid_0")
    said = say_factor(here, 6.0)
    assert "published 6" in said
    assert f"calibrated {float(here['calibrated_factor']):.2g}" in said
    assert f"true {float(here['true_factor']):.2g}" in said
    assert say_factor(CASES["no truth at all"].isel(grid=0), 6.0) == ""
    assert say_rules(BOARD) == r"depth $\leq 6\,\xi_c$, $R^2 \geq 0$, depth $\leq$ saturation depth"
    assert say_rules(CASES["one score"]) == "none"
    # columns of grids that are not judged do not count
    one, two = (say_columns(CASES[case], "overall") for case in ("one grid", "nothing trainable"))
    assert one == two == say_columns(BOARD, "grid_0")
