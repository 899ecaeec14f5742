"""The cascade as a drawing, for the README: `python -m infoflow.figures.schematic docs/cascade.png`."""

import itertools
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from infoflow.figures.style import STYLE
from infoflow.files.results import replaced

NETWORK, INVERSE, PICTURE = "#c9d3e6", "#f3d3c1", "#ececec"
TOP, MIDDLE, BOTTOM = 4.2, 2.35, 0.55
"""Heights of the rows: the network, its inverses, what is compared."""
PLACES = (0.9, 3.1, 5.3, 8.3)
"""Of input, first, second and last layer."""


def draw() -> Figure:
    """Above, the frozen network; in the middle, what inverts its layers one by one; below, what is read off."""
    figure, ax = plt.subplots(figsize=(8.6, 4.05))
    ax.set(xlim=(0, 11.5), ylim=(-0.1, 5.2), aspect="equal")
    ax.axis("off")
    _draw_network(ax)
    _draw_inverses(ax)
    _draw_measures(ax)
    return figure


def _draw_network(ax: Axes) -> None:
    said = "untrained network, frozen: random weights and biases of variances $\\sigma_w^2$ and $\\sigma_b^2$"
    ax.text(0.3, 5.1, said, va="top", fontsize=9)
    _box(ax, PLACES[0], TOP, "input\n$x$", PICTURE)
    for place, name in zip(PLACES[1:], ("layer 1", "layer 2", "layer $L$")):
        _box(ax, place, TOP, name, NETWORK)
    for start, end in itertools.pairwise(PLACES[:3]):
        _arrow(ax, (start + 0.62, TOP), (end - 0.62, TOP))
    _arrow(ax, (PLACES[2] + 0.62, TOP), (6.5, TOP))
    ax.text(6.8, TOP, "…", ha="center", va="center", fontsize=14)
    _arrow(ax, (7.1, TOP), (PLACES[3] - 0.62, TOP))


def _draw_inverses(ax: Axes) -> None:
    said = (
        "cascade: each one-layer network $R_l$ gives\nthe layer below back; by regression or training,\n"
        "and never through the network"
    )
    ax.text(7.9, MIDDLE - 0.1, said, va="center", fontsize=8.5, linespacing=1.35)
    centres = [(a + b) / 2 for a, b in itertools.pairwise(PLACES[:3])] + [6.8]
    for centre, name in zip(centres, ("$R_1$", "$R_2$", "$R_3 \\ldots R_L$")):
        _box(ax, centre, MIDDLE, name, INVERSE, width=1.3 if "ldots" in name else 0.9)
    style = {"colour": "#c2410c", "line": "--"}
    _arrow(ax, (PLACES[1], TOP - 0.42), (centres[0] + 0.25, MIDDLE + 0.36), **style)
    _arrow(ax, (PLACES[2], TOP - 0.42), (centres[1] + 0.25, MIDDLE + 0.36), **style)
    _arrow(ax, (PLACES[3], TOP - 0.42), (centres[2] + 0.4, MIDDLE + 0.36), **style)
    _arrow(ax, (centres[2] - 0.68, MIDDLE), (centres[1] + 0.48, MIDDLE), **style)
    _arrow(ax, (centres[1] - 0.48, MIDDLE), (centres[0] + 0.48, MIDDLE), **style)
    _arrow(ax, (centres[0] - 0.25, MIDDLE - 0.36), (PLACES[0] + 0.1, BOTTOM + 0.42), **style)


def _draw_measures(ax: Axes) -> None:
    _box(ax, PLACES[0], BOTTOM, "$C^l$", PICTURE)
    ax.text(PLACES[0] - 0.75, (TOP + BOTTOM) / 2, "compare", rotation=90, ha="center", va="center", fontsize=8.5)
    _arrow(ax, (PLACES[0] - 0.45, BOTTOM + 0.42), (PLACES[0] - 0.45, TOP - 0.42), both=True)
    said = (
        "$C^l = R_1(R_2(\\ldots R_l(\\mathrm{layer}\\ l)))$: the input, as far as layer $l$ still holds it\n"
        "$H(C^l)$ differential entropy: falls where all inputs become one (ordered phase)\n"
        "$D(x\\,\\|\\,C^l)$ relative entropy, $R^2$ explained variance: how much of $x$ is lost\n"
        "prediction: it can be trained if the last layer still holds the input; full training tells whether"
    )
    ax.text(1.95, BOTTOM + 0.02, said, va="center", fontsize=8.5, linespacing=1.45)


def _box(ax: Axes, x: float, y: float, text: str, colour: str, width: float = 1.2) -> None:
    corner = x - width / 2, y - 0.35
    shape = "round,pad=0.02,rounding_size=0.08"
    ax.add_patch(FancyBboxPatch(corner, width, 0.7, boxstyle=shape, facecolor=colour, edgecolor="0.3"))
    ax.text(x, y, text, ha="center", va="center", fontsize=9)


def _arrow(ax: Axes, start, end, colour: str = "0.2", line: str = "-", both: bool = False) -> None:
    style = {"arrowstyle": "<|-|>" if both else "-|>", "mutation_scale": 10, "color": colour, "linestyle": line}
    ax.add_patch(FancyArrowPatch(start, end, linewidth=1.2, shrinkA=0, shrinkB=0, **style))


def main(path: str) -> None:
    """Write the drawing."""
    with plt.rc_context(STYLE), replaced(Path(path)) as temporary:
        draw().savefig(temporary, dpi=193, metadata={"Software": None})  # 1660 pixels, twice the column of README


if __name__ == "__main__":
    main(*sys.argv[1:])
