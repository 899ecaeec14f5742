"""The job of the Ising studies that computes without sampling."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.polynomial import Chebyshev

from infoflow.files.results import Variable, describe, write_result
from infoflow.jobs.job import Job
from infoflow.studies.ising import chain, enumeration, square, strips
from infoflow.studies.ising.about import describe_exact
from infoflow.studies.ising.lattice import CRITICAL_COUPLING
from infoflow.studies.ising.variables import PROBES

logger = logging.getLogger(__name__)

NEAR = (0.30, 0.60)
"""Couplings around the critical one in which strips are examined."""
NODES = 48
"""Solved couplings per strip; what is between them is a Chebyshev series, whose last terms are below 1e-9."""

Measured = dict[str, tuple[tuple[str, ...], Any]]
"""Dimensions and values by name."""

_GRID = ("coupling", "step")


def ising_exact(job: Job) -> None:
    """Decimate a lattice exactly, and write what comes of it. Parameters of the job: `section`, `options`."""
    write_result(job.output, decimate_lattice(job["section"], job["options"]), job.about())


def decimate_lattice(section: str, options: Mapping[str, Any]) -> dict[str, Variable]:
    """Variables of the result.

    Args:
        section: of the config that the options are from: chain, square.
        options: couplings, steps and, of the chain, spins (None: no ring), of the square lattice, enumerated_side and
            strip_widths.
    """
    measured = {"chain": decimate_chain, "square": decimate_square}[section](**options)
    return describe(measured, describe_exact(section, options))


def decimate_chain(couplings: Sequence[float], steps: int, spins: int | None) -> Measured:
    """Everything of the one-dimensional model; all exact."""
    k = np.array(couplings)
    logger.info("%d couplings, %d decimations", k.size, steps)
    found: Measured = {
        "coupling": (("coupling",), k),
        "step": (("step",), np.arange(steps + 1)),
        "flow": (_GRID, chain.flow_1d(k, steps)),
        "asymptote": (("coupling",), chain.asymptote_1d(k)),
        "entropy": (("coupling",), chain.entropy_1d(k)),
        "free_energy": (("coupling",), chain.free_energy_1d(k)),
        "energy": (("coupling",), chain.energy_1d(k)),
        "reverse_relative_entropy_a": (_GRID, chain.reverse_relative_entropy_1d(k, steps)),
        "conditional_entropy": (_GRID, chain.conditional_entropy_1d(k, steps)),
        "mutual_information": (_GRID, chain.mutual_information_1d(k, steps)),
    }
    for definition in ("A", "B"):
        name = f"relative_entropy_{definition.lower()}"
        found[name] = (_GRID, chain.relative_entropy_1d(k, steps, definition))
        if spins is not None:
            found[f"ring_{name}"] = (_GRID, chain.relative_entropy_1d(k, steps, definition, spins))
    return found


def decimate_square(
    couplings: Sequence[float], steps: int, enumerated_side: int, strip_widths: Sequence[int]
) -> Measured:
    """Everything of the two-dimensional model that is not sampled; exact but for the flow of the couplings."""
    k = np.array(couplings)
    slope, thermal, nu = square.truncated_exponents()
    found: Measured = {
        "coupling": (("coupling",), k),
        "step": (("step",), np.arange(steps + 1)),
        "flow": (_GRID, square.flow_2d(k, steps)),
        "flow_nearest": (_GRID, square.flow_2d(k, steps, "nearest")),
        "relative_entropy_a": (_GRID, square.relative_entropy_2d(k, steps)),
        "reverse_relative_entropy_a": (_GRID, square.relative_entropy_2d(k, steps, "reverse")),
        "free_energy": (("coupling",), square.free_energy_2d(k)),
        "energy": (("coupling",), square.energy_2d(k)),
        "entropy": (("coupling",), square.entropy_2d(k)),
        "asymptote": (("coupling",), square.asymptote_2d(k)),
        "relative_entropy": (("coupling",), square.first_relative_entropy_2d(k)),
        "conditional_entropy": (("coupling",), square.conditional_entropy_2d(k)),
        "mutual_information": (("coupling",), square.mutual_information_2d(k)),
        "critical_coupling": ((), CRITICAL_COUPLING),
        "truncated_critical_coupling": ((), square.truncated_critical_coupling()),
        "truncated_slope": ((), slope),
        "truncated_thermal_exponent": ((), thermal),
        "truncated_nu": ((), nu),
    }
    logger.info("torus of %d x %d, %d couplings", enumerated_side, enumerated_side, k.size)
    return found | _enumerate(k, enumerated_side) | _solve_strips(sorted(strip_widths))


def _enumerate(couplings: np.ndarray, side: int) -> Measured:
    """Decimations of a torus whose states are counted."""
    steps = [enumeration.decimations(k, side) for k in couplings]
    names = ("relative_entropy", "conditional_entropy", "mutual_information")
    return {
        "decimation": (("decimation",), np.arange(len(steps[0].kept))),
        "enumerated_kept": (("decimation",), steps[0].kept),
        **{
            f"enumerated_{name}": (("coupling", "decimation"), np.stack([getattr(s, name) for s in steps]))
            for name in names
        },
    }


def _solve_strips(widths: Sequence[int]) -> Measured:
    """Probes of the first decimation on strips, their slopes, and where these are steepest."""
    low, high = NEAR
    nodes = (low + high) / 2 + (high - low) / 2 * np.cos(np.pi * (np.arange(NODES) + 0.5) / NODES)
    near = np.round(np.linspace(low, high, 121), 6)
    values = {name: np.empty((near.size, len(widths))) for name in PROBES}
    slopes = {name: np.empty((near.size, len(widths))) for name in PROBES}
    steepest = {name: np.empty((2, len(widths))) for name in PROBES}
    for column, width in enumerate(widths):
        logger.info("strip of width %d, %d couplings", width, NODES)
        solved = [strips.infinite_strip(k, width) for k in nodes]
        for name in PROBES:
            series = Chebyshev.fit(nodes, [getattr(strip, name) for strip in solved], NODES - 1, domain=NEAR)
            values[name][:, column], slopes[name][:, column] = series(near), series.deriv()(near)
            steepest[name][:, column] = _steepest(series.deriv())
    found: Measured = {"near_coupling": (("near_coupling",), near), "width": (("width",), np.array(widths))}
    limits = {
        "conditional_entropy": square.conditional_entropy_2d,
        "mutual_information": square.mutual_information_2d,
        "entropy": square.entropy_2d,
    }
    for name in PROBES:
        found |= {
            f"strip_{name}": (("near_coupling", "width"), values[name]),
            f"strip_{name}_slope": (("near_coupling", "width"), slopes[name]),
            f"strip_{name}_steepest": (("width",), steepest[name][0]),
            f"strip_{name}_steepest_coupling": (("width",), steepest[name][1]),
            f"limit_{name}_slope": (("near_coupling",), _slope(limits[name], near)),
            f"limit_{name}_amplitude": ((), _amplitude(limits[name])),
        }
    return found


def _slope(function: Callable[[np.ndarray], np.ndarray], coupling: np.ndarray) -> np.ndarray:
    step = 1e-6
    return (function(coupling + step) - function(coupling - step)) / (2 * step)


def _amplitude(function: Callable[[np.ndarray], np.ndarray]) -> float:
    """Of the logarithm that the derivative has at K_c, averaged over both sides."""
    distances = np.array([1e-3, 1e-4])
    mean = sum(_slope(function, CRITICAL_COUPLING + side * distances) for side in (-1, 1)) / 2
    return float((mean[0] - mean[1]) / np.log(distances[0] / distances[1]))


def _steepest(slope: Chebyshev) -> tuple[float, float]:
    """The most negative slope, and where it is."""
    low, high = slope.domain
    points = np.linspace(low, high, 4001)
    k = points[np.argmin(slope(points))]
    bend, change = slope.deriv(), slope.deriv(2)
    for _ in range(3):  # Newton's method, from a point that is close
        k = float(np.clip(k - bend(k) / change(k), low, high))
    return float(-slope(k)), k
