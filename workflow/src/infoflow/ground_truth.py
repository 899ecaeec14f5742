"""The full training of one grid point, from the prepared data set to its result file."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from infoflow.architectures import Network, build_network
from infoflow.grid import decode
from infoflow.prepared import PreparedImages, read_prepared
from infoflow.runtime import DTYPES, choose_device, describe_device, finish_work
from infoflow.store import write_result
from infoflow.training import Training, train_network


def train_point(
    dataset: str | Path,
    output: str | Path,
    point: str,
    architecture: Mapping[str, Any],
    train: Mapping[str, Any],
    run: Mapping[str, Any],
    threads: int,
    attributes: Mapping[str, Any],
) -> None:
    """Train the network of one point, and write its history.

    Args:
        dataset: prepared data set.
        output: result file to write.
        point: name of the point (`grid.encode`).
        architecture, train, run: entries of the config.
        threads: CPU threads.
        attributes: further global attributes of the result.

    Raises:
        InfoflowError: all training images are of one class.
    """
    device = choose_device(threads)
    images = read_prepared(dataset, device, DTYPES[run["precision"]], to_learn=True)
    sigma_w2, sigma_b2, depth = decode(point)
    network = build_network(architecture, images.shape, images.classes, depth, train["readout"])

    started = time.monotonic()
    history = train_replicas(network, sigma_w2, sigma_b2, images, train, run)
    finish_work(device)
    seconds = time.monotonic() - started

    epochs = ("replica", "epoch")
    write_result(
        output,
        {
            "accuracy": (
                epochs,
                history.accuracy.astype(np.float32),
                {"long_name": "accuracy on the test set after each epoch", "units": "1"},
            ),
            "loss": (
                epochs,
                history.loss.astype(np.float32),
                {"long_name": "mean training loss of each epoch", "units": "1", "comment": "in nats"},
            ),
            "diverged": (
                ("replica",),
                history.diverged.astype(np.int8),
                {"long_name": "whether loss or parameters became NaN or infinite", "units": "1"},
            ),
        },
        {
            "train_seconds": seconds,
            **describe_device(device, run["precision"], threads),
            **attributes,
        },
    )


def train_replicas(
    network: Network,
    sigma_w2: float,
    sigma_b2: float,
    images: PreparedImages,
    train: Mapping[str, Any],
    run: Mapping[str, Any],
    keep_parameters: bool = False,
) -> Training:
    """`training.train_network` for all replicas of a run, with the sections `train` and `run` of the config."""
    return train_network(
        network,
        sigma_w2,
        sigma_b2,
        images.train_images,
        images.train_labels,
        images.test_images,
        images.test_labels,
        **{k: train[k] for k in ("epochs", "batch_size", "learning_rate", "momentum", "readout", "success_accuracy")},
        seed=run["seed"],
        replicas=range(run["replicas"]),
        keep_parameters=keep_parameters,
    )
