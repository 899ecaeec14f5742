"""s = -Σ [ln(v + k) + 1/(v + k)], v the eigenvalues of the correlations between the images' input gradients.

J_i = ∂(Σ_k f_k(x_i))/∂x_i, the sum over all logits; the correlation matrix B × B is Pearson's, over pixels; k = 1e-5.
Gradients that are alike for all images, as in the ordered phase, give eigenvalues near 0 and a very negative score: it
is monotone in σ_w². Cost: a forward and a backward pass to the input, 4 R B L N² FLOP, and R B³.
Source: Mellor et al., arXiv:2006.04647v1, with k as in Abdelfattah et al., arXiv:2101.08134; physics.md E7.
"""

import numpy as np
import torch

from infoflow.predictors.untrained import Scores, Untrained, compute_logits, double, to_array

OFFSET = 1e-5


def score(untrained: Untrained) -> Scores:
    """The score is the raw quantity."""
    with torch.enable_grad():
        x = untrained.inputs().clone().requires_grad_()
        logits = compute_logits(untrained, [double(p) for p in untrained.parameters], x)
        (jacobian,) = torch.autograd.grad(logits.sum(), x)
    raw = of_gradients(jacobian)
    return Scores(raw, raw.copy())


def of_gradients(jacobian: torch.Tensor) -> np.ndarray:
    """The raw quantity, [R], from the gradients by the inputs, [R, B, *input_shape]; NaN where one is not finite."""
    rows = jacobian.flatten(2)
    rows = rows / rows.abs().amax(2, keepdim=True)  # their size drops out; squares of very small ones would vanish
    rows = rows - rows.mean(2, keepdim=True)
    rows = rows / rows.norm(dim=2, keepdim=True)
    correlations = rows @ rows.mT
    known = correlations.isfinite().all(2).all(1)
    identity = torch.eye(correlations.shape[1], dtype=rows.dtype, device=rows.device)
    values = torch.linalg.eigvalsh(torch.where(known[:, None, None], correlations, identity)).clamp(min=0) + OFFSET
    return to_array(torch.where(known, -(values.log() + 1 / values).sum(1), torch.nan))
