"""Activation functions that a config can name."""

ACTIVATIONS = ("erf", "linear", "relu", "tanh", "tanhshrink")
"""Modules of this package."""
