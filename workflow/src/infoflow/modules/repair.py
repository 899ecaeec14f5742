"""What would make a network trainable: gains of its weights, a smaller step, or nothing that a gain can do.

The averaged partial Jacobian norm of block l is J_l = E ‖∂x_l/∂x_{l-1}‖²/N_l: by so much the squared gradient grows
from behind the block to before it, and what tells two inputs apart on the way forward; it is 1 at the edge of chaos
(arXiv:2111.12143). Gains bring it to 1, block by block, together with the scale of the inputs and of the outputs; of
residual blocks, where it cannot fall below 1, to 1 + 1/L. Weights are multiplied, biases stay as they are.
"""

import contextlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import nn

from infoflow.errors import InfoflowError
from infoflow.modules.capture import Blocks, capture, take, unwrap
from infoflow.modules.signals import GRADIENT_SAMPLES, Signals, Task, parameters_of
from infoflow.modules.training import Recipe
from infoflow.modules.verdict import Mechanism, Verdict

STEPS, MOST = 12, 10.0
"""Steps of the search for gains, and the largest factor of one."""
MOVED, DIRECTIONS = 1e-2, 2
"""Share by which what comes out of a block has to move with a gain, for it to be one; along so many random vectors."""
_ORDINARY = (0.1, 3.0)
"""Root mean squares of inputs that need no rescaling."""


@dataclass(frozen=True)
class Repair:
    """What is proposed.

    Attributes:
        gains: factor of every parameter that is to be multiplied, by its name in the model.
        groups: (first block, last block, gain) of consecutive blocks whose weights have about the same gain.
        learning_rate: to be used instead; None, the one given.
        advice: what gains cannot do, one line each.
        verdict: on the network with gains and rate, measured again; None where nothing was applied.
        signals: measured again, likewise.
    """

    gains: Mapping[str, float] = field(default_factory=dict)
    groups: tuple[tuple[str, str, float], ...] = ()
    learning_rate: float | None = None
    advice: tuple[str, ...] = ()
    verdict: Verdict | None = None
    signals: Signals | None = None

    def __bool__(self) -> bool:
        return bool(self.gains or self.learning_rate or self.advice)


def rescale(model: nn.Module, repair: "Repair") -> nn.Module:
    """Multiply the weights of a model, in place, by the gains of a repair; returns the model.

    Raises:
        InfoflowError: the model has no such parameters.
    """
    named = dict(unwrap(model).named_parameters())
    if missing := [name for name in repair.gains if name not in named]:
        raise InfoflowError(f"rescale: the model has no parameter {missing[0]}; the repair is of another one")
    with torch.no_grad():
        for name, gain in repair.gains.items():
            named[name].mul_(gain)
    return model


@contextlib.contextmanager
def rescaled(model: nn.Module, gains: Mapping[str, float]) -> Iterator[None]:
    """Inside, the weights are multiplied; afterwards they are as before, to the bit."""
    named = dict(model.named_parameters())
    kept = {name: named[name].detach().clone() for name in gains}
    try:
        with torch.no_grad():
            for name, gain in gains.items():
                named[name].data.mul_(gain)
        yield
    finally:
        for name, value in kept.items():
            named[name].data.copy_(value)


def find_gains(blocks: Blocks, task: Task, generator: torch.Generator) -> dict[int, float]:
    """Gain of the weights of each block that has some, by its number from 0; within `capture.untouched`."""
    batch = take(task.batch, slice(0, GRADIENT_SAMPLES))
    names = movable(blocks, batch, torch.Generator().manual_seed(generator.initial_seed()))
    if not names:
        return {}
    gains = dict.fromkeys(names, 1.0)
    last = len(blocks.blocks) - 1
    residual: dict[int, bool] = {}
    for _ in range(STEPS):
        with rescaled(blocks.model, {n: gains[l] for l, some in names.items() for n in some}):
            norms, scales = jacobian_norms(blocks, batch, generator)
        largest = 0.0
        for l, some in names.items():
            power = 1 / (2 * len(some))
            if l == last:
                factor = _factor(min(1.0, scales[-1]) / scales[-1] if scales[-1] > 0 else math.inf) ** (2 * power)
            elif not residual.get(l, False):
                wanted = 1.0 if l or _ORDINARY[0] <= scales[0] <= _ORDINARY[1] else scales[0] ** -2
                factor = _factor(wanted / norms[l] if norms[l] > 0 else math.inf) ** power
            else:
                excess = max(norms[l] - 1, 1e-6)
                factor = min(1.0, (1 / (len(blocks.blocks) * excess)) ** power)
            residual.setdefault(l, len(some) > 1 and norms[l] > 1)
            factor = min(max(factor, 1 / MOST), MOST)
            gains[l] *= factor
            largest = max(largest, abs(math.log(factor)))
        if largest < 0.02:
            break
    return {l: g for l, g in gains.items() if abs(math.log(g)) > math.log(1.1)}


