"""The depth down to which networks can be trained, from trainings that succeeded and failed.

The probability that a network of depth d can be trained is taken to fall as p(d) = ε + (1 − 2ε)/(1 + (d/d½)^(1/s)), a
logistic function of ln d with threshold d½ and width s; ε = 0.02 lets a training go wrong anywhere. The posterior of
(d½, s) is computed on a grid, so that its intervals are those of few networks, too, and of those that all agree, where
a maximum of the likelihood would have none. Prior: flat in ln d½ from one step of the grid of depths above its first to
one below its last, log-normal in s about 0.08 with a factor e^0.7, the width that grids of tanh networks have.

Source: physics.md E15.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import expit

LAPSE = 0.02
_WIDTH, _WIDTH_FACTOR = 0.08, 0.7
_THRESHOLDS, _WIDTHS = 301, 9


@dataclass(frozen=True)
class Depths:
    """A grid of depths, and the grid of thresholds and widths that the posterior is computed on.

    Attributes:
        depths: [D], ascending.
        log_thresholds: ln d½, [M].
        widths: s, [S].
    """

    depths: np.ndarray
    log_thresholds: np.ndarray
    widths: np.ndarray

    @cached_property
    def curves(self) -> np.ndarray:
        """Probability that a network of each depth can be trained, [D, M, S]."""
        falls = (self.log_thresholds[:, None] - np.log(self.depths)[:, None, None]) / self.widths
        return LAPSE + (1 - 2 * LAPSE) * expit(falls)

    @cached_property
    def counts(self) -> np.ndarray:
        """How many of the depths are not deeper than each threshold, [M]."""
        return np.searchsorted(np.log(self.depths), self.log_thresholds, side="right")

    @cached_property
    def prior(self) -> np.ndarray:
        """Logarithm of the prior, [M, S], without a constant."""
        return np.broadcast_to(-0.5 * (np.log(self.widths / _WIDTH) / _WIDTH_FACTOR) ** 2, self.curves.shape[1:])

    def fit(self, succeeded: np.ndarray, trained: np.ndarray, prior: np.ndarray | None = None) -> "Posterior":
        """What some trainings say.

        Args:
            succeeded, trained: how many networks of each depth could be trained, and how many were, [D].
            prior: another one than `prior`, likewise.
        """
        lapsed = (trained - succeeded)[:, None, None]
        fits = succeeded[:, None, None] * np.log(self.curves) + lapsed * np.log1p(-self.curves)
        weights = (self.prior if prior is None else prior) + fits.sum(0)
        weights = np.exp(weights - weights.max())
        return Posterior(self, weights / weights.sum())


@dataclass(frozen=True)
class Posterior:
    """What is known of the threshold.

    Attributes:
        weights: of every (ln d½, s), [M, S]; their sum is 1.
    """

    grid: Depths
    weights: np.ndarray

    @cached_property
    def probability(self) -> np.ndarray:
        """That a network of each depth can be trained, [D]."""
        return np.tensordot(self.grid.curves, self.weights, 2)

    @cached_property
    def of_counts(self) -> np.ndarray:
        """Probability that none, the first, the first two, … of the depths are at most d½, [D + 1]."""
        return np.bincount(self.grid.counts, weights=self.weights.sum(1), minlength=len(self.grid.depths) + 1)

    def probability_quantiles(self, *levels: float) -> np.ndarray:
        """Quantiles of the probability that a network of each depth can be trained, [levels, D]."""
        weights = self.weights.ravel()
        found = np.empty((len(levels), len(self.grid.depths)))
        for d, curve in enumerate(self.grid.curves.reshape(len(found[0]), -1)):
            order = np.argsort(curve)
            found[:, d] = np.interp(levels, np.cumsum(weights[order]), curve[order])
        return found

    def quantiles(self, *levels: float) -> np.ndarray:
        """Of the threshold d½."""
        total = np.cumsum(self.weights.sum(1))
        return np.exp(np.interp(levels, total, self.grid.log_thresholds))

    def gains(self) -> np.ndarray:
        """Nats that one more training of each depth is expected to tell of how many depths are trainable, [D]."""
        counts, size = self.grid.counts, len(self.grid.depths) + 1
        gains = np.empty(len(self.grid.depths))
        for d, curve in enumerate(self.grid.curves):
            one = np.bincount(counts, weights=(self.weights * curve).sum(1), minlength=size)
            gains[d] = _entropy(self.of_counts) - sum(_entropy(part) for part in (one, self.of_counts - one))
            # the parts sum to the probability of their outcome, not to 1
            gains[d] -= sum(part.sum() * np.log(max(part.sum(), 1e-300)) for part in (one, self.of_counts - one))
        return np.maximum(gains, 0)


def depth_grid(depths: Sequence[int]) -> Depths:
    """The grid for some depths, ascending; at least one."""
    logs = np.log(np.asarray(depths, float))
    first, last = (logs[1] - logs[0], logs[-1] - logs[-2]) if len(logs) > 1 else (np.log(2.0),) * 2
    thresholds = np.linspace(logs[0] - first, logs[-1] + last, _THRESHOLDS)
    return Depths(np.asarray(depths, float), thresholds, np.geomspace(0.02, 0.4, _WIDTHS))


def _entropy(weights: np.ndarray) -> float:
    known = weights[weights > 1e-300]
    return float(-(known * np.log(known)).sum())
