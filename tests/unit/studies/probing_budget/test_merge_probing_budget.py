"""The cube of the probing budget, from results that are made up."""

import dataclasses
import json

import numpy as np
import pytest
import xarray as xr

import made_up
from infoflow.errors import InfoflowError
from infoflow.files.cubes import describe_cube, read_cube, write_cube
from infoflow.files.names import encode
from infoflow.files.results import Result, write_result
from infoflow.jobs.record import describe_job
from infoflow.studies.probing_budget.about import CUBE
from infoflow.studies.probing_budget.merge_probing_budget import merge_probing_budget, validate_budget_cube
from infoflow.studies.probing_budget.variables import SCORES, TOLERANCE
from infoflow.studies.trainability.scores import MEASURES
from infoflow.verdict.auroc import auroc
from infoflow.verdict.resampling import auroc_interval, draw_weights, resample_stream
from jobs import make_job
from made_up_budget import DEPTHS, NOISE, REPLICAS, WEIGHTS, merge, synthetic, write_truth


@pytest.fixture(scope="module")
def cube():
    return merge(synthetic(NOISE))


def test_the_scores_are_joined_with_the_last_hidden_layer_of_every_depth():
    results = synthetic(NOISE)
    cube = merge(results)
    for w in WEIGHTS:
        for depth in DEPTHS:
            found = cube["prediction_score"].sel(sigma_w2=w, sigma_b2=0.05, depth=depth).values
            expected = np.moveaxis(results[encode(w, 0.05, 8)]["layer_score"][..., depth - 1, :], 4, 0)
            np.testing.assert_array_equal(found, expected)


def test_networks_that_are_probed_per_depth_are_joined_with_their_own_probe():
    deepest = synthetic(NOISE)
    shallow = {
        encode(w, 0.05, 4): Result(r.variables | {"layer_score": r["layer_score"][..., :4, :] + 1}, {})
        for w, r in zip(WEIGHTS, deepest.values())
    }
    own, cube = merge(deepest | shallow)["prediction_score"], merge(deepest)["prediction_score"]
    np.testing.assert_allclose(own.sel(depth=[2, 4]), cube.sel(depth=[2, 4]) + 1, rtol=1e-5)
    np.testing.assert_array_equal(own.sel(depth=[6, 8]), cube.sel(depth=[6, 8]))


def test_the_cheapest_sufficient_setting_is_found(cube):
    """Half of the steps, few samples: at 5 seconds of 11."""
    full = cube.isel(width=-1, fraction=-1, samples=-1)
    assert (full["auroc"] == 1).all()
    for name, expected in (("width", 8), ("fraction", 0.5), ("samples", 4)):
        assert (cube[f"cheapest_{name}"] == expected).all(), name
    np.testing.assert_allclose(cube["cheapest_relative_cost"], 5 / 11, rtol=1e-6)
    np.testing.assert_allclose(cube["training_cost"].isel(width=-1, fraction=-1, samples=-1), 11 / 240, rtol=1e-6)
    assert (cube["sufficient"].sel(width=8, fraction=[0.5, 1.0]) == 1).all()
    assert (cube["sufficient"].sel(width=4) == 0).all()
    assert (cube["sufficient_share"].sel(width=8, fraction=0.5) == 1).all()
    loss = (full["auroc"] - cube["auroc"]).transpose(*cube["auroc_loss"].dims)
    np.testing.assert_allclose(cube["auroc_loss"], loss, atol=1e-12)


def test_the_confident_choice_costs_no_less(cube):
    little = NOISE.copy()
    little[:, 1, 0] = little[:, 1, 1] = (
        1.2  # some errors, by which it is unsure whether it loses less than the tolerance
    )
    found = merge(synthetic(little), seed=1)
    estimate, confident = (found["cheapest_relative_cost"].sel(criterion=c) for c in ("estimate", "confident"))
    assert (confident >= estimate).all()
    loss = found["auroc_loss"]
    assert (found["auroc_loss_low"] <= loss + 1e-12).all()
    assert (found["auroc_loss_high"] >= loss - 1e-12).all()
    high = found["auroc_loss_high"].values <= TOLERANCE + 1e-9
    assert (found["sufficient"].sel(criterion="confident").values == high).all()
    low, high = (found[f"cheapest_relative_cost_{end}"].sel(criterion="estimate") for end in ("low", "high"))
    assert (low <= high).all()


