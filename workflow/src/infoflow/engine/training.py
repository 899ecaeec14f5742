"""Ground truth: train the networks fully, from the same random initialisation that is probed.

Source: arXiv:2406.12916, physics.md A4.
"""

import logging
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from infoflow.engine.images import PreparedImages
from infoflow.engine.initialization import Ensemble
from infoflow.engine.maps.map import PART, Map, Parameters, apply, units, vjp
from infoflow.engine.network import Network
from infoflow.engine.optimizers import AdamW, Descent, Momentum, make_optimizer
from infoflow.engine.parallel import CACHE, for_each

logger = logging.getLogger(__name__)


SUCCESS, NEVER = "success", "never"
"""When a training stops: as soon as the success accuracy is reached, or after all epochs."""


@dataclass(frozen=True)
class Training:
    """History of R replicas over E epochs; NaN after a replica has stopped.

    Attributes:
        accuracy: share of the test set classified correctly after each epoch, [R, E].
        loss: mean training loss of each epoch in nats, [R, E].
        diverged: whether loss or parameters became NaN or infinite, [R].
        parameters: of every layer, readout head included, as they were when the replica stopped; None unless kept.
    """

    accuracy: np.ndarray
    loss: np.ndarray
    diverged: np.ndarray
    parameters: list[Parameters] | None = None


@dataclass(frozen=True)
class Trainings:
    """What R replicas did at K learning rates; NaN and False of those that were not tried.

    Attributes:
        accuracy, loss: see `Training`, [R, K, E].
        diverged, tried: [R, K].
        parameters: see `Training`; at the learning rate that succeeded, else at the last one.
    """

    accuracy: np.ndarray
    loss: np.ndarray
    diverged: np.ndarray
    tried: np.ndarray
    parameters: list[Parameters] | None = None


def class_loss(scores: torch.Tensor, labels: torch.Tensor, readout: str) -> torch.Tensor:
    """Cross-entropy per network in nats: scores [N, B, classes], labels [N, B] -> [N].

    `reference` is the published readout of the multilayer perceptron: the cross-entropy is taken of the softmax of
    scores that went through tanh already, so that it stays within [1.9593, 2.3492] for ten classes and its gradients
    are small. With `logits` and `tanh` it is taken of the scores, which are linear or went through tanh.
    """
    if readout == "reference":
        scores = scores.softmax(-1)
    return cross_entropy(scores.flatten(0, 1), labels.flatten(), reduction="none").view(labels.shape).mean(1)


def train_at_rates(
    network: Network,
    ensemble: Ensemble,
    images: PreparedImages,
    settings: Mapping[str, Any],
    *,
    keep_parameters: bool = False,
) -> Trainings:
    """Train all replicas, from the same weights at each of several learning rates.

    A network is trainable if one of the rates is right for it: what has reached the success accuracy is not trained at
    the rates behind that one, unless `stop` is `never`. A rate at which it diverges is one that is wrong.

    Args:
        settings: those of `train`, but that `learning_rate` is a list.
    """
    rates, shape = settings["learning_rate"], (len(ensemble), len(settings["learning_rate"]))
    accuracy, loss = np.full((2, *shape, settings["epochs"]), math.nan)
    diverged, tried = np.zeros((2, *shape), dtype=bool)
    open_ones = np.arange(len(ensemble))
    parameters = None
    for k, rate in enumerate(rates):
        some = replace(ensemble, replicas=[ensemble.replicas[r] for r in open_ones])
        found = train(network, some, images, {**settings, "learning_rate": rate}, keep_parameters=keep_parameters)
        accuracy[open_ones, k], loss[open_ones, k] = found.accuracy, found.loss
        diverged[open_ones, k], tried[open_ones, k] = found.diverged, True
        if keep_parameters:
            parameters = _put(parameters, found.parameters, open_ones)
        if settings["stop"] == SUCCESS or keep_parameters:
            open_ones = open_ones[~(found.accuracy >= settings["success_accuracy"]).any(1)]
        if not len(open_ones):
            break
    return Trainings(accuracy, loss, diverged, tried, parameters)


