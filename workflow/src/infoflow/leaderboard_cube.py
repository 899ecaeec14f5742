"""The leaderboard: how well every predictor does on every (dataset, architecture) with ground truth, and what it costs.

Dimensions, in this order: grid, the names of the cubes and "overall" behind them; score, named as in the cubes, where
those of the cascade trained by Adam have no prefix.

| variable | dimensions | |
|---|---|---|
| auroc, spearman, kendall | grid, score | see `leaderboard.Standing`; each with …_low and …_high |
| boundary_error, least_boundary_error, balanced_accuracy | likewise | thresholds chosen on all other columns |
| fixed_boundary_error, fixed_least_boundary_error, fixed_balanced_accuracy | likewise | of the fixed rules |
| columns, censored_columns, censored_agreement, networks | grid, score | |
| threshold | grid, score | median over columns, with their range as …_low and …_high |
| fixed_threshold | score | that of the fixed rule |
| calibrated_factor, true_factor | grid | k in depth <= k xi_c; median over columns, with their range |
| fixed_factor | | that of the published rule |
| scoring_seconds, relative_cost, memory | grid, score | |
| training_seconds, grid_case | grid | |
| title, formula, needs, two_sided, operations, source, covered_grids | score | |

"Overall" is the mean over grids: all have the same weight, however many networks they have. Its interval is that of the
means of independent resamples of all grids. A grid counts in a measure that is defined on it for at least one score; a
score has an overall value if it has one on all grids that count, so that the means of all scores are of the same grids.

A column is one (σ_w², σ_b²). Source: PHYSICS E.
"""

import csv
import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from infoflow.cubes import MEAN_FIELD, SCORES, THRESHOLDS
from infoflow.errors import InfoflowError
from infoflow.leaderboard import (
    RESAMPLES,
    Estimate,
    average,
    balanced_accuracy,
    bootstrap,
    bootstrap_boundary,
    find_boundary,
    judge,
    trainable,
)
from infoflow.predictors import PREDICTORS, About
from infoflow.store import replaced
from infoflow.study import describe_study, validate_study

OVERALL = "overall"
DIMENSIONS = ("grid", "score")
MAIN = "adam"
"""The method whose scores have no prefix."""
FACTOR = 6.0
"""k of the published rule depth <= k ξ_c."""
JUDGED, NO_TRUTH, ALL_TRAINABLE, NONE_TRAINABLE = range(4)
REFERENCES = "arXiv:2406.12916; arXiv:1611.01232; arXiv:2101.08134"

_RANKS = ("auroc", "spearman", "kendall")
_BOUNDARIES = ("boundary_error", "least_boundary_error")
_FIXED = ("fixed_boundary_error", "fixed_least_boundary_error", "fixed_balanced_accuracy")
MEASURES = (*_RANKS, *_BOUNDARIES, "balanced_accuracy", *_FIXED)
"""Measures with an interval."""
_COUNTS = ("columns", "censored_columns", "networks")
_PER_GRID = ("calibrated_factor", "true_factor")

_METHODS = {
    "adam": ("Adam cascade", "6 R S L N^2 + R B L^2 N^2, S images over all epochs"),
    "ridge": ("ridge cascade", "R L (4 S N^2 + 7 N^3/3) + R B L^2 N^2, S images"),
}
_OF_THE_CASCADE = {
    "negative_relative_entropy": ("relative entropy", "-D(input || reconstruction), median over images"),
    "differential_entropy": ("differential entropy", "H(reconstructions)"),
    "explained_variance": ("R2", "1 - <|input - reconstruction|^2>/<|input - mean|^2>"),
    "saturation_depth": ("saturation depth", "layer from which -D no longer changes, over the number of layers"),
}
CASCADES: dict[str, About] = {
    (measure if method == MAIN else f"{method}_{measure}"): About(
        title=f"{named}, {what}",
        formula=formula,
        raw="the same",
        needs="reconstruction",
        two_sided=True,
        cost=cost,
        source="arXiv:2406.12916",
    )
    for method, (named, cost) in _METHODS.items()
    for measure, (what, formula) in _OF_THE_CASCADE.items()
}
"""The scores of the reconstruction cascades, as the registry of predictors has the others."""

