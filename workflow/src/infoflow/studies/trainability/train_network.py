"""The job of the full training of one grid point, from the prepared data set to the history."""

import logging
from pathlib import Path

from infoflow.jobs.job import Job
from infoflow.studies.bench import set_up
from infoflow.studies.trainability.trained import described, find_replicas, gather, train_replicas

logger = logging.getLogger(__name__)


def train_network(job: Job) -> None:
    """Train the networks of one point, but for those that a search has trained, and write their history.

    Parameters of the job: `architecture`, `train`, `run`, `data`.
    """
    bench = set_up(job, to_learn=True)
    output = Path(job.output)
    replicas = bench.ensemble.replicas
    stem = f"{output.parent.parent.name}/{output.parent.name}/{output.stem}"
    found = find_replicas(output.parents[3], job.parameters, stem, replicas)
    if found:
        logger.info("replicas %s are trained already", ", ".join(map(str, found)))
    if missing := [r for r in replicas if r not in found]:
        trained = train_replicas(bench, job.parameters, bench.depth, missing)
        found |= {r: {name: part[k : k + 1] for name, part in trained.items()} for k, r in enumerate(missing)}
    bench.write(described(gather([found[r] for r in replicas])))
