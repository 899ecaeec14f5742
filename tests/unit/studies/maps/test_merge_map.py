"""The cube of a map, from cubes of experiments that are made up."""

import dataclasses
import json

import numpy as np
import pytest
import xarray as xr

import made_up
from infoflow.errors import InfoflowError
from infoflow.files.cubes import describe_cube, read_cube, write_cube
from infoflow.files.names import encode
from infoflow.studies.maps.about import CUBE
from infoflow.studies.maps.merge_map import merge_map, merge_maps, validate_map
from infoflow.studies.maps.variables import BEYOND_DEPTH, COLLAPSED, UNKNOWN
from jobs import make_job
from made_up_maps import BEFORE, BEHIND, MEASURED, PREDICTED, RESNET, SLOPE, WEIGHTS, about, make_cube, merge


@pytest.fixture(scope="module")
def cube():
    return merge({"first": make_cube(MEASURED, PREDICTED), "second": make_cube(PREDICTED, MEASURED, replicas=3)})


def test_maps_stand_side_by_side_in_the_order_of_the_config(cube):
    assert cube["differential_entropy"].dims == ("experiment", "sigma_w2", "sigma_b2", "layer")
    assert cube["experiment"].values.tolist() == ["first", "second"]
    assert cube["replicas"].values.tolist() == [2, 3]
    assert cube["layers"].values.tolist() == [24, 24]
    assert cube["method"].values.tolist() == ["kernel cascade"] * 2
    column = cube.sel(experiment="first", sigma_w2=1.0, sigma_b2=0.05)
    assert column["differential_entropy"].values.tolist() == [BEFORE] * 15 + [BEHIND] * 9
    np.testing.assert_allclose(column["explained_variance"], 1 + column["differential_entropy"] / 20)
    # what one has by theory the other was made to measure
    for name in ("differential_entropy", "explained_variance", "collapse_layer", "collapse_case"):
        for one, other in (("first", "second"), ("second", "first")):
            theory = cube[f"theory_{name}"].sel(experiment=one)
            np.testing.assert_array_equal(cube[name].sel(experiment=other), theory)


def test_the_layer_of_the_collapse_is_the_first_below_the_threshold(cube):
    first = cube.sel(experiment="first", sigma_b2=0.05)
    np.testing.assert_array_equal(first["collapse_layer"], [9, 16, np.nan, np.nan, 20])
    cases = [COLLAPSED, COLLAPSED, BEYOND_DEPTH, BEYOND_DEPTH, COLLAPSED]
    assert first["collapse_case"].values.tolist() == cases
    assert first["theory_collapse_case"].values.tolist() == [*cases[:4], BEYOND_DEPTH]
    # the threshold itself is not below it
    for threshold, layer in ((BEHIND, np.nan), (BEHIND + 0.1, 9), (BEFORE, 9), (BEFORE + 0.1, 1)):
        found = merge({"first": make_cube(MEASURED)}, threshold)
        np.testing.assert_array_equal(found["collapse_layer"].sel(sigma_w2=0.5).values.ravel(), [layer])
        assert float(found["threshold"]) == threshold


def test_the_fit_is_of_the_columns_of_the_ordered_side_that_collapse(cube):
    first = cube.sel(experiment="first")
    assert float(first["collapse_slope"]) == pytest.approx(SLOPE)
    assert float(first["collapse_ratio"]) == pytest.approx(8.5)
    ends = [float(first[f"collapse_ratio_{end}"]) for end in ("low", "high")]
    assert ends == pytest.approx([8.05, 8.95])  # 5 and 95 % between 8 and 9
    assert (int(first["fitted_columns"]), int(first["beyond_columns"])) == (2, 1)
    assert float(first["theory_collapse_slope"]) == pytest.approx(8)
    assert (int(first["theory_fitted_columns"]), int(first["theory_beyond_columns"])) == (2, 1)
    assert (float(cube["published_collapse"]), float(cube["published_rule"])) == (8.5, 6)


