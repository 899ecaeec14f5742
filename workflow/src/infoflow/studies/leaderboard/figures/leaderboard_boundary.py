"""How far off every predictor puts the largest trainable depth, by calibrated thresholds and by fixed rules."""

import math

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from infoflow.figures.say import interval, say
from infoflow.studies.leaderboard.figures._shared import (
    BASELINE,
    draw_value,
    handles,
    make_panels,
    say_score,
    shown_grids,
    sorted_scores,
)
from infoflow.studies.leaderboard.variables import JUDGED, OVERALL

MEASURE, FIXED = "boundary_error", "fixed_boundary_error"
FEWEST = 5
"""Columns with a boundary that a ranking needs: of fewer, errors take a few values only."""


def draw(cube: xr.Dataset) -> Figure:
    """A row per score, the best at the top; a little below the symbol that of the fixed rule, if there is one."""
    scores = sorted_scores(cube, MEASURE, descending=False)
    figure, panels = make_panels(cube, scores)
    for grid, ax in panels.items():
        here = cube.sel(grid=grid)
        if BASELINE in scores and np.isfinite(baseline := float(here[MEASURE].sel(score=BASELINE))):
            ax.axvline(baseline, color="0.3", linestyle=":", zorder=1)
        for row, name in enumerate(scores):
            draw_value(ax, here.sel(score=name), MEASURE, row)
            fixed = {"color": "0.5", "marker": "|", "markersize": 7, "elinewidth": 0.6}
            draw_value(ax, here.sel(score=name), FIXED, row + 0.28, **fixed)
        columns, all_of_them = boundary_columns(cube, grid)
        few = f"\nonly {columns}: no ranking" if columns < FEWEST else ""
        ax.set_title(f"{grid}: boundary in\n{columns} of {all_of_them} columns{few}")
        ax.set_xlabel(r"mean $|\ln(d_{\rm predicted}/d_{\rm true})|$")
        ax.axvline(math.log(2), color="0.7", linewidth=0.8, zorder=1)
    ends = [cube[f"{m}{e}"].sel(grid=list(panels)).values for m in (MEASURE, FIXED) for e in ("", "_high")]
    next(iter(panels.values())).set_xlim(-0.02, 1.05 * max(np.nanmax([*np.ravel(ends), 0]), 0.72))
    lines = [
        plt.Line2D([], [], color="0.3", linestyle=":", label="one depth for all columns, the baseline"),
        plt.Line2D([], [], color="0.7", label="a factor of two"),
        plt.Line2D([], [], color="0.5", marker="|", linestyle="-", label=f"fixed rule: {say_rules(cube)}"),
    ]
    figure.legend(handles=[*handles(), *lines], loc="outside lower center", ncols=2)
    factors = [f"{grid}: {text}" for grid in shown_grids(cube) if (text := say_factor(cube.sel(grid=grid)))]
    caption = (
        "Error of the largest trainable depth, with thresholds chosen on all other columns, and 95 % intervals over "
        "columns; only columns whose boundary is among the depths count. The factor k in depth ≤ k ξ_c, published as "
        f"{float(cube['fixed_factor']):g}, is {'; '.join(factors) or 'not known'}. Not shown: columns of which all "
        "depths train, or none. Fewer than five columns give no ranking."
    )
    return say(figure, finding(cube, scores), caption, ", ".join(cube["grid"].values[:-1].tolist()))


def finding(cube: xr.Dataset, scores: list[str]) -> str:
    """The best score and the baseline, as factors."""
    if not scores:
        return "No column has its boundary among the depths"
    grid = shown_grids(cube)[0]
    here = cube.sel(grid=grid)
    if boundary_columns(cube, grid)[0] < FEWEST:
        return f"Only {boundary_columns(cube, grid)[0]} columns have their boundary among the depths: too few to rank"

    def factor(name: str) -> str:
        return interval(*(math.exp(float(here[f"{MEASURE}{e}"].sel(score=name))) for e in ("", "_low", "_high")), 2)

    best = say_score(here.sel(score=scores[0]))
    text = f"{best} puts the trainable depth off by a factor of {factor(scores[0])}"
    return f"{text}, one depth for all by {factor(BASELINE)}" if BASELINE in scores else text


def boundary_columns(cube: xr.Dataset, grid: str) -> tuple[int, int]:
    """How many columns have their boundary among the depths, and how many there are."""
    part = cube.isel(grid=slice(-1)) if grid == OVERALL else cube.sel(grid=[grid])
    part = part.isel(grid=part["grid_case"].values == JUDGED)
    columns, censored = (int(part[name].values.max(1, initial=0).sum()) for name in ("columns", "censored_columns"))
    return columns - censored, columns


def say_factor(here: xr.Dataset) -> str:
    """k of depth <= k ξ_c, calibrated and true."""
    said = []
    for name, what in (("calibrated_factor", "calibrated"), ("true_factor", "true")):
        value, low, high = (float(here[f"{name}{end}"]) for end in ("", "_low", "_high"))
        if not math.isnan(value):
            said.append(f"{what} {value:.2g} ({low:.2g} to {high:.2g})")
    return ", ".join(said)


def say_rules(cube: xr.Dataset) -> str:
    """The fixed rules, in words."""
    rules = {
        "mean_field": rf"depth $\leq {float(cube['fixed_factor']):g}\,\xi_c$",
        "explained_variance": r"$R^2 \geq 0$",
        "saturation_depth": r"depth $\leq$ saturation depth",
    }
    names = cube["score"].values[np.isfinite(cube["fixed_threshold"].values)].tolist()
    return ", ".join(rule for known, rule in rules.items() if any(name.endswith(known) for name in names)) or "none"
