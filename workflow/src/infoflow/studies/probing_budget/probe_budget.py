"""How little probing is enough: scores of a probe of fewer steps, of fewer samples, of narrower networks.

Every method of the experiment's probe is repeated for every width, for every fraction of its steps and for every number
of evaluation samples. What is left out is chosen at random, and less is always a part of more:

- Adam goes ⌈f E⌉ times over a part of the training images, so that its steps are the fraction f of all;
- ridge regression and the kernel cascade, whose theory likewise, take the fraction f of their samples;
- of the evaluation set the first images are taken;
- a narrower network has the same depth and variances, but fewer units in every layer.

All combinations are computed but one kind, to save time: the most samples after fewer steps in narrower networks, where
they would cost a good part of what is saved. The experiment's own width, all steps and all samples are its own probe,
to the rounding of the arithmetic.
"""

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from infoflow.architectures.build import build_network
from infoflow.datasets.samples import fit_order
from infoflow.engine.device import finish_work
from infoflow.engine.initialization import Ensemble, generator
from infoflow.engine.maps.map import Parameters
from infoflow.engine.network import Block
from infoflow.errors import InfoflowError
from infoflow.files.results import describe
from infoflow.jobs.job import Job
from infoflow.reconstruction.cascade import compose_cascades
from infoflow.reconstruction.fit import fit_inverses
from infoflow.studies.bench import Bench, set_up
from infoflow.studies.probing_budget.about import PROBED
from infoflow.studies.probing_budget.variables import SCORES
from infoflow.studies.trainability.curves import Curves, measure_curves
from infoflow.studies.trainability.probe_kernel import reconstruct
from infoflow.theory.reconstruction import theory_cascade


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


@dataclass(frozen=True)
class Share:
    """Parts of a probe.

    Attributes:
        fractions: of the steps.
        samples: numbers of evaluation samples.
        sparing: whether to leave out the largest number of samples after fewer steps; NaN then.
    """

    fractions: Sequence[float]
    samples: Sequence[int]
    sparing: bool = False


def probe_budget(job: Job) -> None:
    """Probe the network of one point with all parts of the budget, and write the scores and what they took.

    Parameters of the job: `architecture`; `probes`, by method, `settings.probe_options`; `budget`: `fractions`,
    `samples` and `widths` (None: the architecture's own); `offset`, see `divergence.normalise`; `run`, `data`.

    Raises:
        InfoflowError: a width is not smaller than the architecture's own.
    """
    bench = set_up(job)
    images, budget = bench.images, job["budget"]
    evaluation = images.evaluation_images(max(budget["samples"]))
    networks = _build_networks(bench)
    own = networks[-1]
    found: dict[str, list[Budget]] = {method: [] for method in job["probes"]}
    for blocks in networks:
        layers = [b.forward for b in blocks]
        to = {"dtype": evaluation.dtype, "device": bench.device}
        frozen, drawing = bench.timed(bench.ensemble.draw, layers, **to)
        for method, options in job["probes"].items():
            common = {"offset": job["offset"], "ensemble": bench.ensemble}
            # What only the first computation costs, like the loading of kernels, counts for none of the parts.
            few = images.train_images[:64], evaluation[:2], options
            measure_budget(blocks[:1], frozen[:1], *few, Share([0.01], [2]), **common)
            share = Share(budget["fractions"], budget["samples"], sparing=blocks is not own)
            part = measure_budget(blocks, frozen, images.train_images, evaluation, options, share, **common)
            part.fit_seconds[:] += drawing if method != "theory" else 0
            found[method].append(part)

    def gather(name: str) -> np.ndarray:
        return np.stack([[getattr(part, name) for part in parts] for parts in found.values()])

    setting, reduced = ("probe_method", "width", "fraction"), ("probe_method", "width", "fraction", "samples")
    widths = [blocks[0].forward.fan_out for blocks in networks]
    measured = {
        "width": (("width",), np.array(widths, np.int32)),
        "layer_score": ((*reduced, "replica", "layer", "score"), gather("scores").astype(np.float32)),
        "fit_seconds": (setting, gather("fit_seconds").astype(np.float32)),
        "compose_seconds": (reduced, gather("compose_seconds").astype(np.float32)),
        "evaluate_seconds": (reduced, gather("evaluate_seconds").astype(np.float32)),
        "steps": (("probe_method", "fraction"), gather("steps")[:, 0].astype(np.int32)),
        "training_images": (("probe_method", "fraction"), gather("training_images")[:, 0].astype(np.int32)),
    }
    bench.write(describe(measured, PROBED))


def _build_networks(bench: Bench) -> list[Sequence[Block]]:
    """Blocks of the networks of all widths, the experiment's own last."""
    architecture, images = bench.job["architecture"], bench.images
    networks = [
        build_network(
            {**architecture, "width": width or architecture["width"]}, images.shape, images.classes, bench.depth
        ).blocks
        for width in bench.job["budget"]["widths"]
    ]
    *narrow, widest = (blocks[0].forward.fan_out for blocks in networks)
    for width in narrow:
        if width >= widest:
            raise InfoflowError(
                f"probing_budget: widths: {width} is not narrower than the experiment's own networks of {widest}"
            )
    return networks


