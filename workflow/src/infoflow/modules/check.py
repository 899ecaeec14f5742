"""Can this network be trained? One call, before it is.

The model's own code is run, and a copy takes a few steps; the model itself is left as it was, to the bit.
"""

import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from infoflow.engine.initialization import generator
from infoflow.errors import InfoflowError
from infoflow.modules.capture import Blocks, cut, size, take, untouched, unwrap
from infoflow.modules.first_steps import FirstSteps, look_ahead
from infoflow.modules.repair import Repair, advise, better_rate, describe, find_gains, rescaled, weights_of, with_rate
from infoflow.modules.report import Report
from infoflow.modules.signals import Signals, Task, default_loss, measure
from infoflow.modules.trace import tensors_of
from infoflow.modules.training import Recipe, parse_optimizer
from infoflow.modules.verdict import TRAINABLE, Verdict, explain, features, read_rule

LOG = logging.getLogger("infoflow.check")
MOST_SAMPLES, FEW_SAMPLES, LEAST_SAMPLES = 384, 30, 4
PENALTY = 1e-4
"""λ of the kernel cascade, the variance of the noise on every unit that a reader has to live with; the rule was fitted
to it."""
Model = nn.Module | Callable[[], nn.Module]


def check(
    model: Model,
    batch: Any,
    labels: Any = None,
    *,
    blocks: str | Sequence[str] = "auto",
    seeds: int = 3,
    optimizer: str | Recipe | None = None,
    loss: Callable[[Any, Any], torch.Tensor] | None = None,
    penalty: float = PENALTY,
) -> Report:
    """Ask of a network, before training it, whether it can be trained, why not, where, and what would help.

    Args:
        model: a module, which is one draw of its random weights, or a factory without arguments, which is called once
            per seed and draws from torch's global random numbers. Run as it is; left as it was, to the bit.
        batch: a tensor, or a tuple or list of arguments, or a dict of them by name; the samples on the first axis. Two
            thirds of them, 256 at most, are what reconstructions are fitted to, half as many what they are judged by.
        labels: classes, or targets, or whatever `loss` takes; without them nothing is said of the task.
        blocks: `auto`, or names of modules behind which to cut the network.
        seeds: draws of a factory.
        optimizer: like `sgd:0.1`, `sgd:0.1,momentum=0.9`, `adam:1e-3`, `adamw:3e-4,warmup=100,steps=2000`, or a recipe;
            None: SGD at half of the largest stable rate. The verdict is on it, on its number of steps, and on what the
            first of them (`Recipe.first_steps`) do to a copy of each draw, where there are labels, it can be copied,
            and they are cheap or asked for.
        loss: of outputs and labels, a tensor; by default cross entropy of classes, and half the mean squared error.
        penalty: λ of the kernel cascade, the variance of the noise on every unit that a reader has to live with; the
            rule was fitted to 1e-4.

    Raises:
        InfoflowError: the network cannot be captured, or batch, labels and options make no sense; one line says so.
    """
    if not isinstance(seeds, int) or seeds < 1:
        raise InfoflowError(f"check: seeds is {seeds}; set it to at least 1")
    if not math.isfinite(penalty) or penalty <= 0:
        raise InfoflowError(f"check: penalty is {penalty}; set it to a number above 0")
    asked = parse_optimizer(optimizer) if isinstance(optimizer, str) else optimizer
    task = make_task(batch, labels, loss or default_loss, penalty)
    draws = list(_draw_all(model, seeds, blocks, task))
    names = [b.name for b in draws[0][0].blocks]
    signals = [s for _, s in draws]
    recipe = asked or _stable(signals)
    taken, why_not = _first_steps(draws, task, recipe)
    mechanisms = explain(signals, names, recipe, taken)
    report = Report(
        verdict=_judge(signals, recipe, taken),
        mechanisms=tuple(mechanisms),
        blocks=draws[0][0].blocks,
        signals=tuple(signals),
        recipe=recipe,
        given_optimizer=asked is not None,
        is_factory=not isinstance(model, nn.Module),
        labelled=labels is not None,
        samples=size(task.batch),
        rule=dict(read_rule(bool(taken)).about),
        first_steps=taken,
        without_first_steps=why_not,
    )
    innocent = all(m.share <= 0.5 for m in mechanisms)
    if report.verdict.answer == TRAINABLE and (innocent or report.verdict.probability > 0.9):
        return replace(report, repair=Repair(advice=advise(mechanisms)))
    LOG.info("looking for a repair")
    return replace(report, repair=_repair(model, report, draws, blocks, task))


def _draw_all(
    model: Model, seeds: int, blocks: str | Sequence[str], task: Task, gains: Mapping[str, float] | None = None
) -> Iterator[tuple[Blocks, Signals]]:
    """Blocks and signals of every draw; with other gains of the weights, if there are some."""
    single = isinstance(model, nn.Module)
    for seed in range(1 if single else seeds):
        drawn = unwrap(model if single else _build(model, seed))
        with untouched(drawn):
            found = cut(drawn, task.batch, blocks)
            LOG.info("draw %d: %d blocks", seed + 1, len(found.blocks))
            with rescaled(drawn, gains or {}):
                yield found, measure(found, task, generator(seed, "check"))


