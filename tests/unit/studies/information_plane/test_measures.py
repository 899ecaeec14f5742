"""What is measured of networks, whether they are trained or not."""

import numpy as np
import pytest
import torch

import plain
from infoflow.engine.maps.dense import Dense
from infoflow.engine.network import Block
from infoflow.reconstruction.cascade import compose_cascades
from infoflow.reconstruction.divergence import explained_variance
from infoflow.reconstruction.fit import fit_inverses
from infoflow.studies.information_plane.measures import estimate_information, measure_reconstruction
from infoflow.studies.information_plane.samples import take_samples
from infoflow.studies.information_plane.training import draw_parameters, layers_of, states
from infoflow.studies.information_plane.variables import RECONSTRUCTED


def test_information_is_that_of_every_layer_by_itself(patterns, tanh, plane):
    inputs, labels = take_samples(patterns, None, 1, "o3.nc")
    widths = [12, 4, 3, 2]
    parameters = draw_parameters(widths, tanh.options(), 1, range(3))
    found = estimate_information(inputs, labels.numpy(), parameters, widths, "tanh", plane["estimators"], 1)
    assert found.input.shape == found.label.shape == (4, 3, 3)
    for k in range(3):
        for l, layer in enumerate(states(parameters[k : k + 1], widths, "tanh", inputs)):
            answers = layer[0].T.double().numpy()
            (of_input, of_label) = plain.information(answers, labels.numpy(), plane["estimators"]["binning"], 1)[""]
            assert found.input[0, k, l] == pytest.approx(of_input, abs=1e-9)
            assert found.label[0, k, l] == pytest.approx(of_label, abs=1e-9)
            bounds = plain.information(answers, labels.numpy(), plane["estimators"]["kernel"], 1)
            for row, name in ((1, "upper"), (2, "lower")):
                assert found.input[row, k, l] == pytest.approx(bounds[name][0], abs=1e-3)
                assert found.label[row, k, l] == pytest.approx(bounds[name][1], abs=1e-3)


def test_a_network_that_diverged_is_nan_and_harms_no_other(patterns, tanh, plane):
    inputs, labels = take_samples(patterns, None, 1, "o3.nc")
    widths = [12, 4, 3, 2]
    parameters = draw_parameters(widths, tanh.options(), 1, range(3))
    whole = estimate_information(inputs, labels.numpy(), parameters, widths, "tanh", plane["estimators"], 1)
    parameters[1, 5] = np.inf
    found = estimate_information(inputs, labels.numpy(), parameters, widths, "tanh", plane["estimators"], 1)
    assert np.isnan(found.input[:, 1]).all()
    assert np.isnan(found.label[:, 1]).all()
    np.testing.assert_array_equal(found.input[:, [0, 2]], whole.input[:, [0, 2]])
    options = {"ridge_penalty": 1e-4, "ridge_samples": 500}
    for values in measure_reconstruction(inputs, parameters, widths, "tanh", options, 1).values():
        assert np.isnan(values[1]).all()
        assert np.isfinite(values[[0, 2]]).all()


def test_reconstruction_is_that_of_the_cascade(precise_patterns, tanh):
    inputs, _ = take_samples(precise_patterns, None, 1, "o3.nc")
    widths = [12, 6, 5, 2]
    parameters = draw_parameters(widths, tanh.options(), 1, range(2), dtype=torch.float64)
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
