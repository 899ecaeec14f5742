"""The states behind the blocks of a network, taken from the calls where it is cut; the network stays as it is.

Normalisations by the batch work as in training, as an untrained one is the identity otherwise; dropout and stochastic
depth are off. Whatever a pass changes, running statistics, flags, attributes, the state of the random numbers, is put
back, to the bit.
"""

import collections
import contextlib
import copy
import random
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils._pytree import tree_map

from infoflow.errors import InfoflowError
from infoflow.modules.blocks import INPUT, OUTPUT, Block, Place, find_blocks
from infoflow.modules.trace import around, is_plain, replica, trace, walk

TRACED = (5, 7, 11, 4, 3, 2, 1)
"""Samples of the pass that blocks are found with: the first number that no other axis of the inputs has."""


@dataclass(frozen=True)
class Blocks:
    """A network cut into blocks.

    Attributes:
        model: unwrapped.
        start: where the state that the first block gets is.
        blocks: in order; the state behind the last one is the first floating output that depends on the inputs.
        inputs: paths to what of the batch tells the samples apart; see `trace.informative`.
    """

    model: nn.Module
    start: Place
    blocks: tuple[Block, ...]
    inputs: tuple[tuple, ...] = ()


@dataclass(frozen=True)
class States:
    """States of a pass.

    Attributes:
        states: x_0, which the first block gets, and x_1 ... x_L behind the blocks, [N, *shape].
        taps: for each of them the tensors of the pass itself, to differentiate by.
        outputs: of the model.
    """

    states: list[torch.Tensor]
    taps: list[list[torch.Tensor]]
    outputs: Any


def unwrap(model: nn.Module) -> nn.Module:
    """The module within torch.compile's and the parallel wrappers.

    Raises:
        InfoflowError: it is of a kind that cannot be captured; the message names it and says why.
    """
    if not isinstance(model, nn.Module):
        raise InfoflowError(f"check: {type(model).__name__} is not a torch.nn.Module")
    while True:
        if isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
            model = model.module
        elif isinstance(getattr(model, "_orig_mod", None), nn.Module):
            model = model._orig_mod
        else:
            break
    for name, part in model.named_modules():
        said = f"check: module {name or type(part).__name__}, {type(part).__name__}"
        if isinstance(part, torch.jit.ScriptModule):
            raise InfoflowError(
                f"{said}: compiled by TorchScript, which cannot be looked into; give the module it was made of"
            )
        if {c.__name__ for c in type(part).__mro__} & {"FullyShardedDataParallel", "FSDPModule"}:
            raise InfoflowError(f"{said}: its weights lie on several devices; give the module before it was sharded")
        if type(part).__module__.startswith("torch.") and "quantized" in type(part).__module__:
            raise InfoflowError(f"{said}: quantised, which cannot be trained; give the module before that")
        for which, tensor in (*part.named_parameters(recurse=False), *part.named_buffers(recurse=False)):
            if isinstance(tensor, nn.parameter.UninitializedTensorMixin):
                raise InfoflowError(f"{said}: {which} has no shape yet; call the model once on a batch before")
            if tensor.device.type == "meta":
                raise InfoflowError(
                    f"{said}: {which} is on the meta device and has no values; use to_empty and initialise it"
                )
    return model


@contextlib.contextmanager
def untouched(model: nn.Module) -> Iterator[None]:
    """Inside, the model can be run in the mode that is described above; afterwards it is as it was before.

    Raises:
        InfoflowError: the model changed a parameter itself, unnoticed by `cut`.
    """
    modules = list(model.modules())
    kept = _Kept(modules)
    tensors = (*model.parameters(), *model.buffers())
    devices = sorted({t.device.index for t in tensors if t.device.type == "cuda"})
    fast, numbers, others = torch.backends.mha.get_fastpath_enabled(), random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        with torch.random.fork_rng(devices=devices), torch.inference_mode(False), _eagerly():
            torch.backends.mha.set_fastpath_enabled(False)  # it does not call the modules within
            for module in modules:
                module.training = isinstance(module, nn.modules.batchnorm._NormBase)
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        random.setstate(numbers)
        np.random.set_state(others)  # noqa: NPY002
        kept.restore()
    for name, parameter in model.named_parameters():
        if kept.is_lost(parameter):
            raise InfoflowError(f"check: the model changes its own parameter {name} when it is called")


