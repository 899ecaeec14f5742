"""From a figure to its files."""

from collections.abc import Callable
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from infoflow.figures.say import settle
from infoflow.figures.style import STYLE
from infoflow.files.results import replaced
from infoflow.jobs.captions import caption_text, figure_title
from infoflow.jobs.job import Job
from infoflow.jobs.record import mark


def save(job: Job, draw: Callable[[], Figure]) -> None:
    """Draw a figure in the house's style to every output of a job (the suffix decides on the format).

    The files bear the mark of the job's parameters; that of suffix json holds what the figure says (`say.say`).
    """
    with plt.rc_context(STYLE):
        figure = draw()
        settle(figure)
        for output in job.outputs:
            with replaced(output) as temporary:
                if Path(output).suffix == ".json":
                    temporary.write_text(caption_text(_said(figure, output), mark(job.parameters)), encoding="utf-8")
                else:
                    figure.savefig(temporary, metadata={"Keywords": mark(job.parameters)})
        plt.close(figure)


def _said(figure: Figure, output: str | Path) -> dict[str, str]:
    finding, caption = (getattr(figure, name, "") for name in ("finding", "caption"))
    picture = Path(output).with_suffix(".png").name
    return {"title": figure_title(output), "finding": finding, "caption": caption, "figure": picture}
