"""The job of one point by the theory of the kernel cascade; the theory itself is in tests of infoflow.theory."""

import numpy as np
import pytest

from common import ARCHITECTURES
from infoflow.architectures.build import build_network
from infoflow.datasets.samples import read_samples
from infoflow.errors import InfoflowError
from infoflow.files.conventions import DIVERGED, OK
from infoflow.files.names import encode
from infoflow.files.results import Result, read_result
from infoflow.jobs.record import find_mark, mark
from infoflow.studies.trainability.evaluate_kl import evaluate_probe
from infoflow.studies.trainability.probe_kernel import probe_kernel
from infoflow.studies.trainability.probe_theory import probe_theory
from infoflow.studies.trainability.variables import NO_WEIGHTS, PICTURES
from infoflow.theory.reconstruction import theory_cascade
from jobs import make_job

SEED, DEPTH = 3, 5
PROBE = {
    "method": "theory",
    "kernel_samples": 30,
    "kernel_penalty": 1e-4,
    "kernel_noise": "absolute",
    "evaluation_samples": 7,
}
OPTIONS = {"offset": 1e-12, "saturation_rtol": 0.005, "pictures": 3}


@pytest.fixture
def run(prepared, tmp_path):
    """A function that gives the result of the job, and its parameters."""

    def computed(architecture="mlp", point=(1.5, 0.05, DEPTH), seed=SEED, options=OPTIONS, **probe):
        dataset, data = prepared
        option = ARCHITECTURES[architecture] if isinstance(architecture, str) else architecture
        parameters = {
            "architecture": option,
            "probe": PROBE | probe,
            "options": options,
            "seed": seed,
            "data": data,
            "code": "abc",
        }
        output, wildcards = tmp_path / "a.nc", {"point": encode(*point)}
        probe_theory(make_job(parameters, output, {"dataset": dataset}, wildcards, "probe_theory"))
        return read_result(output, parameters), parameters

    return computed


@pytest.fixture
def samples(prepared):
    return read_samples(*prepared, PROBE["kernel_samples"], PROBE["evaluation_samples"], SEED)


def widths_of(architecture, samples, depth=DEPTH):
    blocks = build_network(architecture, samples.shape, samples.classes, depth).blocks
    return [b.forward.fan_out for b in blocks]


@pytest.mark.parametrize("noise", ["absolute", "relative"])
@pytest.mark.parametrize("name", ["mlp", "mlp pixels", "mlp shrinking"])
def test_curves_are_those_of_the_theory_for_the_widths_of_the_network(run, samples, name, noise):
    found, parameters = run(name, kernel_noise=noise)
    fit, evaluation = (part.reshape(len(part), -1) for part in (samples.fit, samples.evaluation))
    widths = widths_of(parameters["architecture"], samples)
    layers = [*theory_cascade("tanh", 1.5, 0.05, widths, fit, evaluation, 1e-4, noise == "relative")]
    probe = {
        "reconstructions": np.stack(layers)[None],
        "evaluation_images": evaluation,
        "losses": np.zeros((1, DEPTH, 1)),
        "pre_activation_moments": np.zeros((1, DEPTH, 7)),
    }
    expected = evaluate_probe(Result(probe, {}), OPTIONS["offset"], OPTIONS["saturation_rtol"], OPTIONS["pictures"])
    assert set(found.variables) == set(expected) - {"reconstruction_loss", "pre_activation_variance"}
    for variable, values in found.variables.items():
        _, wanted, _ = expected[variable]
        assert values.dtype == wanted.dtype
        np.testing.assert_array_equal(values, wanted, err_msg=variable)
    assert (found["probe_status"] == OK).all()
    assert found.attributes["layer_widths"].tolist() == widths


def test_the_result_records_what_it_is_of(run, tmp_path):
    found, parameters = run()
    attributes = found.attributes
    assert (attributes["probe_method"], attributes["weights"], attributes["rule"]) == (
        "theory",
        NO_WEIGHTS,
        "probe_theory",
    )
    assert attributes["image_shape"].tolist() == [8, 8]
    assert attributes["probe_seconds"] > 0
    assert find_mark(tmp_path / "a.nc") == mark(parameters)


def test_pictures_are_kept_if_they_are_asked_for(run):
    assert run()[0]["pictures"].shape == (1, DEPTH, 3, 64)
    assert not set(PICTURES) & set(run(options=OPTIONS | {"pictures": 0})[0].variables)


def test_samples_and_widths_are_those_of_the_probe_of_networks(run, prepared, tmp_path):
    """These are so wide that only another choice of samples would make a difference."""
    wide = ARCHITECTURES["mlp"] | {"width": 4000}
    theory, parameters = run(wide, point=(1.5, 0.05, 2))
    of_networks = {name: v for name, v in parameters.items() if name != "seed"}
    of_networks |= {
        "probe": parameters["probe"] | {"method": "kernel"},
        "run": {"seed": SEED, "replicas": 1, "draws": "independent", "precision": "float32"},
    }
    output = tmp_path / "b.nc"
    probe_kernel(make_job(of_networks, output, {"dataset": prepared[0]}, {"point": encode(1.5, 0.05, 2)}))
    networks = read_result(output)
    for name in ("first_image", "inputs"):
        np.testing.assert_array_equal(theory[name], networks[name])
    for name in ("layer_widths", "image_shape"):
        np.testing.assert_array_equal(theory.attributes[name], networks.attributes[name])
    np.testing.assert_allclose(theory["explained_variance"], networks["explained_variance"], atol=0.02)
    other, _ = run(wide, point=(1.5, 0.05, 2), seed=SEED + 1)
    np.testing.assert_array_equal(other["first_image"], networks["first_image"])
    assert np.abs(other["explained_variance"] - networks["explained_variance"]).max() > 0.05


def test_layers_diverge_where_variances_overflow(run):
    relu = ARCHITECTURES["mlp"] | {"activation": "relu"}
    found, _ = run(relu, (1e6, 0.0, 70))
    assert (found["probe_status"][0, :40] == OK).all()
    assert (found["probe_status"][0, -1:] == DIVERGED).all()
    np.testing.assert_array_equal(np.isnan(found["explained_variance"]), found["probe_status"] == DIVERGED)


def test_without_weights_nothing_is_left(run):
    found, _ = run(point=(0.0, 0.05, DEPTH))
    assert (found["probe_status"] == OK).all()
    assert (found["differential_entropy"] == -np.inf).all()


def test_a_shallow_network_is_the_beginning_of_a_deep_one(run):
    deep, shallow = (run(point=(1.5, 0.05, depth))[0] for depth in (DEPTH, 3))
    for name in ("relative_entropy", "differential_entropy", "explained_variance", "pictures"):
        np.testing.assert_array_equal(shallow[name], deep[name][:, :3], err_msg=name)


def test_what_does_not_fit_is_refused_and_leaves_nothing(run, tmp_path):
    with pytest.raises(InfoflowError, match="kernel_samples is 41, but the train.* set has 40 images"):
        run(kernel_samples=41)
    with pytest.raises(InfoflowError, match="evaluation_samples is 21, but the test set has 20 images"):
        run(evaluation_samples=21)
    assert list(tmp_path.iterdir()) == []
