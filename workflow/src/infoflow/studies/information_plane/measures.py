"""What the layers of trained networks know: information by every estimator, and what the cascade reconstructs of them.

All networks and epochs are one batch. Inputs are equally likely, and the estimators see all of them, those that the
network is trained on and the rest; so does the ridge regression of the cascade (`reconstruction.ridge`).
"""

import itertools
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from infoflow.engine.maps.dense import Dense
from infoflow.engine.network import Block
from infoflow.engine.parallel import for_each
from infoflow.estimators.estimate import Information, estimate_all, output_names
from infoflow.reconstruction.cascade import compose_cascades
from infoflow.reconstruction.divergence import differential_entropy, explained_variance, relative_entropy
from infoflow.reconstruction.fit import fit_inverses
from infoflow.studies.information_plane.training import layers_of, states
from infoflow.studies.information_plane.variables import RECONSTRUCTED

logger = logging.getLogger(__name__)

MEMORY = 1 << 28
"""Bytes of the states of all networks that are taken at once."""


def estimate_information(
    inputs: torch.Tensor,
    labels: np.ndarray,
    parameters: torch.Tensor,
    widths: Sequence[int],
    activation: str,
    estimators: Mapping[str, Mapping[str, Any]],
    seed: int,
) -> Information:
    """I(X;T) and I(T;Y) of every layer, the output included, in bits: [estimator, K, L]; NaN for broken networks.

    Args:
        inputs: N different samples [N, d].
        labels: [N].
        parameters: of K networks, see `training.layers_of`.
        widths: of the input, the hidden layers and the output.
        estimators: entries of the config, by name; the order is that of the result (`estimate.output_names`).
    """
    names = output_names(estimators)
    layers = len(widths) - 1
    found = Information(*(np.full((len(names), len(parameters), layers), np.nan) for _ in range(2)))
    started = time.monotonic()
    for some in _finite(parameters, widths, len(inputs)):
        for l, layer in enumerate(states(parameters[some], widths, activation, inputs)):
            answers = layer.mT.contiguous().float().cpu().numpy()
            estimates = estimate_all(answers, labels, estimators, seed=seed)
            for index, name in enumerate(names):
                found.input[index, some, l] = estimates[name].input
                found.label[index, some, l] = estimates[name].label
        logger.info(
            "information of %d of %d networks  %.1f s", some[-1] + 1, len(parameters), time.monotonic() - started
        )
    return found


def measure_reconstruction(
    inputs: torch.Tensor,
    parameters: torch.Tensor,
    widths: Sequence[int],
    activation: str,
    options: Mapping[str, Any],
    seed: int,
) -> dict[str, np.ndarray]:
    """What the cascade reconstructs of the input from every hidden layer: RECONSTRUCTED, each [K, L - 1], float64.

    Args:
        inputs, parameters, widths: see `estimate_information`.
        options: ridge_penalty, ridge_samples.
    """
    shapes = [(width,) for width in widths[:-1]]
    blocks = [Block(Dense(a, b, activation), Dense(b, a, "linear")) for a, b in itertools.pairwise(shapes)]
    found = {name: np.full((len(parameters), len(blocks)), np.nan) for name in RECONSTRUCTED}
    reference = inputs.double().cpu().numpy()
    for some in _finite(parameters, widths, len(inputs) * len(blocks)):
        frozen = [
            {"weight": w[:, :, :-1].mT.contiguous(), "bias": w[:, :, -1:].mT.contiguous()}
            for w in layers_of(parameters[some], widths)[:-1]
        ]
        networks = range(len(some))
        inverses = fit_inverses(blocks, frozen, inputs, {"method": "ridge", **options}, seed=seed, replicas=networks)
        images, _ = compose_cascades(
            [b.forward for b in blocks], frozen, inverses.maps, inverses.parameters, inputs, len(some)
        )
        images = images.cpu().numpy()

        def score(k: int, images=images, some=some) -> None:
            found["relative_entropy"][some[k]] = relative_entropy(reference, images[k]).mean(1)
            found["differential_entropy"][some[k]] = differential_entropy(images[k])
            found["explained_variance"][some[k]] = explained_variance(reference, images[k])

        for_each(networks, score, torch.device("cpu"), len(some))
    return found


def _finite(parameters: torch.Tensor, widths: Sequence[int], samples: int) -> list[np.ndarray]:
    """Indices of the networks whose numbers are finite, as many together as fit into MEMORY."""
    usable = np.flatnonzero(parameters.isfinite().all(1).cpu().numpy())
    size = max(1, MEMORY // (8 * samples * sum(widths)))
    return [usable[first : first + size] for first in range(0, len(usable), size)]
