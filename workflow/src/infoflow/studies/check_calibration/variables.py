"""What the cube and the figure of the calibration agree on."""

RULE = "rule"
"""Name of the verdict's rule among the scores; the others are baselines."""
WITHOUT = "rule_without_first_steps"
"""Name of that in the features of the initialisation alone."""
CEILING = "other_draws"
"""Name of what the other draws of the same network came to when they were trained: what draws leave to chance."""
