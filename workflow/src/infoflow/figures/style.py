"""What the figures of all studies share: style, axes of a grid, the colours of every quantity."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import LinearSegmentedColormap, Normalize

STYLE = {
    "figure.constrained_layout.use": True,
    "figure.dpi": 160,
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "image.cmap": "viridis",  # even steps of lightness: readable in greyscale
    "legend.frameon": False,
    "legend.fontsize": 8,
    "pdf.fonttype": 42,
}
SIGMA_W2 = r"$\sigma_w^2$"
ENTROPY_FLOOR = -20.0
"""Where the differential entropy of float32 reconstructions that all agree is drawn; -inf included."""

WIDEST = 9.8
"""Inches of a figure: letters of 8 points then have 7 in a column of 830 pixels (96 to the inch), as README's."""
MOST_TICKS = 60
R2_COLOURS = LinearSegmentedColormap.from_list(
    "explained_variance",
    [(0, "#1a0509"), (0.25, "#6e1423"), (0.5, "#c0392f"), (0.5, "#3d7d8c"), (0.75, "#7fbfae"), (1, "#fbfbd8")],
)
"""Red below zero, where the mean image does better, blue and green above; ever lighter, for greyscale."""
NORMS = {
    "share": ("viridis", Normalize(0, 1)),
    "differential_entropy": ("viridis", Normalize(ENTROPY_FLOOR, -3)),
    "relative_entropy": ("viridis_r", Normalize(0, 0.8)),
    "explained_variance": (R2_COLOURS, Normalize(-1, 1)),
}
"""Colours of a quantity, the same in all figures; values beyond the limits have the colour of the limit."""

CATEGORIES = (
    {"color": "#0b0b4f", "linestyle": "-", "marker": "o"},
    {"color": "#c2410c", "linestyle": "--", "marker": "s"},
    {"color": "#3a9bc1", "linestyle": "-.", "marker": "^"},
    {"color": "#7a7a7a", "linestyle": ":", "marker": "x"},
    {"color": "#b8a200", "linestyle": (0, (5, 1, 1, 1, 1, 1)), "marker": "D"},
    {"color": "#7d1f6b", "linestyle": (0, (8, 2)), "marker": "v"},
)
"""Colours that differ in grey, too, and line styles and markers that tell them apart without colour."""

LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3)), (0, (8, 2)), (0, (3, 1, 1, 1)))
"""Line styles, so that curves are told apart without colour."""


def over_replicas(values: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    """Mean and standard deviation over replicas; the latter is zero for a single one."""
    return values.mean("replica"), values.std("replica", ddof=min(1, values.sizes["replica"] - 1))


def cell_edges(centres: Sequence[float]) -> np.ndarray:
    """Edges of map cells, halfway between neighbours; the first and the last cell end at their samples.

    Nothing was measured beyond. A single value has a cell of one around it.
    """
    centres = np.asarray(centres, float)
    if len(centres) == 1:
        return centres[0] + np.array([-0.5, 0.5])
    return np.concatenate([centres[:1], (centres[1:] + centres[:-1]) / 2, centres[-1:]])


def tick_samples(axis: Axis, values: Sequence[float]) -> None:
    """Small ticks where samples are, as long as they can be told apart."""
    if len(values) <= MOST_TICKS:
        axis.set_ticks(list(values), minor=True)
        axis.set_tick_params(which="minor", length=2.5, width=0.6)


def curve_colours(count: int) -> list:
    """Colours from dark to light, leaving out the lightest."""
    import matplotlib.pyplot as plt

    return [plt.get_cmap("viridis")(0.85 * k / max(count - 1, 1)) for k in range(count)]


def mark_edge(axes: Axes, edge: float, label: str | None = None) -> None:
    """A vertical line at the edge of chaos, if it lies within the axis."""
    left, right = axes.get_xlim()
    if left < edge < right:
        axes.axvline(edge, color="white", linewidth=2.2)
        axes.axvline(edge, color="black", linewidth=1, linestyle="--", label=label)


def phase(sigma_w2: float, edge: float, neighbours: Sequence[float]) -> str:
    """`ordered`, `chaotic`, or `critical` for the value of the axis that is closest to the edge of chaos.

    Nothing, if there is no edge.
    """
    if np.isnan(edge):
        return ""
    closest = min(neighbours, key=lambda w: abs(w - edge))
    if sigma_w2 == closest and abs(sigma_w2 / edge - 1) < 0.05:
        return "critical"
    return "ordered" if sigma_w2 < edge else "chaotic"


def name_point(sigma_w2: float, edge: float, neighbours: Sequence[float], separator: str = " ") -> str:
    """σ_w² = 1 (ordered)."""
    here = phase(sigma_w2, edge, neighbours)
    return f"{SIGMA_W2} = {sigma_w2:g}" + (f"{separator}({here})" if here else "")


def finite_entropy(entropy: xr.DataArray) -> xr.DataArray:
    """The differential entropy, cut at ENTROPY_FLOOR; NaN stays NaN."""
    return entropy.clip(min=ENTROPY_FLOOR)
