import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from infoflow.errors import InfoflowError
from infoflow.modules.training import Recipe, Success, constant_loss, measure, parse_optimizer, train


def stream(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def problem(samples: int = 200) -> tuple[torch.Tensor, torch.Tensor]:
    """Two classes that a linear network separates."""
    inputs = torch.randn(samples, 5, generator=stream(1))
    return inputs, (inputs[:, 0] + inputs[:, 1] > 0).long()


def network(*more: nn.Module, seed: int = 0, outputs: int = 2) -> nn.Module:
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(5, 16), nn.ReLU(), *more, nn.Linear(16, outputs))


EASY = Recipe(learning_rate=0.1, batch_size=20, steps=300, success=Success(bound=0.95))


# --- optimisers as text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sgd:0.1", {"optimizer": "sgd", "learning_rate": 0.1, "momentum": 0.0, "weight_decay": 0.0}),
        ("sgd:0.1,momentum=0.9", {"momentum": 0.9}),
        ("adam:1e-3", {"optimizer": "adam", "learning_rate": 1e-3, "weight_decay": 0.0}),
        ("adamw:3e-4, warmup=100", {"optimizer": "adamw", "warmup": 100, "weight_decay": 0.01}),
        ("adamw:3e-4,weight_decay=0.1", {"weight_decay": 0.1}),
    ],
)
def test_an_optimizer_is_read(text, expected):
    recipe = parse_optimizer(text)
    assert {name: getattr(recipe, name) for name in expected} == expected


def test_what_an_optimizer_does_not_say_is_that_of_the_base():
    base = Recipe(steps=7, momentum=0.9, loss="mse", success=Success("loss", 0.1))
    assert parse_optimizer("adam:0.01", base) == replace(base, optimizer="adam", learning_rate=0.01, momentum=0.0)


@pytest.mark.parametrize(
    "text",
    [
        *("", "sgd", "0.1", "sgd 0.1", "lion:0.1", "sgd:", "sgd:fast", "sgd:-1", "sgd:0", "sgd:nan", "sgd:inf", ":0.1"),
        *(
            "sgd:0.1,momentum",
            "sgd:0.1,momentum=",
            "sgd:0.1,momentum=-1",
            "sgd:0.1,nesterov=1",
            "adam:0.1,momentum=0.9",
        ),
        *("adam:0.1,warmup=1.5", "adam:0.1,warmup=-3", "sgd:0.1,", "sgd:0.1,steps=3.5"),
    ],
)
def test_nonsense_is_refused_in_one_line(text):
    with pytest.raises(InfoflowError, match="optimizer") as error:
        parse_optimizer(text)
    assert "\n" not in str(error.value)
    assert repr(text) in str(error.value)


@pytest.mark.parametrize(
    "change",
    [
        {"optimizer": "lion"},
        {"loss": "hinge"},
        {"steps": 0},
        {"batch_size": 0},
        {"evaluations": 0},
        {"loss": nn.functional.l1_loss, "success": Success("loss", 0.5)},
    ],
)
def test_a_recipe_refuses_nonsense(change):
    with pytest.raises(InfoflowError, match="recipe"):
        Recipe(**change)


def test_a_criterion_refuses_nonsense():
    with pytest.raises(InfoflowError, match="measure"):
        Success("speed", 0.5)


# --- training


@pytest.mark.parametrize("optimizer", ["sgd:0.1", "sgd:0.1,momentum=0.9", "adam:0.01", "adamw:0.01,warmup=20"])
def test_a_trivial_problem_is_learned(optimizer):
    found = train(network(), *problem(), parse_optimizer(optimizer, EASY), stream())
    assert found.succeeded
    assert found.steps < EASY.steps
    assert found.accuracy >= 0.95
    assert found.loss < found.initial_loss
    assert not found.diverged
    assert not found.stalled


def test_labels_without_meaning_are_not_learned():
    inputs, _ = problem()
    labels = torch.randint(2, (200,), generator=stream(3))
    found = train(network(), inputs, labels, EASY, stream())
    assert not found.succeeded
    assert found.steps == EASY.steps


def test_it_is_torchs_own_optimiser_on_batches_without_replacement():
    inputs, labels = problem(50)
    recipe = Recipe(learning_rate=0.05, momentum=0.9, batch_size=20, steps=5, success=Success(bound=2.0))
    trained, plain = network(), network()
    train(trained, inputs, labels, recipe, stream(4))

    order = stream(4)
    torch.randint(2**62, (), generator=order)  # the seed of the global state
    optimizer = torch.optim.SGD(plain.parameters(), lr=0.05, momentum=0.9)
    batches = [part for _ in range(3) for part in torch.randperm(50, generator=order)[:40].split(20)][:5]
    for chosen in batches:
        optimizer.zero_grad()
        nn.functional.cross_entropy(plain(inputs[chosen]), labels[chosen]).backward()
        optimizer.step()
    for p, q in zip(trained.parameters(), plain.parameters()):
        torch.testing.assert_close(p, q)


def test_the_rate_grows_over_the_warmup():
    x, y = torch.ones(4, 1), torch.zeros(4, 1)
    module = nn.Linear(1, 1, bias=False)
    nn.init.ones_(module.weight)
    recipe = Recipe(learning_rate=0.1, warmup=4, steps=2, loss="mse", success=Success("loss", 0.0, "initial"))
    train(module, x, y, recipe, stream())
    assert module.weight.item() == pytest.approx((1 - 2 * 0.025) * (1 - 2 * 0.05))


