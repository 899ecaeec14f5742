"""From what was measured to a verdict: a calibrated probability of training, why not, and where.

The probability is that of a logistic rule in a few numbers of the untrained network, the optimiser and the budget,
which was fitted on networks that were trained for it and tested on families of networks that it had not seen:
`rule.json`, made by `infoflow.studies.check_calibration`. Source: physics.md G.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit

from infoflow.modules.first_steps import FirstSteps
from infoflow.modules.signals import Signals
from infoflow.modules.training import Recipe, Success

TRAINABLE, NOT_TRAINABLE, UNCERTAIN = "trainable", "not trainable", "uncertain"
RULE = Path(__file__).with_name("rule.json")
WITH, WITHOUT = "first steps", "initialisation alone"
"""Names of the two rules in it."""
COLLAPSE = 4.0
"""Nats by which the entropy has to fall below that of the first block, for the inputs to have merged."""
LOST = 0.05
"""R² below which nothing is left of the input."""
ADAM_EPSILON = 1e-8
"""What Adam adds to the root mean square of a gradient; weights with a smaller one hardly move."""
EASY = 1.5
"""log₁₀ of how many times over the steps could learn what is to be learned, where speed no longer matters."""
HELD = 0.5
"""Share of what the loss wants of the outputs that units have to hold, not to be too few."""
STRICTEST = 0.01
"""Share of the loss of the best constant output that success allows at least."""
SMALLER, LARGER = 5.0, 30.0
"""Factors by which the states have to fall below, or grow above, the inputs, to shrink or explode."""
OUT_OF_LINE = math.log(5.0)
"""Factor by which a block has to change states or gradients more, or less, than most blocks do."""


@dataclass(frozen=True)
class Verdict:
    """Whether the network can be trained with the optimiser in the steps.

    Attributes:
        answer: TRAINABLE, NOT_TRAINABLE or UNCERTAIN, where the interval of the probability has ½ in it.
        probability: that a draw of the network trains, mean over the draws.
        low, high: 80 % interval, over draws and fits of the rule to other choices of networks.
    """

    answer: str
    probability: float
    low: float
    high: float


@dataclass(frozen=True)
class Mechanism:
    """What is wrong.

    Attributes:
        name: see `MECHANISMS`.
        told: in words, with the numbers.
        block: where, by its name; None, the network as a whole.
        share: of the draws that show it.
    """

    name: str
    told: str
    block: str | None
    share: float


MECHANISMS = (
    *("dead output", "dead units", "explodes", "shrinks", "forgets", "scrambles", "rank collapse of tokens"),
    *("out of line", "equal blocks", "step too large", "step too small", "noise of training", "too narrow"),
    "input scale",
)
"""Names, most telling first."""


FIRST_STEPS = ("first_rise", "first_slow", "first_slow_loss", "first_left", "first_dying")
"""Features of the first steps, which the rule without them has not."""
RISE = 2.0
"""Factor by which the loss has to grow in the first steps, for the step to be too large."""


def features(signals: Signals, recipe: Recipe, first: FirstSteps | None = None) -> dict[str, float]:
    """Numbers that the rule is in, of one draw; all finite and bounded. Those of `FIRST_STEPS` if they are given."""
    return {**_before(signals, recipe), **(_behind(first, recipe.success) if first is not None else {})}


def _behind(first: FirstSteps, success: Success) -> dict[str, float]:
    """Of the first steps."""
    if not first.finite:
        return dict(zip(FIRST_STEPS, (3.0, 4.0, 4.0, 4.0, 1.0)))
    grown = first.after / first.before if first.before > 0 else 1.0
    gained = first.gained
    values = (
        _clip(_log10(grown), 0, 3),
        _clip(EASY - _log10(first.reached), 0, 4),
        _clip(EASY - _log10(gained), 0, 4) if not math.isnan(gained) else 0.0,
        _clip(_short_of(first, success), 0, 4),
        _clip(first.dead, 0, 1),
    )
    return dict(zip(FIRST_STEPS, values))


def _short_of(first: FirstSteps, success: Success) -> float:
    """log₁₀ of how many times more loss is left at the end than success allows, as shares of that of the best constant
    output; of an accuracy a, 1 − a. NaN, unknown."""
    if math.isnan(left := first.left):
        return math.nan
    allowed = success.bound if success.measure == "loss" else 1 - success.bound
    if success.measure == "loss" and success.of == "initial":
        allowed *= first.before / first.constant
    return _log10(left) - math.log10(max(allowed, STRICTEST))


def _before(signals: Signals, recipe: Recipe) -> dict[str, float]:
    layers, whole = signals.layers, signals.whole
    hidden = slice(0, max(1, len(layers["entropy"]) - 1))  # the outputs are not asked to hold the input
    adam = recipe.optimizer != "sgd"
    late = EASY - _log10(speed_of(signals, recipe))
    step = relative_step(signals, recipe)
    if adam:
        moved = recipe.learning_rate * recipe.steps / max(whole["weight_scale"], 1e-12)
    else:
        moved = 2 * step * (1 + recipe.momentum) / (1 - recipe.momentum) * recipe.steps
    step = _clip(_log10(step), 0, 4)
    free = 1 - whole["scale_invariant"]
    gradients = layers["log_gradient"]
    known = np.isfinite(gradients[[0, -1]]).all()
    # where gradients vanish the network starts slowly, and then becomes faster as its weights grow
    vanishing = _clip(float(gradients[-1] - gradients[0]), 0, 40) if known else 40.0
    fastest = whole["sharpness"] * whole["curvature"]
    return {
        "entropy_fall": _clip(_fall(layers["entropy"][hidden]), 0, 12),
        "entropy_fall_relative": _clip(_fall(layers["entropy_relative"][hidden]), 0, 12),
        "variance_lost": 1 - _clip(_least(layers["explained_variance"][hidden]), 0, 1),
        "variance_lost_relative": 1 - _clip(_least(layers["explained_variance_relative"][hidden]), 0, 1),
        "gradient_change": _clip(abs(float(gradients[0] - gradients[-1])), 0, 40) if known else 40.0,
        "large": _clip(_log10(whole["output_scale"]), 0, 6),
        "slow": _clip(late, 0, 3),
        "slower": _clip(late - 3, 0, 8),
        "slow_to_start": _clip(late - vanishing / 4, 0, 3),
        "conditioned": 0.0 if adam else free * _clip(_log10(fastest) - _log10(whole["task_rate"]), -1, 4),
        "still": _clip(EASY - _log10(moved), 0, 4),
        "blind": _clip(_log10(ADAM_EPSILON) + 1 - _log10(whole["weakest_gradient"]), 0, 6) if adam else 0.0,
        "step": 0.0 if adam else step * free,
        "step_invariant": 0.0 if adam else step * (1 - free),
        "step_adam": step * free if adam else 0.0,
        "step_adam_invariant": step * (1 - free) if adam else 0.0,
        "adam": float(adam),
        "dead": _clip(float(layers["dead_share"][-1]), 0, 1),
        "noise": _clip(_log10(1 + whole["training_noise"]), 0, 3),
        "narrow": max(float(is_flat(signals)), 1 - whole["wanted_held"]),
    }


def relative_step(signals: Signals, recipe: Recipe) -> float:
    """Learning rate in units of the largest stable one; of Adam, how far its first step moves an output of scale 1, or
    relative to its scale if that is larger."""
    whole = signals.whole
    if recipe.optimizer != "sgd":
        return recipe.learning_rate * whole["sign_reach"] / max(1.0, whole["output_scale"])
    return recipe.learning_rate * whole["sharpness"] * whole["curvature"] / (2 * (1 + recipe.momentum))


def speed_of(signals: Signals, recipe: Recipe) -> float:
    """How many times over the steps could take away what is to be learned, if the network stayed as it is."""
    reached = signals.whole["task_rate" if recipe.optimizer == "sgd" else "task_reach"]
    return recipe.learning_rate / (1 - recipe.momentum) * reached * recipe.steps


def is_flat(signals: Signals) -> bool:
    """Whether no hidden block is wider than the inputs, of few dimensions, which then cannot be enclosed.

    Such networks have level sets without bounded components, whatever their depth and weights (arXiv:1810.00393).
    """
    units, inputs = signals.layers["units"], signals.whole["input_rank"]
    return bool(len(units) > 2 and inputs >= 2 and units[1:-1].max() <= inputs)


@dataclass(frozen=True)
class Rule:
    """The fitted rule; K fits to other choices of networks.

    Attributes:
        names: of the features, [F].
        coefficients: [K, F]; the first row is the fit to all networks.
        intercepts: [K].
        about: version, how it was made, and what it was tested on.
    """

    names: tuple[str, ...]
    coefficients: np.ndarray
    intercepts: np.ndarray
    about: Mapping[str, Any]

    def probabilities(self, draws: Sequence[Mapping[str, float]]) -> np.ndarray:
        """[K, draws]."""
        values = np.array([[d[n] for n in self.names] for d in draws])
        return expit(self.coefficients @ values.T + self.intercepts[:, None])

    def judge(self, draws: Sequence[Mapping[str, float]]) -> Verdict:
        """The verdict on the draws of a network."""
        found = self.probabilities(draws)
        probability = float(found[0].mean())
        # of K fits the mean over draws that are drawn again
        rng = np.random.default_rng(0)
        chosen = rng.integers(0, len(draws), (len(found), len(draws)))
        means = np.take_along_axis(found, chosen, axis=1).mean(1)
        low, high = (float(q) for q in np.quantile(means, (0.1, 0.9)))
        low, high = min(low, probability), max(high, probability)
        answer = TRAINABLE if low > 0.5 else NOT_TRAINABLE if high < 0.5 else UNCERTAIN
        return Verdict(answer, probability, low, high)


@cache
def read_rule(first_steps: bool = True, path: Path = RULE) -> Rule:
    """The rule of the package, with the features of the first steps or without them."""
    found = json.loads(path.read_text(encoding="utf-8"))[WITH if first_steps else WITHOUT]
    return Rule(
        tuple(found["features"]),
        np.array(found["coefficients"], float),
        np.array(found["intercepts"], float),
        found["about"],
    )


def explain(
    draws: Sequence[Signals], names: Sequence[str], recipe: Recipe, first: Sequence[FirstSteps] = ()
) -> list[Mechanism]:
    """What is wrong with the draws of a network, most telling first; nothing, if initialisation is innocent.

    Args:
        names: of the blocks.
        first: steps of each draw, if they are known.
    """
    found: dict[str, list[tuple[str, str | None]]] = {}
    for k, signals in enumerate(draws):
        own: dict[str, tuple[str, str | None]] = {}
        for name, told, block in (*_mechanisms(signals, names, recipe), *_of_first_steps(first[k : k + 1], names)):
            own.setdefault(name, (told, block))
        for name, one in own.items():
            found.setdefault(name, []).append(one)
    made = []
    for name, seen in found.items():
        told, block = seen[0]
        blocks = [b for _, b in seen]
        made.append(Mechanism(name, told, max(set(blocks), key=blocks.count), len(seen) / len(draws)))
    return sorted(made, key=lambda m: (m.share <= 0.5, MECHANISMS.index(m.name)))


_Found = Iterator[tuple[str, str, str | None]]
"""Of one draw: mechanism, in words, block."""


def _mechanisms(signals: Signals, names: Sequence[str], recipe: Recipe) -> _Found:
    yield from _of_scale(signals, names)
    yield from _of_information(signals, names)
    yield from _of_blocks(signals, names)
    yield from _of_training(signals, recipe)


def _of_scale(signals: Signals, names: Sequence[str]) -> _Found:
    scale = signals.layers["root_mean_square"]
    if not np.isfinite(scale).all():
        yield "explodes", "overflows", names[_jump(_growth(signals), +1)]
    elif scale.max() > LARGER * max(scale[0], 1.0):
        yield "explodes", f"states grow from {scale[0]:.2g} to {scale.max():.2g}", names[_jump(_growth(signals), +1)]
    inputs = signals.whole["input_scale"]
    if not 0.03 <= inputs <= 10:
        yield "input scale", f"inputs have a root mean square of {inputs:.2g}", None


def _of_information(signals: Signals, names: Sequence[str]) -> _Found:
    layers = signals.layers
    hidden = slice(0, max(1, len(names) - 1))
    entropy, variance = layers["entropy"][hidden], layers["explained_variance"][hidden]
    scale = layers["root_mean_square"]
    falls = [_fall(entropy[: l + 1]) for l in range(len(entropy))]
    relative = _fall(layers["entropy_relative"][hidden])
    smallest = scale[1 : len(entropy) + 1].min()
    small = smallest < scale[0] / SMALLER
    if small and falls[-1] > COLLAPSE:
        lost = next((l for l, fall in enumerate(falls) if variance[l] < LOST and fall > COLLAPSE / 2), None)
        block = names[_jump(_growth(signals), -1) if lost is None else lost]
        yield "shrinks", f"states shrink from {scale[0]:.2g} to {smallest:.2g}", block
    if relative > COLLAPSE or (falls[-1] > COLLAPSE and not small):
        first = next((l for l, fall in enumerate(falls) if fall > COLLAPSE), len(names) - 1)
        yield "forgets", f"entropy falls by {max(falls[-1], relative):.1f} nats: inputs have merged", names[first]
    elif variance.min() < LOST and falls[-1] < COLLAPSE:
        first = int(np.flatnonzero(variance < LOST)[0])
        yield "scrambles", f"R² falls to {variance.min():.2f} while entropy stays", names[first]
    cosine = layers["token_cosine"]
    if (cosine[1:] > 0.99).any() and not cosine[0] > 0.99:
        first = int(np.flatnonzero(cosine[1:] > 0.99)[0])
        yield "rank collapse of tokens", f"tokens have a mean cosine of {np.nanmax(cosine):.3f}", names[first]


def _of_blocks(signals: Signals, names: Sequence[str]) -> _Found:
    dead, equal = signals.layers["dead_share"], signals.layers["equal_to"]
    if dead[-1] == 1:
        yield "dead output", "the outputs are the same for every input", names[int(np.argmax(dead == 1))]
    elif dead.max() >= 0.9:
        yield "dead units", f"{dead.max():.0%} of its values are the same for every input", names[int(dead.argmax())]
    odd, off = _odd_one(signals)
    if math.isinf(off):
        yield "out of line", "passes nothing on", names[odd]
    elif off > OUT_OF_LINE:
        yield "out of line", f"changes states or gradients {math.exp(off):.2g} times as much as others", names[odd]
    if (equal > 0).any():
        first = int(np.flatnonzero(equal)[0])
        yield "equal blocks", f"begins with the weights of {names[int(equal[first]) - 1]}", names[first]


def _of_training(signals: Signals, recipe: Recipe) -> _Found:
    whole, adam = signals.whole, recipe.optimizer != "sgd"
    # weights whose scale makes no difference grow by a large step, which makes the next one smaller (arXiv:1812.03981)
    step = relative_step(signals, recipe) * (1 - whole["scale_invariant"])
    if step > (10 if adam else 1):
        stable = recipe.learning_rate / step
        told = f"rate {recipe.learning_rate:g}, where about {stable:.1g} is the largest stable one"
        yield "step too large", told, None
    speed = speed_of(signals, recipe)
    if speed < 1:
        told = (
            f"{recipe.steps} steps take away {speed:.1g} of what is to be learned"
            if speed
            else "the loss has no gradient"
        )
        yield "step too small", told, None
    if (noise := whole["training_noise"]) > 1:
        yield "noise of training", f"dropout moves the outputs {noise:.2g} times as much as the inputs do", None
    if is_flat(signals):
        told = f"no hidden block has more units than the {whole['input_rank']:.0f} dimensions of the inputs"
        yield "too narrow", told, None
    elif (held := whole["wanted_held"]) < HELD:
        units = signals.layers["units"][1:-1].max()
        told = f"no hidden block has more than {units:.0f} units: outputs of them can give {held:.0%} of what is wanted"
        yield "too narrow", told, None


def _of_first_steps(first: Sequence[FirstSteps], names: Sequence[str]) -> _Found:
    for of in first:
        where = f"in {of.steps} steps on a copy"
        if not of.finite:
            yield "step too large", f"{where} the loss overflows", None
        elif of.before > 0 and of.after > RISE * of.before:
            yield "step too large", f"{where} the loss grows from {of.before:.3g} to {of.after:.3g}", None
        if of.dead == 1:
            yield "dead output", f"{where} the outputs become the same for every input", names[-1]


def _growth(signals: Signals) -> np.ndarray:
    """Logarithm of the factor by which each block changes the scale of the states, [L]."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.diff(np.log(signals.layers["root_mean_square"]))


