"""The job that makes the explorer: cubes and pictures of all experiments, in one page."""

from pathlib import Path
from typing import Any

from infoflow.files.names import decode
from infoflow.files.results import read_result, replaced
from infoflow.jobs.job import Job
from infoflow.jobs.record import mark
from infoflow.studies.explorer.data import describe_experiment
from infoflow.studies.explorer.page import write_page
from infoflow.studies.explorer.pictures import encode_pictures, take_some
from infoflow.studies.trainability.cube import read_trainability
from infoflow.studies.trainability.experiment import Experiment
from infoflow.studies.trainability.figures._shared import select_experiment

PICTURE_BYTES = 1_500_000
"""For the pictures of all experiments together, as they stand in the page."""


def explorer(job: Job) -> None:
    """Write the page; whole or not at all. It bears the mark of the job's parameters.

    Parameters of the job: `title` of the run; `experiments` by name; `methods` and `predictors`, what they are called.
    Inputs: `cubes`; `probes_<experiment>`, the evaluated probes whose pictures are shown.
    """
    cubes = {Path(file).stem: file for file in job.files("cubes")}
    share = PICTURE_BYTES // len(job["experiments"])
    experiments: list[dict[str, Any]] = []
    for name, asked in job["experiments"].items():
        experiment = Experiment(**asked)
        cube = select_experiment(read_trainability(cubes[name]), experiment)
        found = describe_experiment(cube, experiment, job["methods"], job["predictors"])
        probes = {decode(Path(file).stem)[:2]: file for file in job.files(f"probes_{name}")}
        # one after the other: of large images those of all columns together would fill the memory
        taken = {column: encode_pictures(read_result(file), cube.sizes["layer"]) for column, file in probes.items()}
        experiments.append(found | {"pictures": take_some(taken, share)})
    page = write_page({"title": job["title"], "experiments": experiments}, mark(job.parameters))
    with replaced(job.output) as temporary:
        temporary.write_text(page, encoding="utf-8")
