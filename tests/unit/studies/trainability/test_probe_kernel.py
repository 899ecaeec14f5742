"""The job of one probe by the kernel cascade; what that gives is in test_kernel, curves are in test_curves."""

import numpy as np
import pytest
import torch

from common import ARCHITECTURES, MODULAR
from infoflow.architectures.build import build_network
from infoflow.datasets.samples import read_samples
from infoflow.engine.initialization import COMMON, Ensemble
from infoflow.errors import InfoflowError
from infoflow.files.conventions import DIVERGED, OK
from infoflow.files.names import encode
from infoflow.files.results import Result, read_result
from infoflow.jobs.record import find_mark, mark
from infoflow.reconstruction.kernel import kernel_cascade
from infoflow.studies.trainability.evaluate_kl import evaluate_probe
from infoflow.studies.trainability.probe_kernel import measure_network, probe_kernel
from infoflow.studies.trainability.variables import PICTURES
from jobs import make_job

RUN = {"seed": 3, "replicas": 2, "draws": "independent", "precision": "float64"}
PROBE = {
    "method": "kernel",
    "kernel_samples": 30,
    "kernel_penalty": 1e-4,
    "kernel_noise": "absolute",
    "evaluation_samples": 7,
}
OPTIONS = {"offset": 1e-12, "saturation_rtol": 0.005, "pictures": 0}
TO = {"dtype": torch.float64, "device": torch.device("cpu")}
DEPTH = 5
OF_SAMPLES = ("first_image", "inputs")
"""Variables without an axis of replicas."""


@pytest.fixture
def run(prepared, tmp_path):
    """A function that gives the result of the job, and its parameters."""

    def probed(architecture="mlp", point=(1.5, 0.05, DEPTH), run=RUN, options=OPTIONS, **probe):
        dataset, data = prepared
        option = ARCHITECTURES[architecture] if isinstance(architecture, str) else architecture
        parameters = {
            "architecture": option,
            "probe": PROBE | probe,
            "options": options,
            "run": RUN | run,
            "data": data,
            "code": "abc",
        }
        output = tmp_path / "a.nc"
        wildcards = {"point": encode(*point)}
        probe_kernel(make_job(parameters, output, {"dataset": dataset}, wildcards, "probe_kernel"))
        return read_result(output, parameters), parameters

    return probed


@pytest.fixture
def samples(prepared):
    return read_samples(*prepared, PROBE["kernel_samples"], PROBE["evaluation_samples"], RUN["seed"])


def states_of(architecture, samples, ensemble, dtype=torch.float64, depth=DEPTH):
    """Of the input and of all layers, and pre-activations of the layers, layer by layer."""
    blocks = build_network(architecture, samples.shape, samples.classes, depth).blocks
    images = torch.from_numpy(np.concatenate([samples.fit, samples.evaluation])).to(dtype)
    states, before = [images.expand(len(ensemble), *images.shape)], []
    for block, parameters in zip(blocks, ensemble.draw([b.forward for b in blocks], dtype=dtype)):
        before.append(block.forward.pre_activation(parameters, states[-1]))
        states.append(block.forward.activate(before[-1]))
    return [images[None], *states[1:]], before


def expected_curves(architecture, samples, ensemble, dtype, relative=False):
    """By `evaluate_probe`, from the reconstructions from all layers together."""
    states, before = states_of(architecture, samples, ensemble, dtype)
    found = list(kernel_cascade(states, len(samples.fit), PROBE["kernel_penalty"], relative))
    probe = {
        "reconstructions": torch.stack([layer.images for layer in found], dim=1).numpy(),
        "evaluation_images": samples.evaluation.reshape(len(samples.evaluation), -1),
        "losses": np.zeros((len(ensemble), len(found), 1)),
        "pre_activation_moments": torch.stack(
            [z[:, len(samples.fit) :].square().flatten(2).mean(2) for z in before], dim=1
        ).numpy(),
    }
    return evaluate_probe(Result(probe, {}), OPTIONS["offset"], OPTIONS["saturation_rtol"], pictures=3)


