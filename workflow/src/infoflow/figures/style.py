"""What the figures of all studies share: style, axes of a grid, limits of colours."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

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

LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3)), (0, (8, 2)), (0, (3, 1, 1, 1)))
"""Line styles, so that curves are told apart without colour."""


def over_replicas(values: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    """Mean and standard deviation over replicas; the latter is zero for a single one."""
    return values.mean("replica"), values.std("replica", ddof=min(1, values.sizes["replica"] - 1))


def cell_edges(centres: Sequence[float]) -> np.ndarray:
    """Edges of map cells around the values of an axis, halfway between neighbours, and not below zero."""
    centres = np.asarray(centres, float)
    if len(centres) == 1:
        return centres[0] + np.array([-0.5, 0.5])
    middle = (centres[1:] + centres[:-1]) / 2
    return np.concatenate([[max(0, 2 * centres[0] - middle[0])], middle, [2 * centres[-1] - middle[-1]]])


def colour_limits(values: np.ndarray, low: float = 1, high: float = 99) -> tuple[float, float]:
    """Percentiles of the finite values, apart from each other even if the values are not."""
    finite = np.asarray(values)[np.isfinite(values)]
    if not finite.size:
        return 0.0, 1.0
    bottom, top = np.percentile(finite, [low, high])
    return (float(bottom), float(top)) if top > bottom else (float(bottom) - 0.5, float(top) + 0.5)


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
