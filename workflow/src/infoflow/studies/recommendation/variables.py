"""What recommendations, their table and their figure agree on."""

DIMENSIONS = ("experiment", "depth", "initialization")

UNKNOWN, MEASURED, OUTSIDE = -1, 0, 1
"""Whether an initialisation lies on the grid: of an experiment without a boundary nothing is known."""
