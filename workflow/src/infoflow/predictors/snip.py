"""s = ln Σ |W ∂l/∂W|: how much the loss would feel the loss of every single weight.

Weights only, of all layers, the readout included; mean loss over the batch. Monotone in σ_w². Cost: one forward and
backward pass, 6 R B L N² FLOP. Source: Lee et al., arXiv:1810.02340; physics.md E4.
"""

import math

import torch

from infoflow.predictors.untrained import Scores, Untrained, backpropagate, log_sum, to_array, weights_of


def score(untrained: Untrained) -> Scores:
    """ln Σ|W g|; raw is log₁₀ Σ|W g|."""
    sums = [
        log_sum(step.parameters[name] * g)
        for step in backpropagate(untrained)
        for name, g in weights_of(step.gradients).items()
    ]
    log = to_array(torch.logsumexp(torch.stack(sums), 0))
    return Scores(log, log / math.log(10))
