"""Which networks the information plane is measured of, by name.

Standard library only: every cluster job imports this when it parses the workflow.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from infoflow.errors import InfoflowError
from infoflow.grid import expand_axis

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

Those of σ_w² and σ_b² can be ranges, too (`grid.expand_axis`).
"""

NAME = r"[a-z0-9][a-z0-9.+_-]*"
"""What a network looks like in a file name; a regular expression for wildcard constraints."""

RECONSTRUCTED = ("relative_entropy", "differential_entropy", "explained_variance")
"""What is measured of the input that the cascade reconstructs."""
TRUNCATED_VARIANCE = 1 - math.sqrt(8 / math.pi) * math.exp(-2) / math.erf(math.sqrt(2))
"""Variance of a standard normal cut off at ±2, 0.7737."""

_LONGEST_NAME = 200
_MOST_NETWORKS = 10_000


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


def networks(section: Mapping[str, Any]) -> dict[str, TrainedNetwork]:
    """All networks of section `information_plane`, by name, in the order of the config; each once.

    Raises:
        InfoflowError: there is none, or there are too many, or a name is too long for a file.
    """
    found: dict[str, TrainedNetwork] = {}
    for entry, axes in section["networks"].items():
        where = f"config: information_plane.networks.{entry}"
        variances = {
            a: expand_axis(f"information_plane.networks.{entry}.{a}", axes[a]) for a in ("sigma_w2", "sigma_b2")
        }
        values = [(axes | variances)[axis] for axis in AXES]
        if len(found) + math.prod(map(len, values)) > _MOST_NETWORKS:
            raise InfoflowError(f"{where}: more than {_MOST_NETWORKS} networks; choose fewer values")
        for combination in itertools.product(*values):
            chosen = dict(zip(AXES, combination))
            chosen = {k: float(v) if isinstance(v, int) else v for k, v in chosen.items()}
            network = TrainedNetwork(**chosen | {"hidden": tuple(chosen["hidden"])})
            if len(network.name) > _LONGEST_NAME:
                raise InfoflowError(f"{where}.hidden: too many different widths for a file name; choose fewer")
            found[network.name] = network
    if not found:
        raise InfoflowError(
            "config: information_plane.networks: there is none; name one, or set information_plane: null"
        )
    return found


def snapshot_epochs(epochs: int, snapshots: int) -> list[int]:
    """At most so many numbers of epochs from 0, the untrained network, to all of them, evenly spaced in log(1 + e)."""
    steps = max(snapshots - 1, 1)
    return sorted({*(round((1 + epochs) ** (k / steps)) - 1 for k in range(steps)), epochs})