def _put(whole: list[Parameters] | None, part: list[Parameters], networks: np.ndarray) -> list[Parameters]:
    """Parameters of some networks in those of all, in place."""
    if whole is None:
        return part
    for of_all, of_some in zip(whole, part, strict=True):
        for name, p in of_some.items():
            of_all[name][networks] = p
    return whole


def train(
    network: Network,
    ensemble: Ensemble,
    images: PreparedImages,
    settings: Mapping[str, Any],
    *,
    at_once: int | None = None,
    keep_parameters: bool = False,
) -> Training:
    """Train all replicas, several at once.

    A replica stops as soon as its test accuracy reaches `success_accuracy`, unless `stop` is `never`, or when it
    diverges, and leaves the batch. Replica r does not depend on which others are trained with it.

    Args:
        images: a data set with labels; the images' dtype and device are those of the training.
        settings: section `train` of the config: epochs, batch_size, optimizer, learning_rate, momentum, weight_decay,
            readout (see `class_loss`), success_accuracy, stop.
        at_once: how many replicas take their steps as one batch, by default what suits the device.
        keep_parameters: whether the trained parameters are returned as well; they take the memory of all replicas.
    """
    pixels, replicas = images.train_images, ensemble.replicas
    size = at_once or _networks_at_once(network, len(replicas), pixels)
    groups = [replace(ensemble, replicas=replicas[k : k + size]) for k in range(0, len(replicas), size)]
    found: list[Training | None] = [None] * len(groups)

    def train_group(group: int) -> None:
        found[group] = _train_together(network, groups[group], images, settings, keep_parameters)

    for_each(range(len(groups)), train_group, pixels.device, len(groups))
    history = [np.concatenate([getattr(t, name) for t in found]) for name in ("accuracy", "loss", "diverged")]
    if not keep_parameters:
        return Training(*history)
    layers = zip(*(t.parameters for t in found))
    return Training(*history, [{name: torch.cat([p[name] for p in layer]) for name in layer[0]} for layer in layers])


