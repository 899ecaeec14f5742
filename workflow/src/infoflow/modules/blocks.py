"""Cutting a network into blocks: consecutive parts of which each gets all it knows of the input from the one before.

A network is cut where a single tensor carries everything (`trace`), at the beginnings and ends of calls of modules. A
module is cut into the modules within it where these follow each other; one that is bypassed, as in a residual block or
a transformer's layer, stays whole. Activations, normalisations and reshapes, parts without matrices of weights that
leave the number of values as it is, belong to the block before them; pooling is a block of its own. Every block is
proved: its operations, run again on the state before it alone, give the state behind it, equal to the bit.
"""

import difflib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn

from infoflow.errors import InfoflowError
from infoflow.modules.trace import Call, Event, Trace

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
    whole: bool = False


def find_blocks(
    record: Trace, root: Call, samples: int, names: Sequence[str] | None = None
) -> tuple[Place, list[Block]]:
    """Place of the state that the first block gets, and the blocks.

    Args:
        record, root: of a pass; see `trace`.
        samples: in the batch of that pass.
        names: of modules behind whose calls to cut; by default wherever it makes sense.

    Raises:
        InfoflowError: there is no such module, or it cannot be cut there; inputs or outputs have no axis of samples; a
            block is not what it seems.
    """
    finder = _Finder(record, root, samples)
    parts = finder.merge(finder.split(root)) if names is None else finder.split_behind(names)
    if not parts:
        raise InfoflowError(
            f"check: what {type(root.module).__name__} gets, or gives, has no axis of {samples} samples, as the batch "
            "has on its first axis"
        )
    calls: dict[str, int] = {}
    for call in _flat(root):
        calls[call.name] = calls.get(call.name, 0) + 1
    blocks = []
    for part in parts:
        finder.prove(part)
        blocks.append(finder.describe(part, calls))
    return parts[0].start.place, _distinguish(blocks)


