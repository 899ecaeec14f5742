"""From files to a figure file."""

import importlib
from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from infoflow.cubes import read_cube
from infoflow.figures._style import STYLE, select_experiment
from infoflow.grid import Experiment, decode
from infoflow.store import read_result, replaced


def draw_figure(
    name: str, cube: str | Path, experiment: Experiment, probes: Sequence[str | Path], outputs: Sequence[str | Path]
) -> None:
    """Draw a registered figure of an experiment to every output file (the suffix decides on the format).

    Args:
        probes: evaluations of the highlighted points, or decisions of a point, for their pictures; only some figures
            need them.
    """
    module = importlib.import_module(f"infoflow.figures.{name}")
    results = {decode(Path(p).stem)[:2]: read_result(p) for p in probes}
    with plt.rc_context(STYLE):
        figure = module.draw(select_experiment(read_cube(cube), experiment), experiment, results)
        for output in outputs:
            with replaced(output) as temporary:
                figure.savefig(temporary)
        plt.close(figure)
