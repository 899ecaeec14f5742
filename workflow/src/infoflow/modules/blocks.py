"""Cutting a network into blocks: consecutive parts of which each gets all it knows of the input from the one before.

A network is cut where a single tensor carries everything (`trace`), at the beginnings and ends of calls of modules. A
module is cut into the modules within it where these follow each other; one that is bypassed, as in a residual block or
a transformer's layer, stays whole. Activations, normalisations and reshapes, parts without matrices of weights that
leave the number of values as it is, belong to the block before them; pooling is a block of its own. The last block
gives the first floating output. Every block is proved: its operations, run again on the state before it alone, give the
state behind it, equal to the bit.
"""

import difflib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn

from infoflow.errors import InfoflowError
from infoflow.modules.trace import Call, Event, Trace, is_plain, replica

INPUT, OUTPUT = "input", "output"


@dataclass(frozen=True)
class Place:
    """Where a state can be taken in any later pass: which call of which module, before or behind it.

    Attributes:
        side: INPUT or OUTPUT; of the model itself, these are its inputs and its outputs.
        path: to the tensor within the arguments, `(args, kwargs)`, or the outputs.
        axis: of the samples.
        written: whether the network writes over the tensor later, so that a copy has to be taken.
    """

    module: nn.Module | None
    number: int
    side: str
    path: tuple
    axis: int
    written: bool


@dataclass(frozen=True)
class Block:
    """A part of the network.

    Attributes:
        name: of the module, as in `named_modules`, or of the first and the last one; `#2`, its second call.
        kind: class of the module.
        modules: all modules that are called within it, by name.
        weighty: whether it has matrices of weights.
        end: where the state behind it is.
    """

    name: str
    kind: str
    modules: tuple[str, ...]
    weighty: bool
    end: Place


@dataclass(frozen=True)
class _Cut:
    """A tensor at a time, and where it can be taken."""

    time: int
    tensor: torch.Tensor
    place: Place


@dataclass(frozen=True)
class _Part:
    start: _Cut
    end: _Cut
    calls: tuple[Call, ...]
    owner: Call
    name: str = ""


def find_blocks(
    record: Trace, root: Call, samples: int, names: Sequence[str] | None = None
) -> tuple[Place, list[Block]]:
    """Place of the state that the first block gets, and the blocks.

    Args:
        record, root: of a pass; see `trace`.
        samples: in the batch of that pass.
        names: of modules behind whose calls to cut; by default wherever it makes sense.

    Raises:
        InfoflowError: there is no such module, or it cannot be cut there; no output depends on the inputs, or inputs or
            outputs have no axis of samples; a block is not what it seems.
    """
    finder = _Finder(record, root, samples)
    parts = finder.split(root)
    if not parts:
        if any(finder.output[1] is t for t in record.inputs.values()):
            raise InfoflowError(f"check: {type(root.module).__name__} gives what it gets")
        raise InfoflowError(
            f"check: no floating tensor that {type(root.module).__name__} or a module within it gets has an axis of "
            f"{samples} samples, as the batch has on its first axis, and is all that the output depends on"
        )
    parts = finder.merge(parts) if names is None else finder.split_behind(parts[0].start, names)
    for part in parts:
        finder.prove(part)
    return parts[0].start.place, _distinguish([finder.describe(part) for part in parts])


