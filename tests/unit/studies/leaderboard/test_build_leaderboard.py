"""The leaderboard of made-up cubes, whose answers are known."""

import csv
import dataclasses
import json
import math

import numpy as np
import pytest
import xarray as xr

import made_up
from infoflow.errors import InfoflowError
from infoflow.files.cubes import describe_cube, read_cube, write_cube
from infoflow.files.names import encode
from infoflow.predictors.kinds import PREDICTORS
from infoflow.reconstruction.kinds import METHODS
from infoflow.studies.leaderboard.about import CUBE
from infoflow.studies.leaderboard.build_leaderboard import build_leaderboard, judge_cubes, validate_leaderboard
from infoflow.studies.leaderboard.tables import ranking
from infoflow.studies.leaderboard.variables import MAIN, MEASURES
from infoflow.studies.trainability.scores import MEASURES as MEASURES_OF_PROBES
from jobs import make_job
from made_up_board import CASCADES, DEPTHS, FACTOR, KNOWN, LIMITS, build, make_cube, noisy


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
            if expected is None or (measure, end) == ("auroc", "_low"):  # few networks leave a doubt
                assert 0.5 < found < 1
            else:
                assert found == expected
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
    cube["trainable"][0], cube["reached_accuracy"][0] = -1, np.nan
    board = build({"a_mlp": cube, "b_mlp": make_cube(scores={"snip": None}, memory=7e6)})
    adam = 2.0 * 5 * (7 if per_depth else 1)
    expected = {"explained_variance": adam, "ridge_explained_variance": adam / 4, "snip": 0.5 * 35, "mean_field": 0.0}
    assert value(board, "training_seconds", "a_mlp") == pytest.approx(350)
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
    for end in ("low", "high"):
        off = [value(board, f"auroc_{end}", grid, "snip") - v for grid, v in (("a_mlp", a), ("b_mlp", b))]
        sign = -1 if end == "low" else 1
        expected = (a + b) / 2 + sign * math.hypot(*off) / 2
        assert value(board, f"auroc_{end}", "overall", "snip") == pytest.approx(expected)
    # not on all grids
    assert math.isnan(value(board, "auroc", "overall", "fisher"))
    assert board["covered_grids"].sel(score="fisher").item() == "a_mlp"
    assert board["covered_grids"].sel(score="snip").item() == "a_mlp b_mlp"
    assert ranking(board)[-1] == "fisher"


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
    assert value(twice, "spearman_low", "a_mlp", "snip") != value(twice, "spearman_low", "b_mlp", "snip")


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
    ridge = make_cube(method="ridge", scores={"kernel_explained_variance": noisy(3)})
    ridge["kernel_probe_seconds"] = 3 * ridge["probe_seconds"]
    kernel = make_cube(scores={"ridge_explained_variance": None})
    kernel["ridge_probe_seconds"] = kernel["probe_seconds"]
    board = build({"a_mlp": ridge, "b_mlp": kernel})
    assert board["score"].values.tolist() == ["mean_field", "explained_variance", "ridge_explained_variance"]
    assert value(board, "auroc", "a_mlp", "ridge_explained_variance") == 1
    assert value(board, "auroc", "a_mlp", "explained_variance") < 0.95
    assert value(board, "scoring_seconds", "a_mlp", "explained_variance") == 36
    assert value(board, "scoring_seconds", "a_mlp", "ridge_explained_variance") == 12


def test_fixed_rules_are_those_of_every_grid():
    """Also of scores that the last one does not have."""
    with_ridge = make_cube(scores={"ridge_explained_variance": None})
    with_ridge["ridge_probe_seconds"] = with_ridge["probe_seconds"]
    for cubes in ({"a_mlp": with_ridge, "b_mlp": make_cube()}, {"b_mlp": make_cube(), "a_mlp": with_ridge}):
        board = build(cubes)
        assert board["fixed_threshold"].to_series().to_dict() == {
            "mean_field": 1, "explained_variance": 0, "ridge_explained_variance": 0
        }  # fmt: skip
        assert value(board, "fixed_balanced_accuracy", "a_mlp", "ridge_explained_variance") > 0.5
        assert math.isnan(value(board, "fixed_balanced_accuracy", "b_mlp", "ridge_explained_variance"))


