"""The job that decides the claims from the cubes of a run, and the cube of their verdicts.

| variable | dimensions | |
|---|---|---|
| verdict, recorded_verdict, changed | claim | flags |
| value, low, high | claim | the quantity with its interval |
| accepted_low, accepted_high | claim | bounds within which it has to lie |
| statement, source, place, evidence, expected, scope, reason | claim | text |

Claims stand in the order of the tables: failures first.
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from infoflow.errors import InfoflowError
from infoflow.files.conventions import validate
from infoflow.files.cubes import about_job, describe_cube, read_cube, write_cube
from infoflow.files.results import replaced
from infoflow.jobs.job import Job
from infoflow.jobs.record import mark
from infoflow.studies.claims.about import CUBE
from infoflow.studies.claims.entries import Evidence, read_claims, read_evidence
from infoflow.studies.claims.quantities.registry import QUANTITIES
from infoflow.studies.claims.tables import count, in_order, list_changes, made_by, said, write_csv, write_markdown
from infoflow.studies.claims.variables import VERDICTS
from infoflow.studies.claims.verdicts import Judged, judge

logger = logging.getLogger(__name__)

REFERENCES = "arXiv:2406.12916; arXiv:2107.06898; arXiv:1703.00810; arXiv:1606.05340; arXiv:1611.01232"


def check_claims(job: Job) -> None:
    """Decide the claims, and write the cube, the CSV file and the Markdown file.

    Parameters of the job: `cubes`, by name the marks that they have to bear; `claims`, digest of the entries.

    Raises:
        InfoflowError: a cube is damaged or out of date, or an entry is wrong.
    """
    cubes = {Path(path).stem: read_cube(path) for path in job.files("cubes")}
    for name, cube in cubes.items():
        if mark(cube.attrs["parameters"]) != job["cubes"][name]:
            raise InfoflowError(f"results/cubes/{name}.nc: is not the cube of this run; delete it and run again")
    evidence = read_evidence()
    judged = judge(read_claims(), evidence, {name: [cube] for name, cube in cubes.items()}, QUANTITIES)
    logger.info("%s", count(judged))
    for change in list_changes(judged):
        logger.warning("changed: %s", change)
    write_cube(build_cube(judged, evidence, about_job(job, ())), job.output, job.rule)
    for path, text in zip(
        job.outputs[1:], (write_csv(judged, evidence), write_markdown(judged, evidence)), strict=True
    ):
        with replaced(path) as temporary:
            temporary.write_text(text, encoding="utf-8")


def build_cube(judged: Sequence[Judged], evidence: dict[str, Evidence], attributes: Mapping[str, Any]) -> xr.Dataset:
    """The verdicts as a cube."""
    rows = in_order(judged)
    text = {
        "statement": [one.claim.statement for one in rows],
        "source": [one.claim.source for one in rows],
        "place": [one.claim.place for one in rows],
        "evidence": [made_by(one, evidence)[0] for one in rows],
        "expected": [said(one) for one in rows],
        "scope": [one.claim.reduced or "full" for one in rows],
        "reason": [one.reason for one in rows],
    }
    flags = {
        "verdict": [VERDICTS.index(one.verdict) for one in rows],
        "recorded_verdict": [VERDICTS.index(one.claim.verdict) for one in rows],
        "changed": [one.changed for one in rows],
    }
    numbers = {name: [getattr(one.found, name) for one in rows] for name in ("value", "low", "high")}
    numbers |= {name: [one.accepted[k] for one in rows] for k, name in enumerate(("accepted_low", "accepted_high"))}
    cube = xr.Dataset(coords={"claim": [one.claim.id for one in rows]})
    for values, dtype in ((text, object), (flags, np.int8), (numbers, np.float64)):
        for name, one in values.items():
            cube[name] = ("claim", np.array(one, dtype))
    for name in cube.variables:
        cube[name].attrs = CUBE[name]
    cube = describe_cube(cube, {"references": REFERENCES, **attributes})
    validate(cube, ("claim",), ("verdict", "value"))
    return cube
