"""s = 6 ξ_c/L: correlations reach six correlation lengths deep. No network, no data. Source: physics.md B3, E1.

L is the depth as the architecture counts it. Of a residual network ξ_c is the number of blocks over which gradients
change by e on average, see `theory.architectures`; it depends on the image, for which the first of the batch is taken.
Infinite at the edge of chaos. Cost: none of the network's size.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from infoflow.predictors.untrained import Scores, Untrained, to_array
from infoflow.theory import architectures as theory

UNSUITED = {"vgg16": "there is no mean-field theory of networks with max-pooling"}
"""Kinds of architectures that it cannot score, and why."""


def score(untrained: Untrained) -> Scores:
    """6 ξ_c/L; raw is ξ_c. NaN where there is no theory, or where ξ_c depends on the input."""
    variances = (np.array([v]) for v in (untrained.ensemble.sigma_w2, untrained.ensemble.sigma_b2))
    image = to_array(untrained.images[0])
    xi = theory.depth_scales(untrained.architecture, *variances, image, untrained.depth)["xi_c"]
    raw = np.repeat(np.asarray(xi, float), untrained.replicas)
    return Scores(6 * raw / untrained.depth, raw, _explain(untrained.architecture) if np.isnan(raw).any() else "")


def _explain(options: Mapping[str, Any]) -> str:
    if theory.has_fixed_points(options):
        return "the variance has several fixed points, and which one is reached depends on the input"
    return f"no theory of {options['kind']} with {options.get('activation', 'this activation')}"
