"""The job that trains all replicas of one network, and keeps them as they were at the snapshots."""

import numpy as np

from infoflow.files.results import describe
from infoflow.jobs.job import Job
from infoflow.studies.bench import set_up
from infoflow.studies.information_plane.about import SNAPSHOTS
from infoflow.studies.information_plane.samples import narrow, take_samples
from infoflow.studies.information_plane.training import snapshot_epochs, train_networks

_PER_LAYER = ("replica", "epoch", "layer")


def train_snapshots(job: Job) -> None:
    """Train all replicas of one network, and write them as they were at the snapshots.

    Parameters of the job: `network` (`networks.TrainedNetwork`), `plane`: samples, epochs, snapshots, batch_size,
    shuffled and replicas; `run`, `data`.
    """
    bench = set_up(job)
    plane, network, seed = job["plane"], job["network"], job["run"]["seed"]
    inputs, labels = take_samples(bench.images, plane["samples"], seed, job.inputs["dataset"])
    classes = int(labels.max()) + 1
    at = snapshot_epochs(plane["epochs"], plane["snapshots"])
    found, seconds = bench.timed(train_networks, inputs, labels, classes, network, plane, at=at, seed=seed)
    broken = ~np.isfinite(found.parameters).all((1, 2))
    measured = {
        "epoch": (("epoch",), np.array(at, np.int32)),
        "parameters": (("replica", "epoch", "parameter"), found.parameters),
        "accuracy": (("replica", "epoch", "part"), found.accuracy),
        "loss": (("replica", "epoch", "part"), found.loss),
        "gradient_mean": (_PER_LAYER, found.gradient_mean),
        "gradient_spread": (_PER_LAYER, found.gradient_spread),
        "weight_norm": (_PER_LAYER, found.weight_norm),
        "diverged": (("replica",), broken.astype(np.int8)),
    }
    widths = np.array([inputs.shape[1], *network["hidden"], classes], np.int32)
    bench.write(describe(narrow(measured), SNAPSHOTS), train_seconds=seconds, widths=widths)
