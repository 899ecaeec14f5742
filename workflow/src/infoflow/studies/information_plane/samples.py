"""The samples that the networks of the information plane are trained and measured on."""

import numpy as np
import torch

from infoflow.datasets.prepared import refuse_one_class
from infoflow.engine.images import PreparedImages
from infoflow.errors import InfoflowError


def take_samples(
    images: PreparedImages, samples: int | None, seed: int, where: str
) -> tuple[torch.Tensor, torch.Tensor]:
    """All samples of a data set, its training part first, as vectors [N, d], and their labels [N].

    Args:
        samples: a random choice of so many, which keep their order; None, all.
        where: the file that they come from, for the messages.

    Raises:
        InfoflowError: there are not so many, all are of one class, or some are equal: information counts inputs that
            differ.
    """
    inputs = torch.cat([images.train_images, images.test_images]).flatten(1)
    labels = torch.cat([images.train_labels, images.test_labels])
    if samples is not None:
        if samples > len(inputs):
            raise InfoflowError(f"information_plane.samples is {samples}, but {where} has only {len(inputs)} samples")
        chosen = np.sort(np.random.default_rng([seed, 2]).permutation(len(inputs))[:samples])
        inputs, labels = inputs[chosen], labels[chosen]
    refuse_one_class(where, labels)
    if (different := len(torch.unique(inputs, dim=0))) < len(inputs):
        raise InfoflowError(
            f"{where}: {len(inputs) - different} of {len(inputs)} samples equal another one; the information plane "
            "needs inputs that differ"
        )
    return inputs, labels


def narrow(measured: dict[str, tuple]) -> dict[str, tuple]:
    """Dimensions and values by name, those of float64 as float32."""
    return {
        name: (dimensions, values.astype(np.float32) if values.dtype == np.float64 else values)
        for name, (dimensions, values) in measured.items()
    }
