"""The job that measures."""

import dataclasses

import numpy as np
import pytest

from infoflow.errors import InfoflowError
from infoflow.studies.information_plane.about import MEASURED
from infoflow.studies.information_plane.measure_information import measure_information
from infoflow.studies.information_plane.measures import estimate_information
from infoflow.studies.information_plane.samples import take_samples


def test_a_result_has_what_is_measured_of_every_snapshot(results, deeper, patterns, plane):
    trained, measured = results[deeper]
    assert set(measured.variables) == set(MEASURED)
    assert measured["input_information"].shape == measured["label_information"].shape == (4, 2, 3, 4)
    assert measured["explained_variance"].shape == (2, 3, 3)
    assert (measured["label_counts"].sum(), measured.attributes["samples"]) == (256, 256)
    assert measured.attributes["information_seconds"] > 0
    assert measured.attributes["reconstruction_seconds"] > 0
    inputs, labels = take_samples(patterns, None, 1, "o3.nc")
    parameters = inputs.new_tensor(trained["parameters"][1])
    widths = [12, 4, 3, 3, 2]
    expected = estimate_information(inputs, labels.numpy(), parameters, widths, "relu", plane["estimators"], 1)
    np.testing.assert_allclose(measured["input_information"][:, 1], expected.input, rtol=1e-6)
    np.testing.assert_allclose(measured["label_information"][:, 1], expected.label, rtol=1e-6, atol=1e-7)


def test_networks_that_were_trained_otherwise_are_refused(jobs, tanh):
    job = jobs[tanh][1]
    trained = {**job["trained"], "plane": {**job["trained"]["plane"], "epochs": 4}}
    with pytest.raises(InfoflowError, match=r"trained_tanh.*made with plane\.epochs = 3, not 4"):
        measure_information(dataclasses.replace(job, parameters={**job.parameters, "trained": trained}))
