"""s = -|ln(|g_1|²/|g_last|²)|, the gradients of the loss by the first and the last hidden-to-hidden weights.

In wide networks ln(|g_1|²/|g_last|²) = (L - 2) ln χ₁ for L dense layers, readout included: 0 at the edge of chaos,
negative where gradients vanish, positive where they explode. Squared gradients are taken in units of the fan-in, which
changes nothing between layers of equal width, and makes those of a `shrinking` network comparable. Layers are the
blocks that have weights; the stem of convolutional networks, of another geometry, is left out where there are two
layers besides. Weights only, mean loss, any norm of it. Cost: one forward and backward pass, 6 R B L N² FLOP.
Source: Schoenholz et al., arXiv:1611.01232; physics.md B1, E2.
"""

import math

import torch

from infoflow.predictors.untrained import Scores, Untrained, backpropagate, log_norm, to_array, unscored, weights_of


def score(untrained: Untrained) -> Scores:
    """-|raw|; raw is ln(|g_1|²/|g_last|²). NaN for networks of a single layer."""
    blocks = untrained.network.blocks
    with_weights = [k for k, p in enumerate(untrained.blocks) if weights_of(p)]
    beyond_stem = [k for k in with_weights if not blocks[k].name.startswith("stem")]
    taken = beyond_stem if len(beyond_stem) > 1 else with_weights
    if len(taken) < 2:
        return unscored(untrained, "a ratio of gradients needs two hidden layers")
    squares = {}
    for step in backpropagate(untrained):
        if step.index in (taken[0], taken[-1]):
            gradients = weights_of(step.gradients).items()
            parts = [2 * log_norm(g) - math.log(step.layer.fan_in(name)) for name, g in gradients]
            squares[step.index] = torch.logsumexp(torch.stack(parts), 0)
    raw = to_array(squares[taken[0]] - squares[taken[-1]])
    return Scores(-abs(raw), raw)
