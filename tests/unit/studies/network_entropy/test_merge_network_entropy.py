"""The cube of the relative entropy through networks."""

import dataclasses
import json

import numpy as np
import pytest
import xarray as xr

from infoflow.errors import InfoflowError
from infoflow.files.conventions import MISSING, OK
from infoflow.files.cubes import read_cube, write_cube
from infoflow.files.names import encode
from infoflow.studies.network_entropy.about import CUBE
from infoflow.studies.network_entropy.merge_network_entropy import (
    merge_entropy,
    merge_network_entropy,
    validate_network_cube,
)
from infoflow.studies.network_entropy.theory import asymptote, closed_form
from infoflow.studies.network_entropy.variables import ABSENT, DIFFERS, SAME
from infoflow.theory import meanfield
from jobs import make_job


@pytest.fixture(scope="module")
def merge(mlp):
    def merged(results) -> xr.Dataset:
        return merge_entropy(results, dataset="tiny", architecture=mlp, attributes={"title": "test"})

    return merged


@pytest.fixture(scope="module")
def results(point, tmp_path_factory):
    folder = tmp_path_factory.mktemp("points")
    found = dict(point(folder, w, depth) for w in (1.0, 1.5, 3.0) for depth in (3, 6))
    return found | dict([point(folder, 2.0, 3, train=None)])  # (2.0, 6) is missing


@pytest.fixture(scope="module")
def cube(merge, results):
    return merge(results)


def test_the_cube_holds_the_results_and_the_theory(cube, results):
    assert [cube.sizes[d] for d in ("sigma_w2", "sigma_b2", "depth", "network", "layer")] == [4, 1, 2, 2, 8]
    here = {"sigma_w2": 3.0, "sigma_b2": 0.05}
    for depth in (3, 6):
        mine = cube["relative_entropy"].sel(here | {"depth": depth})
        np.testing.assert_array_equal(
            mine.values[..., : depth + 2], results[encode(3.0, 0.05, depth)]["relative_entropy"]
        )
        assert mine.isel(layer=slice(depth + 2, None)).isnull().all()
    assert cube["layer_case"].sel(depth=3).values.tolist() == [SAME] * 3 + [DIFFERS] * 2 + [ABSENT] * 3
    assert cube["hidden_layers"].values.tolist() == [3, 6]
    status = cube["status"].sel(sigma_w2=2.0, sigma_b2=0.05)
    assert (status.sel(depth=3, network="untrained") == OK).all()
    assert (status.sel(depth=3, network="trained") == MISSING).all()
    assert (status.sel(depth=6) == MISSING).all()
    first = 3.0 * cube["mean_square_input"].values + 0.05
    np.testing.assert_allclose(
        cube["closed_form"].sel(here | {"depth": 6}).values[:, :6], closed_form(first, 3.0, 0.05, 12, 6), rtol=1e-6
    )
    assert cube["closed_form"].sel(here | {"depth": 6}).isel(layer=slice(6, None)).isnull().all()
    np.testing.assert_allclose(cube["asymptote"].sel(here | {"depth": 3}), asymptote(first, 3.0, 0.05, 12), rtol=1e-6)
    scales = meanfield.depth_scales(3.0, 0.05)
    np.testing.assert_allclose(cube["scaled_layer"].sel(here)[4], 4 / scales.xi_q)
    assert float(cube["xi_c"].sel(here)) == pytest.approx(9.0515, abs=1e-3)


def test_the_cube_is_read_as_it_was_written(cube, tmp_path):
    write_cube(cube, tmp_path / "cube.nc", "merge_network_entropy")
    again = read_cube(tmp_path / "cube.nc")
    xr.testing.assert_equal(again, cube)
    assert "not a true relative entropy" in again["relative_entropy"].attrs["comment"]
    assert again["relative_entropy"].encoding["fletcher32"]
    broken = again.copy()
    del broken["status"].attrs["units"]
    with pytest.raises(InfoflowError, match="no units"):
        validate_network_cube(broken)
    with pytest.raises(InfoflowError, match="closed_form is missing"):
        validate_network_cube(again.drop_vars("closed_form"))
    (tmp_path / "cube.nc").write_bytes(b"nothing")
    with pytest.raises(InfoflowError, match="delete it and run again"):
        read_cube(tmp_path / "cube.nc")


def test_what_is_nan_is_explained(cube):
    for name, variable in cube.variables.items():
        if variable.dtype.kind == "f" and variable.isnull().any():
            assert "NaN" in variable.attrs.get("comment", "") + variable.attrs["long_name"], name


def test_results_of_other_images_are_refused(merge, results, point, tmp_path):
    other = dict([point(tmp_path, 4.0, 3, train=None, entropy={"images": 2, "samples": 10})])
    with pytest.raises(InfoflowError, match="their images differ"):
        merge(results | other)
    with pytest.raises(InfoflowError, match="no results"):
        merge({})


@pytest.fixture(scope="module")
def merged(point, parameters, tiny, tmp_path_factory):
    """The job that merges two points, after it has run."""
    folder = tmp_path_factory.mktemp("merge")
    files = [folder / f"{point(folder, w, 3, train=None)[0]}.nc" for w in (1.0, 1.5)]
    points = parameters | {"train": None}
    made_by = {"points": points, "dataset": "tiny", "title": "a run", "config": {"run": {"name": "a run"}}}
    job = make_job(made_by, folder / "cube.nc", {"points": files, "dataset": tiny}, rule="merge_network_entropy")
    merge_network_entropy(job)
    return job


def test_the_job_merges_files(merged, mlp):
    cube = read_cube(merged.output, merged.parameters)
    assert cube["sigma_w2"].values.tolist() == [1.0, 1.5]
    assert (cube["status"].sel(network="untrained") == OK).all()
    assert (cube.attrs["dataset"], cube.attrs["title"]) == ("tiny", "a run")
    assert json.loads(cube.attrs["architecture"]) == mlp
    assert json.loads(cube.attrs["config"]) == {"run": {"name": "a run"}}
    cost = json.loads(cube.attrs["cost"])
    assert (cost["job"]["jobs"], cost["prepare_dataset"]["jobs"], cost["merge_network_entropy"]["jobs"]) == (2, 1, 1)


def test_a_point_that_was_made_otherwise_is_refused(merged):
    points = merged["points"] | {"entropy": {"images": 3, "samples": 11}}
    other = dataclasses.replace(merged, parameters={**merged.parameters, "points": points})
    with pytest.raises(InfoflowError, match="2 results are damaged or out of date; delete them and run again"):
        merge_network_entropy(other)


def test_all_descriptions_are_those_of_the_merge(merged):
    """An edited title reaches the cube without measuring anything again."""
    for name, variable in read_cube(merged.output).variables.items():
        assert set(variable.attrs) == set(CUBE[name]), name
        assert all(np.array_equal(value, CUBE[name][key]) for key, value in variable.attrs.items()), name
