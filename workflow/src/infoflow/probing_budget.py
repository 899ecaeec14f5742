"""How little probing is enough: scores of a probe of fewer steps, of fewer samples, of narrower networks.

Every method of the experiment's probe is repeated for every width, for every fraction of its steps and for every number
of evaluation samples. What is left out is chosen at random, and less is always a part of more:

- Adam goes ⌈f E⌉ times over a part of the training images, so that its steps are the fraction f of all;
- ridge regression takes the fraction f of its samples;
- of the evaluation set the first images are taken;
- a narrower network has the same depth and variances, but fewer units in every layer.

All combinations are computed but one kind, to save time: the most samples after fewer steps in narrower networks, where
they would cost a good part of what is saved. The experiment's own width, all steps and all samples are its own probe,
to the rounding of the arithmetic.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from infoflow.architectures import Block, build_network
from infoflow.cascade import compose_cascades
from infoflow.divergence import differential_entropy, explained_variance, relative_entropy, sound_layers
from infoflow.errors import InfoflowError
from infoflow.grid import decode
from infoflow.initialization import draw_gaussian, generator
from infoflow.maps import Parameters
from infoflow.prepared import read_prepared
from infoflow.reconstruction import Inverses, fit_inverses
from infoflow.runtime import DTYPES, choose_device, describe_device, finish_work
from infoflow.store import Variable, write_result

SCORES = ("differential_entropy", "explained_variance", "negative_relative_entropy")
"""Scores of a layer, as in `cubes`: larger ones mean more likely trainable; the relative entropy is the median."""

ABOUT: dict[str, dict] = {
    "width": {"long_name": "units of every hidden layer; the last one is the experiment's own", "units": "1"},
    "layer_score": {
        "long_name": "score of a hidden layer",
        "units": "1",
        "comment": "entropies in nats; NaN from the layer on whose reconstruction or loss is not finite, and with the "
        "most samples after fewer steps in narrower networks, which are not computed",
    },
    "fit_seconds": {"long_name": "seconds of drawing the networks and of finding their inverses", "units": "s"},
    "compose_seconds": {"long_name": "seconds of reconstructing the evaluation samples from all layers", "units": "s"},
    "evaluate_seconds": {"long_name": "seconds of the scores of all layers", "units": "s"},
    "steps": {
        "long_name": "steps of the optimiser",
        "units": "1",
        "comment": "1 for a method that solves equations",
    },
    "training_images": {"long_name": "training images that the inverses are found with", "units": "1"},
}
"""Attributes of the variables of one column."""


@dataclass(frozen=True)
class Budget:
    """What was found with F fractions and K numbers of samples, for R replicas and L layers.

    Attributes:
        scores: [F, K, R, L, score].
        fit_seconds, steps, training_images: [F].
        compose_seconds, evaluate_seconds: [F, K]; NaN where not computed.
    """

    scores: np.ndarray
    fit_seconds: np.ndarray
    steps: np.ndarray
    training_images: np.ndarray
    compose_seconds: np.ndarray
    evaluate_seconds: np.ndarray


def probe_budget(
    dataset: str | Path,
    output: str | Path,
    point: str,
    architecture: Mapping[str, Any],
    probes: Mapping[str, Mapping[str, Any]],
    budget: Mapping[str, Sequence],
    offset: float,
    run: Mapping[str, Any],
    threads: int,
    attributes: Mapping[str, Any],
) -> None:
    """Probe the network of one point with all parts of the budget, and write the scores and what they took.

    Args:
        dataset: prepared data set.
        output: result file to write.
        point: name of the point (`grid.encode`).
        architecture, run: entries of the config.
        probes: by method, `config.probe_options`.
        budget: `fractions`, `samples` and `widths` (None: the architecture's own), as `config.budget_options` has them.
        offset: see `divergence.normalise`.
        threads: CPU threads.
        attributes: further global attributes of the result.

    Raises:
        InfoflowError: a width is not smaller than the architecture's own.
    """
    device = choose_device(threads)
    to = {"dtype": DTYPES[run["precision"]], "device": device}
    images = read_prepared(dataset, device, to["dtype"])
    evaluation = images.evaluation_images(max(budget["samples"]))
    sigma_w2, sigma_b2, depth = decode(point)
    replicas = range(run["replicas"])
    networks = {
        width: build_network(
            {**architecture, "width": width or architecture["width"]}, images.shape, images.classes, depth
        ).blocks
        for width in budget["widths"]
    }
    widths = [blocks[0].forward.fan_out for blocks in networks.values()]
    for width in widths[:-1]:
        if width >= widths[-1]:
            raise InfoflowError(
                f"probing_budget: widths: {width} is not narrower than the experiment's own networks of {widths[-1]}"
            )

    own = networks[budget["widths"][-1]]
    found: dict[str, list[Budget]] = {method: [] for method in probes}
    for blocks in networks.values():
        started = time.monotonic()
        frozen = draw_gaussian([b.forward for b in blocks], sigma_w2, sigma_b2, run["seed"], "frozen", replicas, **to)
        finish_work(device)
        drawing = time.monotonic() - started
        for method, options in probes.items():
            common = {"offset": offset, "seed": run["seed"], "replicas": replicas}
            # What only the first computation costs, like the loading of kernels, counts for none of the parts.
            few = images.train_images[:64], evaluation[:2], options
            measure_budget(blocks[:1], frozen[:1], *few, fractions=[0.01], samples=[2], **common)
            all_of_them = images.train_images, evaluation, options
            chosen = {"fractions": budget["fractions"], "samples": budget["samples"], "sparing": blocks is not own}
            part = measure_budget(blocks, frozen, *all_of_them, **chosen, **common)
            part.fit_seconds[:] += drawing
            found[method].append(part)

    def gather(name: str) -> np.ndarray:
        return np.stack([[getattr(part, name) for part in parts] for parts in found.values()])

    setting, reduced = ("probe_method", "width", "fraction"), ("probe_method", "width", "fraction", "samples")
    measured = {
        "width": (("width",), np.array(widths, np.int32)),
        "layer_score": ((*reduced, "replica", "layer", "score"), gather("scores").astype(np.float32)),
        "fit_seconds": (setting, gather("fit_seconds").astype(np.float32)),
        "compose_seconds": (reduced, gather("compose_seconds").astype(np.float32)),
        "evaluate_seconds": (reduced, gather("evaluate_seconds").astype(np.float32)),
        "steps": (("probe_method", "fraction"), gather("steps")[:, 0].astype(np.int32)),
        "training_images": (("probe_method", "fraction"), gather("training_images")[:, 0].astype(np.int32)),
    }
    variables: dict[str, Variable] = {name: (*values, ABOUT[name]) for name, values in measured.items()}
    write_result(output, variables, {**describe_device(device, run["precision"], threads), **attributes})


def measure_budget(
    blocks: Sequence[Block],
    frozen: Sequence[Parameters],
    images: torch.Tensor,
    evaluation_images: torch.Tensor,
    options: Mapping[str, Any],
    *,
    fractions: Sequence[float],
    samples: Sequence[int],
    offset: float,
    seed: int,
    replicas: Sequence[int],
    sparing: bool = False,
) -> Budget:
    """Scores of all layers of frozen networks with parts of one method's probe, and what each of them took.

    Args:
        blocks: the L layers and their inverses.
        frozen: parameters of the layers, stacked over R replicas.
        images: training images [M, *input_shape].
        evaluation_images: [S, *input_shape].
        options: method and options of the reconstruction networks, `config.probe_options`.
        fractions: of the steps, F of them.
        samples: numbers of evaluation samples, K of them.
        offset: see `divergence.normalise`.
        sparing: whether to leave out the largest number of samples after fewer steps; NaN then.
    """
    device = images.device
    layers = [b.forward for b in blocks]
    shape = len(fractions), len(samples)
    scores = np.full((*shape, len(replicas), len(blocks), len(SCORES)), np.nan)
    seconds = np.full((2, *shape), np.nan)
    fitting, steps, taken = np.zeros(shape[0]), np.zeros(shape[0], int), np.zeros(shape[0], int)
    for f, fraction in enumerate(fractions):
        started = time.monotonic()
        part, fewer = reduce_probe(options, images, fraction, seed)
        found: Inverses = fit_inverses(blocks, frozen, part, fewer, seed=seed, replicas=replicas)
        finish_work(device)
        fitting[f] = time.monotonic() - started
        steps[f], taken[f] = found.losses.shape[2], min(len(part), fewer.get("ridge_samples", len(part)))
        losses = found.losses.cpu().numpy()
        left_out = [max(samples)] if sparing and fraction < 1 and len(samples) > 1 else []
        for k, count in enumerate(samples):
            if count in left_out:
                continue
            shown = evaluation_images[:count]
            started = time.monotonic()
            cascades, _ = compose_cascades(layers, frozen, found.maps, found.parameters, shown, len(replicas))
            finish_work(device)
            composed = time.monotonic()
            # float32 also of a float64 run, like what the experiment's probe stores
            inputs, outputs = (x.float().cpu().numpy() for x in (shown.flatten(1), cascades.flatten(3)))
            for r, ok in enumerate(sound_layers(outputs, losses)):  # the float64 copies of all would not fit
                scores[f, k, r, ok] = score_layers(inputs, outputs[r, ok], offset)
            seconds[:, f, k] = composed - started, time.monotonic() - composed
    return Budget(scores, fitting, steps, taken, *seconds)


def reduce_probe(
    options: Mapping[str, Any], images: torch.Tensor, fraction: float, seed: int
) -> tuple[torch.Tensor, dict[str, Any]]:
    """Training images and options of a fraction of a probe's steps, or of its samples if it takes no steps.

    A smaller part of the images lies within a larger one; a fraction of 1 leaves everything as it is.
    """
    number = len(images)
    if options["method"] == "ridge":  # it chooses its samples itself
        return images, {**options, "ridge_samples": max(2, round(fraction * min(options["ridge_samples"], number)))}
    epochs = max(1, math.ceil(fraction * options["epochs"]))
    count = max(1, round(fraction * options["epochs"] * number / epochs))
    if count < number:
        order = torch.randperm(number, generator=generator(seed, "probing budget"))
        images = images[order[:count].to(images.device)]
    return images, {**options, "epochs": epochs}


def score_layers(images: np.ndarray, reconstructions: np.ndarray, offset: float) -> np.ndarray:
    """SCORES of images [S, P] and their reconstructions [L, S, P]: [L, score], as `evaluation` computes them."""
    return np.stack(
        [
            differential_entropy(reconstructions, offset),
            explained_variance(images, reconstructions),
            -np.median(relative_entropy(images, reconstructions, offset), axis=-1),
        ],
        axis=-1,
    )
