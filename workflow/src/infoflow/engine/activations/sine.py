"""The sine."""

import torch

from infoflow.engine.activations.activation import Activation

ACTIVATION = Activation(torch.sin, lambda g, z, a: g * torch.cos(z))
