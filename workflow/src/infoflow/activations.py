"""Activation functions φ on tensors, with their derivatives."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

Tensor = torch.Tensor


@dataclass(frozen=True)
class Activation:
    """An elementwise function.

    Attributes:
        function: z -> φ(z).
        pull_back: (g, z, φ(z)) -> g φ'(z); may use whichever of z and φ(z) is cheaper.
    """

    function: Callable[[Tensor], Tensor]
    pull_back: Callable[[Tensor, Tensor, Tensor], Tensor]


def tanh(z: Tensor) -> Tensor:
    """tanh(z). Outside of autograd on the CPU it is numpy's, within 1.4 units in the last place.

    It takes an eighth of the time of torch's; in narrow networks that is half of the time of everything.
    """
    if z.device.type == "cpu" and not z.requires_grad:
        return torch.from_numpy(np.tanh(z.numpy()))
    return torch.tanh(z)


ACTIVATIONS = {
    "tanh": Activation(tanh, lambda g, z, a: torch.ops.aten.tanh_backward(g, a)),
    "erf": Activation(torch.erf, lambda g, z, a: g * (z.square().neg_().exp_() * (2 / math.sqrt(math.pi)))),
    "relu": Activation(torch.relu, lambda g, z, a: g * (a > 0)),
    "tanhshrink": Activation(lambda z: z - tanh(z), lambda g, z, a: g * (z - a).square_()),
    "linear": Activation(lambda z: z, lambda g, z, a: g),
}
