"""From the cube of a study to a figure file."""

import importlib
from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from infoflow.figures._style import STYLE
from infoflow.store import replaced
from infoflow.study import read_study


def draw_study(name: str, cube: str | Path, outputs: Sequence[str | Path]) -> None:
    """Draw a registered figure of a study to every output file (the suffix decides on the format)."""
    module = importlib.import_module(f"infoflow.figures.{name}")
    with plt.rc_context(STYLE):
        figure = module.draw(read_study(cube))
        for output in outputs:
            with replaced(output) as temporary:
                figure.savefig(temporary)
        plt.close(figure)
