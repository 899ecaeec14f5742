"""What a trained network decides by: its inputs reconstructed from every layer, and the input that suits a class best.

The inverses of all layers, readout head included, are found for the trained network as for an untrained one. Scores
that say nothing but a class, sent back through all of them, give the prototype of the class.
Source: arXiv:2406.12916, PHYSICS A2, A6.
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from infoflow.architectures import Block, Network, build_network
from infoflow.cascade import compose_cascades, send_back
from infoflow.grid import decode
from infoflow.ground_truth import train_replicas
from infoflow.inverses import inverse_of
from infoflow.maps import Map, Parameters
from infoflow.pictures import ABOUT, as_picture, take_pictures
from infoflow.prepared import PreparedImages, read_prepared
from infoflow.reconstruction import Inverses, fit_inverses
from infoflow.runtime import DTYPES, choose_device, describe_device, finish_work
from infoflow.store import write_result
from infoflow.training import compute_scores, predict_classes


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


def explain_decisions(
    network: Network,
    sigma_w2: float,
    sigma_b2: float,
    images: PreparedImages,
    train: Mapping[str, Any],
    probe: Mapping[str, Any],
    run: Mapping[str, Any],
    count: int,
) -> Decisions:
    """Train the networks as the ground truth does, find their inverses, and send inputs and classes back.

    Args:
        images: a data set with labels.
        train, run: entries of the config.
        probe: method and options of the reconstruction networks, `config.probe_options`.
        count: how many inputs are chosen that are classified correctly, and at most so many that are not.
    """
    evaluation = images.evaluation_images(probe["evaluation_samples"])  # before all the work: it may be too small
    truth = train_replicas(network, sigma_w2, sigma_b2, images, train, run, keep_parameters=True)
    replicas = range(run["replicas"])
    blocks = all_blocks(network)
    layers = [b.forward for b in blocks]
    found = fit_inverses(blocks, truth.parameters, images.train_images, probe, seed=run["seed"], replicas=replicas)

    labels = images.test_labels[images.evaluation_order[: len(evaluation)]]
    scores = compute_scores(layers, truth.parameters, evaluation.expand(len(replicas), *evaluation.shape))
    right = predict_classes(scores) == labels
    chosen = [*choose_inputs(right[0], labels, count), *choose_inputs(~right[0], labels, count)]
    back = found.maps, found.parameters
    reconstructions, _ = compose_cascades(layers, truth.parameters, *back, evaluation[chosen], len(replicas))

    return Decisions(
        right.double().mean(1),
        evaluation[chosen],
        labels[chosen],
        scores[:, chosen],
        reconstructions,
        found.losses,
        find_prototypes(layers, truth.parameters, found, class_targets(network, truth.parameters, images, train)),
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
    network: Network, trained: Sequence[Parameters], images: PreparedImages, train: Mapping[str, Any]
) -> torch.Tensor:
    """Scores that say nothing but a class, for every replica and class: [R, C, C].

    Of scores that end with φ -1 everywhere and +1 at the class, as published. Linear ones, of which softmax does not
    see the mean, have mean zero, and the root mean square of the network's own scores on the training set, whatever it
    has grown to: so the inverses get what they have seen.
    """
    classes, like = images.classes, images.train_images
    replicas = len(next(iter(trained[-1].values())))
    targets = 2 * torch.eye(classes, dtype=like.dtype, device=like.device) - 1
    if train["readout"] != "logits":
        return targets.expand(replicas, classes, classes)
    layers = [*(b.forward for b in network.blocks), *network.head]
    scores = compute_scores(layers, trained, like.expand(replicas, *like.shape))
    targets = targets - targets.mean(1, keepdim=True)
    return targets / targets.square().mean().sqrt() * scores.square().mean((1, 2)).sqrt()[:, None, None]


def find_prototypes(
    layers: Sequence[Map], trained: Sequence[Parameters], found: Inverses, targets: torch.Tensor
) -> Prototypes:
    """The scores of every class, `targets` [R, C, C], sent back through the whole cascade."""
    images = send_back(found.maps, found.parameters, targets)
    return Prototypes(targets, images, compute_scores(layers, trained, images))


def explain_point(
    dataset: str | Path,
    output: str | Path,
    point: str,
    architecture: Mapping[str, Any],
    train: Mapping[str, Any],
    probe: Mapping[str, Any],
    run: Mapping[str, Any],
    count: int,
    threads: int,
    attributes: Mapping[str, Any],
) -> None:
    """Explain the decisions of the trained network of one point, and write pictures of them.

    Args:
        dataset: prepared data set.
        output: result file to write.
        point: name of the point (`grid.encode`).
        architecture, train, probe, run, count: see `explain_decisions`.
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
    found = explain_decisions(network, sigma_w2, sigma_b2, images, train, probe, run, count)
    finish_work(device)
    seconds = time.monotonic() - started

    about = {"units": "1"}
    prototypes = found.prototypes
    write_result(
        output,
        {
            **take_pictures(_array(found.reconstructions.flatten(3)), _array(found.inputs.flatten(1)), 2 * count),
            "labels": (
                ("picture",),
                found.labels.cpu().numpy().astype(np.int16),
                {"long_name": "classes of the inputs", **about},
            ),
            **_verdicts("", "picture", "input", found.scores),
            "prototypes": (
                ("replica", "class", "pixel"),
                as_picture(_array(prototypes.images.flatten(2))),
                {"long_name": "scores for one class, sent back to the input", **ABOUT},
            ),
            **_verdicts("prototype_", "class", "prototype", prototypes.scores),
            "targets": (
                ("replica", "class", "score"),
                _array(prototypes.targets),
                {"long_name": "scores that were sent back", **about},
            ),
            "accuracy": (
                ("replica",),
                _array(found.accuracy),
                {"long_name": "accuracy on the evaluation set", **about},
            ),
            "losses": (
                ("replica", "layer", "step"),
                _array(found.losses),
                {"long_name": "mean squared error of the reconstruction networks", **about},
            ),
        },
        {
            "explain_seconds": seconds,
            "image_shape": np.array(images.shape, np.int32),
            "layer_names": [b.name for b in all_blocks(network)],
            "hidden_layers": len(network.blocks),
            **describe_device(device, run["precision"], threads),
            **attributes,
        },
    )


def _verdicts(prefix: str, dimension: str, what: str, scores: torch.Tensor) -> dict:
    """The class that the networks see, -1 where they are not finite, and its probability."""
    probabilities, classes = scores.softmax(-1).amax(-1), predict_classes(scores)
    dimensions, about = ("replica", dimension), {"units": "1"}
    return {
        f"{prefix}predictions": (
            dimensions,
            classes.cpu().numpy().astype(np.int16),
            {"long_name": f"class that the network takes the {what} for", **about},
        ),
        f"{prefix}probabilities": (
            dimensions,
            _array(probabilities),
            {"long_name": f"probability of that class, softmax of the scores of the {what}", **about},
        ),
    }


def _array(values: torch.Tensor) -> np.ndarray:
    return values.cpu().numpy().astype(np.float32, copy=False)
