"""What a recorded pass knows: carriers, what leads to the output, values before they were written over."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from infoflow.errors import InfoflowError
from infoflow.modules.trace import Trace, around, informative, replica, tensors_of, trace, walk
from odd_networks import SAMPLES, Forward, Frozen, Output, head, linears, make, mlp, tokens, vectors


def traced(model: nn.Module, inputs):
    args = inputs if isinstance(inputs, tuple) else (inputs,)
    return trace(model, lambda given: model(*args), inputs)


def names_of(record: Trace, times) -> list[str]:
    return [record.operations[t].function.overloadpacket.__name__ for t in sorted(times)]


def test_calls_are_a_tree_with_numbers():
    model, batch = make("recursive")
    _, root, outputs = traced(model, batch)
    assert (root.name, root.number, root.module) == ("", 0, model)
    assert tensors_of(outputs)[0] is next(iter(root.end.tensors.values()))
    (inner, last) = root.calls
    assert (inner.name, inner.number, last.name) == ("0", 0, "1")
    assert [(c.name, c.number) for c in inner.calls] == [("0.layer", 0), ("0", 1), ("0.layer", 4)]
    assert [(c.name, c.number) for c in inner.calls[1].calls] == [("0.layer", 1), ("0", 2), ("0.layer", 3)]


def test_forward_is_recorded_when_it_is_called_directly():
    model, batch = make("direct forward")
    _, root, _ = traced(model, batch)
    assert [c.name for c in root.calls] == ["layers.0", "layers.1", "layers.2", "head"]


def test_calls_that_fail_have_no_end_and_no_successors_within():
    model, batch = make("catching")
    _, root, _ = traced(model, batch)
    broken, first, second = root.calls
    assert broken.end is None
    assert [c.name for c in broken.calls] == ["broken.linear"]
    assert (first.calls, second.calls) == ([], [])


def test_the_method_forward_is_put_back():
    model, batch = make("mlp")
    own = lambda x: 2 * x  # noqa: E731
    model[1].forward = own
    held = [dict(m.__dict__) for m in model.modules()]
    traced(model, batch)
    with pytest.raises(RuntimeError):
        traced(model, torch.zeros(3, 4))
    assert [m.__dict__ for m in model.modules()] == held
    assert model[1].forward is own
    assert "forward" not in model[0].__dict__


def test_around_sees_arguments_and_stands_for_the_result():
    layer, seen = nn.Linear(3, 2), []

    def run(module, forward, args, kwargs):
        seen.append((module, args, kwargs))
        return forward(*args, **kwargs) * 0

    x = torch.randn(4, 3)
    with around([layer], run):
        assert not layer(input=x).any()
        assert not layer.forward(x).any()
    assert layer(x).any()
    assert [(m is layer, len(a), len(k)) for m, a, k in seen] == [(True, 0, 1), (True, 1, 0)]


def test_a_class_may_have_a_call_of_its_own():
    class Direct(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = mlp()

        def __call__(self, x):
            return self.net(x)

    _, root, outputs = traced(Direct(), vectors())
    assert (root.name, [c.name for c in root.calls]) == ("", ["net"])
    assert [*root.end.tensors.values()] == [outputs]


def test_masks_of_tokens_are_no_carriers():
    masks = []

    def forward(self, ids):
        mask = (ids > 0).float()
        masks.append(mask)
        return self.head((self.embedding(ids) * mask[..., None]).sum(1) / mask.sum(1, keepdim=True))

    model = Forward(forward, embedding=nn.Embedding(20, 10), head=head())
    record, root, outputs = traced(model, tokens())
    embedded = next(iter(root.calls[0].end.tensors.values()))
    assert id(masks[0]) not in record.carriers
    assert {id(embedded), id(outputs)} <= {*record.carriers}
    assert not record.inputs


def test_only_what_leads_to_the_output_counts():
    model, batch = make("several outputs")
    record, root, outputs = traced(model, batch)
    record.lead_to(outputs["scores"])
    state = next(iter(root.calls[1].start.tensors.values()))
    assert record.is_cut(state, root.calls[1].start.time)
    every, needed = len(record.operations), len(record.needed)
    assert needed < every
    record.lead_to(outputs["early"])
    assert names_of(record, record.needed) == ["t", "addmm", "tanh", "t", "addmm"]
    assert not record.is_cut(outputs["state"], record.carriers[id(outputs["state"])])


def test_two_ways_are_no_cut():
    model, batch = make("residual")
    record, root, outputs = traced(model.eval(), batch)
    record.lead_to(outputs)
    whole = root.calls[1]
    conv = whole.calls[0]
    assert record.is_cut(next(iter(whole.start.tensors.values())), whole.start.time)
    assert record.is_cut(next(iter(whole.end.tensors.values())), whole.end.time)
    assert not record.is_cut(next(iter(conv.end.tensors.values())), conv.end.time)


def test_running_statistics_are_no_way_through_the_network_but_other_buffers_are():
    model, batch = make("batch normalised")
    record, _, _ = traced(model, batch)
    assert not {id(b) for b in model.buffers()} & {*record.carriers}
    model, batch = make("memory")
    record, root, outputs = traced(model, batch)
    record.lead_to(outputs)
    assert id(model.memory) in record.carriers
    _, second, last = root.calls
    assert not record.is_cut(next(iter(second.start.tensors.values())), second.start.time)
    assert record.is_cut(next(iter(last.start.tensors.values())), last.start.time)


def test_a_normalisation_that_is_called_twice_joins_nothing():
    """The second call reads the running statistics that the first one wrote."""

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
            x = torch.ops.aten._native_batch_norm_legit(x, None, None, self.mean, self.variance, True, 0.1, 1e-5)[0]
        return self.head(x)

    model = Forward(forward, layers=linears(), head=head())
    model.register_buffer("mean", torch.zeros(10))
    model.register_buffer("variance", torch.ones(10))
    record, root, outputs = traced(model, vectors())
    record.lead_to(outputs)
    assert id(model.mean) in record.writes
    assert all(record.is_cut(next(iter(c.start.tensors.values())), c.start.time) for c in root.calls)


def test_values_before_they_were_written_over():
    model = nn.Sequential(nn.Linear(10, 4), nn.ReLU(inplace=True))
    x = vectors()
    record, root, _ = traced(model, x)
    end = root.calls[0].end
    (tensor,) = end.tensors.values()
    assert record.is_written(tensor, end.time)
    assert not record.is_written(tensor, end.time + 1)
    assert torch.equal(record.value(tensor, end.time), model[0](x))
    assert torch.equal(record.value(tensor, end.time + 1), F.relu(model[0](x)))


def test_replay_with_the_same_random_numbers_and_without_touching_buffers():
    model, batch = make("random inside")
    record, root, outputs = traced(model, batch)
    record.lead_to(outputs)
    (given,) = root.start.tensors.values()
    made = record.replay(0, len(record.operations), {id(given): given})
    assert torch.equal(made[id(outputs)], outputs)
    model, batch = make("counting")
    record, root, outputs = traced(model, batch)
    record.lead_to(outputs)
    (given,) = root.start.tensors.values()
    for _ in range(2):
        made = record.replay(0, len(record.operations), {id(given): given})
        assert torch.equal(made[id(outputs)], outputs)
        assert float(model.count) == 1


def test_replay_on_something_else_gives_something_else():
    model, batch = make("mlp")
    record, root, outputs = traced(model, batch)
    record.lead_to(outputs)
    (given,) = root.start.tensors.values()
    other = torch.randn(SAMPLES, 10, generator=torch.Generator().manual_seed(5))
    made = record.replay(0, len(record.operations), {id(given): other})
    torch.testing.assert_close(made[id(outputs)], model(other).detach())
    with pytest.raises(KeyError):
        record.replay(0, len(record.operations), {})


def test_weights_are_matrices_that_carriers_meet():
    model, batch = make("tokens")
    record, root, outputs = traced(model.eval(), batch)
    record.lead_to(outputs)
    by_name = {c.name: c for c in root.calls}
    heavy = {n: record.reads_weights(c.start.time, c.end.time) for n, c in by_name.items()}
    assert heavy == {"embedding": True, "position": False, "encoder": True, "head": True}


def test_weights_are_not_written_to():
    model = mlp()
    held = model[0].weight.detach().clone()

    class Writes(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = model

        def forward(self, x):
            with torch.no_grad():
                self.net[0].weight[0].zero_()
            return self.net(x)

    with pytest.raises(InfoflowError, match=r"changes its own parameter net.0.weight when it is called \(zero_\)"):
        traced(Writes(), vectors())
    assert torch.equal(model[0].weight, held)


def test_inputs_that_tell_samples_apart():
    x, ids = torch.randn(6, 4), torch.arange(24).view(6, 4)
    mask, added = (ids % 3 > 0).float(), torch.zeros(6, 1, 1, 4)
    added[0, 0, 0, 0] = -1e9
    assert [*informative(x)] == [()]
    assert [*informative(mask)] == [()]
    assert [*informative((x, mask))] == [(0,)]
    assert [*informative({"ids": ids, "mask": mask})] == []
    assert [*informative((ids, added))] == []
    assert [*informative((x, torch.full((6, 2), 0.3)))] == [(0,)]
    assert [*informative((x, x + 1))] == [(0,), (1,)]
    assert [*informative((mask, mask.flip(0)))] == [(0,), (1,)]
    assert [*informative((torch.ones(6, 9).tril(), torch.arange(6)))] == [(0,)]
    assert [*informative((ids > 3, x))] == [(1,)]
    assert [*informative((ids > 3, mask))] == [(1,)]


def test_walk_finds_every_tensor_with_its_path():
    a, b, c, d = (torch.zeros(k) for k in range(1, 5))
    content = {"x": (a, [b, None, 3]), "y": Output(c, (d,)), "z": Frozen(a)}
    found = [(path, len(t)) for path, t in walk(content)]
    assert found == [
        *((("x", 0), 1), (("x", 1, 0), 2), (("y", "scores"), 3), (("y", "states", 0), 4), (("z", "state"), 1))
    ]
    assert [len(t) for t in tensors_of(content)] == [1, 2, 3, 4, 1]


@pytest.mark.parametrize(
    "make_it",
    [
        lambda x: x,
        lambda x: x.t(),
        lambda x: x[:, ::2],
        lambda x: x[1:, 0],
        lambda x: x[:1].expand(5, -1),
        lambda x: x.flatten().as_strided((3, 3), (1, 1)),
        lambda x: x.view(2, 2, 3, 1).to(memory_format=torch.channels_last),
        lambda x: x.new_zeros(()),
        lambda x: x.to_sparse(),
    ],
)
def test_replicas_have_the_same_values_and_strides(make_it):
    tensor = make_it(torch.arange(12.0).view(4, 3))
    copied = replica(tensor)
    assert torch.equal(copied.to_dense(), tensor.to_dense())
    if tensor.layout == torch.strided:
        overlapping = tensor.stride() == (1, 1)
        assert overlapping or copied.stride() == tensor.stride()
        assert copied.untyped_storage().data_ptr() != tensor.untyped_storage().data_ptr()


def test_long_loops_take_no_longer_than_their_operations():
    """Slices of one tensor are thousands of views of one storage."""

    def forward(self, x):
        total = x[:, 0]
        for k in range(1, x.shape[1]):
            total = total + x[:, k]
        return self.head(total)

    record, _, outputs = traced(Forward(forward, head=head()), torch.randn(5, 1000, 10))
    record.lead_to(outputs)
    assert len(record.needed) > 2000
