"""An untrained network with one batch, and the passes through it that predictors of trainability are made of.

Everything is computed in float64, whatever the precision of the parameters: gradients shrink and grow exponentially
with depth, and what is small is not lost (norms are taken as logarithms).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from infoflow.architectures.build import build_network
from infoflow.engine.initialization import Ensemble
from infoflow.engine.maps.compose import Chain, Residual
from infoflow.engine.maps.map import Map, Parameters, apply, vjp
from infoflow.engine.network import Network
from infoflow.engine.training import class_loss


@dataclass(frozen=True)
class Untrained:
    """R networks as they are before training, and a batch of B images.

    Attributes:
        network: its layers; the scores are linear (readout `logits`).
        blocks, head: parameters of the blocks and of the readout head, stacked over the R replicas.
        images, labels: [B, *input_shape] and [B].
        architecture: entry of the config.
        ensemble: which networks.
    """

    network: Network
    blocks: Sequence[Parameters]
    head: Sequence[Parameters]
    images: torch.Tensor
    labels: torch.Tensor
    architecture: Mapping[str, Any]
    depth: int
    ensemble: Ensemble

    @property
    def replicas(self) -> int:
        """How many networks there are side by side."""
        return len(next(p for layer in (*self.blocks, *self.head) for p in layer.values()))

    @property
    def layers(self) -> list[Map]:
        """Of the blocks and of the head, in the order in which the input meets them."""
        return self.network.layers

    @property
    def parameters(self) -> list[Parameters]:
        """Of the layers."""
        return [*self.blocks, *self.head]

    def inputs(self, samples: int | None = None) -> torch.Tensor:
        """The first images of the batch, the same for every replica: [R, B, *input_shape], float64."""
        images = self.images[:samples].double()
        return images.expand(self.replicas, *images.shape)

    def select(self, rows: slice) -> "Untrained":
        """Some of the replicas."""
        parts = {
            part: [{name: p[rows] for name, p in layer.items()} for layer in getattr(self, part)]
            for part in ("blocks", "head")
        }
        return replace(self, **parts)


@dataclass(frozen=True)
class Scores:
    """What a predictor says of R networks.

    Attributes:
        score: larger means more likely trainable; may be infinite; NaN where there is none, [R] float64.
        raw: the quantity as the literature defines it, [R] float64.
        reason: why scores are NaN; empty if none is.
    """

    score: np.ndarray
    raw: np.ndarray
    reason: str = ""


@dataclass(frozen=True)
class Step:
    """A layer on the way back of a gradient.

    Attributes:
        index: of the layer, among blocks and head, from 0.
        layer, parameters: what it computes with, float64.
        output: its output, [R, B, *output_shape].
        to_output: gradient by the output, of the same shape.
        gradients: by the parameters; overwritten by the next step.
    """

    index: int
    layer: Map
    parameters: Parameters
    output: torch.Tensor
    to_output: torch.Tensor
    gradients: Parameters


def draw_untrained(
    architecture: Mapping[str, Any],
    images: torch.Tensor,
    labels: torch.Tensor,
    classes: int,
    depth: int,
    ensemble: Ensemble,
) -> Untrained:
    """The networks that `training.train` starts from, with a batch.

    Args:
        architecture: entry of the config.
        images, labels: [B, *input_shape] and [B]; the images' dtype and device are those of the parameters.

    Raises:
        InfoflowError: the architecture cannot take such images, or has no such depth.
    """
    network = build_network(architecture, tuple(images.shape[1:]), classes, depth)
    parameters = ensemble.draw_network(network, dtype=images.dtype, device=images.device)
    split = len(network.blocks)
    return Untrained(network, parameters[:split], parameters[split:], images, labels, architecture, depth, ensemble)


def activation_of(layer: Map) -> str | None:
    """Name of the φ that a layer ends with; None for poolings and the like."""
    return activation_of(layer.parts[-1]) if isinstance(layer, Chain) else getattr(layer, "activation", None)


def weights_of(parameters: Parameters) -> Parameters:
    """Without biases."""
    return {name: p for name, p in parameters.items() if not name.endswith("bias")}


def double(parameters: Parameters) -> Parameters:
    """The same in float64."""
    return {name: p.double() for name, p in parameters.items()}


@torch.no_grad()
def pre_activations(untrained: Untrained) -> Iterator[tuple[Map, torch.Tensor]]:
    """(layer, z) of all layers, head included; z is [R, B, ...], every unit once."""
    x = untrained.inputs()
    for layer, parameters in zip(untrained.layers, untrained.parameters, strict=True):
        z = layer.pre_activation(double(parameters), x)
        border = _border(layer.branch) if isinstance(layer, Residual) else 0  # that of x; other maps put it on after z
        yield layer, z[:, :, border:-border, border:-border] if border else z
        x = layer.activate(z)


def _border(layer: Map) -> int:
    """Width of the border that repeats the opposite side of a state."""
    return _border(layer.parts[-1]) if isinstance(layer, Chain) else getattr(layer, "wrap", 0)


def compute_logits(untrained: Untrained, parameters: Sequence[Parameters], x: torch.Tensor) -> torch.Tensor:
    """[R, B, classes] from inputs and parameters of all layers; for autograd."""
    for layer, p in zip(untrained.layers, parameters, strict=True):
        x = apply(layer, p, x)
    return x


def mean_loss(untrained: Untrained, logits: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of every network, averaged over the batch, in nats: [R]."""
    return class_loss(logits, untrained.labels.expand(untrained.replicas, -1), "logits")


def backpropagate(untrained: Untrained) -> Iterator[Step]:
    """Take the gradient of the mean loss back, from the last layer to the first.

    There is memory for the parameters' gradients of one layer only. Cost: a forward and a backward pass.
    """
    x, way = untrained.inputs(), []
    for layer, p in zip(untrained.layers, untrained.parameters, strict=True):
        p = double(p)
        x, pull_back = vjp(layer, p, x)
        way.append((layer, p, x, pull_back))
    with torch.enable_grad():
        logits = x.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(mean_loss(untrained, logits).sum(), logits)
    for index in reversed(range(len(way))):
        layer, p, output, pull_back = way.pop()
        into = {name: torch.zeros_like(value) for name, value in p.items()}
        before = pull_back(gradient, into, 0.0, 1.0, to_input=index > 0)
        yield Step(index, layer, p, output, gradient, into)
        gradient = before


def log_sum(values: torch.Tensor) -> torch.Tensor:
    """ln Σ |v| over all axes but the first, without overflow or underflow: [R, ...] -> [R]."""
    values = values.flatten(1).abs()
    largest = values.amax(1)
    scale = torch.where(largest > 0, largest, torch.ones_like(largest))
    return scale.log() + (values / scale[:, None]).sum(1).log()


def log_norm(values: torch.Tensor) -> torch.Tensor:
    """ln |v|₂ over all axes but the first, without overflow or underflow: [R, ...] -> [R]."""
    values = values.flatten(1).abs()
    largest = values.amax(1)
    scale = torch.where(largest > 0, largest, torch.ones_like(largest))
    return scale.log() + (values / scale[:, None]).square().sum(1).log() / 2


def unscored(untrained: Untrained, reason: str) -> Scores:
    """NaN for every replica."""
    nothing = np.full(untrained.replicas, np.nan)
    return Scores(nothing, nothing.copy(), reason)


def to_array(values: torch.Tensor) -> np.ndarray:
    """As float64 on the CPU, without what a gradient would need."""
    return values.detach().double().cpu().numpy()