def test_the_full_probe_loses_nothing_in_any_resample(cube):
    full = cube.isel(width=-1, fraction=-1, samples=-1)
    for name in ("auroc_loss", "auroc_loss_low", "auroc_loss_high"):
        assert (full[name] == 0).all()


def test_intervals_are_those_of_the_leaderboard(cube):
    one = cube.isel(probe_method=0, width=0, fraction=1, samples=0, score=2)
    scores = one["prediction_score"].values.reshape(-1, REPLICAS)
    labels = one["trainable"].values.reshape(-1, REPLICAS)
    columns = np.repeat(np.arange(len(WEIGHTS)), len(DEPTHS))
    weights = draw_weights(columns, REPLICAS, resample_stream(0, "digits"), "independent")
    expected = (
        auroc(scores.ravel(), labels.ravel() == 1),
        *auroc_interval(scores, labels, columns, weights, "independent"),
    )
    found = float(one["auroc"]), float(one["auroc_low"]), float(one["auroc_high"])
    assert found == pytest.approx(expected, abs=1e-12)


def test_a_setting_that_judges_fewer_networks_is_not_sufficient():
    results = synthetic(NOISE)
    some = results[encode(1.5, 0.05, 8)]
    some["layer_score"][0, 1, 1, 0, 0, 5] = np.nan  # the cheapest, of one network of depth 6
    cube = merge(results)
    assert (cube["networks"].sel(width=8, fraction=0.5, samples=4) == 6 * 4 * 3 - 1).all()
    assert (cube["sufficient"].sel(width=8, fraction=0.5, samples=4) == 0).all()
    assert (cube["cheapest_samples"] == 12).all()


def test_without_both_classes_nothing_is_told():
    truth = write_truth()
    truth["trainable"][:] = 1
    cube = merge(synthetic(NOISE), truth)
    assert (cube["sufficient"] == -1).all()
    assert (cube["cheapest_width"] == 0).all()
    assert cube["cheapest_relative_cost"].isnull().all()


def test_settings_that_were_not_computed_are_undefined():
    results = synthetic(NOISE)
    for result in results.values():
        result["layer_score"][:, 0, :2, 1] = np.nan
        result["compose_seconds"][:, 0, :2, 1] = np.nan
    cube = merge(results)
    part = cube.isel(width=0, fraction=[0, 1], samples=1)
    assert (part["sufficient"] == -1).all()
    assert part["relative_cost"].isnull().all()
    assert (part["networks"] == 0).all()
    assert (cube["cheapest_fraction"] == 0.5).all()


def test_results_that_do_not_belong_together_are_refused():
    with pytest.raises(InfoflowError, match="no results to merge"):
        merge({})
    results = synthetic(NOISE)
    with pytest.raises(InfoflowError, match=r"no probe of depth 2 at 4.0, 0.05"):
        merge(dict(list(results.items())[:-1]))
    odd = results[encode(4.0, 0.05, 8)]
    with pytest.raises(InfoflowError, match="their widths differ"):
        merge(results | {encode(4.0, 0.05, 8): Result(odd.variables | {"width": np.array([5, 8])}, {})})


def test_the_cube_is_read_as_it_was_written_and_says_what_it_holds(cube, tmp_path):
    write_cube(cube, tmp_path / "cube.nc", "merge_probing_budget")
    read = read_cube(tmp_path / "cube.nc")
    validate_budget_cube(read)
    xr.testing.assert_equal(read, cube)
    assert read.attrs["tolerance"] == TOLERANCE
    with pytest.raises(InfoflowError, match="auroc is missing"):
        validate_budget_cube(read.drop_vars("auroc"))


def test_the_scores_are_those_of_the_cubes():
    assert tuple(name for name in MEASURES if name in SCORES) == SCORES
    assert "saturation_depth" not in SCORES  # which is of all layers together


