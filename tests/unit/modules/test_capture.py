"""States of any network, and that it is left as it was."""

import random
import subprocess
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils._pytree import tree_map
from torch.utils.checkpoint import checkpoint

from infoflow.errors import InfoflowError
from infoflow.modules.blocks import INPUT, OUTPUT, Place
from infoflow.modules.capture import Blocks, States, _at, call, capture, cut, size, take, untouched, unwrap
from infoflow.modules.trace import around, tensors_of
from odd_networks import HOLDERS, ODD, SAMPLES, Forward, head, images, make, mlp, sequences, tokens, vectors


def taken(model: nn.Module, batch: Any, gradients: bool = False, **options: Any) -> tuple[Blocks, States]:
    with untouched(model):
        blocks = cut(model, batch, **options)
        return blocks, capture(blocks, batch, gradients)


def seeded(make_it: Callable, seed: int = 0) -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return make_it()


def seed(number: int) -> None:
    torch.manual_seed(number)
    random.seed(number)
    np.random.seed(number)  # noqa: NPY002


def record_of(model: nn.Module) -> dict[str, Any]:
    """Everything of a model that can be compared, with copies of what could be written to."""

    def copied(item: Any) -> Any:
        if isinstance(item, torch.Tensor):
            where = item.data_ptr() if item.layout == torch.strided else None
            return id(item), item.detach().clone().to_dense(), item.requires_grad, item.grad_fn, where
        if isinstance(item, dict):
            return id(item), {k: copied(v) for k, v in item.items()}
        if isinstance(item, list | tuple):
            return id(item), [copied(i) for i in item]
        return id(item)

    found = {name: {k: copied(v) for k, v in part.__dict__.items()} for name, part in model.named_modules()}
    for name, p in model.named_parameters():
        found[f"{name}.grad"] = {"": copied(p.grad)}
    return found


