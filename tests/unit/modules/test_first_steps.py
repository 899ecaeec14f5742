"""What a copy does in its first steps, and that the model itself takes none."""

import dataclasses
import math
import re

import numpy as np
import pytest
import torch
from torch import nn

import infoflow
from infoflow.engine.initialization import generator
from infoflow.errors import InfoflowError
from infoflow.modules import first_steps
from infoflow.modules.capture import cut, untouched
from infoflow.modules.check import make_task
from infoflow.modules.first_steps import FirstSteps, look_ahead
from infoflow.modules.signals import default_loss
from infoflow.modules.training import Recipe, Success, constant_loss, parse_optimizer, rates_of
from infoflow.modules.verdict import FIRST_STEPS, features, read_rule
from plain_networks import digits, he, mlp, normal, seeded

X, Y = digits()
RECIPE = Recipe(learning_rate=0.1, steps=800, batch_size=32)


def steps_of(model: nn.Module, recipe: Recipe = RECIPE, loss=default_loss, labels=Y) -> FirstSteps:
    task = make_task(X, labels, loss)
    with untouched(model):
        return look_ahead(cut(model, task.batch), task, recipe, generator(0, "test"))


class Everything(nn.Module):
    """What training changes: weights, statistics, random numbers, and a counter of its own."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(64, 30), nn.BatchNorm1d(30), nn.ReLU(), nn.Dropout(0.3), nn.Linear(30, 10)
        )
        self.calls = [0]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls[0] += 1
        return self.layers(x.flatten(1))


def bits(model: nn.Module) -> list:
    return [t.detach().clone() for t in (*model.parameters(), *model.buffers())]


@pytest.mark.parametrize("optimizer", ["sgd:0.1,momentum=0.9", "adamw:1e-2,warmup=5"])
def test_the_model_is_left_as_it_was_and_the_result_is_the_same_again(optimizer):
    model = seeded(Everything)
    model.eval()
    model.layers[0].weight.grad = kept = torch.ones_like(model.layers[0].weight)
    before, state = bits(model), torch.get_rng_state()
    reports = [infoflow.check(model, X, Y, optimizer=f"{optimizer},steps=800") for _ in range(2)]
    assert all(map(torch.equal, before, bits(model)))
    assert torch.equal(state, torch.get_rng_state())
    assert model.layers[0].weight.grad is kept
    assert torch.equal(kept, torch.ones_like(kept))
    assert all(p.grad is None for p in model.parameters() if p is not model.layers[0].weight)
    assert model.calls == [0]
    assert not any(part.training for part in model.modules())
    assert reports[0].first_steps == reports[1].first_steps
    assert reports[0].verdict == reports[1].verdict


def test_steps_are_those_of_torchs_optimiser():
    model = seeded(lambda: mlp(2, he, activation=nn.ReLU))
    found = steps_of(model, dataclasses.replace(RECIPE, first_steps=3))
    copied = seeded(lambda: mlp(2, he, activation=nn.ReLU))
    x, y = make_task(X, Y, default_loss).batch, make_task(X, Y, default_loss).labels
    stream = generator(0, "test")
    torch.randint(2**62, (), generator=stream)  # the seed of dropout
    order = torch.randperm(len(x), generator=stream)
    optimizer = torch.optim.SGD(copied.parameters(), 0.1)
    with torch.no_grad():
        first = copied(x)
    for chosen in order[:96].split(32):
        optimizer.zero_grad()
        nn.functional.cross_entropy(copied(x[chosen]), y[chosen]).backward()
        optimizer.step()
    with torch.no_grad():
        last = copied(x)
    assert found.before == pytest.approx(float(nn.functional.cross_entropy(first, y)), rel=1e-6)
    assert found.after == pytest.approx(float(nn.functional.cross_entropy(last, y)), rel=1e-5)
    assert found.constant == pytest.approx(constant_loss(y, "cross_entropy"), rel=1e-4)
    r = first.softmax(1) - nn.functional.one_hot(y, 10)
    r, change = r - r.mean(0), last - first
    assert found.progress == pytest.approx(float(-(r * (change - change.mean(0))).sum() / r.square().sum()), rel=1e-4)
    assert (found.steps, found.times, found.dead, found.finite) == (3, pytest.approx(797 / 2), 0, True)
    assert found.reached == pytest.approx(found.progress + 797 / 2 * (found.progress - found.progress_middle))
    assert found.before > found.middle > found.after
    assert found.gained > 1 - found.after / found.constant


STEPS = FirstSteps(8, 99.0, math.log(100) / math.log(2), 3.0, 2.0, 1.0, 4.0, 0.1, 0.2, 0.0, True)
"""8 of 800 steps at the full rate: a hundred times as many are left, the second half of the 8 is twice the first."""


@pytest.mark.parametrize(
    ("middle", "after", "left"),
    [(2.0, 1.0, 0.25 / 100), (math.sqrt(2), 1.0, 0.25 / 10), (1.0, 1.5, 1.5 / 4), (2**9, 1.0, 0.25 / 100**6)],
)
def test_a_loss_that_falls_on_by_the_same_power(middle, after, left):
    """ℓ ∝ t⁻¹, t⁻¹ᐟ², one that rises, and one that falls by more than the sixth power."""
    assert dataclasses.replace(STEPS, middle=middle, after=after).left == pytest.approx(left)


def test_steps_that_are_left_count_in_rates():
    model = seeded(lambda: mlp(1, he))
    assert steps_of(model, dataclasses.replace(RECIPE, first_steps=8)).slowed == pytest.approx(STEPS.slowed)
    warm = steps_of(model, dataclasses.replace(RECIPE, warmup=100, first_steps=8))
    assert warm.slowed == pytest.approx(math.log((50.5 + 700) / 0.36) / math.log(0.36 / 0.1))
    assert steps_of(model, dataclasses.replace(RECIPE, first_steps=1)).slowed == 0


@pytest.mark.parametrize(
    ("success", "allowed"),
    [
        (Success(bound=0.7), 0.3),
        (Success(bound=1.0), 0.01),
        (Success("loss", 0.05), 0.05),
        (Success("loss", 0.5, "initial"), 0.5 * 3 / 4),
    ],
)
def test_what_success_asks_for_counts(success, allowed):
    first = dataclasses.replace(STEPS, middle=2.05, after=2.0)
    told = features_of(first, dataclasses.replace(RECIPE, success=success))["first_left"]
    assert told == pytest.approx(max(0, math.log10(first.left / allowed)))
    assert features_of(dataclasses.replace(first, constant=math.nan))["first_left"] == 0
    assert features_of(dataclasses.replace(first, after=-1.0))["first_left"] == 0
    assert features_of(dataclasses.replace(first, after=5e-324))["first_left"] == 0


def test_a_small_step_takes_away_what_its_tangent_kernel_says():
    """The measured progress and that of `task_rate`, which knows the first step only."""
    model = seeded(lambda: mlp(2, he, activation=nn.ReLU))
    recipe = Recipe(learning_rate=1e-3, steps=800, batch_size=10**6, first_steps=1)
    signals = infoflow.check(model, X, Y, optimizer=recipe)
    (first,) = signals.first_steps
    assert first.progress == pytest.approx(1e-3 * signals.signals[0].whole["task_rate"], rel=0.5)


def test_a_warm_up_counts_less():
    found = steps_of(seeded(lambda: mlp(1, he)), dataclasses.replace(RECIPE, warmup=100, first_steps=8))
    assert found.times == pytest.approx((50.5 - 0.36 + 700) / (0.05 + 0.06 + 0.07 + 0.08))


def test_momentum_has_to_build_up():
    rates = rates_of(dataclasses.replace(RECIPE, momentum=0.9, steps=60))
    weight, velocity, moved = 0.0, 0.0, []
    for _ in range(60):
        velocity = 0.9 * velocity + 1.0
        weight += 0.1 * velocity
        moved.append(weight)
    np.testing.assert_allclose(np.cumsum(rates), moved)
    assert rates_of(RECIPE) == [1.0] * 800


def test_at_most_an_eighth_of_the_steps_are_taken():
    assert steps_of(seeded(lambda: mlp(1, he)), dataclasses.replace(RECIPE, steps=80)).steps == 10
    assert steps_of(seeded(lambda: mlp(1, he)), dataclasses.replace(RECIPE, steps=3)).steps == 1


def test_a_step_that_blows_up_and_units_that_die():
    wild = steps_of(seeded(lambda: mlp(3, normal(2.0), activation=nn.ReLU)), parse_optimizer("sgd:1e9,steps=800"))
    assert not wild.finite
    assert features_of(wild) == dict(zip(FIRST_STEPS, (3.0, 4.0, 4.0, 4.0, 1.0)))
    dying = nn.Sequential(nn.Flatten(), nn.Linear(64, 10), nn.ReLU())
    with torch.no_grad():
        dying[1].weight.abs_()
        dying[1].bias.fill_(0.1)
    found = steps_of(dying, parse_optimizer("sgd:50,steps=800"))
    assert found.dead == 1
    assert features_of(found)["first_dying"] == 1


def features_of(first: FirstSteps, recipe: Recipe = RECIPE) -> dict[str, float]:
    signals = infoflow.check(
        seeded(lambda: mlp(1, he)), X, Y, optimizer=dataclasses.replace(recipe, first_steps=0)
    ).signals[0]
    found = features(signals, recipe, first)
    assert set(found) == {*features(signals, recipe), *FIRST_STEPS}
    return {n: found[n] for n in FIRST_STEPS}


def test_a_loss_that_takes_no_constants_and_one_of_other_outputs():
    def probability(outputs, labels):
        return nn.functional.binary_cross_entropy(outputs, labels)

    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 1), nn.Sigmoid())
    found = steps_of(model, loss=probability, labels=(Y % 2).float()[:, None])
    assert math.isfinite(found.constant)

    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.other = nn.Linear(64, 10), nn.Linear(64, 3)

        def forward(self, x):
            return {"one": self.one(x.flatten(1)), "other": self.other(x.flatten(1))}

    found = steps_of(seeded(Two), loss=lambda outputs, labels: nn.functional.cross_entropy(outputs["one"], labels))
    assert found.finite
    assert found.progress > 0


class Uncopied(nn.Linear):
    def __deepcopy__(self, memo):
        raise TypeError("no copies")


def test_what_cannot_be_copied_is_judged_without_and_says_so():
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 20), nn.ReLU(), Uncopied(20, 10))
    with pytest.raises(InfoflowError, match="cannot be copied"):
        steps_of(model)
    report = infoflow.check(model, X, Y, optimizer=RECIPE)
    assert report.first_steps == ()
    assert report.rule == read_rule(False).about
    assert "no copies" in repr(report)
    alone = infoflow.check(model, X, Y, optimizer=dataclasses.replace(RECIPE, first_steps=0))
    assert alone.verdict == report.verdict
    assert "not asked for" in repr(alone)


def test_dear_steps_are_taken_only_if_they_are_asked_for(monkeypatch):
    """The operations of 32 steps of 32 samples, forward and twice that back, of two layers of 40 and one of 10."""
    work = 3 * 32 * 32 * 2 * (64 * 40 + 40 * 40 + 40 * 10)
    model = seeded(lambda: mlp(2, he))
    assert steps_of(model).steps == 64
    monkeypatch.setattr(first_steps, "MOST_WORK", work * 50 // 32)
    assert steps_of(model).steps == 50
    monkeypatch.setattr(first_steps, "MOST_WORK", work)
    assert steps_of(model).steps == 32
    monkeypatch.setattr(first_steps, "MOST_WORK", work - 1)
    said = re.escape(f"32 steps of 32 samples are {work:.1e} operations")
    with pytest.raises(InfoflowError, match=f"{said}.*first_steps=32"):
        steps_of(model)
    assert steps_of(model, dataclasses.replace(RECIPE, first_steps=32)).steps == 32
    report = infoflow.check(model, X, Y, optimizer=RECIPE)
    assert report.rule == read_rule(False).about
    assert "ask for them by first_steps=32" in repr(report)


def test_without_labels_there_are_none():
    report = infoflow.check(seeded(lambda: mlp(1, he)), X)
    assert "no labels" in report.without_first_steps


def test_a_report_has_them():
    report = infoflow.check(lambda: mlp(2, he), X, Y, optimizer=RECIPE, seeds=2)
    assert report.rule == read_rule().about
    assert f"{report.first_steps[0].steps} steps on a copy" in repr(report)
    assert report.to_dict()["first_steps"][1]["after"] == report.first_steps[1].after
    np.testing.assert_array_equal(report.to_xarray().first_steps_after, [f.after for f in report.first_steps])


def test_a_model_that_shares_weights_with_what_is_outside_of_it_gets_no_gradients():
    outside = nn.Linear(64, 64)

    class Sharing(nn.Module):
        def __init__(self):
            super().__init__()
            self.last = nn.Linear(64, 10)
            self.run = lambda x: torch.relu(outside(x.flatten(1)))

        def forward(self, x):
            return self.last(self.run(x))

    infoflow.check(seeded(Sharing), X, Y, optimizer=RECIPE)
    assert outside.weight.grad is None
