"""One forward pass, operation by operation: what of it depends on the input, and where all of that passes through.

A tensor is a *carrier* if it depends on the floating inputs, or, where the inputs are numbers of tokens, on both the
inputs and a parameter: masks and positions are none. At a *cut* a single carrier is all that the rest of the network
knows of the input. Operations are recorded as they are executed, whatever Python does around them; aliases and
operations in place are followed by their storage.
"""

from collections.abc import Iterator, Mapping
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


@dataclass
class Operation:
    """An operation with its arguments, and the state of the random numbers before it if it draws some."""

    function: Any
    args: tuple
    kwargs: Mapping[str, Any]
    outputs: Any
    random: torch.Tensor | None = None


@dataclass
class Event:
    """The beginning or the end of a call of a module.

    Attributes:
        time: operations before it.
        tensors: what it gets or gives, by the path to each within the arguments or the outputs.
    """

    time: int
    tensors: dict[tuple, torch.Tensor]


@dataclass
class Call:
    """A call of a module: its name, how many calls of it were before, and the calls within it."""

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
        carriers: when each carrier, by its identity, became one.
        last_use: of each tensor, by its identity: the last operation that reads it, or NEVER.
        writes: times of the operations that write to a tensor in place, by its identity.
        saved: values that a tensor of an event had before it was written to, by (identity, writes before).
    """

    def __init__(self, module: nn.Module, inputs: Any):
        super().__init__()
        self.operations: list[Operation] = []
        self.carriers: dict[int, int] = {}
        self.last_use: dict[int, int] = {}
        self.writes: dict[int, list[int]] = {}
        self.saved: dict[tuple[int, int], torch.Tensor] = {}
        self.weights: set[int] = set()
        self.fixed: set[int] = set()
        self._watched: dict[int, dict[int, torch.Tensor]] = {}
        self._members: dict[int, dict[int, torch.Tensor]] = {}
        self._heavy: set[int] = set()
        self._side: set[int] = set()
        self._parametric: set[int] = set()
        self._carrying: set[int] = set()
        for parameter in module.parameters():
            self._parametric.add(_storage(parameter))
            self.fixed.add(_storage(parameter))
            if sum(n > 1 for n in parameter.shape) > 1:
                self.weights.add(_storage(parameter))
        for buffer in module.buffers():
            self.fixed.add(_storage(buffer))
        for tensor in tensors_of(inputs):
            if tensor.is_floating_point() or tensor.is_complex():
                self._carrying.add(_storage(tensor))
                self._meet(tensor, 0)
            else:
                self._side.add(_storage(tensor))

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        time = len(self.operations)
        read = [t for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)]
        written = _written(function, args, kwargs)
        for tensor in written:
            self._keep(tensor)
        drawing = torch.Tag.nondeterministic_seeded in function.tags
        random = torch.get_rng_state() if drawing else None
        outputs = function(*args, **kwargs)
        self.operations.append(Operation(function, args, kwargs, outputs, random))
        storages = [_storage(t) for t in read]
        for tensor in read:
            self.last_use[id(tensor)] = time
            self._meet(tensor, time)
        weighted = any(s in self.weights for s in storages)
        if weighted and function.overloadpacket.__name__ not in _NO_MATRIX:
            self._heavy.add(time)
        side = any(s in self._side for s in storages)
        parametric = any(s in self._parametric for s in storages)
        carrying = any(s in self._carrying for s in storages) or (side and parametric)
        carrying = carrying and function.overloadpacket.__name__ not in _SHAPES_ALONE
        for tensor in [*written, *(t for t in tree_leaves(outputs) if isinstance(t, torch.Tensor))]:
            storage = _storage(tensor)
            if storage in self.fixed:  # running statistics are no way through a network
                continue
            if carrying:
                self._carrying.add(storage)
                for member in list(self._members.get(storage, {}).values()):
                    self._meet(member, time + 1)
            elif side:
                self._side.add(storage)
            elif parametric:
                self._parametric.add(storage)
                if weighted:  # one that is computed, as by a parametrisation
                    self.weights.add(storage)
            self._meet(tensor, time + 1)
        for tensor in written:
            for identity in self._members[_storage(tensor)]:
                self.writes.setdefault(identity, []).append(time)
        return outputs

    def event(self, content: Any) -> Event:
        """What a module gets or gives at this moment."""
        found = {path: t for path, t in walk(content) if _storage(t) not in self.fixed}
        for tensor in found.values():
            self._watched.setdefault(_storage(tensor), {})[id(tensor)] = tensor
        return Event(len(self.operations), found)

    def value(self, tensor: torch.Tensor, time: int) -> torch.Tensor:
        """The value that a tensor of an event had before the operation at a time."""
        before = sum(t < time for t in self.writes.get(id(tensor), ()))
        return self.saved.get((id(tensor), before), tensor)

    def is_written(self, tensor: torch.Tensor, time: int) -> bool:
        """Whether a tensor changes at or after a time."""
        return any(t >= time for t in self.writes.get(id(tensor), ()))

    def finish(self, outputs: Any) -> None:
        """The pass has ended with these outputs."""
        for tensor in tensors_of(outputs):
            self.last_use[id(tensor)] = NEVER
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
        begin = self.carriers.get(id(tensor), NEVER)
        return (
            tensor.is_floating_point() and begin <= time <= self.last_use.get(id(tensor), -1) and self.alive[time] == 1
        )

    def reads_weights(self, start: int, stop: int) -> bool:
        """Whether operations between two times read a matrix of weights."""
        return any(time in self._heavy for time in range(start, stop))

    def replay(self, start: int, stop: int, known: Mapping[int, torch.Tensor]) -> dict[int, torch.Tensor]:
        """Run some operations again, with nothing known of the input but some tensors.

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
            if not isinstance(item, torch.Tensor):
                return item
            if id(item) in made:
                return made[id(item)]
            if self.carriers.get(id(item), NEVER) <= stop:
                raise KeyError(id(item))
            return item

        for operation in self.operations[start:stop]:
            args, kwargs = tree_map(find, operation.args), tree_map(find, operation.kwargs)
            if operation.random is not None:
                torch.set_rng_state(operation.random)
            outputs = operation.function(*args, **kwargs)
            old, new = tree_leaves(operation.outputs), tree_leaves(outputs)
            made |= {id(o): n for o, n in zip(old, new, strict=True) if isinstance(o, torch.Tensor)}
        return made

    def _meet(self, tensor: torch.Tensor, time: int) -> None:
        """A tensor is there from a time on, or was before."""
        storage = _storage(tensor)
        self._members.setdefault(storage, {})[id(tensor)] = tensor
        if storage in self._carrying and storage not in self.fixed:
            self.carriers.setdefault(id(tensor), time)

    def _keep(self, tensor: torch.Tensor) -> None:
        """Copy what events have seen of a tensor before it is written to."""
        for identity, seen in self._watched.pop(_storage(tensor), {}).items():
            self.saved[identity, len(self.writes.get(identity, ()))] = seen.clone()


