"""Weights in files: state dicts as torch and safetensors save them, alone or within a checkpoint. Nothing else is read.

What wraps a network leaves its trace in the names of its weights: `module.` of DataParallel, `_orig_mod.` of
torch.compile, `model.` of a LightningModule.
"""

import os
import re
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import safetensors.torch
import torch

from infoflow.errors import InfoflowError
from infoflow.files.pointers import refuse_pointer

StateDict = dict[str, torch.Tensor]

WITHIN = (
    "state_dict",
    "model_state_dict",
    "model",
    "network",
    "net",
    "weights",
    "params",
    "module",
    "model_ema",
    "ema",
)
"""Keys of checkpoints that hold a state dict, the more telling before the others."""
WRAPPERS = ("module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")
"""Parts of names that are no module of a network, but what it was wrapped in."""
_UNKNOWN = re.compile(r"GLOBAL ([\w.]+)")
_TOLD = 3


def read_state_dict(file: BinaryIO, path: Path) -> StateDict:
    """The floating-point tensors of a file, by name; of a checkpoint those of its state dict.

    Args:
        file: open at its beginning; `path` is for the messages.

    Raises:
        InfoflowError: it is damaged, or holds no state dict, or what only running its code would read.
    """
    refuse_pointer(path)
    found: Any = _of_safetensors(file, path) if _is_safetensors(file, path) else _of_torch(file, path)
    for _ in range(len(WITHIN)):
        if not isinstance(found, Mapping) or _is_plain(found):
            break
        inner = [key for key in WITHIN if isinstance(found.get(key), Mapping)]
        if not inner:
            break
        found = found[inner[0]]
    if not isinstance(found, Mapping) or not _is_plain(found):
        keys = f"; it has {', '.join(map(str, list(found)[:10]))}" if isinstance(found, Mapping) and found else ""
        raise InfoflowError(
            f"{path}: not a state dict, which is floating-point tensors by name, nor a checkpoint that holds one as "
            f"{' or '.join(WITHIN[:3])}{keys}; save one there, torch.save(network.state_dict(), path)"
        )
    weights = {str(name): p for name, p in found.items() if p.is_floating_point()}
    return {name: p if p.dtype in (torch.float32, torch.float64) else p.float() for name, p in weights.items()}


def unwrap(given: StateDict, wanted: Collection[str], path: Path) -> StateDict:
    """The tensors under the names that a network has, without what it was wrapped in.

    Tensors of other modules beside it, like a loss, are left out; what is of it by its name, but is not wanted, stays.

    Raises:
        InfoflowError: the network is there several times.
    """
    if wanted <= given.keys():
        return given
    parts = {name: ".".join(p for p in name.split(".") if p not in WRAPPERS) for name in given}
    if len(set(parts.values())) == len(parts):
        given = {parts[name]: p for name, p in given.items()}
    prefixes = {name.removesuffix(one) for name in given for one in wanted if name == one or name.endswith(f".{one}")}
    there = {p: sum(p + one in given for one in wanted) for p in prefixes}
    whole = sorted(p for p in prefixes if there[p] == len(wanted))
    if len(whole) > 1:
        raise InfoflowError(
            f"{path}: it holds the network several times, as {', '.join(whole[:_TOLD])}; save the "
            "state dict of one of them"
        )
    best = max(there, key=there.get, default="")  # of what lacks some, so that these are told by their names
    if there.get(best, 0) <= len(wanted) // 2:
        return given
    return {name.removeprefix(best): p for name, p in given.items() if name.startswith(best)}


def _is_safetensors(file: BinaryIO, path: Path) -> bool:
    beginning = file.read(9)
    file.seek(0)
    return path.suffix.lower() == ".safetensors" or (len(beginning) == 9 and beginning[8:] == b"{")


def _of_safetensors(file: BinaryIO, path: Path) -> StateDict:
    try:
        return safetensors.torch.load(file.read())
    except Exception as error:  # a damaged file fails in many ways
        raise InfoflowError(
            f"{path}: damaged, or not a file of safetensors ({' '.join(str(error).split())}); save one there, "
            "safetensors.torch.save_file(network.state_dict(), path)"
        ) from error


def _of_torch(file: BinaryIO, path: Path) -> Any:
    try:
        _refuse_others(file, path)
        return torch.load(file, map_location="cpu", weights_only=True)
    except InfoflowError:
        raise
    except Exception as error:
        unknown = sorted(set(_UNKNOWN.findall(str(error))))
        what = f"{type(error).__name__}{': ' if unknown else ''}{', '.join(unknown[:_TOLD])}"
        whole = any(name.startswith("torch.nn.") for name in unknown)
        there = ".state_dict()" if whole else '["state_dict"]'
        raise InfoflowError(
            f"{path}: damaged, or holds more than tensors ({what}), so nothing of it was used; save a state dict "
            f"there, torch.save(network.state_dict(), path), or, of {'a network' if whole else 'a checkpoint'} that "
            f"you trust, torch.save(torch.load(old, weights_only=False){there}, path)"
        ) from error


def _refuse_others(file: BinaryIO, path: Path) -> None:
    """Refuse by its kind what torch.save did not write, and what would be inflated to any size: it compresses nothing.

    Raises:
        InfoflowError: it is a file of another kind.
        ValueError: it holds more than its size.
    """
    beginning = file.read(512).lstrip()
    file.seek(0)
    if not beginning:
        raise InfoflowError(f"{path}: empty; save a state dict there, torch.save(network.state_dict(), path)")
    if beginning.startswith((b"{", b"<", b"\x1f\x8b", b"\x89HDF")):
        kind = {b"{": "JSON, like an index of several files,", b"<": "a page of the web", b"\x1f": "gzip"}
        told = kind.get(beginning[:1], "HDF5")
        raise InfoflowError(
            f"{path}: {told} and not weights; set weights to a file that torch.save or safetensors wrote, all of them "
            "in one"
        )
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            names = [part.filename for part in archive.infolist()]
            if any(name.endswith("/constants.pkl") for name in names):
                raise InfoflowError(
                    f"{path}: a program of TorchScript, which is not run; of one that you trust, "
                    "torch.save(torch.jit.load(old).state_dict(), path) makes a state dict"
                )
            if not any(name.endswith("data.pkl") for name in names):
                raise InfoflowError(
                    f"{path}: a ZIP archive of {', '.join(names[:_TOLD]) or 'nothing'}, which torch.save did not "
                    "write; unzip it, or save a state dict there, torch.save(network.state_dict(), path)"
                )
            if sum(part.file_size for part in archive.infolist()) > file.seek(0, os.SEEK_END):
                raise ValueError("it holds more than its size")
    file.seek(0)


def _is_plain(found: Mapping[Any, Any]) -> bool:
    """Whether all values are tensors that weights can be, or whole numbers that layers count in."""
    return all(
        isinstance(p, torch.Tensor) and not p.is_complex() and p.layout == torch.strided and p.device.type == "cpu"
        for p in found.values()
    ) and (not found or any(p.is_floating_point() for p in found.values()))