def measure_budget(
    blocks: Sequence[Block],
    frozen: Sequence[Parameters],
    images: torch.Tensor,
    evaluation_images: torch.Tensor,
    options: Mapping[str, Any],
    share: Share,
    *,
    offset: float,
    ensemble: Ensemble,
) -> Budget:
    """Scores of all layers of frozen networks with parts of one method's probe, and what each of them took.

    Args:
        blocks: the L layers and their inverses.
        frozen: parameters of the layers, stacked over R replicas.
        images: training images [M, *input_shape].
        evaluation_images: [S, *input_shape].
        options: method and options of the reconstruction networks, `settings.probe_options`.
        share: F fractions and K numbers of samples.
        offset: see `divergence.normalise`.
        ensemble: which networks.
    """
    fractions, samples = share.fractions, share.samples
    shape = len(fractions), len(samples)
    scores = np.full((*shape, len(ensemble), len(blocks), len(SCORES)), np.nan)
    seconds = np.full((2, *shape), np.nan)
    fitting, steps, taken = np.zeros(shape[0]), np.zeros(shape[0], int), np.zeros(shape[0], int)
    for f, fraction in enumerate(fractions):
        started = time.monotonic()
        part, fewer = reduce_probe(options, images, fraction, ensemble.seed)
        fitted = _fit(blocks, frozen, part, fewer, ensemble)
        fitting[f] = time.monotonic() - started
        steps[f], taken[f] = fitted.steps, fitted.images
        left_out = [max(samples)] if share.sparing and fraction < 1 and len(samples) > 1 else []
        for k, count in enumerate(samples):
            if count in left_out:
                continue
            shown = evaluation_images[:count]
            started = time.monotonic()
            layers = list(fitted.reconstruct(shown))
            composed = time.monotonic()
            scores[f, k] = score_curves(measure_curves(layers, shown.flatten(1).cpu().numpy(), offset))
            seconds[:, f, k] = composed - started, time.monotonic() - composed
    return Budget(scores, fitting, steps, taken, *seconds)


@dataclass(frozen=True)
class _Fitted:
    """A part of a probe, ready to reconstruct.

    Attributes:
        steps, images: that it took.
        reconstruct: evaluation images [S, *input_shape] to their reconstructions [R, S, P], layer by layer.
    """

    steps: int
    images: int
    reconstruct: Callable[[torch.Tensor], Iterable[np.ndarray]]


def _fit(
    blocks: Sequence[Block],
    frozen: Sequence[Parameters],
    images: torch.Tensor,
    options: Mapping[str, Any],
    ensemble: Ensemble,
) -> _Fitted:
    """Fit whatever a method has to fit before it sees the evaluation images; arguments as in `measure_budget`."""
    forward, device = [b.forward for b in blocks], images.device
    if "kernel_samples" in options:  # nothing: the cascade is computed of both at once
        chosen = images[torch.from_numpy(fit_order(ensemble.seed, len(images))[: options["kernel_samples"]]).to(device)]

        def of_kernel(shown: torch.Tensor) -> Iterable[np.ndarray]:
            both = torch.cat([chosen, shown])
            for found in reconstruct(forward, frozen, both, len(chosen), len(ensemble), options):
                yield found.images.cpu().numpy()

        def of_theory(shown: torch.Tensor) -> Iterable[np.ndarray]:
            variances, widths = (ensemble.sigma_w2, ensemble.sigma_b2), [layer.fan_out for layer in forward]
            both = (x.flatten(1).double().cpu().numpy() for x in (chosen, shown))
            noise = options["kernel_penalty"], options["kernel_noise"] == "relative"
            for found in theory_cascade(forward[0].activation, *variances, widths, *both, *noise):
                yield np.broadcast_to(found, (len(ensemble), *found.shape))

        return _Fitted(1, len(chosen), of_theory if options["method"] == "theory" else of_kernel)
    found = fit_inverses(blocks, frozen, images, options, seed=ensemble.seed, replicas=ensemble.replicas)
    finish_work(device)
    sound = found.losses.isfinite().all(2).cpu().numpy()

    def of_inverses(shown: torch.Tensor) -> Iterable[np.ndarray]:
        cascades, _ = compose_cascades(forward, frozen, found.maps, found.parameters, shown, len(ensemble))
        # float32 also of a float64 run, like what the experiment's probe stores
        layers = cascades.flatten(3).float().cpu().numpy()
        return (np.where(sound[:, l, None, None], layers[:, l], np.nan) for l in range(len(blocks)))

    return _Fitted(found.losses.shape[2], min(len(images), options.get("ridge_samples", len(images))), of_inverses)


def reduce_probe(
    options: Mapping[str, Any], images: torch.Tensor, fraction: float, seed: int
) -> tuple[torch.Tensor, dict[str, Any]]:
    """Training images and options of a fraction of a probe's steps, or of its samples if it takes no steps.

    A smaller part of the images lies within a larger one; a fraction of 1 leaves everything as it is.
    """
    number = len(images)
    for name in ("ridge_samples", "kernel_samples"):
        if name in options:  # the method chooses its samples itself
            return images, {**options, name: max(2, round(fraction * min(options[name], number)))}
    passes = options.get("epochs", 1)
    epochs = max(1, math.ceil(fraction * passes))
    count = max(1, round(fraction * passes * number / epochs))
    if count < number:
        order = torch.randperm(number, generator=generator(seed, "probing budget"))
        images = images[order[:count].to(images.device)]
    return images, {**options, **({"epochs": epochs} if "epochs" in options else {})}


def score_curves(curves: Curves) -> np.ndarray:
    """SCORES of every layer, [R, L, score]."""
    return np.stack([curves.entropy, curves.explained, -np.median(curves.divergence, axis=-1)], axis=-1)
