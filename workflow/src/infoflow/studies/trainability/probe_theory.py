"""The job of one point by the theory of infinite width, to the curves of a probe: without any network."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from infoflow.architectures.widths import hidden_widths
from infoflow.datasets.samples import Samples, read_samples
from infoflow.files.names import decode
from infoflow.files.results import write_result
from infoflow.jobs.job import Job
from infoflow.studies.trainability.curves import describe_curves, measure_curves
from infoflow.studies.trainability.pictures import take_first_image, take_pictures
from infoflow.studies.trainability.variables import NO_WEIGHTS
from infoflow.theory.reconstruction import theory_cascade


def probe_theory(job: Job) -> None:
    """Write the curves of one point, for one replica, which stands for all.

    Parameters of the job: `architecture`, `probe` (method and options, `settings.probe_options`), `options` (of
    `evaluate`), `seed` of the choice of samples, `data`.
    """
    probe, options = job["probe"], job["options"]
    number = probe["kernel_samples"], probe["evaluation_samples"]
    samples = read_samples(job.inputs["dataset"], job["data"], *number, job["seed"])
    sigma_w2, sigma_b2, depth = decode(job.wildcards["point"])
    started = time.monotonic()
    widths = hidden_widths(job["architecture"], samples.shape, samples.classes, depth)
    images = samples.evaluation.reshape(len(samples.evaluation), -1)
    shown = np.empty((1, len(widths), *images[: options["pictures"]].shape), np.float32)

    def layers() -> Iterator[np.ndarray]:
        activation = job["architecture"]["activation"]
        for l, found in enumerate(reconstruct(samples, activation, (sigma_w2, sigma_b2), widths, probe)):
            shown[0, l] = found[: options["pictures"]]
            yield found[None]

    curves = measure_curves(layers(), images, options["offset"])
    variables = {**describe_curves(curves, options["saturation_rtol"]), **take_first_image(images)}
    if options["pictures"]:
        variables |= take_pictures(shown, images, options["pictures"])
    attributes = {
        "probe_seconds": time.monotonic() - started,
        "probe_method": probe["method"],
        "image_shape": np.array(samples.shape, np.int32),
        "layer_widths": np.array(widths, np.int32),
        "weights": NO_WEIGHTS,
        "device": "CPU",
        "threads": job.threads,
    }
    write_result(job.output, variables, {**attributes, **job.about()})


def reconstruct(
    samples: Samples, activation: str, variances: tuple[float, float], widths: list[int], options: Mapping[str, Any]
) -> Iterator[np.ndarray]:
    """The reconstructions [S, P] from every layer, one after the other.

    Args:
        variances: σ_w², σ_b².
        widths: units of the layers.
        options: kernel_penalty, kernel_noise.
    """
    images = (part.reshape(len(part), -1) for part in (samples.fit, samples.evaluation))
    relative = options["kernel_noise"] == "relative"
    return theory_cascade(activation, *variances, widths, *images, options["kernel_penalty"], relative)
