"""Reconstruction networks in closed form: ridge regression of x_{l-1} on x_l. Source: PHYSICS E.13.

c_l(a) = μ_{l-1} + (a - μ_l) B with B = (Cov(x_l) + λ 1)^{-1} Cov(x_l, x_{l-1}): affine, without iterations, at the cost
of two products and one factorisation per layer. The penalty λ is absolute, a noise floor: what of the input is left in
x_l with a variance below λ counts as lost. One that scales with the variance would never see the ordered phase forget.
Layers that are not dense are undone by a dense map as well: every pixel from all units.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from infoflow.architectures import Block
from infoflow.errors import InfoflowError
from infoflow.frozen import walk
from infoflow.initialization import draw_order
from infoflow.maps import Parameters, units
from infoflow.maps.dense import Dense
from infoflow.reconstruction import Inverses, Progress

LARGEST = 20_000
"""Units of the largest layer: its covariances take 8 bytes times the square of that."""


def fit(
    blocks: Sequence[Block],
    frozen: Sequence[Parameters],
    images: torch.Tensor,
    options: Mapping[str, Any],
    *,
    seed: int,
    replicas: Sequence[int],
    at_once: int | None = None,
) -> Inverses:
    """See `infoflow.reconstruction.fit_inverses`; options: ridge_penalty λ, ridge_samples.

    Covariances are taken and solved for in float64, over the same random choice of `ridge_samples` images (or over all)
    for all replicas.

    Raises:
        InfoflowError: a layer has more than `LARGEST` units.
    """
    for l, block in enumerate(blocks, start=1):
        if (size := max(units(block.forward.input_shape), units(block.forward.output_shape))) > LARGEST:
            raise InfoflowError(
                f"probe.method ridge: layer {l} has {size} units, more than {LARGEST}, too many for its covariances; "
                "use adam for this architecture"
            )
    (order,) = draw_order(seed, "ridge samples", 0, [0], len(images))
    images = images[order[: options["ridge_samples"]].to(images.device)]
    maps = [Dense(b.inverse.input_shape, b.inverse.output_shape, "linear") for b in blocks]
    to = {"dtype": images.dtype, "device": images.device}
    parameters = [
        {name: torch.empty(len(replicas), *shape, **to) for name, shape in m.parameter_shapes.items()} for m in maps
    ]
    losses = torch.empty(len(replicas), len(blocks), 1, **to)
    tell = Progress()
    for chunk in walk(blocks, frozen, images, len(replicas), at_once=at_once):
        layers, rows = slice(chunk.layers.start, chunk.layers.stop), chunk.rows
        weight, bias, loss = solve(
            chunk.outputs.flatten(0, 1).flatten(2), chunk.inputs.flatten(0, 1).flatten(2), options["ridge_penalty"]
        )
        count = rows.stop - rows.start
        for p, w, b in zip(parameters[layers], weight.split(count), bias.split(count), strict=True):
            p["weight"][rows], p["bias"][rows] = w, b
        losses[rows, layers, 0] = loss.unflatten(0, (-1, count)).T.to(images.dtype)
        tell(chunk, len(blocks), replicas, loss.mean())
    return Inverses(maps, parameters, losses)


@torch.no_grad()
def solve(
    outputs: torch.Tensor, inputs: torch.Tensor, penalty: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Ridge regression of inputs [N, M, d'] on outputs [N, M, d], in float64.

    Returns:
        Weights [N, d, d'], biases [N, 1, d'] and mean squared errors [N]; NaN where a number is not finite.
    """
    outputs, inputs = outputs.double(), inputs.double()
    output_mean, input_mean = outputs.mean(1, keepdim=True), inputs.mean(1, keepdim=True)
    outputs, inputs = outputs - output_mean, inputs - input_mean
    samples = outputs.shape[1]
    covariance = outputs.mT @ outputs / samples
    covariance.diagonal(dim1=1, dim2=2).add_(penalty)
    cross = outputs.mT @ inputs / samples
    factor, failed = torch.linalg.cholesky_ex(covariance)
    weight = torch.cholesky_solve(cross, factor)
    weight[failed > 0] = math.nan
    # E|x - c(a)|² = E|x|² - tr(Bᵀ cross) - λ |B|², by the equation that B solves
    loss = inputs.square().mean((1, 2)) - (weight * (cross + penalty * weight)).sum((1, 2)) / (inputs.shape[2])
    return weight, input_mean - output_mean @ weight, loss
