"""s = asinh(-Σ (H g) W), g the gradient and H the Hessian of the loss by all weights.

-Σ (H g) W is the change of ½|g|², the speed at which the loss falls, when all weights shrink by the same factor. It has
either sign, hence asinh, which changes no ranking. Weights only, of all layers, the readout included; mean loss over
the batch, no temperature. Cost: two backward passes, the second one through the first, 18 R B L N² FLOP; the memory of
all gradients twice. Source: Wang et al., arXiv:2002.07376; physics.md E5.
"""

import numpy as np
import torch

from infoflow.predictors.untrained import Scores, Untrained, compute_logits, double, mean_loss, to_array, weights_of


def score(untrained: Untrained) -> Scores:
    """asinh of raw, -Σ (H g) W."""
    with torch.enable_grad():
        parameters = [double(p) for p in untrained.parameters]
        weights = [p.detach().requires_grad_() for layer in parameters for p in weights_of(layer).values()]
        again = iter(weights)
        parameters = [{name: next(again) if name in weights_of(p) else p[name] for name in p} for p in parameters]
        loss = mean_loss(untrained, compute_logits(untrained, parameters, untrained.inputs()))
        gradients = torch.autograd.grad(loss.sum(), weights, create_graph=True)
        # d/dW Σ g·(g as a constant) = H g
        along = sum((g * g.detach()).sum() for g in gradients)
        products = torch.autograd.grad(along, weights)
    raw = to_array(-sum((h * w).flatten(1).sum(1) for h, w in zip(products, weights, strict=True)))
    return Scores(np.arcsinh(raw), raw)
