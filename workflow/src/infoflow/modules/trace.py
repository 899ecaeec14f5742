"""One forward pass, operation by operation: what of it depends on the input, and where all of that passes through.

A tensor is a *carrier* if it depends on the inputs that tell the samples apart (`informative`) or, where these are
numbers of tokens, on both the inputs and a parameter: masks, lengths and positions are none, nor are Python's numbers.
At a *cut* a single carrier is all that the operations leading to the output know of the input. Operations are recorded
as they are executed, whatever Python does around them; aliases and operations in place are followed by their storage.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from infoflow.errors import InfoflowError

NEVER = 1 << 62
_SHAPES_ALONE = {
    *("zeros_like", "ones_like", "full_like", "empty_like", "rand_like", "randn_like"),
    *("new_zeros", "new_ones", "new_full", "new_empty", "new_empty_strided"),
}
"""Operations whose result does not depend on the values of what they get."""
_NO_MATRIX = {
    *("add", "add_", "sub", "sub_", "mul", "mul_", "div", "div_", "cat", "stack", "native_layer_norm", "addcmul"),
    *("view", "expand", "slice", "select", "permute", "transpose", "t", "unsqueeze", "squeeze", "detach", "clone"),
}
"""Operations that apply an array of weights value by value, as positions, gates and gains of a normalisation."""
_RENORMALISE = "embedding_renorm_"
"""The one operation that may write to parameters: of embeddings with `max_norm`."""


@dataclass(eq=False)
class Operation:
    """An operation with its arguments.

    Attributes:
        reads: tensors among the arguments.
        makes: tensors that it gives or writes to.
        random: generator that it draws from, with the state before it; None if it draws nothing.
    """

    function: Any
    args: tuple
    kwargs: Mapping[str, Any]
    reads: list[torch.Tensor]
    makes: list[torch.Tensor]
    outputs: Any
    random: tuple[torch.Generator, torch.Tensor] | None = None


@dataclass(eq=False)
class Event:
    """The beginning or the end of a call of a module.

    Attributes:
        time: operations before it.
        tensors: what it gets or gives, by the path to each within the arguments or the outputs.
    """

    time: int
    tensors: dict[tuple, torch.Tensor]


@dataclass(eq=False)
class Call:
    """A call of a module: its name, how many calls of it were before, and the calls within it; no end if it failed."""

    name: str
    number: int
    module: nn.Module
    start: Event
    end: Event | None = None
    calls: list["Call"] = field(default_factory=list)


class Trace(TorchDispatchMode):
    """Records the operations of a pass.

    Attributes:
        operations: in order; they keep all tensors alive, so that no two have the same identity.
        inputs: those that tell the samples apart, by path; none, if they are numbers of tokens.
        carriers: when each carrier, by its identity, became one.
        writes: times of the operations that write to a tensor in place, by its identity.
        saved: values that a tensor had before it was written to, by (identity, writes before).
        needed: times of the operations that lead to the output, after `lead_to`.
        last_use: of each tensor, by its identity: the last of these that reads it, or NEVER.
        alive: number of carriers at each time that are read later.
    """

    def __init__(self, module: nn.Module, inputs: Any):
        super().__init__()
        self.operations: list[Operation] = []
        self.inputs = informative(inputs)
        self.carriers: dict[int, int] = {}
        self.writes: dict[int, list[int]] = {}
        self.saved: dict[tuple[int, int], torch.Tensor] = {}
        self.needed: set[int] = set()
        self.last_use: dict[int, int] = {}
        self.alive: list[int] = []
        self._parameters = {_storage(p): name for name, p in module.named_parameters()}
        self._weights = {_storage(p) for p in module.parameters() if sum(n > 1 for n in p.shape) > 1}
        self._fixed = {*self._parameters, *map(_storage, module.buffers())}
        self._parametric = set(self._parameters)
        self._watched: dict[int, dict[int, torch.Tensor]] = {}
        self._members: dict[int, dict[int, torch.Tensor]] = {}
        self._heavy: set[int] = set()
        self._carrying = {_storage(t) for t in self.inputs.values()}
        self._side = set() if self.inputs else {_storage(t) for t in tensors_of(inputs)}
        for tensor in self.inputs.values():
            self._meet(tensor, 0)

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else the first operation imports the compiler, which takes seconds and is not needed

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        time, name = len(self.operations), function.overloadpacket.__name__
        reads, written = _tensors((args, kwargs)), _written(function, args, kwargs)
        storages = {_storage(t) for t in reads}
        side, parametric = bool(storages & self._side), bool(storages & self._parametric)
        weighted = bool(storages & self._weights)
        carrying = bool(storages & self._carrying) or (side and parametric)
        carrying = carrying and name not in _SHAPES_ALONE
        if weighted and carrying and name not in _NO_MATRIX:
            self._heavy.add(time)
        for tensor in written:
            if (changed := self._parameters.get(_storage(tensor))) and name != _RENORMALISE:
                raise InfoflowError(f"check: the model changes its own parameter {changed} when it is called ({name})")
            self._keep(tensor, carrying)
        random = _draws(function, kwargs, reads)
        outputs = function(*args, **kwargs)
        makes = [*written, *_tensors(outputs)]
        self.operations.append(Operation(function, args, kwargs, reads, makes, outputs, random))
        for tensor in reads:
            self._meet(tensor, time)
        running = written if "batch_norm" in name else []  # statistics of the batch: no way through the network
        for tensor in makes:
            storage = _storage(tensor)
            if carrying and not any(tensor is r for r in running):
                if storage not in self._carrying:
                    self._carrying.add(storage)
                    for member in list(self._members.get(storage, {}).values()):
                        self._meet(member, time + 1)
            elif storage not in self._fixed:
                if side:
                    self._side.add(storage)
                elif parametric:
                    self._parametric.add(storage)
                    if weighted:  # one that is computed, as by a parametrisation
                        self._weights.add(storage)
            self._meet(tensor, time + 1)
        for tensor in written:
            for identity in self._members[_storage(tensor)]:
                self.writes.setdefault(identity, []).append(time)
        return outputs

    def event(self, content: Any) -> Event:
        """What a module gets or gives at this moment."""
        found = {path: t for path, t in walk(content) if _storage(t) not in self._fixed}
        for tensor in found.values():
            self._watched.setdefault(_storage(tensor), {})[id(tensor)] = tensor
        return Event(len(self.operations), found)

    def value(self, tensor: torch.Tensor, time: int) -> torch.Tensor:
        """The value that a tensor had before the operation at a time, if it was of an event or no carrier."""
        before = sum(t < time for t in self.writes.get(id(tensor), ()))
        return self.saved.get((id(tensor), before), tensor)

    def is_written(self, tensor: torch.Tensor, time: int) -> bool:
        """Whether a tensor changes at or after a time."""
        return any(t >= time for t in self.writes.get(id(tensor), ()))

    def lead_to(self, output: torch.Tensor) -> None:
        """From now on only the operations count that this output depends on."""
        self.needed, self.last_use = set(), {}
        storages = {_storage(output)}
        for time in range(len(self.operations) - 1, -1, -1):
            operation = self.operations[time]
            if any(_storage(t) in storages for t in operation.makes):
                self.needed.add(time)
                storages.update(map(_storage, operation.reads))
        for time in sorted(self.needed):
            self.last_use |= dict.fromkeys(map(id, self.operations[time].reads), time)
        self.last_use[id(output)] = NEVER
        steps = len(self.operations) + 2
        change = [0] * (steps + 1)
        for identity, begin in self.carriers.items():
            if (end := self.last_use.get(identity, -1)) >= begin:
                change[begin] += 1
                change[min(end, steps - 1) + 1] -= 1
        self.alive, total = [], 0
        for step in change:
            total += step
            self.alive.append(total)

    def is_cut(self, tensor: torch.Tensor, time: int) -> bool:
        """Whether the tensor is all that operations from a time on know of the input."""
        begin, end = self.carriers.get(id(tensor), NEVER), self.last_use.get(id(tensor), -1)
        return tensor.is_floating_point() and begin <= time <= end and self.alive[time] == 1

    def reads_weights(self, start: int, stop: int) -> bool:
        """Whether operations between two times that count apply a matrix of weights to a carrier."""
        return any(time in self._heavy and time in self.needed for time in range(start, stop))

    def replay(self, start: int, stop: int, known: Mapping[int, torch.Tensor]) -> dict[int, torch.Tensor]:
        """Run the operations that lead to the output again, with nothing known of the input but some tensors.

        Args:
            start, stop: times.
            known: values by the identity of the tensor that they stand for.

        Returns:
            All tensors that were made, likewise.

        Raises:
            KeyError: something else that depends on the input is needed.
        """
        made = dict(known)

        def find(item: Any) -> Any:
            if not isinstance(item, torch.Tensor) or id(item) in made:
                return made.get(id(item), item)
            if self.carriers.get(id(item), NEVER) <= time:
                raise KeyError(id(item))
            if id(item) in self.writes and _storage(item) not in self._parameters:  # buffers stay as they are
                made[id(item)] = replica(self.value(item, time))
                return made[id(item)]
            return item

        for time in range(start, stop):
            if time not in self.needed:
                continue
            operation = self.operations[time]
            args, kwargs = tree_map(find, operation.args), tree_map(find, operation.kwargs)
            if operation.random is not None:
                operation.random[0].set_state(operation.random[1])
            old, new = _tensors(operation.outputs), _tensors(operation.function(*args, **kwargs))
            made |= {id(o): n for o, n in zip(old, new, strict=True)}
        return made

    def _meet(self, tensor: torch.Tensor, time: int) -> None:
        """A tensor is there from a time on, or was before."""
        storage = _storage(tensor)
        self._members.setdefault(storage, {})[id(tensor)] = tensor
        if storage in self._carrying:
            self.carriers.setdefault(id(tensor), time)

    def _keep(self, tensor: torch.Tensor, carrying: bool) -> None:
        """Copy, before a tensor is written to, what events have seen of it, and what was no carrier until then."""
        storage = _storage(tensor)
        kept = self._watched.pop(storage, {})
        if storage in self._fixed or (carrying and storage not in self._carrying):
            kept = kept | self._members.get(storage, {}) | {id(tensor): tensor}
        for identity, seen in kept.items():
            self.saved[identity, len(self.writes.get(identity, ()))] = replica(seen)


def trace(module: nn.Module, call: Any, inputs: Any) -> tuple[Trace, Call, Any]:
    """Run a module once.

    Args:
        call: calls the module with the inputs.

    Returns:
        The trace, the call of the module with the calls within it, and its outputs.

    Raises:
        InfoflowError: the module changes a parameter of its own.
    """
    record, numbers = Trace(module, inputs), {}
    root = Call("", 0, module, record.event(inputs))
    stack = [root]

    def run(part: nn.Module, name: str, forward: Callable, args: tuple, kwargs: dict) -> Any:
        numbers[name] = numbers.get(name, -1) + 1
        made = Call(name, numbers[name], part, record.event((args, kwargs)))
        stack[-1].calls.append(made)
        stack.append(made)
        try:
            outputs = forward(*args, **kwargs)
            made.end = record.event(outputs)
        finally:
            stack.pop()
        return outputs

    names = {part: name for name, part in module.named_modules()}
    with around(names, lambda part, *passed: run(part, names[part], *passed)), torch.no_grad(), record:
        outputs = call(inputs)
    root.end = record.event(outputs)
    if [c.module for c in root.calls] == [module]:  # else its class replaces __call__
        (inner,) = root.calls
        root.calls = inner.calls
    return record, root, outputs


@contextlib.contextmanager
def around(modules: Iterable[nn.Module], run: Callable) -> Iterator[None]:
    """Inside, `run(module, forward, args, kwargs)` stands for the method `forward`, which may be called directly."""
    replaced = [(m, m.__dict__.get("forward")) for m in modules]

    def wrap(module: nn.Module, forward: Callable) -> Callable:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            return run(module, forward, args, kwargs)

        wrapped.__wrapped__ = forward  # for those that look at its arguments
        return wrapped

    try:
        for module, _ in replaced:
            module.__dict__["forward"] = wrap(module, module.forward)
        yield
    finally:
        for module, before in replaced:
            if before is None:
                module.__dict__.pop("forward", None)
            else:
                module.__dict__["forward"] = before


def informative(inputs: Any) -> dict[tuple, torch.Tensor]:
    """Floating inputs that tell the samples apart, by path; none, if numbers of tokens do.

    Beside other inputs these are neither the same for all samples nor masks of zeros and ones, or of zeros and very
    negative numbers, whose axes are all among those of another one.
    """
    tensors = dict(walk(inputs))
    floating = {p: t for p, t in tensors.items() if t.is_floating_point() or t.is_complex()}
    if len(tensors) == 1:
        return floating
    telling = {p: t for p, t in floating.items() if not _is_constant(t) and not _is_mask(t, tensors.values())}
    tokens = any(p not in floating and t.dtype != torch.bool for p, t in tensors.items())
    return telling if telling or tokens else floating


def replica(tensor: torch.Tensor) -> torch.Tensor:
    """A copy with the same strides, as the rounding of some operations depends on them."""
    tensor = tensor.detach()
    if not is_plain(tensor):
        return tensor.clone()
    repeated = [k for k, n in enumerate(tensor.stride()) if n == 0 and tensor.shape[k] > 1]
    once = tensor
    for axis in repeated:
        once = once.narrow(axis, 0, 1)
    copy = torch.empty_strided(once.shape, once.stride(), dtype=tensor.dtype, device=tensor.device)
    try:
        return copy.copy_(once).expand(tensor.shape)
    except RuntimeError:  # windows that overlap
        return tensor.clone()


def is_plain(tensor: torch.Tensor) -> bool:
    """Whether it is an array of numbers, and neither sparse, nested nor quantised."""
    return tensor.layout == torch.strided and not tensor.is_nested and not tensor.is_quantized


def walk(content: Any, path: tuple = ()) -> Iterator[tuple[tuple, torch.Tensor]]:
    """All tensors in tuples, lists, dicts and data classes, with the path to each."""
    if isinstance(content, torch.Tensor):
        yield path, content
    elif isinstance(content, Mapping):
        for key, item in content.items():
            yield from walk(item, (*path, key))
    elif isinstance(content, tuple | list):
        for index, item in enumerate(content):
            yield from walk(item, (*path, index))
    elif is_dataclass(content) and not isinstance(content, type):
        for f in fields(content):
            yield from walk(getattr(content, f.name), (*path, f.name))


def tensors_of(content: Any) -> list[torch.Tensor]:
    """All tensors in it; see `walk`."""
    return [tensor for _, tensor in walk(content)]


def _is_constant(tensor: torch.Tensor) -> bool:
    return bool(tensor.ndim and len(tensor) > 1 and (tensor == tensor[:1]).all())


def _is_mask(tensor: torch.Tensor, tensors: Iterable[torch.Tensor]) -> bool:
    if tensor.is_complex() or not bool(((tensor == 0) | (tensor == 1) | (tensor < -1e4)).all()):
        return False
    return any({*tensor.shape} <= {1, *other.shape} for other in tensors if other is not tensor)


def _storage(tensor: torch.Tensor) -> int:
    try:
        return tensor.untyped_storage()._cdata
    except (RuntimeError, NotImplementedError):  # sparse tensors have none
        return id(tensor)


def _tensors(content: Any) -> list[torch.Tensor]:
    return [t for t in tree_leaves(content) if isinstance(t, torch.Tensor)]


def _written(function: Any, args: tuple, kwargs: Mapping[str, Any]) -> list[torch.Tensor]:
    """Arguments that an operation writes to."""
    found = []
    for k, argument in enumerate(function._schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            found += _tensors(kwargs.get(argument.name, args[k] if k < len(args) else None))
    return found


def _draws(
    function: Any, kwargs: Mapping[str, Any], reads: list[torch.Tensor]
) -> tuple[torch.Generator, torch.Tensor] | None:
    """The generator that an operation draws from, and its state."""
    if torch.Tag.nondeterministic_seeded not in function.tags:
        return None
    device = torch.device(kwargs.get("device") or (reads[0].device if reads else "cpu"))
    generator = kwargs.get("generator")
    if generator is None and device.type == "cuda":
        generator = torch.cuda.default_generators[device.index or 0]
    generator = generator or torch.default_generator
    return generator, generator.get_state()