def test_the_fit_is_over_all_bias_variances():
    one = make_cube(MEASURED, biases=(0.05, 0.1))
    h = one["differential_entropy"].values.copy()
    h[0, 1], h[1, 1] = BEFORE, BEFORE
    h[0, 1, :, 6:] = BEHIND  # layer 7 of ξ_c = 1; the other one is beyond the depth
    one["differential_entropy"][:] = h
    found = merge({"first": one}).isel(experiment=0)
    assert float(found["collapse_slope"]) == pytest.approx((9 + 32 + 7) / (1 + 4 + 1))
    assert (int(found["fitted_columns"]), int(found["beyond_columns"])) == (3, 3)


def test_layers_that_diverged_are_told_from_those_that_keep_the_input():
    one = make_cube(MEASURED, PREDICTED)
    h = one["differential_entropy"]
    h[0, :, :, 12:] = np.nan  # behind the collapse: nothing is unknown
    h[1, :, :, 12:] = np.nan  # before it
    h[2, :, 0, 12:] = np.nan  # of one replica
    h[3] = np.nan
    found = merge({"first": one}).sel(experiment="first", sigma_b2=0.05)
    cases = [COLLAPSED, UNKNOWN, BEYOND_DEPTH, UNKNOWN, COLLAPSED]
    assert found["collapse_case"].values.tolist() == cases
    np.testing.assert_array_equal(found["collapse_layer"], [9, np.nan, np.nan, np.nan, 20])
    assert (found["differential_entropy"].isel(sigma_w2=2) == BEFORE).all()
    assert found["differential_entropy"].isel(sigma_w2=1, layer=slice(12, None)).isnull().all()
    # a column that is not known is neither fitted nor counted as censored
    assert (int(found["fitted_columns"]), int(found["beyond_columns"])) == (1, 1)
    assert float(found["collapse_slope"]) == 9


def test_an_entropy_without_end_is_a_collapse():
    one = make_cube(MEASURED)
    one["differential_entropy"] = one["differential_entropy"].where(one["differential_entropy"] > BEHIND, -np.inf)
    found = merge({"first": one})
    np.testing.assert_array_equal(found["collapse_layer"], merge({"first": make_cube(MEASURED)})["collapse_layer"])
    assert found["collapse_slope"].values == pytest.approx([SLOPE])


def test_an_architecture_without_theory_has_none():
    cubes = {"first": make_cube(MEASURED, PREDICTED), "second": make_cube(MEASURED, None, 30, architecture=RESNET)}
    found = merge(cubes)
    second = found.sel(experiment="second")
    for name in ("differential_entropy", "explained_variance", "collapse_layer", "collapse_slope"):
        assert second[f"theory_{name}"].isnull().all()
    assert (second["theory_collapse_case"] == UNKNOWN).all()
    # without ξ_c and edge there is no ordered side
    assert second["collapse_slope"].isnull()
    assert (int(second["fitted_columns"]), int(second["beyond_columns"])) == (0, 0)
    np.testing.assert_array_equal(second["collapse_layer"], found["collapse_layer"].sel(experiment="first"))
    # layers that an experiment does not have are not unknown ones
    first = found.sel(experiment="first")
    assert found["layers"].values.tolist() == [24, 30]
    assert first["differential_entropy"].sel(layer=slice(25, 30)).isnull().all()
    assert (first["collapse_case"].sel(sigma_w2=[1.5, 2.0]) == BEYOND_DEPTH).all()


def test_without_a_collapse_nothing_is_fitted():
    found = merge({"first": make_cube(dict.fromkeys(WEIGHTS, np.inf), dict.fromkeys(WEIGHTS, np.inf))})
    for name in ("collapse_slope", "collapse_ratio", "collapse_ratio_low", "collapse_ratio_high"):
        assert found[name].isnull().all()
        assert found[f"theory_{name}"].isnull().all()
    assert (int(found["fitted_columns"][0]), int(found["beyond_columns"][0])) == (0, 3)


def test_probes_of_every_depth_are_read_at_the_deepest():
    one = make_cube(MEASURED)
    shallow = one["differential_entropy"].where(one["layer"] < 3)
    per_depth = xr.concat([shallow, one["differential_entropy"]], dim="depth").assign_coords(depth=[2, 24])
    one["differential_entropy"] = per_depth.transpose("sigma_w2", "sigma_b2", "depth", "replica", "layer")
    np.testing.assert_array_equal(merge({"first": one})["collapse_layer"].values.ravel(), [9, 16, np.nan, np.nan, 20])


