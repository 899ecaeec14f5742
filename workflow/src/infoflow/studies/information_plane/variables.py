"""What the jobs, the cube and the figures of the information plane agree on."""

import math

RECONSTRUCTED = ("relative_entropy", "differential_entropy", "explained_variance")
"""What is measured of the input that the cascade reconstructs."""
TRUNCATED_VARIANCE = 1 - math.sqrt(8 / math.pi) * math.exp(-2) / math.erf(math.sqrt(2))
"""Variance of a standard normal cut off at ±2, 0.7737."""
