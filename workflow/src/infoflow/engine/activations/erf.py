"""The error function."""

import math

import torch

from infoflow.engine.activations.activation import Activation

ACTIVATION = Activation(torch.erf, lambda g, z, a: g * (z.square().neg_().exp_() * (2 / math.sqrt(math.pi))))
