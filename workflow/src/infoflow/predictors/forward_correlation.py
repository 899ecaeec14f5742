"""s = ln|⟨c^L⟩ - c*|: how far the correlation between images is from the fixed point that forgets them.

⟨c^L⟩ is the mean over all pairs of images of z_i·z_j/(|z_i||z_j|), the pre-activations of the last hidden layer, not
centred; c* is the mean-field fixed point. |c^l - c*| falls like exp(-l/ξ_c) on both sides of the edge. In a network of
N units it is known to about 1/√N only, where c* < 1: there the score says less the deeper the network is. NaN without
a theory of c*. Cost: a forward pass, 2 R B L N² FLOP. Source: Schoenholz et al., arXiv:1611.01232; physics.md B1, E11.
"""

import itertools

import numpy as np
import torch

from infoflow.predictors.untrained import Scores, Untrained, activation_of, pre_activations, to_array
from infoflow.theory import architectures as theory

_NO_FIXED_POINT = "residual networks have no fixed point of the correlation that is approached exponentially"
UNSUITED = {
    "resnet": _NO_FIXED_POINT,
    "resnet_dense": _NO_FIXED_POINT,
    "vgg16": "there is no mean-field theory of networks with max-pooling",
}
"""Kinds of architectures that it cannot score, and why."""


@torch.no_grad()
def score(untrained: Untrained) -> Scores:
    """ln|⟨c^L⟩ - c*|; raw is ⟨c^L⟩."""
    variances = (np.array([v]) for v in (untrained.ensemble.sigma_w2, untrained.ensemble.sigma_b2))
    image = to_array(untrained.images[0])
    (fixed,) = theory.depth_scales(untrained.architecture, *variances, image, untrained.depth)["c_star"]
    apart = mean_distance(untrained)
    with np.errstate(divide="ignore"):
        found = np.log(abs((1 - fixed) - apart))
    reason = f"c* is not known for {untrained.architecture['kind']}" if np.isnan(fixed) else ""
    return Scores(found, 1 - apart, reason)


def mean_distance(untrained: Untrained) -> np.ndarray:
    """1 - ⟨c^L⟩ of every replica, with a relative precision that 1 minus the mean correlation does not have: [R]."""
    blocks = itertools.islice(pre_activations(untrained), len(untrained.network.blocks))
    *_, z = (z.flatten(2) for layer, z in blocks if activation_of(layer) is not None)
    # Of unit vectors 1 - c = |u_i - u_j|²/2, and the sum over pairs is B times that of the distances from the mean.
    units = z / z.abs().amax(2, keepdim=True)
    units = units / units.norm(dim=2, keepdim=True)
    spread = (units - units.mean(1, keepdim=True)).square().sum((1, 2))
    return to_array(spread / (z.shape[1] - 1))
