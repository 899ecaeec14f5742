"""Train any module as plain PyTorch does, and say whether it learned: the truth that verdicts are compared with."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from infoflow.architectures.modular import seeded
from infoflow.errors import InfoflowError

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""Outputs of a module and targets of the same samples to a number, the mean over the samples."""
Data = tuple[torch.Tensor, torch.Tensor]
"""Inputs [M, ...] and targets [M, ...]."""

LOSSES: dict[str, Loss] = {"cross_entropy": functional.cross_entropy, "mse": functional.mse_loss}
"""By name. Cross-entropy: scores [B, classes, ...], labels int64 [B, ...]. Squared error: mean over all outputs."""

OPTIMIZERS: dict[str, tuple[type[torch.optim.Optimizer], tuple[str, ...]]] = {
    "sgd": (torch.optim.SGD, ("momentum", "weight_decay", "warmup", "steps", "first_steps")),
    "adam": (torch.optim.Adam, ("weight_decay", "warmup", "steps", "first_steps")),
    "adamw": (torch.optim.AdamW, ("weight_decay", "warmup", "steps", "first_steps")),
}
"""By name, with the settings that they have besides a learning rate."""

_EXAMPLES = "write it like sgd:0.1, sgd:0.1,momentum=0.9, adam:1e-3 or adamw:3e-4,warmup=100"
_AT_ONCE = 512
"""Samples that are evaluated in one forward pass."""
_MOST_EVALUATED = 1024
"""Samples of the training set that are evaluated, where no others are given."""


@dataclass(frozen=True)
class Success:
    """When a network has learned: at an evaluation, one number is past a bound.

    Attributes:
        measure: `accuracy`, the share of samples (or of their tokens, pixels) whose largest score is that of the right
            class; `loss`, as a share of the loss named by `of`.
        bound: accuracy is at least that, or the loss at most.
        of: `constant`, the loss of the best constant output, or `initial`, that of the untrained network. Of a loss
            that is a callable only the latter is known.
    """

    measure: str = "accuracy"
    bound: float = 0.5
    of: str = "constant"

    def __post_init__(self):
        _require("measure", self.measure, ("accuracy", "loss"))
        _require("of", self.of, ("constant", "initial"))


@dataclass(frozen=True)
class Recipe:
    """How a module is trained.

    Attributes:
        optimizer: `sgd`, `adam` or `adamw`, as torch.optim has them.
        learning_rate: the same at every step behind the warm-up.
        momentum: of `sgd`.
        weight_decay: decoupled for `adamw`, else part of the gradient.
        warmup: steps over which the learning rate grows linearly from zero.
        batch_size: samples of a step, without replacement within an epoch; the rest of an epoch that does not fill a
            batch is left out. All samples if there are fewer.
        steps: at most.
        loss: `cross_entropy`, `mse` or a callable, see `LOSSES` and `Loss`.
        success: the criterion.
        evaluations: how often it is looked at, evenly over the steps.
        first_steps: K, how many steps `check` trains a copy for, at most an eighth of `steps`; its rule was fitted to
            37 to 64. 0: none, and its verdict is by the rule of the initialisation alone. None: 64, or at least 32,
            if they are cheap, see `infoflow.modules.first_steps.MOST_WORK`.
    """

    optimizer: str = "sgd"
    learning_rate: float = 0.1
    momentum: float = 0.0
    weight_decay: float = 0.0
    warmup: int = 0
    batch_size: int = 64
    steps: int = 500
    loss: str | Loss = "cross_entropy"
    success: Success = field(default_factory=Success)
    evaluations: int = 20
    first_steps: int | None = None

    def __post_init__(self):
        _require("optimizer", self.optimizer, tuple(OPTIMIZERS))
        if not callable(self.loss):
            _require("loss", self.loss, tuple(LOSSES))
        elif self.success.measure == "loss" and self.success.of == "constant":
            raise InfoflowError("recipe: the best constant output of a loss of one's own is unknown; set of='initial'")
        for name in ("batch_size", "steps", "evaluations"):
            if getattr(self, name) < 1:
                raise InfoflowError(f"recipe: {name} is {getattr(self, name)}; set it to at least 1")
        if self.first_steps is not None and self.first_steps < 0:
            raise InfoflowError(f"recipe: first_steps is {self.first_steps}; set it to 0 or more")


