"""The cube of the information plane."""

import dataclasses
import json

import numpy as np
import pytest
import xarray as xr

from infoflow.errors import InfoflowError
from infoflow.estimators.kinds import output_names
from infoflow.files.cubes import read_cube, write_cube
from infoflow.studies.information_plane.about import CUBE
from infoflow.studies.information_plane.merge_information_plane import (
    DIMENSIONS,
    merge_information,
    merge_information_plane,
    validate_information,
)
from infoflow.studies.information_plane.training import snapshot_epochs
from infoflow.theory.meanfield import edge_of_chaos
from jobs import make_job


@pytest.fixture(scope="module")
def merge(plane):
    def merged(results, **attributes) -> xr.Dataset:
        estimators = plane["estimators"]
        return merge_information(
            results, estimators=estimators, outputs=output_names(estimators), attributes=attributes
        )

    return merged


@pytest.fixture(scope="module")
def cube(merge, results):
    return merge(results, dataset="o3")


def test_every_value_of_a_network_is_at_its_name(cube, results, tanh, deeper):
    trained, measured = results[deeper]
    one = cube.sel(network=deeper.name)
    assert list(cube["estimator"].values) == ["binning", "kernel_upper", "kernel_lower", "neighbours"]
    np.testing.assert_array_equal(
        one["input_information"].sel(estimator="kernel_lower"), measured["input_information"][2]
    )
    np.testing.assert_array_equal(one["label_information"].sel(estimator="binning"), measured["label_information"][0])
    np.testing.assert_array_equal(one["test_accuracy"], trained["accuracy"][..., 1])
    np.testing.assert_array_equal(one["gradient_snr"], trained["gradient_mean"] / trained["gradient_spread"])
    np.testing.assert_array_equal(one["explained_variance"][..., :3], measured["explained_variance"])
    assert one["explained_variance"][..., 3].isnull().all()  # the output is not reconstructed from
    assert list(one["layer_width"].values) == [4, 3, 3, 2]
    assert list(cube["layer_width"].sel(network=tanh.name).values) == [4, 3, 2, 0]
    assert cube["input_information"].sel(network=tanh.name, layer=4).isnull().all()
    assert [str(one[name].values) for name in ("activation", "hidden", "optimizer")] == ["relu", "4-2x3", "sgd"]
    assert cube["input_entropy"] == 8
    assert 0 < cube["label_entropy"] <= 1
    assert list(cube["epoch"].values) == snapshot_epochs(3, 3) == [0, 1, 3]


def test_the_constants_of_the_estimators_are_recorded(cube):
    assert list(cube["estimator_kind"].values) == [
        "range_binning",
        "kernel_density",
        "kernel_density",
        "nearest_neighbours",
    ]
    assert str(cube["estimator_constants"].sel(estimator="kernel_upper").values) == '{"noise_variance": 0.01}'


def test_mean_field_is_that_of_the_variance_that_the_weights_have(cube, tanh, deeper):
    assert float(cube["edge_of_chaos"].sel(network=tanh.name)) == pytest.approx(edge_of_chaos(0.05))
    assert float(cube["chi_1"].sel(network=deeper.name)) == pytest.approx(0.7737413 / 2)  # ReLU: σ_w²/2


def test_the_cube_is_written_and_read(cube, tmp_path):
    write_cube(cube, tmp_path / "information_plane.nc", "merge_information_plane")
    again = read_cube(tmp_path / "information_plane.nc")
    xr.testing.assert_equal(again, cube)
    assert set(cube.variables) <= set(CUBE)
    for name, variable in again.data_vars.items():
        assert list(variable.dims) == [d for d in DIMENSIONS if d in variable.dims], name


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("label_information", -0.01, "is below zero"),
        ("label_information", 1.01, "exceeds H"),
        ("input_information", 0.0, "exceeds I"),
        ("input_information", 8.01, "belongs to an I"),
        ("label_information", np.nan, "is NaN"),
    ],
)
def test_a_value_beyond_its_bounds_is_refused(cube, name, value, message):
    wrong = cube.copy(deep=True)
    here = {"estimator": 2, "network": 0, "replica": 1, "epoch": 1, "layer": 0}
    wrong["label_information"][here], wrong["input_information"][here] = 0.1, 2.0
    validate_information(wrong)
    wrong[name][here] = value
    with pytest.raises(InfoflowError, match=f"estimator kernel_lower, network tanh.*epoch 1, layer 1 {message}"):
        validate_information(wrong)


def test_what_diverged_may_be_missing(cube):
    broken = cube.copy(deep=True)
    broken["label_information"][:, 0, 1] = np.nan
    with pytest.raises(InfoflowError, match="is NaN"):
        validate_information(broken)
    broken["status"][0, 1] = 1
    validate_information(broken)


def test_results_of_other_samples_are_refused(merge, results, tanh):
    trained, measured = results[tanh]
    other = type(measured)(dict(measured.variables) | {"label_counts": np.array([1, 255])}, measured.attributes)
    with pytest.raises(InfoflowError, match="their samples differ"):
        merge(results | {tanh: (trained, other)})
    with pytest.raises(InfoflowError, match="no results"):
        merge({})


@pytest.fixture(scope="module")
def merged(jobs, o3, plane, tmp_path_factory):
    """The job that merges all networks, after it has run."""
    parameters = {
        "networks": {network.name: measure.parameters for network, (_, measure) in jobs.items()},
        "order": [network.name for network in jobs],
        "estimators": plane["estimators"],
        "outputs": output_names(plane["estimators"]),
        "dataset": "o3",
        "batch_size": 64,
        "title": "a run",
        "config": {"run": {"name": "a run"}},
    }
    inputs = {
        "trained": [train.output for train, _ in jobs.values()],
        "measured": [measure.output for _, measure in jobs.values()],
        "dataset": o3,
    }
    output = tmp_path_factory.mktemp("merge") / "information_plane.nc"
    job = make_job(parameters, output, inputs, rule="merge_information_plane")
    merge_information_plane(job)
    return job


def test_the_job_merges_files_in_the_order_of_the_config(merged, cube):
    again = read_cube(merged.output, merged.parameters)
    xr.testing.assert_equal(again, cube)
    assert (again.attrs["dataset"], again.attrs["batch_size"], again.attrs["title"]) == ("o3", 64, "a run")
    assert json.loads(again.attrs["config"]) == {"run": {"name": "a run"}}
    assert "arXiv:1703.00810" in again.attrs["references"]
    cost = json.loads(again.attrs["cost"])
    assert {rule: cost[rule]["jobs"] for rule in cost} == {
        "prepare_dataset": 1, "train_snapshots": 2, "measure_information": 2, "merge_information_plane": 1
    }  # fmt: skip


def test_networks_that_were_measured_otherwise_are_refused(merged, tanh):
    network = {**merged["networks"][tanh.name], "run": {"seed": 2, "precision": "float32"}}
    networks = {**merged["networks"], tanh.name: network}
    with pytest.raises(InfoflowError, match=r"measured_tanh.*made with run\.seed = 1, not 2"):
        merge_information_plane(dataclasses.replace(merged, parameters={**merged.parameters, "networks": networks}))


def test_all_descriptions_are_those_of_the_merge(merged):
    """An edited title reaches the cube without training or measuring anything again."""
    for name, variable in read_cube(merged.output).variables.items():
        assert set(variable.attrs) == set(CUBE[name]), name
        assert all(np.array_equal(value, CUBE[name][key]) for key, value in variable.attrs.items()), name
