"""s = -ln κ, the condition number of the neural tangent kernel Θ_ij = ∂f(x_i)/∂θ · ∂f(x_j)/∂θ, f the sum of the logits.

θ are all parameters, biases and readout included. κ grows with the number of images: it is that of the first 16 of the
batch, whatever its size. Of a dense layer Θ_ij = (δ_i·δ_j)(a_i·a_j + 1), δ the gradient by its pre-activation and a its
input, so that no gradient by the weights is formed; of all other maps it is, image by image, one replica at a time. κ
is known up to about 1e15, the rounding of float64; beyond that it stays there.
Cost with S = 16: forward, backward 4 R S L N², products 4 R S² L N FLOP; of other maps 6 S L and S² L per weight.
Source: Chen et al., arXiv:2102.11535; physics.md E9.
"""

import math

import numpy as np
import torch

from infoflow.engine.activations.activation import find_activation
from infoflow.engine.maps.dense import Dense
from infoflow.engine.maps.map import Map, Parameters, apply, vjp
from infoflow.predictors.untrained import Scores, Untrained, double, to_array

SAMPLES = 16
ROUNDING = 1e-15


def score(untrained: Untrained) -> Scores:
    """-ln κ; raw is log₁₀ κ. NaN where the kernel is not finite."""
    log = log_condition(tangent_kernel(untrained))
    return Scores(-log, log / math.log(10))


def log_condition(kernel: torch.Tensor) -> np.ndarray:
    """ln κ of kernels [R, S, S], NaN where one is not finite."""
    known = kernel.isfinite().all(2).all(1)
    identity = torch.eye(kernel.shape[1], dtype=kernel.dtype, device=kernel.device)
    values = torch.linalg.eigvalsh(torch.where(known[:, None, None], kernel, identity))
    largest = torch.where(known, values[:, -1], torch.nan)
    return to_array((largest / torch.maximum(values[:, 0], ROUNDING * largest)).log())


def tangent_kernel(untrained: Untrained, samples: int = SAMPLES) -> torch.Tensor:
    """Θ of the first images of the batch: [R, S, S]."""
    x, inputs = untrained.inputs(samples), []
    for layer, p in zip(untrained.layers, untrained.parameters, strict=True):
        inputs.append(x)
        x = apply(layer, double(p), x)
    gradient, kernel = torch.ones_like(x), 0
    for index in reversed(range(len(inputs))):
        layer, p, x = untrained.layers[index], double(untrained.parameters[index]), inputs.pop()
        part, gradient = (_dense if isinstance(layer, Dense) else _any)(layer, p, x, gradient, index > 0)
        kernel = kernel + part
    return kernel


def _dense(
    layer: Dense, parameters: Parameters, x: torch.Tensor, gradient: torch.Tensor, to_input: bool
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """What a layer adds to Θ, [R, S, S], and the gradient by its input."""
    z = layer.pre_activation(parameters, x)
    delta = find_activation(layer.activation).pull_back(gradient, z, layer.activate(z)).flatten(2)
    rows = x.flatten(2)
    part = (delta @ delta.mT) * (rows @ rows.mT + layer.bias)
    return part, (delta @ parameters["weight"].mT).view(x.shape) if to_input else None


def _any(
    layer: Map, parameters: Parameters, x: torch.Tensor, gradient: torch.Tensor, to_input: bool
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """`_dense` for any map: every image is given to a network of its own, all with the same parameters."""
    samples = x.shape[1]
    parts, back = [], []
    for r in range(len(x)):
        own = {name: p[r].expand(samples, *p.shape[1:]) for name, p in parameters.items()}
        into = {name: torch.zeros_like(p, memory_format=torch.contiguous_format) for name, p in own.items()}
        _, pull_back = vjp(layer, own, x[r][:, None])
        back.append(pull_back(gradient[r][:, None], into, 0.0, 1.0, to_input=to_input))
        rows = [g.flatten(1) for g in into.values()]
        parts.append(sum((g @ g.mT for g in rows), x.new_zeros(samples, samples)))
    return torch.stack(parts), torch.stack([b[:, 0] for b in back]) if to_input else None
