"""The jobs of one network, from the prepared data set to the result files."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from infoflow.errors import InfoflowError
from infoflow.information.measures import measure_information, measure_reconstruction
from infoflow.information.plan import RECONSTRUCTED, snapshot_epochs
from infoflow.information.training import train_snapshots
from infoflow.prepared import read_prepared, refuse_one_class
from infoflow.runtime import DTYPES, choose_device, describe_device, finish_work
from infoflow.store import read_result, write_result

_PER_LAYER = ("replica", "epoch", "layer")
_PARTS = "of the training part and of the rest of the samples"


def read_samples(
    dataset: str | Path, samples: int | None, seed: int, device: torch.device, dtype: torch.dtype
) -> tuple[torch.Tensor, torch.Tensor]:
    """All samples of a prepared data set, its training part first, as vectors [N, d], and their labels [N].

    Args:
        samples: a random choice of so many, which keep their order; None, all.

    Raises:
        InfoflowError: there are not so many, all are of one class, or some are equal: information counts inputs that
            differ.
    """
    images = read_prepared(dataset, device, dtype)
    inputs = torch.cat([images.train_images, images.test_images]).flatten(1)
    labels = torch.cat([images.train_labels, images.test_labels])
    if samples is not None:
        if samples > len(inputs):
            raise InfoflowError(f"information_plane.samples is {samples}, but {dataset} has only {len(inputs)} samples")
        chosen = np.sort(np.random.default_rng([seed, 2]).permutation(len(inputs))[:samples])
        inputs, labels = inputs[chosen], labels[chosen]
    refuse_one_class(dataset, labels)
    if (different := len(torch.unique(inputs, dim=0))) < len(inputs):
        raise InfoflowError(
            f"{dataset}: {len(inputs) - different} of {len(inputs)} samples equal another one; the information plane "
            "needs inputs that differ"
        )
    return inputs, labels


def train_job(
    dataset: str | Path,
    output: str | Path,
    network: Mapping[str, Any],
    plane: Mapping[str, Any],
    run: Mapping[str, Any],
    threads: int,
    attributes: Mapping[str, Any],
) -> None:
    """Train all replicas of one network, and write them as they were at the snapshots.

    Args:
        dataset: prepared data set.
        output: result file to write.
        network: settings of the network, see `plan.TrainedNetwork`.
        plane: samples, epochs, snapshots, batch_size, shuffled and replicas of section `information_plane`.
        run: section `run` of the config.
        threads: CPU threads.
        attributes: further global attributes of the result.
    """
    device = choose_device(threads)
    inputs, labels = read_samples(dataset, plane["samples"], run["seed"], device, DTYPES[run["precision"]])
    classes = int(labels.max()) + 1
    at = snapshot_epochs(plane["epochs"], plane["snapshots"])
    started = time.monotonic()
    found = train_snapshots(
        inputs,
        labels,
        classes,
        network,
        epochs=plane["epochs"],
        at=at,
        batch_size=plane["batch_size"],
        shuffled=plane["shuffled"],
        seed=run["seed"],
        replicas=range(plane["replicas"]),
    )
    finish_work(device)
    seconds = time.monotonic() - started
    broken = ~np.isfinite(found.parameters).all((1, 2))
    variables = {
        "epoch": (("epoch",), np.array(at, np.int32), "epochs of training", "0, the untrained network"),
        "parameters": (("replica", "epoch", "parameter"), found.parameters, "weights and biases", "layer by layer"),
        "accuracy": (("replica", "epoch", "part"), found.accuracy, "share classified correctly", _PARTS),
        "loss": (("replica", "epoch", "part"), found.loss, "mean cross-entropy", f"in nats; {_PARTS}"),
        "gradient_mean": (_PER_LAYER, found.gradient_mean, "norm of the mean gradient of the weights", ""),
        "gradient_spread": (_PER_LAYER, found.gradient_spread, "spread of that gradient over the mini-batches", ""),
        "weight_norm": (_PER_LAYER, found.weight_norm, "Frobenius norm of the weights", ""),
        "diverged": (("replica",), broken.astype(np.int8), "whether parameters became NaN or infinite", ""),
    }
    write_result(
        output,
        {
            name: (
                dimensions,
                _narrow(values),
                {"long_name": title, "units": "1", **({"comment": note} if note else {})},
            )
            for name, (dimensions, values, title, note) in variables.items()
        },
        {
            "train_seconds": seconds,
            "widths": np.array([inputs.shape[1], *network["hidden"], classes], np.int32),
            **describe_device(device, run["precision"], threads),
            **attributes,
        },
    )


def measure_job(
    dataset: str | Path,
    trained: str | Path,
    output: str | Path,
    network: Mapping[str, Any],
    plane: Mapping[str, Any],
    run: Mapping[str, Any],
    threads: int,
    attributes: Mapping[str, Any],
) -> None:
    """Measure what every layer knows at every snapshot of one network, and write it.

    Args:
        dataset, output, network, run, threads, attributes: see `train_job`.
        trained: what that wrote.
        plane: samples, estimators, ridge_penalty and ridge_samples of section `information_plane`.
    """
    device = choose_device(threads)
    inputs, labels = read_samples(dataset, plane["samples"], run["seed"], device, DTYPES[run["precision"]])
    result = read_result(trained)
    widths = [int(width) for width in result.attributes["widths"]]
    replicas, epochs = result["parameters"].shape[:2]
    parameters = torch.from_numpy(result["parameters"]).to(device, inputs.dtype).flatten(0, 1)
    activation, seed = network["activation"], run["seed"]

    started = time.monotonic()
    information = measure_information(
        inputs, labels.cpu().numpy(), parameters, widths, activation, plane["estimators"], seed
    )
    seconds = time.monotonic() - started
    options = {name: plane[name] for name in ("ridge_penalty", "ridge_samples")}
    reconstruction = measure_reconstruction(inputs, parameters, widths, activation, options, seed)

    shape = (replicas, epochs, -1)
    bits = {"units": "bit"}
    per_estimator = ("estimator", *_PER_LAYER)
    write_result(
        output,
        {
            "input_information": (
                per_estimator,
                _narrow(information.input.reshape(len(information.input), *shape)),
                {"long_name": "estimated mutual information of a layer and the input, I(X;T)", **bits},
            ),
            "label_information": (
                per_estimator,
                _narrow(information.label.reshape(len(information.label), *shape)),
                {"long_name": "estimated mutual information of a layer and the label, I(T;Y)", **bits},
            ),
            **{
                name: (
                    ("replica", "epoch", "hidden_layer"),
                    _narrow(reconstruction[name].reshape(shape)),
                    {"long_name": f"{name.replace('_', ' ')} of the reconstruction", "units": "1"},
                )
                for name in RECONSTRUCTED
            },
            "label_counts": (
                ("class",),
                np.bincount(labels.cpu().numpy()).astype(np.int32),
                {"long_name": "samples of a class", "units": "1"},
            ),
        },
        {
            "information_seconds": seconds,
            "reconstruction_seconds": time.monotonic() - started - seconds,
            "samples": len(inputs),
            **describe_device(device, run["precision"], threads),
            **attributes,
        },
    )


def _narrow(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32) if values.dtype == np.float64 else values
