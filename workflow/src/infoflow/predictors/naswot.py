"""s = ln det K, K_ij the number of units whose sign is the same for images i and j (network without training).

Codes are c = 1[z > 0] of all units of the layers that have a non-linear activation, hidden layers of the head included;
for ReLU that is whether a unit is active. K = c cᵀ + (1-c)(1-c)ᵀ = (N_A + s sᵀ)/2 with s = ±1. Of a residual block z is
x + S(x). -inf where two images have the same code, NaN where a unit is NaN and has none. It grows monotonically with
σ_w², as images become unlike. Cost: a forward pass and R B² products per unit, 2 R B L N² + 2 R B² L N FLOP.
Source: Mellor et al., arXiv:2006.04647; physics.md E8.
"""

import numpy as np
import torch

from infoflow.predictors.untrained import Scores, Untrained, activation_of, pre_activations, to_array

SINGULAR = 1e-12
"""Share of the largest eigenvalue below which one is zero.

Rounding leaves at most B times the precision of float64, 1.4e-14 for 64 images, and 3e-16 in practice. Of 64 digits the
smallest share of a regular kernel, told by its exact rank, was 7e-10: kernels are made of integers.
"""


class Kernel:
    """K of R networks, layer by layer."""

    def __init__(self):
        self._sum: torch.Tensor | int = 0
        self._known: torch.Tensor | bool = True

    def add(self, z: torch.Tensor) -> None:
        """The pre-activations of a layer, [R, B, ...]."""
        sign = torch.where(z > 0, 1.0, -1.0).to(z.dtype).flatten(2)
        self._known = self._known & ~z.flatten(1).isnan().any(1)
        self._sum = self._sum + (sign.shape[2] + sign @ sign.mT) / 2

    def log_determinant(self) -> np.ndarray:
        """ln det K, [R]; -inf where two images have the same code, NaN where a unit was NaN."""
        values = torch.linalg.eigvalsh(self._sum)
        regular = values[:, 0] > SINGULAR * values[:, -1]
        log = torch.where(regular, values.clamp(min=1e-300).log().sum(1), -torch.inf)
        return to_array(torch.where(self._known, log, torch.nan))


@torch.no_grad()
def score(untrained: Untrained) -> Scores:
    """The score is the raw quantity."""
    kernel = Kernel()
    for layer, z in pre_activations(untrained):
        if activation_of(layer) not in (None, "linear"):
            kernel.add(z)
    raw = kernel.log_determinant()
    return Scores(raw, raw.copy())
