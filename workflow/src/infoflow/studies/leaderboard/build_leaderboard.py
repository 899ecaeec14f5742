"""The leaderboard: how well every predictor does in every experiment with ground truth, and what it costs.

Dimensions, in this order: grid, the experiments and "overall" behind them; score, named as in the cubes, where
those of the kernel cascade have no prefix.

| variable | dimensions | |
|---|---|---|
| auroc, auroc_within_depth, auroc_gain | grid, score | see `standing.Standing`; each with …_low and …_high |
| spearman, kendall | likewise | |
| boundary_error, least_boundary_error, balanced_accuracy | likewise | thresholds chosen on all other columns |
| fixed_boundary_error, fixed_least_boundary_error, fixed_balanced_accuracy | likewise | of the fixed rules |
| auroc_spread, gain_case | grid, score | between runs; whether it is shown to be better than −depth |
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

A column is one (σ_w², σ_b²). Source: physics.md E.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from infoflow.errors import InfoflowError
from infoflow.files.conventions import validate
from infoflow.files.cubes import about_job, describe_cube, write_cube
from infoflow.files.names import joined
from infoflow.jobs.job import Job
from infoflow.studies.leaderboard.about import describe_board
from infoflow.studies.leaderboard.tables import write_csv, write_latex
from infoflow.studies.leaderboard.variables import (
    ALIKE,
    ALL_TRAINABLE,
    BETTER,
    BOUNDARIES,
    COUNTS,
    DIMENSIONS,
    FACTOR,
    FIXED,
    JUDGED,
    MAIN,
    MEASURES,
    NO_TRUTH,
    NONE_TRAINABLE,
    NOT_JUDGED,
    OVERALL,
    RANKS,
    WORSE,
)
from infoflow.studies.trainability.cube import read_trainability
from infoflow.studies.trainability.networks import grid_of, rows_of
from infoflow.studies.trainability.scores import FREE, MEAN_FIELD, NO_METHOD, fixed_threshold
from infoflow.studies.trainability.scores import MEASURES as MEASURES_OF_PROBES
from infoflow.verdict.standing import (
    Boundary,
    Estimate,
    Grid,
    average,
    balanced_accuracy,
    bootstrap,
    bootstrap_boundary,
    find_boundary,
    judge,
)

REFERENCES = "arXiv:2406.12916; arXiv:1611.01232; arXiv:2101.08134"
UNKNOWN = Estimate(np.nan, np.nan, np.nan)


@dataclass(frozen=True)
class _Judged:
    """What a cube says, its P points in rows.

    Attributes:
        grid: its networks; None without ground truth.
        scores: by their name in the leaderboard, [P, R].
        measures: what each of them measures, without its method.
        correlation_length: [P].
        seconds, memory: of all scores, by name.
        training_seconds: of all trainings.
    """

    grid: Grid | None
    scores: dict[str, np.ndarray]
    measures: dict[str, str]
    correlation_length: np.ndarray
    seconds: dict[str, float]
    memory: dict[str, float]
    training_seconds: float

    @property
    def case(self) -> int:
        known = self.grid.labels[~np.isnan(self.grid.labels)] if self.grid else np.array([])
        if not known.size:
            return NO_TRUTH
        return JUDGED if 0 < known.mean() < 1 else ALL_TRAINABLE if known.all() else NONE_TRAINABLE


def build_leaderboard(job: Job) -> None:
    """Judge all scores of the cubes of a run, and write the board and its tables."""
    cubes = {Path(path).stem: path for path in job.files("cubes")}
    read = {name: read_trainability(path, job["cubes"][name]) for name, path in cubes.items()}
    known = {**job["predictors"], **describe_cascades(job["methods"])}
    board = judge_cubes(read, job["seed"], known, about_job(job, ()))  # what the cubes cost stands in these
    path, csv, latex = job.outputs
    write_csv(board, csv)
    write_latex(board, latex)
    write_cube(board, path, job.rule)


def describe_cascades(methods: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, Any]]:
    """The scores of the reconstruction cascades, like those of the predictors, by their name in the leaderboard.

    Args:
        methods: of probing: title, cost, needs, source.
    """
    return {
        (measure if method == MAIN else joined(method, measure)): {
            "title": f"{about['title']}, {m.title}",
            "formula": m.formula,
            "raw": "the same",
            "needs": about["needs"],
            "two_sided": True,
            "cost": about["cost"],
            "source": about["source"],
        }
        for method, about in methods.items()
        for measure, m in MEASURES_OF_PROBES.items()
    }


def judge_cubes(
    cubes: Mapping[str, xr.Dataset],
    seed: int,
    known: Mapping[str, Mapping[str, Any]],
    attributes: Mapping[str, Any] | None = None,
    resamples: int | None = None,
    boundary_resamples: int | None = None,
) -> xr.Dataset:
    """Judge all scores of some cubes, which may lack ground truth or some of the scores.

    Args:
        cubes: by the name of the experiment.
        seed: of the bootstrap; the interval of a grid does not depend on the other grids.
        known: what every score is, by its name here, in the order of the board: title, formula, needs, two_sided, cost,
            source.
        attributes: further global attributes.
        resamples, boundary_resamples: for ranks, and for boundaries; see `standing.make_grid`.

    Raises:
        InfoflowError: there is no cube, or a cube has a score that nothing is known about.
    """
    if not cubes:
        raise InfoflowError("leaderboard: there is no cube to judge predictors by; give experiments with ground truth")
    grids = {
        name: _read_grid(name, cube, known, (seed, name, resamples, boundary_resamples)) for name, cube in cubes.items()
    }
    there = {score for grid in grids.values() for score in grid.scores}
    scores = [name for name in known if name in there]
    shape = len(grids) + 1, len(scores)
    board = xr.Dataset(coords={"grid": [*grids, OVERALL], "score": scores})
    judged = {name: k for k, (name, grid) in enumerate(grids.items()) if grid.case == JUDGED}

    found: dict[str, dict[tuple[int, int], Estimate]] = {name: {} for name in MEASURES}
    counts = {name: np.zeros(shape, np.int32) for name in COUNTS}
    thresholds = np.full((3, *shape), np.nan)
    agreement, spread = np.full((2, *shape), np.nan)
    factors: dict[str, list[np.ndarray]] = {}
    for (g, grid), (s, score) in product(enumerate(grids.values()), enumerate(scores)):
        found |= {measure: {**of, (g, s): UNKNOWN} for measure, of in found.items()}
        if grid.grid is None:
            continue
        values = grid.scores.get(score, np.full_like(grid.grid.labels, np.nan))
        standing = judge(values, grid.grid)
        for measure in (*RANKS, *BOUNDARIES):
            found[measure][g, s] = getattr(standing, measure)
        for count in COUNTS:
            counts[count][g, s] = getattr(standing, count)
        agreement[g, s], spread[g, s] = standing.censored_agreement, standing.auroc_spread
        for measure, estimate in _judge_rules(score, values, grid).items():
            found[measure][g, s] = estimate
        thresholds[:, g, s] = _median_and_range(_boundary(values, grid.grid).threshold)
    factors["calibrated_factor"] = [_calibrated_factors(grid) for grid in grids.values()]
    factors["true_factor"] = [_true_factors(grid) for grid in grids.values()]

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
    board["auroc_spread"] = (DIMENSIONS, spread)
    board["gain_case"] = (DIMENSIONS, _gain_case(board))
    _place(board, "threshold", DIMENSIONS, thresholds)
    measures = {score: measure for grid in grids.values() for score, measure in grid.measures.items()}
    board["fixed_threshold"] = ("score", np.array([fixed_threshold(measures[score]) for score in scores]))
    for name, columns in factors.items():
        rows = [*columns, np.concatenate(columns)]
        _place(board, name, ("grid",), np.transpose([_median_and_range(row) for row in rows]))
    board["fixed_factor"] = ((), FACTOR)
    _add_costs(board, grids, judged)
    _add_descriptions(board, judged, known)
    describe_board(board)
    board.attrs = describe_cube(board, {"references": REFERENCES, **(attributes or {})}).attrs
    validate_leaderboard(board)
    return board


def validate_leaderboard(board: xr.Dataset) -> None:
    """Check a leaderboard against the schema.

    Raises:
        InfoflowError: a variable is missing, lacks its description or units, or has its dimensions out of order.
    """
    validate(board, DIMENSIONS, (*MEASURES, "networks", "relative_cost", "title", "two_sided", "grid_case"))
    if board["grid"].values[-1] != OVERALL:
        raise InfoflowError(f"cube: the last of its grids is {board['grid'].values[-1]}, not {OVERALL}")


def _read_grid(
    name: str, cube: xr.Dataset, known: Collection[str], resampled: tuple[int, str, int | None, int | None]
) -> _Judged:
    columns = cube.sizes["sigma_w2"] * cube.sizes["sigma_b2"]
    length = cube["xi_c"].transpose("sigma_w2", "sigma_b2").values.ravel()
    length = np.repeat(length, cube.sizes["depth"]) if columns else length
    grid, training = None, np.nan
    scores, measures, seconds, memory = {}, {}, {}, {}
    if "trainable" in cube:
        grid = grid_of(cube, *resampled)
        judged = (cube["trainable"] >= 0).any("replica")
        training = float(cube["train_seconds"].sum(min_count=1))
        for own in cube["score"].values.tolist():
            score, probe = _canonical(name, cube, own, known)
            values = rows_of(cube["prediction_score"].sel(score=own)).astype(float)
            if np.isnan(values).all():
                continue
            scores[score] = values
            measures[score] = str(cube["score_measure"].sel(score=own).values)
            seconds[score], memory[score] = _costs(cube, score, probe, judged)
    return _Judged(grid, scores, measures, length, seconds, memory, training)


def _canonical(name: str, cube: xr.Dataset, score: str, known: Collection[str]) -> tuple[str, str | None]:
    """The name that a score has in the leaderboard, and the variable of the seconds of its probe, if it has one."""
    method, measure = (str(cube[f"score_{part}"].sel(score=score).values) for part in ("method", "measure"))
    found = joined(method, measure) if method not in (NO_METHOD, MAIN) else measure
    if found not in known:
        raise InfoflowError(f"cube {name}: score {score!r} is unknown; it is neither of a predictor nor of a probe")
    return found, None if method == NO_METHOD else f"{score.removesuffix(measure)}probe_seconds"


def _costs(cube: xr.Dataset, score: str, probe: str | None, judged: xr.DataArray) -> tuple[float, float]:
    """Seconds of scoring the points that are judged, and bytes."""
    if score in FREE:
        return 0.0, 0.0
    if probe is not None:
        per = cube[probe]
        return _total(per, judged if "depth" in per.dims else judged.any("depth")), np.nan
    if score not in cube.get("predictor", xr.DataArray([])).values.tolist():
        return np.nan, np.nan
    memory = cube["predictor_memory"].sel(predictor=score) if "predictor_memory" in cube else xr.DataArray(np.nan)
    return _total(cube["predictor_seconds"].sel(predictor=score), judged), float(memory.max())


def _total(seconds: xr.DataArray, where: xr.DataArray) -> float:
    return float(seconds.where(where).sum(min_count=1))


def _gain_case(board: xr.Dataset) -> np.ndarray:
    """Whether a score is shown to be better than counting layers, by the interval of the difference."""
    low, high = board["auroc_gain_low"].values, board["auroc_gain_high"].values
    return np.where(low > 0, BETTER, np.where(high < 0, WORSE, np.where(np.isnan(low), NOT_JUDGED, ALIKE))).astype(
        np.int8
    )


def _boundary(values: np.ndarray, grid: Grid, threshold: float | None = None) -> Boundary:
    return find_boundary(values, grid.labels, grid.columns, grid.depths, threshold)


def _judge_rules(score: str, values: np.ndarray, judged: _Judged) -> dict[str, Estimate]:
    """Balanced accuracies of the calibrated and of the fixed rule, and the boundary error of the latter."""
    grid = judged.grid

    def judge_labels(thresholds: np.ndarray) -> Estimate:
        predicted = np.where(np.isnan(values) | np.isnan(thresholds), np.nan, values >= thresholds)
        return bootstrap(balanced_accuracy, predicted, grid.labels, grid.weights)

    boundary = _boundary(values, grid)
    chosen = dict(zip(boundary.columns.tolist(), boundary.threshold.tolist(), strict=True))
    rules = {"balanced_accuracy": judge_labels(np.array([[chosen.get(c, np.nan)] for c in grid.columns.tolist()]))}
    if np.isnan(fixed := fixed_threshold(judged.measures.get(score, score))):
        return rules | dict.fromkeys(FIXED, UNKNOWN)
    errors = bootstrap_boundary(values, grid, fixed)
    if judged.case != JUDGED:  # there is nothing to be wrong about: NaN, as for the calibrated rules
        errors = UNKNOWN, UNKNOWN
    return rules | dict(zip(FIXED, (*errors, judge_labels(np.full((len(values), 1), fixed))), strict=True))


def _calibrated_factors(judged: _Judged) -> np.ndarray:
    """k of every column: 6 ξ_c/depth >= t where depth <= (6/t) ξ_c."""
    if MEAN_FIELD not in judged.scores:
        return np.array([])
    chosen = _boundary(judged.scores[MEAN_FIELD], judged.grid).threshold
    with np.errstate(divide="ignore"):
        return np.where(chosen > 0, FACTOR / chosen, np.where(np.isnan(chosen), np.nan, np.inf))


def _true_factors(judged: _Judged) -> np.ndarray:
    if judged.grid is None:
        return np.array([])
    boundary = _boundary(judged.grid.labels.copy(), judged.grid, threshold=0.5)
    lengths = dict(zip(judged.grid.columns.tolist(), judged.correlation_length.tolist(), strict=True))
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


def _add_costs(board: xr.Dataset, grids: Mapping[str, _Judged], judged: Mapping[str, int]) -> None:
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


def _add_descriptions(board: xr.Dataset, judged: Mapping[str, int], known: Mapping[str, Mapping[str, Any]]) -> None:
    about = [known[score] for score in board["score"].values.tolist()]
    for name, key in {"operations": "cost"}.items() | {(n, n) for n in ("title", "formula", "needs", "source")}:
        board[name] = ("score", np.array([a[key] for a in about], dtype=object))
    board["two_sided"] = ("score", np.array([a["two_sided"] for a in about], np.int8))
    covered = [" ".join(n for n, g in judged.items() if board["networks"].values[g, s]) for s in range(len(about))]
    board["covered_grids"] = ("score", np.array(covered, dtype=object))