def test_cubes_that_do_not_belong_together_are_refused():
    with pytest.raises(InfoflowError, match="no results to merge"):
        merge_maps({}, [], -12.0, {})
    other = make_cube({0.5: 9, 1.25: 16})
    with pytest.raises(InfoflowError, match="do not belong together: the axes of first and second differ"):
        merge({"first": make_cube(MEASURED), "second": other})
    with pytest.raises(InfoflowError, match="do not belong together: the axes of first and second differ"):
        merge({"first": make_cube(MEASURED), "second": make_cube(MEASURED, biases=(0.1,))})


def test_the_cube_is_read_as_it_was_written_and_says_what_it_holds(cube, tmp_path):
    write_cube(cube, tmp_path / "cube.nc", "merge_map")
    read = read_cube(tmp_path / "cube.nc")
    validate_map(read)
    xr.testing.assert_equal(read, cube)
    assert set(read.variables) == set(CUBE)
    assert json.loads(read.attrs["architectures"])["first"]["activation"] == "tanh"
    assert read["theory_collapse_slope"].attrs["long_name"].endswith("theory of infinite width")
    with pytest.raises(InfoflowError, match="collapse_layer is missing"):
        validate_map(read.drop_vars("collapse_layer"))


PARAMETERS = {
    "cubes": {name: {"made_by": "merge_cube", "of": name} for name in ("mnist", "noise")},
    "experiments": about("noise", "mnist"),
    "threshold": -4.5,
    "title": "a run",
    "config": {"run": {"name": "a run"}},
}


@pytest.fixture(scope="module")
def merged(tmp_path_factory):
    """The job that merges two made-up experiments, after it has run."""
    folder, inputs = tmp_path_factory.mktemp("merge"), []
    for k, (name, parameters) in enumerate(PARAMETERS["cubes"].items()):
        probes, theory = (
            {encode(w, 0.05, 6): made_up.evaluation(seed + k, 6) for w in made_up.WIDTHS} for seed in (0, 5)
        )
        of_experiment = made_up.merge(probes, {}, {"theory": theory})
        inputs.append(folder / f"{name}.nc")
        write_cube(describe_cube(of_experiment, {"parameters": parameters}), inputs[-1], "merge_cube")
    job = make_job(PARAMETERS, folder / "map_all.nc", {"cubes": inputs}, rule="merge_map")
    merge_map(job)
    return job


def test_the_job_merges_the_cubes_of_experiments(merged):
    cube = read_cube(merged.output, PARAMETERS)
    assert cube["experiment"].values.tolist() == ["noise", "mnist"]
    for path in merged.files("cubes"):
        one = read_cube(path)
        here = cube.sel(experiment=path.rpartition("/")[2].removesuffix(".nc"))
        for name in ("differential_entropy", "theory_explained_variance"):
            np.testing.assert_allclose(here[name], one[name].mean("replica"), rtol=1e-5)
        for name in ("xi_c", "edge_of_chaos"):
            np.testing.assert_array_equal(here[name], one[name])
    assert (cube.attrs["title"], float(cube["threshold"])) == ("a run", -4.5)
    assert json.loads(cube.attrs["config"]) == {"run": {"name": "a run"}}
    assert set(json.loads(cube.attrs["cost"])) == {"merge_map"}


def test_cubes_that_were_made_otherwise_are_refused(merged):
    other = {"cubes": PARAMETERS["cubes"] | {"noise": {"made_by": "another", "of": "noise"}}}
    with pytest.raises(InfoflowError, match=r"noise\.nc: made with made_by = merge_cube, not another"):
        merge_map(dataclasses.replace(merged, parameters=PARAMETERS | other))


def test_all_descriptions_are_those_of_the_merge(merged):
    """An edited title reaches the cube without probing anything again."""
    for name, variable in read_cube(merged.output).variables.items():
        assert set(variable.attrs) == set(CUBE[name]), name
        assert all(np.array_equal(value, CUBE[name][key]) for key, value in variable.attrs.items()), name
