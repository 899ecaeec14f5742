"""What the variables of the leaderboard are."""

import numpy as np
import xarray as xr

from infoflow.studies.leaderboard.variables import (
    ALIKE,
    ALL_TRAINABLE,
    BETTER,
    FIXED,
    JUDGED,
    MEASURES,
    NO_TRUTH,
    NONE_TRAINABLE,
    NOT_JUDGED,
    WORSE,
)

_NO_CONTEST = "NaN where grid_case is not judged, and where the score is not known of a grid that others are judged on"
_INTERVAL = "{} % bootstrap quantile over columns and replicas of "
_RANGE = {"low": "smallest", "high": "largest"}
_RANKED = "all trainable networks are equal, as their trainings may have stopped; NaN if one of the two is constant"
_LONG_NAMES = {
    "auroc": ("area under the ROC curve of the score against trainable", "1", _NO_CONTEST),
    "auroc_within_depth": (
        "area under the ROC curve of pairs of networks of equal depth",
        "1",
        f"0.5 for whoever counts layers; {_NO_CONTEST}",
    ),
    "auroc_gain": ("auroc above that of the negative depth, of the same networks", "1", _NO_CONTEST),
    "spearman": ("Spearman's rank correlation of score and accuracy", "1", _RANKED),
    "kendall": ("Kendall's tau_b of score and accuracy", "1", _RANKED),
    "boundary_error": (
        "mean |ln(predicted/true)| of the largest trainable depth, over columns where it is among the depths",
        "1",
        f"thresholds chosen on all other columns; {_NO_CONTEST}, and where all columns are censored",
    ),
    "least_boundary_error": (
        "mean |ln(predicted/true)| of the largest trainable depth, over all columns",
        "1",
        f"the least that it can be where it is not among the depths; {_NO_CONTEST}",
    ),
    "balanced_accuracy": (
        "mean share of trainable and of not trainable networks that are predicted right",
        "1",
        f"thresholds chosen on all other columns, and not anew for the interval; {_NO_CONTEST}",
    ),
}
_FIXED_RULE = "of the rule score >= fixed_threshold; NaN for scores without one"
CUBE: dict[str, dict] = {
    "grid": {"long_name": "experiment, or the mean over all", "units": "1"},
    "score": {"long_name": "score of trainability, higher meaning more likely trainable", "units": "1"},
    **{name: {"long_name": n, "units": u, "comment": c} for name, (n, u, c) in _LONG_NAMES.items()},
    **{
        name: {"long_name": f"{_LONG_NAMES[name.removeprefix('fixed_')][0]}, fixed rule", "units": "1"}
        | {"comment": _FIXED_RULE}
        for name in FIXED
    },
    "columns": {
        "long_name": "columns that a boundary is predicted of",
        "units": "1",
        "comment": "(sigma_w2, sigma_b2); overall: of all grids",
    },
    "censored_columns": {
        "long_name": "columns of which all depths are trainable, or none",
        "units": "1",
        "comment": "overall: of all grids",
    },
    "censored_agreement": {
        "long_name": "share of the censored columns that are predicted to be censored on the same side",
        "units": "1",
        "comment": "NaN if there are none, or no threshold",
    },
    "auroc_spread": {
        "long_name": "standard deviation of auroc between whole runs with other seeds",
        "units": "1",
        "comment": "estimated from the replicas; NaN of a single one, and overall",
    },
    "gain_case": {
        "long_name": "whether the score is shown to be better than counting layers",
        "units": "1",
        "flag_values": np.array([NOT_JUDGED, WORSE, ALIKE, BETTER], np.int8),
        "flag_meanings": "not_judged worse alike better",
        "comment": "by the interval of auroc_gain: below 0, around it, above",
    },
    "networks": {"long_name": "networks that count", "units": "1", "comment": "overall: of all grids"},
    "threshold": {
        "long_name": "score from which on networks are predicted trainable, chosen on all other columns; median over "
        "columns",
        "units": "1",
        "comment": "NaN where all networks but those of a column are trainable, or none is; NaN overall: scores of "
        "different grids have different scales",
    },
    "fixed_threshold": {
        "long_name": "score from which on networks are predicted trainable, fixed rule",
        "units": "1",
        "comment": "NaN for scores without one",
    },
    "calibrated_factor": {
        "long_name": "k of depth <= k xi_c, chosen on all other columns; median over columns",
        "units": "1",
        "comment": "in correlation lengths, beside fixed_factor; inf if all networks are best predicted trainable; "
        "overall: of the columns of all grids; NaN without mean field",
    },
    "true_factor": {
        "long_name": "largest trainable depth over xi_c; median over columns",
        "units": "1",
        "comment": "in correlation lengths; columns where it is among the depths and xi_c is finite, NaN if there are "
        "none; small at the edge of chaos, where the width limits the depth; overall: of the columns of all grids",
    },
    "fixed_factor": {"long_name": "k of the published rule depth <= k xi_c", "units": "1"},
    "scoring_seconds": {
        "long_name": "seconds of scoring all networks of the grid that were trained",
        "units": "s",
        "comment": "scores of one cascade share its probe, and each has all of its seconds; NaN where the score or its "
        "seconds are not known; overall: the sum",
    },
    "training_seconds": {
        "long_name": "seconds of training all networks of the grid",
        "units": "s",
        "comment": "NaN where nothing was trained; overall: of the judged grids, the sum",
    },
    "relative_cost": {
        "long_name": "scoring_seconds over training_seconds",
        "units": "1",
        "comment": "zero for mean field, which needs no network; NaN as scoring_seconds",
    },
    "memory": {
        "long_name": "by which the memory in use grew at most while a point was scored",
        "units": "byte",
        "comment": "all replicas of a point; NaN where it is not known, as of the cascades, whose jobs have attribute "
        "cost of the cubes; overall: the largest",
    },
    "grid_case": {
        "long_name": "whether the grid is judged",
        "units": "1",
        "flag_values": np.array([JUDGED, NO_TRUTH, ALL_TRAINABLE, NONE_TRAINABLE], np.int8),
        "flag_meanings": "judged no_truth all_trainable none_trainable",
        "comment": "there is nothing to tell apart where all networks are trainable or none is; only rank correlations "
        "are defined there",
    },
    "title": {"long_name": "name of the score", "units": "1"},
    "formula": {"long_name": "formula of the score", "units": "1"},
    "needs": {
        "long_name": "what is computed: theory, forward, gradient, second gradient or reconstruction",
        "units": "1",
    },
    "two_sided": {
        "long_name": "whether the score can see both sides of the edge of chaos; if not it is monotone in sigma_w2",
        "units": "1",
        "flag_values": np.array([0, 1], np.int8),
        "flag_meanings": "one_sided two_sided",
    },
    "operations": {
        "long_name": "floating-point operations for R networks of L dense layers of N units and B images",
        "units": "1",
    },
    "source": {"long_name": "where the score comes from", "units": "1"},
    "covered_grids": {
        "long_name": "judged grids that the score is known of",
        "units": "1",
        "comment": "separated by spaces; there is no overall value if any is missing",
    },
}
"""Of all variables but the limits of intervals and ranges."""


def describe_board(board: xr.Dataset) -> None:
    """Give every variable its attributes."""
    for name in board.variables:
        known, _, end = name.rpartition("_")
        if end not in _RANGE or known not in CUBE:
            board[name].attrs = CUBE[name]
            continue
        quantile = _INTERVAL.format("2.5" if end == "low" else "97.5")
        kind = quantile if known in MEASURES else f"{_RANGE[end]} over columns of "
        board[name].attrs = {**CUBE[known], "long_name": f"{kind}{known}"}