def assert_same(one: Any, other: Any, where: str = "model") -> None:
    if isinstance(one, dict):
        assert list(one) == list(other), where
        for key in one:
            assert_same(one[key], other[key], f"{where}.{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), where
        for a, b in zip(one, other):
            assert_same(a, b, where)
    elif isinstance(one, torch.Tensor):
        assert one.dtype == other.dtype, where
        assert one.numpy(force=True).tobytes() == other.numpy(force=True).tobytes(), where
    else:
        assert one == other, where


UNCHANGED = sorted({*ODD} - {"bfloat16"})
"""NumPy has no such numbers."""


@pytest.mark.filterwarnings("ignore:.*lr_scheduler")
@pytest.mark.parametrize("name", UNCHANGED)
def test_the_model_is_left_as_it_was_to_the_bit(name):
    model, batch = make(name)
    model.train(len(name) % 2 == 0)
    for part in list(model.modules())[1::2]:  # flags that are not those of the model
        part.training = not part.training
    for p in list(model.parameters())[::2]:
        p.grad = torch.randn(p.shape, generator=torch.Generator().manual_seed(1)).to(p.dtype)
    model.register_forward_hook(lambda part, args, outputs: None)
    torch.backends.mha.set_fastpath_enabled(True)
    before, given = record_of(model), [t.clone() for t in tensors_of(batch)]
    states = torch.get_rng_state(), random.getstate(), str(np.random.get_state())  # noqa: NPY002
    for gradients in (False, True):
        with untouched(model):
            found = capture(cut(model, batch), batch, gradients)
            if gradients:
                torch.autograd.grad(found.states[-1].float().sum(), flat(found.taps))
        assert_same(before, record_of(model))
    assert all(torch.equal(a, b) for a, b in zip(given, tensors_of(batch)))
    assert torch.equal(states[0], torch.get_rng_state())
    assert states[1] == random.getstate()
    assert states[2] == str(np.random.get_state())  # noqa: NPY002
    assert torch.backends.mha.get_fastpath_enabled()


@pytest.mark.parametrize("name", [*ODD])
def test_a_pass_with_capture_gives_what_a_plain_one_gives(name):
    model, batch = make(name)
    with untouched(model):
        blocks = cut(model, batch)
        for gradients in (False, True):
            seed(3)
            with torch.set_grad_enabled(gradients):  # some operations have other kernels with gradients
                plain = call(model, tree_map(torch.clone, batch))
            seed(3)
            states = capture(blocks, batch, gradients)
            for one, other in zip(tensors_of(plain), tensors_of(states.outputs), strict=True):
                if name == "bounded embedding":  # scaled down again, within rounding, with every call
                    torch.testing.assert_close(one, other)
                else:
                    assert torch.equal(one, other) or name == "counting"
            assert len(states.states) == len(states.taps) == len(blocks.blocks) + 1
            assert all(s.shape[0] == SAMPLES for s in states.states)


def run_with(blocks: Blocks, batch: Any, place: Place, state: torch.Tensor) -> torch.Tensor:
    """The last state of a pass in which a state has other values."""
    number = -1

    def run(part: nn.Module, forward: Callable, args: tuple, kwargs: dict) -> Any:
        nonlocal number
        number = mine = number + 1
        if (mine, place.side) == (place.number, INPUT):
            _at((args, kwargs), place.path).copy_(state)
        outputs = forward(*args, **kwargs)
        if (mine, place.side) == (place.number, OUTPUT):
            _at(outputs, place.path).copy_(state)
        return outputs

    with around([place.module], run):
        return capture(blocks, tree_map(torch.clone, batch)).states[-1]


BYPASSED = {"counting", "keeping", "other random numbers"}
"""They are another function with every call."""


@pytest.mark.parametrize("name", sorted({*ODD} - BYPASSED))
def test_a_state_is_all_that_the_blocks_behind_it_know(name):
    """A pass on one batch, in which a state is replaced by that of another batch, gives what the other one gives."""
    model, batch = make(name)
    _, other = make(name, seed=1)
    if name in ("tokens", "masked tokens"):  # with the same paddings
        ids, others = (b if name == "tokens" else b[0] for b in (batch, other))
        others = torch.where(ids > 0, others.clamp(min=1), 0)
        other = others if name == "tokens" else (others, batch[1])
    if name in ("lengths", "conditional"):
        other = (other[0], batch[1])
    with untouched(model):
        blocks = cut(model, batch)
        seed(2)
        one = capture(blocks, batch).states
        seed(2)
        two = [s.clone() for s in capture(blocks, other).states]
        assert not torch.equal(one[-1], two[-1])
        for k, place in enumerate([blocks.start, *(b.end for b in blocks.blocks)]):
            if place.module is None:
                continue
            seed(2)
            found = run_with(blocks, batch, place, two[k].movedim(0, place.axis))
            assert torch.equal(found, two[-1]), k


def drawn(seed: int) -> nn.Module:
    """A network of random parts: in place or not, bypassed or not, shared, rearranged."""
    draw = random.Random(seed)
    linear = lambda: nn.Linear(10, 10)  # noqa: E731
    model = nn.Module()
    model.parts, model.shared, model.head = nn.ModuleList(), nn.Linear(10, 10), head()
    steps: list[tuple[str, int]] = []
    for _ in range(draw.randint(3, 8)):
        kind = draw.choice(
            ["plain", "plain", "in place", "module", "bypass", "added", "shared", "view", "halves", "two"]
        )
        steps.append((kind, len(model.parts)))
        model.parts.append(nn.Sequential(linear(), nn.ReLU(inplace=draw.random() < 0.5)))

    def forward(self, x):
        for kind, number in steps:
            part = self.parts[number]
            if kind == "plain":
                x = torch.sin(part[0](x))
            elif kind == "in place":
                x = part[0](x).tanh_()
            elif kind == "module":
                x = part(x)
            elif kind == "bypass":
                x = x + part(x)
            elif kind == "added":
                x = x.clone()
                x += part(x.clone())
            elif kind == "shared":
                x = torch.tanh(self.shared(x))
            elif kind == "view":
                x = part(x.view(len(x), 2, 5).transpose(1, 2).reshape(len(x), 10))
            elif kind == "halves":
                x = torch.cat([part[0](x)[:, :5].cos(), x[:, 5:]], 1)
            else:
                x = part[0](x) * torch.sigmoid(self.shared(x))
        return self.head(x)

    return Forward(forward, parts=model.parts, shared=model.shared, head=model.head)


@pytest.mark.parametrize("seed", range(40))
def test_states_of_random_networks_are_all_that_is_known_and_their_gradients_right(seed):
    model, batch, other = seeded(lambda: (drawn(seed), vectors(), vectors()), seed)
    before = record_of(model)
    with untouched(model):
        blocks = cut(model, batch)
        two = [s.clone() for s in capture(blocks, other).states]
        places = [blocks.start, *(b.end for b in blocks.blocks)]
        for k, place in enumerate(places):
            if place.module is not None:
                assert torch.equal(run_with(blocks, batch, place, two[k]), two[-1])
        found = capture(blocks, batch, gradients=True)
        given = torch.autograd.grad(found.states[-1].sum(), [some[0] for some in found.taps])
        # by differences: what a small step in a random direction of each state does to the outputs
        model.double()
        states = capture(blocks, batch.double()).states
        for k, place in enumerate(places[:-1]):
            if place.module is None:
                continue
            step = 1e-6 * torch.randn(states[k].shape, dtype=torch.double)
            ends = [run_with(blocks, batch.double(), place, states[k] + s * step).sum() for s in (1, -1)]
            slope = float(ends[0] - ends[1]) / 2
            assert slope == pytest.approx(float((given[k].double() * step).sum()), rel=1e-2, abs=1e-9)
        model.float()
    assert [b.name for b in blocks.blocks][-1] == "head"
    assert list(before) == list(record_of(model))


def hand_written(name: str, model: nn.Module) -> Callable[[torch.Tensor], list[torch.Tensor]]:
    """The states of a network by a forward pass that is written down without any of its tricks."""
    if name == "in-place module":
        return lambda x: chain(x, *(lambda h, l=l: F.relu(model[l](h)) for l in (0, 2)), model[4])
    if name == "in-place function":
        return lambda x: chain(x, *(lambda h, l=l: F.relu(l(h)) for l in model.layers), model.head)
    if name == "in place through a view":
        keep = torch.cat([torch.zeros(5), torch.ones(5)])
        return lambda x: chain(x, lambda h: model.first(h) * keep, model.second)
    if name == "in place on the input":
        tanhs = [lambda h, l=l: torch.tanh(model.net[l](h)) for l in (2, 4, 6)]
        return lambda x: chain(x, lambda h: torch.tanh(model.net[0]((h - 1) * 2)), *tanhs, model.net[8])
    if name in ("transformer, post-norm", "transformer, pre-norm"):
        return lambda x: chain(x, *model.encoder.layers, lambda h: h.mean(1), model.head)
    if name == "attention":
        each = [lambda h, a=a: a(h, h, h, need_weights=False)[0] for a in model.layers]
        return lambda x: chain(x, *each, lambda h: h.mean(1), model.head)
    if name in ("direct forward", "shared"):
        layers = model.layers if name == "direct forward" else [model.layer] * 3
        return lambda x: chain(x, *(lambda h, l=l: torch.tanh(l(h)) for l in layers), model.head)
    if name == "added in place":
        layers = [lambda h, l=l: h + l.linear(torch.tanh(h)) for l in model.layers]
        return lambda x: chain(x, model.first, *layers, model.head)
    if name in HOLDERS:
        # an activation before a layer belongs to what stands before it, except for the first one
        one, two, three = (lambda h, p=p: p.linear(h) * 2 for p in model.layers)
        middle = [lambda h: torch.tanh(one(torch.tanh(h))), lambda h: torch.tanh(two(h)), lambda h: three(h) * 2]
        return lambda x: chain(x, *middle, model.head)
    if name == "residual":

        def block(part: nn.Module) -> Callable:
            return lambda h: F.relu(part.bn2(part.conv2(F.relu(part.bn1(part.conv1(h))))) + h)

        return lambda x: chain(
            x, model[0], *map(block, model[1:4]), lambda h: h.mean((2, 3), True).flatten(1), model[6]
        )
    if name == "functional":

        def pool(h: torch.Tensor) -> torch.Tensor:
            return F.max_pool2d(F.relu(h), 2)

        last = [lambda h: F.relu(model.fc1(h)), lambda h: F.log_softmax(model.fc2(h), 1)]
        return lambda x: chain(x, model.conv1, pool, model.conv2, lambda h: pool(h).flatten(1), *last)
    if name == "lstm of floats":
        return lambda x: chain(x, lambda h: model.lstm(h)[1][0].movedim(1, 0), lambda h: h[:, -1], model.head)
    raise KeyError(name)


def chain(x: torch.Tensor, *parts: Callable) -> list[torch.Tensor]:
    states = [x]
    for part in parts:
        states.append(part(states[-1]))
    return states


@pytest.mark.parametrize(
    "name",
    [
        *("in-place module", "in-place function", "in place through a view", "in place on the input", "attention"),
        *("transformer, post-norm", "transformer, pre-norm", "direct forward", "shared", "residual", "functional"),
        *("lstm of floats", "added in place", *HOLDERS),
    ],
)
def test_states_and_gradients_are_those_of_a_pass_written_by_hand(name):
    model, batch = make(name)
    with untouched(model):
        blocks = cut(model, batch)
        plain = hand_written(name, model)
        with torch.no_grad():
            states = plain(batch)
        found = capture(blocks, batch)
        assert len(found.states) == len(states)
        for k, (one, other) in enumerate(zip(found.states, states)):
            exact = name != "residual" or k < 5  # the mean over an image is added up in another order
            assert torch.equal(one, other) if exact else torch.allclose(one, other, atol=1e-6), k
            assert one.shape == other.shape
        states = plain(batch.clone().requires_grad_())
        found = capture(blocks, batch, gradients=True)
        wanted = torch.autograd.grad(states[-1].square().sum(), states)
        given = torch.autograd.grad(found.states[-1].square().sum(), flat(found.taps))
        for k, (one, other) in enumerate(zip(given, wanted, strict=True)):
            axis = [blocks.start, *(b.end for b in blocks.blocks)][k].axis
            torch.testing.assert_close(one.movedim(axis, 0), other, rtol=2e-5, atol=1e-7)
        inner = range(1, len(states))
        assert all(float(wanted[k].abs().max()) > 0 for k in inner)


def flat(taps: list[list[torch.Tensor]]) -> list[torch.Tensor]:
    return [t for some in taps for t in some]


def test_every_input_is_a_state_and_a_tap():
    model, (left, right) = make("siamese")
    blocks, found = taken(model, {"left": left, "right": right}, gradients=True)
    assert torch.equal(found.states[0], torch.cat([left, right], 1))
    given = torch.autograd.grad(found.outputs.sum(), found.taps[0])
    leaves = [t.clone().requires_grad_() for t in (left, right)]
    with untouched(model):
        wanted = torch.autograd.grad(model(*leaves).sum(), leaves)
    assert all(torch.equal(a, b) for a, b in zip(given, wanted, strict=True))
    assert blocks.blocks[0].name == "encoder#1 … encoder#2"


def test_tokens_begin_at_the_output_of_their_embedding():
    model, ids = make("tokens")
    blocks, found = taken(model, ids, gradients=True)
    assert torch.equal(found.states[0], model.embedding(ids))
    (given,) = torch.autograd.grad(found.outputs.sum(), found.taps[0])
    assert float(given.abs().max()) > 0
    assert [b.name for b in blocks.blocks[:3]] == [f"encoder.layers.{l}" for l in range(3)]


def test_gradients_reach_frozen_embeddings():
    model, ids = make("lstm")
    model.embedding.requires_grad_(False)
    _, found = taken(model, ids, gradients=True)
    (given,) = torch.autograd.grad(found.outputs.sum(), found.taps[0])
    assert float(given.abs().max()) > 0


def test_conditions_and_masks_are_no_part_of_the_state():
    model, batch = make("conditional")
    blocks, found = taken(model, batch)
    assert torch.equal(found.states[0], batch[0])
    assert len(blocks.blocks) == 4
    model, batch = make("masked tokens")
    blocks, found = taken(model, batch)
    assert torch.equal(found.states[0], model.embedding(batch[0]))


def test_untrained_batch_normalisation_is_that_of_the_batch_and_dropout_is_off():
    model, batch = make("batch normalised")
    model.eval()
    _, found = taken(model, batch)
    conv = F.conv2d(batch, model[0].weight, padding=1)
    normed = F.relu(F.batch_norm(conv, None, None, model[1].weight, model[1].bias, training=True))
    assert torch.equal(found.states[1], normed)
    _, again = taken(model.train(), batch)
    assert torch.equal(again.states[-1], found.states[-1])
    assert int(model[1].num_batches_tracked) == 0


def test_stochastic_depth_is_off():
    model, batch = make("stochastic depth")
    _, found = taken(model.train(), batch)
    _, other = taken(make("residual")[0], batch)
    assert all(torch.equal(a, b) for a, b in zip(found.states, other.states, strict=True))


def test_states_that_are_written_over_are_copied_and_others_are_not():
    model, batch = make("in-place module")
    blocks, found = taken(model, batch, blocks=["0", "1"])
    assert [b.end.written for b in blocks.blocks] == [True, False, False]
    assert torch.equal(found.states[1], model[0](batch))
    assert torch.equal(found.states[2], F.relu(found.states[1]))


def test_weights_that_are_computed_are_found():
    model, batch = make("parametrised")
    blocks, _ = taken(model, batch)
    assert [b.weighty for b in blocks.blocks] == [True] * 5


class Compiled(nn.Module):
    def __init__(self, module: nn.Module):
        super().__init__()
        self.part = torch.compile(module)
        self.head = head(3)

    def forward(self, x):
        return self.head(self.part(x))


def test_wrappers_are_taken_off():
    model, batch = make("mlp")
    plain = taken(model, batch)[1].states
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wrapped = [torch.compile(model), nn.DataParallel(model), nn.DataParallel(torch.compile(model))]
    for each in wrapped:
        assert unwrap(each) is model
        assert all(torch.equal(a, b) for a, b in zip(taken(unwrap(each), batch)[1].states, plain, strict=True))
    blocks, found = taken(seeded(lambda: Compiled(model)), batch)
    assert len(blocks.blocks) == 6
    assert all(torch.equal(a, b) for a, b in zip(found.states, plain))


class FullyShardedDataParallel(nn.Linear):
    """Of that name, as the one that needs several processes."""


class FSDPModule:
    pass


class FSDPLinear(FSDPModule, nn.Linear):
    pass


def scripted() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.script(nn.Linear(10, 10))


def quantised() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.ao.nn.quantized.dynamic import Linear
    return Linear(10, 10)


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        (scripted, "TorchScript"),
        (lambda: FullyShardedDataParallel(10, 10), "several devices"),
        (lambda: FSDPLinear(10, 10), "several devices"),
        (lambda: nn.Linear(10, 10, device="meta"), "weight is on the meta device"),
        (lambda: nn.BatchNorm1d(10, affine=False, device="meta"), "running_mean is on the meta device"),
        (lambda: nn.LazyLinear(10), "weight has no shape yet"),
        (quantised, "quantised"),
    ],
)
def test_what_cannot_be_captured_is_refused_by_name(part, reason):
    model = nn.ModuleDict({"layers": nn.Sequential(nn.Linear(10, 10), part())})
    with pytest.raises(InfoflowError, match=rf"^check: module layers\.1, \w+: .*{reason}") as refused:
        unwrap(model)
    assert "\n" not in str(refused.value)