def assert_same(found, expected, rows=slice(None)):
    """Variables, those with an axis of replicas cut to some."""
    assert set(found) == set(expected)
    for name, value in found.items():
        np.testing.assert_allclose(
            value, expected[name] if name in OF_SAMPLES else expected[name][rows], rtol=1e-6, atol=1e-9, err_msg=name
        )


@pytest.mark.parametrize("noise", ["absolute", "relative"])
@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("name", ["mlp", "cnn", "resnet"])
def test_curves_are_those_of_the_reconstructions_from_all_layers(run, samples, name, precision, noise):
    found, parameters = run(name, run={"precision": precision}, options=OPTIONS | {"pictures": 3}, kernel_noise=noise)
    ensemble = Ensemble(1.5, 0.05, RUN["seed"], range(RUN["replicas"]))
    dtype = getattr(torch, precision)
    expected = expected_curves(parameters["architecture"], samples, ensemble, dtype, noise == "relative")
    curves = {name: values for name, (_, values, _) in expected.items() if name != "reconstruction_loss"}
    assert_same({name: v for name, v in found.variables.items() if name != "constant_states"}, curves)
    assert {name: v.dtype for name, v in found.variables.items() if name in curves} == {
        name: v.dtype for name, v in curves.items()
    }
    assert (found["probe_status"] == OK).all()
    assert (found["constant_states"] == 0).all()
    assert found["constant_states"].shape == found["explained_variance"].shape


def test_the_result_records_what_it_is_of(run, tmp_path):
    found, parameters = run()
    attributes = found.attributes
    assert (attributes["probe_method"], attributes["precision"], attributes["weights"]) == (
        "kernel",
        "float64",
        "random",
    )
    assert attributes["image_shape"].tolist() == [8, 8]
    assert attributes["layer_widths"].tolist() == [14] * DEPTH
    assert attributes["probe_seconds"] > 0
    assert attributes["rule"] == "probe_kernel"
    assert find_mark(tmp_path / "a.nc") == mark(parameters)


def test_pictures_are_kept_if_they_are_asked_for(run, samples):
    assert not set(PICTURES) & set(run()[0].variables)
    found, _ = run(options=OPTIONS | {"pictures": 3})
    assert found["pictures"].shape == (2, DEPTH, 3, 64)
    np.testing.assert_array_equal(found["inputs"], np.rint(127 * samples.evaluation[:3].reshape(3, -1)))
    # as many as there are
    assert run(options=OPTIONS | {"pictures": 9})[0]["pictures"].shape == (2, DEPTH, 7, 64)


def test_layers_diverge_where_their_states_overflow_and_not_before(run, samples):
    """Large states alone are no reason."""
    relu = ARCHITECTURES["mlp"] | {"activation": "relu"}
    single = {"precision": "float32"}
    found, _ = run(relu, (1e5, 0.0, 25), run=single)
    states, _ = states_of(relu, samples, Ensemble(1e5, 0.0, RUN["seed"], range(2)), torch.float32, 25)
    finite = np.stack([x.isfinite().all(2).all(1).numpy() for x in states[1:]], axis=1)
    assert finite[:, 10].all()
    assert not finite[:, -1].any()
    np.testing.assert_array_equal(found["probe_status"], np.where(finite, OK, DIVERGED))
    for name in ("explained_variance", "differential_entropy", "relative_entropy_mean", "pre_activation_variance"):
        np.testing.assert_array_equal(np.isnan(found[name]), ~finite, err_msg=name)


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_states_that_do_not_depend_on_the_input_are_told(run, precision):
    """Without weights the biases are all that is left."""
    found, _ = run(point=(0.0, 0.05, DEPTH), run={"precision": precision})
    assert (found["constant_states"] == 1).all()
    assert (found["probe_status"] == OK).all()
    assert (found["differential_entropy"] == -np.inf).all()
    assert (found["explained_variance"] <= 0).all()


