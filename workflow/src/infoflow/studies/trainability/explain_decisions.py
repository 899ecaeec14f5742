"""What a trained network decides by: its inputs reconstructed from every layer, and the input that suits a class best.

The inverses of all layers, readout head included, are found for the trained network as for an untrained one. Scores
that say nothing but a class, sent back through all of them, give the prototype of the class.
Source: arXiv:2406.12916, physics.md A2, A6.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from infoflow.architectures.build import build_network
from infoflow.engine.images import PreparedImages
from infoflow.engine.initialization import Ensemble
from infoflow.engine.maps.inverse import inverse_of
from infoflow.engine.maps.map import Map, Parameters
from infoflow.engine.network import Block, Network
from infoflow.engine.training import compute_scores, predict_classes, train_at_rates
from infoflow.files.results import describe
from infoflow.jobs.job import Job
from infoflow.reconstruction.cascade import compose_cascades, send_back
from infoflow.reconstruction.fit import Inverses, fit_inverses
from infoflow.studies.bench import set_up
from infoflow.studies.trainability.about import EXPLAINED
from infoflow.studies.trainability.pictures import as_picture, take_pictures


@dataclass(frozen=True)
class Prototypes:
    """Of R trained networks, for C classes.

    Attributes:
        targets: the scores that are sent back, [R, C, C].
        images: what comes of them, [R, C, *input_shape].
        scores: what the networks say of these images, [R, C, C].
    """

    targets: torch.Tensor
    images: torch.Tensor
    scores: torch.Tensor


@dataclass(frozen=True)
class Decisions:
    """R trained networks of L layers, readout head included; S chosen inputs, N training steps of the inverses.

    Attributes:
        accuracy: share of the evaluation set that is classified correctly, [R].
        inputs: [S, *input_shape]; first those that the first replica takes for what they are, then those that it
            does not.
        labels: classes of the inputs, [S].
        scores: what the networks say of them, [R, S, C].
        reconstructions: C^l of them, [R, L, S, *input_shape].
        losses: mean squared error of every reconstruction network per step, [R, L, N].
        prototypes: the inputs that suit the classes best.
    """

    accuracy: torch.Tensor
    inputs: torch.Tensor
    labels: torch.Tensor
    scores: torch.Tensor
    reconstructions: torch.Tensor
    losses: torch.Tensor
    prototypes: Prototypes


def find_decisions(
    network: Network,
    ensemble: Ensemble,
    images: PreparedImages,
    train_settings: Mapping[str, Any],
    probe: Mapping[str, Any],
    count: int,
) -> Decisions:
    """Train the networks as the ground truth does, find their inverses, and send inputs and classes back.

    Args:
        images: a data set with labels.
        train_settings: section `train` of the config.
        probe: method and options of the reconstruction networks, `settings.probe_options`.
        count: how many inputs are chosen that are classified correctly, and at most so many that are not.
    """
    evaluation = images.evaluation_images(probe["evaluation_samples"])  # before all the work: it may be too small
    trained = train_at_rates(network, ensemble, images, train_settings, keep_parameters=True).parameters
    replicas = ensemble.replicas
    blocks = all_blocks(network)
    layers = [b.forward for b in blocks]
    found = fit_inverses(blocks, trained, images.train_images, probe, seed=ensemble.seed, replicas=replicas)

    labels = images.test_labels[images.evaluation_order[: len(evaluation)]]
    scores = compute_scores(layers, trained, evaluation.expand(len(replicas), *evaluation.shape))
    right = predict_classes(scores) == labels
    chosen = [*choose_inputs(right[0], labels, count), *choose_inputs(~right[0], labels, count)]
    back = found.maps, found.parameters
    reconstructions, _ = compose_cascades(layers, trained, *back, evaluation[chosen], len(replicas))

    return Decisions(
        right.double().mean(1),
        evaluation[chosen],
        labels[chosen],
        scores[:, chosen],
        reconstructions,
        found.losses,
        find_prototypes(layers, trained, found, class_targets(network, trained, images, train_settings)),
    )


def all_blocks(network: Network) -> list[Block]:
    """Blocks of the network and of its readout head, all of them named."""
    hidden = [Block(b.forward, b.inverse, b.name or f"layer {l}") for l, b in enumerate(network.blocks, start=1)]
    *between, scores = [Block(layer, inverse_of(layer), f"head {k}") for k, layer in enumerate(network.head, start=1)]
    return [*hidden, *between, Block(scores.forward, scores.inverse, "scores")]


def choose_inputs(wanted: torch.Tensor, labels: torch.Tensor, count: int) -> list[int]:
    """Places of the first `count` that are wanted [S]; one of every class [S] before there is a second of any."""
    seen: Counter[int] = Counter()
    turns: dict[int, int] = {}
    for place in wanted.nonzero().flatten().tolist():
        turns[place] = seen[label := int(labels[place])]
        seen[label] += 1
    return sorted(turns, key=turns.get)[:count]


def class_targets(
    network: Network, trained: Sequence[Parameters], images: PreparedImages, train_settings: Mapping[str, Any]
) -> torch.Tensor:
    """Scores that say nothing but a class, for every replica and class: [R, C, C].

    Of scores that end with φ -1 everywhere and +1 at the class, as published. Linear ones, of which softmax does not
    see the mean, have mean zero, and the root mean square of the network's own scores on the training set, whatever it
    has grown to: so the inverses get what they have seen.
    """
    classes, like = images.classes, images.train_images
    replicas = len(next(iter(trained[-1].values())))
    targets = 2 * torch.eye(classes, dtype=like.dtype, device=like.device) - 1
    if train_settings["readout"] != "logits":
        return targets.expand(replicas, classes, classes)
    scores = compute_scores(network.layers, trained, like.expand(replicas, *like.shape))
    targets = targets - targets.mean(1, keepdim=True)
    return targets / targets.square().mean().sqrt() * scores.square().mean((1, 2)).sqrt()[:, None, None]


def find_prototypes(
    layers: Sequence[Map], trained: Sequence[Parameters], found: Inverses, targets: torch.Tensor
) -> Prototypes:
    """The scores of every class, `targets` [R, C, C], sent back through the whole cascade."""
    images = send_back(found.maps, found.parameters, targets)
    return Prototypes(targets, images, compute_scores(layers, trained, images))


def explain_decisions(job: Job) -> None:
    """Explain the decisions of the trained networks of one point, and write pictures of them.

    Parameters of the job: `architecture`, `train`, `probe` and `images` (see `find_decisions`), `run`, `data`.
    """
    bench = set_up(job, to_learn=True)
    images, count = bench.images, job["images"]
    network = build_network(job["architecture"], images.shape, images.classes, bench.depth, job["train"]["readout"])
    found, seconds = bench.timed(find_decisions, network, bench.ensemble, images, job["train"], job["probe"], count)
    prototypes = found.prototypes
    explained = {
        "labels": (("picture",), found.labels.cpu().numpy().astype(np.int16)),
        **_verdicts("", "picture", found.scores),
        "prototypes": (("replica", "class", "pixel"), as_picture(_array(prototypes.images.flatten(2)))),
        **_verdicts("prototype_", "class", prototypes.scores),
        "targets": (("replica", "class", "score"), _array(prototypes.targets)),
        "accuracy": (("replica",), _array(found.accuracy)),
        "losses": (("replica", "layer", "step"), _array(found.losses)),
    }
    bench.write(
        {
            **take_pictures(_array(found.reconstructions.flatten(3)), _array(found.inputs.flatten(1)), 2 * count),
            **describe(explained, EXPLAINED),
        },
        explain_seconds=seconds,
        image_shape=np.array(images.shape, np.int32),
        layer_names=[b.name for b in all_blocks(network)],
        hidden_layers=len(network.blocks),
        **({} if images.class_names is None else {"class_names": list(images.class_names)}),
    )


def _verdicts(prefix: str, dimension: str, scores: torch.Tensor) -> dict:
    """The class that the networks see, -1 where they are not finite, and its probability."""
    probabilities, classes = scores.softmax(-1).amax(-1), predict_classes(scores)
    dimensions = ("replica", dimension)
    return {
        f"{prefix}predictions": (dimensions, classes.cpu().numpy().astype(np.int16)),
        f"{prefix}probabilities": (dimensions, _array(probabilities)),
    }


def _array(values: torch.Tensor) -> np.ndarray:
    return values.cpu().numpy().astype(np.float32, copy=False)
