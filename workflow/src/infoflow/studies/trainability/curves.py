"""From reconstructions to curves over the layers: entropies, explained variance, saturation depth."""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from infoflow.files.conventions import DIVERGED, OK
from infoflow.files.results import Variable, describe
from infoflow.reconstruction.divergence import (
    differential_entropy,
    explained_variance,
    relative_entropy,
    saturation_case,
    saturation_depth,
)
from infoflow.studies.trainability.about import EVALUATED
from infoflow.studies.trainability.variables import QUANTILES


@dataclass(frozen=True)
class Curves:
    """Of R replicas, L layers and S evaluation samples; NaN where not `ok`.

    Attributes:
        ok: whether the numbers of a layer, and of all before it, are finite, [R, L]. A layer is reconstructed through
            all layers before it, and is of no use without them; it knows nothing of those behind it.
        divergence: D(input ‖ reconstruction), [R, L, S], nats.
        entropy: H of the reconstructions, [R, L], nats per pixel.
        explained: R², [R, L].
    """

    ok: np.ndarray
    divergence: np.ndarray
    entropy: np.ndarray
    explained: np.ndarray

    def where(self, values: np.ndarray) -> np.ndarray:
        """Values [R, L], NaN where not ok."""
        return np.where(self.ok, values, np.nan)


def measure_curves(layers: Iterable[np.ndarray], images: np.ndarray, offset: float) -> Curves:
    """Curves over the layers from the reconstructions of each, [R, S, P], of the images [S, P].

    One layer at a time: that of all would take too much memory.

    Args:
        offset: see `divergence.normalise`.
    """
    images = np.asarray(images, np.float64)
    # one buffer that grows: small arrays kept from every layer would keep the allocator from reusing the large ones
    found = array("d")
    ok: np.ndarray | bool = True
    for layer in layers:
        ok = np.isfinite(layer).all(axis=(1, 2)) & ok
        row = np.full((len(ok), len(images) + 3), np.nan)
        row[:, 0] = ok
        for r in np.flatnonzero(ok):
            row[r, 1:-2] = relative_entropy(images, layer[r], offset)
            row[r, -2:] = differential_entropy(layer[r], offset), explained_variance(images, layer[r])
        found.frombytes(row.tobytes())
    values = np.array(found).reshape(-1, *row.shape).swapaxes(0, 1)
    return Curves(values[..., 0] > 0, values[..., 1:-2], values[..., -2], values[..., -1])


def describe_curves(curves: Curves, rtol: float) -> dict[str, Variable]:
    """Variables of a result, over replica, layer, quantile and saturation measure.

    The saturation at a layer is that of the network that ends with it.

    Args:
        rtol: see `divergence.saturation_depth`.
    """
    depths, cases = _saturation(curves.divergence, curves.entropy, rtol)
    per_layer = ("replica", "layer")
    saturation = (*per_layer, "measure")
    quantiles = np.moveaxis(np.quantile(curves.divergence, QUANTILES, axis=-1), 0, -1)
    found = {
        "relative_entropy": ((*per_layer, "quantile"), quantiles.astype(np.float32)),
        "relative_entropy_mean": (per_layer, curves.divergence.mean(axis=-1).astype(np.float32)),
        "differential_entropy": (per_layer, curves.entropy.astype(np.float32)),
        "explained_variance": (per_layer, curves.explained.astype(np.float32)),
        "saturation_depth": (saturation, depths.astype(np.float32)),
        "saturation_case": (saturation, cases),
        "probe_status": (per_layer, np.where(curves.ok, OK, DIVERGED).astype(np.int8)),
    }
    return describe(found, EVALUATED)


def _saturation(divergences: np.ndarray, entropy: np.ndarray, rtol: float) -> tuple[np.ndarray, np.ndarray]:
    """Saturation depth and case of the networks that end with each of the layers, both [R, L, measure].

    Args:
        divergences: [R, L, S].
        entropy: [R, L].
    """
    median = np.median(divergences, axis=-1)
    depths, cases = [], []
    for last in range(1, median.shape[1] + 1):
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.median(divergences[:, :last] / divergences[:, last - 1 : last], axis=-1)
        curves = np.stack([ratio, median[:, :last], entropy[:, :last]], axis=1)
        depths.append(saturation_depth(curves, rtol))
        cases.append(saturation_case(curves, rtol))
    return np.stack(depths, axis=1), np.stack(cases, axis=1)
