"""Cases of a curve over the layers whose saturation depth is looked for, see `divergence.saturation_case`."""

NEVER_INFORMATIVE, SATURATED, NOT_SATURATED, UNKNOWN = 0, 1, 2, 3
SATURATION_CASES = ("never_informative", "saturated", "not_saturated", "unknown")
"""Their names."""
