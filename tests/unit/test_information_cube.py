"""The jobs of the information plane and their cube, on small networks of the icosahedron's patterns."""

import numpy as np
import pytest
import torch
import xarray as xr

import plain
from common import SCHEMA, load_config
from infoflow.architectures import Block
from infoflow.cascade import compose_cascades
from infoflow.config import check_config, plane_replicas, studies
from infoflow.datasets import Images
from infoflow.datasets.o3 import all_patterns, draw_labels
from infoflow.divergence import explained_variance
from infoflow.errors import InfoflowError
from infoflow.information.cube import ABOUT, DIMENSIONS, merge_information, validate_information
from infoflow.information.jobs import measure_job, read_samples, train_job
from infoflow.information.measures import measure_information, measure_reconstruction
from infoflow.information.plan import RECONSTRUCTED, TrainedNetwork, name_widths, networks, snapshot_epochs
from infoflow.information.training import draw_parameters, layers_of, states
from infoflow.maps.dense import Dense
from infoflow.meanfield import edge_of_chaos
from infoflow.prepared import write_prepared
from infoflow.reconstruction import fit_inverses
from infoflow.store import read_result
from infoflow.study import read_study, write_study

RUN = {"seed": 1, "precision": "float32"}
ESTIMATORS = {
    "binning": {"kind": "range_binning", "bins": 30, "low": -1.0, "high": 1.0},
    "kernel": {"kind": "kernel_density", "noise_variance": 0.01},
    "neighbours": {"kind": "nearest_neighbours", "neighbours": 1, "draws": 2, "noise_variance": 0.01},
}
PLANE = {
    "samples": None,
    "epochs": 3,
    "snapshots": 3,
    "batch_size": 64,
    "shuffled": True,
    "replicas": 2,
    "estimators": ESTIMATORS,
    "ridge_penalty": 1e-4,
    "ridge_samples": 500,
}
TANH = TrainedNetwork("tanh", (4, 3), 0.8, "adam", 0.01, "gaussian", 1.5, 0.05)
DEEPER = TrainedNetwork("relu", (4, 3, 3), 0.5, "sgd", 0.1, "truncated_normal", 1.0, 0.0)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    patterns = all_patterns()[::16]
    labels = draw_labels(patterns, {}, 0)
    path = tmp_path_factory.mktemp("data") / "o3.nc"
    write_prepared(path, Images(patterns[:200], patterns[200:], labels[:200], labels[200:]), 0, {"rule": "test"})
    return path


@pytest.fixture(scope="module")
def results(dataset, tmp_path_factory):
    folder, found = tmp_path_factory.mktemp("results"), {}
    for network in (TANH, DEEPER):
        trained, measured = (folder / f"{part}_{network.name}.nc" for part in ("trained", "measured"))
        train_job(dataset, trained, network.options(), PLANE, RUN, 2, {"rule": "train"})
        measure_job(dataset, trained, measured, network.options(), PLANE, RUN, 2, {"rule": "measure"})
        found[network] = read_result(trained), read_result(measured)
    return found


@pytest.fixture(scope="module")
def cube(results):
    return merge_information(results, estimators=ESTIMATORS, attributes={"dataset": "o3"})


def test_every_value_of_a_network_is_at_its_name(cube, results):
    trained, measured = results[DEEPER]
    one = cube.sel(network=DEEPER.name)
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
    assert list(cube["layer_width"].sel(network=TANH.name).values) == [4, 3, 2, 0]
    assert cube["input_information"].sel(network=TANH.name, layer=4).isnull().all()
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


def test_mean_field_is_that_of_the_variance_that_the_weights_have(cube):
    assert float(cube["edge_of_chaos"].sel(network=TANH.name)) == pytest.approx(edge_of_chaos(0.05))
    assert float(cube["chi_1"].sel(network=DEEPER.name)) == pytest.approx(0.7737413 / 2)  # ReLU: σ_w²/2


def test_the_cube_is_written_and_read(cube, tmp_path):
    write_study(cube, tmp_path / "information_plane.nc", "merge_information_plane")
    again = read_study(tmp_path / "information_plane.nc")
    xr.testing.assert_equal(again, cube)
    assert set(cube.variables) <= set(ABOUT)
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