def test_something_else_than_a_module_is_refused():
    with pytest.raises(InfoflowError, match="function is not a torch.nn.Module"):
        unwrap(lambda x: x)


def failing(where: str) -> nn.Module:
    def fail(self, x):
        if where == "always" or len(x) > 5:
            self.count += 1
            raise RuntimeError("too hot\nin here")
        return x

    return nn.Sequential(nn.Linear(10, 10), nn.Sequential(nn.BatchNorm1d(10), Forward(fail, count=0)), head())


@pytest.mark.parametrize("where", ["always", "with the whole batch"])
def test_a_module_that_fails_is_named_and_everything_put_back(where):
    model, batch = failing(where), vectors()
    before, state = record_of(model), torch.get_rng_state()
    with pytest.raises(InfoflowError) as failed:
        taken(model, batch)
    assert str(failed.value) == "check: module 1.1, Forward, fails when it is called: RuntimeError: too hot"
    assert_same(before, record_of(model))
    assert torch.equal(state, torch.get_rng_state())
    assert torch.backends.mha.get_fastpath_enabled()


def test_a_batch_that_does_not_fit_names_the_module_that_it_reaches():
    with pytest.raises(InfoflowError, match=r"^check: module 0, Linear, fails when it is called: RuntimeError: mat1"):
        taken(mlp(), torch.randn(8, 9))
    with pytest.raises(InfoflowError, match=r"^check: module 1, BatchNorm1d, fails .*Expected more than 1 value"):
        taken(nn.Sequential(nn.Linear(10, 4), nn.BatchNorm1d(4)), torch.randn(1, 10))
    with pytest.raises(InfoflowError, match=r"^check: model Sequential fails when it is called: TypeError"):
        taken(mlp(), (vectors(), vectors()))


