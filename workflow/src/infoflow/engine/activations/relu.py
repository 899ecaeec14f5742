"""The rectifier max(0, z)."""

import torch

from infoflow.engine.activations.activation import Activation

ACTIVATION = Activation(torch.relu, lambda g, z, a: g * (a > 0))
