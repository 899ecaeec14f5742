"""Jobs of the Ising studies that compute without sampling: variables of their result files."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.polynomial import Chebyshev

from infoflow import ising
from infoflow.lattice import CRITICAL_COUPLING
from infoflow.store import Variable

logger = logging.getLogger(__name__)

NEAR = (0.30, 0.60)
"""Couplings around the critical one in which strips are examined."""
NODES = 48
"""Solved couplings per strip; what is between them is a Chebyshev series, whose last terms are below 1e-9."""
PROBES = ("conditional_entropy", "mutual_information", "entropy")
PER_SITE = "nats per spin of the undecimated lattice"
EXACT_LIMIT = f"{PER_SITE}; exact, infinite lattice"
MARIS_KADANOFF = "truncation of Maris and Kadanoff, K' = 3/8 ln cosh 4K"


def decimate_chain(couplings: Sequence[float], steps: int, spins: int | None) -> Mapping[str, Variable]:
    """Everything of the one-dimensional model; all exact."""
    k = np.array(couplings)
    grid = ("coupling", "step")
    logger.info("%d couplings, %d decimations", k.size, steps)
    found = {
        "coupling": _axis("coupling", k, "coupling K0 of the undecimated lattice, in units of the temperature"),
        "step": _axis("step", np.arange(steps + 1), "number of decimations"),
        "flow": (grid, ising.flow_1d(k, steps), _about("coupling after so many decimations", "exact")),
        "asymptote": _per_coupling(ising.asymptote_1d(k), "relative entropy after infinitely many decimations"),
        "entropy": _per_coupling(ising.entropy_1d(k), "entropy"),
        "free_energy": _per_coupling(ising.free_energy_1d(k), "logarithm of the partition function"),
        "energy": _per_coupling(ising.energy_1d(k), "correlation of neighbours", "exact, infinite lattice"),
        "reverse_relative_entropy_a": (
            grid,
            ising.reverse_relative_entropy_1d(k, steps),
            _about("relative entropy of the decimated coupling to the initial one, same lattice", EXACT_LIMIT),
        ),
        "conditional_entropy": (
            grid,
            ising.conditional_entropy_1d(k, steps),
            _about("entropy of all decimated spins given the kept ones", EXACT_LIMIT),
        ),
        "mutual_information": (
            grid,
            ising.mutual_information_1d(k, steps),
            _about("mutual information of all decimated spins and the kept ones", EXACT_LIMIT),
        ),
    }
    for definition, meaning in (("A", "coupling flows on the same lattice"), ("B", "decimated spins made uniform")):
        name, title = f"relative_entropy_{definition.lower()}", f"relative entropy, definition {definition}: {meaning}"
        infinite = ising.relative_entropy_1d(k, steps, definition)
        found[name] = (grid, infinite, _about(title, EXACT_LIMIT))
        if spins is not None:
            ring = ising.relative_entropy_1d(k, steps, definition, spins)
            found[f"ring_{name}"] = (grid, ring, _about(title, f"{PER_SITE}; exact, ring of {spins} spins"))
    return found


def decimate_square(
    couplings: Sequence[float], steps: int, enumerated_side: int, strip_widths: Sequence[int]
) -> Mapping[str, Variable]:
    """Everything of the two-dimensional model that is not sampled; exact but for the flow of the couplings."""
    k = np.array(couplings)
    grid = ("coupling", "step")
    slope, thermal, nu = ising.truncated_exponents()
    truncated = f"{PER_SITE}; exact free energies at couplings of a truncated flow; infinite lattice"
    found = {
        "coupling": _axis("coupling", k, "coupling K0 of the undecimated lattice, in units of the temperature"),
        "step": _axis("step", np.arange(steps + 1), "number of decimations; each widens the lattice by sqrt 2"),
        "flow": (grid, ising.flow_2d(k, steps), _about("coupling after so many decimations", MARIS_KADANOFF)),
        "flow_nearest": (
            grid,
            ising.flow_2d(k, steps, "nearest"),
            _about("coupling after so many decimations", "truncation to nearest neighbours, K' = 1/4 ln cosh 4K"),
        ),
        "relative_entropy_a": (
            grid,
            ising.relative_entropy_2d(k, steps),
            _about("relative entropy, definition A: coupling flows on the same lattice", truncated),
        ),
        "reverse_relative_entropy_a": (
            grid,
            ising.relative_entropy_2d(k, steps, "reverse"),
            _about("relative entropy of the decimated coupling to the initial one, same lattice", truncated),
        ),
        "free_energy": _per_coupling(ising.free_energy_2d(k), "logarithm of the partition function"),
        "energy": _per_coupling(ising.energy_2d(k), "sum of the correlations of the two bonds of a site"),
        "entropy": _per_coupling(ising.entropy_2d(k), "entropy"),
        "asymptote": _per_coupling(
            ising.asymptote_2d(k), "relative entropy, definition B, after infinitely many decimations"
        ),
        "relative_entropy": _per_coupling(
            ising.first_relative_entropy_2d(k), "relative entropy, definition B, after the first decimation"
        ),
        "conditional_entropy": _per_coupling(
            ising.conditional_entropy_2d(k), "entropy of the spins of the first decimation given the kept ones"
        ),
        "mutual_information": _per_coupling(
            ising.mutual_information_2d(k), "mutual information of decimated and kept spins of the first decimation"
        ),
        "critical_coupling": _constant(CRITICAL_COUPLING, "critical coupling", "exact, sinh 2K = 1"),
        "truncated_critical_coupling": _constant(
            ising.truncated_critical_coupling(), "critical coupling of the truncated flow", MARIS_KADANOFF
        ),
        "truncated_slope": _constant(slope, "slope of the truncated flow at its critical coupling", MARIS_KADANOFF),
        "truncated_thermal_exponent": _constant(thermal, "thermal exponent y_t of the truncated flow", MARIS_KADANOFF),
        "truncated_nu": _constant(nu, "exponent nu of the correlation length of the truncated flow; exact, 1", ""),
    }
    logger.info("torus of %d x %d, %d couplings", enumerated_side, enumerated_side, k.size)
    return found | _enumerated(k, enumerated_side) | _strips(sorted(strip_widths))


EXACT: Mapping[str, Callable[..., Mapping[str, Variable]]] = {"chain": decimate_chain, "square": decimate_square}
"""Jobs by the section of the config that they take their options from."""


def _enumerated(couplings: np.ndarray, side: int) -> dict[str, Variable]:
    steps = [ising.decimations(k, side) for k in couplings]
    grid, where = ("coupling", "decimation"), f"{PER_SITE}; exact, torus of {side} x {side} spins, all states counted"

    def stacked(name: str, title: str) -> Variable:
        return grid, np.stack([getattr(s, name) for s in steps]), _about(title, where)

    return {
        "decimation": _axis("decimation", np.arange(len(steps[0].kept)), "number of decimations of the small torus"),
        "enumerated_kept": (("decimation",), steps[0].kept, _about("spins of the small torus that are kept", "")),
        "enumerated_relative_entropy": stacked("relative_entropy", "relative entropy, definition B"),
        "enumerated_conditional_entropy": stacked(
            "conditional_entropy", "entropy of all decimated spins given the kept ones"
        ),
        "enumerated_mutual_information": stacked(
            "mutual_information", "mutual information of all decimated spins and the kept ones"
        ),
    }


def _strips(widths: Sequence[int]) -> dict[str, Variable]:
    """Probes of the first decimation on strips, their slopes, and where these are steepest."""
    low, high = NEAR
    nodes = (low + high) / 2 + (high - low) / 2 * np.cos(np.pi * (np.arange(NODES) + 0.5) / NODES)
    near = np.round(np.linspace(low, high, 121), 6)
    values = {name: np.empty((near.size, len(widths))) for name in PROBES}
    slopes = {name: np.empty((near.size, len(widths))) for name in PROBES}
    steepest = {name: np.empty((2, len(widths))) for name in PROBES}
    for column, width in enumerate(widths):
        logger.info("strip of width %d, %d couplings", width, NODES)
        solved = [ising.infinite_strip(k, width) for k in nodes]
        for name in PROBES:
            series = Chebyshev.fit(nodes, [getattr(strip, name) for strip in solved], NODES - 1, domain=NEAR)
            values[name][:, column], slopes[name][:, column] = series(near), series.deriv()(near)
            steepest[name][:, column] = _steepest(series.deriv())
    grid = ("near_coupling", "width")
    where = f"{PER_SITE}; exact, infinitely long strip, transfer matrix; first decimation"
    found = {
        "near_coupling": _axis("near_coupling", near, "coupling around the critical one, in units of the temperature"),
        "width": _axis("width", np.array(widths), "width of the strip, sites; periodic"),
    }
    limits = {
        "conditional_entropy": ising.conditional_entropy_2d,
        "mutual_information": ising.mutual_information_2d,
        "entropy": ising.entropy_2d,
    }
    for name in PROBES:
        title = name.replace("_", " ")
        found[f"strip_{name}"] = (grid, values[name], _about(title, where))
        found[f"strip_{name}_slope"] = (grid, slopes[name], _about(f"derivative of the {title} by K", where))
        found[f"strip_{name}_steepest"] = (
            ("width",),
            steepest[name][0],
            _about(f"steepest fall of the {title}", where),
        )
        found[f"strip_{name}_steepest_coupling"] = (
            ("width",),
            steepest[name][1],
            _about(f"coupling at which the {title} falls most steeply", where),
        )
        about = _about(
            f"derivative of the {title} by K", f"{EXACT_LIMIT}; difference quotient over 2e-6, diverges at K_c"
        )
        found[f"limit_{name}_slope"] = (("near_coupling",), _slope(limits[name], near), about)
        found[f"limit_{name}_amplitude"] = _constant(
            _amplitude(limits[name]),
            f"A of the derivative of the {title} by K, A ln|K - K_c| next to K_c",
            f"{EXACT_LIMIT}; from differences of the exact slopes at distances of 1e-3 and 1e-4",
        )
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


def _axis(name: str, values: np.ndarray, title: str) -> Variable:
    return (name,), values, _about(title, "")


def _per_coupling(values: np.ndarray, title: str, comment: str = EXACT_LIMIT) -> Variable:
    return ("coupling",), values, _about(title, comment)


def _constant(value: float, title: str, comment: str) -> Variable:
    return (), np.float64(value), _about(title, comment)


def _about(title: str, comment: str) -> dict[str, Any]:
    return {"long_name": title, "units": "1"} | ({"comment": comment} if comment else {})
