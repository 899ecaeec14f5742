"""Full training of networks that are modules of PyTorch, with the histories that `engine.training` gives of others.

The same order of the images, the same batches and the same criteria, by torch.optim and one replica after the other.
Normalisations by the batch, dropout and the like are in training mode while it trains, and in evaluation mode where the
accuracy is measured.
"""

import logging
import math
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from infoflow.architectures.modular import Modular, draw_module, seeded, stream_of
from infoflow.engine.images import PreparedImages
from infoflow.engine.initialization import Ensemble
from infoflow.engine.training import SUCCESS, Trainings, predict_classes

logger = logging.getLogger(__name__)

_AT_ONCE = 500
"""Images that are classified in one forward pass."""


def train_at_rates(
    network: Modular, ensemble: Ensemble, images: PreparedImages, settings: Mapping[str, Any]
) -> Trainings:
    """Train all replicas, each from the same weights at each of several learning rates.

    Args:
        images, settings: see `engine.training.train_at_rates`.

    Raises:
        InfoflowError: the module cannot be made, see `draw_module`.
    """
    rates = settings["learning_rate"]
    shape = len(ensemble), len(rates), settings["epochs"]
    accuracy, loss = np.full((2, *shape), math.nan)
    diverged, tried = np.zeros((2, *shape[:2]), dtype=bool)
    for r, replica in enumerate(ensemble.replicas):
        for k, rate in enumerate(rates):
            run = _Run(network, ensemble, replica, images, {**settings, "learning_rate": rate})
            run.go(accuracy[r, k], loss[r, k])
            diverged[r, k], tried[r, k] = run.diverged, True
            if settings["stop"] == SUCCESS and (accuracy[r, k] >= settings["success_accuracy"]).any():
                break
    return Trainings(accuracy, loss, diverged, tried)


class _Run:
    """The training of one replica at one learning rate."""

    def __init__(
        self,
        network: Modular,
        ensemble: Ensemble,
        replica: int,
        images: PreparedImages,
        settings: Mapping[str, Any],
    ):
        pixels = images.train_images
        self.ensemble, self.replica, self.settings = ensemble, replica, settings
        self.module = draw_module(network, ensemble, replica, dtype=pixels.dtype, device=pixels.device)
        self.train = network.inputs(pixels), images.train_labels
        self.test = network.inputs(images.test_images), images.test_labels
        self.optimizer = _make_optimizer(self.module, settings)
        self.diverged = False

    def go(self, accuracy: np.ndarray, loss: np.ndarray) -> None:
        """All epochs, or those until it succeeds or diverges; the histories [E] are written in place."""
        settings, epochs = self.settings, self.settings["epochs"]
        enough = settings["success_accuracy"] if settings["stop"] == SUCCESS else math.inf
        device, started = self.train[0].device, time.monotonic()
        with seeded(stream_of(self.ensemble, "module training", self.replica), device):
            for epoch in range(epochs):
                loss[epoch], accuracy[epoch] = self._descend(epoch), self._measure()
                finite = math.isfinite(loss[epoch]) and all(bool(p.isfinite().all()) for p in self.module.parameters())
                self.diverged = not finite
                logger.info(
                    "train epoch %d/%d  replica %d  rate %g  loss %.4f  accuracy %.4f  %.1f s",
                    epoch + 1,
                    epochs,
                    self.replica,
                    settings["learning_rate"],
                    loss[epoch],
                    accuracy[epoch],
                    time.monotonic() - started,
                )
                if self.diverged or accuracy[epoch] >= enough:
                    return

    def _descend(self, epoch: int) -> float:
        """An epoch of steps; the mean loss, in nats."""
        x, labels = self.train
        (order,) = self.ensemble.draw_order("train order", epoch, [self.replica], len(x)).to(x.device)
        batches = order.split(self.settings["batch_size"])
        if len(batches) > 1 and len(batches[-1]) == 1 < len(batches[0]):
            batches = batches[:-1]  # nothing can be normalised by a batch of one
        self.module.train()
        total = torch.zeros((), dtype=torch.float64, device=x.device)
        for batch in batches:
            self.optimizer.zero_grad()
            loss = cross_entropy(self.module(x[batch]), labels[batch])
            loss.backward()
            self.optimizer.step()
            total += len(batch) * loss.detach()
        return float(total) / sum(map(len, batches))

    @torch.no_grad()
    def _measure(self) -> float:
        """Share of the test images that are classified correctly."""
        self.module.eval()
        x, labels = self.test
        classes = torch.cat([predict_classes(self.module(some)) for some in x.split(_AT_ONCE)])
        return float((classes == labels).double().mean())


def _make_optimizer(module: nn.Module, settings: Mapping[str, Any]) -> torch.optim.Optimizer:
    parameters = [p for p in module.parameters() if p.requires_grad]
    rate = settings["learning_rate"]
    if settings.get("optimizer") == "adamw":
        return torch.optim.AdamW(parameters, rate, weight_decay=settings["weight_decay"])
    return torch.optim.SGD(parameters, rate, momentum=settings["momentum"])