def test_a_replica_does_not_depend_on_which_others_are_computed_with_it(run, samples):
    together, _ = run(run={"replicas": 3}, options=OPTIONS | {"pictures": 2})
    alone, _ = run(run={"replicas": 1}, options=OPTIONS | {"pictures": 2})
    assert_same(alone.variables, together.variables, slice(1))
    blocks = build_network(ARCHITECTURES["mlp"], samples.shape, samples.classes, DEPTH).blocks
    options = PROBE | OPTIONS | {"pictures": 2}
    last = measure_network(blocks, Ensemble(1.5, 0.05, RUN["seed"], [2]), samples, options, TO)
    assert_same({name: values for name, (_, values, _) in last.items()}, together.variables, slice(2, 3))
    differs = np.abs(together["explained_variance"][0] - together["explained_variance"][2])
    assert differs.max() > 1e-4


def test_a_shallow_network_is_the_beginning_of_a_deep_one(run):
    deep, shallow = (run(point=(1.5, 0.05, depth))[0] for depth in (DEPTH, 3))
    cut = {name: v if name in OF_SAMPLES else v[:, :3] for name, v in deep.variables.items()}
    assert_same(shallow.variables, cut)


def test_given_weights_are_scaled(samples):
    """Those of one network, equal for all replicas."""
    blocks = build_network(ARCHITECTURES["mlp"], samples.shape, samples.classes, DEPTH).blocks
    forward = [b.forward for b in blocks]
    unscaled = Ensemble(1.0, 1.0, RUN["seed"], [1], COMMON).draw(forward, **TO)
    weights = [{name: p[0] for name, p in layer.items()} for layer in unscaled]

    def measure(replicas, weights=None):
        ensemble = Ensemble(1.5, 0.05, RUN["seed"], replicas, COMMON)
        found = measure_network(blocks, ensemble, samples, PROBE | OPTIONS, TO, weights)
        return {name: values for name, (_, values, _) in found.items()}

    given, drawn = measure(range(3), weights), measure([1])
    for r in range(3):
        assert_same(drawn, given, slice(r, r + 1))


def test_what_does_not_fit_is_refused_and_leaves_nothing(run, prepared, tmp_path):
    with pytest.raises(InfoflowError, match="kernel_samples is 41, but the train.* set has 40 images"):
        run(kernel_samples=41)
    with pytest.raises(InfoflowError, match="evaluation_samples is 21, but the test set has 20 images"):
        run(evaluation_samples=21)
    with pytest.raises(InfoflowError, match="kernel cascade: the penalty is 0; "):
        run(kernel_penalty=0)
    parameters = {"architecture": {}, "probe": PROBE, "options": OPTIONS, "run": RUN, "data": {"seed": 9}}
    point = {"point": encode(1.5, 0.05, 2)}
    with pytest.raises(InfoflowError, match=r"small\.nc: made with .*; delete it and run again"):
        probe_kernel(make_job(parameters, tmp_path / "a.nc", {"dataset": prepared[0]}, point))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["layers", "dense"])
def test_networks_that_are_modules_are_probed_block_by_block(run, samples, name):
    found, _ = run(MODULAR[name], options=OPTIONS | {"pictures": 2})
    layers = {"layers": ["conv1", *(f"residual{k}" for k in range(1, 6))], "dense": [f"dense{k}" for k in range(1, 6)]}
    assert list(found.attributes["layer_names"]) == layers[name]
    assert found.attributes["layer_widths"].tolist() == {"layers": [64] * 6, "dense": [12] * 5}[name]
    assert found.attributes["weights"] == MODULAR[name]["weights"]
    assert (found["probe_status"] == OK).all()
    assert found["pictures"].shape[:2] == (2, len(layers[name]))
    assert "pre_activation_variance" not in found.variables
    entropy = found["differential_entropy"]
    assert (entropy[:, 0] > entropy[:, -1]).all()
    assert (entropy[0] != entropy[1]).all()
