"""Jobs as the workflow runs them, without the workflow."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from infoflow.jobs.job import Job

_NONE = MappingProxyType({})


def make_job(
    parameters: Mapping[str, Any],
    outputs: str | Path | Sequence[str | Path],
    inputs: Mapping[str, Any] = _NONE,
    wildcards: Mapping[str, str] = _NONE,
    rule: str = "job",
) -> Job:
    """A job on one thread, of a config that says nothing of the data root; paths may be given as such."""
    written = [outputs] if isinstance(outputs, str | Path) else outputs
    read = {name: [*map(str, found)] if isinstance(found, list) else str(found) for name, found in inputs.items()}
    return Job(rule, parameters, read, [*map(str, written)], wildcards, config={"data_root": None})
