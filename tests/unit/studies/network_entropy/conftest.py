"""Results of the relative entropy through small networks of a small data set."""

import numpy as np
import pytest

from infoflow.datasets.images import Images
from infoflow.datasets.prepared import write_prepared
from infoflow.files.names import encode
from infoflow.files.results import Result, read_result
from infoflow.jobs.record import describe_job
from infoflow.studies.network_entropy.network_entropy import network_entropy
from jobs import make_job

DATA = {"options": {"kind": "tiny"}, "seed": 0}
MLP = {"kind": "mlp", "layout": "wide", "width": 12, "activation": "tanh", "head": [5]}
PARAMETERS = {
    "architecture": MLP,
    "entropy": {"images": 3, "samples": 10},
    "train": {"epochs": 2, "batch_size": 8, "learning_rate": 0.05, "momentum": 0.8, "readout": "tanh"},
    "run": {"seed": 0, "replicas": 2, "draws": "independent", "precision": "float64"},
    "data": DATA,
}


@pytest.fixture(scope="session")
def mlp():
    return MLP


@pytest.fixture(scope="session")
def parameters():
    return PARAMETERS


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """A prepared data set of three classes."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("data") / "tiny.nc"
    labels = rng.integers(0, 3, (2, 40))
    pixels = rng.random((2, 40, 4, 4), np.float32)
    write_prepared(path, Images(*pixels, *labels), 0, describe_job("prepare_dataset", DATA))
    return path


@pytest.fixture(scope="session")
def point(tiny):
    """A function that runs the job of one point: the point's name, and its result."""

    def run(folder, w=1.5, depth=4, dataset=tiny, **changes) -> tuple[str, Result]:
        name = encode(w, 0.05, depth)
        output = folder / f"{name}.nc"
        network_entropy(make_job(PARAMETERS | changes, output, {"dataset": dataset}, {"point": name}))
        return name, read_result(output)

    return run
