"""The job that draws a figure of a study from nothing but a cube."""

import importlib

from infoflow.figures.draw import save
from infoflow.files.cubes import read_cube
from infoflow.jobs.job import Job


def draw_study(job: Job) -> None:
    """Draw a figure of a cube. Parameter `module` of the job: that of the figure, within the package."""
    module = importlib.import_module(f"infoflow.{job['module']}")
    save(job, lambda: module.draw(read_cube(job.inputs["cube"])))