def cut(model: nn.Module, batch: Any, blocks: str | Sequence[str] = "auto") -> Blocks:
    """Find the blocks of a network, within `untouched`.

    Args:
        batch: a tensor, or a tuple, list or dict of what the model is called with; the samples on the first axis.
        blocks: `auto`, or names of modules behind which to cut.

    Raises:
        InfoflowError: the model fails; a name is not that of a module behind which the network can be cut; see
            `find_blocks`.
    """
    samples = size(batch)
    axes = {n for _, t in walk(batch) for n in t.shape[1:]}
    possible = [n for n in TRACED if n <= samples]
    number = next((n for n in possible if n not in axes), possible[0] if possible else 0)
    few = tree_map(lambda t: t.clone() if isinstance(t, torch.Tensor) else t, take(batch, slice(0, number)))
    modules = list(model.modules())
    traced = trace(model, lambda inputs: call(model, inputs), few)
    if len(list(model.modules())) != len(modules):  # some are made by the first call
        traced = trace(model, lambda inputs: call(model, inputs), few)
    record, root, outputs = traced
    if not any(t.is_floating_point() for _, t in walk(outputs)):
        raise InfoflowError("check: the model gives no tensor of floating numbers")
    names = None if blocks == "auto" else [blocks] if isinstance(blocks, str) else list(blocks)
    start, found = find_blocks(record, root, number, names)
    return Blocks(model, start, tuple(found), tuple(record.inputs))


def capture(blocks: Blocks, batch: Any, gradients: bool = False) -> States:
    """States of a batch, within `untouched`.

    Args:
        gradients: whether the states and outputs can be differentiated by the states before them.

    Raises:
        InfoflowError: the model fails; a module was not called as when the blocks were found.
    """
    places = [blocks.start, *(b.end for b in blocks.blocks)]
    wanted: dict[nn.Module, list[tuple[int, Place]]] = {}
    for k, place in enumerate(places):
        if place.module is not None:
            wanted.setdefault(place.module, []).append((k, place))
    found: dict[int, torch.Tensor] = {}
    numbers: dict[nn.Module, int] = {}

    def take_from(part: nn.Module, number: int, side: str, content: Any) -> None:
        for k, place in wanted[part]:
            if (place.side, place.number) != (side, number):
                continue
            tensor = _at(content, place.path)
            if isinstance(tensor, torch.Tensor):
                found[k] = _tap(tensor, place.written, gradients, k == 0)

    def run(part: nn.Module, forward: Callable, args: tuple, kwargs: dict) -> Any:
        number = numbers[part] = numbers.get(part, -1) + 1
        take_from(part, number, INPUT, (args, kwargs))
        outputs = forward(*args, **kwargs)
        take_from(part, number, OUTPUT, outputs)
        return outputs

    batch = take(batch, slice(None))
    if gradients:
        batch = tree_map(lambda t: t.detach().clone().requires_grad_() if _floats(t) else t, batch)
    passed = batch
    if blocks.start.written or (blocks.start.module is not None and gradients):
        passed = tree_map(lambda t: t.clone() if isinstance(t, torch.Tensor) else t, batch)
    with around(wanted, run), torch.enable_grad() if gradients else torch.no_grad():
        outputs = call(blocks.model, passed)
    if gradients:
        _refuse_reentrant(outputs)
    taps = {k: [tensor] for k, tensor in found.items()}
    if blocks.start.module is None:
        taps[0] = [_at(batch, path) for path in blocks.inputs]
        found[0] = taps[0][0] if len(taps[0]) == 1 else torch.cat([t.reshape(len(t), -1) for t in taps[0]], 1)
    samples = size(batch)
    for k, place in enumerate(places):
        if k and place.module is None:
            found[k] = _at(outputs, place.path)
            taps[k] = [found[k]]
        if not isinstance(found.get(k), torch.Tensor) or found[k].shape[place.axis : place.axis + 1] != (samples,):
            raise InfoflowError(
                f"check: block {blocks.blocks[max(k - 1, 0)].name} is called another way with another batch; name the "
                "blocks with blocks="
            )
    states = [found[k].movedim(place.axis, 0) if place.axis else found[k] for k, place in enumerate(places)]
    return States(states, [taps[k] for k in range(len(places))], outputs)


