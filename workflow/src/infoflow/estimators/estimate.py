"""Estimators of what a layer T knows of the input X and of the label Y: I(X;T) and I(T;Y) in bits (physics.md D3).

An estimator is one module of this package, named like its kind, with

    estimate(states, labels, options, *, seed) -> dict[str, Information]

- `states`: what one layer answers to all N inputs, for K networks or epochs, C-contiguous float32 [K, N, d]. The inputs
  are distinct and equally likely; without noise T is a function of X.
- `labels`: classes [N], integers from 0; a function of X.
- the dict has one entry per output of the kind, named in `OUTPUTS` of the module; without it there is one, "".
"""

import importlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from infoflow.errors import InfoflowError
from infoflow.files.names import joined

ROUNDING = 1e-5
"""Bits by which rounding may take a value beyond its bounds."""


@dataclass(frozen=True)
class Information:
    """Estimates for K networks or epochs, in bits.

    Attributes:
        input: I(X;T) [K], float64.
        label: I(T;Y) [K], float64.
    """

    input: np.ndarray
    label: np.ndarray


def entropy(labels: np.ndarray) -> float:
    """H(Y) in bits of the classes of equally likely inputs [N]."""
    p = np.unique(labels, return_counts=True)[1] / len(labels)
    return max(0.0, -float(p @ np.log2(p)))


def estimate_all(
    states: np.ndarray, labels: np.ndarray, estimators: Mapping[str, Mapping[str, Any]], *, seed: int
) -> dict[str, Information]:
    """All estimators of a config on the states of one layer.

    Args:
        states: [K, N, d], float32.
        labels: [N].
        estimators: by name, with `kind` and the options of the kind, that `kinds.check_options` accepts.
        seed: of the run.

    Returns:
        By the name of the estimator, `name_upper` and `name_lower` where it has two outputs; within the bounds.

    Raises:
        InfoflowError: the states are not finite, or not as they should be; a value leaves its bounds.
    """
    found, h = {}, entropy(labels)
    for name, options in estimators.items():
        results = _module(options).estimate(states, labels, options, seed=seed)
        for output, information in results.items():
            key = joined(name, output)
            found[key] = check_bounds(information, states.shape[1], h, key)
        if "lower" in results:
            gap = results["lower"].input - results["upper"].input
            _check(name, "I(X;T), the lower bound less the upper one,", gap, -math.inf, 0)
    return found


def output_names(estimators: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Names of all values of some entries of a config, in order."""
    return [joined(name, output) for name, options in estimators.items() for output in _outputs(_module(options))]


def _module(options: Mapping[str, Any]) -> ModuleType:
    return importlib.import_module(f"infoflow.estimators.{options['kind']}")


def _outputs(module: ModuleType) -> tuple[str, ...]:
    return getattr(module, "OUTPUTS", ("",))


def check_bounds(information: Information, samples: int, label_entropy: float, where: str) -> Information:
    """Values within 0 <= I(T;Y) <= min(H(Y), I(X;T)) and I(X;T) <= log2 N; what rounding did beyond is cut off.

    Raises:
        InfoflowError: a value is not finite, or leaves its bounds by more than `ROUNDING`.
    """
    x, y = information.input, information.label
    _check(where, "I(X;T)", x, 0, math.log2(samples))
    _check(where, "I(T;Y)", y, 0, label_entropy)
    _check(where, "I(T;Y) less I(X;T)", y - x, -math.inf, 0)
    x = np.clip(x, 0, math.log2(samples))
    return Information(x, np.clip(y, 0, np.minimum(x, label_entropy)))


def _check(where: str, what: str, values: np.ndarray, low: float, high: float) -> None:
    wrong = np.flatnonzero(~((values >= low - ROUNDING) & (values <= high + ROUNDING)))
    if wrong.size:
        raise InfoflowError(
            f"estimator {where}: {what} is {values[wrong[0]]:.6g} bit in {wrong.size} of {values.size} cases, which is "
            f"not within {low:.6g} to {high:.6g}; please report it"
        )
