"""The job that samples square lattices at one coupling: variables of its result file."""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import fields

import numpy as np

from infoflow.grid import encode_coupling
from infoflow.ising_monte_carlo import FirstStep, first_step
from infoflow.store import Variable

logger = logging.getLogger(__name__)

TITLES = {
    "energy": "sum of the correlations of the two bonds of a site",
    "magnetisation": "absolute magnetisation per site",
    "conditional_entropy": "entropy of the spins of the first decimation given the kept ones",
    "conditional_entropy_slope": "derivative of the conditional entropy by K",
    "heat": "derivative of the energy by K",
    "information_slope": "derivative of the mutual information of decimated and kept spins by K",
}


def sample_lattices(
    coupling: float,
    sides: Sequence[int],
    algorithm: str,
    sweeps: int,
    equilibration: int,
    replicas: int,
    seed: int,
) -> Mapping[str, Variable]:
    """Estimates of all lattices of one coupling; each has random numbers of its own, whatever the others are."""
    sides = sorted(sides)
    found = {f.name: np.empty((3, len(sides))) for f in fields(FirstStep)}
    seconds = np.empty(len(sides))
    micro = round(coupling * 1e6)
    for column, side in enumerate(sides):
        started = time.perf_counter()
        generator = np.random.default_rng([seed, micro, side])
        estimates = first_step(
            coupling,
            side,
            sweeps,
            generator,
            replicas=replicas,
            equilibration=equilibration,
            algorithm=algorithm,
        )
        seconds[column] = time.perf_counter() - started
        for name, values in found.items():
            one = getattr(estimates, name)
            values[:, column] = one.mean, one.error, one.time
        rate = side**2 * (sweeps + equilibration) * replicas / seconds[column]
        logger.info("%s side %d: %.1f s, %.3g spin updates/s", encode_coupling(coupling), side, seconds[column], rate)
    where = (
        f"per site; estimate, Monte Carlo ({algorithm}) of a torus, {replicas} chains of {sweeps} measurements after "
        f"{equilibration} sweeps"
    )
    variables: dict[str, Variable] = {
        "sampled_coupling": ((), np.float64(coupling), {"long_name": "coupling that was sampled", "units": "1"}),
        "side": (("side",), np.array(sides), {"long_name": "side of the sampled torus, sites", "units": "1"}),
        "sampled_seconds": (("side",), seconds, {"long_name": "seconds of sampling, all replicas", "units": "s"}),
    }
    for name, (mean, error, correlation) in found.items():
        variables[f"sampled_{name}"] = (("side",), mean, _about(TITLES[name], where))
        variables[f"sampled_{name}_error"] = (("side",), error, _about(f"standard error: {TITLES[name]}", where))
        variables[f"sampled_{name}_time"] = (
            ("side",),
            correlation,
            _about(f"integrated autocorrelation time: {TITLES[name]}", "in measurements; 1/2 if they are independent"),
        )
    return variables


def _about(title: str, comment: str) -> dict[str, str]:
    return {"long_name": title, "units": "1", "comment": comment}
