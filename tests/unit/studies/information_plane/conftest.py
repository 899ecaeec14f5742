"""Results of small networks of the icosahedron's patterns."""

import pytest
import torch

from infoflow.datasets.images import Images
from infoflow.datasets.o3 import all_patterns, draw_labels
from infoflow.datasets.prepared import read_prepared, write_prepared
from infoflow.files.results import Result, read_result
from infoflow.jobs.job import Job
from infoflow.jobs.record import describe_job
from infoflow.studies.information_plane.measure_information import measure_information
from infoflow.studies.information_plane.networks import TrainedNetwork
from infoflow.studies.information_plane.train_snapshots import train_snapshots
from jobs import make_job

DATA = {"options": {"kind": "o3"}, "seed": 0}
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


@pytest.fixture(scope="session")
def plane():
    return PLANE


@pytest.fixture(scope="session")
def tanh():
    return TANH


@pytest.fixture(scope="session")
def deeper():
    return DEEPER


@pytest.fixture(scope="session")
def o3(tmp_path_factory):
    """A prepared data set of every sixteenth pattern."""
    patterns = all_patterns()[::16]
    labels = draw_labels(patterns, {}, 0)
    path = tmp_path_factory.mktemp("data") / "o3.nc"
    images = Images(patterns[:200], patterns[200:], labels[:200], labels[200:])
    write_prepared(path, images, 0, describe_job("prepare_dataset", DATA))
    return path


@pytest.fixture(scope="session")
def patterns(o3):
    return read_prepared(o3, torch.device("cpu"), torch.float32)


@pytest.fixture(scope="session")
def precise_patterns(o3):
    return read_prepared(o3, torch.device("cpu"), torch.float64)


@pytest.fixture(scope="session")
def jobs(o3, tmp_path_factory) -> dict[TrainedNetwork, tuple[Job, Job]]:
    """By network, the jobs that trained it and measured it, after they have run."""
    folder, found = tmp_path_factory.mktemp("results"), {}
    for network in (TANH, DEEPER):
        trained, measured = (folder / f"{part}_{network.name}.nc" for part in ("trained", "measured"))
        common = {"network": network.options(), "run": RUN, "data": DATA}
        measuring = {name: PLANE[name] for name in ("samples", "estimators", "ridge_penalty", "ridge_samples")}
        training = {name: value for name, value in PLANE.items() if name == "samples" or name not in measuring}
        train = make_job({**common, "plane": training}, trained, {"dataset": o3}, rule="train_snapshots")
        measure = make_job(
            {**common, "plane": measuring, "trained": train.parameters},
            measured,
            {"dataset": o3, "trained": trained},
            rule="measure_information",
        )
        train_snapshots(train)
        measure_information(measure)
        found[network] = train, measure
    return found


@pytest.fixture(scope="session")
def results(jobs) -> dict[TrainedNetwork, tuple[Result, Result]]:
    """By network, what these jobs wrote."""
    return {network: tuple(read_result(job.output, job.parameters) for job in both) for network, both in jobs.items()}
