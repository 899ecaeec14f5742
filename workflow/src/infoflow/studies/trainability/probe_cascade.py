"""The job of one probe, from the prepared data set to the reconstructions of the evaluation set."""

import numpy as np
import torch

from infoflow.architectures.build import build_network, load_weights
from infoflow.files.originals import find_data_root
from infoflow.files.results import describe
from infoflow.jobs.job import Job
from infoflow.reconstruction.cascade import reconstruct
from infoflow.studies.bench import set_up
from infoflow.studies.trainability.about import PROBED


def probe_cascade(job: Job) -> None:
    """Probe the network of one point, and write the reconstructions of the evaluation set from every layer.

    Parameters of the job: `architecture`, `probe` (method and options, `settings.probe_options`), `run`, `data`.
    """
    bench = set_up(job)
    architecture, probe, images = job["architecture"], job["probe"], bench.images
    evaluation = images.evaluation_images(probe["evaluation_samples"])
    network = build_network(architecture, images.shape, images.classes, bench.depth)
    root = find_data_root(job.config["data_root"])
    weights = load_weights(architecture, root, images.shape, bench.depth)
    result, seconds = bench.timed(
        reconstruct, network.blocks, bench.ensemble, images.train_images, evaluation, probe, weights
    )
    shown = {}
    if probe.get("show_channels"):
        shown["channels"] = (("replica", "channel", "channel_sample", "pixel"), _array(result.channels.flatten(3)))
    bench.write(
        describe(
            {
                "reconstructions": (
                    ("replica", "layer", "sample", "pixel"),
                    _array(result.reconstructions.flatten(3)),
                ),
                "losses": (("replica", "layer", "step"), _array(result.losses)),
                "pre_activation_moments": (("replica", "layer", "sample"), _array(result.pre_activation_moments)),
                "evaluation_images": (("sample", "pixel"), _array(evaluation.flatten(1))),
                **shown,
            },
            PROBED,
        ),
        probe_seconds=seconds,
        probe_method=probe["method"],
        image_shape=np.array(images.shape, np.int32),
        layer_widths=np.array([b.forward.fan_out for b in network.blocks], np.int32),
        layer_names=[b.name for b in network.blocks],
        weights=architecture.get("weights") or "random",
        **({"shown_channels": np.array(probe["show_channels"], np.int32).ravel()} if shown else {}),
    )


def _array(values: torch.Tensor) -> np.ndarray:
    # also of a float64 run: the resolution of a stored image, not of the computation
    return values.cpu().numpy().astype(np.float32, copy=False)
