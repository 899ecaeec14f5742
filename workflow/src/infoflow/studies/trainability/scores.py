"""Scores of trainability that a cube has of every network: those of its probes, and those that take nothing to know.

Larger ones mean more likely trainable. Those of the main method of probing are named like the measure, those of a
further one have the method in front; coordinates `score_method` and `score_measure` of a cube tell them apart. Scores
of the literature are those of `predictors`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from infoflow.files.conventions import OK
from infoflow.files.names import joined
from infoflow.reconstruction.cases import NOT_SATURATED

MEAN_FIELD = "mean_field"
NEGATIVE_DEPTH = "negative_depth"
FREE = (NEGATIVE_DEPTH, MEAN_FIELD)
"""The baseline that counts layers, and the one that counts correlation lengths: `infoflow.predictors`."""
NO_METHOD = ""
MAIN_SCORE = "differential_entropy"
"""What the figures show of the main method of probing."""
PUBLISHED_MEASURE = "relative_entropy_ratio"
"""Curve whose saturation is published."""


@dataclass(frozen=True)
class Measure:
    """A score of a network's last hidden layer.

    Attributes:
        title: for tables.
        label: for figures.
        formula: as text.
        threshold: of a fixed rule: from which score on a network is predicted trainable; None: chosen on the other
            columns of the grid.
        of: the score from a cube and the beginning of the names of the method's variables.
    """

    title: str
    label: str
    formula: str
    threshold: float | None
    of: Callable[[xr.Dataset, str], xr.DataArray]


def at_depth(cube: xr.Dataset, variable: str) -> xr.DataArray:
    """A per-layer variable of the probe in the last hidden layer of every depth of the ground truth."""
    values = cube[variable]
    if "depth" not in values.dims:
        return values.sel(layer=cube["layers"]).drop_vars("layer")
    pairs = zip(cube["depth"].values, cube["layers"].values)
    return xr.concat([values.sel(depth=d, layer=l, drop=True) for d, l in pairs], dim=cube["depth"])


def _negative_relative_entropy(cube: xr.Dataset, prefix: str) -> xr.DataArray:
    return -at_depth(cube, f"{prefix}relative_entropy").sel(quantile=0.5, drop=True)


def _saturation_depth(cube: xr.Dataset, prefix: str) -> xr.DataArray:
    depth, case = (
        cube[f"{prefix}saturation_{name}"].sel(measure=PUBLISHED_MEASURE, drop=True) for name in ("depth", "case")
    )
    # what has not saturated within the probe does so beyond every depth that is judged and did not diverge
    ok = at_depth(cube, f"{prefix}probe_status") == OK
    return (depth.where(case != NOT_SATURATED, np.inf) / cube["layers"]).where(ok)


MEASURES: dict[str, Measure] = {
    "differential_entropy": Measure(
        "differential entropy",
        "differential entropy $H$",
        "H(reconstructions)",
        None,
        lambda cube, prefix: at_depth(cube, f"{prefix}differential_entropy"),
    ),
    "explained_variance": Measure(
        "R2",
        "explained variance $R^2$",
        "1 - <|input - reconstruction|^2>/<|input - mean|^2>",
        0.0,
        lambda cube, prefix: at_depth(cube, f"{prefix}explained_variance"),
    ),
    "negative_relative_entropy": Measure(
        "relative entropy",
        "relative entropy $-D$",
        "-D(input || reconstruction), median over images",
        None,
        _negative_relative_entropy,
    ),
    "saturation_depth": Measure(
        "saturation depth",
        "saturation depth of $D$/depth",
        "layer from which -D no longer changes, over the number of layers",
        1.0,
        _saturation_depth,
    ),
}
"""Scores of a probe."""

_FIXED = {name: m.threshold for name, m in MEASURES.items() if m.threshold is not None} | {MEAN_FIELD: 1.0}


def names_of_scores(methods: Sequence[str], predictors: Sequence[str]) -> list[tuple[str, str, str]]:
    """Name, method and measure of the scores of a cube: of its methods of probing, the main one first, and others."""
    main, *beside = methods
    of_probes = [(name, main, name) for name in MEASURES]
    of_probes += [(joined(method, name), method, name) for method in beside for name in MEASURES]
    return [*of_probes, *((name, NO_METHOD, name) for name in (*FREE, *predictors))]


def score_of(cube: xr.Dataset, name: str, measure: str) -> xr.DataArray:
    """A score of every network."""
    if measure in MEASURES:
        return MEASURES[measure].of(cube, name.removesuffix(measure))
    if measure in FREE:
        free = 6 * cube["xi_c"] / cube["depth"] if measure == MEAN_FIELD else -cube["depth"]
        return free.broadcast_like(cube["trainable"])
    return cube["predictor_score"].sel(predictor=measure, drop=True)


def fixed_threshold(measure: str) -> float:
    """That of the fixed rule of a score; NaN without one."""
    return _FIXED.get(measure, np.nan)
