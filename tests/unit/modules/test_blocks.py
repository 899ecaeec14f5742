"""Where networks are cut, and that blocks are proved."""

import itertools

import pytest
import torch
from torch import nn

from infoflow.errors import InfoflowError
from infoflow.modules.blocks import INPUT, OUTPUT, Block, _Finder, _Part, find_blocks
from infoflow.modules.capture import call, cut, untouched
from infoflow.modules.trace import trace
from odd_networks import HOLDERS, ODD, Forward, added_in_place, head, linears, make, mlp, residual, transformer, vectors

LAYERS = ["layers.0", "layers.1", "layers.2"]
POOLED = "max_pool2d_with_indices"
FOUND = {
    "mlp": ["0", "2", "4", "6", "8"],
    "in-place module": ["0", "2", "4"],
    "in-place function": [*LAYERS, "head"],
    "in place on the input": [f"net.{l}" for l in (0, 2, 4, 6, 8)],
    "in place through a view": ["first", "second"],
    "transformer, post-norm": ["encoder.layers.0", "encoder.layers.1", "mean", "head"],
    "transformer, pre-norm": ["encoder.layers.0", "encoder.layers.1", "mean", "head"],
    "sequence first": ["encoder.layers.0", "encoder.layers.1", "mean", "head"],
    "attention": ["layers.0", "layers.1", "mean", "head"],
    "direct forward": [*LAYERS, "head"],
    "shared": ["layer#1", "layer#2", "layer#3", "head"],
    "recursive": [*(f"0.layer#{k}" for k in range(1, 6)), "1"],
    **{name: [*(f"{l}.linear" for l in LAYERS), "head"] for name in HOLDERS},
    "iterated containers": ["features.0", "features.2", "features.4", "heads.first"],
    "batch normalised": ["0", "3", "4", "7", "10"],
    "residual": ["0", "1", "2", "3", "4", "6"],
    "stochastic depth": ["0", "1", "2", "3", "4", "6"],
    "tokens": [*(f"encoder.{l}" for l in LAYERS), "sum", "head"],
    "bounded embedding": ["2"],
    "lstm": ["lstm", "select", "head"],
    "lstm of floats": ["lstm", "select", "head"],
    "lengths": ["rnn", "first", "second"],
    "cells": ["cell#1 … cell#7", "head"],
    "u-net": ["inc", "down … up2", "merge2", "out"],
    "siamese": ["encoder#1 … encoder#2", "head.0", "head.2"],
    "siamese, by name": ["encoder#1 … encoder#2", "head.0", "head.2"],
    "functional": ["conv1", POOLED, "conv2", f"{POOLED} (2)", "fc1", "fc2"],
    "parametrised": ["0", "2", "4", "6", "8"],
    "keeping": ["first", "second"],
    "building": ["first", "second", "head"],
    "catching": ["first", "second"],
    "random inside": ["first", "second"],
    "other random numbers": ["first", "second"],
    "several outputs": ["layers.0", "layers.1", "heads.1"],
    "variational": ["encoder.0", "encoder.2", "add", "decoder.0", "decoder.2"],
    "no chain": ["a … layers.1", "head"],
    "experts": ["0", "1", "2", "3"],
    "graph": [*LAYERS, "mean", "head"],
    "flow": [*(f"field#{k}" for k in range(1, 5)), "head"],
    "added in place": ["first", *LAYERS, "head"],
    "einsum": ["0", "1", "3"],
    "fourier": ["0", "1", "3"],
    "dense": [*LAYERS, "head"],
    "perceiver": ["cross.0 … cross.1", "own.0", "own.1", "mean", "head"],
    "list of outputs": ["layers.0"],
    "conditional": [*LAYERS, "head"],
    "memory": ["layers.0", "layers.1", "head"],
    "counting": ["first", "second"],
    "masked tokens": [*LAYERS, "sum", "head"],
    "frozen weights": ["0", "2", "4", "6", "8"],
    "class token": ["patches", "add", "encoder.layers.0", "encoder.layers.1", "select", "head"],
    "vmap": ["first", "second"],
    "own function": ["first", "second"],
    "gradient inside": ["energy", "head"],
    "scripted function": ["first", "second"],
    "checkpointed": [*(f"{l}.0" for l in LAYERS), "head"],
    "sparse": ["first#1 … first#5", "second"],
    "nested": ["first", "second"],
    "mixed precision": ["layers.0", "layers.1", "head"],
    "hooked": ["0", "2", "4", "6", "8"],
    "auxiliary loss": [*LAYERS, "head"],
    "list of inputs": [f"net.{l}" for l in (0, 2, 4, 6, 8)],
    "constant output": [f"net.{l}" for l in (0, 2, 4, 6, 8)],
    **{name: ["0", "2", "4", "6", "8"] for name in ("float64", "bfloat16", "float16")},
}


