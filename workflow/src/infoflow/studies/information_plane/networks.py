"""Networks of the information plane, by name. Standard library only."""

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

AXES = (
    "activation",
    "hidden",
    "train_fraction",
    "optimizer",
    "learning_rate",
    "initialization",
    "sigma_w2",
    "sigma_b2",
)
"""Settings of a network, in this order: keys of an entry of `information_plane.networks`, each a list of values.

Those of σ_w² and σ_b² can be ranges, too (`axes.expand_axis`).
"""


@dataclass(frozen=True)
class TrainedNetwork:
    """A fully connected network, and how it is trained.

    Attributes:
        activation: φ of the hidden layers; the output is a softmax.
        hidden: widths of the hidden layers.
        train_fraction: share of the samples that it is trained on.
        optimizer: adam or sgd.
        initialization: truncated_normal (published: cut at two standard deviations) or gaussian, of variance
            σ_w²/fan_in; biases are Gaussian, of variance σ_b².
    """

    activation: str
    hidden: tuple[int, ...]
    train_fraction: float
    optimizer: str
    learning_rate: float
    initialization: str
    sigma_w2: float
    sigma_b2: float

    @property
    def name(self) -> str:
        """The network in a file name: `tanh_10-7-5-4-3_f0.8_adam0.0004_truncated_w1.0_b0.0`."""
        return (
            f"{self.activation}_{name_widths(self.hidden)}_f{self.train_fraction!r}_{self.optimizer}"
            f"{self.learning_rate!r}_{self.initialization.partition('_')[0]}_w{self.sigma_w2!r}_b{self.sigma_b2!r}"
        )

    def options(self) -> dict[str, Any]:
        """What its training depends on, as JSON knows it."""
        return asdict(self) | {"hidden": list(self.hidden)}


def name_widths(hidden: Sequence[int]) -> str:
    """`10-7-5-4-3`; equal neighbours are counted: `10x32` are ten layers of 32 units."""
    runs = [(width, len(list(same))) for width, same in itertools.groupby(hidden)]
    return "-".join(f"{width}" if count == 1 else f"{count}x{width}" for width, count in runs)
