"""What the figures of maps share: what they say of the networks and of the fits, and ξ_c as a curve."""

import json
from functools import cache

import numpy as np
import xarray as xr

from infoflow.studies.maps.variables import TAILS, THEORY
from infoflow.theory import meanfield
from infoflow.theory.architectures import has_fixed_points

POINTS = 300
"""Of a curve of ξ_c."""


def title(cube: xr.Dataset) -> str:
    """One line that says what was measured."""
    said = [", ".join(dict.fromkeys(map(str, cube[key].values))) for key in ("method", "architecture")]
    layers, replicas = (_range(cube[key].values) for key in ("layers", "replicas"))
    biases = ", ".join(f"{b:g}" for b in cube["sigma_b2"].values)
    counted = (
        f"{number} {what}{'' if number == '1' else 's'}" for number, what in ((layers, "layer"), (replicas, "replica"))
    )
    return f"{', '.join(said)}, {', '.join(counted)}, $\\sigma_b^2$ = {biases}"


def say_fit(one: xr.Dataset, prefix: str) -> str:
    """`9.1 ξ_c (8.9 to 11)` of one experiment, measured or by theory; `no slope` without a column to fit."""
    slope, low, high = (float(one[f"{prefix}collapse_{name}"]) for name in ("slope", "ratio_low", "ratio_high"))
    return f"{slope:.3g} $\\xi_c$ ({low:.3g} to {high:.3g})" if np.isfinite(slope) else "no slope"


def has_theory(one: xr.Dataset) -> bool:
    """Whether an experiment has a theory."""
    return bool(one[f"{THEORY}differential_entropy"].notnull().any())


def say_numbers() -> str:
    """What the numbers of `say_fit` are."""
    return f"slope against $\\xi_c$, ordered side; in brackets {TAILS[0]} to {TAILS[1]} % of its columns"


def say(number: float) -> str:
    """With a minus that is none of a hyphen's length."""
    return f"{number:g}".replace("-", "\N{MINUS SIGN}")


def correlation_length(cube: xr.Dataset, experiment: str, b: float) -> tuple[np.ndarray, np.ndarray]:
    """σ_w² and ξ_c there: on a fine axis where it is a closed form, else on that of the map."""
    architecture, axis = json.loads(cube.attrs["architectures"])[experiment], cube["sigma_w2"].values
    if has_fixed_points(architecture) and len(axis) > 1:
        return _closed_form(architecture["activation"], float(axis[0]), float(axis[-1]), float(b))
    return axis, cube["xi_c"].sel(experiment=experiment, sigma_b2=b).values


@cache
def _closed_form(activation: str, low: float, high: float, b: float) -> tuple[np.ndarray, np.ndarray]:
    """σ_w² and ξ_c; once for all panels, as it takes a while."""
    fine = np.linspace(max(low, 1e-3), high, POINTS)
    return fine, meanfield.depth_scales(fine, b, activation).xi_c


def _range(values: np.ndarray) -> str:
    low, high = int(values.min()), int(values.max())
    return f"{low}" if low == high else f"{low} to {high}"