class _Finder:
    def __init__(self, record: Trace, root: Call, samples: int):
        self.record, self.root, self.samples = record, root, samples

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
        if not call.calls and call is not self.root:
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
        if call is not self.root and weighty and all(p.owner is call and p.calls for p in weighty):
            return [_Part(known[0], known[-1], (call,), call, whole=True)]
        return parts

    def split_behind(self, names: Sequence[str]) -> list[_Part]:
        """Parts that end behind the calls of some modules, and with the model."""
        calls = _flat(self.root)
        points = []
        for name in names:
            found = [self.cut(c, OUTPUT) for c in calls if c.name == name]
            if not found:
                close = difflib.get_close_matches(name, [c.name for c in calls], n=1)
                hint = f"; did you mean {close[0]}?" if close else ""
                raise InfoflowError(f"check: blocks: no module {name} is called{hint}")
            if None in found:
                raise InfoflowError(
                    f"check: blocks: the network cannot be cut behind {name}: something that depends on the input "
                    "passes it by"
                )
            points += found
        points.sort(key=lambda cut: cut.time)
        known = [self.cut(self.root, INPUT), *points, self.cut(self.root, OUTPUT)]
        if None in known:
            return []
        known = [c for k, c in enumerate(known) if not k or not self.same(known[k - 1], c)]
        leaves = [c for c in calls if not c.calls and c.end]
        return [
            _Part(a, b, tuple(c for c in leaves if a.time <= c.start.time and c.end.time <= b.time), self.root)
            for a, b in itertools.pairwise(known)
        ]

    def merge(self, parts: list[_Part]) -> list[_Part]:
        """Join what only rearranges or normalises with what stands before it."""
        found: list[_Part] = []
        for part in parts:
            light = not self.is_weighty(part) and part.start.tensor.numel() == part.end.tensor.numel()
            if found and light:
                last = found[-1]
                found[-1] = _Part(last.start, part.end, last.calls, last.owner, last.whole)
            else:
                found.append(part)
        while (
            len(found) > 1
            and not self.is_weighty(found[0])
            and (found[0].start.tensor.numel() == found[0].end.tensor.numel())
        ):
            first, second, *others = found
            found = [_Part(first.start, second.end, second.calls, second.owner, second.whole), *others]
        return found

    def cut(self, call: Call, side: str) -> _Cut | None:
        """The cut at the beginning or the end of a call, if there is one."""
        event: Event = call.start if side == INPUT else call.end
        if event is None:
            return None
        for path, tensor in event.tensors.items():
            axis = self.axis(tensor)
            if axis is None or not tensor.is_floating_point():
                continue
            if call is self.root or self.record.is_cut(tensor, event.time):
                whole = call is self.root
                written = self.record.is_written(tensor, event.time)
                place = Place(None if whole else call.module, call.number, side, path, axis, written)
                return _Cut(event.time, tensor, place)
        return None

    def axis(self, tensor: torch.Tensor) -> int | None:
        """Of the samples: the first one if it fits, or the only one that does."""
        fits = [k for k, n in enumerate(tensor.shape) if n == self.samples]
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
        named = self.name(part)
        known = {id(start.tensor): record.value(start.tensor, start.time).clone()}
        if start.place.module is None:  # all inputs of the model together
            for tensor in self.root.start.tensors.values():
                known[id(tensor)] = record.value(tensor, 0).clone()
        try:
            with torch.no_grad():
                made = record.replay(start.time, end.time, known)
        except KeyError as error:
            raise InfoflowError(
                f"check: block {named} depends on the input by another way than the state before it; "
                "name the blocks with blocks="
            ) from error
        found = made[id(end.tensor)]
        if not torch.equal(torch.nan_to_num(found), torch.nan_to_num(record.value(end.tensor, end.time))):
            raise InfoflowError(
                f"check: block {named}, run again on what it got, gives something else; "
                "does it keep a state of its own or draw random numbers?"
            )

    def name(self, part: _Part) -> str:
        if not part.calls:
            return part.owner.name or "model"
        first, last = part.calls[0].name, part.calls[-1].name
        return first if first == last else f"{first} … {last}"

    def describe(self, part: _Part, calls: dict[str, int]) -> Block:
        weighty = [c for c in part.calls if self.record.reads_weights(c.start.time, c.end.time)] or list(part.calls)
        named = _Part(part.start, part.end, tuple(weighty), part.owner)
        name = self.name(named)
        if weighty and calls[weighty[0].name] > 1:
            name += f"#{weighty[0].number + 1}"
        if len(weighty) == 1:
            kind = type(weighty[0].module).__name__
        elif weighty:
            kind = type(part.owner.module).__name__
        else:
            name, kind = self.glue(part)
        inside = tuple(dict.fromkeys(c.name for call in part.calls for c in _flat(call)))
        return Block(name, kind, inside, self.is_weighty(part), part.end.place)

    def glue(self, part: _Part) -> tuple[str, str]:
        """Of operations that no module makes: the last one that is no reshaping."""
        names = [o.function.overloadpacket.__name__ for o in self.record.operations[part.start.time : part.end.time]]
        telling = [n for n in names if n not in ("view", "reshape", "flatten", "_unsafe_view", "t", "clone", "detach")]
        kind = (telling or names or ["nothing"])[-1]
        owner = part.owner.name
        return (f"{owner}.{kind}" if owner else kind), kind


def _flat(call: Call) -> list[Call]:
    return [call, *(c for part in call.calls for c in _flat(part))]


def _distinguish(blocks: list[Block]) -> list[Block]:
    """Blocks with names that are all different."""
    seen: dict[str, int] = {}
    found = []
    for block in blocks:
        seen[block.name] = seen.get(block.name, 0) + 1
        found.append(block if seen[block.name] == 1 else replace(block, name=f"{block.name} ({seen[block.name]})"))
    return found
