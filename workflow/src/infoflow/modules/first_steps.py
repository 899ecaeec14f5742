"""What the first steps of training do to a network, measured on a copy: whether it starts to learn, or falls apart.

Source: physics.md G.
"""

import contextlib
import copy
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils._pytree import tree_map
from torch.utils.flop_counter import FlopCounterMode

from infoflow.architectures.modular import seeded
from infoflow.errors import InfoflowError
from infoflow.modules.capture import Blocks, call, size, take
from infoflow.modules.signals import Task
from infoflow.modules.trace import walk
from infoflow.modules.training import Recipe, batches_of, optimizer_of, rates_of, warm_up

MOST_STEPS, FEWEST_STEPS = 64, 32
"""That are taken if the recipe does not say how many: the first if they are cheap, or as many as are, at least the
second."""
SHARE = 1 / 8
"""Of the steps of the recipe at most."""
MOST_WORK = 5e11
"""Floating-point operations of a draw, above which steps that the recipe does not ask for are not taken."""
_STEEPEST = 6
"""Largest power of the steps with which a loss is taken to fall."""
_COUNTED = 4
"""Samples of the pass whose operations are counted."""
_NEWTON = 20
"""Iterations of the search for the best constant output."""


@dataclass(frozen=True)
class FirstSteps:
    """Of one draw.

    Attributes:
        steps: K, that were taken.
        times: sum of the rates of the steps of the recipe that are left, over that of the second half of the K.
        slowed: logarithm of the sum of the rates of all steps over that of the K, in units of that of the sum of the K
            over that of their first half; 0, unknown.
        before, middle, after: loss of all samples, without dropout, before them, after half of them, and behind them.
        constant: loss of the best output that is the same for all samples.
        progress_middle, progress: share of what the loss wanted of the outputs, and what differs from sample to sample,
            that was taken away: −Σ r·Δf/Σ|r|², r the gradient of the loss by the outputs f before, times the number of
            samples, both without their means over the samples.
        dead: share of the outputs that are the same for every sample, minus that before.
        finite: whether the outputs and the loss are; if not, all but `steps`, `times`, `slowed` and `before` are NaN.
    """

    steps: int
    times: float
    slowed: float
    before: float
    middle: float
    after: float
    constant: float
    progress_middle: float
    progress: float
    dead: float
    finite: bool

    @property
    def reached(self) -> float:
        """`progress` at the end of the training, if it goes on at the pace of the second half."""
        return self.progress + self.times * (self.progress - self.progress_middle)

    @property
    def gained(self) -> float:
        """Share of `constant` by which the loss is below it at the end, likewise; NaN if that is not above 0."""
        if not self.constant > 0:
            return math.nan
        return 1 - self.after / self.constant + self.times * (self.middle - self.after) / self.constant

    @property
    def left(self) -> float:
        """Share of `constant` that the loss is at the end, if it falls on by the power of the steps by which it fell in
        the second half, and if it rose, stays; NaN if that share is not positive."""
        if not (self.constant > 0 and self.middle > 0 and self.after > 0):
            return math.nan
        fall = min(max(math.log(self.middle / self.after), 0.0), _STEEPEST * math.log(2))
        return self.after / self.constant * math.exp(-self.slowed * fall)