def changing(change: Callable) -> nn.Module:
    def forward(self, x):
        change(self.layer.weight)
        return self.head(torch.tanh(self.layer(x)))

    return Forward(forward, layer=nn.Linear(10, 10), head=head())


def replace_data(weight: nn.Parameter) -> None:
    weight.data = F.normalize(weight.data)


@pytest.mark.parametrize("change", [lambda w: w.data.clamp_(-0.1, 0.1), lambda w: w.detach().mul_(2.0)])
def test_a_model_that_changes_its_weights_is_refused_before_it_does(change):
    model = changing(change)
    before = record_of(model)
    with pytest.raises(InfoflowError, match="changes its own parameter layer.weight"):
        taken(model, vectors())
    assert_same(before, record_of(model))


def test_weights_that_are_replaced_are_put_back():
    model = changing(replace_data)
    before = record_of(model)
    _, found = taken(model, vectors())
    assert len(found.states) == 3
    assert_same(before, record_of(model))


def test_a_bounded_embedding_is_bounded_and_put_back():
    model, ids = make("bounded embedding")
    _, found = taken(model, ids)
    assert float(found.states[0].norm(dim=-1).max()) < 0.51 < float(model[0].weight.detach().norm(dim=-1).min())


def test_random_numbers_of_a_generator_of_the_models_own_are_put_back():
    def forward(self, x):
        noise = torch.randn(x.shape, generator=self.generator)
        return self.second(torch.tanh(self.first(x) + noise))

    model = Forward(forward, first=nn.Linear(10, 10), second=head(), generator=torch.Generator().manual_seed(1))
    before = model.generator.get_state()
    blocks, _ = taken(model, vectors())
    assert len(blocks.blocks) == 2
    assert torch.equal(before, model.generator.get_state())