def test_results_of_other_samples_are_refused(results):
    trained, measured = results[TANH]
    other = type(measured)(dict(measured.variables) | {"label_counts": np.array([1, 255])}, measured.attributes)
    with pytest.raises(InfoflowError, match="their samples differ"):
        merge_information(results | {TANH: (trained, other)}, estimators=ESTIMATORS, attributes={})
    with pytest.raises(InfoflowError, match="no results"):
        merge_information({}, estimators=ESTIMATORS, attributes={})


def test_information_is_that_of_every_layer_by_itself(dataset):
    inputs, labels = read_samples(dataset, None, 1, torch.device("cpu"), torch.float32)
    widths = [12, 4, 3, 2]
    parameters = draw_parameters(widths, TANH.options(), 1, range(3))
    found = measure_information(inputs, labels.numpy(), parameters, widths, "tanh", ESTIMATORS, 1)
    assert found.input.shape == found.label.shape == (4, 3, 3)
    for k in range(3):
        for l, layer in enumerate(states(parameters[k : k + 1], widths, "tanh", inputs)):
            answers = layer[0].T.double().numpy()
            (of_input, of_label) = plain.information(answers, labels.numpy(), ESTIMATORS["binning"], 1)[""]
            assert found.input[0, k, l] == pytest.approx(of_input, abs=1e-9)
            assert found.label[0, k, l] == pytest.approx(of_label, abs=1e-9)
            bounds = plain.information(answers, labels.numpy(), ESTIMATORS["kernel"], 1)
            for row, name in ((1, "upper"), (2, "lower")):
                assert found.input[row, k, l] == pytest.approx(bounds[name][0], abs=1e-3)
                assert found.label[row, k, l] == pytest.approx(bounds[name][1], abs=1e-3)


def test_a_network_that_diverged_is_nan_and_harms_no_other(dataset):
    inputs, labels = read_samples(dataset, None, 1, torch.device("cpu"), torch.float32)
    widths = [12, 4, 3, 2]
    parameters = draw_parameters(widths, TANH.options(), 1, range(3))
    whole = measure_information(inputs, labels.numpy(), parameters, widths, "tanh", ESTIMATORS, 1)
    parameters[1, 5] = np.inf
    found = measure_information(inputs, labels.numpy(), parameters, widths, "tanh", ESTIMATORS, 1)
    assert np.isnan(found.input[:, 1]).all()
    assert np.isnan(found.label[:, 1]).all()
    np.testing.assert_array_equal(found.input[:, [0, 2]], whole.input[:, [0, 2]])
    options = {"ridge_penalty": 1e-4, "ridge_samples": 500}
    for values in measure_reconstruction(inputs, parameters, widths, "tanh", options, 1).values():
        assert np.isnan(values[1]).all()
        assert np.isfinite(values[[0, 2]]).all()


def test_reconstruction_is_that_of_the_cascade(dataset):
    inputs, _ = read_samples(dataset, None, 1, torch.device("cpu"), torch.float64)
    widths = [12, 6, 5, 2]
    parameters = draw_parameters(widths, TANH.options(), 1, range(2), dtype=torch.float64)
    options = {"ridge_penalty": 1e-4, "ridge_samples": 500}
    found = measure_reconstruction(inputs, parameters, widths, "tanh", options, 1)
    assert set(found) == set(RECONSTRUCTED)
    assert found["explained_variance"].shape == (2, 2)
    blocks = [Block(Dense((a,), (b,), "tanh"), Dense((b,), (a,), "linear")) for a, b in ((12, 6), (6, 5))]
    for k in range(2):
        frozen = [
            {"weight": w[:, :, :-1].mT.contiguous(), "bias": w[:, :, -1:].mT.contiguous()}
            for w in layers_of(parameters[k : k + 1], widths)[:2]
        ]
        inverses = fit_inverses(blocks, frozen, inputs, {"method": "ridge", **options}, seed=1, replicas=[0])
        forward = [b.forward for b in blocks]
        images, _ = compose_cascades(forward, frozen, inverses.maps, inverses.parameters, inputs, 1)
        expected = explained_variance(inputs.numpy(), images[0].numpy())
        np.testing.assert_allclose(found["explained_variance"][k], expected, rtol=1e-9)
    assert (np.diff(found["explained_variance"]) < 0).all()


