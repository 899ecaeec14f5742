"""Activation functions φ on tensors, with their derivatives.

An activation is one module of this package, named like it, with `ACTIVATION`, and one entry of `kinds.ACTIVATIONS`.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch


@dataclass(frozen=True)
class Activation:
    """An elementwise function.

    Attributes:
        function: z -> φ(z).
        pull_back: (g, z, φ(z)) -> g φ'(z); may use whichever of z and φ(z) is cheaper.
    """

    function: Callable[[torch.Tensor], torch.Tensor]
    pull_back: Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


@cache
def find_activation(name: str) -> Activation:
    """The activation of a name."""
    return importlib.import_module(f"infoflow.engine.activations.{name}").ACTIVATION
