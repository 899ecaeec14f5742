"""The job that samples square lattices at one coupling."""

import logging
import time
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from infoflow.files.names import encode_coupling
from infoflow.files.results import Variable, describe, write_result
from infoflow.jobs.job import Job
from infoflow.studies.ising.about import describe_samples
from infoflow.studies.ising.monte_carlo import FirstStep, first_step

logger = logging.getLogger(__name__)


def ising_monte_carlo(job: Job) -> None:
    """Sample the lattices of one coupling, and write the estimates. Parameters of the job: `options`, `seed`."""
    coupling = float(job.wildcards["coupling"].removeprefix("k"))
    write_result(job.output, sample_lattices(coupling, job["options"], job["seed"]), job.about())


def sample_lattices(coupling: float, options: Mapping[str, Any], seed: int) -> dict[str, Variable]:
    """Estimates of all lattices of one coupling; each has random numbers of its own, whatever the others are.

    Args:
        options: sides, algorithm, sweeps, equilibration and replicas, see `monte_carlo.first_step`.
    """
    sides, sweeps = sorted(options["sides"]), options["sweeps"] + options["equilibration"]
    found = {f.name: np.empty((3, len(sides))) for f in fields(FirstStep)}
    seconds = np.empty(len(sides))
    micro = round(coupling * 1e6)
    for column, side in enumerate(sides):
        started = time.perf_counter()
        estimates = first_step(
            coupling,
            side,
            options["sweeps"],
            np.random.default_rng([seed, micro, side]),
            replicas=options["replicas"],
            equilibration=options["equilibration"],
            algorithm=options["algorithm"],
        )
        seconds[column] = time.perf_counter() - started
        for name, values in found.items():
            one = getattr(estimates, name)
            values[:, column] = one.mean, one.error, one.time
        rate = side**2 * sweeps * options["replicas"] / seconds[column]
        logger.info("%s side %d: %.1f s, %.3g spin updates/s", encode_coupling(coupling), side, seconds[column], rate)
    measured: dict[str, tuple[tuple[str, ...], Any]] = {
        "sampled_coupling": ((), coupling),
        "side": (("side",), sides),
        "sampled_seconds": (("side",), seconds),
    }
    for name, (mean, error, correlation) in found.items():
        measured |= {
            f"sampled_{name}": (("side",), mean),
            f"sampled_{name}_error": (("side",), error),
            f"sampled_{name}_time": (("side",), correlation),
        }
    return describe(measured, describe_samples(options))
