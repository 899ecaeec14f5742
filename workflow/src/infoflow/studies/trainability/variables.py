"""What the jobs, the cube and the figures of trainability agree on."""

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Of the relative entropy, over evaluation samples."""
SATURATION_MEASURES = ("relative_entropy_ratio", "relative_entropy", "differential_entropy")
"""Curves whose saturation is measured: median over samples of D_l/D_L (the published one), median of D_l, and H_l."""

PICTURES = ("pictures", "inputs", "channel_pictures")
"""Variables that are pictures, for figures of single probes; they are not merged."""
PICTURE_LEVELS = 127
"""A pixel of 1 in a picture."""

NO_WEIGHTS = "none"
"""Attribute `weights` of what is not of single networks, but of all: its one replica stands for all."""

NOT_KNOWN, TRAINED, INFERRED = -1, 0, 1
"""Where the label of a network is from: nowhere, its training, or the boundary of its column."""
SURE = 0.9
"""Probability of being trainable, or of not being so, from which on a network that was not trained is labelled."""
COLUMN_MISSING, BRACKETED, ALL_TRAINABLE, NONE_TRAINABLE, NOT_MONOTONE = -1, 0, 1, 2, 3
"""Kinds of columns: nothing trained; the boundary is among the depths; below all of them; above; deeper networks can be
trained than some that cannot."""

ESTIMATED = ("auroc", "auroc_within_depth", "auroc_gain", "boundary_error", "least_boundary_error")
"""How well a score does: values with an interval."""