def call(model: nn.Module, batch: Any) -> Any:
    """The model called with a batch: a tensor, a tuple or list of arguments, or a dict of them by name.

    Raises:
        InfoflowError: the model fails; the message names the innermost of its modules that does.
    """
    try:
        if isinstance(batch, Mapping):
            return model(**batch)
        if isinstance(batch, tuple | list):
            return model(*batch)
        return model(batch)
    except InfoflowError:
        raise
    except Exception as error:
        reason = next(iter(str(error).splitlines()), "")
        where = _innermost(model, error)
        raise InfoflowError(f"check: {where} fails when it is called: {type(error).__name__}: {reason}") from error


def take(batch: Any, which: slice | torch.Tensor) -> Any:
    """Some samples of a batch."""
    if isinstance(batch, Mapping):
        batch = dict(batch)
    return tree_map(lambda t: t[which] if isinstance(t, torch.Tensor) else t, batch)


def size(batch: Any) -> int:
    """Samples of a batch.

    Raises:
        InfoflowError: there is no tensor, or they have different numbers of samples.
    """
    sizes = {len(t) if t.ndim else 0 for _, t in walk(batch)}
    if len(sizes) != 1:
        told = "has no tensor" if not sizes else f"has tensors of {', '.join(map(str, sorted(sizes)))} samples"
        raise InfoflowError(f"check: the batch {told}; all of them have the samples on their first axis")
    return sizes.pop()


class _Kept:
    """What modules hold, to put it back: attributes, what is in their containers, tensors, random generators."""

    def __init__(self, modules: Iterable[nn.Module]):
        self._containers: dict[int, tuple[Any, Any]] = {}
        self._generators: dict[int, tuple[torch.Generator, torch.Tensor]] = {}
        self._tensors: dict[int, tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]] = {}
        self._flags: dict[int, tuple[bool, torch.Tensor | None, int | None]] = {}
        for module in modules:
            self._keep(module.__dict__)
            if isinstance(module, nn.Embedding | nn.EmbeddingBag) and module.max_norm is not None:
                self._tensors[id(module.weight)] = module.weight, module.weight.detach(), replica(module.weight)

    def restore(self) -> None:
        for item, content in self._containers.values():
            if isinstance(item, list | collections.deque):
                if len(item) != len(content) or any(a is not b for a, b in zip(item, content)):
                    item.clear()
                    item.extend(content)
            elif isinstance(item, set):
                if item != content:
                    item.clear()
                    item.update(content)
            elif [*item] != [*content] or any(item[k] is not v for k, v in content.items()):
                item.clear()
                item.update(content)
        for generator, state in self._generators.values():
            generator.set_state(state)
        with torch.no_grad():
            for tensor, data, value in self._tensors.values():
                flags = self._flags.get(id(tensor))  # of leaves alone
                if flags and not tensor.is_leaf:  # written to in a pass with gradients
                    tensor.detach_()
                if is_plain(tensor) and (tensor.data_ptr(), tensor.shape) != (data.data_ptr(), data.shape):
                    tensor.data = data
                if value is not None and not _same_bits(tensor, value):
                    tensor.copy_(value)
                if flags:
                    required, gradient, _ = flags
                    if tensor.requires_grad != required:
                        tensor.requires_grad_(required)
                    if tensor.grad is not gradient:
                        tensor.grad = gradient

    def is_lost(self, parameter: nn.Parameter) -> bool:
        """Whether a parameter, of which there is no copy, was written to."""
        kept, flags = self._tensors.get(id(parameter)), self._flags.get(id(parameter))
        return kept is not None and kept[2] is None and flags is not None and flags[2] != _version(parameter)

    def _keep(self, item: Any) -> None:
        if isinstance(item, torch.Tensor):
            if id(item) not in self._tensors:  # parameters are not written to; see `trace`
                value = None if isinstance(item, nn.Parameter) else replica(item)
                self._tensors[id(item)] = item, item.detach(), value
            if item.is_leaf:
                self._flags[id(item)] = item.requires_grad, item.grad, _version(item)
        elif isinstance(item, torch.Generator):
            self._generators[id(item)] = item, item.get_state()
        elif isinstance(item, tuple):
            for inner in item:
                self._keep(inner)
        elif type(item) in _CONTAINERS and id(item) not in self._containers:
            self._containers[id(item)] = item, copy.copy(item)
            for inner in [*item.values()] if isinstance(item, dict) else [*item]:
                self._keep(inner)


