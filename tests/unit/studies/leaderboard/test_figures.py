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
from infoflow.figures.say import settle
from infoflow.figures.style import STYLE
from infoflow.files.cubes import write_cube
from infoflow.predictors.kinds import PREDICTORS
from infoflow.reconstruction.kinds import METHODS
from infoflow.studies.leaderboard.build_leaderboard import judge_cubes
from infoflow.studies.leaderboard.figures._shared import shown_grids
from infoflow.studies.leaderboard.figures.leaderboard import say_cost
from infoflow.studies.leaderboard.figures.leaderboard_boundary import boundary_columns, say_factor, say_rules
from infoflow.studies.leaderboard.plan import Leaderboard
from infoflow.studies.leaderboard.variables import MAIN
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
    settle(figure)
    figure.draw_without_rendering()
    return figure


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", FIGURES)
def test_leaderboards_are_drawn(name, case):
    board = CASES[case]
    figure = draw(name, board)
    if name != "comparison":
        assert [ax.get_title().split(":")[0] for ax in figure.axes] == shown_grids(board)
    for ax in figure.axes:
        assert ax.lines or ax.texts
        assert min(ax.get_window_extent().size / figure.dpi) > 1  # inches
    assert figure.finding
    assert figure.caption
    assert_nothing_beyond_the_edges(figure)


@pytest.mark.parametrize("name", FIGURES)
def test_leaderboards_are_files_of_a_study(name, tmp_path, monkeypatch):
    monkeypatch.setattr("infoflow.files.cubes.spent", lambda rule, before: before)
    write_cube(BOARD, tmp_path / "cube.nc", "build_leaderboard")
    parameters = {"module": f"studies.leaderboard.figures.{name}"}
    draw_study(make_job(parameters, tmp_path / "a.png", {"cube": tmp_path / "cube.nc"}))
    assert (tmp_path / "a.png").stat().st_size > 20_000


def values(ax) -> list[float]:
    """Where the symbols of a panel are, from above."""
    drawn = [bars.lines[0] for bars in ax.containers]
    return [float(line.get_xdata()[0]) for line in sorted(drawn, key=lambda line: line.get_ydata()[0])]


def test_rows_are_sorted_and_have_one_name_for_all_panels():
    figure = draw("leaderboard", BOARD)
    first, *others = figure.axes
    assert values(first) == sorted(values(first), reverse=True)
    names = [t.get_text() for t in first.get_yticklabels()]
    order = BOARD["title"].isel(score=np.argsort(-BOARD["auroc"].sel(grid="overall").values, kind="stable"))
    assert names == [title.replace(" R2", " $R^2$") for title in order.values][: len(names)]
    boxes = [t.get_window_extent() for t in first.get_yticklabels()]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    assert all(len(ax.containers) == len(names) for ax in others)
    boundary = draw("leaderboard_boundary", BOARD).axes[0]
    calibrated = [bars.lines[0] for bars in boundary.containers if bars.lines[0].get_marker() != "|"]
    found = [float(line.get_xdata()[0]) for line in sorted(calibrated, key=lambda line: line.get_ydata()[0])]
    assert found == sorted(found)


def test_no_interval_is_cut_by_the_axis():
    for name in FIGURES:
        for ax in draw(name, BOARD).axes:
            low, high = ax.get_xlim()
            ends = np.concatenate([bars.lines[2][0].get_segments() for bars in ax.containers if bars.has_xerr])[..., 0]
            assert low <= np.nanmin(ends)
            assert np.nanmax(ends) <= high


def test_costs_are_said():
    assert [say_cost(c) for c in (0.0, math.nan, 0.034, 2.0, 3e-6)] == ["free", "?", "0.03", "2", "10$^{-6}$"]
    shown = [t.get_text() for t in draw("leaderboard", BOARD).axes[0].texts]
    known = int(np.isfinite(BOARD["auroc"].sel(grid="overall")).sum())
    assert len(shown) == known
    assert "free" in shown


def test_the_baseline_is_a_line_and_what_is_not_better_is_counted():
    figure = draw("leaderboard", BOARD)
    area = float(BOARD["auroc"].sel(grid="overall", score="negative_depth"))
    assert any(line.get_xdata()[0] == pytest.approx(area) for line in figure.axes[0].lines)
    better = int((BOARD["auroc_gain_low"].sel(grid="overall") > 0).sum())
    assert f"{better} of {len(SCORES) - 1} scores are shown to be better than depth alone" in figure.finding


def test_few_columns_give_no_ranking():
    board = make_board(1, FEW)
    board["censored_columns"][:] = board["columns"] - 2
    figure = draw("leaderboard_boundary", board)
    assert "too few to rank" in figure.finding
    assert "only 2: no ranking" in figure.axes[0].get_title()


def test_open_symbols_are_one_sided():
    ax = draw("leaderboard", make_board(1, ["mean_field", "snip", "lyapunov"])).axes[0]
    lines = sorted((bars.lines[0] for bars in ax.containers), key=lambda line: line.get_ydata()[0])
    named = dict(zip([t.get_text() for t in ax.get_yticklabels()], lines, strict=True))
    assert [named[k].get_markerfacecolor() == "white" for k in ("SNIP", "Lyapunov exponent")] == [True, False]


def test_the_factors_are_said():
    here = BOARD.sel(grid="grid_0")
    said = say_factor(here)
    assert f"calibrated {float(here['calibrated_factor']):.2g}" in said
    assert f"true {float(here['true_factor']):.2g}" in said
    assert say_factor(CASES["no truth at all"].isel(grid=0)) == ""
    assert say_rules(BOARD) == r"depth $\leq 6\,\xi_c$, $R^2 \geq 0$, depth $\leq$ saturation depth"
    assert say_rules(CASES["one score"]) == "none"
    # columns of grids that are not judged do not count
    one, two = (boundary_columns(CASES[case], "overall") for case in ("one grid", "nothing trainable"))
    assert one == two == boundary_columns(BOARD, "grid_0")