def test_every_score_is_described():
    wanted = {m if method == MAIN else f"{method}_{m}" for method in METHODS for m in MEASURES_OF_PROBES}
    assert set(CASCADES) == wanted
    assert list(KNOWN) == [*PREDICTORS, *CASCADES]
    assert all(set(about) == set(KNOWN["snip"]) for about in KNOWN.values())
    assert len({about["title"] for about in KNOWN.values()}) == len(KNOWN)
    assert CASCADES["ridge_explained_variance"]["title"] == "ridge cascade, R2"
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
    monkeypatch.setattr("infoflow.files.cubes.spent", lambda rule, before: before)
    board = build({"a_mlp": make_cube(), "b_mlp": make_cube(truth=False)}, attributes={"title": "t", "parameters": {}})
    write_cube(board, tmp_path / "leaderboard.nc", "build_leaderboard")
    read = read_cube(tmp_path / "leaderboard.nc")
    validate_leaderboard(read)
    xr.testing.assert_allclose(read, board)
    assert all("comment" in read[f"{name}{end}"].attrs for name in MEASURES for end in ("", "_low", "_high"))
    with pytest.raises(InfoflowError, match="kendall is missing"):
        validate_leaderboard(board.drop_vars("kendall"))
    with pytest.raises(InfoflowError, match="dimensions of auroc"):
        validate_leaderboard(board.assign(auroc=board["auroc"].T.assign_attrs(board["auroc"].attrs)))


EXPERIMENTS = {"first": made_up.WIDTHS, "second": made_up.WIDTHS[1:]}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The job that judges two made-up experiments, after it has run."""
    folder = tmp_path_factory.mktemp("leaderboard")
    cubes = {name: {"experiment": name} for name in EXPERIMENTS}
    whole = made_up.merge_images(made_up.MLP, 6)
    for name, widths in EXPERIMENTS.items():
        cube = describe_cube(whole.sel(sigma_w2=list(widths)), {"parameters": cubes[name]})
        write_cube(cube, folder / f"{name}.nc", "merge_cube")
    parameters = {
        "cubes": cubes,
        "predictors": {name: vars(about) for name, about in PREDICTORS.items()},
        "methods": {name: method.about() for name, method in METHODS.items()},
        "seed": 0,
        "title": "a run",
        "config": {"run": {"name": "a run"}},
    }
    outputs = [folder / f"leaderboard.{suffix}" for suffix in ("nc", "csv", "tex")]
    inputs = {"cubes": [folder / f"{name}.nc" for name in EXPERIMENTS]}
    job = make_job(parameters, outputs, inputs, rule="build_leaderboard")
    build_leaderboard(job)
    return job


def test_the_job_writes_a_cube_and_two_tables(built):
    board = read_cube(built.output, built.parameters)
    validate_leaderboard(board)
    assert board["grid"].values.tolist() == ["first", "second", "overall"]
    assert (board["networks"].sel(score="mean_field") == [24, 18, 42]).all()
    assert (board.attrs["title"], json.loads(board.attrs["config"])) == ("a run", {"run": {"name": "a run"}})
    assert "arXiv:2101.08134" in board.attrs["references"]
    # what the cubes cost stands in these
    assert list(json.loads(board.attrs["cost"])) == ["build_leaderboard"]
    with open(built.outputs[1], newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["score"] for row in rows if row["grid"] == "overall"] == ranking(board)
    with open(built.outputs[2]) as file:
        assert r"\begin{tabular}" in file.read()


def test_a_stale_cube_is_refused_by_name(built):
    cubes = {**built["cubes"], "second": {"experiment": "second", "seed": 2}}
    with pytest.raises(InfoflowError, match=r"second\.nc: made with seed = None, not 2"):
        build_leaderboard(dataclasses.replace(built, parameters={**built.parameters, "cubes": cubes}))


def test_all_descriptions_are_those_of_the_board(built):
    """An edited title reaches the board without anything being computed again."""
    for name, variable in read_cube(built.output).variables.items():
        known = CUBE.get(name) or CUBE[name.rpartition("_")[0]]
        assert set(variable.attrs) == set(known), name
        assert variable.attrs.get("comment") == known.get("comment"), name
        assert (variable.attrs["long_name"] == known["long_name"]) == (name in CUBE), name
    assert CUBE["auroc"]["long_name"] == "area under the ROC curve of the score against trainable"


def test_a_number_has_one_interval_in_the_cube_and_on_the_board():
    evaluations = {encode(w, 0.05, 6): made_up.evaluation(k, 6) for k, w in enumerate(made_up.WIDTHS)}
    cube = made_up.merge(evaluations, made_up.TRUTH)
    board = judge_cubes({"digits": cube}, 0, KNOWN, boundary_resamples=2)
    names = cube["score"].values
    for end in ("", "_low", "_high"):
        one = board[f"auroc{end}"].sel(grid="digits", score=names)
        np.testing.assert_allclose(one, cube[f"auroc{end}"], atol=1e-12)
