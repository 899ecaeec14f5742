"""s = ln Σ W ∂R/∂W of R = 1ᵀ Π|W_l| 1: what flows through the absolute weights. No data, no labels.

Biases are 0 and activations linear; a residual block is x + S(x), the standardisation of images is left out, poolings
stay. Σ W ∂R/∂W is the derivative of R by a common factor of all weights, L R where every path has L weights; it is
carried along as the tangent of a dual number. Sums are rescaled after every layer, so that only logarithms grow.
In wide networks of dense layers ln R = ln n_out + Σ_l ½ ln(2 σ_w² N_l/π), N_l the fan-in: monotone in σ_w², it knows
nothing of the edge of chaos. Cost: one forward pass of a single image, twice: 4 R L N² FLOP.
Source: Tanaka et al., arXiv:2006.05467; PHYSICS E6.
"""

from dataclasses import replace

import torch
from torch.autograd import forward_ad

from infoflow.maps import Map, apply
from infoflow.maps.compose import Chain, Residual
from infoflow.maps.pooling import Reshape, Standardise
from infoflow.untrained import Scores, Untrained, to_array


@torch.no_grad()
def score(untrained: Untrained) -> Scores:
    """ln Σ W ∂R/∂W; raw is ln R."""
    shape = (untrained.replicas, 1, *untrained.images.shape[1:])
    x = torch.ones(shape, dtype=torch.float64, device=untrained.images.device)
    log = x.new_zeros(untrained.replicas)
    with forward_ad.dual_level():
        for layer, parameters in zip(untrained.layers, untrained.parameters, strict=True):
            absolute = {}
            for name, p in parameters.items():
                if name.endswith("bias"):
                    absolute[name] = torch.zeros_like(p, dtype=torch.float64)
                else:
                    weight = p.double().abs()
                    absolute[name] = forward_ad.make_dual(weight, weight.clone())
            x = apply(linearise(layer), absolute, x)
            largest = forward_ad.unpack_dual(x).primal.flatten(1).amax(1)
            log = log + largest.log()
            x = x / largest.reshape(-1, *[1] * (x.ndim - 1))
        value, tangent = forward_ad.unpack_dual(x.flatten(1).sum(1))
    raw = log + value.log()
    return Scores(to_array(raw + (tangent / value).log()), to_array(raw))


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
