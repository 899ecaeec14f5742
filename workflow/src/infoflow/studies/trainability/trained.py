"""Trained networks: those that are on disk already, and the training of those that are not.

Full grids keep all replicas of a point in one file, searches a file per network (`results/trained`), each with the
record of the same training. Who needs a network takes it from wherever it is: a full grid trains what a search has
left, a search that was killed what is missing, and neither what the other one knows.
"""

import importlib
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from infoflow.architectures.build import build_network
from infoflow.engine.network import Network
from infoflow.engine.training import train_at_rates
from infoflow.errors import InfoflowError
from infoflow.files.conventions import DIVERGED, MISSING, OK
from infoflow.files.results import Result, describe, read_result, write_result
from infoflow.jobs.record import describe_job
from infoflow.studies.bench import Bench
from infoflow.studies.trainability.about import TRAINED
from infoflow.studies.trainability.histories import OF_TRAINING

logger = logging.getLogger(__name__)

RULE = "train_network"

Trained = dict[str, np.ndarray]
"""Of some replicas: accuracy and loss [R, K, E] at K learning rates, status [R, K], seconds [R]."""


def train_replicas(bench: Bench, training: Mapping[str, Any], depth: int, replicas: Sequence[int]) -> Trained:
    """Train some replicas of the job's (σ_w², σ_b²)."""
    images, settings = bench.images, training["train"]
    network = build_network(training["architecture"], images.shape, images.classes, depth, settings["readout"])
    ensemble = replace(bench.ensemble, replicas=list(replicas))
    train = train_at_rates
    if not isinstance(network, Network):
        train = importlib.import_module("infoflow.modules.ground_truth").train_at_rates
    found, seconds = bench.timed(train, network, ensemble, images, settings)
    epochs = np.isfinite(found.loss).sum((1, 2)) + found.diverged.sum(1)
    return {
        "accuracy": found.accuracy.astype(np.float32),
        "loss": found.loss.astype(np.float32),
        "status": np.where(found.tried, np.where(found.diverged, DIVERGED, OK), MISSING).astype(np.int8),
        # that are trained together share the time by the epochs that each of them ran
        "seconds": seconds * epochs / epochs.sum(),
    }


def find_replicas(results: Path, training: Mapping[str, Any], stem: str, replicas: Iterable[int]) -> dict[int, Trained]:
    """Those of some replicas that are on disk, whole and made with the parameters of a training; by replica.

    Args:
        results: directory of the results.
        stem: of the point.
    """
    found: dict[int, Trained] = {}
    wanted = _record(training)
    whole = _read(results / RULE / f"{stem}.nc", wanted)
    for r in replicas:
        one = whole if whole and r < len(whole["seconds"]) else _read(replica_file(results, stem, r), wanted)
        if one:
            at = r if one is whole else 0
            found[r] = {name: one[name][at : at + 1] for name in OF_TRAINING}
    return found


def replica_file(results: Path, stem: str, replica: int) -> Path:
    """Where a search keeps a network."""
    return results / "trained" / f"{stem}_r{replica}.nc"


def keep_replica(
    results: Path, training: Mapping[str, Any], stem: str, replica: int, found: Trained, machine: Mapping[str, Any]
) -> None:
    """Write a network of a search where `find_replicas` looks for it."""
    about = {**machine, **describe_job(RULE, training)}
    del about["rule"]  # what the search costs is counted in the search's result
    write_result(replica_file(results, stem, replica), described(found), about)


def described(found: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Variables of a result file."""
    return describe({name: (dimensions, found[name]) for name, dimensions in OF_TRAINING.items()}, TRAINED)


def gather(found: Sequence[Trained]) -> Trained:
    """Several replicas in one."""
    return {name: np.concatenate([one[name] for one in found]) for name in OF_TRAINING}


def succeeded(found: Mapping[str, np.ndarray], success_accuracy: float) -> np.ndarray:
    """Whether each replica reached the success accuracy at one of the learning rates: bool [R]."""
    # Rounded like the stored accuracies, or one that meets the threshold exactly would be missed.
    return (found["accuracy"] >= np.float32(success_accuracy)).any((1, 2))


def _read(path: Path, wanted: str) -> Result | None:
    if not path.is_file():
        return None
    try:
        result = read_result(path)
    except InfoflowError as error:  # it is trained again, and written anew
        logger.warning("%s", error)
        return None
    return result.variables if _record(json.loads(result.attributes.get("parameters", "{}"))) == wanted else None


def _record(training: Mapping[str, Any]) -> str:
    """Parameters of a training without the number of replicas, on which none of them depends."""
    run = {name: value for name, value in training.get("run", {}).items() if name != "replicas"}
    return json.dumps({**training, "run": run}, sort_keys=True)
