"""The leaderboard of made-up cubes, whose answers are known."""

import csv
import json
import math
import re

import numpy as np
import pytest
import xarray as xr

from infoflow.config import METHOD_OPTIONS
from infoflow.cubes import SCORES
from infoflow.errors import InfoflowError
from infoflow.leaderboard import Estimate, average, balanced_accuracy, find_boundary
from infoflow.leaderboard_cube import (
    CASCADES,
    MEASURES,
    build_leaderboard,
    describe_score,
    escape,
    ranking,
    validate_leaderboard,
    write_csv,
    write_latex,
)
from infoflow.predictors import PREDICTORS
from infoflow.study import read_parts, read_study, write_study

DEPTHS = 2.0 ** np.arange(1, 8)
LIMITS = {0.5: 4.0, 1.0: 8.0, 1.5: 32.0, 2.0: 16.0, 2.5: 8.0, 3.0: 4.0}
"""Largest trainable depth by σ_w²."""
REPLICAS = 3
FACTOR = 4.0
"""Largest trainable depth over ξ_c."""
POINT = ("sigma_w2", "sigma_b2", "depth")


def make_cube(limits=LIMITS, scores=None, method="adam", truth=True, per_depth=False, memory=5e6) -> xr.Dataset:
    """A cube like those of `cubes`, by default with scores that know every boundary.

    Args:
        scores: arrays [w, 1, d, r] by name; None stands for ln(limit/depth).
    """
    w, d = np.array(list(limits)), DEPTHS
    limit = np.array(list(limits.values()))[:, None, None, None]
    deep = d[None, None, :, None]
    shape = len(w), 1, len(d), REPLICAS
    known = np.broadcast_to(np.log(limit / deep), shape) + 0.1
    cube = xr.Dataset(coords={"sigma_w2": w, "sigma_b2": [0.05], "depth": d.astype(int), "replica": range(REPLICAS)})
    cube["xi_c"] = (POINT[:2], limit[:, :, 0, 0] / FACTOR)
    probe = POINT if per_depth else POINT[:2]
    cube["probe_seconds"] = (probe, np.full([cube.sizes[n] for n in probe], 2.0))
    cube.attrs["probe_method"] = method
    if not truth:
        return cube
    accuracy = np.where(np.broadcast_to(deep, shape) <= limit, 0.9, 0.1).astype(np.float32)
    cube["best_accuracy"] = ((*POINT, "replica"), accuracy)
    cube["trainable"] = ((*POINT, "replica"), (accuracy > 0.5).astype(np.int8))
    cube["train_seconds"] = (POINT, np.full(shape[:3], 10.0))
    scores = {"explained_variance": None, "mean_field": 6 * limit / FACTOR / deep, **(scores or {})}
    values = [np.broadcast_to(known if v is None else v, shape) for v in scores.values()]
    cube.coords["score"] = list(scores)
    cube["prediction_score"] = ((*POINT, "replica", "score"), np.stack(values, -1).astype(np.float32))
    cheap = [name for name in scores if name in PREDICTORS and name != "mean_field"]
    cube.coords["predictor"] = np.array(cheap, dtype=object)
    for name, value in (("predictor_seconds", 0.5), ("predictor_memory", memory)):
        cube[name] = ((*POINT, "predictor"), np.full((*shape[:3], len(cheap)), value))
    return cube


def build(cubes, seed=0, **options):
    return build_leaderboard(cubes, seed, resamples=40, boundary_resamples=8, **options)


def noisy(strength, seed=0):
    """ln(limit/depth) with noise."""
    limit = np.array(list(LIMITS.values()))[:, None, None, None]
    noise = np.random.default_rng(seed).normal(size=(len(LIMITS), 1, len(DEPTHS), REPLICAS))
    return np.log(limit / DEPTHS[None, None, :, None]) + strength * noise


def value(board, name, grid, score=None) -> float:
    part = board[name].sel(grid=grid)
    return float(part if score is None else part.sel(score=score))