def movable(blocks: Blocks, batch, generator: torch.Generator) -> dict[int, list[str]]:
    """Matrices of weights, by the number of their block from 0, whose scale makes a difference to what comes out of it.

    In front of a normalisation it makes none: for what comes out, x, and random vectors r, |θ·∂(r·x)/∂θ| is then small
    beside |x|, the size of r·x.
    """
    named = dict(blocks.model.named_parameters())
    ends = [some[0] for some in capture(blocks, batch, gradients=True).taps[1:]]
    found: dict[int, list[str]] = {}
    for l, end in enumerate(ends):
        names = weights_of(blocks, l)
        if not names or not end.requires_grad:
            continue
        weights, moved = [named[n] for n in names], [0.0] * len(names)
        for _ in range(DIRECTIONS):
            direction = torch.randn(end.shape, generator=generator).to(end)
            given = torch.autograd.grad(end, weights, direction, retain_graph=True, allow_unused=True)
            products = [0.0 if g is None else float((w.detach() * g).double().sum()) for w, g in zip(weights, given)]
            moved = [m + p * p / DIRECTIONS for m, p in zip(moved, products)]
        size = float(end.detach().double().square().sum())
        # what is not finite, or nothing, is for a gain to mend
        if kept := [n for n, m in zip(names, moved) if not 0 < size < math.inf or not m < MOVED**2 * size]:
            found[l] = kept
    return found


def jacobian_norms(blocks: Blocks, batch, generator: torch.Generator) -> tuple[list[float], list[float]]:
    """J_l of every block, [L], and the root mean squares of the states, [L + 1]."""
    taken = capture(blocks, batch, gradients=True)
    norms = []
    for before, behind in zip(taken.taps, taken.taps[1:]):
        end, start = behind[0], [t for t in before if t.requires_grad]
        if not end.requires_grad or not start:
            norms.append(0.0)
            continue
        direction = torch.randn(end.shape, generator=generator).to(end)
        given = torch.autograd.grad(end, start, direction, retain_graph=True, allow_unused=True)
        square = sum(float(g.double().square().sum()) for g in given if g is not None)
        norms.append(square / end.numel() if math.isfinite(square) else math.inf)
    scales = [float(s.detach().double().square().mean().sqrt()) for s in taken.states]
    return norms, scales


def weights_of(blocks: Blocks, number: int) -> list[str]:
    """Names of the matrices of weights of a block, without embeddings, that can be trained."""
    modules, named = dict(blocks.model.named_modules()), dict(blocks.model.named_parameters())
    return [
        name
        for name in parameters_of(blocks, number)
        if named[name].requires_grad
        and sum(n > 1 for n in named[name].shape) > 1
        and "bias" not in name.rpartition(".")[2]
        and not isinstance(modules[name.rpartition(".")[0]], nn.Embedding | nn.EmbeddingBag)
    ]


def describe(blocks: Blocks, gains: Mapping[int, float]) -> tuple[tuple[str, str, float], ...]:
    """Groups of consecutive blocks with about the same gain."""
    groups: list[list[int]] = []
    for l in sorted(gains):
        if groups and l == groups[-1][-1] + 1 and abs(math.log(gains[l] / gains[groups[-1][0]])) < math.log(1.25):
            groups[-1].append(l)
        else:
            groups.append([l])
    names = [b.name for b in blocks.blocks]
    return tuple((names[g[0]], names[g[-1]], math.exp(sum(math.log(gains[l]) for l in g) / len(g))) for g in groups)


def advise(mechanisms: list[Mechanism]) -> tuple[str, ...]:
    """What no gain can do."""
    said = {
        "dead output": "the outputs are dead: no gradient comes through; draw the network again, or put no ReLU there",
        "dead units": "most units of a block are dead: draw it again, make it wider, or use another activation",
        "noise of training": "initialisation is innocent: dropout drowns the signal; drop less",
        "too narrow": "initialisation is innocent: there are too few units; make the network wider",
        "input scale": "normalise the inputs to mean 0 and variance 1",
        "equal blocks": "blocks begin with equal weights; draw each of them by itself",
    }
    return tuple(said[m.name] for m in mechanisms if m.name in said and m.share > 0.5)


def better_rate(signals: Signals, recipe: Recipe) -> float | None:
    """A stable learning rate, if the one given is not."""
    whole = signals.whole
    if recipe.optimizer == "sgd":
        sharpness = whole["sharpness"] * whole["curvature"]
        stable = (1 + recipe.momentum) / sharpness if sharpness > 0 else math.inf
    else:
        stable = 3 * max(1.0, whole["output_scale"]) / whole["sign_reach"] if whole["sign_reach"] > 0 else math.inf
    if recipe.learning_rate <= 2 * stable or not stable > 0:
        return None
    return float(f"{stable:.1g}")


def with_rate(recipe: Recipe, rate: float | None) -> Recipe:
    """The recipe with another learning rate, if there is one."""
    return recipe if rate is None else replace(recipe, learning_rate=rate)


def _factor(ratio: float) -> float:
    return min(max(ratio, MOST**-4), MOST**4) if not math.isnan(ratio) else 1.0
