"""The job of the relative entropy through the networks of one point, untrained and trained."""

from dataclasses import fields
from typing import Any

import numpy as np
import torch

from infoflow.architectures.build import build_network
from infoflow.engine.images import PreparedImages
from infoflow.engine.network import Network
from infoflow.engine.training import NEVER, train
from infoflow.errors import InfoflowError
from infoflow.files.conventions import DIVERGED, OK
from infoflow.files.results import Variable, describe
from infoflow.jobs.job import Job
from infoflow.studies.bench import Bench, set_up
from infoflow.studies.network_entropy.about import MEASURED
from infoflow.studies.network_entropy.measure import Entropies, measure_entropies


def network_entropy(job: Job) -> None:
    """Measure D_m for all networks and images of one point, untrained and, if asked, trained.

    Parameters of the job: `architecture`, of kind mlp; `entropy`: `images`, how many of the fixed evaluation order, and
    `samples` of p for each of them; `train`: all epochs are run, whatever the accuracy; None: no trained networks;
    `run`, `data`.

    Raises:
        InfoflowError: the network is not fully connected, or the data set is too small or has no labels.
    """
    _check_architecture(job["architecture"])
    bench = set_up(job, to_learn=job["train"] is not None)
    images, settings = bench.images, job["train"]
    _check_images(job, images)
    readout = settings["readout"] if settings else "logits"  # of no importance for pre-activations
    network = build_network(job["architecture"], images.shape, images.classes, bench.depth, readout)
    chosen = images.test_images[images.evaluation_order[: job["entropy"]["images"]]]

    # The very draws that the training starts from.
    untrained = bench.ensemble.draw_network(network, dtype=chosen.dtype, device=chosen.device)
    first, seconds = bench.timed(_measure, bench, network, untrained, chosen)
    del untrained
    found, accuracy, training = [first], np.full(len(bench.ensemble), np.nan), 0.0
    if settings:
        # All epochs, or the networks of different points would not have been trained alike.
        settings = {**settings, "stop": NEVER}
        history, training = bench.timed(train, network, bench.ensemble, images, settings, keep_parameters=True)
        accuracy = np.where(history.diverged, np.nan, history.accuracy[:, -1])
        second, more = bench.timed(_measure, bench, network, history.parameters, chosen)
        found.append(second)
        seconds += more
    bench.write(
        _variables(found, accuracy, chosen, network),
        entropy_seconds=seconds,
        train_seconds=training,
        hidden_layers=len(network.blocks),
        samples=job["entropy"]["samples"],
    )


def _check_architecture(architecture: dict[str, Any]) -> None:
    if architecture["kind"] != "mlp":
        raise InfoflowError(
            f"architecture: kind is {architecture['kind']}, but the relative entropy of layers is that of fully "
            "connected networks; choose an architecture of kind mlp"
        )


def _check_images(job: Job, images: PreparedImages) -> None:
    where, wanted = job.inputs["dataset"], job["entropy"]["images"]
    if wanted > len(images.test_images):
        raise InfoflowError(
            f"{where}: images is {wanted}, but the test set has {len(images.test_images)}; ask for fewer"
        )
    if job["train"] and images.train_labels is None:
        raise InfoflowError(f"{where}: has no labels to train with; ask for untrained networks only")


def _measure(bench: Bench, network: Network, parameters: list, images: torch.Tensor) -> Entropies:
    options = {"samples": bench.job["entropy"]["samples"], "seed": bench.ensemble.seed}
    return measure_entropies(network.layers, parameters, images, replicas=bench.ensemble.replicas, **options)


def _variables(
    found: list[Entropies], accuracy: np.ndarray, images: torch.Tensor, network: Network
) -> dict[str, Variable]:
    """Variables of the result; NaN and `diverged` where anything of a network is not finite."""
    networks = {f.name: np.stack([getattr(e, f.name) for e in found]) for f in fields(Entropies)}
    finite = np.isfinite(networks["relative_entropy"]).all(axis=(2, 3))
    dimensions = {"histogram": ("network", "replica", "layer", "bin")}
    measured = {
        name: (
            dimensions.get(name, ("network", "replica", "image", "layer")),
            np.where(finite.reshape(finite.shape + (1,) * (values.ndim - 2)), values, np.nan).astype(np.float32),
        )
        for name, values in networks.items()
    }
    inputs = images.double().square().flatten(1).mean(1).cpu().numpy()
    measured |= {
        "status": (("network", "replica"), np.where(finite, OK, DIVERGED).astype(np.int8)),
        "accuracy": (("replica",), accuracy.astype(np.float32)),
        "mean_square_input": (("image",), inputs),
        "layer_width": (("layer",), np.array([layer.fan_out for layer in network.layers], np.int32)),
    }
    return describe(measured, MEASURED)
