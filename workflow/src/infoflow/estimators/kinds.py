"""Kinds of estimators of information (`estimate`): their options and outputs, and which values make sense.

Standard library only: every parse of the workflow imports this, and no job does.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infoflow.errors import InfoflowError
from infoflow.files.names import joined


@dataclass(frozen=True)
class Kind:
    """What is known of a kind.

    Attributes:
        options: all that it needs, with values that are usual for layers of tanh units. There are no defaults: what is
            compressed, and whether anything is, depends on them.
        outputs: names of its outputs; `("",)`, a single one without a name.
    """

    options: Mapping[str, float]
    outputs: tuple[str, ...] = ("",)


ESTIMATORS: dict[str, Kind] = {
    "kernel_density": Kind({"noise_variance": 1e-3}, outputs=("upper", "lower")),
    "layer_range_binning": Kind({"bins": 30}),
    "nearest_neighbours": Kind({"neighbours": 1, "noise_variance": 1e-3, "draws": 4}),
    "range_binning": Kind({"bins": 30, "low": -1.0, "high": 1.0}),
    "width_binning": Kind({"width": 0.07}),
}
"""By name, which is that of the module of this package."""

SMALLEST = 1e-30
"""Of widths and variances: what float32 holds, and its inverse."""

LARGEST_DRAWS = 64
"""Draws of an input that the nearest neighbours compute together."""


def kinds() -> list[str]:
    """Names of all kinds of estimators."""
    return sorted(ESTIMATORS)


def outputs(kind: str) -> tuple[str, ...]:
    """Names of the outputs of a kind, `("",)` where there is one.

    Raises:
        InfoflowError: no such kind.
    """
    if kind not in ESTIMATORS:
        raise InfoflowError(f"estimators: kind {kind!r} is none of {', '.join(kinds())}")
    return ESTIMATORS[kind].outputs


def check_options(kind: str, options: Mapping[str, Any], where: str = "estimators") -> None:
    """Refuse constants of an estimator that make no sense; `where` names them in the message.

    Raises:
        InfoflowError: no such kind; an option is missing, unknown, or beyond its bounds.
    """
    outputs(kind)
    given, needed = set(options) - {"kind"}, ESTIMATORS[kind].options
    if given != set(needed):
        raise InfoflowError(
            f"{where}: {kind} needs {', '.join(needed)}, and nothing else; given: {', '.join(sorted(given)) or 'none'}"
        )
    for key in needed:
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
