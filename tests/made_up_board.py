"""Made-up cubes of experiments, whose answers are known, and the leaderboards of them."""

import numpy as np
import xarray as xr

from infoflow.predictors.kinds import PREDICTORS
from infoflow.reconstruction.kinds import METHODS
from infoflow.studies.leaderboard.build_leaderboard import describe_cascades, judge_cubes
from infoflow.studies.leaderboard.variables import MAIN
from infoflow.studies.trainability.scores import FREE, NO_METHOD

DEPTHS = 2.0 ** np.arange(1, 8)
LIMITS = {0.5: 4.0, 1.0: 8.0, 1.5: 32.0, 2.0: 16.0, 2.5: 8.0, 3.0: 4.0}
"""Largest trainable depth by σ_w²."""
REPLICAS = 3
FACTOR = 4.0
"""Largest trainable depth over ξ_c."""
POINT = ("sigma_w2", "sigma_b2", "depth")
CASCADES = describe_cascades({name: method.about() for name, method in METHODS.items()})
KNOWN = {**{name: vars(about) for name, about in PREDICTORS.items()}, **CASCADES}
"""What every score is, by its name in the leaderboard."""


def add_scores(cube: xr.Dataset, scores: dict[str, np.ndarray], main: str = MAIN) -> None:
    """Scores of every network, [w, 1, d, r], named as in the cube of an experiment whose main method is given."""
    parts = []
    for name in scores:
        beside = next((method for method in METHODS if name.startswith(f"{method}_")), None)
        method = NO_METHOD if name in PREDICTORS or (name not in KNOWN and beside is None) else beside or main
        parts.append((method, name.removeprefix(f"{beside}_")))
    cube["prediction_score"] = ((*POINT, "replica", "score"), np.stack(list(scores.values()), -1))
    cube.coords["score"] = list(scores)
    for name, values in zip(("score_method", "score_measure"), zip(*parts)):
        cube.coords[name] = ("score", np.array(values, dtype=object))
    cheap = [name for name in scores if name in PREDICTORS and name not in FREE]
    cube.coords["predictor"] = np.array(cheap, dtype=object)


def make_cube(limits=LIMITS, scores=None, method=MAIN, truth=True, per_depth=False, memory=5e6) -> xr.Dataset:
    """A cube like that of an experiment, by default with scores that know every boundary.

    Args:
        scores: arrays [w, 1, d, r] by name; None stands for ln(limit/depth).
    """
    w, d = np.array(list(limits)), DEPTHS
    limit = np.array(list(limits.values()))[:, None, None, None]
    deep = d[None, None, :, None]
    shape = len(w), 1, len(d), REPLICAS
    known = np.broadcast_to(np.log(limit / deep), shape) + 0.1
    coords = {"sigma_w2": w, "sigma_b2": [0.05], "depth": d.astype(int), "replica": range(REPLICAS)}
    cube = xr.Dataset(coords=coords, attrs={"draws": "independent"})
    cube["xi_c"] = (POINT[:2], limit[:, :, 0, 0] / FACTOR)
    probe = POINT if per_depth else POINT[:2]
    cube["probe_seconds"] = (probe, np.full([cube.sizes[n] for n in probe], 2.0))
    if not truth:
        return cube
    accuracy = np.where(np.broadcast_to(deep, shape) <= limit, 0.9, 0.1).astype(np.float32)
    cube["reached_accuracy"] = ((*POINT, "replica"), accuracy)
    cube["trainable"] = ((*POINT, "replica"), (accuracy > 0.5).astype(np.int8))
    cube["train_seconds"] = ((*POINT, "replica"), np.full(shape, 10.0 / REPLICAS))
    scores = {"explained_variance": None, "mean_field": 6 * limit / FACTOR / deep, **(scores or {})}
    values = {n: np.broadcast_to(known if v is None else v, shape).astype(np.float32) for n, v in scores.items()}
    add_scores(cube, values, method)
    for name, value in (("predictor_seconds", 0.5), ("predictor_memory", memory)):
        cube[name] = ((*POINT, "predictor"), np.full((*shape[:3], cube.sizes["predictor"]), value))
    return cube


def build(cubes, seed=0, attributes=None) -> xr.Dataset:
    """The board of some cubes, with few resamples."""
    return judge_cubes(cubes, seed, KNOWN, attributes, resamples=40, boundary_resamples=8)


def noisy(strength, seed=0):
    """ln(limit/depth) with noise."""
    limit = np.array(list(LIMITS.values()))[:, None, None, None]
    noise = np.random.default_rng(seed).normal(size=(len(LIMITS), 1, len(DEPTHS), REPLICAS))
    return np.log(limit / DEPTHS[None, None, :, None]) + strength * noise


def value(board, name, grid, score=None) -> float:
    part = board[name].sel(grid=grid)
    return float(part if score is None else part.sel(score=score))