_CONTAINERS = dict, list, set, collections.OrderedDict, collections.defaultdict, collections.deque


def _version(tensor: torch.Tensor) -> int | None:
    return None if tensor.is_inference() else tensor._version


def _same_bits(one: torch.Tensor, other: torch.Tensor) -> bool:
    if not is_plain(one):
        return False
    return torch.equal(one.reshape(-1).view(torch.uint8), other.reshape(-1).view(torch.uint8))


def _eagerly() -> contextlib.AbstractContextManager:
    """Parts that torch.compile would compile are run as they are."""
    if "torch._dynamo" not in sys.modules:  # nothing was compiled, and importing it takes seconds
        return contextlib.nullcontext()
    return torch.compiler.set_stance("force_eager")


def _innermost(model: nn.Module, error: Exception) -> str:
    """The module whose code an exception comes from."""
    names = {id(part): name for name, part in model.named_modules()}
    found, frame = model, error.__traceback__
    while frame is not None:
        part = frame.tb_frame.f_locals.get("self")
        if id(part) in names:
            found = part
        frame = frame.tb_next
    name = names[id(found)]
    return f"module {name}, {type(found).__name__}," if name else f"model {type(found).__name__}"


def _refuse_reentrant(outputs: Any) -> None:
    """Parts that are computed again by the one kind of checkpoints that gives no gradients by states."""
    nodes = [t.grad_fn for _, t in walk(outputs)]
    seen = {None}
    while nodes:
        if (node := nodes.pop()) not in seen:
            seen.add(node)
            if node.name() == "CheckpointFunctionBackward":
                raise InfoflowError("check: the model calls torch.utils.checkpoint; give it use_reentrant=False")
            nodes += [n for n, _ in node.next_functions]


def _floats(item: Any) -> bool:
    return isinstance(item, torch.Tensor) and (item.is_floating_point() or item.is_complex())


def _at(content: Any, path: tuple) -> Any:
    for key in path:
        try:
            content = content[key]
        except (TypeError, KeyError, IndexError):
            content = getattr(content, key, None) if isinstance(key, str) else None
    return content


def _tap(tensor: torch.Tensor, written: bool, gradients: bool, first: bool) -> torch.Tensor:
    """What to keep of a state: itself, or a copy that the network goes on from, if it writes over it later."""
    if not written:
        return tensor.requires_grad_() if gradients and first and not tensor.requires_grad else tensor
    copied = tensor.clone()
    if gradients:  # whoever holds the tensor, it now depends on the copy
        copied = copied if copied.requires_grad or not first else copied.requires_grad_()
        tensor.copy_(copied)
    return copied
