"""What the jobs, the cube and the figures of the relative entropy through networks agree on."""

import numpy as np

NETWORKS = ("untrained", "trained")
BINS = np.linspace(-4, 4, 41)
"""Edges of the histogram of pre-activations, in standard deviations from the mean."""
SAME, DIFFERS, ABSENT = 0, 1, 2
"""Whether a layer has as many neurons as layer 1, or is not there."""
