"""Architectures: a network is a list of blocks and a readout head.

- A `Block` pairs the frozen forward map of one layer with the inverse map that is trained to undo it.
- A `Network` is the blocks, in the order in which the input meets them, and the maps of the readout head.

An architecture is one module of this package, named like its `kind`, with `build` (see `build_network`). Whatever is
made of convolutions, dense layers and pooling can be cut into blocks by `infoflow.modules`.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from infoflow.maps import Map, Parameters


@dataclass(frozen=True)
class Block:
    """One layer of the probed network and the reconstruction network that is trained to undo it."""

    forward: Map
    inverse: Map
    name: str = field(default="", compare=False)

    def __post_init__(self):
        there, back = self.forward, self.inverse
        if back.input_shape != there.output_shape or back.output_shape != there.input_shape:
            raise ValueError(
                f"the inverse maps {back.input_shape} to {back.output_shape}, "
                f"but its layer maps {there.input_shape} to {there.output_shape}"
            )


@dataclass(frozen=True)
class Network:
    """The blocks and the maps of the readout head, whose last one gives the class scores."""

    blocks: tuple[Block, ...]
    head: tuple[Map, ...]


def kinds() -> list[str]:
    """Names of all architectures: the modules of this package."""
    return sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))


def build_network(
    options: Mapping[str, Any], input_shape: tuple[int, ...], classes: int, depth: int, readout: str = "logits"
) -> Network:
    """The network of one grid point.

    Args:
        options: the architecture's entry of the config; `kind` names the module.
        input_shape: shape of one image, without the batch axis: [row, column] or [row, column, channel].
        classes: number of classes of the readout.
        depth: depth as the architecture counts it.
        readout: `logits` (linear); otherwise the head ends with φ as well, as published.

    Raises:
        InfoflowError: the architecture cannot take such images, or has no such depth.
    """
    return _module(options).build(options, tuple(input_shape), classes, depth, readout)


def load_weights(
    options: Mapping[str, Any], data_root: Path, input_shape: tuple[int, ...], depth: int
) -> list[Parameters] | None:
    """Trained parameters of the blocks, without an axis of networks; None if the architecture's are random.

    Raises:
        InfoflowError: the file is missing, damaged, or of another network.
    """
    if not options.get("weights"):
        return None
    return _module(options).load_weights(options, data_root, tuple(input_shape), depth)


def _module(options: Mapping[str, Any]) -> ModuleType:
    return importlib.import_module(f"{__name__}.{options['kind']}")