def test_samples_are_all_of_the_data_set_or_a_choice_that_keeps_the_order(dataset):
    read = {"seed": 1, "device": torch.device("cpu"), "dtype": torch.float32}
    inputs, labels = read_samples(dataset, None, **read)
    np.testing.assert_array_equal(inputs.numpy(), all_patterns()[::16])
    some, of = read_samples(dataset, 50, **read)
    position = [int((inputs == x).all(1).nonzero()) for x in some]
    assert position == sorted(position)
    assert len(set(position)) == 50
    np.testing.assert_array_equal(labels[position], of)
    with pytest.raises(InfoflowError, match="information_plane.samples is 257, but .* has only 256 samples"):
        read_samples(dataset, 257, **read)


def test_samples_that_are_equal_are_refused(tmp_path):
    same = np.zeros((3, 12), np.uint8)
    write_prepared(tmp_path / "x.nc", Images(same, same + 1, np.arange(3), np.arange(3)), 0, {"rule": "test"})
    with pytest.raises(InfoflowError, match="4 of 6 samples equal another one"):
        read_samples(tmp_path / "x.nc", None, 1, torch.device("cpu"), torch.float32)


def test_samples_of_one_class_are_refused(tmp_path):
    patterns, one = all_patterns()[:6], np.ones(3, np.int64)
    write_prepared(tmp_path / "x.nc", Images(patterns[:3], patterns[3:], one, one), 0, {"rule": "test"})
    with pytest.raises(InfoflowError, match="x.nc: all 6 images to learn from are of class 1"):
        read_samples(tmp_path / "x.nc", None, 1, torch.device("cpu"), torch.float32)


def changed(**plane):
    config = load_config()
    return config | {"information_plane": config["information_plane"] | plane}


def test_names_tell_all_networks_apart():
    default = check_config(load_config(), SCHEMA)["information_plane"]
    found = networks(default)
    assert len(found) == 2 + 6 + 3 + 3 - 2  # two are in more than one entry
    assert all(name == network.name for name, network in found.items())
    assert next(iter(found.values())).activation == "tanh"
    assert name_widths([10, 7, 7, 7, 5]) == "10-3x7-5"
    many = {"a": {"learning_rate": [0.1, 0.01], "sigma_w2": {"start": 1.0, "stop": 2.0, "step": 0.5}}}
    assert len(networks(check_config(changed(networks=many), SCHEMA)["information_plane"])) == 2 * 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dataset": "o4"}, "information_plane.dataset: unknown dataset 'o4'"),
        ({"dataset": "white_noise"}, "information_plane.dataset: 'white_noise' has no labels to train on"),
        ({"networks": {}}, "information_plane.networks: there is none"),
        ({"networks": {"a": {"hidden": [list(range(1, 90))]}}}, "networks.a.hidden: too many different widths"),
        ({"networks": {"a": {"activation": ["tanhh"]}}}, "networks.a.activation[0]: 'tanhh' is not one of"),
        ({"estimators": {"a": {"kind": "width_binning"}}}, "estimators.a: width_binning needs width"),
        ({"estimators": {"a": {"kind": "width_binning", "width": 0.1, "bins": 3}}}, "width_binning needs width, and"),
        (
            {"estimators": {"k": {"kind": "kernel_density", "noise_variance": 0.1}, "k_lower": ESTIMATORS["binning"]}},
            "another estimator has an output k_lower",
        ),
        ({"networks": {"a": {"sigma_w2": [1.0, 1.0]}}}, "information_plane.networks.a.sigma_w2: 1.0 and 1.0"),
    ],
)
def test_a_plane_that_cannot_be_measured_is_refused(change, message):
    with pytest.raises(InfoflowError) as refused:
        check_config(changed(**change), SCHEMA)
    assert message in str(refused.value)


def test_null_switches_the_plane_its_estimators_and_networks_off():
    config = check_config(load_config(), SCHEMA)
    assert studies(config)["information_plane"] == "information_plane"
    assert plane_replicas(config) == load_config()["information_plane"]["replicas"]
    assert plane_replicas(check_config(changed(replicas=None), SCHEMA)) == config["run"]["replicas"]
    off = check_config(load_config() | {"information_plane": None}, SCHEMA)
    assert "information_plane" not in studies(off)
    plane = load_config()["information_plane"]
    fewer = {
        "estimators": plane["estimators"] | {"kernel": None, "width": None},
        "networks": dict.fromkeys(plane["networks"]) | {"fractions": plane["networks"]["fractions"]},
    }
    left = check_config(changed(**fewer), SCHEMA)["information_plane"]
    assert list(left["estimators"]) == ["binning", "layer_range", "neighbours"]
    assert [network.train_fraction for network in networks(left).values()] == [0.05, 0.45, 0.85]