@dataclass(frozen=True)
class Outcome:
    """What a training came to.

    Attributes:
        succeeded: whether the criterion was met at an evaluation.
        steps: that were taken; those to success, if it succeeded.
        loss, accuracy: at the last evaluation; accuracy is NaN for targets without classes.
        initial_loss: of the untrained network.
        diverged: whether a parameter became NaN or infinite, which ends the training.
        stalled: whether it was ended because nothing could move any more, see `train`.
        seconds: wall time.
    """

    succeeded: bool
    steps: int
    loss: float
    accuracy: float
    initial_loss: float
    diverged: bool
    stalled: bool
    seconds: float


def parse_optimizer(text: str, base: Recipe | None = None) -> Recipe:
    """A recipe with the optimiser of a text like `sgd:0.1,momentum=0.9`, and all else as in `base`.

    What the text does not name is zero: momentum, weight decay (0.01 for `adamw`, torch's default), warm-up.

    Raises:
        InfoflowError: it is no such text; the message says what one looks like.
    """
    name, colon, rest = text.strip().partition(":")
    if name not in OPTIMIZERS or not colon:
        raise InfoflowError(f"optimizer {text!r}: not understood; {_EXAMPLES}")
    rate, *others = rest.split(",")
    settings: dict[str, Any] = {"momentum": 0.0, "weight_decay": 0.01 if name == "adamw" else 0.0, "warmup": 0}
    for other in others:
        key, equals, value = other.strip().partition("=")
        if not equals or key not in OPTIMIZERS[name][1]:
            known = ", ".join(OPTIMIZERS[name][1])
            raise InfoflowError(f"optimizer {text!r}: {other.strip()!r} is no setting of {name}, it has {known}")
        settings[key] = _number(text, key, value)
    return replace(base or Recipe(), optimizer=name, learning_rate=_number(text, "learning rate", rate), **settings)


