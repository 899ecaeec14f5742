"""s = ln Σ W ∂R/∂W of R = 1ᵀ Π|W_l| 1: what flows through the absolute weights. No data, no labels.

Biases are 0 and activations linear; a residual block is x + S(x), the standardisation of images is left out, poolings
stay. Σ W ∂R/∂W is the derivative of R by a common factor of all weights, L R where every path has L weights. Sums are
rescaled after every layer, so that only logarithms grow.
In wide networks of dense layers ln R = ln n_out + Σ_l ½ ln(2 σ_w² N_l/π), N_l the fan-in: monotone in σ_w², it knows
nothing of the edge of chaos. Cost: a forward and a backward pass of a single image, 6 R L N² FLOP.
Source: Tanaka et al., arXiv:2006.05467; physics.md E6.
"""

from dataclasses import replace

import torch

from infoflow.engine.maps.compose import Chain, Residual
from infoflow.engine.maps.map import Map, apply
from infoflow.engine.maps.pooling import Reshape, Standardise
from infoflow.predictors.untrained import Scores, Untrained, to_array


def score(untrained: Untrained) -> Scores:
    """ln Σ W ∂R/∂W; raw is ln R."""
    shape = (untrained.replicas, 1, *untrained.images.shape[1:])
    x = torch.ones(shape, dtype=torch.float64, device=untrained.images.device)
    log = x.new_zeros(untrained.replicas)
    with torch.enable_grad():
        factor = torch.ones_like(log, requires_grad=True)
        for layer, parameters in zip(untrained.layers, untrained.parameters, strict=True):
            absolute = {
                name: torch.zeros_like(p, dtype=torch.float64) if name.endswith("bias") else _each(factor, p) * p.abs()
                for name, p in parameters.items()
            }
            x = apply(linearise(layer), absolute, x)
            largest = x.detach().flatten(1).amax(1)
            log = log + largest.log()
            x = x / _each(largest, x)
        raw = log + x.flatten(1).sum(1).log()
        (by_factor,) = torch.autograd.grad(raw.sum(), factor)
    return Scores(to_array(raw + by_factor.log()), to_array(raw))


def _each(values: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """One value per replica, [R], with as many axes as another tensor."""
    return values.reshape(-1, *[1] * (like.ndim - 1))


def linearise(layer: Map) -> Map:
    """The same map without activations and without the standardisation of images."""
    match layer:
        case Chain():
            return Chain(tuple(map(linearise, layer.parts)))
        case Residual():
            return Residual(linearise(layer.branch), "linear")
        case Standardise():
            return Reshape(layer.input_shape, layer.output_shape)
    return replace(layer, activation="linear") if hasattr(layer, "activation") else layer