def test_within_inference_mode_gradients_can_be_had():
    model, batch = make("residual")
    with torch.inference_mode():
        with untouched(model):
            found = capture(cut(model, batch), batch, gradients=True)
            given = torch.autograd.grad(found.outputs.sum(), flat(found.taps))
        assert torch.is_inference_mode_enabled()
    assert all(float(g.abs().max()) > 0 for g in given)


def test_a_state_with_the_samples_on_its_second_axis_has_them_first():
    model, batch = make("sequence first")
    blocks, found = taken(model, batch)
    assert [b.end.axis for b in blocks.blocks] == [1, 1, 0, 0]
    with untouched(model):
        x = model.encoder.layers[0](batch.transpose(0, 1))
    assert torch.equal(found.states[1], x.transpose(0, 1))


def test_the_axis_of_the_samples_is_not_mistaken_for_another_of_the_same_size():
    model = make("sequence first")[0]
    blocks, found = taken(model, torch.randn(SAMPLES, 5, 16))
    assert blocks.blocks[0].end.axis == 1
    assert all(len(s) == SAMPLES for s in found.states)


def test_blocks_of_another_batch_are_refused_when_they_are_called_another_way():
    def forward(self, x):
        return self.head(torch.tanh(self.layer(x) if len(x) < 6 else x))

    with pytest.raises(InfoflowError, match="block layer is called another way"):
        taken(Forward(forward, layer=nn.Linear(10, 10), head=head()), vectors())


