"""The job of the cheap predictors: scores of the untrained networks of one column."""

import importlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch

from infoflow.architectures.build import build_network
from infoflow.engine.initialization import Ensemble, draw_order
from infoflow.engine.network import Network
from infoflow.errors import InfoflowError
from infoflow.files.results import describe
from infoflow.jobs.job import Job
from infoflow.predictors.measure import Measured, score_network
from infoflow.predictors.untrained import Untrained, draw_untrained
from infoflow.studies.bench import Bench, set_up
from infoflow.studies.trainability.about import SCORED

AT_ONCE = 30_000_000
"""Parameters of the replicas that are scored as one; predictors take a few float64 copies of them."""
_PER_NETWORK, _PER_POINT = ("predictor", "depth", "replica"), ("predictor", "depth")


def score_predictor(job: Job) -> None:
    """Score the untrained networks of one (σ_w², σ_b²) and some depths, and write it with what it cost.

    Parameters of the job: `depths`, `architecture`, `predictors` (`names`, `batch_size`), `run`, `data`. The batch is a
    random choice of the training images, the same for all networks.

    Raises:
        InfoflowError: the training set has fewer images than the batch, or no labels.
    """
    bench = set_up(job, to_learn=True)
    names, depths = job["predictors"]["names"], job["depths"]
    batch = _choose_batch(bench, job["predictors"]["batch_size"])
    shape = len(names), len(depths), len(bench.ensemble)
    score, raw = np.full(shape, np.nan), np.full(shape, np.nan)
    seconds, memory = np.full(shape[:2], np.nan), np.full(shape[:2], np.nan)
    reasons = dict.fromkeys(names, "")
    pixels, labels = bench.images.train_images[batch], bench.images.train_labels[batch]
    for d, depth in enumerate(depths):
        score_by = _draw(job["architecture"], pixels, labels, bench.images.classes, depth, bench.ensemble)
        if d == 0:  # what is loaded and set up once is nobody's cost
            for name in names:
                score_by(name)
        for n, name in enumerate(names):
            found = score_by(name)
            score[n, d], raw[n, d] = found.scores.score, found.scores.raw
            seconds[n, d], memory[n, d] = found.seconds, found.peak_bytes
            reasons[name] = reasons[name] or found.scores.reason
    measured = {
        "depth": (("depth",), np.array(depths, np.int32)),
        "score": (_PER_NETWORK, score),
        "raw": (_PER_NETWORK, raw),
        "seconds": (_PER_POINT, seconds),
        "memory": (_PER_POINT, memory),
    }
    reasons = [reasons[name] or "none" for name in names]
    bench.write(describe(measured, SCORED), predictors=list(names), reasons=reasons)


def _draw(
    architecture: Mapping[str, Any],
    images: torch.Tensor,
    labels: torch.Tensor,
    classes: int,
    depth: int,
    ensemble: Ensemble,
) -> Callable[[str], Measured]:
    """What scores the networks of a depth by the name of a predictor."""
    network = build_network(architecture, tuple(images.shape[1:]), classes, depth)
    if not isinstance(network, Network):
        modular = importlib.import_module("infoflow.predictors.modular")
        drawn = modular.draw_untrained(network, images, labels, depth, ensemble)
        return partial(modular.score_network, untrained=drawn)
    untrained = draw_untrained(architecture, images, labels, classes, depth, ensemble)
    return partial(score_network, untrained=untrained, at_once=_replicas_at_once(untrained))


def _choose_batch(bench: Bench, size: int) -> torch.Tensor:
    there = len(bench.images.train_images)
    if size > there:
        raise InfoflowError(
            f"predictors.batch_size is {size}, but {bench.job.inputs['dataset']} has only {there} training images"
        )
    (order,) = draw_order(bench.ensemble.seed, "predictor batch", 0, [0], there)
    return order[:size].to(bench.device)


def _replicas_at_once(untrained: Untrained) -> int:
    numbers = sum(p[0].numel() for layer in untrained.parameters for p in layer.values())
    return max(1, AT_ONCE // max(1, numbers))
