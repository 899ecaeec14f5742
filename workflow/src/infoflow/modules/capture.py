"""The states behind the blocks of a network, by hooks on the modules where they are cut; the network stays as it is.

Normalisations by the batch work as in training, as an untrained one is the identity otherwise; dropout and stochastic
depth are off. Whatever a pass changes, running statistics, flags, attributes, the state of the random numbers, is put
back, to the bit.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils._pytree import tree_map

from infoflow.errors import InfoflowError
from infoflow.modules.blocks import INPUT, OUTPUT, Block, Place, find_blocks
from infoflow.modules.trace import trace, walk

TRACED = 5
"""Samples of the pass that blocks are found with; a number that few axes have."""
_WRAPPERS = {"_orig_mod": "OptimizedModule", "module": ("DataParallel", "DistributedDataParallel")}


@dataclass(frozen=True)
class Blocks:
    """A network cut into blocks.

    Attributes:
        model: unwrapped.
        start: where the state that the first block gets is.
        blocks: in order; the state behind the last one is the outputs.
    """

    model: nn.Module
    start: Place
    blocks: tuple[Block, ...]


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
    while True:
        if isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
            model = model.module
        elif hasattr(model, "_orig_mod") and isinstance(model._orig_mod, nn.Module):
            model = model._orig_mod
        else:
            break
    for name, part in model.named_modules():
        said = f"check: module {name or type(part).__name__}, {type(part).__name__}"
        if isinstance(part, torch.jit.ScriptModule):
            raise InfoflowError(
                f"{said}: compiled by TorchScript, which cannot be looked into; give the module it was made of"
            )
        if "FullyShardedDataParallel" in type(part).__name__:
            raise InfoflowError(f"{said}: its weights lie on several devices; give the module before it was sharded")
        if "quantized" in type(part).__module__:
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
        InfoflowError: a parameter was changed by the model itself.
    """
    modules = list(model.modules())
    kept = [
        {k: v for k, v in m.__dict__.items() if not k.startswith("_forward") and k != "_backward_hooks"}
        for m in modules
    ]
    buffers = [{k: (b, None if b is None else b.clone()) for k, b in m._buffers.items()} for m in modules]
    versions = {name: (p, p._version) for name, p in model.named_parameters()}
    devices = sorted({t.device.index for t in model.parameters() if t.device.type == "cuda"})
    fast = torch.backends.mha.get_fastpath_enabled()
    try:
        with torch.random.fork_rng(devices=devices), _eagerly():
            torch.backends.mha.set_fastpath_enabled(False)
            for module in modules:
                module.training = _normalises_by_batch(module)
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        with torch.no_grad():
            for module, attributes, held in zip(modules, kept, buffers):
                for name in set(module.__dict__) - set(attributes):
                    if not name.startswith("_forward") and name != "_backward_hooks":
                        del module.__dict__[name]
                module.__dict__.update(attributes)
                for name, (buffer, value) in held.items():
                    module._buffers[name] = buffer
                    if buffer is not None and not _equal(buffer, value):
                        buffer.copy_(value)
    changed = [name for name, (p, version) in versions.items() if p._version != version]
    if changed:
        raise InfoflowError(f"check: the model changes its own parameter {changed[0]} when it is called")


def cut(model: nn.Module, batch: Any, blocks: str | Sequence[str] = "auto") -> Blocks:
    """Find the blocks of a network, within `untouched`.

    Args:
        batch: a tensor, or a tuple, list or dict of what the model is called with; the samples on the first axis.
        blocks: `auto`, or names of modules behind which to cut.

    Raises:
        InfoflowError: a name is not that of a module behind which the network can be cut; see `find_blocks`.
    """
    few = take(batch, slice(0, TRACED))
    record, root, outputs = trace(model, lambda inputs: call(model, inputs), few)
    if not any(t.is_floating_point() for _, t in walk(outputs)):
        raise InfoflowError("check: the model gives no tensor of floating numbers")
    start, found = find_blocks(record, root, size(few), None if blocks == "auto" else list(blocks))
    return Blocks(model, start, tuple(found))


