"""What the job, the cube and the figures of the maps agree on."""

COLLAPSED, BEYOND_DEPTH, UNKNOWN = 0, 1, 2
"""Cases of a column: the entropy falls below the threshold; in no layer of the network; it is not known whether."""

THEORY = "theory_"
"""Beginning of the names of what is of infinite width; what is measured has none."""

PUBLISHED_COLLAPSE, PUBLISHED_RULE = 8.5, 6.0
"""In ξ_c: where the map of the published implementation collapses, and how deep a network is said to be trainable."""

TAILS = (5, 95)
"""Percentiles over columns that the spread of a fit is told by."""