def _odd_one(signals: Signals) -> tuple[int, float]:
    """The block that stands out most, and the logarithm of the factor by which it does.

    By the growth of the states through it and of the gradients on their way back, beside their medians over the blocks;
    by the gradients of its weights, beside those of its neighbours; and by the scale of its weights and what it changes
    of what it gets, beside those of blocks with weights of the same shapes.
    """
    layers, growth = signals.layers, _growth(signals)
    own = layers["log_parameter_gradient"] / 2
    still = (
        np.isneginf(own)
        if np.isfinite(own).any() and np.isneginf(own).sum() * 2 < len(own)
        else np.zeros(len(own), bool)
    )
    # nothing comes out of it; or, of those that are bypassed, its weights are zero, or move nothing while others' do
    for gone in (layers["dead_share"] == 1, np.isneginf(growth), layers["weight_scale"] == 0, still):
        if gone.any():
            return int(np.flatnonzero(gone)[0]), math.inf
    with np.errstate(divide="ignore", invalid="ignore"):
        back = -np.diff(layers["log_gradient"]) / 2
        bend = own[1:-1] - (own[:-2] + own[2:]) / 2
        alike = [np.log(layers[name]) for name in ("weight_scale", "change")]
    found = np.zeros(len(growth))
    found[1:-1] = np.where(np.isfinite(bend), np.abs(bend), 0)
    groups = [(v, np.isfinite(v) & (layers["like"] > 0)) for v in (growth, back)]  # pooling is expected to stand out
    groups += [(v, np.isfinite(v) & (layers["like"] == k)) for v in alike for k in set(layers["like"]) if k]
    for values, members in groups:
        if members.sum() >= 4:
            found = np.maximum(found, np.where(members, np.abs(values - np.median(values[members])), 0))
    worst = int(np.argmax(found))
    return worst, float(found[worst])


def _jump(growth: np.ndarray, sign: int) -> int:
    """The block that changes the scale most, beside what the others do."""
    known = np.where(np.isfinite(growth), growth, sign * 1e9)
    return int(np.argmax(sign * (known - np.median(known))))


def _fall(entropy: np.ndarray) -> float:
    """By how many nats the entropy falls below that of the first block."""
    known = np.where(np.isnan(entropy), -np.inf, entropy)
    return float(known[0] - known.min()) if np.isfinite(known[0]) else math.inf


def _least(values: np.ndarray) -> float:
    return float(np.where(np.isnan(values), -1.0, values).min())


def _log10(value: float) -> float:
    if math.isnan(value):
        return math.inf
    return math.log10(value) if value > 0 else -math.inf


def _clip(value: float, low: float, high: float) -> float:
    return float(min(max(value, low), high)) if not math.isnan(value) else float(low)
