"""Reconstruction networks: for every layer of a frozen network a one-layer network that takes x_l back to x_{l-1}.

A method of finding them is one module of this package, named like it, with `fit` (see `fit_inverses`).
"""

import importlib
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from infoflow.engine.maps.map import Map, Parameters
from infoflow.engine.network import Block
from infoflow.reconstruction.walk import Chunk

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Inverses:
    """Reconstruction networks of L layers and R replicas.

    Attributes:
        maps: one per layer; `apply` evaluates them.
        parameters: one dict per layer, stacked over replicas.
        losses: mean squared error on the training set, [R, L, N]: per step, or a single number for closed forms.
    """

    maps: Sequence[Map]
    parameters: Sequence[Parameters]
    losses: torch.Tensor


class Progress:
    """Says in the log which layers are done, and when."""

    def __init__(self):
        self._started = time.monotonic()

    def __call__(self, chunk: Chunk, depth: int, replicas: Sequence[int], loss: torch.Tensor) -> None:
        logger.info(
            "probe layers %d-%d of %d, replicas %s  loss %.5f  %.1f s",
            chunk.layers.start + 1,
            chunk.layers.stop,
            depth,
            ", ".join(map(str, replicas[chunk.rows])),
            loss,
            time.monotonic() - self._started,
        )


def fit_inverses(
    blocks: Sequence[Block],
    frozen: Sequence[Parameters],
    images: torch.Tensor,
    options: Mapping[str, Any],
    *,
    seed: int,
    replicas: Sequence[int],
    at_once: int | None = None,
) -> Inverses:
    """Find the reconstruction networks of a frozen network.

    Args:
        blocks: the L layers and their inverses.
        frozen: parameters of the layers, stacked over replicas.
        images: training images [M, *input_shape]; their dtype and device are those of the whole computation.
        options: section `probe` of the config; `method` names the module, the rest is its business.
        replicas: indices of the R replicas; replica r does not depend on which others are computed with it.
        at_once: networks that are computed as one batch, see `walk.walk`.

    Raises:
        InfoflowError: the method cannot be used for such layers.
    """
    module = importlib.import_module(f"infoflow.reconstruction.{options['method']}")
    return module.fit(blocks, frozen, images, options, seed=seed, replicas=replicas, at_once=at_once)
