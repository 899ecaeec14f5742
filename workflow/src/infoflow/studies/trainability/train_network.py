"""The job of the full training of one grid point, from the prepared data set to the history."""

import numpy as np

from infoflow.architectures.build import build_network
from infoflow.engine.training import train
from infoflow.files.results import describe
from infoflow.jobs.job import Job
from infoflow.studies.bench import set_up
from infoflow.studies.trainability.about import TRAINED


def train_network(job: Job) -> None:
    """Train the networks of one point, and write their history.

    Parameters of the job: `architecture`, `train`, `run`, `data`.
    """
    bench = set_up(job, to_learn=True)
    images, readout = bench.images, job["train"]["readout"]
    network = build_network(job["architecture"], images.shape, images.classes, bench.depth, readout)
    history, seconds = bench.timed(train, network, bench.ensemble, images, job["train"])
    found = {
        "accuracy": (("replica", "epoch"), history.accuracy.astype(np.float32)),
        "loss": (("replica", "epoch"), history.loss.astype(np.float32)),
        "diverged": (("replica",), history.diverged.astype(np.int8)),
    }
    bench.write(describe(found, TRAINED), train_seconds=seconds)
