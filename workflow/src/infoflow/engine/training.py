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
from infoflow.engine.initialization import Ensemble, draw_order
from infoflow.engine.maps.map import PART, Map, Parameters, apply, units, vjp
from infoflow.engine.network import Network
from infoflow.engine.parallel import CACHE, for_each

logger = logging.getLogger(__name__)


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


def class_loss(scores: torch.Tensor, labels: torch.Tensor, readout: str) -> torch.Tensor:
    """Cross-entropy per network in nats: scores [N, B, classes], labels [N, B] -> [N].

    `reference` is the published readout of the multilayer perceptron: the cross-entropy is taken of the softmax of
    scores that went through tanh already, so that it stays within [1.9593, 2.3492] for ten classes and its gradients
    are small. With `logits` and `tanh` it is taken of the scores, which are linear or went through tanh.
    """
    if readout == "reference":
        scores = scores.softmax(-1)
    return cross_entropy(scores.flatten(0, 1), labels.flatten(), reduction="none").view(labels.shape).mean(1)


def train(
    network: Network,
    ensemble: Ensemble,
    images: PreparedImages,
    settings: Mapping[str, Any],
    *,
    at_once: int | None = None,
    keep_parameters: bool = False,
) -> Training:
    """Train all replicas with stochastic gradient descent, several at once.

    A replica stops as soon as its test accuracy reaches `success_accuracy`, or when it diverges, and leaves the batch.
    Replica r does not depend on which others are trained with it.

    Args:
        images: a data set with labels; the images' dtype and device are those of the training.
        settings: section `train` of the config: epochs, batch_size, learning_rate, momentum, readout (see
            `class_loss`), success_accuracy.
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
    velocity = None
    if settings["momentum"]:
        velocity = [{name: torch.zeros_like(p) for name, p in layer.items()} for layer in parameters]
    started = time.monotonic()
    for epoch in range(epochs):
        of_running = [replicas[r] for r in running]
        order = draw_order(ensemble.seed, "train order", epoch, of_running, len(pixels)).to(pixels.device)
        total = torch.zeros(len(running), dtype=torch.float64, device=pixels.device)
        for batch in order.split(settings["batch_size"], dim=1):
            total += batch.shape[1] * _descend(layers, parameters, velocity, pixels[batch], labels[batch], settings)

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
        go_on = finite & (accuracy[running, epoch] < settings["success_accuracy"])
        if kept and (epoch + 1 == epochs or not go_on.all()):
            for whole, layer in zip(kept, parameters, strict=True):
                for name, p in layer.items():
                    whole[name][running] = p  # of those that go on as well: what they become is written over it
        if not go_on.all():
            keep = torch.from_numpy(go_on).to(pixels.device)
            parameters = [{name: p[keep] for name, p in layer.items()} for layer in parameters]
            if velocity is not None:
                velocity = [{name: v[keep] for name, v in layer.items()} for layer in velocity]
            running = running[go_on]
        if not running.size:
            break
    return Training(accuracy, loss, diverged, kept)


def _descend(
    layers: Sequence[Map],
    parameters: Sequence[Parameters],
    velocity: Sequence[Parameters] | None,
    x: torch.Tensor,
    labels: torch.Tensor,
    settings: Mapping[str, Any],
) -> torch.Tensor:
    """One step on a batch x [N, B, *input_shape], labels [N, B]; parameters, velocity move in place. Loss [N]."""
    learning_rate = settings["learning_rate"]
    way_back = []
    for layer, p in zip(layers, parameters, strict=True):
        x, pull_back = vjp(layer, p, x)
        way_back.append(pull_back)
    scores = x.detach().requires_grad_()  # not x itself, which the way back holds: the steps would become a graph
    with torch.enable_grad():
        loss = class_loss(scores, labels, settings["readout"])
        (gradient,) = torch.autograd.grad(loss.sum(), scores)
    # The products add the step to the parameters, or the gradient to the velocity: no memory for gradients.
    for index in reversed(range(len(layers))):
        if velocity is None:
            into, decay, scale = parameters[index], 1.0, -learning_rate
        else:
            into, decay, scale = velocity[index], settings["momentum"], 1.0
        gradient = way_back[index](gradient, into, decay, scale, to_input=index > 0)
    if velocity is not None:
        torch._foreach_add_(
            [p for layer in parameters for p in layer.values()],
            [v for layer in velocity for v in layer.values()],
            alpha=-learning_rate,
        )
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
