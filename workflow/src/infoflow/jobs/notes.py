"""Let planning read what results record of themselves.

Snakemake keeps its notes of how a file was made beside the results, in `.snakemake`. Without them (a fresh clone over
old results, a copy of results alone) it takes any file for the one that is wanted. Results and figures bear a mark of
the parameters that they were made with; where there are no notes, the mark stands in for them.

Standard library only: the workflow imports this when it is parsed.
"""

import logging
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from infoflow.jobs.record import find_mark, mark

logger = logging.getLogger(__name__)

MARKED = (".nc", ".png", ".pdf")
"""Suffixes of the files that bear a mark; of JSON files only those do that say what a figure says, of pages some."""


def read_marks(persistence: ModuleType | None = None) -> None:
    """Teach Snakemake to look at the marks of files that it has no notes of.

    Args:
        persistence: its module; if it is not as expected, a warning is logged and nothing is taught.
    """
    persistence = persistence or sys.modules.get("snakemake.persistence")
    base = getattr(persistence, "PersistenceBase", None)
    known = all(hasattr(base, name) for name in ("has_metadata", "params_changed", "metadata"))
    if not known or not hasattr(persistence, "ParamsChange"):
        logger.warning("this version of Snakemake cannot be told what results record of themselves")
        return
    if hasattr(base.has_metadata, "reads_marks"):
        return
    has_metadata, params_changed = base.has_metadata, base.params_changed

    def has_metadata_or_mark(self: Any, job: Any) -> bool:
        return has_metadata(self, job) or any(_unnoted(self, job.output))

    def params_or_mark_changed(self: Any, job: Any, file: Any = None) -> Any:
        changes = params_changed(self, job, file)
        wanted = mark(job.params.job) if hasattr(job.params, "job") else None
        for path in _unnoted(self, job.output if file is None else [file]) if wanted else ():
            if (found := find_mark(path)) != wanted:
                old, new = {str(found)}, {wanted}
                changes |= persistence.ParamsChange(only_old=old, only_new=new, files={path})
        return changes

    has_metadata_or_mark.reads_marks = True
    base.has_metadata, base.params_changed = has_metadata_or_mark, params_or_mark_changed


def _unnoted(persistence: Any, files: Iterable[Any]) -> list[Any]:
    """Files that are there, bear a mark and have no notes."""
    # of most jobs of a large plan there is no file
    return [
        path for path in files if os.path.isfile(path) and _may_be_marked(path) and persistence.metadata(path) is None
    ]


def _may_be_marked(path: Any) -> bool:
    path = Path(path)
    if path.suffix == ".json":
        return path.with_suffix(".png").is_file()
    return path.suffix in MARKED or (path.suffix == ".html" and path.is_file() and find_mark(path) is not None)
