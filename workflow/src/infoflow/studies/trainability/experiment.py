"""Experiments: entries of section `experiments` of a config, and the grid points that they are made of.

Standard library only: the figures of experiments import this, and every parse of the workflow.
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

from infoflow.files.names import encode


@dataclass(frozen=True, order=True)
class GridPoint:
    """One (dataset, architecture, σ_w², σ_b², depth)."""

    dataset: str
    architecture: str
    sigma_w2: float
    sigma_b2: float
    depth: int

    @property
    def name(self) -> str:
        """The point in a file name."""
        return encode(self.sigma_w2, self.sigma_b2, self.depth)

    @property
    def stem(self) -> str:
        """Where the point's files lie below a rule's directory, without the suffix."""
        return f"{self.dataset}/{self.architecture}/{self.name}"


@dataclass(frozen=True)
class Experiment:
    """One entry of `experiments`, its axes expanded."""

    name: str
    dataset: str
    architecture: str
    sigma_w2: tuple[float, ...]
    sigma_b2: tuple[float, ...]
    depth: tuple[int, ...]
    truth: str | None
    """Data set of the trainings that judge the probe; None for a probe without ground truth."""
    search: bool
    """Whether only the boundary of every column is trained, and not every point."""
    highlight: tuple[float, ...]
    """σ_w² values drawn as curves and as reconstructions."""
    decisions: tuple[float, float, int] | None = None
    """(σ_w², σ_b², depth) of the trained network whose decisions are explained."""
    images: int = 0
    """Inputs that are explained: so many that it takes for what they are, and so many that it does not."""

    @property
    def explained(self) -> GridPoint | None:
        """The trained network whose decisions are explained."""
        return GridPoint(self.truth, self.architecture, *self.decisions) if self.decisions else None

    def points(self, dataset: str | None = None) -> Iterable[GridPoint]:
        """All points, of another data set if one is named."""
        for w, b, depth in itertools.product(self.sigma_w2, self.sigma_b2, self.depth):
            yield GridPoint(dataset or self.dataset, self.architecture, w, b, depth)