def test_a_perfect_score_is_best():
    board = build({"a_mlp": make_cube(scores={"snip": noisy(3)})})
    assert board["auroc"].dims == ("grid", "score")
    assert board["grid"].values.tolist() == ["a_mlp", "overall"]
    for measure, expected in (("auroc", 1), ("balanced_accuracy", 1), ("boundary_error", 0), ("spearman", None)):
        for end in ("", "_low", "_high"):
            found = value(board, f"{measure}{end}", "a_mlp", "explained_variance")
            assert found == expected if expected is not None else 0.5 < found < 1
            # of a single grid the mean is that grid
            assert found == value(board, f"{measure}{end}", "overall", "explained_variance")
    assert 0.5 < value(board, "auroc", "a_mlp", "snip") < 0.95
    low, high = (value(board, f"auroc_{end}", "a_mlp", "snip") for end in ("low", "high"))
    assert low < value(board, "auroc", "a_mlp", "snip") < high
    assert ranking(board) == ["explained_variance", "mean_field", "snip"]
    assert value(board, "networks", "a_mlp", "snip") == 6 * 7 * 3
    assert (value(board, "columns", "a_mlp", "snip"), value(board, "censored_columns", "a_mlp", "snip")) == (6, 0)
    assert math.isnan(value(board, "censored_agreement", "a_mlp", "snip"))


def test_the_factor_is_calibrated():
    """depth <= 4 ξ_c, depths in octaves: any factor from 4 up to 8 is right."""
    board = build({"a_mlp": make_cube()})
    assert float(board["fixed_factor"]) == 6
    for end in ("", "_low", "_high"):
        assert value(board, f"true_factor{end}", "a_mlp") == FACTOR
        assert FACTOR < value(board, f"calibrated_factor{end}", "a_mlp") < 2 * FACTOR
    # with 6 in between, both rules are right
    for name in ("balanced_accuracy", "fixed_balanced_accuracy"):
        assert value(board, name, "a_mlp", "mean_field") == 1
    assert value(board, "fixed_boundary_error", "a_mlp", "mean_field") == 0
    # half as long: the fixed rule is off by one octave, the calibrated one is not
    limit = np.array([*LIMITS.values()])[:, None, None, None]
    cube = make_cube(scores={"mean_field": 3 * limit / FACTOR / DEPTHS[:, None]})
    cube["xi_c"] = cube["xi_c"] / 2
    board = build({"a_mlp": cube})
    assert value(board, "true_factor", "a_mlp") == 2 * FACTOR
    assert 2 * FACTOR < value(board, "calibrated_factor", "a_mlp") < 4 * FACTOR
    assert value(board, "boundary_error", "a_mlp", "mean_field") == 0
    assert value(board, "fixed_boundary_error", "a_mlp", "mean_field") == pytest.approx(math.log(2))
    assert value(board, "fixed_balanced_accuracy", "a_mlp", "mean_field") < 0.9
    assert value(board, "balanced_accuracy", "a_mlp", "mean_field") == 1


def test_fixed_rules_are_those_of_two_scores():
    shifted = noisy(0) + 0.1 + 10
    board = build({"a_mlp": make_cube(scores={"explained_variance": shifted, "snip": None})})
    assert board["fixed_threshold"].to_series().dropna().to_dict() == {"mean_field": 1, "explained_variance": 0}
    assert value(board, "fixed_balanced_accuracy", "a_mlp", "explained_variance") == 0.5
    assert value(board, "balanced_accuracy", "a_mlp", "explained_variance") == 1
    # all predicted trainable: the error is that of the deepest
    expected = np.log(DEPTHS[-1] / np.array([*LIMITS.values()])).mean()
    assert value(board, "fixed_boundary_error", "a_mlp", "explained_variance") == pytest.approx(expected)
    assert math.isnan(value(board, "fixed_boundary_error", "a_mlp", "snip"))
    # midway between the scores of the deepest trainable depth and of the next: ln 1 and ln 1/2
    for end in ("", "_low", "_high"):
        assert value(board, f"threshold{end}", "a_mlp", "snip") == pytest.approx(0.1 - math.log(2) / 2)


@pytest.mark.parametrize("per_depth", [False, True])
def test_costs_are_sums(per_depth):
    cube = make_cube(scores={"snip": None, "ridge_explained_variance": None}, per_depth=per_depth)
    cube["ridge_probe_seconds"] = cube["probe_seconds"] / 4
    # what was not trained is not counted
    cube["train_seconds"][0] = np.nan
    cube["trainable"][0], cube["best_accuracy"][0] = -1, np.nan
    board = build({"a_mlp": cube, "b_mlp": make_cube(scores={"snip": None}, memory=7e6)})
    adam = 2.0 * 5 * (7 if per_depth else 1)
    expected = {"explained_variance": adam, "ridge_explained_variance": adam / 4, "snip": 0.5 * 35, "mean_field": 0.0}
    assert value(board, "training_seconds", "a_mlp") == 350
    for score, seconds in expected.items():
        assert value(board, "scoring_seconds", "a_mlp", score) == pytest.approx(seconds)
        assert value(board, "relative_cost", "a_mlp", score) == pytest.approx(seconds / 350)
    assert value(board, "relative_cost", "overall", "snip") == pytest.approx(0.5 / 10)
    assert value(board, "relative_cost", "overall", "mean_field") == 0
    assert math.isnan(value(board, "relative_cost", "overall", "ridge_explained_variance"))
    assert value(board, "networks", "a_mlp", "snip") == 5 * 7 * 3
    assert value(board, "memory", "overall", "snip") == 7e6
    assert math.isnan(value(board, "memory", "a_mlp", "explained_variance"))


