"""What is measured of one draw of a network before any training: one number per block, and a few of the whole.

Source: physics.md G.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils._pytree import tree_map

from infoflow.errors import InfoflowError
from infoflow.modules.capture import Blocks, capture, take
from infoflow.modules.trace import walk
from infoflow.reconstruction.divergence import differential_entropy, explained_variance, relative_entropy
from infoflow.reconstruction.kernel import Gram, cascade_of, gram, read

GRADIENT_SAMPLES, STEP_SAMPLES, STEP_DIRECTIONS = 32, 16, 3
FEW_DIMENSIONS = 8
"""Of inputs whose dimensions are counted."""
INVARIANT = 1e-4
"""Cosine between a matrix and its gradient below which its scale makes no difference."""


@dataclass(frozen=True)
class Task:
    """What the network is for.

    Attributes:
        batch: a tensor, or a tuple, list or dict of what the model is called with; N samples on the first axis.
        labels: classes [N], targets, whatever `loss` takes; None, unknown.
        loss: of outputs and labels.
        fit: n, the number of samples that reconstructions are fitted to; they come first.
        penalty: of the kernel cascade.
    """

    batch: Any
    labels: Any
    loss: Callable[[Any, Any], torch.Tensor]
    fit: int
    penalty: float


@dataclass(frozen=True)
class Signals:
    """Of one draw; L blocks. Logarithms are natural, NaN is unknown.

    Attributes:
        layers: by name [L] or, with the state that the first block gets, [L + 1].
        whole: numbers by name.
    """

    layers: dict[str, np.ndarray]
    whole: dict[str, float] = field(default_factory=dict)


def measure(blocks: Blocks, task: Task, generator: torch.Generator) -> Signals:
    """All of one draw, within `capture.untouched`.

    Args:
        generator: of the direction of the gradient where there are no labels.
    """
    layers, whole = _states(blocks, task)
    gradients, more = _gradients(blocks, task, generator)
    return Signals({**layers, **gradients, **_weights(blocks)}, {**whole, **more, **_noise(blocks, task)})


@torch.no_grad()
def _states(blocks: Blocks, task: Task) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Of one pass without gradients."""
    taken = capture(blocks, task.batch)
    states, fit = taken.states, task.fit
    length, samples = len(states) - 1, len(states[0])
    found = {name: np.full(length, np.nan) for name in (*_CURVES, "change", "dead_share", "collapsed")}
    found |= {
        name: np.full(length + 1, np.nan) for name in ("root_mean_square", "label_accuracy", "token_cosine", "units")
    }
    targets = _one_hot(task.labels, samples)
    grams: list[Gram] = []
    for l, state in enumerate(states):
        flat = state.reshape(len(state), -1)
        found["root_mean_square"][l] = _root_mean_square(flat)
        found["units"][l] = flat.shape[1]
        found["token_cosine"][l] = _token_cosine(state)
        if l:
            low, high = flat.aminmax(dim=0)
            found["dead_share"][l - 1] = (low == high).double().mean()
            if state.shape == states[l - 1].shape:
                change = _root_mean_square(flat - states[l - 1].reshape(flat.shape))
                with np.errstate(divide="ignore", invalid="ignore"):
                    found["change"][l - 1] = change / found["root_mean_square"][l - 1]
        layer = gram(flat[None], fit, task.penalty, relative=True)
        if targets is not None:
            found["label_accuracy"][l] = _accuracy(layer, targets, task.labels, fit)
        if l:
            grams.append(layer)
    if np.isfinite(found["token_cosine"]).sum() < 2:  # rows of an image are no tokens
        found["token_cosine"][:] = np.nan
    inputs = states[0].reshape(samples, -1).double()
    reference = inputs[fit:].cpu().numpy()
    if not np.isfinite(reference).all() or not np.ptp(reference, axis=0).any():
        raise InfoflowError("check: the batch is not finite, or all of its samples are equal")
    for relative in (False, True):
        noisy = [g.with_noise(task.penalty, relative) for g in grams]
        for l, layer in enumerate(cascade_of(inputs, noisy, fit)):
            image = layer.images[0].cpu().numpy()
            suffix = "_relative" if relative else ""
            if np.isfinite(image).all():
                found[f"explained_variance{suffix}"][l] = explained_variance(reference, image)
                found[f"entropy{suffix}"][l] = differential_entropy(image)
                if not relative:
                    found["relative_entropy"][l] = np.median(relative_entropy(reference, image))
            found["collapsed"][l] = float(layer.constant[0])
    outputs = states[-1].reshape(samples, -1).double()
    return found, {
        "output_scale": _root_mean_square(outputs),
        "output_spread": float(outputs.std(0).mean()),
        "input_scale": _root_mean_square(inputs),
        "input_units": float(inputs.shape[1]),
        "input_rank": _rank(inputs),
    }


