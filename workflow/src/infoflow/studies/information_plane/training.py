"""Training of many small fully connected networks as one, with snapshots and the statistics of their gradients.

All replicas take their steps together: a layer is one batched product, with the samples on the last axis, so that it
runs at the speed of the machine however narrow the layer is. A row of ones stands below the states of every layer; its
weights are the biases. Source: physics.md D2, D4.
"""

import itertools
import logging
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from infoflow.engine.activations.activation import find_activation
from infoflow.engine.initialization import INDEPENDENT, draw_gaussian, draw_order, draw_truncated, generator
from infoflow.engine.maps.dense import Dense
from infoflow.engine.parallel import for_each

logger = logging.getLogger(__name__)

BETAS, EPSILON = (0.9, 0.999), 1e-8
"""Adam's usual constants."""
COLUMNS = 1 << 12
"""Samples that are evaluated at once."""


@dataclass(frozen=True)
class Snapshots:
    """R networks at E epochs; L layers, the output among them; NaN from where a network diverged.

    Attributes:
        parameters: weights and biases, see `layers_of`, [R, E, P].
        accuracy, loss: of the training part and of the rest, loss in nats, [R, E, 2]; NaN without a rest.
        gradient_mean: |⟨g⟩| over the mini-batches of an epoch, of the weights into a layer, the network held as it is,
            [R, E, L].
        gradient_spread: √tr Cov(g) over the same, [R, E, L]; NaN if there is but one mini-batch.
        weight_norm: Frobenius norm of the weights, [R, E, L].
        trained_on: whether a sample is in the training part, [R, N].
    """

    parameters: np.ndarray
    accuracy: np.ndarray
    loss: np.ndarray
    gradient_mean: np.ndarray
    gradient_spread: np.ndarray
    weight_norm: np.ndarray
    trained_on: np.ndarray


def layers_of(parameters: torch.Tensor, widths: Sequence[int]) -> list[torch.Tensor]:
    """Views of the parameters of K networks [K, P]: per layer [K, fan_out, fan_in + 1], the last column the biases."""
    shapes = [(b, a + 1) for a, b in itertools.pairwise(widths)]
    parts = parameters.split([a * b for a, b in shapes], dim=1)
    return [part.unflatten(1, shape) for part, shape in zip(parts, shapes)]


def draw_parameters(
    widths: Sequence[int],
    network: Mapping[str, Any],
    seed: int,
    replicas: Sequence[int],
    draws: str = INDEPENDENT,
    **to,
) -> torch.Tensor:
    """The untrained networks [R, P]; Gaussian ones are those that are probed elsewhere with the same widths.

    Args:
        widths: of the input, the hidden layers and the output.
        network: initialization, sigma_w2 and sigma_b2 (`networks.TrainedNetwork`).
        draws: of networks of different variances, see `Ensemble`.
        to: dtype and device.
    """
    draw = {"gaussian": draw_gaussian, "truncated_normal": draw_truncated}[network["initialization"]]
    maps = [Dense((a,), (b,), "linear") for a, b in itertools.pairwise(widths)]
    drawn = draw(maps, network["sigma_w2"], network["sigma_b2"], seed, "frozen", replicas, draws, **to)
    return torch.cat([torch.cat([p["weight"], p["bias"]], dim=1).mT.flatten(1) for p in drawn], dim=1)


def snapshot_epochs(epochs: int, snapshots: int) -> list[int]:
    """At most so many numbers of epochs from 0, the untrained network, to all of them, evenly spaced in log(1 + e)."""
    steps = max(snapshots - 1, 1)
    return sorted({*(round((1 + epochs) ** (k / steps)) - 1 for k in range(steps)), epochs})


