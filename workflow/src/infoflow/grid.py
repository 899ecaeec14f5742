"""The grid: points, their file names, and what each rule has to compute for them.

Standard library only: every cluster job imports this when it parses the workflow.
"""

import itertools
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from infoflow.errors import InfoflowError

DECIMALS = 6
POINT = r"w[0-9]{1,7}\.[0-9]{6}_b[0-9]{1,7}\.[0-9]{6}_d[0-9]{3,6}"
"""What a point looks like in a file name; a regular expression for wildcard constraints."""

COUPLING = r"k[0-9]{1,2}\.[0-9]{6}"
"""What the coupling of an Ising model looks like in a file name."""

_POINT = re.compile(r"w([0-9]{1,7}\.[0-9]{6})_b([0-9]{1,7}\.[0-9]{6})_d([0-9]{3,6})")
_LARGEST_VARIANCE, _LARGEST_DEPTH = 1_000_000, 999_999
_LARGEST_AXIS = _LARGEST_GRID = 1_000_000


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


def encode(sigma_w2: float, sigma_b2: float, depth: int) -> str:
    """`w1.760000_b0.050000_d050`: fixed-point variances and the depth.

    Raises:
        InfoflowError: a value is negative, too large, not finite, or not a multiple of 1e-6.
    """
    w, b = (_fixed_point(name, value) for name, value in (("sigma_w2", sigma_w2), ("sigma_b2", sigma_b2)))
    if not 1 <= depth <= _LARGEST_DEPTH:
        raise InfoflowError(f"depth: {depth} is not within 1 and {_LARGEST_DEPTH}")
    return f"w{w}_b{b}_d{depth:03d}"


def decode(name: str) -> tuple[float, float, int]:
    """The inverse of `encode`.

    Raises:
        InfoflowError: `encode` gives no such name.
    """
    match = _POINT.fullmatch(name)
    if not match or encode(*(values := (float(match[1]), float(match[2]), int(match[3])))) != name:
        raise InfoflowError(f"{name!r} is not the name of a grid point")
    return values


def encode_coupling(coupling: float) -> str:
    """`k0.440687`: a coupling in a file name.

    Raises:
        InfoflowError: it is negative, not finite, or not a multiple of 1e-6.
    """
    return f"k{_fixed_point('coupling', coupling)}"


def _fixed_point(axis: str, value: float) -> str:
    exact = Decimal(repr(value))
    if not exact.is_finite() or exact < 0:
        raise InfoflowError(f"{axis}: {value} is not a finite number that is zero or positive")
    if exact > _LARGEST_VARIANCE:
        raise InfoflowError(f"{axis}: {value} is more than {_LARGEST_VARIANCE}")
    text = f"{abs(exact):.{DECIMALS}f}"  # without the sign of -0.0
    if Decimal(text) != exact:
        raise InfoflowError(f"{axis}: {value} has more than {DECIMALS} decimals; its file name would be that of {text}")
    return text


def expand_axis(axis: str, spec: list | Mapping[str, Any]) -> list:
    """The values of an axis, ascending: a list, {start, stop, num}, or {start, stop, step} with both ends included.

    Values of a range are rounded to 6 decimals, those of a list are taken as they are.

    Raises:
        InfoflowError: the axis is empty, too long, runs backwards, or has two values with one file name.
    """
    whole = axis.endswith("depth")
    if isinstance(spec, Mapping):
        start, stop = (Decimal(repr(spec[end])) for end in ("start", "stop"))
        if stop < start:
            raise InfoflowError(f"{axis}: stop {stop} is less than start {start}")
        if "num" in spec:
            steps = spec["num"] - 1
            if steps == 0 and stop != start:
                raise InfoflowError(f"{axis}: num is 1, but start {start} and stop {stop} differ")
            step = (stop - start) / max(steps, 1)
        else:
            step = Decimal(repr(spec["step"]))
            steps = int((stop - start) / step)
        if steps >= _LARGEST_AXIS:
            raise InfoflowError(f"{axis}: more than {_LARGEST_AXIS} values")
        quantum = Decimal(1).scaleb(-DECIMALS)
        values = [float((start + k * step).quantize(quantum, ROUND_HALF_EVEN)) for k in range(steps + 1)]
        if whole:
            if any(not v.is_integer() for v in values):
                raise InfoflowError(f"{axis}: {spec} gives depths that are not whole numbers")
            values = [int(v) for v in values]
    else:
        values = sorted(spec)
    if not values:
        raise InfoflowError(f"{axis}: the axis is empty")
    names = [v if whole else _fixed_point(axis, v) for v in values]
    for a, b in itertools.pairwise(range(len(names))):
        if names[a] == names[b]:
            raise InfoflowError(f"{axis}: {values[a]} and {values[b]} would have the same file name, {names[a]}")
    return values if whole else [abs(float(v)) for v in values]  # -0.0 is 0.0