_CURVES = ("relative_entropy", "entropy", "explained_variance", "entropy_relative", "explained_variance_relative")


def _gradients(
    blocks: Blocks, task: Task, generator: torch.Generator
) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Of passes with gradients: of the loss by all states and parameters, of the mean outputs by the parameters."""
    number = min(GRADIENT_SAMPLES, _size(task))
    batch, labels = take(task.batch, slice(0, number)), take(task.labels, slice(0, number))
    taken = capture(blocks, batch, gradients=True)
    parameters = {name: p for name, p in blocks.model.named_parameters() if p.requires_grad}
    loss = _loss(task, taken.outputs, taken.states[-1], labels, generator)
    taps = [t for some in taken.taps for t in some]
    squares = dict.fromkeys(map(id, taps), 0.0)
    of_parameters = dict.fromkeys(parameters, 0.0)
    rates, of_weights = {"task_rate": 0.0, "task_reach": 0.0}, _of_weights([(p, None) for p in parameters.values()])
    held = 1.0
    if loss.requires_grad:
        wanted = [t for t in taps if t.requires_grad]
        given = torch.autograd.grad(loss, [*wanted, *parameters.values()], retain_graph=True, allow_unused=True)
        of_states, others = given[: len(wanted)], given[len(wanted) :]
        squares |= {id(t): _square(g) for t, g in zip(wanted, of_states)}
        of_parameters = {n: _square(g) for n, g in zip(parameters, others)}
        of_weights = _of_weights(list(zip(parameters.values(), others)))
        by_output = (
            of_states[[id(t) for t in wanted].index(id(taken.taps[-1][0]))] if taken.taps[-1][0].requires_grad else None
        )
        axis = blocks.blocks[-1].end.axis
        rates = _rates(taken.taps[-1][0], by_output, axis, list(parameters.values()))
        if labels is not None:
            held = _held(by_output, axis, max((state[0].numel() for state in taken.states[1:-1]), default=math.inf))
    per_block = [_of_block(of_parameters, parameters, parameters_of(blocks, b)) for b in range(len(blocks.blocks))]
    with np.errstate(divide="ignore", invalid="ignore"):
        layers = {
            "log_gradient": np.log([sum(squares[id(t)] for t in some) for some in taken.taps]),
            "log_parameter_gradient": np.log(per_block),
        }
    whole = {"loss": float(loss.detach()), "parameters": float(sum(p.numel() for p in parameters.values()))}
    return layers, {
        **whole,
        **rates,
        **of_weights,
        "wanted_held": held,
        "curvature": _curvature(task, taken.outputs, labels),
        **_step(blocks, task, parameters),
    }


def _of_weights(pairs: Sequence[tuple[nn.Parameter, torch.Tensor | None]]) -> dict[str, float]:
    """Of the matrices of weights and their gradients.

    `scale_invariant`, share of those whose scale makes no difference, as in front of a normalisation: θ·∂ℓ/∂θ = 0;
    `weight_scale`, root mean square of all weights; `weakest_gradient`, least root mean square of a matrix's gradient.
    """
    matrices = [(p, g) for p, g in pairs if p.ndim > 1]
    invariant, weakest = 0, math.inf
    for parameter, gradient in matrices:
        square = _square(gradient)
        weakest = min(weakest, math.sqrt(square / parameter.numel()))
        if square > 0 and gradient is not None:
            size = math.sqrt(_square(parameter) * square)
            invariant += abs(float((parameter.detach() * gradient).double().sum())) < INVARIANT * size
    squares = sum(_square(p.detach()) for p, _ in matrices)
    return {
        "scale_invariant": invariant / max(1, len(matrices)),
        "weight_scale": math.sqrt(squares / max(1, sum(p.numel() for p, _ in matrices))),
        "weakest_gradient": weakest if matrices else 0.0,
    }


def _curvature(task: Task, outputs: Any, labels: Any) -> float:
    """How much the loss bends between the outputs f and −f: n |∂ℓ(f) − ∂ℓ(−f)|/|2f|; 1 without labels.

    1/C for half the squared error of C numbers and for small scores of C classes, and of large scores what is left of
    it where the probabilities saturate, so that steps are judged by where they go, too.
    """
    if labels is None:
        return 1.0
    given = [t.detach().double() for _, t in walk(outputs) if t.is_floating_point()]
    scale = math.sqrt(sum(_square(t) for t in given))
    if not math.isfinite(scale):
        return 0.0
    if scale < 1e-6 * math.sqrt(sum(t.numel() for t in given)):
        given = [torch.sin(torch.arange(t.numel()) + 1.0).to(t).view(t.shape) * 1e-3 for t in given]
    found = []
    for sign in (1, -1):
        leaves = iter([(sign * t).requires_grad_() for t in given])
        used: list[torch.Tensor] = []

        def replaced(item: Any, leaves=leaves, used=used) -> Any:
            if isinstance(item, torch.Tensor) and item.is_floating_point():
                used.append(next(leaves))
                return used[-1]
            return item

        try:
            loss = task.loss(tree_map(replaced, outputs), labels)
            found.append(torch.autograd.grad(loss, used, allow_unused=True))
        except (RuntimeError, InfoflowError):  # a loss that does not take such outputs
            return 1.0
    bend = sum(_square(a - b) for a, b in zip(*found) if a is not None and b is not None)
    return len(given[0]) * math.sqrt(bend) / (2 * math.sqrt(sum(_square(t) for t in given)))


def _of_block(squares: dict[str, float], parameters: dict[str, nn.Parameter], names: list[str]) -> float:
    """Sum of squares over the matrices of a block, or over all of its parameters if it has none; NaN without any."""
    known = [n for n in names if n in squares]
    chosen = [n for n in known if parameters[n].ndim > 1] or known
    return sum(squares[n] for n in chosen) if chosen else math.nan


def _rates(
    outputs: torch.Tensor, residual: torch.Tensor | None, axis: int, parameters: list[nn.Parameter]
) -> dict[str, float]:
    """How fast gradient descent learns what distinguishes the samples.

    r_i, what the loss wants of the outputs f_i of sample i, ∂loss/∂f_i without its mean over the samples; then of the
    tangent kernel over n the quotient r·(J Jᵀ/n)r/|r|², which times the learning rate is the share of r that a step of
    gradient descent takes away; and with the sum of |Jᵀr| for its square, the same for a step of 1 against the sign of
    the gradient, as Adam's first one.
    """
    if residual is None:
        return {"task_rate": 0.0, "task_reach": 0.0}
    samples = outputs.shape[axis]
    centred = residual - residual.mean(axis, keepdim=True)
    size = samples * _square(centred)
    if not size > 0:
        return {"task_rate": 0.0, "task_reach": 0.0}
    given = torch.autograd.grad(outputs, parameters, centred, allow_unused=True)
    return {
        "task_rate": sum(_square(g) for g in given) / size,
        "task_reach": sum(0.0 if g is None else _length(g) for g in given) / size,
    }


def _held(residual: torch.Tensor | None, axis: int, units: float) -> float:
    """Share of what the loss wants of the outputs that fits into so many units, those of the widest hidden block.

    Outputs that are linear in h units have, without their means over the samples, at most the rank h; of r_i, see
    `_rates`, the best matrix of that rank holds the share Σ_{k ≤ h} s_k²/Σ s_k², s its singular values. 1, unknown.
    """
    if residual is None:
        return 1.0
    wanted = (residual - residual.mean(axis, keepdim=True)).movedim(axis, 0).double()
    wanted = wanted.reshape(len(wanted), -1)
    if units >= min(wanted.shape) or not wanted.isfinite().all():
        return 1.0
    squares = torch.linalg.eigvalsh(wanted @ wanted.mT).flip(0).clamp_min(0)
    return float(squares[: int(units)].sum() / squares.sum()) if squares.sum() > 0 else 1.0


def _root_mean_square(values: torch.Tensor) -> float:
    return math.sqrt(_square(values) / values.numel())


def _square(gradient: torch.Tensor | None) -> float:
    return 0.0 if gradient is None else float(torch.linalg.vector_norm(gradient.detach(), dtype=torch.float64)) ** 2


def _length(gradient: torch.Tensor) -> float:
    """Sum of the magnitudes."""
    return float(torch.linalg.vector_norm(gradient, 1, dtype=torch.float64))


def _step(blocks: Blocks, task: Task, parameters: dict[str, nn.Parameter]) -> dict[str, float]:
    """How far a step moves the outputs.

    With G_c = ∂/∂θ of the mean of output c over the samples, the largest eigenvalue of G Gᵀ is a lower bound of that of
    the tangent kernel over the number of samples, nearly reached where the samples are alike, and 2 over it the largest
    stable rate of gradient descent on half the squared error. A step of size η against the sign of the gradient, as
    Adam's first one, moves output c by η Σ|G_c|.
    """
    taken = capture(blocks, take(task.batch, slice(0, STEP_SAMPLES)), gradients=True)
    outputs = taken.states[-1].reshape(len(taken.states[-1]), -1)
    if not outputs.requires_grad:
        return {"sharpness": math.nan, "sign_reach": math.nan}
    chosen = torch.linspace(0, outputs.shape[1] - 1, min(outputs.shape[1], STEP_DIRECTIONS)).long()
    rows: list[list[torch.Tensor]] = []
    for c in chosen.tolist():
        given = torch.autograd.grad(
            outputs[:, c].mean(), list(parameters.values()), retain_graph=True, allow_unused=True
        )
        rows.append([g.flatten() for g in given if g is not None])
    products = torch.tensor([[sum(float(a @ b) for a, b in zip(one, other)) for other in rows] for one in rows])
    reach = max(sum(map(_length, row)) for row in rows)
    largest = float(torch.linalg.eigvalsh(products.double())[-1]) if products.isfinite().all() else math.inf
    return {"sharpness": largest, "sign_reach": reach}


@torch.no_grad()
def _noise(blocks: Blocks, task: Task) -> dict[str, float]:
    """Variance of the outputs over what training draws at random, as dropout, over that over the samples."""
    model = blocks.model
    noisy = [m for m in model.modules() if "drop" in type(m).__name__.lower() or getattr(m, "dropout", 0.0)]
    if not noisy:
        return {"training_noise": 0.0}
    batch = take(task.batch, slice(0, GRADIENT_SAMPLES))
    flags = [(m, m.training) for m in model.modules()]
    try:
        for m, _ in flags:
            m.training = True
        seen = []
        for seed in (0, 1):
            torch.manual_seed(seed)  # put back by `untouched`
            seen.append(capture(blocks, batch).states[-1].double().flatten())
    finally:
        for m, flag in flags:
            m.training = flag
    one, other = seen
    noise = (one - other).square().mean() / 2
    samples = len(next(t for _, t in walk(batch)))
    signal = ((one + other) / 2).view(samples, -1).var(0).mean() - noise / 2
    return {"training_noise": float(noise / signal.clamp_min(1e-12 * noise.clamp_min(1e-300)))}


def _weights(blocks: Blocks) -> dict[str, np.ndarray]:
    """Of the matrices of every block, [L] each.

    `weight_scale`, their root mean square, NaN without any; `like`, the number, from 1, of the first block whose
    matrices have the same shapes, 0 without any; `equal_to`, that of an earlier block with the same drawn weights, or
    0.
    """
    named, length = dict(blocks.model.named_parameters()), len(blocks.blocks)
    matrices = [[p for n in parameters_of(blocks, l) if (p := named[n].detach()).ndim > 1] for l in range(length)]
    shapes = [[p.shape for p in own] for own in matrices]
    found = {"weight_scale": np.full(length, np.nan), "like": np.zeros(length), "equal_to": np.zeros(length)}
    for l, own in enumerate(matrices):
        if not own:
            continue
        found["weight_scale"][l] = math.sqrt(sum(map(_square, own)) / sum(p.numel() for p in own))
        found["like"][l] = shapes.index(shapes[l]) + 1
        drawn = any(bool((p != p.flatten()[0]).any()) for p in own)
        for k in range(l):
            same = shapes[k] == shapes[l] and all(a is not b for a, b in zip(matrices[k], own))
            if drawn and same and all(map(torch.equal, matrices[k], own)):
                found["equal_to"][l] = k + 1
                break
    return found


def parameters_of(blocks: Blocks, number: int) -> list[str]:
    """Names of the parameters of a block: of modules called in it, and of those within them that are never called."""
    called = {name for block in blocks.blocks for name in block.modules}
    own = set(blocks.blocks[number].modules)
    found = []
    for name, _ in blocks.model.named_parameters():
        owner = name.rpartition(".")[0]
        while owner and owner not in called:
            owner = owner.rpartition(".")[0]
        if owner in own:
            found.append(name)
    return found


def _loss(task: Task, outputs: Any, last: torch.Tensor, labels: Any, generator: torch.Generator) -> torch.Tensor:
    if labels is None:
        direction = torch.randn(last.shape, generator=generator, dtype=torch.float64).to(last)
        return (last * direction).sum() / len(last)
    loss = task.loss(outputs, labels)
    if not isinstance(loss, torch.Tensor) or loss.numel() != 1:
        raise InfoflowError("check: the loss is no single number; give loss= of (outputs, labels)")
    return loss.squeeze()


def default_loss(outputs: Any, labels: Any) -> torch.Tensor:
    """Cross entropy of classes, half the mean squared error of anything else.

    Raises:
        InfoflowError: the outputs and labels have shapes that do not fit.
    """
    scores = next(t for _, t in walk(outputs) if t.is_floating_point())
    if not labels.is_floating_point():
        if scores.ndim == 1 or scores.shape[1:] == (1,) or scores.shape == labels.shape:
            logits = scores.reshape(labels.shape)
            return nn.functional.binary_cross_entropy_with_logits(logits, labels.to(logits))
        if scores.ndim == 3 and labels.ndim == 2 and scores.shape[:2] == labels.shape:
            scores = scores.movedim(2, 1)  # [N, token, class]
        if scores.ndim != labels.ndim + 1 or scores.shape[0] != labels.shape[0]:
            raise InfoflowError(
                f"check: outputs of shape {tuple(scores.shape)} and labels of shape {tuple(labels.shape)} do not fit; "
                "give loss= of (outputs, labels)"
            )
        return nn.functional.cross_entropy(scores, labels.long())
    if scores.numel() != labels.numel():
        raise InfoflowError(
            f"check: outputs of shape {tuple(scores.shape)} and targets of shape {tuple(labels.shape)} do not fit; "
            "give loss= of (outputs, labels)"
        )
    return (scores.reshape(labels.shape) - labels.to(scores)).square().mean() / 2


def _rank(inputs: torch.Tensor) -> float:
    """Dimensions of the inputs [N, P], NaN where there are many."""
    return float(torch.linalg.matrix_rank(inputs - inputs.mean(0))) if inputs.shape[1] <= FEW_DIMENSIONS else math.nan


def _one_hot(labels: Any, samples: int) -> torch.Tensor | None:
    """Targets to be read, [N, C]; None where labels are not one class or some numbers per sample."""
    if not isinstance(labels, torch.Tensor) or len(labels) != samples:
        return None
    if labels.is_floating_point():
        return labels.flatten(1).double() if labels.ndim > 1 else labels[:, None].double()
    if labels.ndim > 1 and labels.shape[1:] != (1,):
        return None
    classes, index = labels.flatten().unique(return_inverse=True)
    return nn.functional.one_hot(index, len(classes)).double()


def _accuracy(layer: Gram, targets: torch.Tensor, labels: torch.Tensor, fit: int) -> float:
    """Share of the evaluation samples whose class is read right; of other targets the share of their variance."""
    found = read(layer, targets[:fit])[0]
    if not found.isfinite().all():
        return math.nan
    if labels.is_floating_point():
        spread = (targets[fit:] - targets[:fit].mean(0)).square().sum()
        return float(1 - (found - targets[fit:]).square().sum() / spread) if spread > 0 else math.nan
    return float((found.argmax(1) == targets[fit:].argmax(1)).double().mean())


def _token_cosine(state: torch.Tensor) -> float:
    """Mean cosine between the tokens of a sequence, states [N, token, feature]; NaN for others."""
    if state.ndim != 3 or state.shape[1] < 2 or state.shape[2] < 2:
        return math.nan
    unit = nn.functional.normalize(state.double(), dim=2)
    tokens = state.shape[1]
    total = unit.sum(1).square().sum(1)
    return float(((total - tokens) / (tokens * (tokens - 1))).mean())


def _size(task: Task) -> int:
    return len(next(t for _, t in walk(task.batch)))
