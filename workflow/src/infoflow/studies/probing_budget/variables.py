"""What the jobs, the cube and the figure of the probing budget agree on."""

SCORES = ("differential_entropy", "explained_variance", "negative_relative_entropy")
"""Scores of a layer, as in the cubes; larger ones mean more likely trainable; the relative entropy is the median."""
TOLERANCE = 0.01
"""Of the AUROC."""
CRITERIA = ("estimate", "confident")
SETTING = ("probe_method", "width", "fraction", "samples")