DATA = {"options": {"kind": "tiny"}, "seed": 0}
POINTS = {
    "probes": {"adam": {"method": "adam"}},
    "budget": {"fractions": [0.1, 0.5, 1.0], "samples": [4, 12], "widths": [4, None]},
    "run": {"seed": 0, "replicas": made_up.REPLICAS, "precision": "float32"},
    "data": DATA,
}
PARAMETERS = {
    "points": POINTS,
    "truth": {"made_by": "merge_cube"},
    "experiment": "digits",
    "axes": {"sigma_w2": made_up.WIDTHS[1:], "sigma_b2": [0.05], "depth": made_up.DEPTHS},
    "title": "a run",
    "config": {"run": {"name": "a run"}},
}


@pytest.fixture(scope="module")
def merged(tmp_path_factory):
    """The job that merges columns of a made-up experiment, after it has run."""
    folder, dimensions = tmp_path_factory.mktemp("merge"), ("probe_method", "width", "fraction", "samples")
    truth = describe_cube(made_up.merge_images(made_up.MLP, 6), {"parameters": PARAMETERS["truth"]})
    write_cube(truth, folder / "digits.nc", "merge_cube")
    write_result(folder / "tiny.nc", {}, describe_job("prepare_dataset", DATA))
    scores, files = np.random.default_rng(0).random((1, 2, 3, 2, made_up.REPLICAS, 6, 3)), []
    for w in PARAMETERS["axes"]["sigma_w2"]:
        values = {
            "width": (("width",), np.array([4, 8])),
            "layer_score": (
                (*dimensions, "replica", "layer", "score"),
                scores,
            ),
            "fit_seconds": (dimensions[:3], np.ones((1, 2, 3))),
            "compose_seconds": (dimensions, np.ones((1, 2, 3, 2))),
            "evaluate_seconds": (dimensions, np.ones((1, 2, 3, 2))),
            "steps": (("probe_method", "fraction"), np.array([[1, 5, 10]])),
            "training_images": (("probe_method", "fraction"), np.array([[10, 20, 40]])),
        }
        files.append(folder / f"{encode(w, 0.05, 6)}.nc")
        described = {name: (*value, {}) for name, value in values.items()}
        write_result(files[-1], described, describe_job("probe_budget", POINTS))
    inputs = {"points": files, "truth": folder / "digits.nc", "dataset": folder / "tiny.nc"}
    job = make_job(PARAMETERS, folder / "probing_budget_digits.nc", inputs, rule="merge_probing_budget")
    merge_probing_budget(job)
    return job


def test_the_job_merges_files_with_the_ground_truth_of_the_experiment(merged):
    cube, truth = read_cube(merged.output, PARAMETERS), read_cube(merged.inputs["truth"])
    assert cube["sigma_w2"].values.tolist() == list(made_up.WIDTHS[1:])
    for name in ("trainable", "train_seconds"):
        np.testing.assert_array_equal(cube[name], truth[name].sel(sigma_w2=cube["sigma_w2"].values))
    assert (cube["cost_seconds"] == 9).all()  # of three columns, each with three parts
    assert (cube.attrs["experiment"], cube.attrs["title"], cube.attrs["tolerance"]) == ("digits", "a run", TOLERANCE)
    assert json.loads(cube.attrs["config"]) == {"run": {"name": "a run"}}
    cost = json.loads(cube.attrs["cost"])
    assert {rule: cost[rule]["jobs"] for rule in cost} == {
        "probe_budget": 3, "prepare_dataset": 1, "merge_probing_budget": 1
    }  # fmt: skip


def test_inputs_that_were_made_otherwise_are_refused(merged):
    def again(**changes):
        merge_probing_budget(dataclasses.replace(merged, parameters=PARAMETERS | changes))

    with pytest.raises(InfoflowError, match=r"digits\.nc: made with made_by = merge_cube, not another"):
        again(truth={"made_by": "another"})
    with pytest.raises(InfoflowError, match="3 results are damaged or out of date"):
        again(points=POINTS | {"offset": 1e-9})


def test_all_descriptions_are_those_of_the_merge(merged):
    """An edited title reaches the cube without probing anything again."""
    for name, variable in read_cube(merged.output).variables.items():
        assert set(variable.attrs) == set(CUBE[name]), name
        assert all(np.array_equal(value, CUBE[name][key]) for key, value in variable.attrs.items()), name