def trace(module: nn.Module, call: Any, inputs: Any) -> tuple[Trace, Call, Any]:
    """Run a module once.

    Args:
        call: calls the module with the inputs.

    Returns:
        The trace, the call of the module with the calls within it, and its outputs.
    """
    record, stack, root, numbers, hooks = Trace(module, inputs), [], [], {}, []

    def enter(name: str, part: nn.Module, args: tuple, kwargs: dict) -> None:
        numbers[name] = numbers.get(name, -1) + 1
        made = Call(name, numbers[name], part, record.event((args, kwargs)))
        (stack[-1].calls if stack else root).append(made)
        stack.append(made)

    def leave(part: nn.Module, args: tuple, outputs: Any) -> None:
        while stack[-1].module is not part:  # calls that ended by an exception that was caught
            stack.pop()
        stack.pop().end = record.event(outputs)

    try:
        for name, part in module.named_modules():
            hooks.append(
                part.register_forward_pre_hook(
                    lambda part, args, kwargs, name=name: enter(name, part, args, kwargs), with_kwargs=True
                )
            )
            hooks.append(part.register_forward_hook(leave))
        with torch.no_grad(), record:
            outputs = call(inputs)
    finally:
        for hook in hooks:
            hook.remove()
    if len(root) != 1:
        raise InfoflowError("check: the model was not called as a module; call it, and not its method forward")
    record.finish(outputs)
    return record, root[0], outputs


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


def _storage(tensor: torch.Tensor) -> int:
    try:
        return tensor.untyped_storage()._cdata
    except (RuntimeError, NotImplementedError):  # sparse tensors have none
        return id(tensor)


def _written(function: Any, args: tuple, kwargs: Mapping[str, Any]) -> list[torch.Tensor]:
    """Arguments that an operation writes to."""
    found = []
    for k, argument in enumerate(function._schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            item = kwargs.get(argument.name, args[k] if k < len(args) else None)
            found += [t for t in tree_leaves(item) if isinstance(t, torch.Tensor)]
    return found
