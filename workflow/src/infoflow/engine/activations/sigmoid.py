"""The logistic function 1/(1 + exp(-z))."""

import torch

from infoflow.engine.activations.activation import Activation

ACTIVATION = Activation(torch.sigmoid, lambda g, z, a: torch.ops.aten.sigmoid_backward(g, a))