def test_costs_that_are_not_known_are_not_made_up():
    cube = make_cube(scores={"snip": None}).drop_vars(["predictor_seconds", "predictor_memory", "predictor"])
    board = build({"a_mlp": cube})
    assert value(board, "auroc", "a_mlp", "snip") == 1
    assert math.isnan(value(board, "relative_cost", "a_mlp", "snip"))


def test_overall_is_the_mean_over_grids():
    cubes = {"a_mlp": make_cube(scores={"snip": noisy(3), "fisher": None}), "b_mlp": make_cube(scores={"snip": None})}
    board = build(cubes)
    a, b = (value(board, "auroc", grid, "snip") for grid in ("a_mlp", "b_mlp"))
    assert (a < 0.95, b) == (True, 1)
    assert value(board, "auroc", "overall", "snip") == pytest.approx((a + b) / 2)
    # half of the interval of one grid, as the other has none
    for end in ("low", "high"):
        half = (value(board, f"auroc_{end}", "a_mlp", "snip") + 1) / 2
        assert value(board, f"auroc_{end}", "overall", "snip") == pytest.approx(half)
    # not on all grids
    assert math.isnan(value(board, "auroc", "overall", "fisher"))
    assert board["covered_grids"].sel(score="fisher").item() == "a_mlp"
    assert board["covered_grids"].sel(score="snip").item() == "a_mlp b_mlp"
    assert ranking(board)[-1] == "fisher"


def test_the_mean_of_independent_estimates_is_more_certain():
    random = np.random.default_rng(0)
    one = [Estimate(0.0, -2, 2, tuple(random.normal(size=4000))) for _ in range(4)]
    found = average(one)
    assert found.value == 0
    assert found.high - found.low == pytest.approx(2 * 1.96 / 2, rel=0.06)
    assert math.isnan(average([]).value)


def test_the_interval_of_a_grid_is_its_own():
    cube = make_cube(scores={"snip": noisy(3)})
    alone, beside = build({"a_mlp": cube}), build({"b_mlp": make_cube(), "a_mlp": cube})
    for name in MEASURES:
        for end in ("", "_low", "_high"):
            np.testing.assert_array_equal(
                alone[name + end].sel(grid="a_mlp"), beside[name + end].sel(grid="a_mlp", score=alone["score"])
            )
    # equal grids are resampled independently of each other
    twice = build({"a_mlp": cube, "b_mlp": cube})
    assert value(twice, "auroc_low", "a_mlp", "snip") != value(twice, "auroc_low", "b_mlp", "snip")


@pytest.mark.parametrize(
    ("cube", "case"),
    [
        (make_cube(truth=False), 1),
        (make_cube(limits=dict.fromkeys(LIMITS, 128.0)), 2),
        (make_cube(limits=dict.fromkeys(LIMITS, 1.0)), 3),
    ],
    ids=["no truth", "all trainable", "none trainable"],
)
def test_a_grid_without_a_contest_is_not_judged(cube, case):
    board = build({"a_mlp": make_cube(scores={"snip": noisy(3)}), "b_mlp": cube})
    assert board["grid_case"].values.tolist() == [0, case, 0]
    for name in ("auroc", "boundary_error", "balanced_accuracy", "fixed_balanced_accuracy", "fixed_boundary_error"):
        assert board[name].sel(grid="b_mlp").isnull().all()
        # and the overall values are those of the other
        np.testing.assert_array_equal(board[name].sel(grid="overall"), board[name].sel(grid="a_mlp"))
    np.testing.assert_array_equal(board["relative_cost"].sel(grid="overall"), board["relative_cost"].sel(grid="a_mlp"))
    assert board["covered_grids"].values.tolist() == ["a_mlp"] * 3
    alone = build({"b_mlp": cube})
    assert alone["grid_case"].values.tolist() == [case, case]
    assert alone["auroc"].isnull().all()


