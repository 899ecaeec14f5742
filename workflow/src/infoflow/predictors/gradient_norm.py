"""s = -|ln Σ_l |g_l|₂|, g_l the gradient of the loss by the weights of layer l, the readout included.

Weights only (a block of several has one norm), mean loss over the batch. The norm itself grows monotonically with σ_w²;
that the best value is 1 is no more than a convention. Cost: one forward and backward pass, 6 R B L N² FLOP.
Source: Abdelfattah et al., arXiv:2101.08134; physics.md E3.
"""

import math

import torch

from infoflow.predictors.untrained import Scores, Untrained, backpropagate, log_norm, to_array, weights_of


def score(untrained: Untrained) -> Scores:
    """-|ln Σ|g_l||; raw is log₁₀ Σ|g_l|."""
    norms = []
    for step in backpropagate(untrained):
        parts = [2 * log_norm(g) for g in weights_of(step.gradients).values()]
        if parts:
            norms.append(torch.logsumexp(torch.stack(parts), 0) / 2)
    log = to_array(torch.logsumexp(torch.stack(norms), 0))
    return Scores(-abs(log), log / math.log(10))
