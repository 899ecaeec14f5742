"""The job that fits the rules of `check`'s verdict to all families, and tests them.

| variable | dimensions |
|---|---|
| learned, family, held_out_probability, held_out_probability_without_first_steps, other_draws | network |
| features | network, feature |
| baseline | network, score |
| auroc | score |
| auroc_interval | score, bound |
| coefficient | feature |
"""

import json
from pathlib import Path

import numpy as np
import xarray as xr
from scipy.special import expit

from infoflow.files.cubes import about_job, describe_cube, write_cube
from infoflow.files.results import attributes_of, read_results, replaced
from infoflow.jobs.job import Job
from infoflow.studies.check_calibration.about import CUBE
from infoflow.studies.check_calibration.fit import fit, held_out_all, make_rules, other_draws, tests, write_rules
from infoflow.studies.check_calibration.table import BASELINES, Table, make_table, write_table
from infoflow.studies.check_calibration.variables import CEILING, RULE, WITHOUT

REFERENCES = "arXiv:2406.12916; arXiv:2111.12143; arXiv:1810.00393"


def calibrate_check(job: Job) -> None:
    """Write the cube, the table and the rule.

    Parameters of the job: `made_by`, those of the families' results by the name of the family.
    """
    results = read_results({path: job["made_by"][Path(path).stem] for path in job.files("families")})
    table = make_table(row for result in results.values() for row in json.loads(result.attributes["rows"]))
    path, rows, rule = job.outputs
    with replaced(rows) as temporary:
        write_table(table, temporary)
    with replaced(rule) as temporary:
        write_rules(make_rules(table), temporary)
    about = about_job(job, attributes_of(*results.values()))
    write_cube(describe_cube(judge(table), {"references": REFERENCES, **about}), path, job.rule)


def judge(table: Table) -> xr.Dataset:
    """The cube of a table."""
    odds = held_out_all(table)
    found = tests(table, odds)
    coefficients, _ = fit(table, np.arange(len(table)))
    names = np.array([f"{n} seed {s}" for n, s in zip(table.networks, table.seeds)], object)
    cube = xr.Dataset(
        {
            "learned": (("network",), table.learned.astype(np.int8)),
            "held_out_probability": (("network",), expit(odds[RULE])),
            "held_out_probability_without_first_steps": (("network",), expit(odds[WITHOUT])),
            CEILING: (("network",), other_draws(table)),
            "features": (("network", "feature"), table.features.astype(np.float32)),
            "baseline": (("network", "baseline_name"), np.stack([table.baselines[n] for n in BASELINES], axis=1)),
            "auroc": (("score",), np.array([value for value, _, _ in found.values()])),
            "auroc_interval": (("score", "bound"), np.array([bounds for _, *bounds in found.values()])),
            "coefficient": (("feature",), coefficients),
        },
        {
            "network": names,
            "family": ("network", table.families.astype(object)),
            "feature": list(table.names),
            "score": list(found),
            "baseline_name": list(BASELINES),
            "bound": ["low", "high"],
        },
    )
    for name in cube.variables:
        cube[name].attrs = CUBE[name]
    return cube
