"""The job that finds down to which depth networks of one (σ_w², σ_b²) can be trained, with few trainings.

It starts where the probe of the untrained network puts the boundary, and trains single networks, always of the depth
that is expected to tell most about the boundary per cost, until it is known to the resolution that is asked for. The
probe says where to look and nothing more: what is known, and when it is enough, depends on the trainings alone. At the
end a network of half as many of the depths checks that what is shallower can be trained, too.

Every network is written as soon as it is trained (`trained`), so that a search that was killed goes on where it was.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from infoflow.engine.device import describe_device
from infoflow.files.conventions import MISSING, OK
from infoflow.files.names import decode, encode
from infoflow.files.results import describe, read_results
from infoflow.jobs.job import Job
from infoflow.studies.bench import set_up
from infoflow.studies.trainability.about import SEARCHED
from infoflow.studies.trainability.histories import OF_TRAINING
from infoflow.studies.trainability.trained import (
    Trained,
    find_replicas,
    keep_replica,
    succeeded,
    train_replicas,
)
from infoflow.verdict.threshold import Posterior, depth_grid

logger = logging.getLogger(__name__)

FALL = float(np.log(2.0))
"""Nats by which H has fallen where the boundary is looked for first: the standard deviation of what is reconstructed
has halved."""
_TRUST, _FACTOR = 0.8, 0.4
"""Share of the first guess in where to look, and its width in ln d; the rest is flat."""


def search_boundary(job: Job) -> None:
    """Search the boundary of one column, and write all its trained networks.

    Parameters of the job: `training`, those of rule train_network; `depths`; `search`: resolution, confidence;
    `made_by`, those of the probe; `run`, `data`. Inputs: dataset; probe, of the deepest network or of all depths.
    """
    bench = set_up(job, to_learn=True)
    results, training, depths = Path(job.output).parents[2], job["training"], job["depths"]
    sigma_w2, sigma_b2, _ = decode(job.wildcards["point"])
    machine = describe_device(bench.device, job["run"]["precision"], job.threads)
    replicas = job["run"]["replicas"]
    found: dict[tuple[int, int], Trained] = {}

    def outcome(d: int, replica: int) -> bool:
        depth = depths[d]
        stem = f"{job['truth']}/{encode(sigma_w2, sigma_b2, depth)}"
        known = find_replicas(results, training, stem, [replica]).get(replica)
        if known is None:
            known = train_replicas(bench, training, depth, [replica])
            keep_replica(results, training, stem, replica, known, machine)
        found[d, replica] = known
        good = bool(succeeded(known, training["train"]["success_accuracy"])[0])
        logger.info("depth %d  replica %d  %s", depth, replica, "trains" if good else "does not train")
        return good

    guess = guess_depth(job, depths)
    logger.info("the probe puts the boundary near depth %.0f", guess)
    search = Search(depths, replicas, guess, **job["search"])
    search.run(outcome)
    bench.write(_variables(found, search, replicas), guess=guess)


def guess_depth(job: Job, depths: Sequence[int]) -> float:
    """The last layer before H of the reconstructions has fallen by FALL from its largest value, as a depth."""
    probes = read_results(dict.fromkeys(job.files("probe"), job["made_by"]), skip=("pictures", "inputs"))
    falls = []
    for path, probe in probes.items():
        depth = decode(Path(path).stem)[2]
        entropy = probe["differential_entropy"].astype(float)
        entropy = np.where(probe["probe_status"] == OK, entropy, -np.inf)
        fallen = entropy < entropy.max(1, keepdims=True) - FALL
        last = fallen.argmax(1)
        beyond = entropy.shape[1] - depth  # layers that the depth does not count
        # of networks of each depth, they may be several per unit of it
        last = last - beyond if len(probes) == 1 else last * depth / entropy.shape[1]
        first = np.where(fallen.any(1), last, 1.5 * depth)
        falls.append(np.mean(np.maximum(first, 1)))
    whole = [f for f, path in zip(falls, probes) if f < decode(Path(path).stem)[2]]
    return float(whole[0] if whole else max(falls, default=depths[len(depths) // 2]))


@dataclass
class Search:
    """A search of the boundary among some depths, ascending.

    Attributes:
        guess: depth that it starts from.
        resolution: half the width of the 80 % interval of ln d½ that is enough.
        confidence: probability of being within one step of the grid of depths that is enough.
        trained, good: networks of each depth that were trained, and that could be, [D].
        order: of the trainings: (index of the depth, replica).
    """

    depths: Sequence[int]
    replicas: int
    guess: float
    resolution: float
    confidence: float
    order: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self):
        self.grid = depth_grid(self.depths)
        self.trained, self.good = np.zeros((2, len(self.depths)), int)
        near = np.exp(-0.5 * ((np.log(self.guess) - self.grid.log_thresholds) / _FACTOR) ** 2)
        near /= max(near.sum(), 1e-300)
        self._start = self.grid.prior + np.log(_TRUST * near + (1 - _TRUST) / len(near))[:, None]

    @property
    def posterior(self) -> Posterior:
        """What the trainings say, without the guess."""
        return self.grid.fit(self.good, self.trained)

    def run(self, outcome: Callable[[int, int], bool]) -> None:
        """Train until the boundary is known.

        Args:
            outcome: whether a network can be trained, by the index of its depth and the replica.
        """
        while not self._is_enough() and (self.trained < self.replicas).any():
            gains = self.grid.fit(self.good, self.trained, self._start).gains() / np.sqrt(self.grid.depths)
            gains[self.trained >= self.replicas] = -1.0
            self._train(int(gains.argmax()), outcome)
        self._check(outcome)

    def _is_enough(self) -> bool:
        if not self.trained.any():
            return False
        known = self.posterior
        top = int(known.of_counts.argmax())
        # the last depth that trains and the first that does not have been looked at, as far as there are such
        bracketed = self.trained[max(top - 1, 0) : top + 1].all()
        near = known.of_counts[max(top - 1, 0) : top + 2].sum()
        low, high = np.log(known.quantiles(0.1, 0.9))
        likely = bracketed and near >= self.confidence and known.of_counts[top] >= 0.5
        return likely or high - low <= 2 * self.resolution

    def _check(self, outcome: Callable[[int, int], bool]) -> None:
        """Train a network of half as many of the depths as can be trained; if it cannot be, its replicas, too."""
        d = (int(self.posterior.of_counts.argmax()) - 1) // 2
        if d >= 0 and not self.trained[d]:
            self._train(d, outcome)
            while not self.good[d] and self.trained[d] < self.replicas:
                self._train(d, outcome)

    def _train(self, d: int, outcome: Callable[[int, int], bool]) -> None:
        # Those of one number share their first layers: other depths begin with other ones.
        replica = int(d + self.trained[d]) % self.replicas
        self.order.append((d, replica))
        self.good[d] += outcome(d, replica)
        self.trained[d] += 1


def _variables(found: Mapping[tuple[int, int], Trained], search: Search, replicas: int) -> dict[str, Any]:
    """Of the result: as for one point, with an axis of depths; -1 and `missing` where nothing was trained."""
    shape = len(search.depths), replicas
    fills = {"status": MISSING}
    arrays = {}
    for name in OF_TRAINING:
        parts = {where: one[name][0] for where, one in found.items()}
        like = np.asarray(next(iter(parts.values())))
        arrays[name] = np.full((*shape, *like.shape), fills.get(name, np.nan), like.dtype)
        for where, part in parts.items():
            arrays[name][where] = part
    order = np.full(shape, -1, np.int32)
    for k, where in enumerate(search.order):
        order[where] = k
    dimensions = {name: ("depth", *of) for name, of in OF_TRAINING.items()}
    values = {name: (dimensions[name], array) for name, array in arrays.items()}
    values |= {"depth": (("depth",), np.array(search.depths, np.int32)), "order": (("depth", "replica"), order)}
    return describe(values, SEARCHED)
