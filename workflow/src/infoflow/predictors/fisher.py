"""s = ln Σ_k ⟨(a_k ∂l/∂a_k)²⟩/2 over all channels k of the hidden layers.

l is the loss of one image, the average that over the batch; in convolutional layers a_k ∂l/∂a_k is summed over the
pixels of a channel first. What a block gives is its activation; the inner ones of a residual branch do not count.
Cost: one forward and backward pass, 6 R B L N² FLOP. Source: Theis et al., arXiv:1801.05787; physics.md E5.
"""

import math

import torch

from infoflow.predictors.untrained import Scores, Untrained, backpropagate, log_norm, to_array


def score(untrained: Untrained) -> Scores:
    """ln Δ; raw is log₁₀ Δ."""
    samples = len(untrained.images)
    readout = len(untrained.layers) - 1
    logs = []
    for step in backpropagate(untrained):
        if step.index == readout:
            continue
        product = step.output * step.to_output
        channels = product.reshape(*product.shape[:2], -1, step.layer.fan_out).sum(2)
        # The gradient is that of the mean loss: times B it is that of an image's own.
        logs.append(2 * (log_norm(channels) + math.log(samples)))
    log = to_array(torch.logsumexp(torch.stack(logs), 0)) - math.log(2 * samples)
    return Scores(log, log / math.log(10))
