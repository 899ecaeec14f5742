"""How every job with networks begins and ends: device, data, networks; clock, result."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from infoflow.datasets.prepared import read_prepared
from infoflow.datasets.samples import Samples
from infoflow.engine.device import DTYPES, choose_device, describe_device, finish_work
from infoflow.engine.images import PreparedImages
from infoflow.engine.initialization import Ensemble
from infoflow.files.names import decode
from infoflow.files.results import Variable, write_result
from infoflow.jobs.job import Job


@dataclass(frozen=True)
class Bench:
    """What a job works with.

    Attributes:
        device: that computes.
        images: the data set of the job.
    """

    job: Job
    device: torch.device
    images: PreparedImages | Samples

    @property
    def ensemble(self) -> Ensemble:
        """The networks of the job's grid point."""
        sigma_w2, sigma_b2, _ = decode(self.job.wildcards["point"])
        run = self.job["run"]
        return Ensemble(sigma_w2, sigma_b2, run["seed"], range(run["replicas"]), run["draws"])

    @property
    def depth(self) -> int:
        """Of the job's grid point."""
        return decode(self.job.wildcards["point"])[2]

    def timed(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> tuple[Any, float]:
        """What a function gives, and the seconds that the device needs for it."""
        started = time.monotonic()
        found = function(*arguments, **options)
        finish_work(self.device)
        return found, time.monotonic() - started

    def write(self, variables: Mapping[str, Variable], **attributes: Any) -> None:
        """Write the result of the job, with what it records of the machine and of itself."""
        machine = describe_device(self.device, self.job["run"]["precision"], self.job.threads)
        write_result(self.job.output, variables, {**attributes, **machine, **self.job.about()})


def set_up(job: Job, to_learn: bool = False) -> Bench:
    """Choose the device, and read the data set, which has to be made with parameter `data`.

    Args:
        to_learn: whether the classes are to be learned.

    Raises:
        InfoflowError: the data set is missing, damaged or out of date, or all training images are of one class.
    """
    device = choose_device(job.threads)
    return Bench(
        job,
        device,
        read_prepared(job.inputs["dataset"], device, DTYPES[job["run"]["precision"]], job["data"], to_learn),
    )
