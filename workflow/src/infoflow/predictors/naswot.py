"""s = ln det K, K_ij the number of units whose sign is the same for images i and j (network without training).

Codes are c = 1[z > 0] of all units of the layers that have a non-linear activation, hidden layers of the head included;
for ReLU that is whether a unit is active. K = c cᵀ + (1-c)(1-c)ᵀ = (N_A + s sᵀ)/2 with s = ±1. Of a residual block z is
x + S(x). -inf where two images have the same code, NaN where a unit is NaN and has none. It grows monotonically with
σ_w², as images become unlike. Cost: a forward pass and R B² products per unit, 2 R B L N² + 2 R B² L N FLOP.
Source: Mellor et al., arXiv:2006.04647; physics.md E8.
"""

import torch

from infoflow.predictors.untrained import Scores, Untrained, activation_of, pre_activations, to_array

SINGULAR = 1e-12
"""Share of the largest eigenvalue below which one is zero.

Rounding leaves at most B times the precision of float64, 1.4e-14 for 64 images, and 3e-16 in practice. Of 64 digits the
smallest share of a regular kernel, told by its exact rank, was 7e-10: kernels are made of integers.
"""


@torch.no_grad()
def score(untrained: Untrained) -> Scores:
    """The score is the raw quantity."""
    kernel, known = 0, True
    for layer, z in pre_activations(untrained):
        if activation_of(layer) in (None, "linear"):
            continue
        sign = torch.where(z > 0, 1.0, -1.0).to(z.dtype).flatten(2)
        known = known & ~z.flatten(1).isnan().any(1)
        kernel = kernel + (sign.shape[2] + sign @ sign.mT) / 2
    values = torch.linalg.eigvalsh(kernel)
    regular = values[:, 0] > SINGULAR * values[:, -1]
    log = torch.where(regular, values.clamp(min=1e-300).log().sum(1), -torch.inf)
    raw = to_array(torch.where(known, log, torch.nan))
    return Scores(raw, raw.copy())