def test_sizes_and_parts_of_batches():
    class Batch(dict):
        pass

    batch = Batch(ids=tokens(), more=(vectors(), "as it is"))
    assert size(batch) == SAMPLES
    few = take(batch, slice(0, 3))
    assert few["ids"].shape == (3, 7)
    assert few["more"][0].shape == (3, 10)
    assert few["more"][1] == "as it is"
    with pytest.raises(InfoflowError, match="has no tensor"):
        size({"x": [1, 2]})
    with pytest.raises(InfoflowError, match="has tensors of 4, 12 samples"):
        size((vectors(), torch.zeros(4)))
    with pytest.raises(InfoflowError, match="has tensors of 0, 12 samples"):
        taken(mlp(), (vectors(), torch.tensor(1.0)))


def test_all_inputs_may_be_one_number_per_sample():
    model = Forward(lambda self, x, y: self.net(torch.stack([x, y], 1)), net=mlp(inputs=2))
    batch = torch.randn(SAMPLES), torch.randn(SAMPLES)
    _, found = taken(model, batch)
    assert torch.equal(found.states[0], torch.stack(batch, 1))


@pytest.mark.parametrize(
    ("forward", "reason"),
    [
        (lambda self, x: self.net(x).argmax(1), "gives no tensor of floating numbers"),
        (lambda self, x: self.net(x).mean(), "no floating output of Forward has an axis of 5 samples"),
        (lambda self, x: self.net(torch.ones(len(x), 10)), "no floating output of Forward depends on the inputs"),
        (lambda self, x: x, "Forward gives what it gets"),
    ],
)
def test_outputs_that_say_nothing_of_the_samples_are_refused(forward, reason):
    with pytest.raises(InfoflowError, match=reason):
        taken(Forward(forward, net=mlp()), vectors())