def look_ahead(blocks: Blocks, task: Task, recipe: Recipe, generator: torch.Generator) -> FirstSteps:
    """Train a copy for a few steps, within `capture.untouched`; the model itself is left as it is.

    Batches are of the samples of the task; dropout draws from torch's global random state, seeded from `generator`.

    Args:
        recipe: its `first_steps`, at most an eighth of its steps, and at least one; None, `MOST_STEPS`, or at least
            `FEWEST_STEPS` if more are dear.
        generator: on the CPU.

    Raises:
        InfoflowError: there are no labels, or the model cannot be copied or trained, or the recipe does not ask for
            steps and they are dear; one line says why.
    """
    if task.labels is None:
        raise InfoflowError("there are no labels")
    number = max(1, min(recipe.first_steps or MOST_STEPS, int(recipe.steps * SHARE)))
    try:
        model = copy.deepcopy(blocks.model)
    except Exception as error:  # the code of others
        raise InfoflowError(f"the model cannot be copied: {_say(error)}") from error
    parameters = [p for p in model.parameters() if p.requires_grad]
    if not parameters:
        raise InfoflowError("the model has no parameter that requires a gradient")
    samples = min(recipe.batch_size, size(task.batch))
    if recipe.first_steps is None and (step := 3 * samples * _operations(model, task)) > 0:
        number = min(number, max(FEWEST_STEPS, int(MOST_WORK / step)))
        if number * step > MOST_WORK:
            raise InfoflowError(
                f"{number} steps of {samples} samples are {number * step:.1e} operations a draw, more than "
                f"{MOST_WORK:.0e}; ask for them by first_steps={number}, as in sgd:0.1,first_steps={number}"
            )
    try:
        with torch.enable_grad():
            outputs = [_outputs(model, task)]
            with seeded(generator, parameters[0].device):
                for k in _take_steps(model, parameters, task, recipe, generator):
                    if k in (number // 2, number):
                        outputs.append(_outputs(model, task))
                    if k == number:
                        break
            return _compare(task, recipe, number, blocks.blocks[-1].end.axis, outputs)
    except InfoflowError:
        raise
    except Exception as error:
        raise InfoflowError(f"a copy of the model cannot be trained: {_say(error)}") from error


@torch.no_grad()
def _operations(model: nn.Module, task: Task) -> float:
    """Floating-point operations of matrix products and convolutions, a sample on its way forward; 0, unknown."""
    few = take(task.batch, slice(0, _COUNTED))
    with contextlib.suppress(Exception), FlopCounterMode(display=False) as counter:  # the code of others
        call(model, few)
        return counter.get_total_flops() / size(few)
    return 0.0


def _take_steps(
    model: nn.Module, parameters: Sequence[nn.Parameter], task: Task, recipe: Recipe, generator: torch.Generator
) -> Iterator[int]:
    """The numbers of the steps that have been taken, from 0, as they are."""
    optimizer = optimizer_of(parameters, recipe)
    batches = batches_of(size(task.batch), recipe.batch_size, generator)
    for k in itertools.count():
        yield k
        model.train()
        chosen = next(batches)
        warm_up(optimizer, recipe, k)
        loss = task.loss(call(model, take(task.batch, chosen)), take(task.labels, chosen))
        # not backward(): what the model shares with others, its code knows why, gets no gradient
        found = torch.autograd.grad(loss.squeeze(), parameters, allow_unused=True)
        for p, gradient in zip(parameters, found):
            p.grad = gradient
        optimizer.step()


@torch.no_grad()
def _outputs(model: nn.Module, task: Task) -> list[torch.Tensor]:
    """Of all samples, in the mode of `capture.untouched`: norms by the batch, without dropout."""
    for part in model.modules():
        part.training = isinstance(part, nn.modules.batchnorm._NormBase)
    return [call(model, task.batch)]


def _floats(outputs: list) -> list[torch.Tensor]:
    return [t for _, t in walk(outputs) if t.is_floating_point()]


def _wanted(task: Task, outputs: list) -> tuple[list[torch.Tensor | None], float]:
    """Gradient of the loss by each of the floating outputs, times the number of samples, and the loss."""
    leaves = tree_map(
        lambda t: t.detach().clone().requires_grad_() if isinstance(t, torch.Tensor) and t.is_floating_point() else t,
        outputs,
    )
    loss = task.loss(leaves[0], task.labels).squeeze()
    if not loss.requires_grad:
        raise InfoflowError("the loss does not depend on the outputs")
    found = torch.autograd.grad(loss, _floats(leaves), allow_unused=True)
    return [None if g is None else g.double() * size(task.batch) for g in found], float(loss.detach())


def _compare(task: Task, recipe: Recipe, number: int, axis: int, outputs: list[list]) -> FirstSteps:
    """From the outputs before, in the middle, if that is not the same, and behind."""
    first, middle, last = outputs[0], outputs[-2], outputs[-1]
    samples, rates = size(task.batch), rates_of(recipe)
    halves = sum(rates[: number // 2]), sum(rates[number // 2 : number])
    times = sum(rates[number:]) / halves[1]
    slowed = math.log(sum(rates) / sum(halves)) / math.log(sum(halves) / halves[0]) if halves[0] > 0 else 0.0
    wanted, before = _wanted(task, first)
    with torch.no_grad():
        losses = [float(task.loss(some[0], task.labels)) for some in (middle, last)]
        if not all(map(math.isfinite, losses)) or not all(bool(t.isfinite().all()) for t in _floats(last)):
            return FirstSteps(number, times, slowed, before, *(math.nan,) * 6, finite=False)
        done, needed = [0.0, 0.0], 0.0
        for r, old, *new in zip(wanted, *map(_floats, (first, middle, last))):
            if r is None or r.ndim <= axis or r.shape[axis] != samples:
                continue
            r = r - r.mean(axis, keepdim=True)
            needed += float(r.square().sum())
            done = [d - float((r * (t - old).double()).sum()) for d, t in zip(done, new)]  # r has no mean
        dead = [_dead(some, axis, samples) for some in (last, first)]
    progress = [d / needed if needed > 0 else 0.0 for d in done]
    constant = _constant(task, last, axis)
    return FirstSteps(number, times, slowed, before, *losses, constant, *progress, dead[0] - dead[1], True)


def _dead(outputs: list, axis: int, samples: int) -> float:
    """Share of the outputs that are the same for every sample."""
    same = [
        (t.amin(axis) == t.amax(axis)).double().flatten()
        for t in _floats(outputs)
        if t.ndim > axis and t.shape[axis] == samples
    ]
    return float(torch.cat(same).mean()) if same else 0.0


def _constant(task: Task, outputs: list, axis: int) -> float:
    """Loss of the best output that is the same for all samples, searched from the mean output; NaN, unknown."""
    samples, best = size(task.batch), math.inf
    floats = _floats(outputs)
    if any(t.ndim <= axis or t.shape[axis] != samples for t in floats):
        return math.nan
    constants = [t.detach().mean(axis, keepdim=True).requires_grad_() for t in floats]
    search = torch.optim.LBFGS(constants, max_iter=_NEWTON, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        nonlocal best
        leaves = iter([c.expand_as(t) for c, t in zip(constants, floats)])
        given = tree_map(
            lambda t: next(leaves) if isinstance(t, torch.Tensor) and t.is_floating_point() else t, outputs
        )
        value = task.loss(given[0], task.labels).squeeze()
        for c, gradient in zip(constants, torch.autograd.grad(value, constants, allow_unused=True)):
            c.grad = torch.zeros_like(c) if gradient is None else gradient
        best = min(best, float(value.detach())) if math.isfinite(float(value.detach())) else best
        return value

    with contextlib.suppress(Exception):  # a loss that does not take such outputs, as of what is no probability
        search.step(loss)
    return best if math.isfinite(best) else math.nan


def _say(error: Exception) -> str:
    return f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"