def test_the_scores_of_a_method_have_one_name():
    """Whether it is the main method of a cube or one beside it."""
    ridge = make_cube(method="ridge", scores={"adam_explained_variance": noisy(3)})
    ridge["adam_probe_seconds"] = 3 * ridge["probe_seconds"]
    adam = make_cube(scores={"ridge_explained_variance": None})
    adam["ridge_probe_seconds"] = adam["probe_seconds"]
    board = build({"a_mlp": ridge, "b_mlp": adam})
    assert board["score"].values.tolist() == ["mean_field", "explained_variance", "ridge_explained_variance"]
    assert value(board, "auroc", "a_mlp", "ridge_explained_variance") == 1
    assert value(board, "auroc", "a_mlp", "explained_variance") < 0.95
    assert value(board, "scoring_seconds", "a_mlp", "explained_variance") == 36
    assert value(board, "scoring_seconds", "a_mlp", "ridge_explained_variance") == 12


def test_every_score_is_described():
    wanted = {m if method == "adam" else f"{method}_{m}" for method in METHOD_OPTIONS for m in SCORES}
    assert set(CASCADES) == wanted
    about = [describe_score(name) for name in (*PREDICTORS, *CASCADES)]
    assert len({a.title for a in about}) == len(about)
    with pytest.raises(InfoflowError, match="'luck' is unknown"):
        describe_score("luck")
    with pytest.raises(InfoflowError, match="cube a_mlp: score 'luck' is unknown"):
        build({"a_mlp": make_cube(scores={"luck": None})})
    with pytest.raises(InfoflowError, match="no cube to judge"):
        build({})


def test_scores_that_are_not_known_of_a_grid_are_left_out():
    board = build({"a_mlp": make_cube(scores={"snip": np.full((6, 1, 7, 3), np.nan), "fisher": None})})
    assert "snip" not in board["score"]
    infinite = build({"a_mlp": make_cube(scores={"snip": np.where(noisy(0) > -0.1, np.inf, -np.inf)})})
    assert value(infinite, "auroc", "a_mlp", "snip") == 1


def test_the_cube_is_written_whole(tmp_path, monkeypatch):
    monkeypatch.setattr("infoflow.study.spent", lambda rule, before: before)
    board = build({"a_mlp": make_cube(), "b_mlp": make_cube(truth=False)}, attributes={"title": "t", "parameters": {}})
    write_study(board, tmp_path / "leaderboard.nc", "build_leaderboard")
    read = read_study(tmp_path / "leaderboard.nc")
    validate_leaderboard(read)
    xr.testing.assert_allclose(read, board)
    assert all("comment" in read[f"{name}{end}"].attrs for name in MEASURES for end in ("", "_low", "_high"))
    with pytest.raises(InfoflowError, match="kendall is missing"):
        validate_leaderboard(board.drop_vars("kendall"))
    with pytest.raises(InfoflowError, match="dimensions of auroc"):
        validate_leaderboard(board.assign(auroc=board["auroc"].T.assign_attrs(board["auroc"].attrs)))


def test_a_stale_cube_is_refused_by_name(tmp_path, monkeypatch):
    monkeypatch.setattr("infoflow.study.spent", lambda rule, before: before)
    cube = make_cube()
    for variable in cube.variables.values():
        variable.attrs |= {"long_name": "x", "units": "1"}
    cube.attrs["parameters"] = json.dumps({"trainings": {"run": {"seed": 1}}})
    write_study(cube.drop_dims("predictor"), tmp_path / "a_mlp.nc", "merge_cube")
    assert read_parts([tmp_path / "a_mlp.nc"], {"trainings": {"run": {"seed": 1}}})
    with pytest.raises(InfoflowError, match=r"a_mlp\.nc: made with trainings\.run\.seed = 1, not 2"):
        read_parts([tmp_path / "a_mlp.nc"], {"trainings": {"run": {"seed": 2}}})


TABLES = {"a_b": make_cube(scores={"snip": noisy(3), "fisher": None}), "c_d": make_cube(scores={"snip": noisy(2)})}


