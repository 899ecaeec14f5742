"""The job that measures what every layer of one network knows at its snapshots."""

import numpy as np
import torch

from infoflow.files.results import describe, read_result
from infoflow.jobs.job import Job
from infoflow.studies.bench import set_up
from infoflow.studies.information_plane.about import MEASURED
from infoflow.studies.information_plane.measures import estimate_information, measure_reconstruction
from infoflow.studies.information_plane.samples import narrow, take_samples
from infoflow.studies.information_plane.variables import RECONSTRUCTED


def measure_information(job: Job) -> None:
    """Measure what every layer knows at every snapshot of one network, and write it.

    Parameters of the job: `network` (`networks.TrainedNetwork`), `plane`: samples, estimators, ridge_penalty and
    ridge_samples; `trained`, those of the job that trained; `run`, `data`.
    """
    bench = set_up(job)
    plane, seed, activation = job["plane"], job["run"]["seed"], job["network"]["activation"]
    inputs, labels = take_samples(bench.images, plane["samples"], seed, job.inputs["dataset"])
    result = read_result(job.inputs["trained"], job["trained"])
    widths = [int(width) for width in result.attributes["widths"]]
    replicas, epochs = result["parameters"].shape[:2]
    parameters = torch.from_numpy(result["parameters"]).to(bench.device, inputs.dtype).flatten(0, 1)
    classes = labels.cpu().numpy()

    information, seconds = bench.timed(
        estimate_information, inputs, classes, parameters, widths, activation, plane["estimators"], seed
    )
    options = {name: plane[name] for name in ("ridge_penalty", "ridge_samples")}
    reconstruction, more = bench.timed(measure_reconstruction, inputs, parameters, widths, activation, options, seed)
    shape = (replicas, epochs, -1)
    per_estimator = ("estimator", "replica", "epoch", "layer")
    measured = {
        "input_information": (per_estimator, information.input.reshape(len(information.input), *shape)),
        "label_information": (per_estimator, information.label.reshape(len(information.label), *shape)),
        **{name: (("replica", "epoch", "hidden_layer"), reconstruction[name].reshape(shape)) for name in RECONSTRUCTED},
        "label_counts": (("class",), np.bincount(classes).astype(np.int32)),
    }
    bench.write(
        describe(narrow(measured), MEASURED),
        information_seconds=seconds,
        reconstruction_seconds=more,
        samples=len(inputs),
    )
