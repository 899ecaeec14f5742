"""One probe, from the prepared data set to its result file."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from infoflow.architectures import build_network, load_weights
from infoflow.cascade import probe_cascade
from infoflow.datasets import find_data_root
from infoflow.grid import decode
from infoflow.prepared import read_prepared
from infoflow.runtime import DTYPES, choose_device, describe_device, finish_work
from infoflow.store import write_result


def probe_point(
    dataset: str | Path,
    output: str | Path,
    point: str,
    architecture: Mapping[str, Any],
    probe: Mapping[str, Any],
    run: Mapping[str, Any],
    threads: int,
    attributes: Mapping[str, Any],
    data_root: str | None = None,
) -> None:
    """Probe the network of one point, and write the reconstructions of the evaluation set.

    Args:
        dataset: prepared data set.
        output: result file to write.
        point: name of the point (`grid.encode`).
        architecture, run: entries of the config.
        probe: method and options of the reconstruction networks, `config.probe_options`.
        threads: CPU threads.
        attributes: further global attributes of the result.
        data_root: where trained weights are looked for, see `datasets.find_data_root`.
    """
    device = choose_device(threads)
    images = read_prepared(dataset, device, DTYPES[run["precision"]])
    evaluation = images.evaluation_images(probe["evaluation_samples"])
    sigma_w2, sigma_b2, depth = decode(point)
    network = build_network(architecture, images.shape, images.classes, depth)
    weights = load_weights(architecture, find_data_root(data_root), images.shape, depth)

    started = time.monotonic()
    result = probe_cascade(
        network.blocks,
        sigma_w2,
        sigma_b2,
        images.train_images,
        evaluation,
        probe,
        seed=run["seed"],
        replicas=range(run["replicas"]),
        weights=weights,
    )
    finish_work(device)
    seconds = time.monotonic() - started

    units = {"units": "1"}
    float32 = np.float32  # also of a float64 run: the resolution of a stored image, not of the computation
    shown = {}
    if probe.get("show_channels"):
        shown["channels"] = (
            ("replica", "channel", "channel_sample", "pixel"),
            result.channels.flatten(3).cpu().numpy().astype(float32, copy=False),
            {
                "long_name": "reconstructions of the first images of the evaluation set from single channels",
                **units,
            },
        )
    write_result(
        output,
        {
            "reconstructions": (
                ("replica", "layer", "sample", "pixel"),
                result.reconstructions.flatten(3).cpu().numpy().astype(float32, copy=False),
                {"long_name": "reconstructions of the evaluation set by the composed cascades", **units},
            ),
            "losses": (
                ("replica", "layer", "step"),
                result.losses.cpu().numpy().astype(float32, copy=False),
                {"long_name": "mean squared error of the reconstruction networks", **units},
            ),
            "pre_activation_moments": (
                ("replica", "layer", "sample"),
                result.pre_activation_moments.cpu().numpy().astype(float32, copy=False),
                {"long_name": "mean squared pre-activation of the frozen network", **units},
            ),
            "evaluation_images": (
                ("sample", "pixel"),
                evaluation.flatten(1).cpu().numpy().astype(float32, copy=False),
                {"long_name": "evaluation set", **units},
            ),
            **shown,
        },
        {
            "probe_seconds": seconds,
            "probe_method": probe["method"],
            "image_shape": np.array(images.shape, np.int32),
            "layer_widths": np.array([b.forward.fan_out for b in network.blocks], np.int32),
            "layer_names": [b.name for b in network.blocks],
            "weights": architecture.get("weights") or "random",
            **({"shown_channels": np.array(probe["show_channels"], np.int32).ravel()} if shown else {}),
            **describe_device(device, run["precision"], threads),
            **attributes,
        },
    )