def test_the_csv_has_the_numbers_of_the_cube(tmp_path):
    board = build(TABLES)
    write_csv(board, tmp_path / "out/l.csv")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["l.csv"]
    with (tmp_path / "out/l.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["grid"] for row in rows] == [g for g in ("overall", "a_b", "c_d") for _ in range(4)]
    assert [row["score"] for row in rows] == ranking(board) * 3
    assert [row["rank"] for row in rows] == ["1", "2", "3", "4"] * 3
    for row in rows:
        for name in ("auroc", "auroc_low", "kendall_high", "boundary_error", "relative_cost", "networks", "threshold"):
            expected = value(board, name, row["grid"], row["score"])
            assert row[name] == "" if math.isnan(expected) else float(row[name]) == pytest.approx(expected, rel=1e-5)
        assert row["title"] == describe_score(row["score"]).title
        assert bool(int(row["two_sided"])) == describe_score(row["score"]).two_sided
    before = (tmp_path / "out/l.csv").read_bytes()
    write_csv(build(TABLES), tmp_path / "out/l.csv")
    assert (tmp_path / "out/l.csv").read_bytes() == before


def test_the_latex_table_is_balanced(tmp_path):
    board = build(TABLES | {"e_f": make_cube(truth=False)})
    write_latex(board, tmp_path / "l.tex")
    text = (tmp_path / "l.tex").read_text()
    assert text.isascii()
    lines = text.splitlines()
    columns = len(re.search(r"\\begin{tabular}{([lr]+)}", text)[1])
    assert lines.count(r"\toprule") == lines.count(r"\bottomrule") == text.count(r"\end{tabular}") == 1
    assert lines.count(r"\midrule") == 3
    depth = 0
    for before, brace in re.findall(r"(\\?)([{}])", text):
        depth += 0 if before else (1 if brace == "{" else -1)
        assert depth >= 0
    assert depth == 0
    assert all(line.count("$") % 2 == 0 for line in lines)
    rows = [line for line in lines if line.endswith(r" \\") and "multicolumn" not in line]
    assert all(len(re.split(r"(?<!\\)&", row)) == columns for row in rows)
    # 3 overall, which fisher is not known of; 4 and 3 on the grids; the heads
    assert len(rows) == 1 + 3 + 4 + 3
    assert re.findall(r"\\emph{(.*?)} ?}", text) == ["overall", r"a\_b", r"c\_d"]
    first = [row.split(" & ") for row in rows[1:4]]
    named = [describe_score(score).title for score in ranking(board)[:3]]
    assert [row[0] for row in first] == named
    assert [row[2] for row in first] == ["two", "two", "one"]
    snip = first[2]
    found = [float(n) for n in re.fullmatch(r"\$([\d.]+)_{(-[\d.]+)}\^{(\+[\d.]+)}\$", snip[3]).groups()]
    auroc = value(board, "auroc", "overall", "snip")
    assert found[0] == pytest.approx(auroc, abs=6e-4)
    assert auroc + found[2] == pytest.approx(value(board, "auroc_high", "overall", "snip"), abs=6e-4)
    assert snip[-1] == r"$5.0\times10^{-2}$ \\"
    assert "free" in " ".join(row[-1] for row in first)


def test_text_is_escaped():
    assert escape(r"a_b & 5 % of $x^2$ {#} ~ \ <|>") == (
        r"a\_b \& 5 \% of \$x\textasciicircum{}2\$ \{\#\} \textasciitilde{} \textbackslash{} "
        r"\textless{}\textbar{}\textgreater{}"
    )


def test_balanced_accuracy_weighs_both_kinds_alike():
    labels = np.array([1.0] * 8 + [0.0] * 2)
    assert balanced_accuracy(np.ones(10), labels) == 0.5
    assert balanced_accuracy(labels, labels) == 1
    assert balanced_accuracy(np.array([1.0] * 6 + [0.0] * 3 + [1.0]), labels) == pytest.approx((6 / 8 + 1 / 2) / 2)
    assert math.isnan(balanced_accuracy(np.ones(3), np.ones(3)))


def test_a_boundary_by_a_given_threshold():
    columns, depths = np.repeat([1.0, 2.0], 3), np.tile([2.0, 4.0, 8.0], 2)
    labels = np.array([[1], [1], [0], [1], [0], [0]], float)
    scores = np.array([[3], [2], [1], [3], [2], [1]], float)
    found = find_boundary(scores, labels, columns, depths, threshold=1.5)
    assert found.threshold.tolist() == [1.5, 1.5]
    assert found.predicted.tolist() == [4, 4]
    assert found.errors.tolist() == pytest.approx([0, math.log(2)])