def _networks_at_once(network: Network, replicas: int, images: torch.Tensor) -> int:
    """On a CPU, so many that the parameters of a layer stay in the cache between its two products on the way back."""
    if images.device.type != "cpu":
        return replicas
    largest = max(sum(map(units, layer.parameter_shapes.values())) for layer in network.layers)
    share = math.ceil(replicas / torch.get_num_threads())
    return max(1, min(share, CACHE // (images.element_size() * largest)))


def _train_together(
    network: Network, ensemble: Ensemble, images: PreparedImages, settings: Mapping[str, Any], keep_parameters: bool
) -> Training:
    """`train` for replicas that take their steps as one batch."""
    pixels, labels = images.train_images, images.train_labels
    replicas, epochs = ensemble.replicas, settings["epochs"]
    layers = network.layers
    parameters = ensemble.draw_network(network, dtype=pixels.dtype, device=pixels.device)
    kept = None
    if keep_parameters:
        kept = [{name: torch.empty_like(p) for name, p in layer.items()} for layer in parameters]

    accuracy = np.full((len(replicas), epochs), math.nan)
    loss = np.full((len(replicas), epochs), math.nan)
    diverged = np.zeros(len(replicas), dtype=bool)
    running = np.arange(len(replicas))
    optimizer = make_optimizer(parameters, settings)
    enough = math.inf if settings["stop"] == NEVER else settings["success_accuracy"]
    started = time.monotonic()
    for epoch in range(epochs):
        of_running = [replicas[r] for r in running]
        order = ensemble.draw_order("train order", epoch, of_running, len(pixels)).to(pixels.device)
        total = torch.zeros(len(running), dtype=torch.float64, device=pixels.device)
        for batch in order.split(settings["batch_size"], dim=1):
            total += batch.shape[1] * _descend(
                layers, parameters, optimizer, pixels[batch], labels[batch], settings["readout"]
            )

        loss[running, epoch] = (total / len(pixels)).cpu().numpy()
        accuracy[running, epoch] = _accuracy(layers, parameters, len(running), images.test_images, images.test_labels)
        state = [p for layer in parameters for p in layer.values()]
        finite = torch.stack([p.flatten(1).isfinite().all(1) for p in state]).all(0).cpu().numpy()
        finite &= np.isfinite(loss[running, epoch])
        diverged[running] = ~finite
        logger.info(
            "train epoch %d/%d  replicas %s  loss %s  accuracy %s  %.1f s",
            epoch + 1,
            epochs,
            ", ".join(map(str, of_running)),
            np.array2string(loss[running, epoch], precision=4),
            np.array2string(accuracy[running, epoch], precision=4),
            time.monotonic() - started,
        )
        go_on = finite & (accuracy[running, epoch] < enough)
        if kept and (epoch + 1 == epochs or not go_on.all()):
            for whole, layer in zip(kept, parameters, strict=True):
                for name, p in layer.items():
                    whole[name][running] = p  # of those that go on as well: what they become is written over it
        if not go_on.all():
            keep = torch.from_numpy(go_on).to(pixels.device)
            parameters = [{name: p[keep] for name, p in layer.items()} for layer in parameters]
            optimizer.keep(keep, parameters)
            running = running[go_on]
        if not running.size:
            break
    return Training(accuracy, loss, diverged, kept)


def _descend(
    layers: Sequence[Map],
    parameters: Sequence[Parameters],
    optimizer: AdamW | Descent | Momentum,
    x: torch.Tensor,
    labels: torch.Tensor,
    readout: str,
) -> torch.Tensor:
    """One step on a batch x [N, B, *input_shape], labels [N, B]; the parameters move in place. Loss [N]."""
    way_back = []
    for layer, p in zip(layers, parameters, strict=True):
        x, pull_back = vjp(layer, p, x)
        way_back.append(pull_back)
    scores = x.detach().requires_grad_()  # not x itself, which the way back holds: the steps would become a graph
    with torch.enable_grad():
        loss = class_loss(scores, labels, readout)
        (gradient,) = torch.autograd.grad(loss.sum(), scores)
    for index in reversed(range(len(layers))):
        gradient = way_back[index](gradient, *optimizer.target(index), to_input=index > 0)
    optimizer.step()
    return loss.detach()


def _accuracy(
    layers: Sequence[Map], parameters: Sequence[Parameters], replicas: int, images: torch.Tensor, labels: torch.Tensor
) -> np.ndarray:
    scores = compute_scores(layers, parameters, images.expand(replicas, *images.shape))
    return ((predict_classes(scores) == labels).sum(1).double() / len(images)).cpu().numpy()


def predict_classes(scores: torch.Tensor) -> torch.Tensor:
    """The class of the largest score, [..., classes] -> [...]; -1, which is none, where a score is NaN."""
    # argmax takes NaN for the largest: of scores that are all NaN it would say class 0
    return scores.argmax(-1).masked_fill(scores.isnan().any(-1), -1)


@torch.no_grad()
def compute_scores(layers: Sequence[Map], parameters: Sequence[Parameters], images: torch.Tensor) -> torch.Tensor:
    """What the networks say of images [R, M, *input_shape], some at a time: [R, M, classes]."""
    largest = max(units(layer.output_shape) for layer in layers)
    samples = min(1000, max(1, PART // (images.element_size() * len(images) * largest)))
    scores = images.new_empty(*images.shape[:2], *layers[-1].output_shape)
    for x, target in zip(images.split(samples, dim=1), scores.split(samples, dim=1), strict=True):
        for layer, p in zip(layers, parameters, strict=True):
            x = apply(layer, p, x)
        target.copy_(x)
    return scores