def test_equal_generators_give_equal_trainings_and_others_do_not():
    recipe = replace(EASY, steps=20, success=Success(bound=2.0))
    losses = [train(network(nn.Dropout(0.5)), *problem(), recipe, stream(s)).loss for s in (0, 0, 1)]
    assert losses[0] == losses[1] != losses[2]


def test_the_global_random_state_and_the_modes_are_left_as_they_were():
    module = network(nn.Dropout(0.5), nn.BatchNorm1d(16)).eval()
    module[0].train()
    before = torch.get_rng_state()
    train(module, *problem(), replace(EASY, steps=5), stream())
    assert torch.equal(torch.get_rng_state(), before)
    assert [part.training for part in module] == [True, False, False, False, False]
    torch.rand(3)
    other = train(network(nn.Dropout(0.5)), *problem(), replace(EASY, steps=5), stream())
    torch.rand(3)
    assert train(network(nn.Dropout(0.5)), *problem(), replace(EASY, steps=5), stream()).loss == other.loss


def test_they_are_put_back_after_an_error_too():
    module, before = network().eval(), torch.get_rng_state()
    inputs, labels = problem()
    with pytest.raises(IndexError):
        train(module, inputs, labels + 5, EASY, stream())
    assert torch.equal(torch.get_rng_state(), before)
    assert not module.training


def test_a_step_beyond_stability_diverges():
    x = torch.randn(100, 5, generator=stream(2))
    recipe = Recipe(learning_rate=50.0, loss="mse", steps=500, success=Success("loss", 0.1))
    found = train(nn.Linear(5, 1), x, x[:, :1], recipe, stream())
    assert found.diverged
    assert not found.succeeded
    assert found.steps < 500
    assert not math.isfinite(found.loss)


def test_a_dead_output_ends_the_training():
    module = nn.Sequential(network(outputs=1), nn.ReLU())
    nn.init.constant_(module[0][-1].bias, -100.0)
    inputs, labels = problem(100)
    recipe = Recipe(batch_size=20, loss="mse", steps=10_000, success=Success("loss", 0.5))
    found = train(module, inputs, labels[:, None].float(), recipe, stream())
    assert found.stalled
    assert not found.succeeded
    assert found.steps < 30


def test_a_dead_output_that_is_only_at_rest_does_not():
    """Zero gradients of some batches, or parameters that still move, as by weight decay, are no end."""
    module = nn.Sequential(network(outputs=1), nn.ReLU())
    nn.init.constant_(module[0][-1].bias, -1.0)
    inputs, labels = problem(100)
    recipe = Recipe(
        learning_rate=0.1, weight_decay=0.1, batch_size=20, loss="mse", steps=2000, success=Success("loss", 0.5)
    )
    found = train(module, inputs, labels[:, None].float(), recipe, stream())
    assert not found.stalled


def test_other_samples_can_tell():
    inputs, labels = problem()
    found = train(network(), inputs, labels, EASY, stream(), evaluation=(inputs, 1 - labels))
    assert not found.succeeded
    assert found.accuracy < 0.1


def test_success_by_loss():
    inputs, _ = problem()
    targets = inputs[:, :1] + 3.0
    recipe = Recipe(learning_rate=0.05, batch_size=20, steps=400, loss="mse", success=Success("loss", 0.2))
    found = train(network(outputs=1), inputs, targets, recipe, stream())
    assert found.succeeded
    assert found.loss <= 0.2 * targets.var(correction=0).item()
    assert math.isnan(found.accuracy)
    of_initial = replace(recipe, success=Success("loss", 0.5, "initial"), evaluations=400)
    early = train(network(outputs=1), inputs, targets, of_initial, stream())
    assert early.succeeded
    assert early.steps < found.steps
    assert early.loss <= 0.5 * early.initial_loss


def test_losses_of_the_best_constant():
    labels = torch.tensor([0, 0, 1, 3])
    assert constant_loss(labels, "cross_entropy") == pytest.approx(1.5 * math.log(2))
    targets = torch.tensor([[0.0, 1.0], [2.0, 1.0]])
    assert constant_loss(targets, "mse") == pytest.approx(0.5)


def test_accuracy_of_vectors_and_of_tokens():
    scores = torch.tensor([[2.0, 1.0], [0.0, 1.0]])
    _, accuracy = measure(nn.Identity(), scores, torch.tensor([[1.0, 0.0], [1.0, 0.0]]), "mse")
    assert accuracy == 0.5
    tokens = torch.stack([scores, scores.flip(1)], 2)  # [B, classes, T]
    _, accuracy = measure(nn.Identity(), tokens, torch.tensor([[0, 0], [1, 1]]), "cross_entropy")
    assert accuracy == 0.5


def test_what_cannot_be_trained_is_refused():
    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(5, 2)

        def forward(self, x):
            return self.layer(x), x

    with pytest.raises(InfoflowError, match="tuple"):
        train(Pair(), *problem(), EASY, stream())
    with pytest.raises(InfoflowError, match="nothing to train"):
        train(nn.Identity(), *problem(), EASY, stream())
