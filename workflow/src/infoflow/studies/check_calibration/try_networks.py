"""The job of one family of networks: each of them is measured, and then trained."""

import json
import logging

import numpy as np
import torch

from infoflow.files.results import describe, write_result
from infoflow.jobs.job import Job
from infoflow.studies.check_calibration.about import CUBE
from infoflow.studies.check_calibration.networks.case import train_case
from infoflow.studies.check_calibration.networks.families import FAMILIES
from infoflow.studies.check_calibration.rows import make_row, measure_case

LOG = logging.getLogger(__name__)


def try_networks(job: Job) -> None:
    """Write the rows of `table` of a family, as JSON in attribute `rows`.

    Parameters of the job: `seeds`, at most so many of each network.
    """
    torch.set_num_threads(1)  # so that rounding, and with it chaos, is the same whatever the machine
    cases = [c for c in FAMILIES if c.family == job.wildcards["family"]]
    rows, root = [], job.config["data_root"]
    for k, case in enumerate(cases, start=1):
        for seed in range(min(case.seeds, job["seeds"])):
            measured = measure_case(case, seed, root)
            rows.append(make_row(case, seed, measured, train_case(case, seed, root).succeeded))
        LOG.info("network %d of %d: %s", k, len(cases), case.name)
    learned = np.array([row["learned"] for row in rows], np.int8)
    variables = describe({"learned": (("network",), learned)}, CUBE)
    write_result(job.output, variables, {**job.about(), "rows": json.dumps(rows)})
