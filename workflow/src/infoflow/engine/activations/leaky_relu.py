"""The rectifier that lets a hundredth through: z above zero, z/100 below."""

import torch

from infoflow.engine.activations.activation import Activation

SLOPE = 0.01
"""Below zero."""

ACTIVATION = Activation(
    lambda z: torch.nn.functional.leaky_relu(z, SLOPE), lambda g, z, a: torch.where(a > 0, g, g * SLOPE)
)
