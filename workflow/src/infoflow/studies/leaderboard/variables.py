"""What the board, its tables and its figures agree on."""

OVERALL = "overall"
DIMENSIONS = ("grid", "score")
MAIN = "kernel"
"""The method of probing whose scores have no prefix."""
FACTOR = 6.0
"""k of the published rule depth <= k ξ_c."""
JUDGED, NO_TRUTH, ALL_TRAINABLE, NONE_TRAINABLE = range(4)

RANKS = ("auroc", "auroc_within_depth", "auroc_gain", "spearman", "kendall")
BOUNDARIES = ("boundary_error", "least_boundary_error")
FIXED = ("fixed_boundary_error", "fixed_least_boundary_error", "fixed_balanced_accuracy")
MEASURES = (*RANKS, *BOUNDARIES, "balanced_accuracy", *FIXED)
"""Measures with an interval."""
COUNTS = ("columns", "censored_columns", "networks")
PER_GRID = ("calibrated_factor", "true_factor")

NOT_JUDGED, WORSE, ALIKE, BETTER = -1, 0, 1, 2
"""Beside counting layers: the interval of the difference of the AUROCs is below 0, holds it, or is above."""
