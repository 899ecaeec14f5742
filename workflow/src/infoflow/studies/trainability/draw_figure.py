"""The job that draws a figure of an experiment."""

import importlib
from pathlib import Path

from infoflow.figures.draw import save
from infoflow.files.names import decode
from infoflow.files.results import read_result
from infoflow.jobs.job import Job
from infoflow.studies.trainability.cube import read_trainability
from infoflow.studies.trainability.experiment import Experiment
from infoflow.studies.trainability.figures._shared import select_experiment


def draw_figure(job: Job) -> None:
    """Draw a figure of an experiment, from its cube and, for pictures, from evaluated probes or from decisions.

    Parameters of the job: `module` of the figure, within the package; `experiment`.
    """
    module = importlib.import_module(f"infoflow.{job['module']}")
    experiment = Experiment(**job["experiment"])
    results = {decode(Path(path).stem)[:2]: read_result(path) for path in job.files("probes")}
    cube = select_experiment(read_trainability(job.inputs["cube"]), experiment)
    save(job, lambda: module.draw(cube, experiment, results))