_NO_CONTEST = "NaN where grid_case is not judged, and where the score is not known of a grid that others are judged on"
_INTERVAL = "{} % bootstrap quantile over points (or columns) and replicas of "
_RANGE = {"low": "smallest", "high": "largest"}
_LONG_NAMES = {
    "auroc": ("area under the ROC curve of the score against trainable", "1", _NO_CONTEST),
    "spearman": (
        "Spearman's rank correlation of score and best accuracy",
        "1",
        "NaN if one of them is constant",
    ),
    "kendall": ("Kendall's tau_b of score and best accuracy", "1", "NaN if one of them is constant"),
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
ABOUT: dict[str, dict] = {
    "grid": {"long_name": "cube of a (dataset, architecture), or the mean over all", "units": "1"},
    "score": {"long_name": "score of trainability, higher meaning more likely trainable", "units": "1"},
    **{name: {"long_name": n, "units": u, "comment": c} for name, (n, u, c) in _LONG_NAMES.items()},
    **{
        name: {"long_name": f"{_LONG_NAMES[name.removeprefix('fixed_')][0]}, fixed rule", "units": "1"}
        | {"comment": _FIXED_RULE}
        for name in _FIXED
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
"""Attributes of all variables of the cube but the limits of intervals and ranges."""


@dataclass(frozen=True)
class _Grid:
    """What a cube says, its P points in rows.

    Attributes:
        scores: by canonical name, [P, R].
        accuracy: NaN where not trained, [P, R].
        success: accuracy from which on a network is trainable.
        columns: index of (σ_w², σ_b²), [P].
        depths, correlation_length: [P].
        seconds, memory: of all scores, by name.
        training_seconds: of the whole grid.
    """

    scores: dict[str, np.ndarray]
    accuracy: np.ndarray
    success: float
    columns: np.ndarray
    depths: np.ndarray
    correlation_length: np.ndarray
    seconds: dict[str, float]
    memory: dict[str, float]
    training_seconds: float

    @property
    def labels(self) -> np.ndarray:
        """1, 0 or NaN, [P, R]."""
        return trainable(self.accuracy, self.success)

    @property
    def case(self) -> int:
        known = self.labels[~np.isnan(self.labels)]
        if not known.size:
            return NO_TRUTH
        return JUDGED if 0 < known.mean() < 1 else ALL_TRAINABLE if known.all() else NONE_TRAINABLE


def build_leaderboard(
    cubes: Mapping[str, xr.Dataset],
    seed: int,
    attributes: Mapping[str, Any] | None = None,
    resamples: int = RESAMPLES,
    boundary_resamples: int = RESAMPLES // 5,
) -> xr.Dataset:
    """Judge all scores of some cubes (see `cubes`), which may lack ground truth or some of the scores.

    Args:
        cubes: by name, `<dataset>_<architecture>`.
        seed: of the bootstrap; the interval of a grid does not depend on the other grids.
        attributes: further global attributes.
        resamples, boundary_resamples: for ranks, and for boundaries.

    Raises:
        InfoflowError: there is no cube, or a cube has a score that nothing is known about.
    """
    if not cubes:
        raise InfoflowError("leaderboard: there is no cube to judge predictors by; give experiments with ground truth")
    grids = {name: _read_grid(name, cube) for name, cube in cubes.items()}
    known = {score for grid in grids.values() for score in grid.scores}
    scores = [name for name in (*PREDICTORS, *CASCADES) if name in known]
    shape = len(grids) + 1, len(scores)
    board = xr.Dataset(coords={"grid": [*grids, OVERALL], "score": scores})
    judged = {name: k for k, (name, grid) in enumerate(grids.items()) if grid.case == JUDGED}

    found: dict[str, dict[tuple[int, int], Estimate]] = {name: {} for name in MEASURES}
    counts = {name: np.zeros(shape, np.int32) for name in _COUNTS}
    thresholds = np.full((3, *shape), np.nan)
    agreement = np.full(shape, np.nan)
    factors: dict[str, list[np.ndarray]] = {name: [] for name in _PER_GRID}
    for g, (name, grid) in enumerate(grids.items()):
        own_seed = int(np.random.SeedSequence([seed, zlib.crc32(name.encode())]).generate_state(1)[0])
        for s, score in enumerate(scores):
            values = grid.scores.get(score, np.full_like(grid.accuracy, np.nan))
            arrays = grid.accuracy, grid.columns, grid.depths, grid.success
            standing = judge(values, *arrays, own_seed, resamples, boundary_resamples)
            for measure in (*_RANKS, *_BOUNDARIES):
                found[measure][g, s] = getattr(standing, measure)
            for count in _COUNTS:
                counts[count][g, s] = getattr(standing, count)
            agreement[g, s] = standing.censored_agreement
            rules = _judge_rules(score, values, grid, own_seed, resamples, boundary_resamples)
            for measure, estimate in rules.items():
                found[measure][g, s] = estimate
            chosen = find_boundary(values, grid.labels, grid.columns, grid.depths).threshold
            thresholds[:, g, s] = _median_and_range(chosen)
        factors["calibrated_factor"].append(_calibrated_factors(grid))
        factors["true_factor"].append(_true_factors(grid))

    for measure, estimates in found.items():
        table = np.full((3, *shape), np.nan)
        for (g, s), e in estimates.items():
            table[:, g, s] = e.value, e.low, e.high
        for s, e in _overall(estimates, len(grids), len(scores)).items():
            table[:, -1, s] = e.value, e.low, e.high
        _place(board, measure, DIMENSIONS, table)
    for count, table in counts.items():
        table[-1] = table[:-1].sum(0)
        board[count] = (DIMENSIONS, table)
    plain = {(g, s): Estimate(v, v, v) for (g, s), v in np.ndenumerate(agreement[:-1])}
    for s, e in _overall(plain, len(grids), len(scores)).items():
        agreement[-1, s] = e.value
    board["censored_agreement"] = (DIMENSIONS, agreement)
    _place(board, "threshold", DIMENSIONS, thresholds)
    board["fixed_threshold"] = ("score", np.array([_fixed_threshold(score) for score in scores]))
    for name, columns in factors.items():
        rows = [*columns, np.concatenate(columns)]
        _place(board, name, ("grid",), np.transpose([_median_and_range(row) for row in rows]))
    board["fixed_factor"] = ((), FACTOR)
    _add_costs(board, grids, judged)
    _add_descriptions(board, judged)
    _annotate(board, attributes or {})
    validate_leaderboard(board)
    return board


def validate_leaderboard(board: xr.Dataset) -> None:
    """Check a leaderboard against the schema.

    Raises:
        InfoflowError: a variable is missing, lacks its description or units, or has its dimensions out of order.
    """
    validate_study(board)
    for name in (*MEASURES, "networks", "relative_cost", "title", "two_sided", "grid_case"):
        if name not in board:
            raise InfoflowError(f"cube: {name} is missing")
    for name, variable in board.variables.items():
        if variable.dims not in ((), ("grid",), ("score",), DIMENSIONS):
            raise InfoflowError(f"cube: dimensions of {name} are {variable.dims}, not in the order {DIMENSIONS}")
    if board["grid"].values[-1] != OVERALL:
        raise InfoflowError(f"cube: the last of its grids is {board['grid'].values[-1]}, not {OVERALL}")


def describe_score(score: str) -> About:
    """What a score is, by its canonical name.

    Raises:
        InfoflowError: nothing is known about it.
    """
    about = PREDICTORS.get(score) or CASCADES.get(score)
    if about is None:
        raise InfoflowError(f"score: {score!r} is unknown; it is in neither predictors.PREDICTORS nor CASCADES")
    return about


def ranking(board: xr.Dataset) -> list[str]:
    """Scores by their overall AUROC, best first; behind them those without, by the mean over the grids they have."""
    overall = board["auroc"].sel(grid=OVERALL).values
    each = board["auroc"].isel(grid=slice(-1)).values
    covered = np.isfinite(each)
    mean = np.where(covered, each, 0).sum(0) / np.maximum(covered.sum(0), 1)
    names = board["score"].values.tolist()
    keys = [(np.isnan(o), -(m if np.isnan(o) else o), name) for o, m, name in zip(overall, mean, names, strict=True)]
    return [name for *_, name in sorted(keys)]


def write_csv(board: xr.Dataset, path: str | Path) -> None:
    """Write a row per (grid, score), "overall" first, best scores first; empty where there is no value.

    Raises:
        InfoflowError: the file could not be written.
    """
    estimates = [f"{name}{end}" for name in MEASURES for end in ("", "_low", "_high")]
    numbers = [*estimates, *_COUNTS, "censored_agreement", "threshold", "threshold_low", "threshold_high"]
    numbers += ["scoring_seconds", "relative_cost", "memory"]
    texts = ["title", "needs", "source", "covered_grids", "formula"]
    with replaced(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["grid", "rank", "score", "two_sided", *numbers, *texts])
        for grid in _overall_first(board):
            for rank, score in enumerate(ranking(board), 1):
                row = board.sel(grid=grid, score=score)
                cells = [_number(row[name].item()) for name in numbers]
                writer.writerow(
                    [grid, rank, score, int(row["two_sided"]), *cells, *(row[name].item() for name in texts)]
                )


def write_latex(board: xr.Dataset, path: str | Path) -> None:
    r"""Write a `tabular` for `\input`, which needs no package but booktabs; one block of rows per grid.

    Intervals of 95 % are sub- and superscripts. Grids where nothing is judged are left out.

    Raises:
        InfoflowError: the file could not be written.
    """
    heads = ["predictor", "needs", "sides", "AUROC", r"Spearman's $\rho$", r"Kendall's $\tau$"]
    heads += [r"$\langle|\ln(d/d_\mathrm{true})|\rangle$", "relative cost"]
    lines = [
        r"% \usepackage{booktabs}",
        rf"\begin{{tabular}}{{lll{'r' * (len(heads) - 3)}}}",
        r"\toprule",
        " & ".join(heads) + r" \\",
    ]
    order = ranking(board)
    for grid in _overall_first(board):
        if board["grid_case"].sel(grid=grid) != JUDGED:
            continue
        lines += [r"\midrule", rf"\multicolumn{{{len(heads)}}}{{l}}{{\emph{{{escape(grid)}}}}} \\"]
        for score in order:
            row = board.sel(grid=grid, score=score)
            if np.isnan(row["auroc"]):
                continue
            cells = [escape(row["title"].item()), escape(row["needs"].item()), "two" if row["two_sided"] else "one"]
            cells += [_with_interval(row, name) for name in (*_RANKS, "boundary_error")]
            lines.append(" & ".join([*cells, _cost(row["relative_cost"].item())]) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}", ""]
    with replaced(path) as temporary:
        temporary.write_text("\n".join(lines), encoding="utf-8")


def escape(text: str) -> str:
    """Text as LaTeX sets it, in any font encoding."""
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    special |= {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}"}
    special |= {c: f"\\{c}" for c in "&%$#_{}"}
    return re.sub(r"[\\~^<>|&%$#_{}]", lambda match: special[match[0]], text)


def _read_grid(name: str, cube: xr.Dataset) -> _Grid:
    w, b, d = (cube[a].values for a in ("sigma_w2", "sigma_b2", "depth"))
    columns, depths = np.meshgrid(np.arange(len(w) * len(b)), d, indexing="ij")
    length = np.broadcast_to(cube["xi_c"].transpose("sigma_w2", "sigma_b2").values.ravel()[:, None], columns.shape)
    replicas = cube.sizes["replica"]
    accuracy, success, training = np.full((columns.size, replicas), np.nan), np.inf, np.nan
    scores, seconds, memory = {}, {}, {}
    if "trainable" in cube:
        point = ("sigma_w2", "sigma_b2", "depth", "replica")
        label = cube["trainable"].transpose(*point).values.reshape(-1, replicas)
        accuracy = cube["best_accuracy"].transpose(*point).values.astype(float).reshape(-1, replicas)
        accuracy = np.where(label >= 0, accuracy, np.nan)
        if (label == 1).any():
            success = float(accuracy[label == 1].min())  # that tells them apart, however it was chosen
        trained = cube["train_seconds"].notnull()
        training = _total(cube["train_seconds"], trained)
        for own in cube["score"].values.tolist():
            score, method = _canonical(name, cube, own)
            values = cube["prediction_score"].sel(score=own).transpose(*point).values.astype(float)
            if not (np.isfinite(values) | np.isinf(values)).any():
                continue
            scores[score] = values.reshape(-1, replicas)
            seconds[score], memory[score] = _costs(cube, score, method, trained)
    return _Grid(scores, accuracy, success, columns.ravel(), depths.ravel(), length.ravel(), seconds, memory, training)


def _canonical(name: str, cube: xr.Dataset, score: str) -> tuple[str, str | None]:
    """The name that a score has in the leaderboard, and the variable of the seconds of its probe, if it has one."""
    if score in PREDICTORS:
        return score, None
    measure = next((m for m in SCORES if score == m or score.endswith(f"_{m}")), None)
    if measure is None:
        raise InfoflowError(f"cube {name}: score {score!r} is unknown; it is in neither PREDICTORS nor CASCADES")
    prefix = score.removesuffix(measure)
    method = prefix.rstrip("_") or cube.attrs.get("probe_method", MAIN)
    known = measure if method == MAIN else f"{method}_{measure}"
    describe_score(known)
    return known, f"{prefix}probe_seconds"


def _costs(cube: xr.Dataset, score: str, probe: str | None, trained: xr.DataArray) -> tuple[float, float]:
    """Seconds of scoring the points that were trained, and bytes."""
    if score == MEAN_FIELD:
        return 0.0, 0.0
    if probe is not None:
        per = cube[probe]
        return _total(per, trained if "depth" in per.dims else trained.any("depth")), np.nan
    if score not in cube.get("predictor", xr.DataArray([])).values.tolist():
        return np.nan, np.nan
    memory = cube["predictor_memory"].sel(predictor=score) if "predictor_memory" in cube else xr.DataArray(np.nan)
    return _total(cube["predictor_seconds"].sel(predictor=score), trained), float(memory.max())


def _total(seconds: xr.DataArray, where: xr.DataArray) -> float:
    return float(seconds.where(where).sum(min_count=1))


def _judge_rules(
    score: str, values: np.ndarray, grid: _Grid, seed: int, resamples: int, boundary_resamples: int
) -> dict[str, Estimate]:
    """Balanced accuracies of the calibrated and of the fixed rule, and the boundary error of the latter."""

    def judge_labels(thresholds: np.ndarray) -> Estimate:
        predicted = np.where(np.isnan(values) | np.isnan(thresholds), np.nan, values >= thresholds)
        return bootstrap(balanced_accuracy, predicted, grid.labels, np.random.default_rng([seed, 2]), resamples)

    boundary = find_boundary(values, grid.labels, grid.columns, grid.depths)
    chosen = dict(zip(boundary.columns.tolist(), boundary.threshold.tolist(), strict=True))
    rules = {"balanced_accuracy": judge_labels(np.array([[chosen.get(c, np.nan)] for c in grid.columns.tolist()]))}
    if np.isnan(fixed := _fixed_threshold(score)):
        return rules | dict.fromkeys(_FIXED, Estimate(np.nan, np.nan, np.nan))
    generator = np.random.default_rng([seed, 1])
    errors = bootstrap_boundary(
        values, grid.labels, grid.columns, grid.depths, generator, boundary_resamples, threshold=fixed
    )
    if grid.case != JUDGED:  # there is nothing to be wrong about: NaN, as for the calibrated rules
        errors = (Estimate(np.nan, np.nan, np.nan),) * 2
    return rules | dict(zip(_FIXED, (*errors, judge_labels(np.full((len(values), 1), fixed))), strict=True))


def _fixed_threshold(score: str) -> float:
    return next((t for known, t in THRESHOLDS.items() if score.endswith(known)), np.nan)


def _calibrated_factors(grid: _Grid) -> np.ndarray:
    """k of every column: 6 ξ_c/depth >= t where depth <= (6/t) ξ_c."""
    if MEAN_FIELD not in grid.scores:
        return np.array([])
    chosen = find_boundary(grid.scores[MEAN_FIELD], grid.labels, grid.columns, grid.depths).threshold
    with np.errstate(divide="ignore"):
        return np.where(chosen > 0, FACTOR / chosen, np.where(np.isnan(chosen), np.nan, np.inf))


def _true_factors(grid: _Grid) -> np.ndarray:
    boundary = find_boundary(grid.labels.copy(), grid.labels, grid.columns, grid.depths, threshold=0.5)
    lengths = dict(zip(grid.columns.tolist(), grid.correlation_length.tolist(), strict=True))
    length = np.array([lengths[c] for c in boundary.columns.tolist()])
    usable = (boundary.censored == 0) & np.isfinite(length)
    return boundary.true[usable] / length[usable]


def _median_and_range(values: np.ndarray) -> tuple[float, float, float]:
    known = values[~np.isnan(values)]
    if not known.size:
        return np.nan, np.nan, np.nan
    return float(np.median(known)), float(known.min()), float(known.max())


def _overall(estimates: Mapping[tuple[int, int], Estimate], grids: int, scores: int) -> dict[int, Estimate]:
    """Means over grids, by score: of the scores that have a value on all grids where any has one."""
    counting = [g for g in range(grids) if any(not np.isnan(estimates[g, s].value) for s in range(scores))]
    of_score = {s: [estimates[g, s] for g in counting] for s in range(scores)}
    return {s: average(e) for s, e in of_score.items() if e and not any(np.isnan(one.value) for one in e)}


def _place(board: xr.Dataset, name: str, dimensions: tuple[str, ...], table: np.ndarray) -> None:
    for end, values in zip(("", "_low", "_high"), table, strict=True):
        board[f"{name}{end}"] = (dimensions, values)


def _add_costs(board: xr.Dataset, grids: Mapping[str, _Grid], judged: Mapping[str, int]) -> None:
    scores, rows = board["score"].values.tolist(), list(judged.values())
    tables = {"scoring_seconds": "seconds", "memory": "memory"}
    for name, attribute in tables.items():
        table = np.array([[getattr(g, attribute).get(s, np.nan) for s in scores] for g in grids.values()])
        table = table.reshape(len(grids), len(scores))
        whole = (table[rows].sum(0) if name == "scoring_seconds" else table[rows].max(0)) if rows else table[0] * np.nan
        board[name] = (DIMENSIONS, np.vstack([table, whole]))
    seconds = np.array([g.training_seconds for g in grids.values()])
    board["training_seconds"] = ("grid", np.append(seconds, seconds[rows].sum() if rows else np.nan))
    cost = (board["scoring_seconds"] / board["training_seconds"]).transpose(*DIMENSIONS)
    board["relative_cost"] = cost.where(np.isfinite(cost))
    cases = [g.case for g in grids.values()]
    board["grid_case"] = ("grid", np.array([*cases, JUDGED if rows else min(cases)], np.int8))


def _add_descriptions(board: xr.Dataset, judged: Mapping[str, int]) -> None:
    about = [describe_score(score) for score in board["score"].values.tolist()]
    for name, attribute in {"operations": "cost"}.items() | {(n, n) for n in ("title", "formula", "needs", "source")}:
        board[name] = ("score", np.array([getattr(a, attribute) for a in about], dtype=object))
    board["two_sided"] = ("score", np.array([a.two_sided for a in about], np.int8))
    covered = [" ".join(n for n, g in judged.items() if board["networks"].values[g, s]) for s in range(len(about))]
    board["covered_grids"] = ("score", np.array(covered, dtype=object))


def _annotate(board: xr.Dataset, attributes: Mapping[str, Any]) -> None:
    for name in board.variables:
        known, _, end = name.rpartition("_")
        if end not in _RANGE or known not in ABOUT:
            board[name].attrs = ABOUT[name]
            continue
        about = dict(ABOUT[known])
        quantile = _INTERVAL.format("2.5" if end == "low" else "97.5")
        kind = quantile if known in MEASURES else f"{_RANGE[end]} over columns of "
        board[name].attrs = about | {"long_name": f"{kind}{known}"}
    board.attrs = describe_study(board, {"references": REFERENCES, **attributes}).attrs


def _overall_first(board: xr.Dataset) -> Iterable[str]:
    *grids, overall = board["grid"].values.tolist()
    return overall, *grids


def _number(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.6g}"


def _with_interval(row: xr.Dataset, name: str) -> str:
    value, low, high = (row[f"{name}{end}"].item() for end in ("", "_low", "_high"))
    if np.isnan(value):
        return "--"
    if np.isnan(low):
        return f"${value:.3f}$"
    below, above = (round(end - value, 3) + 0.0 for end in (low, high))  # no -0
    return f"${value:.3f}_{{{below:+.3f}}}^{{{above:+.3f}}}$"


def _cost(cost: float) -> str:
    if np.isnan(cost):
        return "--"
    if cost == 0:
        return "free"
    mantissa, exponent = f"{cost:.1e}".split("e")
    return rf"${mantissa}\times10^{{{int(exponent)}}}$"
