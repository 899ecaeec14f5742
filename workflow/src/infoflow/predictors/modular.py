"""Predictors of networks that are modules of PyTorch: those that losses, gradients and states alone define.

By autograd, in float64, one replica after the other; normalisations by the batch as in training. Layers are matrices of
weights, `modular.find_parameters`, but of `gradient_ratio`, where they are hidden blocks with matrices. Where a formula
is that of a predictor of other networks, it is taken from there. Source: physics.md E.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from infoflow.architectures.layers import Activate
from infoflow.architectures.modular import Modular, draw_module, find_parameters
from infoflow.architectures.modules import ACTIVATION_OF
from infoflow.engine.device import finish_work
from infoflow.engine.initialization import Ensemble
from infoflow.modules.capture import untouched
from infoflow.modules.probe import cut_module
from infoflow.modules.signals import parameters_of
from infoflow.predictors import jacobian_covariance, naswot, ntk_condition
from infoflow.predictors.measure import Measured, peak_memory
from infoflow.predictors.untrained import Scores, log_norm, log_sum

MOST_PARAMETERS = 30_000_000
"""Of a network whose tangent kernel is computed: its gradients by every image are held together."""

_ACTIVATIONS = (*ACTIVATION_OF, nn.ELU, nn.Hardswish, nn.PReLU, nn.ReLU6, Activate)
"""Modules whose inputs have a sign that counts."""


@dataclass(frozen=True)
class Untrained:
    """R modules as they are before training, in float64, and a batch of B images.

    Attributes:
        inputs, labels: [B, *input_shape] and [B].
        depth: of the networks, as the grid counts it.
    """

    network: Modular
    modules: Sequence[nn.Module]
    inputs: torch.Tensor
    labels: torch.Tensor
    depth: int


def draw_untrained(
    network: Modular, images: torch.Tensor, labels: torch.Tensor, depth: int, ensemble: Ensemble
) -> Untrained:
    """The modules that `ground_truth.train_at_rates` starts from, with a batch.

    Args:
        images, labels: [B, *image_shape] and [B]; on the device that computes.
    """
    to = {"dtype": torch.float64, "device": images.device}
    modules = [draw_module(network, ensemble, replica, **to) for replica in ensemble.replicas]
    return Untrained(network, modules, network.inputs(images.double()), labels, depth)


def score_network(name: str, untrained: Untrained) -> Measured:
    """Scores of a predictor for all replicas, with time and memory; NaN, with the reason, where there is none.

    Args:
        name: of the predictor.
    """
    score = _SCORES.get(name)
    with peak_memory(untrained.inputs.device) as peak:
        started = time.perf_counter()
        found = [_score_one(score, untrained, module) for module in untrained.modules]
        finish_work(untrained.inputs.device)
        seconds = time.perf_counter() - started
    scores, raws = (np.array([getattr(one, part) for one in found], float) for part in ("score", "raw"))
    reason = next((one.reason for one in found if one.reason), "")
    if np.isnan(scores).any() and not reason:
        reason = "activations or gradients are zero or not finite"
    return Measured(Scores(scores, raws, reason), seconds, peak.bytes)


@dataclass(frozen=True)
class _One:
    """Score and raw quantity of a replica."""

    score: float = math.nan
    raw: float = math.nan
    reason: str = ""


def _score_one(score: Callable[[Untrained, nn.Module], _One] | None, untrained: Untrained, module: nn.Module) -> _One:
    if score is None:
        return _One(reason="it is defined by layers of known maps, and this network is a module of PyTorch")
    with untouched(module), torch.enable_grad():
        return score(untrained, module)


def _negative_depth(untrained: Untrained, module: nn.Module) -> _One:
    return _One(-untrained.depth, -untrained.depth)


def _gradient_norm(untrained: Untrained, module: nn.Module) -> _One:
    norms = [log_norm(g[None]) for _, g in _gradients(untrained, module).values()]
    log = float(torch.logsumexp(torch.cat(norms), 0))
    return _One(-abs(log), log / math.log(10))


def _gradient_ratio(untrained: Untrained, module: nn.Module) -> _One:
    blocks = cut_module(untrained.network, module, untrained.inputs)
    gradients = _gradients(untrained, module)
    of_blocks = [[n for n in parameters_of(blocks, l) if n in gradients] for l in range(len(blocks.blocks) - 1)]
    with_weights = [names for names in of_blocks if names]
    if len(with_weights) < 2:
        return _One(reason="a ratio of gradients needs two hidden blocks with weights")

    def square(names: Sequence[str]) -> torch.Tensor:
        """ln of the squared gradient in units of the fan-in."""
        parts = [2 * log_norm(gradients[n][1][None]) - math.log(gradients[n][0][0].numel()) for n in names]
        return torch.logsumexp(torch.cat(parts), 0)

    raw = float(square(with_weights[0]) - square(with_weights[-1]))
    return _One(-abs(raw), raw)


def _snip(untrained: Untrained, module: nn.Module) -> _One:
    sums = [log_sum((p.detach() * g)[None]) for p, g in _gradients(untrained, module).values()]
    log = torch.logsumexp(torch.cat(sums), 0).item()
    return _One(log, log / math.log(10))


def _grasp(untrained: Untrained, module: nn.Module) -> _One:
    pairs = _gradients(untrained, module, create_graph=True).values()
    along = sum((g * g.detach()).sum() for _, g in pairs)
    products = torch.autograd.grad(along, [p for p, _ in pairs], allow_unused=True)
    raw = -sum(float((h * p.detach()).sum()) for h, (p, _) in zip(products, pairs) if h is not None)
    return _One(float(np.arcsinh(raw)), raw)


def _jacobian_covariance(untrained: Untrained, module: nn.Module) -> _One:
    x = untrained.inputs.detach().clone().requires_grad_()
    (jacobian,) = torch.autograd.grad(module(x).sum(), x)
    (raw,) = jacobian_covariance.of_gradients(jacobian[None])
    return _One(raw, raw)


def _naswot(untrained: Untrained, module: nn.Module) -> _One:
    kernel, known = naswot.Kernel(), [part for part in module.modules() if isinstance(part, _ACTIVATIONS)]
    if not known:
        return _One(reason="it has no activation that is a module of its own")
    hooks = [part.register_forward_pre_hook(lambda part, args: kernel.add(args[0].detach()[None])) for part in known]
    try:
        with torch.no_grad():
            module(untrained.inputs)
    finally:
        for hook in hooks:
            hook.remove()
    (raw,) = kernel.log_determinant()
    return _One(raw, raw)


def _ntk_condition(untrained: Untrained, module: nn.Module) -> _One:
    parameters = [p for p in module.parameters() if p.requires_grad]
    if (there := sum(p.numel() for p in parameters)) > MOST_PARAMETERS:
        return _One(reason=f"it has {there} parameters, of which the tangent kernel takes too much memory")
    logits = module(untrained.inputs[: ntk_condition.SAMPLES]).sum(1)
    rows = [
        torch.cat([g.flatten() for g in torch.autograd.grad(f, parameters, retain_graph=True, materialize_grads=True)])
        for f in logits
    ]
    rows = torch.stack(rows)
    (log,) = ntk_condition.log_condition((rows @ rows.mT)[None])
    return _One(-log, log / math.log(10))


_SCORES: dict[str, Callable[[Untrained, nn.Module], _One]] = {
    "gradient_norm": _gradient_norm,
    "gradient_ratio": _gradient_ratio,
    "grasp": _grasp,
    "jacobian_covariance": _jacobian_covariance,
    "naswot": _naswot,
    "negative_depth": _negative_depth,
    "ntk_condition": _ntk_condition,
    "snip": _snip,
}
"""By the name of the predictor. The others need maps, or the mean-field theory of a network."""


def _gradients(
    untrained: Untrained, module: nn.Module, create_graph: bool = False
) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """The matrices that the loss depends on, with its gradients by them, by name."""
    matrices, _ = find_parameters(module)
    matrices = {name: p for name, p in matrices.items() if p.requires_grad}
    loss = cross_entropy(module(untrained.inputs), untrained.labels)
    given = torch.autograd.grad(loss, list(matrices.values()), create_graph=create_graph, allow_unused=True)
    return {name: (p, g) for (name, p), g in zip(matrices.items(), given, strict=True) if g is not None}