def capture(blocks: Blocks, batch: Any, gradients: bool = False) -> States:
    """States of a batch, within `untouched`.

    Args:
        gradients: whether the states and outputs can be differentiated by the states before them.

    Raises:
        InfoflowError: a module was not called as when the blocks were found.
    """
    wanted: dict[nn.Module, list[tuple[int, Place]]] = {}
    places = [blocks.start, *(b.end for b in blocks.blocks)]
    for k, place in enumerate(places):
        if place.module is not None:
            wanted.setdefault(place.module, []).append((k, place))
    found: dict[int, torch.Tensor] = {}
    numbers: dict[tuple[nn.Module, str], int] = {}

    def take_from(part: nn.Module, side: str, content: Any) -> Any:
        number = numbers.get((part, side), 0)
        numbers[part, side] = number + 1
        for k, place in wanted[part]:
            if (place.side, place.number) != (side, number):
                continue
            tensor = _at(content, place.path)
            if not isinstance(tensor, torch.Tensor):
                continue
            if k == 0 and gradients and not tensor.requires_grad:
                tensor = tensor.detach().requires_grad_()
                content = _put(content, place.path, tensor)
            if place.written:  # what goes on is a copy, so that this one stays
                content = _put(content, place.path, tensor.clone())
            found[k] = tensor
        return content

    hooks = []
    try:
        for part in wanted:
            hooks.append(
                part.register_forward_pre_hook(
                    lambda part, args, kwargs: take_from(part, INPUT, (args, kwargs)), with_kwargs=True
                )
            )
            hooks.append(part.register_forward_hook(lambda part, args, outputs: take_from(part, OUTPUT, outputs)))
        if gradients:
            batch = tree_map(lambda t: t.detach().clone().requires_grad_() if _floats(t) else t, batch)
        with torch.enable_grad() if gradients else torch.no_grad():
            outputs = call(blocks.model, batch)
    finally:
        for hook in hooks:
            hook.remove()
    taps = {k: [tensor] for k, tensor in found.items()}
    if blocks.start.module is None:
        taps[0] = [t for _, t in walk(batch) if t.is_floating_point()]
        found[0] = taps[0][0] if len(taps[0]) == 1 else torch.cat([t.flatten(1) for t in taps[0]], 1)
    for k, place in enumerate(places[1:], start=1):
        if place.module is None:
            found[k] = _at(outputs, place.path)
            taps[k] = [found[k]]
        if k not in found:
            raise InfoflowError(
                f"check: module {blocks.blocks[k - 1].name} is called another way with another batch; name the blocks "
                "with blocks="
            )
    states = [found[k].movedim(place.axis, 0) if place.axis else found[k] for k, place in enumerate(places)]
    return States(states, [taps[k] for k in range(len(places))], outputs)


def call(model: nn.Module, batch: Any) -> Any:
    """The model called with a batch: a tensor, a tuple or list of arguments, or a dict of them by name."""
    if isinstance(batch, Mapping):
        return model(**batch)
    if isinstance(batch, tuple | list):
        return model(*batch)
    return model(batch)


def take(batch: Any, which: slice | torch.Tensor) -> Any:
    """Some samples of a batch."""
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


def _eagerly() -> contextlib.AbstractContextManager:
    """Parts that torch.compile would compile are run as they are."""
    stance = getattr(torch.compiler, "set_stance", None)
    return stance("force_eager") if stance else contextlib.nullcontext()


def _normalises_by_batch(module: nn.Module) -> bool:
    return isinstance(module, nn.modules.batchnorm._NormBase)


def _floats(item: Any) -> bool:
    return isinstance(item, torch.Tensor) and item.is_floating_point()


def _equal(one: torch.Tensor, other: torch.Tensor) -> bool:
    return torch.equal(one, other)


def _at(content: Any, path: tuple) -> Any:
    for key in path:
        try:
            content = content[key]
        except (TypeError, KeyError, IndexError):
            content = getattr(content, key, None) if isinstance(key, str) else None
    return content


def _put(content: Any, path: tuple, tensor: torch.Tensor) -> Any:
    """The content with another tensor in a place."""
    if not path:
        return tensor
    key, *rest = path
    if isinstance(content, tuple):
        items = list(content)
        items[key] = _put(items[key], tuple(rest), tensor)
        return type(content)(*items) if hasattr(content, "_fields") else type(content)(items)
    new = _put(_at(content, (key,)), tuple(rest), tensor)
    if isinstance(content, list):
        return [*content[:key], new, *content[key + 1 :]]
    if isinstance(content, Mapping) and type(content) is dict:
        return {**content, key: new}
    try:
        content[key] = new
    except TypeError:
        setattr(content, key, new)
    return content


Loss = Callable[[Any, Any], torch.Tensor]
"""Of outputs and labels."""
