"""Reconstruction networks in closed form: ridge regression of x_{l-1} on x_l. Source: physics.md E.13.

c_l(a) = μ_{l-1} + (a - μ_l) B with B = (Cov(x_l) + λ 1)^{-1} Cov(x_l, x_{l-1}): affine, without iterations, at the cost
of two products and one factorisation per layer. The penalty λ is absolute, a noise floor: what of the input is left in
x_l with a variance below λ counts as lost. One that scales with the variance would never see the ordered phase forget.

A dense layer is undone by every unit from all others. A convolution is undone by one: every pixel, or every square of
pixels if it makes images smaller, from its neighbourhood, with the same coefficients everywhere; pixels are then what
samples are to a dense layer.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from infoflow.engine.initialization import draw_order, generator
from infoflow.engine.maps.compose import Chain, Residual
from infoflow.engine.maps.convolution import Convolution, Subpixel, as_image
from infoflow.engine.maps.dense import Dense
from infoflow.engine.maps.map import Map, Parameters, apply, record_of, units
from infoflow.engine.maps.pooling import MaxPool, Standardise
from infoflow.engine.network import Block
from infoflow.errors import InfoflowError
from infoflow.reconstruction.fit import Inverses, Progress
from infoflow.reconstruction.walk import Stored, walk

PIXELS = 1 << 14
"""At most so many pixels, a random choice, are what a convolution is undone by."""
LARGEST = 20_000
"""Units of the largest dense layers: their coefficients take 8 bytes times the square of that."""


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
    """See `infoflow.reconstruction.fit.fit_inverses`; options: ridge_penalty λ, ridge_samples.

    Covariances are taken and solved for in float64, over the same random choice of `ridge_samples` images (or over all)
    for all replicas.

    Raises:
        InfoflowError: the layers are too large.
    """
    (order,) = draw_order(seed, "ridge samples", 0, [0], len(images))
    images = images[order[: options["ridge_samples"]].to(images.device)]
    maps = [linear_inverse(block, l) for l, block in enumerate(blocks, start=1)]
    to = {"dtype": images.dtype, "device": images.device}
    parameters = [
        {name: torch.empty(len(replicas), *shape, **to) for name, shape in m.parameter_shapes.items()} for m in maps
    ]
    losses = torch.empty(len(replicas), len(blocks), 1, **to)
    tell = Progress()
    for chunk in walk(blocks, frozen, images, len(replicas), at_once=at_once):
        if not isinstance(chunk, Stored):
            raise InfoflowError(
                f"probe.ridge_samples: layer {chunk.layers.start + 1} of {len(images)} images does not fit in memory; "
                "use fewer, or method adam"
            )
        layers, rows = slice(chunk.layers.start, chunk.layers.stop), chunk.rows
        count = rows.stop - rows.start
        block, inverse = blocks[layers.start], maps[layers.start]
        outputs, inputs = chunk.outputs.flatten(0, 1), chunk.inputs.flatten(0, 1)
        if not inverse.parameter_shapes:
            back = apply(inverse, {}, outputs, record_of(block.forward, inputs))
            found, loss = {}, (back - inputs).square().flatten(1).mean(1)
        elif isinstance(inverse, Subpixel):
            found, loss = _fit_pixels(inverse, outputs, inputs, options["ridge_penalty"], seed)
        else:
            weight, bias, loss = solve(outputs.flatten(2), inputs.flatten(2), options["ridge_penalty"])
            found = {"weight": weight, "bias": bias}
        for name, both in found.items():
            for p, one in zip(parameters[layers], both.split(count), strict=True):
                p[name][rows] = one
        losses[rows, layers, 0] = loss.unflatten(0, (-1, count)).T.to(images.dtype)
        tell(chunk, len(blocks), replicas, loss.mean())
    return Inverses(maps, parameters, losses)


def linear_inverse(block: Block, number: int = 0) -> Map:
    """The map that the regression finds the coefficients of; one without parameters stays as it is.

    Raises:
        InfoflowError: the layer, whose number is told, is too large.
    """
    there, back = block.forward, block.inverse
    if not back.parameter_shapes:
        return back
    if reach := _reach(there):
        return Subpixel(there.output_shape, there.input_shape, *reach)
    if units(there.input_shape) * units(there.output_shape) > LARGEST**2:
        raise InfoflowError(
            f"probe.method ridge: layer {number} takes {units(there.input_shape)} units to "
            f"{units(there.output_shape)}, too many for dense regression; use adam for this architecture"
        )
    return Dense(back.input_shape, back.output_shape, "linear")


def _reach(layer: Map) -> tuple[int, int] | None:
    """Side of the neighbourhood of a pixel that an input square depends on, and side of that square; None if dense."""
    match layer:
        case Convolution():
            return layer.kernel + (layer.kernel + 1) % 2, layer.stride
        case MaxPool():
            return 1, layer.size
        case Standardise():
            return 1, 1
        case Residual():
            return _reach(layer.branch)
        case Chain():
            parts = [_reach(part) for part in layer.parts]
            if None not in parts:
                return 1 + sum(kernel - 1 for kernel, _ in parts), math.prod(stride for _, stride in parts)
    return None


@torch.no_grad()
def _fit_pixels(
    inverse: Subpixel, outputs: torch.Tensor, inputs: torch.Tensor, penalty: float, seed: int
) -> tuple[Parameters, torch.Tensor]:
    """The regression of squares of pixels on neighbourhoods, for states [N, M, ...], one network at a time."""
    kernel, stride = inverse.kernel, inverse.stride
    inputs = inputs.reshape(*inputs.shape[:2], *as_image(inverse.output_shape))
    rows, columns = (n // stride for n in inverse.output_shape[:2])  # squares that are whole
    number = inputs.shape[1] * rows * columns
    chosen = torch.randperm(number, generator=generator(seed, "ridge pixels", number))[:PIXELS].to(inputs.device)
    image, row, column = chosen // (rows * columns), chosen // columns % rows, chosen % columns
    found = []
    for x, y in zip(outputs, inputs, strict=True):
        around = inverse.surround(x[None])[0].unfold(1, kernel, 1).unfold(2, kernel, 1)
        squares = y.unfold(1, stride, stride).unfold(2, stride, stride)
        features = around[image, row, column].flatten(1)  # [channel, row, column], as in the weights
        targets = squares[image, row, column].permute(0, 2, 3, 1).flatten(1)
        weight, bias, loss = solve(features[None], targets[None], penalty)
        found.append((weight[0].T.reshape(inverse.parameter_shapes["weight"]), bias[0, 0], loss[0]))
    weight, bias, loss = map(torch.stack, zip(*found))
    return {"weight": weight, "bias": bias}, loss


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
    samples, size = outputs.shape[1:]
    if samples < size:  # the same solution, B = Xᵀ (X Xᵀ/M + λ 1)^{-1} Y/M, from the smaller matrix
        failed, dual = _solve(outputs @ outputs.mT / samples, inputs, penalty)
        weight = outputs.mT @ dual / samples
        loss = (penalty * dual).square().mean((1, 2))  # Y - X B = λ (X Xᵀ/M + λ 1)^{-1} Y
    else:
        cross = outputs.mT @ inputs / samples
        failed, weight = _solve(outputs.mT @ outputs / samples, cross, penalty)
        # E|x - c(a)|² = E|x|² - tr(Bᵀ cross) - λ |B|², by the equation that B solves
        loss = inputs.square().mean((1, 2)) - (weight * (cross + penalty * weight)).sum((1, 2)) / inputs.shape[2]
    weight[failed > 0] = loss[failed > 0] = math.nan
    return weight, input_mean - output_mean @ weight, loss


def _solve(matrix: torch.Tensor, right: torch.Tensor, penalty: float) -> tuple[torch.Tensor, torch.Tensor]:
    """(matrix + penalty 1)^{-1} right, and where the factorisation failed; the matrix is written over."""
    matrix.diagonal(dim1=1, dim2=2).add_(penalty)
    factor, failed = torch.linalg.cholesky_ex(matrix)
    return failed, torch.cholesky_solve(right, factor)
