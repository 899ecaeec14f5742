"""s = -L: the deeper, the less likely trainable. No network, no data: the baseline that every predictor has to beat.

L is the depth as the architecture counts it.
"""

import numpy as np

from infoflow.predictors.untrained import Scores, Untrained

UNSUITED: dict[str, str] = {}
"""Kinds of architectures that it cannot score, and why."""


def score(untrained: Untrained) -> Scores:
    """-L, which is raw too."""
    depth = np.full(untrained.replicas, -float(untrained.depth))
    return Scores(depth, depth)
