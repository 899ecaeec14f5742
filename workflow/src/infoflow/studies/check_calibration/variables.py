"""What the cube and the figure of the calibration agree on."""

RULE = "rule"
"""Name of the verdict's rule among the scores; the others are baselines."""