def train_networks(
    inputs: torch.Tensor,
    labels: torch.Tensor,
    classes: int,
    network: Mapping[str, Any],
    plane: Mapping[str, Any],
    *,
    at: Sequence[int],
    seed: int,
    replicas: Sequence[int] | None = None,
) -> Snapshots:
    """Train all replicas of a network, and keep them as they were after the epochs `at`.

    Replica r does not depend on which others are trained with it.

    Args:
        inputs: all N samples, [N, d]; their dtype and device are those of the training.
        labels: [N].
        network: see `networks.TrainedNetwork`.
        plane: epochs, batch_size, shuffled (the training part is a random choice, another one for each replica;
            otherwise the first samples), the number of replicas, and draws (see `Ensemble`).
        at: numbers of epochs, ascending; 0 is the untrained network.
        replicas: indices of those to train; all by default.
    """
    replicas = range(plane["replicas"]) if replicas is None else replicas
    workers = torch.get_num_threads() if inputs.device.type == "cpu" else 1
    size = math.ceil(len(replicas) / workers)
    groups = [replicas[first : first + size] for first in range(0, len(replicas), size)]
    found: list[Snapshots | None] = [None] * len(groups)
    one_hot = torch.nn.functional.one_hot(labels, classes).to(inputs.dtype)
    table = torch.cat([inputs.T, inputs.new_ones(1, len(inputs)), one_hot.T]).contiguous()
    widths = [inputs.shape[1], *network["hidden"], classes]

    def train(group: int) -> None:
        to = {"dtype": inputs.dtype, "device": inputs.device}
        drawn = draw_parameters(widths, network, seed, groups[group], plane.get("draws", INDEPENDENT), **to)
        together = _Together(drawn, widths, network["activation"], table)
        found[group] = _train(together, network, plane, at, seed, groups[group])

    for_each(range(len(groups)), train, inputs.device, len(groups))
    return Snapshots(
        **{name: np.concatenate([getattr(part, name) for part in found]) for name in Snapshots.__dataclass_fields__}
    )


def states(
    parameters: torch.Tensor, widths: Sequence[int], activation: str, inputs: torch.Tensor
) -> Iterator[torch.Tensor]:
    """What the layers of K networks [K, P] answer to inputs [N, d]: per layer [K, width, N]; the last, a softmax."""
    x = torch.cat([inputs.T, inputs.new_ones(1, len(inputs))]).expand(len(parameters), -1, -1)
    *hidden, last = layers_of(parameters, widths)
    for weight in hidden:
        x = torch.cat([find_activation(activation).function(torch.bmm(weight, x)), torch.ones_like(x[:, :1])], dim=1)
        yield x[:, :-1]
    yield torch.bmm(last, x).softmax(1)


class _Together:
    """R networks that are trained as one.

    Attributes:
        parameters, gradients: [R, P].
        classes: rows of the table from here on are the one-hot labels.
    """

    def __init__(self, parameters: torch.Tensor, widths: Sequence[int], activation: str, table: torch.Tensor):
        self.parameters, self.gradients = parameters, torch.zeros_like(parameters)
        self.weights, self._into = layers_of(parameters, widths), layers_of(self.gradients, widths)
        self.widths, self.table, self.classes = widths, table, widths[0] + 1
        self._activation = find_activation(activation)
        self._buffers: dict[int, list[torch.Tensor]] = {}

    def take(self, samples: torch.Tensor) -> torch.Tensor:
        """Inputs, ones and one-hot labels of samples [R, B]: [R, d + 1 + classes, B]."""
        rows = self.table.index_select(1, samples.flatten())
        return rows.unflatten(1, samples.shape).transpose(0, 1)

    def scores(self, batch: torch.Tensor) -> torch.Tensor:
        """Before the softmax, [R, classes, B]; the states on the way are kept for `descend`."""
        self._states = [batch[:, : self.classes]]
        self._before = []
        buffers = self._buffers.get(batch.shape[2])
        if buffers is None:
            shape = len(self.parameters), batch.shape[2]
            buffers = [batch.new_ones(shape[0], width + 1, shape[1]) for width in self.widths[1:-1]]
            self._buffers[batch.shape[2]] = buffers
        for weight, buffer in zip(self.weights, buffers):
            z = torch.bmm(weight, self._states[-1])
            buffer[:, :-1] = self._activation.function(z)
            self._before.append(z)
            self._states.append(buffer)
        return torch.bmm(self.weights[-1], self._states[-1])

    def differentiate(self, batch: torch.Tensor) -> None:
        """Write the gradients of the mean cross-entropy of a batch into `gradients`."""
        gradient = self.scores(batch).softmax(1).sub_(batch[:, self.classes :]).div_(batch.shape[2])
        for l in reversed(range(len(self.weights))):
            torch.bmm(gradient, self._states[l].mT, out=self._into[l])
            if l:
                back = torch.bmm(self.weights[l][:, :, :-1].mT, gradient)
                gradient = self._activation.pull_back(back, self._before[l - 1], self._states[l][:, :-1])


class _Adam:
    def __init__(self, together: _Together, learning_rate: float):
        self.together, self.rate, self.steps = together, learning_rate, 0
        self.mean, self.square = torch.zeros_like(together.parameters), torch.zeros_like(together.parameters)

    def step(self) -> None:
        self.steps += 1
        g = self.together.gradients
        self.mean.lerp_(g, 1 - BETAS[0])
        self.square.mul_(BETAS[1]).addcmul_(g, g, value=1 - BETAS[1])
        scale = self.square.sqrt().div_(math.sqrt(1 - BETAS[1] ** self.steps)).add_(EPSILON)
        self.together.parameters.addcdiv_(self.mean, scale, value=-self.rate / (1 - BETAS[0] ** self.steps))