def blocks_of(model: nn.Module, batch, **options) -> list[Block]:
    with untouched(model):
        return list(cut(model, batch, **options).blocks)


def names_of(*args, **options) -> list[str]:
    return [b.name for b in blocks_of(*args, **options)]


@pytest.mark.parametrize("name", [*ODD])
def test_the_blocks_of_odd_networks(name):
    assert names_of(*make(name)) == FOUND[name]


def test_blocks_know_their_kind_and_their_modules():
    blocks = blocks_of(*make("batch normalised"))
    assert [(b.kind, b.modules, b.weighty) for b in blocks] == [
        ("Conv2d", ("0",), True),
        ("MaxPool2d", ("3",), False),
        ("Conv2d", ("4",), True),
        ("AdaptiveAvgPool2d", ("7",), False),
        ("Linear", ("10",), True),
    ]
    blocks = blocks_of(*make("residual"))
    assert blocks[1].kind == "Residual"
    assert blocks[1].modules == ("1", "1.conv1", "1.bn1", "1.conv2", "1.bn2")
    blocks = blocks_of(*make("functional"))
    assert [b.kind for b in blocks] == ["Conv2d", POOLED, "Conv2d", POOLED, "Linear", "Linear"]
    assert blocks_of(*make("siamese"))[0].kind == "Forward"


def test_a_model_that_is_one_block():
    def forward(self, x):
        return self.a(x) + self.b(x)

    model = Forward(forward, a=nn.Linear(10, 3), b=nn.Linear(10, 3))
    (block,) = blocks_of(model, vectors())
    assert (block.name, block.kind, block.modules) == ("a … b", "Forward", ("a", "b"))
    (block,) = blocks_of(nn.Linear(10, 3), vectors())
    assert (block.name, block.kind, block.modules) == ("model", "Linear", ("",))


@pytest.mark.parametrize("given", ["3", ["3"], ("3", "3")])
def test_blocks_by_name(given):
    assert names_of(mlp(), vectors(), blocks=given) == ["3", "4 … 8"]


def test_blocks_by_name_end_where_they_are_told():
    model, batch = make("residual")
    blocks = blocks_of(model, batch, blocks=["3", "1"])
    assert [b.name for b in blocks] == ["1", "3", "6"]
    assert [b.end.module for b in blocks] == [model[1], model[3], None]
    assert blocks[0].modules == ("0", "1.conv1", "1.bn1", "1.conv2", "1.bn2")


def test_blocks_by_name_of_tokens_and_of_shared_modules():
    model, batch = make("tokens")
    assert names_of(model, batch, blocks=["encoder.layers.1", "encoder"]) == ["encoder.layers.1", "encoder", "head"]
    model, batch = make("shared")
    assert names_of(model, batch, blocks=["layer"]) == ["layer#1", "layer#2", "layer#3", "head"]


@pytest.mark.parametrize(
    ("model", "batch", "name", "said"),
    [
        (mlp, vectors, "88", "no module 88 is called; did you mean 8?"),
        (mlp, vectors, "layers", "no module layers is called"),
        (
            lambda: make("iterated containers")[0],
            vectors,
            "features",
            "no module features is called; did you mean features.4?",
        ),
        (
            lambda: make("in-place function")[0],
            vectors,
            "layer.1",
            "no module layer.1 is called; did you mean layers.1?",
        ),
        (
            residual,
            lambda: make("residual")[1],
            "2.conv1",
            "the network cannot be cut behind 2.conv1: something else that depends on the input passes it by; "
            "cut behind 2 instead",
        ),
        (
            lambda: make("no chain")[0],
            vectors,
            "a",
            "the network cannot be cut behind a: something else that depends on the input passes it by",
        ),
    ],
)
def test_names_that_are_no_blocks_are_refused_with_a_suggestion(model, batch, name, said):
    with pytest.raises(InfoflowError) as refused:
        blocks_of(model(), batch(), blocks=[name])
    assert str(refused.value).startswith(f"check: blocks: {said}")
    assert "\n" not in str(refused.value)