def reentrant(self, x):
    return self.head(checkpoint(self.layer, x, use_reentrant=True))


def stateful(self, x):
    self.state = torch.tanh(self.layer(x) + (0 if self.state is None else self.state))
    return self.head(self.state)


def branching(self, x):
    return self.head(torch.cond(x.sum() > 0, torch.sin, torch.cos, (self.layer(x),)))


def through_numpy(self, x):
    return self.head(torch.from_numpy(np.tanh(self.layer(x).detach().numpy())))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("forward", "reason"),
    [
        (reentrant, r"^check: the model calls torch.utils.checkpoint; give it use_reentrant=False$"),
        (
            stateful,
            r"^check: model Forward fails when it is called: RuntimeError: The size of tensor a \(12\) must match",
        ),
        (branching, r"^check: model Forward fails when it is called: NotImplementedError: .* HigherOrderOperator cond"),
        (through_numpy, r"^check: no floating output of Forward depends on the inputs by way of torch's operations$"),
        (lambda self, x: self.missing(x), r"^check: model Forward fails when it is called: AttributeError: .*missing"),
        (lambda self, x: self.layer(x, x), r"^check: module layer, Linear, fails .*TypeError"),
        (lambda self, x: self.head(self.layer(x).sum(0)), r"^check: no floating output of Forward has an axis of 5"),
        (lambda self, x: torch.fft.fft(self.layer(x)), r"^check: the model gives no tensor of floating numbers$"),
        (lambda self, x: None, r"^check: the model gives no tensor of floating numbers$"),
    ],
)
def test_what_fails_on_the_way_is_refused_in_one_line(forward, reason):
    model = Forward(forward, layer=nn.Linear(10, 10), head=head(), state=None)
    before = record_of(model)
    with pytest.raises(InfoflowError, match=reason) as refused:
        taken(model, vectors(), gradients=True)
    assert "\n" not in str(refused.value)
    assert_same(before, record_of(model))


def test_no_compiler_is_imported():
    code = (
        "import sys, torch\n"
        "from infoflow.modules.capture import capture, cut, untouched\n"
        "model, x = torch.nn.Linear(3, 2), torch.randn(6, 3)\n"
        "with untouched(model): capture(cut(model, x), x, gradients=True)\n"
        "print('torch._dynamo' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout == "False\n"


def test_images_are_states_with_their_shapes():
    model, batch = make("residual")
    _, found = taken(model, batch)
    assert found.states[0] is batch or torch.equal(found.states[0], batch)
    assert [tuple(s.shape[1:]) for s in found.states] == [(3, 8, 8), *[(8, 6, 6)] * 4, (8,), (3,)]
    assert images().shape == batch.shape
    assert sequences().shape == (SAMPLES, 7, 16)
