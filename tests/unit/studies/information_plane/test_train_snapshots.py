"""The job that trains."""

import dataclasses

import numpy as np
import pytest

from infoflow.errors import InfoflowError
from infoflow.files.results import read_result
from infoflow.studies.information_plane.about import SNAPSHOTS
from infoflow.studies.information_plane.train_snapshots import train_snapshots


def test_a_result_has_all_replicas_at_all_snapshots(results, tanh, deeper):
    trained, _ = results[tanh]
    assert set(trained.variables) == set(SNAPSHOTS)
    assert trained["epoch"].tolist() == [0, 1, 3]
    assert trained["parameters"].shape == (2, 3, 4 * 13 + 3 * 5 + 2 * 4)
    assert trained["accuracy"].shape == trained["loss"].shape == (2, 3, 2)
    assert trained["weight_norm"].shape == (2, 3, 3)
    assert trained["diverged"].tolist() == [0, 0]
    assert trained.attributes["widths"].tolist() == [12, 4, 3, 2]
    assert results[deeper][0].attributes["widths"].tolist() == [12, 4, 3, 3, 2]
    assert trained.attributes["train_seconds"] > 0
    assert trained["parameters"].dtype == np.float32


def test_a_network_that_diverges_is_told(jobs, deeper, tmp_path):
    job = jobs[deeper][0]
    network = {**job["network"], "activation": "linear", "learning_rate": 1e30}
    broken = dataclasses.replace(
        job, parameters={**job.parameters, "network": network}, outputs=[str(tmp_path / "broken.nc")]
    )
    train_snapshots(broken)
    assert read_result(broken.output)["diverged"].tolist() == [1, 1]


def test_a_data_set_that_was_made_otherwise_is_refused(jobs, tanh):
    job = jobs[tanh][0]
    with pytest.raises(InfoflowError, match=r"o3\.nc: made with seed = 0, not 1"):
        train_snapshots(dataclasses.replace(job, parameters={**job.parameters, "data": {**job["data"], "seed": 1}}))
