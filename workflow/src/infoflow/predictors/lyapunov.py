"""s = -L|λ|, λ = (1/L) Σ_l ln(|D_l W_l t|/|t|): the rate at which a random tangent vector t grows from layer to layer.

Averaged over the images, each with a tangent of its own at the input, the same for all replicas. Lengths are taken per
unit, so that layers may differ in width. λ is an average over the layers behind the third, where the variance of the
pre-activations has come close to its fixed point (ξ_q < 2), and convolutional networks have their stem behind them;
over all if there are no more than three. L counts all blocks. In wide networks λ = ½ ln χ₁, of either sign: two-sided.
Cost: a forward pass, and one back and forth for the tangents, 6 R B L N² FLOP.
Source: Poole et al., arXiv:1606.05340; physics.md E10.
"""

import math

import torch

from infoflow.engine.initialization import generator
from infoflow.engine.maps.map import Map, Parameters, apply
from infoflow.predictors.untrained import Scores, Untrained, double, log_norm, to_array

TRANSIENT = 3


def score(untrained: Untrained) -> Scores:
    """-L|λ|; raw is λ."""
    growth = to_array(layer_growth(untrained))
    raw = growth[:, TRANSIENT if growth.shape[1] > TRANSIENT else 0 :].mean(1)
    return Scores(-growth.shape[1] * abs(raw), raw)


def layer_growth(untrained: Untrained) -> torch.Tensor:
    """ln of the growth of a tangent vector's root mean square in every block, averaged over the images: [R, L]."""
    x = untrained.inputs().clone()
    t = torch.randn(x.shape[1:], generator=generator(untrained.ensemble.seed, "lyapunov tangent"), dtype=torch.float64)
    t = t.to(x.device).expand(x.shape).clone()
    found = []
    before = _log_length(t)
    for block, parameters in zip(untrained.network.blocks, untrained.blocks, strict=True):
        x, t = _push_forward(block.forward, double(parameters), x, t)
        after = _log_length(t)
        found.append((after - before).mean(1))
        t = t / t.flatten(2).norm(dim=2).reshape(*t.shape[:2], *[1] * (t.ndim - 2))
        before = _log_length(t)
    return torch.stack(found, 1)


def _push_forward(
    layer: Map, parameters: Parameters, x: torch.Tensor, t: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The output of a map, and its Jacobian times t: v·(J t) is linear in v, and its gradient by v is J t."""
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        output = apply(layer, parameters, x)
        v = torch.ones_like(output, requires_grad=True)
        (back,) = torch.autograd.grad((output * v).sum(), x, create_graph=True)
        (along,) = torch.autograd.grad((back * t).sum(), v)
    return output.detach(), along


def _log_length(t: torch.Tensor) -> torch.Tensor:
    """ln of the root mean square over all units: [R, B, ...] -> [R, B]."""
    lengths = log_norm(t.flatten(0, 1)).view(t.shape[:2])
    return lengths - math.log(t[0, 0].numel()) / 2
