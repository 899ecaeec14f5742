"""z/(1 + exp(-z)), also called swish."""

import torch

from infoflow.engine.activations.activation import Activation

ACTIVATION = Activation(torch.nn.functional.silu, lambda g, z, a: torch.ops.aten.silu_backward(g, z))
