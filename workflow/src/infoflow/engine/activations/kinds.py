"""Activation functions that a config can name."""

ACTIVATIONS = (
    "erf",
    "gelu",
    "leaky_relu",
    "linear",
    "relu",
    "sigmoid",
    "silu",
    "sine",
    "softplus",
    "tanh",
    "tanhshrink",
)
"""Modules of this package."""
