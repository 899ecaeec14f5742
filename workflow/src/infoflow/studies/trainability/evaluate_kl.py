"""The job from the reconstructions of one probe to its curves over the layers."""

from collections.abc import Mapping

import numpy as np

from infoflow.files.results import Result, Variable, describe, read_result, write_result
from infoflow.jobs.job import Job
from infoflow.studies.trainability.about import EVALUATED
from infoflow.studies.trainability.curves import describe_curves, measure_curves
from infoflow.studies.trainability.pictures import take_channel_pictures, take_first_image, take_pictures


def evaluate_kl(job: Job) -> None:
    """Evaluate a probe, and write its curves. Parameters of the job: `options`, and `probe`, those of the probe."""
    probe = read_result(job.inputs["probe"], job["probe"])
    write_result(job.output, evaluate_probe(probe, **job["options"]), {**probe.attributes, **job.about()})


def evaluate_probe(probe: Result, offset: float, saturation_rtol: float, pictures: int = 0) -> Mapping[str, Variable]:
    """Evaluate the reconstructions of all replicas and layers against the input.

    From the first layer on that has a number that is not finite a replica is `diverged`; its values are NaN there.

    Args:
        probe: what `probe_cascade` wrote: `reconstructions` [R, L, S, P], `evaluation_images` [S, P],
            `losses` [R, L, N], `pre_activation_moments` [R, L, S].
        offset: see `divergence.normalise`.
        saturation_rtol: see `divergence.saturation_depth`.
        pictures: number K of images that are kept, see `pictures.take_pictures`.

    Returns:
        Variables for `results.write_result`: those of `curves.describe_curves`, loss and variance, and the pictures.
    """
    reconstructions, images = probe["reconstructions"], probe["evaluation_images"]
    losses = probe["losses"]
    # a layer whose reconstruction networks diverged counts as diverged, whatever they reconstruct
    sound = np.isfinite(losses).all(axis=2)
    layers = (np.where(sound[:, l, None, None], reconstructions[:, l], np.nan) for l in range(losses.shape[1]))
    curves = measure_curves(layers, images, offset)
    tail = max(1, losses.shape[2] // 10)
    of_network = {
        "reconstruction_loss": losses[..., -tail:].mean(axis=-1),
        "pre_activation_variance": probe["pre_activation_moments"][..., 0],
    }
    per_layer = {n: (("replica", "layer"), curves.where(v).astype(np.float32)) for n, v in of_network.items()}
    variables = {
        **describe_curves(curves, saturation_rtol),
        **describe(per_layer, EVALUATED),
        **take_first_image(images),
    }
    if pictures:
        variables |= take_pictures(reconstructions, images, pictures)
        if "channels" in probe.variables:
            variables["channel_pictures"] = take_channel_pictures(probe["channels"])
    return variables