def finder_of(model: nn.Module, batch: torch.Tensor) -> _Finder:
    record, root, _ = trace(model, lambda inputs: call(model, inputs), batch)
    return _Finder(record, root, len(batch))


def test_a_block_that_is_bypassed_cannot_be_proved():
    model, batch = make("residual")
    with untouched(model):
        finder = finder_of(model, batch[:5])
        parts = finder.split(finder.root)
        for part in parts:
            finder.prove(part)
        (block,) = [c for c in finder.calls if c.name == "1"]
        # from the first convolution to the end of the block: the bypass is left out
        (conv,) = [c for c in finder.calls if c.name == "1.conv1"]
        state = next(iter(conv.end.tensors.values()))
        start = parts[1].start.__class__(conv.end.time, state, parts[1].start.place)
        with pytest.raises(
            InfoflowError, match=r"block 1 depends on the input by another way than the state before it"
        ):
            finder.prove(_Part(start, parts[1].end, (block,), finder.root))


def test_every_proof_can_fail():
    model, batch = make("mlp")
    with untouched(model):
        finder = finder_of(model, batch[:5])
        parts = finder.split(finder.root)
        for part in parts:
            record, end = finder.record, part.end
            record.saved[id(end.tensor), 0] = end.tensor + 1e-6
            record.writes[id(end.tensor)] = [end.time]
            with pytest.raises(InfoflowError, match="run again on what it got, gives something else"):
                finder.prove(part)


@torch.library.custom_op("infoflow_test::forgetful", mutates_args=())
def forgetful(x: torch.Tensor) -> torch.Tensor:
    """Something else with every call."""
    return x * next(COUNT)


COUNT = itertools.count(1)


def test_a_state_outside_of_the_model_is_refused_by_the_name_of_the_block():
    model = Forward(lambda self, x: self.head(forgetful(self.layer(x))), layer=nn.Linear(10, 10), head=head())
    with pytest.raises(InfoflowError, match="block layer, run again on what it got, gives something else"):
        blocks_of(model, vectors())


def test_numbers_that_are_not_finite_are_proved_as_well():
    def forward(self, x):
        return self.head(torch.log(self.layer(x)))

    model = Forward(forward, layer=nn.Linear(10, 10), head=head())
    assert names_of(model, vectors()) == ["layer", "head"]


def test_places_are_before_or_behind_calls():
    model, batch = make("flow")
    with untouched(model):
        found = cut(model, batch)
    assert found.start.module is None
    assert [(b.end.side, b.end.number) for b in found.blocks[:3]] == [(INPUT, 1), (INPUT, 2), (INPUT, 3)]
    assert found.blocks[-1].end.side == OUTPUT
    assert found.blocks[-1].end.module is model.head


@pytest.mark.parametrize("build", [added_in_place, lambda: make("in-place function")[0]])
def test_blocks_know_whether_their_states_are_written_over(build):
    blocks = blocks_of(build(), vectors())
    assert any(b.end.written for b in blocks) == (build is added_in_place)


def test_deep_networks_are_cut_everywhere():
    depth = 120

    def forward(self, x):
        for layer in self.layers:
            x = torch.relu_(layer(x))
        return self.head(x)

    model = Forward(forward, layers=linears(depth), head=head())
    assert len(blocks_of(model, vectors())) == depth + 1


def test_blocks_of_a_transformer_have_no_parts():
    blocks = blocks_of(transformer(False), torch.randn(6, 7, 16))[:2]
    assert [b.kind for b in blocks] == ["TransformerEncoderLayer"] * 2
    # the fast path would call none of them
    assert {"encoder.layers.0.self_attn", "encoder.layers.0.linear2"} < {*blocks[0].modules}


def test_find_blocks_tells_of_inputs_without_an_axis_of_samples():
    model = mlp()
    with untouched(model):
        record, root, _ = trace(model, lambda inputs: call(model, inputs), vectors())
        with pytest.raises(InfoflowError, match="no floating output of Sequential has an axis of 99 samples"):
            find_blocks(record, root, 99)
