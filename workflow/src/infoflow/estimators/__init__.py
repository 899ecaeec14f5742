"""Estimators of what a layer T knows of the input X and of the label Y: I(X;T) and I(T;Y) in bits (PHYSICS D3).

An estimator is one module of this package, named like its kind, with

    estimate(states, labels, options, *, seed) -> dict[str, Information]

- `states`: what one layer answers to all N inputs, for K networks or epochs, C-contiguous float32 [K, N, d]. The inputs
  are distinct and equally likely; without noise T is a function of X.
- `labels`: classes [N], integers from 0; a function of X.
- the dict has one entry per output of the kind, see `OUTPUTS`.

Imports nothing but the standard library: the workflow reads the registry when it is parsed.
"""

import importlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infoflow.errors import InfoflowError

if TYPE_CHECKING:
    import numpy as np

OPTIONS = {
    "kernel_density": ("noise_variance",),
    "layer_range_binning": ("bins",),
    "nearest_neighbours": ("neighbours", "noise_variance", "draws"),
    "range_binning": ("bins", "low", "high"),
    "width_binning": ("width",),
}
"""Options that each kind needs, besides `kind`; the kinds are the modules of this package."""

OUTPUTS = {"kernel_density": ("upper", "lower")}
"""Names of the outputs of the kinds that have several; all others have one, without a name."""

ROUNDING = 1e-5
"""Bits by which rounding may take a value beyond its bounds."""

SMALLEST = 1e-30
"""Of widths and variances: what float32 holds, and its inverse."""
LARGEST_DRAWS = 64
"""Draws of an input that the nearest neighbours compute together."""


@dataclass(frozen=True)
class Information:
    """Estimates for K networks or epochs, in bits.

    Attributes:
        input: I(X;T) [K], float64.
        label: I(T;Y) [K], float64.
    """

    input: "np.ndarray"
    label: "np.ndarray"


def kinds() -> list[str]:
    """Names of all kinds of estimators."""
    return sorted(OPTIONS)


def outputs(kind: str) -> tuple[str, ...]:
    """Names of the outputs of a kind, `("",)` where there is one.

    Raises:
        InfoflowError: no such kind.
    """
    if kind not in OPTIONS:
        raise InfoflowError(f"estimators: kind {kind!r} is none of {', '.join(kinds())}")
    return OUTPUTS.get(kind, ("",))


def joined(name: str, output: str) -> str:
    """The name of an output of an estimator in cubes and figures: `name`, or `name_output`."""
    return f"{name}_{output}" if output else name


def check_options(kind: str, options: Mapping[str, Any], where: str = "estimators") -> None:
    """Refuse constants of an estimator that make no sense; `where` names them in the message.

    Raises:
        InfoflowError: no such kind; an option is missing, unknown, or beyond its bounds.
    """
    outputs(kind)
    given = set(options) - {"kind"}
    if given != set(OPTIONS[kind]):
        raise InfoflowError(
            f"{where}: {kind} needs {', '.join(OPTIONS[kind])}, and nothing else; given: "
            f"{', '.join(sorted(given)) or 'none'}"
        )
    for key in OPTIONS[kind]:
        value, whole = options[key], key in ("bins", "neighbours", "draws")
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)) or not math.isfinite(value):
            raise InfoflowError(f"{where}: {key} is {value!r}; it has to be a{' whole' if whole else ''} number")
    if "bins" in options and not 2 <= options["bins"] <= 2**20:
        raise InfoflowError(f"{where}: bins is {options['bins']}; it counts edges, and 2 to {2**20} are possible")
    if "low" in options and not options["low"] < options["high"]:
        raise InfoflowError(f"{where}: low {options['low']} is not below high {options['high']}")
    for key in ("width", "noise_variance", "neighbours"):
        if key in options and not options[key] >= SMALLEST:
            raise InfoflowError(f"{where}: {key} is {options[key]}; it has to be above 0, at least {SMALLEST}")
    if "draws" in options and not options["draws"] > options["neighbours"]:
        raise InfoflowError(
            f"{where}: draws is {options['draws']}; the nearest {options['neighbours']} of the other draws of an input "
            "are looked for, so it has to be above `neighbours`"
        )
    if options.get("draws", 0) > LARGEST_DRAWS:
        raise InfoflowError(f"{where}: draws is {options['draws']}; at most {LARGEST_DRAWS} are possible")


def entropy(labels: "np.ndarray") -> float:
    """H(Y) in bits of the classes of equally likely inputs [N]."""
    import numpy as np

    p = np.unique(labels, return_counts=True)[1] / len(labels)
    return max(0.0, -float(p @ np.log2(p)))


def estimate_all(
    states: "np.ndarray", labels: "np.ndarray", estimators: Mapping[str, Mapping[str, Any]], *, seed: int
) -> dict[str, Information]:
    """All estimators of a config on the states of one layer.

    Args:
        states: [K, N, d], float32.
        labels: [N].
        estimators: by name, with `kind` and the options of the kind.
        seed: of the run.

    Returns:
        By the name of the estimator, `name_upper` and `name_lower` where it has two outputs; within the bounds.

    Raises:
        InfoflowError: the states are not finite; wrong options; a value leaves its bounds.
    """
    found, h = {}, entropy(labels)
    for name, options in estimators.items():
        check_options(options["kind"], options, f"estimators.{name}")
        module = importlib.import_module(f"{__name__}.{options['kind']}")
        results = module.estimate(states, labels, options, seed=seed)
        for output, information in results.items():
            key = joined(name, output)
            found[key] = check_bounds(information, states.shape[1], h, key)
        if "lower" in results:
            gap = results["lower"].input - results["upper"].input
            _check(name, "I(X;T), the lower bound less the upper one,", gap, -math.inf, 0)
    return found


def check_bounds(information: Information, samples: int, label_entropy: float, where: str) -> Information:
    """Values within 0 <= I(T;Y) <= min(H(Y), I(X;T)) and I(X;T) <= log2 N; what rounding did beyond is cut off.

    Raises:
        InfoflowError: a value is not finite, or leaves its bounds by more than `ROUNDING`.
    """
    import numpy as np

    x, y = information.input, information.label
    _check(where, "I(X;T)", x, 0, math.log2(samples))
    _check(where, "I(T;Y)", y, 0, label_entropy)
    _check(where, "I(T;Y) less I(X;T)", y - x, -math.inf, 0)
    x = np.clip(x, 0, math.log2(samples))
    return Information(x, np.clip(y, 0, np.minimum(x, label_entropy)))


def _check(where: str, what: str, values: "np.ndarray", low: float, high: float) -> None:
    import numpy as np

    wrong = np.flatnonzero(~((values >= low - ROUNDING) & (values <= high + ROUNDING)))
    if wrong.size:
        raise InfoflowError(
            f"estimator {where}: {what} is {values[wrong[0]]:.6g} bit in {wrong.size} of {values.size} cases, which is "
            f"not within {low:.6g} to {high:.6g}; please report it"
        )


def output_names(estimators: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The outputs of all estimators of a config, in order: by name (`joined`), the name of the entry.

    Raises:
        InfoflowError: two outputs have one name.
    """
    named = [(joined(entry, output), entry) for entry, o in estimators.items() for output in outputs(o["kind"])]
    for name, entry in named:
        if [other for other, _ in named].count(name) > 1:
            raise InfoflowError(f"estimators.{entry}: another estimator has an output {name}, too; rename one")
    return dict(named)
