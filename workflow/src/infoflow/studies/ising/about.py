"""What the variables of the results and of the cubes of the Ising models are: what is exact, a truncation, an estimate.

Some say with which options they were computed, so that the tables are functions of the parameters of the jobs.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from infoflow.studies.ising.variables import PROBES

_PER_SITE = "nats per spin of the undecimated lattice"
_EXACT_LIMIT = f"{_PER_SITE}; exact, infinite lattice"
_MARIS_KADANOFF = "truncation of Maris and Kadanoff, K' = 3/8 ln cosh 4K"
_TRUNCATED = f"{_PER_SITE}; exact free energies at couplings of a truncated flow; infinite lattice"
_TORUS = "per site, nats; exact, torus of that side"
_DERIVED = "per site, nats; estimate: that of the conditional entropy, and the exact entropy of the torus"

_FLOW = "coupling after so many decimations"
_REVERSE = "relative entropy of the decimated coupling to the initial one, same lattice"
_GIVEN_KEPT = "entropy of all decimated spins given the kept ones"
_SHARED = "mutual information of all decimated spins and the kept ones"
_BONDS = "sum of the correlations of the two bonds of a site"
_SAME_LATTICE = "relative entropy, definition A: coupling flows on the same lattice"
_MADE_UNIFORM = "relative entropy, definition B: decimated spins made uniform"
_FIRST = "of the first decimation"

_ESTIMATES = {
    "energy": _BONDS,
    "magnetisation": "absolute magnetisation per site",
    "conditional_entropy": "entropy of the spins of the first decimation given the kept ones",
    "conditional_entropy_slope": "derivative of the conditional entropy by K",
    "heat": "derivative of the energy by K",
    "information_slope": "derivative of the mutual information of decimated and kept spins by K",
}


def describe_exact(section: str, options: Mapping[str, Any]) -> dict[str, dict]:
    """Variables of a result of `ising_exact`, by the parameters of the job."""
    described = {"chain": _describe_chain, "square": _describe_square}[section](options)
    return {
        "coupling": _about("coupling K0 of the undecimated lattice, in units of the temperature"),
        **described,
    }


def describe_samples(options: Mapping[str, Any]) -> dict[str, dict]:
    """Variables of a result of `ising_monte_carlo`, by the options of the job."""
    where = (
        f"per site; estimate, Monte Carlo ({options['algorithm']}) of a torus, {options['replicas']} chains of "
        f"{options['sweeps']} measurements after {options['equilibration']} sweeps"
    )
    described = {
        "sampled_coupling": _about("coupling that was sampled"),
        "side": _about("side of the sampled torus, sites"),
        "sampled_seconds": {"long_name": "seconds of sampling, all replicas", "units": "s"},
    }
    for name, title in _ESTIMATES.items():
        described[f"sampled_{name}"] = _about(title, where)
        described[f"sampled_{name}_error"] = _about(f"standard error: {title}", where)
        described[f"sampled_{name}_time"] = _about(
            f"integrated autocorrelation time: {title}", "in measurements; 1/2 if they are independent"
        )
    return described


def describe_merged(parameters: Mapping[str, Any]) -> dict[str, dict]:
    """Variables of a cube, by the parameters of the job that merges it."""
    described = describe_exact(parameters["exact"]["section"], parameters["exact"]["options"])
    if "samples" in parameters:
        described |= describe_samples(parameters["samples"]["options"]) | _OF_SAMPLES
    return described | _OF_THE_MERGE


def _describe_chain(options: Mapping[str, Any]) -> dict[str, dict]:
    described = {
        "step": _about("number of decimations"),
        "flow": _about(_FLOW, "exact"),
        "asymptote": _about("relative entropy after infinitely many decimations", _EXACT_LIMIT),
        "entropy": _about("entropy", _EXACT_LIMIT),
        "free_energy": _about("logarithm of the partition function", _EXACT_LIMIT),
        "energy": _about("correlation of neighbours", "exact, infinite lattice"),
        "reverse_relative_entropy_a": _about(_REVERSE, _EXACT_LIMIT),
        "conditional_entropy": _about(_GIVEN_KEPT, _EXACT_LIMIT),
        "mutual_information": _about(_SHARED, _EXACT_LIMIT),
    }
    for name, title in (("relative_entropy_a", _SAME_LATTICE), ("relative_entropy_b", _MADE_UNIFORM)):
        described[name] = _about(title, _EXACT_LIMIT)
        if options["spins"] is not None:
            described[f"ring_{name}"] = _about(title, f"{_PER_SITE}; exact, ring of {options['spins']} spins")
    return described


def _describe_square(options: Mapping[str, Any]) -> dict[str, dict]:
    return {
        "step": _about("number of decimations; each widens the lattice by sqrt 2"),
        "flow": _about(_FLOW, _MARIS_KADANOFF),
        "flow_nearest": _about(_FLOW, "truncation to nearest neighbours, K' = 1/4 ln cosh 4K"),
        "relative_entropy_a": _about(_SAME_LATTICE, _TRUNCATED),
        "reverse_relative_entropy_a": _about(_REVERSE, _TRUNCATED),
        "free_energy": _about("logarithm of the partition function", _EXACT_LIMIT),
        "energy": _about(_BONDS, _EXACT_LIMIT),
        "entropy": _about("entropy", _EXACT_LIMIT),
        "asymptote": _about("relative entropy, definition B, after infinitely many decimations", _EXACT_LIMIT),
        "relative_entropy": _about("relative entropy, definition B, after the first decimation", _EXACT_LIMIT),
        "conditional_entropy": _about("entropy of the spins of the first decimation given the kept ones", _EXACT_LIMIT),
        "mutual_information": _about(
            "mutual information of decimated and kept spins of the first decimation", _EXACT_LIMIT
        ),
        "critical_coupling": _about("critical coupling", "exact, sinh 2K = 1"),
        "truncated_critical_coupling": _about("critical coupling of the truncated flow", _MARIS_KADANOFF),
        "truncated_slope": _about("slope of the truncated flow at its critical coupling", _MARIS_KADANOFF),
        "truncated_thermal_exponent": _about("thermal exponent y_t of the truncated flow", _MARIS_KADANOFF),
        "truncated_nu": _about("exponent nu of the correlation length of the truncated flow; exact, 1"),
        **_describe_enumerated(options["enumerated_side"]),
        **_describe_strips(),
    }


def _describe_enumerated(side: int) -> dict[str, dict]:
    where = f"{_PER_SITE}; exact, torus of {side} x {side} spins, all states counted"
    return {
        "decimation": _about("number of decimations of the small torus"),
        "enumerated_kept": _about("spins of the small torus that are kept"),
        "enumerated_relative_entropy": _about("relative entropy, definition B", where),
        "enumerated_conditional_entropy": _about(_GIVEN_KEPT, where),
        "enumerated_mutual_information": _about(_SHARED, where),
    }


def _describe_strips() -> dict[str, dict]:
    where = f"{_PER_SITE}; exact, infinitely long strip, transfer matrix; first decimation"
    described = {
        "near_coupling": _about("coupling around the critical one, in units of the temperature"),
        "width": _about("width of the strip, sites; periodic"),
    }
    for name in PROBES:
        title = name.replace("_", " ")
        described |= {
            f"strip_{name}": _about(title, where),
            f"strip_{name}_slope": _about(f"derivative of the {title} by K", where),
            f"strip_{name}_steepest": _about(f"steepest fall of the {title}", where),
            f"strip_{name}_steepest_coupling": _about(f"coupling at which the {title} falls most steeply", where),
            f"limit_{name}_slope": _about(
                f"derivative of the {title} by K", f"{_EXACT_LIMIT}; difference quotient over 2e-6, diverges at K_c"
            ),
            f"limit_{name}_amplitude": _about(
                f"A of the derivative of the {title} by K, A ln|K - K_c| next to K_c",
                f"{_EXACT_LIMIT}; from differences of the exact slopes at distances of 1e-3 and 1e-4",
            ),
        }
    return described


def _about(title: str, comment: str = "") -> dict[str, Any]:
    return {"long_name": title, "units": "1"} | ({"comment": comment} if comment else {})


_OF_SAMPLES: dict[str, dict] = {
    "torus_entropy": _about("entropy", _TORUS),
    "torus_energy": _about(_BONDS, _TORUS),
    **{
        f"sampled_{name}{end}": _about(f"{kind}{title} {_FIRST}", _DERIVED)
        for name, title in (
            ("relative_entropy", "relative entropy, definition B,"),
            ("mutual_information", "mutual information of decimated and kept spins"),
        )
        for end, kind in (("", ""), ("_error", "standard error: "))
    },
}
"""What the merge adds to samples."""
_OF_THE_MERGE: dict[str, dict] = {
    "highlighted": {
        "long_name": "whether the coupling is drawn as a curve",
        "units": "1",
        "flag_values": np.array([0, 1], np.int8),
        "flag_meanings": "no yes",
    },
}