class _GradientDescent:
    def __init__(self, together: _Together, learning_rate: float):
        self.together, self.rate = together, learning_rate

    def step(self) -> None:
        self.together.parameters.sub_(self.together.gradients, alpha=self.rate)


OPTIMIZERS = {"adam": _Adam, "sgd": _GradientDescent}


@torch.no_grad()
def _train(
    together: _Together,
    network: Mapping[str, Any],
    plane: Mapping[str, Any],
    at: Sequence[int],
    seed: int,
    replicas: Sequence[int],
) -> Snapshots:
    epochs, shuffled, batch_size = plane["epochs"], plane["shuffled"], plane["batch_size"]
    samples, device = together.table.shape[1], together.table.device
    count = max(1, round(network["train_fraction"] * samples))
    orders = torch.stack(
        [
            torch.randperm(samples, generator=generator(seed, "split", r)) if shuffled else torch.arange(samples)
            for r in replicas
        ]
    )
    parts = orders[:, :count]
    trained_on = torch.zeros(orders.shape, dtype=torch.bool).scatter_(1, parts, True)
    optimizer = OPTIMIZERS[network["optimizer"]](together, network["learning_rate"])
    kept: list[dict[str, torch.Tensor]] = []
    started = time.monotonic()
    for epoch in range(epochs + 1):
        order = draw_order(seed, "train order", epoch, replicas, count)
        batches = parts.gather(1, order).to(device).split(batch_size, dim=1)
        if epoch in at:
            kept.append(_look(together, trained_on.to(device)) | _gradient_statistics(together, batches))
            # a network that diverged stays as it is: its numbers are NaN, and no other network sees them
            logger.info(
                "epoch %d of %d, replicas %s: loss %s  %.1f s",
                epoch,
                epochs,
                ", ".join(map(str, replicas)),
                np.array2string(kept[-1]["loss"][:, 0].cpu().numpy(), precision=4),
                time.monotonic() - started,
            )
        if epoch == epochs:
            break
        for batch in batches:
            together.differentiate(together.take(batch))
            optimizer.step()
    stacked = {name: torch.stack([one[name] for one in kept], dim=1).cpu().numpy() for name in kept[0]}
    return Snapshots(**stacked, trained_on=trained_on.numpy())


def _look(together: _Together, trained_on: torch.Tensor) -> dict[str, torch.Tensor]:
    """Parameters as they are, and how good they are on the training part and on the rest: [R, 2]."""
    hits, nats = [], []
    for columns in torch.arange(trained_on.shape[1], device=trained_on.device).split(COLUMNS):
        batch = together.take(columns.expand(len(trained_on), -1))
        scores = together.scores(batch).double()
        truth = batch[:, together.classes :]
        hits.append((scores.argmax(1) == truth.argmax(1)).double())
        nats.append(scores.logsumexp(1) - (scores * truth).sum(1))
    found = {"parameters": together.parameters.clone()}
    masks = torch.stack([trained_on, ~trained_on]).double()
    broken = ~together.parameters.isfinite().all(1)
    for name, parts in (("accuracy", hits), ("loss", nats)):
        found[name] = ((masks * torch.cat(parts, dim=1)).sum(2) / masks.sum(2)).T.contiguous()
        found[name][broken] = math.nan
    found["weight_norm"] = torch.stack([w[:, :, :-1].flatten(1).double().norm(dim=1) for w in together.weights], dim=1)
    return found


def _gradient_statistics(together: _Together, batches: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
    """|⟨g⟩| and √tr Cov(g) over the mini-batches, of the weights into every layer: [R, L]."""
    total = torch.zeros_like(together.gradients, dtype=torch.float64)
    squares = torch.zeros_like(total)
    for batch in batches:
        together.differentiate(together.take(batch))
        total += together.gradients
        squares += together.gradients.double().square()
    mean = total / len(batches)
    variance = (squares / len(batches) - mean.square()).clamp_(min=0)
    means, variances = (layers_of(values, together.widths) for values in (mean.square(), variance))
    spread = torch.stack([v[:, :, :-1].sum((1, 2)).sqrt() for v in variances], dim=1)
    return {
        "gradient_mean": torch.stack([m[:, :, :-1].sum((1, 2)).sqrt() for m in means], dim=1),
        "gradient_spread": spread if len(batches) > 1 else torch.full_like(spread, math.nan),
    }
