"""Scores of the cheap predictors for the networks of one column, from the prepared data set to the result file."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from infoflow.errors import InfoflowError
from infoflow.grid import decode
from infoflow.initialization import draw_order
from infoflow.predictors import score_network
from infoflow.prepared import read_prepared
from infoflow.runtime import DTYPES, choose_device, describe_device
from infoflow.store import write_result
from infoflow.untrained import draw_untrained

AT_ONCE = 30_000_000
"""Parameters of the replicas that are scored as one; predictors take a few float64 copies of them."""
_PER_NETWORK, _PER_POINT = ("predictor", "depth", "replica"), ("predictor", "depth")


def score_column(
    dataset: str | Path,
    output: str | Path,
    point: str,
    depths: Sequence[int],
    architecture: Mapping[str, Any],
    predictors: Mapping[str, Any],
    run: Mapping[str, Any],
    threads: int,
    attributes: Mapping[str, Any],
) -> None:
    """Score the untrained networks of one (σ_w², σ_b²) and some depths, and write it with what it cost.

    Args:
        dataset: prepared data set; the batch is a random choice of its training images, the same for all networks.
        output: result file to write.
        point: name of the point (`grid.encode`) whose variances they have.
        depths: of the networks.
        architecture, run: entries of the config.
        predictors: names and batch_size of section `predictors` of the config.
        threads: CPU threads.
        attributes: further global attributes of the result.

    Raises:
        InfoflowError: the training set has fewer images than the batch, or images of one class only.
    """
    device = choose_device(threads)
    images = read_prepared(dataset, device, DTYPES[run["precision"]], to_learn=True)
    sigma_w2, sigma_b2, _ = decode(point)
    if predictors["batch_size"] > len(images.train_images):
        raise InfoflowError(
            f"predictors.batch_size is {predictors['batch_size']}, but {dataset} has only {len(images.train_images)} "
            "training images"
        )
    (order,) = draw_order(run["seed"], "predictor batch", 0, [0], len(images.train_images))
    batch = order[: predictors["batch_size"]].to(device)
    names = predictors["names"]
    shape = len(names), len(depths), run["replicas"]
    score, raw = np.full(shape, np.nan), np.full(shape, np.nan)
    seconds, memory = np.full(shape[:2], np.nan), np.full(shape[:2], np.nan)
    reasons = dict.fromkeys(names, "")
    for d, depth in enumerate(depths):
        untrained = draw_untrained(
            architecture,
            images.train_images[batch],
            images.train_labels[batch],
            images.classes,
            sigma_w2,
            sigma_b2,
            depth,
            seed=run["seed"],
            replicas=range(run["replicas"]),
        )
        numbers = sum(p[0].numel() for layer in untrained.parameters for p in layer.values())
        at_once = max(1, AT_ONCE // max(1, numbers))
        if d == 0:  # what is loaded and set up once is nobody's cost
            for name in names:
                score_network(name, untrained, at_once)
        for n, name in enumerate(names):
            found = score_network(name, untrained, at_once)
            score[n, d], raw[n, d] = found.scores.score, found.scores.raw
            seconds[n, d], memory[n, d] = found.seconds, found.peak_bytes
            reasons[name] = reasons[name] or found.scores.reason
    about = {
        "score": (_PER_NETWORK, score, "score, larger meaning more likely trainable", "1"),
        "raw": (_PER_NETWORK, raw, "the quantity as the literature has it", "1"),
        "seconds": (_PER_POINT, seconds, "seconds of scoring all replicas", "s"),
        "memory": (_PER_POINT, memory, "by how much the memory in use grew at most", "byte"),
    }
    write_result(
        output,
        {
            "depth": (("depth",), np.array(depths, np.int32), {"long_name": "depth of the networks", "units": "1"}),
            **{
                name: (dimensions, values, {"long_name": title, "units": units})
                for name, (dimensions, values, title, units) in about.items()
            },
        },
        {
            "predictors": list(names),
            "reasons": [reasons[name] or "none" for name in names],
            **describe_device(device, run["precision"], threads),
            **attributes,
        },
    )