def train(
    module: nn.Module,
    inputs: torch.Tensor,
    targets: torch.Tensor,
    recipe: Recipe,
    generator: torch.Generator,
    evaluation: Data | None = None,
) -> Outcome:
    """Train a module, in place, until it succeeds, fails for good, or the steps are over.

    It ends early only where no further step could change the outcome: at success; once a parameter is not finite; and
    once all gradients have been exactly zero for a whole epoch that left every parameter as it was to the bit, as of a
    network whose outputs are dead.

    Dropout and its like draw from torch's global random state, which is seeded from `generator` for the time of the
    training and then put back; so the caller's is left as it was, and equal generators give equal trainings. The flags
    of training and evaluation mode are as before.

    Args:
        inputs, targets: [M, ...], moved to the device of the module batch by batch.
        generator: on the CPU; of the order of the samples.
        evaluation: inputs and targets on which loss and accuracy are measured, in evaluation mode; by default the
            training set, or 1,024 samples evenly spaced over it.

    Raises:
        InfoflowError: the output is not a tensor, or there is nothing to train.
    """
    start = time.perf_counter()
    parameters = [p for p in module.parameters() if p.requires_grad]
    if not parameters:
        raise InfoflowError("the module has no parameter that requires a gradient; there is nothing to train")
    stride = -(-len(inputs) // _MOST_EVALUATED)
    evaluation = evaluation or (inputs[::stride], targets[::stride])
    modes = {part: part.training for part in module.modules()}
    try:
        with seeded(generator, parameters[0].device):
            run = _Run(module, parameters, recipe, evaluation)
            run.go(batches_of(len(inputs), recipe.batch_size, generator), inputs, targets)
    finally:
        for part, mode in modes.items():
            part.training = mode
    return run.outcome(time.perf_counter() - start)


def measure(module: nn.Module, inputs: torch.Tensor, targets: torch.Tensor, loss: str | Loss) -> tuple[float, float]:
    """Mean loss and accuracy of a module in evaluation mode, which it is left in; accuracy is NaN without classes."""
    module.eval()
    total = right = count = 0.0
    device = next((p.device for p in module.parameters()), inputs.device)
    with torch.no_grad():
        for x, y in zip(inputs.split(_AT_ONCE), targets.split(_AT_ONCE)):
            scores, y = _call(module, x.to(device)), y.to(device)
            total += _loss(loss)(scores, y).item() * len(x)
            hits = _hits(scores, y)
            right, count = right + hits.sum().item(), count + hits.numel()
    return total / len(inputs), right / count if count else float("nan")


def constant_loss(targets: torch.Tensor, loss: str) -> float:
    """Loss of the best output that is the same for all samples, for a loss by name.

    Cross-entropy: entropy of the labels, in nats. Squared error: variance of the targets, mean over the outputs.
    """
    if loss == "cross_entropy":
        share = targets.flatten().bincount().double() / targets.numel()
        return torch.special.entr(share).sum().item()
    return targets.double().var(0, correction=0).mean().item()


def optimizer_of(parameters: Sequence[nn.Parameter], recipe: Recipe) -> torch.optim.Optimizer:
    """The optimiser of a recipe, at its full rate."""
    kind, settings = OPTIMIZERS[recipe.optimizer]
    chosen = {name: getattr(recipe, name) for name in settings if name not in ("warmup", "steps", "first_steps")}
    return kind(parameters, lr=recipe.learning_rate, fused=True, **chosen)


def warm_up(optimizer: torch.optim.Optimizer, recipe: Recipe, step: int) -> None:
    """Give the optimiser the learning rate of a step, counted from 0."""
    if recipe.warmup:
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * min(1.0, (step + 1) / recipe.warmup)


def rates_of(recipe: Recipe) -> list[float]:
    """How far each of the steps moves weights whose gradient stays the same, over how far it does at full rate.

    Less than 1 during a warm-up, and while the momentum of SGD builds up.
    """
    found, moved = [], 0.0
    for step in range(recipe.steps):
        share = min(1.0, (step + 1) / recipe.warmup) if recipe.warmup else 1.0
        moved = recipe.momentum * moved + (1 - recipe.momentum) * share
        found.append(moved)
    return found


def batches_of(samples: int, batch_size: int, generator: torch.Generator) -> Iterator[torch.Tensor]:
    """Numbers of the samples of one batch after the other, without end; see `Recipe.batch_size`."""
    size = min(batch_size, samples)
    while True:
        order = torch.randperm(samples, generator=generator)
        yield from order[: samples // size * size].split(size)


class _Run:
    """State of one training."""

    def __init__(self, module: nn.Module, parameters: list[torch.Tensor], recipe: Recipe, evaluation: Data):
        self.module, self.parameters, self.recipe, self.evaluation = module, parameters, recipe, evaluation
        self.steps = 0
        self.succeeded = self.diverged = self.stalled = False
        self.loss, self.accuracy = self.initial_loss, _ = measure(module, *evaluation, recipe.loss)
        success = recipe.success
        self._reference = self.initial_loss
        if success.measure == "loss" and success.of == "constant":
            self._reference = constant_loss(evaluation[1], recipe.loss)
        self._optimizer = optimizer_of(parameters, recipe)
        self._still: list[torch.Tensor] | None = None
        self._idle = 0

    def go(self, batches: Iterator[torch.Tensor], inputs: torch.Tensor, targets: torch.Tensor) -> None:
        """All steps, with evaluations in between."""
        epoch = max(1, len(inputs) // self.recipe.batch_size)
        due = {round(self.recipe.steps * k / self.recipe.evaluations) for k in range(1, self.recipe.evaluations + 1)}
        self.module.train()
        device = self.parameters[0].device
        while self.steps < self.recipe.steps and not (self.succeeded or self.diverged or self.stalled):
            chosen = next(batches)
            finite = self._step(inputs[chosen].to(device), targets[chosen].to(device))
            self.steps += 1
            if not finite:
                self.diverged = not all(p.isfinite().all() for p in self.parameters)
            self.stalled = self._idle > epoch and self._is_still()
            if self.steps in due or self.diverged or self.stalled:
                self._evaluate()
                self.module.train()

    def outcome(self, seconds: float) -> Outcome:
        """Of what has been done."""
        return Outcome(
            self.succeeded,
            self.steps,
            self.loss,
            self.accuracy,
            self.initial_loss,
            self.diverged,
            self.stalled,
            seconds,
        )

    def _step(self, x: torch.Tensor, y: torch.Tensor) -> bool:
        """One step; whether loss and gradients were finite."""
        warm_up(self._optimizer, self.recipe, self.steps)
        self._optimizer.zero_grad()
        loss = _loss(self.recipe.loss)(_call(self.module, x), y)
        loss.backward()
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        self._optimizer.step()
        size = torch.stack(torch._foreach_norm(gradients, float("inf"))).max()
        if size.item() != 0:  # NaN is unequal, too
            self._idle, self._still = 0, None
        else:
            self._idle += 1
        return bool(size.isfinite() & loss.detach().isfinite())

    def _is_still(self) -> bool:
        """Whether no parameter has changed over an epoch of zero gradients; asked again, it compares with the last."""
        now = [p.detach().clone() for p in self.parameters]
        same = self._still is not None and all(map(torch.equal, now, self._still))
        self._still, self._idle = now, 0 if not same else self._idle
        return same

    def _evaluate(self) -> None:
        self.loss, self.accuracy = measure(self.module, *self.evaluation, self.recipe.loss)
        success = self.recipe.success
        if success.measure == "accuracy":
            self.succeeded = not self.diverged and self.accuracy >= success.bound
        else:
            self.succeeded = not self.diverged and self.loss <= success.bound * self._reference


def _call(module: nn.Module, x: torch.Tensor) -> torch.Tensor:
    output = module(x)
    if not isinstance(output, torch.Tensor):
        raise InfoflowError(
            f"the module gives a {type(output).__name__}, not a tensor; wrap it in one that returns its scores"
        )
    return output


def _loss(loss: str | Loss) -> Loss:
    return loss if callable(loss) else LOSSES[loss]


def _hits(scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Where the largest score is that of the right class; nothing, where there are no classes.

    Targets are labels [B, ...] of scores [B, classes, ...], or as many numbers per sample as there are scores, of which
    the largest is the class.
    """
    if not targets.is_floating_point():
        return scores.argmax(1) == targets
    if targets.ndim == 2 and targets.shape == scores.shape and targets.shape[1] > 1:
        return scores.argmax(1) == targets.argmax(1)
    return scores.new_zeros(0)


def _number(text: str, name: str, value: str) -> float | int:
    whole = name in ("warmup", "steps", "first_steps")
    try:
        number = int(value) if whole else float(value)
    except ValueError:
        number = -1
    if not (0 <= number < float("inf")) or (name == "learning rate" and number == 0):
        wanted = "a whole number of steps" if whole else "a number" if name == "learning rate" else "a number from 0 on"
        raise InfoflowError(f"optimizer {text!r}: {name} is {value!r}, but should be {wanted}; {_EXAMPLES}")
    return number


def _require(name: str, value: Any, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InfoflowError(f"recipe: {name} is {value!r}; choose one of {', '.join(known)}")
