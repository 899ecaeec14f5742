"""The grid: what the jobs of trainability have to compute, for all experiments together.

Standard library only: every parse of the workflow imports this, and no job does.
"""

import itertools
import math
from collections.abc import Iterable, Mapping
from typing import Any

from infoflow.architectures.kinds import is_prefix_invariant
from infoflow.config.axes import expand_axis
from infoflow.errors import InfoflowError
from infoflow.studies.study import once
from infoflow.studies.trainability.experiment import Experiment, GridPoint

_LARGEST_GRID = 1_000_000


class Grid:
    """All experiments of a config, and the points that they need. Experiments that share points share their files.

    Args:
        config: a config that went through `check.check_config`.

    Raises:
        InfoflowError: values collide in a file name, or there are too many points.
    """

    def __init__(self, config: Mapping[str, Any]):
        self.config = config
        self.experiments: dict[str, Experiment] = {}
        points = 0
        for name, entry in config["experiments"].items():
            self.experiments[name] = experiment = expand_experiment(name, entry)
            axes = experiment.sigma_w2, experiment.sigma_b2, experiment.depth
            points += math.prod(map(len, axes))
            if points > _LARGEST_GRID:  # their names alone would fill the memory
                sizes = " x ".join(str(len(axis)) for axis in axes)
                raise InfoflowError(
                    f"experiments.{name}: {sizes} points, with those of the experiments before it {points}, are more "
                    f"than {_LARGEST_GRID}; choose fewer values"
                )
        self._deepest: dict[tuple, int] = {}
        for e in self.experiments.values():
            for column in columns_of(e):
                key = e.dataset, e.architecture, *column
                self._deepest[key] = max(e.depth[-1], self._deepest.get(key, 0))

    def probe_depth(self, point: GridPoint) -> int:
        """Depth of the network whose probe holds the probe of `point`."""
        if not is_prefix_invariant(self.config["architectures"][point.architecture]):
            return point.depth
        return self._deepest[point.dataset, point.architecture, point.sigma_w2, point.sigma_b2]

    @once
    def probes(self, *names: str) -> list[GridPoint]:
        """The points whose probes are computed, for some experiments or for all."""
        points: set[GridPoint] = set()
        for e in self._of(names):
            if is_prefix_invariant(self.config["architectures"][e.architecture]):
                columns = ((e.dataset, e.architecture, *column) for column in columns_of(e))
                points |= {GridPoint(*column, self._deepest[column]) for column in columns}
            else:
                points |= set(e.points())
        return sorted(points)

    @once
    def judged(self, *names: str) -> list[GridPoint]:
        """The points with ground truth, of their trainings or of a search, for some experiments or for all."""
        return sorted({p for e in self._of(names) if e.truth for p in e.points(e.truth)})

    def trainings(self, *names: str) -> list[GridPoint]:
        """The points that are all trained, for some experiments or for all."""
        return self.judged(*full) if (full := [e.name for e in self._of(names) if not e.search]) else []

    @once
    def searches(self, name: str) -> list[GridPoint]:
        """The columns of an experiment whose boundary is searched, each as its deepest point."""
        experiment = self.experiments[name]
        if not experiment.search:
            return []
        return sorted(p for p in experiment.points(experiment.truth) if p.depth == experiment.depth[-1])

    def columns(self) -> dict[str, list[int]]:
        """Depths of the judged networks of every (data set, architecture, σ_w², σ_b²), by the stem of the deepest."""
        depths: dict[tuple, set[int]] = {}
        for e in self._of(()):
            for column in columns_of(e) if e.truth else ():
                depths.setdefault((e.truth, e.architecture, *column), set()).update(e.depth)
        return {GridPoint(*column, max(found)).stem: sorted(found) for column, found in sorted(depths.items())}

    def datasets(self) -> list[str]:
        """Names of the data sets that are probed or trained on."""
        return sorted({name for e in self._of(()) for name in (e.dataset, e.truth) if name})

    def _of(self, names: tuple[str, ...]) -> list[Experiment]:
        return [e for e in self.experiments.values() if not names or e.name in names]


def columns_of(experiment: Experiment) -> Iterable[tuple[float, float]]:
    """(σ_w², σ_b²) of an experiment: whoever wants no depths need not make all of its points."""
    return itertools.product(experiment.sigma_w2, experiment.sigma_b2)


def expand_experiment(name: str, entry: Mapping[str, Any]) -> Experiment:
    """An entry with its axes expanded.

    Raises:
        InfoflowError: an axis makes no sense, or a highlighted value is not on it.
    """
    axes = {a: tuple(expand_axis(f"experiments.{name}.{a}", entry[a])) for a in ("sigma_w2", "sigma_b2", "depth")}
    highlight = tuple(expand_axis(f"experiments.{name}.highlight", entry["highlight"])) if entry["highlight"] else ()
    for value in highlight:
        if value not in axes["sigma_w2"]:
            raise InfoflowError(f"experiments.{name}.highlight: {value} is not among the values of sigma_w2")
    more = {}
    if chosen := entry["decisions"]:
        point = [value for a in axes for value in expand_axis(f"experiments.{name}.decisions.{a}", [chosen[a]])]
        more = {"decisions": tuple(point), "images": chosen["images"]}
    return Experiment(
        name=name,
        dataset=entry["dataset"],
        architecture=entry["architecture"],
        truth=(entry["truth_dataset"] or entry["dataset"]) if entry["truth"] else None,
        search=entry["truth"] == "boundary",
        highlight=highlight or _default_highlight(axes["sigma_w2"]),
        **axes,
        **more,
    )


def _default_highlight(values: tuple[float, ...]) -> tuple[float, ...]:
    picked = {values[round(k * (len(values) - 1) / 4)] for k in range(5)}
    return tuple(sorted(picked))
