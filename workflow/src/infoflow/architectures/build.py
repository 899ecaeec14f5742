"""From an entry of the config to a network.

An architecture is one module of this package, named like its `kind`, with `build` (see `build_network`), and one entry
of `kinds.ARCHITECTURES`. Whatever is made of convolutions, dense layers and pooling can be cut into blocks by
`modules`; what is any other module of PyTorch is a `modular.Modular` in place of a `Network`.
"""

import importlib
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from infoflow.engine.maps.map import Parameters
from infoflow.engine.network import Network

if TYPE_CHECKING:
    from infoflow.architectures.modular import Modular


def build_network(
    options: Mapping[str, Any], input_shape: tuple[int, ...], classes: int, depth: int, readout: str = "logits"
) -> "Network | Modular":
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
    return importlib.import_module(f"infoflow.architectures.{options['kind']}")