def _build(factory: Callable[[], nn.Module], seed: int) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        made = factory()
    if not isinstance(made, nn.Module):
        raise InfoflowError(f"check: the factory gives a {type(made).__name__}, not a torch.nn.Module")
    return made


def make_task(batch: Any, labels: Any, loss: Callable[[Any, Any], torch.Tensor], penalty: float = PENALTY) -> Task:
    """What `check` measures on: batch and labels, cut to as many samples as are used.

    Raises:
        InfoflowError: they make no sense, or do not fit each other.
    """
    samples = size(batch)
    if samples < LEAST_SAMPLES:
        raise InfoflowError(f"check: {samples} samples; give at least {LEAST_SAMPLES}, better {MOST_SAMPLES}")
    if labels is not None and not isinstance(labels, torch.Tensor) and not tensors_of(labels):
        labels = torch.as_tensor(labels)
    for tensor in tensors_of(labels):
        if len(tensor) != samples:
            raise InfoflowError(f"check: {samples} samples, but {len(tensor)} labels")
    for tensor in tensors_of(batch):
        if not bool(torch.isfinite(tensor).all()):
            raise InfoflowError("check: the batch has values that are not finite")
    samples = min(samples, MOST_SAMPLES)
    if samples < FEW_SAMPLES:  # too few to hold any back: they are fitted to, and judged by
        twice = torch.arange(samples).repeat(2)
        return Task(take(batch, twice), take(labels, twice), loss, samples, penalty)
    return Task(take(batch, slice(0, samples)), take(labels, slice(0, samples)), loss, samples * 2 // 3, penalty)


def _stable(signals: Sequence[Signals]) -> Recipe:
    """SGD at half of the largest rate that is stable for all draws."""
    sharpness = [s.whole["sharpness"] * s.whole["curvature"] for s in signals]
    largest = max((s for s in sharpness if math.isfinite(s)), default=0.0)
    return Recipe(optimizer="sgd", learning_rate=1 / largest if largest > 0 else 0.1, steps=1000)


def _first_steps(
    draws: Sequence[tuple[Blocks, Signals]],
    task: Task,
    recipe: Recipe,
    gains: Mapping[str, float] | None = None,
) -> tuple[tuple[FirstSteps, ...], str]:
    """Of all draws, with other gains of the weights if there are some; or none, and why."""
    if recipe.first_steps == 0:
        return (), "not asked for"
    found = []
    for seed, (blocks, _) in enumerate(draws):
        try:
            with untouched(blocks.model), rescaled(blocks.model, gains or {}):
                found.append(look_ahead(blocks, task, recipe, generator(seed, "first steps")))
        except InfoflowError as error:
            LOG.info("draw %d: no first steps, %s", seed + 1, error)
            return (), str(error)
        LOG.info("draw %d: %d steps on a copy", seed + 1, found[-1].steps)
    return tuple(found), ""


def _judge(signals: Sequence[Signals], recipe: Recipe, first: Sequence[FirstSteps]) -> Verdict:
    """By the rule with the first steps if they are known, else by the one without."""
    pairs = zip(signals, first or [None] * len(signals))
    return read_rule(bool(first)).judge([features(s, recipe, f) for s, f in pairs])


def _repair(
    model: Model, report: Report, draws: Sequence[tuple[Blocks, Signals]], blocks: str | Sequence[str], task: Task
) -> Repair:
    """Gains and rate that make the verdict better, measured again on all draws."""
    drawn = unwrap(model if isinstance(model, nn.Module) else _build(model, 0))
    with untouched(drawn):
        found = cut(drawn, task.batch, blocks)
        gains = find_gains(found, task, generator(0, "check", "gains"))
        of_parameters = {name: gain for l, gain in gains.items() for name in weights_of(found, l)}
        groups = describe(found, gains)
    seeds, asked = len(report.signals), report.recipe

    def judge(some: Sequence[tuple[Blocks, Signals]], recipe: Recipe, gains: Mapping[str, float]) -> Verdict | None:
        first, _ = _first_steps(some, task, recipe, gains)
        if len(first) != len(report.first_steps):  # two rules are not compared
            return None
        return _judge([s for _, s in some], recipe, first)

    tried: list[Repair] = []
    if (rate := _rate(report.signals, asked)) and (verdict := judge(draws, with_rate(asked, rate), {})):
        tried.append(Repair(learning_rate=rate, verdict=verdict, signals=report.signals))
    if of_parameters:
        again = list(_draw_all(model, seeds, blocks, task, of_parameters))
        signals = tuple(s for _, s in again)
        recipe = asked if report.given_optimizer else _stable(signals)
        rate = _rate(signals, recipe) if report.given_optimizer else None
        if verdict := judge(again, with_rate(recipe, rate), of_parameters):
            tried.append(Repair(of_parameters, groups, rate, verdict=verdict, signals=signals))
    advice = advise(list(report.mechanisms))
    best = max(tried, key=lambda r: r.verdict.probability, default=None)
    if best is None or best.verdict.probability < report.verdict.probability + 0.05:
        return Repair(advice=advice)
    return replace(best, advice=advice)


def _rate(signals: Sequence[Signals], recipe: Recipe) -> float | None:
    rates = [r for s in signals if (r := better_rate(s, recipe)) is not None]
    return min(rates) if len(rates) * 2 > len(signals) else None
