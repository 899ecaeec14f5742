"""The kernel cascade: the reconstructions from every layer in closed form, from the Gram matrices of its states alone.

n fit samples and S evaluation samples run through a frozen network once. With the states X_l [n, d_l] and E_l [S, d_l],
flattened and centred by the mean over the fit samples, A_l = [X_l; E_l] X_lᵀ, and K_l its first n rows, the ridge
inverses c_l of all layers (physics.md E13, with the same samples) compose to the recursion

    [T_l; C^l - μ_0] = A_l (K_l + n λ_l 1)^{-1} T_{l-1},  T_0 = X_0,

C^l the reconstructions of the evaluation samples from layer l. It needs to know nothing of a layer but its states,
whatever their shape, and costs O(L) instead of O(L²). Source: physics.md F1.
"""

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import torch

from infoflow.errors import InfoflowError

TOGETHER = {"cpu": 4 << 20, "cuda": 256 << 20}
"""Bytes of the Gram matrices of consecutive layers that are factored as one batch, which keeps a GPU busy."""
ROUNDING = 10 * torch.finfo(torch.float64).eps
"""Share of its trace to which a Gram matrix is known; a noise below it cannot be resolved, and is raised to it."""
TINY = 1e-150
"""What is smaller is zero: products of such numbers are too small for fast arithmetic."""
PART = 64 << 20
"""Bytes of the states, in float64, whose products are added at a time."""


@dataclass(frozen=True)
class Gram:
    """What the recursion knows of a layer.

    Attributes:
        products: A, [R, n + S, n], float64.
        square: mean square of the states of the fit samples over units and samples, [R].
        noise: λ_l, [R].
    """

    products: torch.Tensor
    square: torch.Tensor
    noise: torch.Tensor

    def with_noise(self, penalty: float, relative: bool) -> "Gram":
        """The same layer read with another noise; see `kernel_cascade`."""
        noise = torch.full_like(self.square, penalty)
        if relative:
            noise = torch.where(self.square > 0, penalty * self.square, noise)
        return replace(self, noise=noise)


@dataclass(frozen=True)
class Reconstruction:
    """What is reconstructed from a layer.

    Attributes:
        images: [R, S, P], float64; NaN from the first layer on whose states of the fit samples are not finite or cannot
            be squared; a sample to evaluate that is not finite is NaN alone.
        constant: whether the states of all fit samples are equal, [R] of bool: all images are then the mean of the fit
            samples.
    """

    images: torch.Tensor
    constant: torch.Tensor


@torch.no_grad()
def kernel_cascade(
    states: Iterable[torch.Tensor], fit: int, penalty: float, relative: bool = False
) -> Iterator[Reconstruction]:
    """The reconstructions from every layer, one layer after the other.

    All but the states is float64, on their device. A state is let go before the one after the next is asked for.

    Args:
        states: of the input, [1, n + S, *shape], then of every layer, [R, n + S, *shape]; the fit samples come first.
        fit: their number n.
        penalty: λ, the variance of the noise on every unit that a reader of a layer has to live with.
        relative: whether λ is in units of the layer's mean square over units and fit samples, so that the scale of a
            layer makes no difference; where all its states are zero it is absolute.

    Raises:
        InfoflowError: the penalty, or a number of samples, makes no sense.
    """
    if not (math.isfinite(penalty) and penalty > 0):
        raise InfoflowError(f"kernel cascade: the penalty is {penalty}; it has to be above 0")
    states = iter(states)
    centred, mean = _centre(next(states)[0].flatten(1).double(), fit)
    yield from _recursion(centred, mean, (gram(x, fit, penalty, relative) for x in states))


@torch.no_grad()
def cascade_of(inputs: torch.Tensor, layers: Iterable[Gram], fit: int) -> Iterator[Reconstruction]:
    """`kernel_cascade`, of inputs [n + S, P] in float64 and what is known of the layers.

    Raises:
        InfoflowError: a number of samples makes no sense.
    """
    yield from _recursion(*_centre(inputs, fit), layers)