class _Finder:
    def __init__(self, record: Trace, root: Call, samples: int):
        self.record, self.root, self.samples = record, root, samples
        self.calls = _flat(root)
        tensors = root.end.tensors if root.end else {}
        outputs = [(p, t) for p, t in tensors.items() if t.is_floating_point() and id(t) in record.carriers]
        fitting = [(p, t) for p, t in outputs if self.axis(t) is not None]
        if not fitting:
            why = f"has an axis of {samples} samples, as the batch has on its first axis"
            raise InfoflowError(
                f"check: no floating output of {type(root.module).__name__} "
                + (why if outputs else "depends on the inputs by way of torch's operations")
            )
        self.output = fitting[0]
        record.lead_to(self.output[1])

    def split(self, call: Call) -> list[_Part]:
        """Parts of a call that begins and ends with cuts; of the model, which always does."""
        points = [self.cut(call, INPUT)]
        for part in call.calls:
            points += [self.cut(part, side) for side in (INPUT, OUTPUT)]
        points.append(self.cut(call, OUTPUT))
        known: list[_Cut] = []
        for point in points:
            if point is not None and (not known or not self.same(known[-1], point)):
                known.append(point)
        if len(known) < 2:
            return []
        if not call.calls:
            return [_Part(known[0], known[-1], (call,), call)]
        parts: list[_Part] = []
        for start, end in itertools.pairwise(known):
            inside = tuple(c for c in call.calls if c.end and start.time <= c.start.time and c.end.time <= end.time)
            inside = tuple(c for c in inside if c.start.time < end.time or c.start.time == c.end.time)
            spans = [self.spans(c, start, end) for c in inside]
            if any(spans):
                parts += self.split(inside[spans.index(True)])
            else:
                parts.append(_Part(start, end, inside, call))
        weighty = [p for p in parts if self.is_weighty(p)]
        if call is not self.root and weighty and all(p.owner is call for p in weighty):
            return [_Part(known[0], known[-1], (call,), call)]
        return parts

    def split_behind(self, start: _Cut, names: Sequence[str]) -> list[_Part]:
        """Parts that end behind the calls of some modules, and with the model."""
        points: list[tuple[_Cut, str]] = []
        for name in names:
            found = [c for c in self.calls if c.name == name]
            if not found:
                raise InfoflowError(f"check: blocks: no module {name} is called{self.hint(name)}")
            for call in found:
                if (point := self.cut(call, OUTPUT)) is None:
                    raise InfoflowError(
                        f"check: blocks: the network cannot be cut behind {name}: something else that depends on the "
                        f"input passes it by{self.hint_behind(call)}"
                    )
                points.append((point, self.label(call)))
        points.sort(key=lambda point: point[0].time)
        points = [p for p in points if p[0].time > start.time]
        known, called = [start], []
        for point, name in [*points, (self.cut(self.root, OUTPUT), "")]:
            if not self.same(known[-1], point):
                known.append(point)
                called.append(name)
        leaves = [c for c in self.calls if not c.calls and c.end]
        return [
            _Part(a, b, tuple(c for c in leaves if a.time <= c.start.time and c.end.time <= b.time), self.root, name)
            for a, b, name in zip(known, known[1:], called)
        ]

    def hint(self, name: str) -> str:
        """What could be meant by the name of a module that is not called: the last one within it, or a similar one."""
        inside = [c.name for c in self.calls if c.name.startswith(f"{name}.") and self.cut(c, OUTPUT)]
        close = inside[-1:] or difflib.get_close_matches(name, dict.fromkeys(c.name for c in self.calls if c.name), n=1)
        return f"; did you mean {close[0]}?" if close else ""

    def hint_behind(self, call: Call) -> str:
        """The smallest module around a call behind which the network can be cut, or the next one."""
        around = [c for c in self.calls if any(call is d for d in _flat(c)) and c is not self.root]
        later = [c for c in self.calls if c.end and call.end and c.end.time >= call.end.time and c is not self.root]
        later.sort(key=lambda c: c.end.time)
        for other in (*reversed(around), *later):
            if self.cut(other, OUTPUT):
                return f"; cut behind {other.name} instead"
        return ""

    def merge(self, parts: list[_Part]) -> list[_Part]:
        """Join what only rearranges or normalises with what stands before it."""
        found: list[_Part] = []
        for part in parts:
            light = not self.is_weighty(part) and part.start.tensor.numel() == part.end.tensor.numel()
            if found and light:
                last = found[-1]
                found[-1] = replace(last, end=part.end)
            else:
                found.append(part)
        while (
            len(found) > 1
            and not self.is_weighty(found[0])
            and (found[0].start.tensor.numel() == found[0].end.tensor.numel())
        ):
            first, second, *others = found
            found = [replace(second, start=first.start), *others]
        return found

    def cut(self, call: Call, side: str) -> _Cut | None:
        """The cut at the beginning or the end of a call, if there is one."""
        record, whole = self.record, call is self.root
        event: Event | None = call.start if side == INPUT else call.end
        if event is None:
            return None
        tensors = event.tensors
        if whole:
            tensors = record.inputs if side == INPUT else dict([self.output])
            if any(t.is_complex() for t in tensors.values()):
                return None
        for path, tensor in tensors.items():
            axis = self.axis(tensor)
            if axis is not None and (whole or record.is_cut(tensor, event.time)):
                written = any(record.is_written(t, event.time) for t in (event.tensors.values() if whole else [tensor]))
                place = Place(None if whole else call.module, call.number, side, path, axis, written)
                return _Cut(event.time, tensor, place)
        return None

    def axis(self, tensor: torch.Tensor) -> int | None:
        """Of the samples: the first one if it fits, or the only one that does."""
        fits = [k for k, n in enumerate(tensor.shape) if n == self.samples] if is_plain(tensor) else []
        if fits and (fits[0] == 0 or len(fits) == 1):
            return fits[0]
        return None

    def same(self, one: _Cut, other: _Cut) -> bool:
        writes = self.record.writes.get(id(one.tensor), ())
        return one.tensor is other.tensor and not any(one.time <= t < other.time for t in writes)

    def spans(self, call: Call, start: _Cut, end: _Cut) -> bool:
        a, b = self.cut(call, INPUT), self.cut(call, OUTPUT)
        return a is not None and b is not None and self.same(start, a) and self.same(b, end)

    def is_weighty(self, part: _Part) -> bool:
        return self.record.reads_weights(part.start.time, part.end.time)

    def prove(self, part: _Part) -> None:
        record, start, end = self.record, part.start, part.end
        name = self.describe(part).name
        known = {id(start.tensor): record.value(start.tensor, start.time)}
        if start.place.module is None:  # all inputs of the model together
            known |= {id(t): record.value(t, 0) for t in self.root.start.tensors.values()}
        try:
            with torch.no_grad():
                made = record.replay(start.time, end.time, {i: replica(t) for i, t in known.items()})
            found = made[id(end.tensor)]
        except KeyError as error:
            raise InfoflowError(
                f"check: block {name} depends on the input by another way than the state before it; "
                "name the blocks with blocks="
            ) from error
        except (RuntimeError, ValueError, IndexError, TypeError) as error:
            reason = next(iter(str(error).splitlines()), "")
            raise InfoflowError(f"check: block {name} cannot be run again on what it got: {reason}") from error
        if not _equal(found, record.value(end.tensor, end.time)):
            raise InfoflowError(
                f"check: block {name}, run again on what it got, gives something else; "
                "does it keep a state of its own or draw random numbers?"
            )

    def label(self, call: Call) -> str:
        """Name of a call: of its module, with its number if there are several."""
        several = sum(c.name == call.name for c in self.calls) > 1
        return f"{call.name}#{call.number + 1}" if several else call.name

    def describe(self, part: _Part) -> Block:
        weighty = [c for c in part.calls if self.record.reads_weights(c.start.time, c.end.time)] or list(part.calls)
        if weighty:
            labels = dict.fromkeys((self.label(weighty[0]), self.label(weighty[-1])))
            name = " … ".join(labels) or "model"
            kind = type(weighty[0].module if len(weighty) == 1 else part.owner.module).__name__
        else:
            name, kind = self.glue(part)
        inside = tuple(dict.fromkeys(c.name for call in part.calls for c in _flat(call)))
        return Block(part.name or name, kind, inside, self.is_weighty(part), part.end.place)

    def glue(self, part: _Part) -> tuple[str, str]:
        """Of operations that no module makes: the last one that is no reshaping."""
        times = [t for t in range(part.start.time, part.end.time) if t in self.record.needed]
        names = [self.record.operations[t].function.overloadpacket.__name__ for t in times]
        telling = [n for n in names if n not in ("view", "reshape", "flatten", "_unsafe_view", "t", "clone", "detach")]
        kind = (telling or names or ["nothing"])[-1]
        owner = part.owner.name
        return (f"{owner}.{kind}" if owner else kind), kind


def _flat(call: Call) -> list[Call]:
    return [call, *(c for part in call.calls for c in _flat(part))]


def _equal(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two tensors have the same values, where NaN is one."""
    same = one.shape == other.shape and one.dtype == other.dtype
    return same and bool(((one == other) | ((one != one) & (other != other))).all())


def _distinguish(blocks: list[Block]) -> list[Block]:
    """Blocks with names that are all different."""
    seen: dict[str, int] = {}
    found = []
    for block in blocks:
        seen[block.name] = seen.get(block.name, 0) + 1
        found.append(block if seen[block.name] == 1 else replace(block, name=f"{block.name} ({seen[block.name]})"))
    return found
