"""From a figure to its files."""

from collections.abc import Callable

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from infoflow.figures.style import STYLE
from infoflow.files.results import replaced
from infoflow.jobs.job import Job
from infoflow.jobs.record import mark


def save(job: Job, draw: Callable[[], Figure]) -> None:
    """Draw a figure in the house's style to every output of a job (the suffix decides on the format).

    The files bear the mark of the job's parameters.
    """
    with plt.rc_context(STYLE):
        figure = draw()
        for output in job.outputs:
            with replaced(output) as temporary:
                figure.savefig(temporary, metadata={"Keywords": mark(job.parameters)})
        plt.close(figure)