def _centre(inputs: torch.Tensor, fit: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The fit samples about their mean, [n, P], and that, [P]."""
    if not 2 <= fit < len(inputs):
        raise InfoflowError(
            f"kernel cascade: {fit} of {len(inputs)} samples to fit to; there have to be 2, and one more to evaluate"
        )
    mean = inputs[:fit].mean(0)
    return inputs[:fit] - mean, mean


def _recursion(centred: torch.Tensor, mean: torch.Tensor, layers: Iterable[Gram]) -> Iterator[Reconstruction]:
    fit = len(centred)
    # where there are more pixels than samples, the recursion is of the samples' coefficients
    wide = centred.shape[1] > fit
    reads = torch.eye(fit, dtype=centred.dtype, device=centred.device) if wide else centred
    layers = iter(layers)
    while batch := _batch(layers):
        for factor, layer in zip(_factors(batch), batch):
            found = layer.products @ torch.cholesky_solve(reads.expand(len(factor), *reads.shape[-2:]), factor)
            found.masked_fill_(found.abs() < TINY, 0.0)
            reads, images = found[:, :fit], found[:, fit:]
            yield Reconstruction(
                mean + (images @ centred if wide else images),
                layer.products.diagonal(dim1=1, dim2=2).eq(0).all(1),
            )


def gram(states: torch.Tensor, fit: int, penalty: float, relative: bool = False) -> Gram:
    """Gram matrices of the states [R, n + S, *shape] of a layer; see `kernel_cascade`."""
    states = states.flatten(2)
    replicas, samples, units = states.shape
    products = None
    square = torch.zeros(replicas, dtype=torch.float64, device=states.device)
    for part in states.split(max(1, PART // (8 * replicas * samples)), dim=2):
        part = part.to(torch.float64, copy=True)
        square += part[:, :fit].square().sum((1, 2))
        # as differences from the first sample: of states that are all equal nothing is left, not even rounding
        part -= part[:, :1].clone()
        part -= part[:, :fit].mean(1, keepdim=True)
        product = part @ part[:, :fit].mT
        products = product if products is None else products.add_(product)
    square /= fit * units
    return Gram(products, square, square).with_noise(penalty, relative)


@torch.no_grad()
def read(layer: Gram, targets: torch.Tensor) -> torch.Tensor:
    """What of some targets can be read from a layer: their ridge regression on its states.

    Args:
        targets: of the n fit samples, [n, C], float64.

    Returns:
        Of the evaluation samples, [R, S, C].
    """
    (factor,) = _factors([layer])
    mean = targets.mean(0)
    fit = layer.products.shape[-1]
    return mean + layer.products[:, fit:] @ torch.cholesky_solve((targets - mean).expand(len(factor), -1, -1), factor)


def _batch(layers: Iterator[Gram]) -> list[Gram]:
    """The next layers that are factored together."""
    first = next(layers, None)
    if first is None:
        return []
    together = TOGETHER.get(first.products.device.type, TOGETHER["cpu"])
    size = first.products.element_size() * first.products.numel()
    return [first, *itertools.islice(layers, max(1, together // size) - 1)]


def _factors(layers: list[Gram]) -> torch.Tensor:
    """Cholesky factors of K + n λ 1, [L, R, n, n]; NaN where there is none."""
    fit = layers[0].products.shape[-1]
    matrix = torch.stack([layer.products[:, :fit] for layer in layers])
    diagonal = matrix.diagonal(dim1=-2, dim2=-1)
    noise = fit * torch.stack([layer.noise for layer in layers])
    diagonal += torch.maximum(noise, ROUNDING * diagonal.sum(-1))[..., None]
    factors, failed = torch.linalg.cholesky_ex(matrix)
    factors[(failed > 0) | ~noise.isfinite()] = math.nan
    return factors
