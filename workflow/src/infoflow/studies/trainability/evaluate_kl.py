"""The job from the reconstructions of one probe to its curves over the layers."""

from collections.abc import Mapping

import numpy as np

from infoflow.files.conventions import DIVERGED, OK
from infoflow.files.results import Result, Variable, describe, read_result, write_result
from infoflow.jobs.job import Job
from infoflow.reconstruction.divergence import (
    differential_entropy,
    explained_variance,
    relative_entropy,
    saturation_case,
    saturation_depth,
    sound_layers,
)
from infoflow.studies.trainability.about import EVALUATED, FIRST_IMAGE
from infoflow.studies.trainability.pictures import take_channel_pictures, take_pictures
from infoflow.studies.trainability.variables import QUANTILES


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
        Variables for `results.write_result`, over replica, layer, quantile and saturation measure; and the pictures.
        The saturation at a layer is that of the network that ends with it.
    """
    reconstructions, images = probe["reconstructions"], probe["evaluation_images"].astype(np.float64)
    losses = probe["losses"]
    ok = sound_layers(reconstructions, losses)

    replicas, layers = losses.shape[:2]
    divergences = np.full((replicas, layers, len(images)), np.nan)
    entropy = np.full((replicas, layers), np.nan)
    explained = np.full((replicas, layers), np.nan)
    for r, l in np.argwhere(ok):  # one layer at a time: the float64 copies of all would not fit
        divergences[r, l] = relative_entropy(images, reconstructions[r, l], offset)
        entropy[r, l] = differential_entropy(reconstructions[r, l], offset)
        explained[r, l] = explained_variance(images, reconstructions[r, l])

    depths, cases = _saturation(divergences, entropy, saturation_rtol)
    tail = max(1, losses.shape[2] // 10)
    loss = np.where(ok, losses[..., -tail:].mean(axis=-1), np.nan)
    moments = np.where(ok, probe["pre_activation_moments"][..., 0], np.nan)

    per_layer = ("replica", "layer")
    saturation = (*per_layer, "measure")
    quantiles = np.moveaxis(np.quantile(divergences, QUANTILES, axis=-1), 0, -1)
    found = {
        "relative_entropy": ((*per_layer, "quantile"), quantiles.astype(np.float32)),
        "relative_entropy_mean": (per_layer, divergences.mean(axis=-1).astype(np.float32)),
        "differential_entropy": (per_layer, entropy.astype(np.float32)),
        "explained_variance": (per_layer, explained.astype(np.float32)),
        "reconstruction_loss": (per_layer, loss.astype(np.float32)),
        "pre_activation_variance": (per_layer, moments.astype(np.float32)),
        "saturation_depth": (saturation, depths.astype(np.float32)),
        "saturation_case": (saturation, cases),
        "probe_status": (per_layer, np.where(ok, OK, DIVERGED).astype(np.int8)),
    }
    variables = describe(found, EVALUATED)
    variables["first_image"] = (("pixel",), images[0].astype(np.float32), FIRST_IMAGE)
    if pictures:
        variables |= take_pictures(reconstructions, images, pictures)
        if "channels" in probe.variables:
            variables["channel_pictures"] = take_channel_pictures(probe["channels"])
    return variables


def _saturation(divergences: np.ndarray, entropy: np.ndarray, rtol: float) -> tuple[np.ndarray, np.ndarray]:
    """Saturation depth and case of the networks that end with each of the layers, both [R, L, measure].

    Args:
        divergences: [R, L, S].
        entropy: [R, L].
    """
    median = np.median(divergences, axis=-1)
    depths, cases = [], []
    for last in range(1, median.shape[1] + 1):
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.median(divergences[:, :last] / divergences[:, last - 1 : last], axis=-1)
        curves = np.stack([ratio, median[:, :last], entropy[:, :last]], axis=1)
        depths.append(saturation_depth(curves, rtol))
        cases.append(saturation_case(curves, rtol))
    return np.stack(depths, axis=1), np.stack(cases, axis=1)
