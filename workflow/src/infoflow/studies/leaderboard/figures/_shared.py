"""What the figures of the leaderboard share: panels, colours and names of the scores."""

import math

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from infoflow.studies.leaderboard.variables import JUDGED, OVERALL

MOST_COLUMNS = 3
CASES = {1: "no ground truth", 2: "all networks are trainable", 3: "no network is trainable"}
COLOURS = {"nothing": "0.55", "theory": "black", "reconstruction": "crimson", "forward": "tab:green"}
ONE_PASS = "tab:blue"
"""Of whatever needs gradients."""


def colour(score: xr.Dataset) -> str:
    """By what is computed: nothing, theory, forward pass, gradients, reconstruction."""
    return COLOURS.get(score["needs"].item(), ONE_PASS)


def name_score(score: xr.Dataset) -> str:
    """Its title, as a figure sets it."""
    return score["title"].item().replace(" R2", " $R^2$")


def shown_grids(board: xr.Dataset) -> list[str]:
    """All grids, "overall" first if it is the mean of several."""
    *grids, overall = board["grid"].values.tolist()
    several = int((board["grid_case"].isel(grid=slice(-1)) == JUDGED).sum()) > 1
    return [overall, *grids] if several else grids


def known_scores(panel: xr.Dataset, measure: str) -> list[xr.Dataset]:
    """The scores that have a value of a measure on one grid."""
    return [panel.isel(score=k) for k in np.flatnonzero(np.isfinite(panel[measure].values))]


def make_panels(board: xr.Dataset, width: float, height: float) -> tuple[Figure, dict[str, Axes]]:
    """A panel per grid, with its title; those that nothing is judged on say why."""
    grids = shown_grids(board)
    columns = min(MOST_COLUMNS, len(grids)) if len(grids) != 4 else 2
    rows = math.ceil(len(grids) / columns)
    figure, axes = plt.subplots(rows, columns, figsize=(width * columns, 0.6 + height * rows), squeeze=False)
    for ax in axes.flat[len(grids) :]:
        ax.remove()
    panels = dict(zip(grids, axes.flat))
    for grid, ax in panels.items():
        here = board.sel(grid=grid)
        judged = int((board["grid_case"].isel(grid=slice(-1)) == JUDGED).sum())
        what = f"mean over {judged} grids" if grid == OVERALL else f"{here['networks'].values.max(initial=0)} networks"
        ax.set_title(f"{grid}: {what}")
        if case := CASES.get(int(here["grid_case"])):
            ax.text(0.5, 0.5, case, transform=ax.transAxes, ha="center", color="0.4")
    return figure, panels


def error_bars(value: float, low: float, high: float) -> np.ndarray | None:
    """For `errorbar` and `barh`, [2, 1]; None if there is no interval. An interval may lie beside its value."""
    return None if math.isnan(low) else np.array([[max(0, value - low)], [max(0, high - value)]])
