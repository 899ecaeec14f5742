"""The kernel cascade of networks that are modules of PyTorch: the reconstructions from the state behind every block."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from infoflow.architectures.modular import Modular, draw_module
from infoflow.engine.initialization import Ensemble
from infoflow.errors import InfoflowError
from infoflow.modules.capture import Blocks, capture, cut, untouched, unwrap
from infoflow.reconstruction.kernel import Gram, Reconstruction, cascade_of, gram


@dataclass(frozen=True)
class Probed:
    """What is known of the hidden blocks of R replicas, L of them: all but the last one, which gives the scores.

    Attributes:
        names: of the blocks, equal for all replicas.
        widths: numbers per sample behind them.
        grams: of their states.
    """

    names: tuple[str, ...]
    widths: tuple[int, ...]
    grams: tuple[Gram, ...]


def probe(network: Modular, ensemble: Ensemble, images: torch.Tensor, fit: int, options: Mapping[str, Any]) -> Probed:
    """Run every replica once, on all images together.

    Normalisations by the batch are those of that batch, as in training.

    Args:
        images: those to fit to, then those of the evaluation set, [n + S, *image_shape]; their dtype and device are
            those of the states.
        fit: n.
        options: kernel_penalty, kernel_noise.

    Raises:
        InfoflowError: the module cannot be made or cut into blocks, or replicas have different blocks.
    """
    inputs, relative = network.inputs(images), options["kernel_noise"] == "relative"
    found: list[Probed] = []
    for replica in ensemble.replicas:
        module = draw_module(network, ensemble, replica, dtype=images.dtype, device=images.device)
        with untouched(module):
            blocks = cut_module(network, module, inputs)
            hidden = capture(blocks, inputs).states[1:-1]
        grams = tuple(gram(state[None], fit, options["kernel_penalty"], relative) for state in hidden)
        names = tuple(block.name for block in blocks.blocks[:-1])
        found.append(Probed(names, tuple(state[0].numel() for state in hidden), grams))
    if len({(one.names, one.widths) for one in found}) > 1:
        raise InfoflowError(f"{network.name}: replicas have different blocks; only weights may be random")
    layers = zip(*(one.grams for one in found))
    return Probed(found[0].names, found[0].widths, tuple(map(_together, layers)))


def reconstruct(probed: Probed, images: torch.Tensor, fit: int) -> Iterator[Reconstruction]:
    """The reconstructions from every hidden block, one block after the other; see `probe` for the arguments."""
    return cascade_of(images.flatten(1).double(), probed.grams, fit)


def cut_module(network: Modular, module: torch.nn.Module, inputs: torch.Tensor) -> Blocks:
    """Blocks of a module, two at least, within `untouched`.

    Raises:
        InfoflowError: see `capture.cut`; or it is all one block.
    """
    try:
        blocks = cut(unwrap(module), inputs)
    except InfoflowError as error:
        raise InfoflowError(f"{network.name}: {str(error).removeprefix('check: ')}") from error
    if len(blocks.blocks) < 2:
        raise InfoflowError(
            f"{network.name}: it is a single block, {blocks.blocks[0].name}: nowhere within it does one tensor carry "
            "all that is known of the input"
        )
    return blocks


def _together(replicas: Sequence[Gram]) -> Gram:
    return Gram(*(torch.cat([getattr(one, name) for one in replicas]) for name in ("products", "square", "noise")))
