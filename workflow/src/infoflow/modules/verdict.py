"""From what was measured to a verdict: a calibrated probability of training, why not, and where.

The probability is that of a logistic rule in a few numbers of the untrained network, the optimiser and the budget,
which was fitted on networks that were trained for it and tested on families of networks that it had not seen:
`rule.json`, made by `infoflow.studies.check_calibration`. Source: physics.md G.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit

from infoflow.modules.signals import Signals
from infoflow.modules.training import Recipe

TRAINABLE, NOT_TRAINABLE, UNCERTAIN = "trainable", "not trainable", "uncertain"
RULE = Path(__file__).with_name("rule.json")
COLLAPSE = 4.0
"""Nats by which the entropy has to fall below that of the first block, for the inputs to have merged."""
LOST = 0.05
"""R² below which nothing is left of the input."""
ADAM_EPSILON = 1e-8
"""What Adam adds to the root mean square of a gradient; weights with a smaller one hardly move."""
EASY = 1.5
"""log₁₀ of how many times over the steps could learn what is to be learned, where speed no longer matters."""
SMALLER, LARGER = 5.0, 30.0
"""Factors by which the states have to fall below, or grow above, the inputs, to shrink or explode."""
OUT_OF_LINE = math.log(4.0)
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
    *(
        "out of line",
        "equal blocks",
        "step too large",
        "step too small",
        "noise of training",
        "too narrow",
        "input scale",
    ),
)
"""Names, most telling first."""


def features(signals: Signals, recipe: Recipe) -> dict[str, float]:
    """Numbers that the rule is in, of one draw; all finite and bounded."""
    layers, whole = signals.layers, signals.whole
    hidden = slice(0, max(1, len(layers["entropy"]) - 1))  # the outputs are not asked to hold the input
    adam = recipe.optimizer != "sgd"
    rate = recipe.learning_rate / (1 - recipe.momentum)
    speed = rate * (whole["task_reach"] if adam else whole["task_rate"]) * recipe.steps
    late = EASY - _log10(speed)
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
        "narrow": float(is_too_narrow(signals)),
    }


def relative_step(signals: Signals, recipe: Recipe) -> float:
    """Learning rate in units of the largest stable one; of Adam, how far its first step moves an output of scale 1, or
    relative to its scale if that is larger."""
    whole = signals.whole
    if recipe.optimizer != "sgd":
        return recipe.learning_rate * whole["sign_reach"] / max(1.0, whole["output_scale"])
    return recipe.learning_rate * whole["sharpness"] * whole["curvature"] / (2 * (1 + recipe.momentum))


def is_too_narrow(signals: Signals) -> bool:
    """Whether no hidden block is wider than the inputs, of few dimensions, which then cannot be enclosed.

    Such networks have level sets without bounded components, whatever their depth and weights (arXiv:1810.00393).
    """
    units, inputs = signals.layers["units"], signals.whole["input_rank"]
    return bool(len(units) > 2 and 2 <= inputs <= 8 and units[1:-1].max() <= inputs)


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
def read_rule(path: Path = RULE) -> Rule:
    """The rule of the package."""
    found = json.loads(path.read_text(encoding="utf-8"))
    return Rule(
        tuple(found["features"]),
        np.array(found["coefficients"], float),
        np.array(found["intercepts"], float),
        found["about"],
    )


def explain(draws: Sequence[Signals], names: Sequence[str], recipe: Recipe) -> list[Mechanism]:
    """What is wrong with the draws of a network, most telling first; nothing, if initialisation is innocent.

    Args:
        names: of the blocks.
    """
    found: dict[str, list[tuple[str, str | None]]] = {}
    for signals in draws:
        for name, told, block in _mechanisms(signals, names, recipe):
            found.setdefault(name, []).append((told, block))
    made = []
    for name, seen in found.items():
        told, block = seen[0]
        blocks = [b for _, b in seen]
        made.append(Mechanism(name, told, max(set(blocks), key=blocks.count), len(seen) / len(draws)))
    return sorted(made, key=lambda m: (m.share <= 0.5, MECHANISMS.index(m.name)))


def _mechanisms(signals: Signals, names: Sequence[str], recipe: Recipe):
    """(name, in words, block) of one draw."""
    layers, whole = signals.layers, signals.whole
    scale, last = layers["root_mean_square"], len(names) - 1
    hidden = range(max(1, last))
    entropy, relative = layers["entropy"], layers["entropy_relative"]
    variance = layers["explained_variance"]
    adam = recipe.optimizer != "sgd"
    dead = layers["dead_share"]
    if dead[last] == 1:
        first = next(l for l in range(len(names)) if dead[l] == 1)
        yield "dead output", "the outputs are the same for every input", names[first]
    elif (worst := int(np.nanargmax(dead))) < len(names) and dead[worst] >= 0.9:
        yield "dead units", f"{dead[worst]:.0%} of the values behind it are the same for every input", names[worst]
    with np.errstate(divide="ignore", invalid="ignore"):
        growth = np.diff(np.log(scale))
    if not np.isfinite(scale).all() or scale.max() > LARGER * max(scale[0], 1.0):
        block = _jump(growth, +1)
        told = "overflows" if not np.isfinite(scale).all() else f"states grow from {scale[0]:.2g} to {scale.max():.2g}"
        yield "explodes", told, names[block]
    odd, off = _odd_one(layers)
    if off > OUT_OF_LINE:
        told = (
            "passes nothing on"
            if math.isinf(off)
            else f"changes states or gradients {math.exp(off):.2g} times as much as others"
        )
        yield "out of line", told, names[odd]
    fall, fall_relative = _fall(entropy[list(hidden)]), _fall(relative[list(hidden)])
    lost = next((l for l in hidden if variance[l] < LOST and _fall(entropy[: l + 1]) > COLLAPSE / 2), None)
    shrunk = scale[1 : last + 1].min() if last else scale[1]
    small = shrunk < scale[0] / SMALLER
    if small and fall > COLLAPSE:
        yield (
            "shrinks",
            f"states shrink from {scale[0]:.2g} to {shrunk:.2g}",
            names[lost if lost is not None else _jump(growth, -1)],
        )
    if fall_relative > COLLAPSE or (fall > COLLAPSE and not small):
        first = next((l for l in hidden if _fall(entropy[: l + 1]) > COLLAPSE), last)
        yield "forgets", f"entropy falls by {max(fall, fall_relative):.1f} nats: inputs have merged", names[first]
    elif variance[list(hidden)].min() < LOST and fall < COLLAPSE:
        first = next(l for l in hidden if variance[l] < LOST)
        yield "scrambles", f"R² falls to {variance[list(hidden)].min():.2f} while entropy stays", names[first]
    cosine = layers["token_cosine"]
    if np.isfinite(cosine).any() and np.nanmax(cosine[1:]) > 0.99 and not np.nanmin(cosine[:1]) > 0.99:
        first = next(l for l in range(1, len(cosine)) if cosine[l] > 0.99)
        yield "rank collapse of tokens", f"tokens have a mean cosine of {np.nanmax(cosine):.3f}", names[first - 1]
    if (layers["equal_to"] > 0).any():
        first = int(np.flatnonzero(layers["equal_to"])[0])
        yield "equal blocks", f"begins with the weights of {names[int(layers['equal_to'][first]) - 1]}", names[first]
    step = relative_step(signals, recipe)
    if step > (10 if adam else 1):
        stable = recipe.learning_rate / step
        yield (
            "step too large",
            f"rate {recipe.learning_rate:g}, where about {stable:.1g} is the largest stable one",
            None,
        )
    rate = recipe.learning_rate / (1 - recipe.momentum) * (whole["task_reach"] if adam else whole["task_rate"])
    if rate * recipe.steps < 1:
        told = (
            f"{recipe.steps} steps take away {rate * recipe.steps:.1g} of what is to be learned"
            if rate
            else "the loss has no gradient"
        )
        yield "step too small", told, None
    if whole["training_noise"] > 1:
        yield (
            "noise of training",
            f"dropout moves the outputs {whole['training_noise']:.1f} times as much as the inputs do",
            None,
        )
    if is_too_narrow(signals):
        yield (
            "too narrow",
            f"no hidden block has more units than the {whole['input_rank']:.0f} dimensions of the inputs",
            None,
        )
    if whole["input_scale"] > 10 or whole["input_scale"] < 0.03:
        yield "input scale", f"inputs have a root mean square of {whole['input_scale']:.2g}", None


def _odd_one(layers: Mapping[str, np.ndarray]) -> tuple[int, float]:
    """The block that stands out most, and the logarithm of the factor by which it does.

    By the growth of the states through it and of the gradients on their way back, beside their medians over the blocks,
    and by the gradients of its parameters, beside those of its neighbours.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        growth = np.diff(np.log(layers["root_mean_square"]))
        back = -np.diff(layers["log_gradient"]) / 2
    found = np.zeros(len(growth))
    own = layers["log_parameter_gradient"] / 2
    with np.errstate(invalid="ignore"):
        bend = own[1:-1] - (own[:-2] + own[2:]) / 2
    if np.isfinite(bend).any():
        found[1:-1] = np.where(np.isfinite(bend), np.abs(bend), 0)
    for values in (growth, back):
        known = np.isfinite(values)
        if known.sum() >= 4:
            found = np.maximum(found, np.where(known, np.abs(values - np.median(values[known])), 0))
    gone = np.isneginf(growth)
    if np.isfinite(own).any() and np.isneginf(own).sum() * 2 < len(own):  # its weights move nothing, others' do
        gone |= np.isneginf(own)
    if gone.any():
        return int(np.flatnonzero(gone)[0]), math.inf
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