def is_prefix_invariant(architecture: Mapping[str, Any]) -> bool:
    """Whether the first layers are the same for every depth, so that one probe of the deepest network holds all."""
    return architecture.get("layout") != "shrinking"


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
    highlight: tuple[float, ...]
    """σ_w² values drawn as curves and as reconstructions."""
    decisions: tuple[float, float, int] | None = None
    """(σ_w², σ_b², depth) of the trained network whose decisions are explained."""
    images: int = 0
    """Inputs that are explained: so many that it takes for what they are, and so many that it does not."""

    @property
    def cube(self) -> tuple[str, str]:
        """(dataset, architecture) of the cube that holds the experiment."""
        return self.dataset, self.architecture

    @property
    def explained(self) -> GridPoint | None:
        """The trained network whose decisions are explained."""
        return GridPoint(self.truth, self.architecture, *self.decisions) if self.decisions else None

    def points(self, dataset: str | None = None) -> Iterable[GridPoint]:
        """All points, of another data set if one is named."""
        for w, b, depth in itertools.product(self.sigma_w2, self.sigma_b2, self.depth):
            yield GridPoint(dataset or self.dataset, self.architecture, w, b, depth)


class Grid:
    """All experiments of a config, and the jobs they need. Experiments that share points share their files.

    Args:
        config: a config that went through `config.check_config`.

    Raises:
        InfoflowError: experiments contradict each other, values collide in a file name, or there are too many points.
    """

    def __init__(self, config: Mapping[str, Any]):
        self.config = config
        self.experiments: dict[str, Experiment] = {}
        points = 0
        for name, entry in config["experiments"].items():
            if entry is None:
                continue
            self.experiments[name] = experiment = _experiment(name, entry)
            axes = experiment.sigma_w2, experiment.sigma_b2, experiment.depth
            points += math.prod(map(len, axes))
            if points > _LARGEST_GRID:  # their names alone would fill the memory
                sizes = " x ".join(str(len(axis)) for axis in axes)
                raise InfoflowError(
                    f"experiments.{name}: {sizes} points, with those of the experiments before it {points}, are more "
                    f"than {_LARGEST_GRID}; choose fewer values"
                )
        self._deepest: dict[tuple, int] = {}
        for experiment in self.experiments.values():
            for w, b in itertools.product(experiment.sigma_w2, experiment.sigma_b2):
                key = (*experiment.cube, w, b)
                self._deepest[key] = max(experiment.depth[-1], self._deepest.get(key, 0))
        self._check_cubes()

    def probe_depth(self, point: GridPoint) -> int:
        """Depth of the network whose probe holds the probe of `point`."""
        if not is_prefix_invariant(self.config["architectures"][point.architecture]):
            return point.depth
        return self._deepest[point.dataset, point.architecture, point.sigma_w2, point.sigma_b2]

    def cubes(self) -> list[tuple[str, str]]:
        """(dataset, architecture) of all cubes."""
        return sorted({e.cube for e in self.experiments.values()})

    def probes(self, cube: tuple[str, str] | None = None) -> list[GridPoint]:
        """The points whose probes are computed, for one cube or for all."""
        points = {
            GridPoint(p.dataset, p.architecture, p.sigma_w2, p.sigma_b2, self.probe_depth(p))
            for experiment in self._of(cube)
            for p in experiment.points()
        }
        return sorted(points)

    def trainings(self, cube: tuple[str, str] | None = None) -> list[GridPoint]:
        """The points that are trained fully, for one cube or for all."""
        return sorted({p for e in self._of(cube) if e.truth for p in e.points(e.truth)})

    def truth_dataset(self, cube: tuple[str, str]) -> str | None:
        """The data set whose trainings judge a cube's probes."""
        return next((e.truth for e in self._of(cube) if e.truth), None)

    def explained_images(self, dataset: str, architecture: str, point: str) -> int:
        """Images of each kind that are explained of a trained network: as many as any experiment shows."""
        stem = f"{dataset}/{architecture}/{point}"
        return max(e.images for e in self.experiments.values() if e.explained and e.explained.stem == stem)

    def _of(self, cube: tuple[str, str] | None) -> list[Experiment]:
        return [e for e in self.experiments.values() if cube is None or e.cube == cube]

    def _check_cubes(self) -> None:
        files: dict[str, tuple[str, str]] = {}
        for cube in self.cubes():
            if len(truths := {e.truth for e in self._of(cube) if e.truth}) > 1:
                raise InfoflowError(
                    f"experiments: {' and '.join(sorted(truths))} are both the ground truth of dataset {cube[0]}, "
                    f"architecture {cube[1]}; one cube has one ground truth: give one of them another dataset name"
                )
            name = "_".join(cube)
            if name in files:
                raise InfoflowError(
                    f"experiments: dataset {cube[0]} with architecture {cube[1]} and dataset {files[name][0]} with "
                    f"architecture {files[name][1]} would share the file {name}.nc; rename one"
                )
            files[name] = cube


def _experiment(name: str, entry: Mapping[str, Any]) -> Experiment:
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
        highlight=highlight or _default_highlight(axes["sigma_w2"]),
        **axes,
        **more,
    )


def _default_highlight(values: tuple[float, ...]) -> tuple[float, ...]:
    picked = {values[round(k * (len(values) - 1) / 4)] for k in range(5)}
    return tuple(sorted(picked))
