"""How far off every predictor puts the largest trainable depth, by calibrated thresholds and by fixed rules."""

import math
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from infoflow.studies.leaderboard.figures._shared import colour, error_bars, known_scores, make_panels, name_score
from infoflow.studies.leaderboard.variables import JUDGED, OVERALL

MEASURE, FIXED = "boundary_error", "fixed_boundary_error"
FIXED_COLOUR = "0.75"


def draw(cube: xr.Dataset) -> Figure:
    """A bar per score, the best at the top; below it that of the fixed rule, if there is one. One panel per grid."""
    most = cube.sizes["score"] + int(np.isfinite(cube[FIXED]).any("grid").sum())
    figure, panels = make_panels(cube, 5.2, max(2.8, 1.4 + 0.17 * most))
    for grid, ax in panels.items():
        here = cube.sel(grid=grid)
        scores = known_scores(here, MEASURE)
        if scores:
            draw_bars(ax, sorted(scores, key=lambda s: float(s[MEASURE])))
        else:
            ax.set(xticks=[], yticks=[])
            if not ax.texts:
                ax.text(0.5, 0.5, "no boundary among the depths", transform=ax.transAxes, ha="center", color="0.4")
        ax.set_title(f"{grid}: {say_columns(cube, grid)}{say_factor(here, float(cube['fixed_factor']))}")
    handles = [
        plt.Rectangle((0, 0), 1, 1, color="tab:blue", label="threshold chosen on all other columns"),
        plt.Rectangle((0, 0), 1, 1, color=FIXED_COLOUR, label=f"fixed rule: {say_rules(cube)}"),
        plt.Line2D([], [], color="0.5", linestyle=":", label="a factor of two"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3 if len(panels) > 1 else 1)
    figure.suptitle("Predictors of trainability:\nerror of the largest trainable depth, 95 % intervals")
    return figure


def draw_bars(ax: Axes, scores: Sequence[xr.Dataset]) -> None:
    """One grid; `scores` are those that are known, best first."""
    row, ticks = 0, {}
    for score in scores:
        for measure, shade in ((MEASURE, colour(score)), (FIXED, FIXED_COLOUR)):
            value, low, high = (float(score[f"{measure}{end}"]) for end in ("", "_low", "_high"))
            if math.isnan(value):
                continue
            ax.barh(row, value, height=0.75, color=shade, alpha=0.75)
            bars = error_bars(value, low, high)
            ax.errorbar(value, row, xerr=bars, fmt="ko", markersize=2.5, elinewidth=0.7, capsize=2, clip_on=False)
            ticks[row] = name_score(score) if measure == MEASURE else "fixed rule"
            row += 1
    ax.set_yticks(list(ticks), list(ticks.values()), fontsize=7)
    ax.set(ylim=(row - 0.4, -0.6), xlabel=r"mean $|\ln(d_{\rm predicted}/d_{\rm true})|$")
    ax.set_xlim(0, max(1.05 * ax.get_xlim()[1], 0.75))
    ax.axvline(math.log(2), color="0.5", linestyle=":", zorder=0)


def say_columns(cube: xr.Dataset, grid: str) -> str:
    """How many columns have their boundary among the depths."""
    part = cube.isel(grid=slice(-1)) if grid == OVERALL else cube.sel(grid=[grid])
    part = part.isel(grid=part["grid_case"].values == JUDGED)
    columns, censored = (int(part[name].values.max(1, initial=0).sum()) for name in ("columns", "censored_columns"))
    return f"{columns - censored} of {columns} columns"


def say_factor(here: xr.Dataset, fixed: float) -> str:
    """k of depth <= k ξ_c, calibrated and true, beside the published one, on lines of their own."""
    said = []
    for name, what in (("calibrated_factor", "calibrated"), ("true_factor", "true")):
        value, low, high = (float(here[f"{name}{end}"]) for end in ("", "_low", "_high"))
        if not math.isnan(value):
            said.append(f"{what} {value:.2g} ({low:.2g} to {high:.2g})")
    heading = rf"$k$ in depth $\leq k\,\xi_c$, published {fixed:g}:"
    return "\n".join(["", heading, *said]) if said else ""


def say_rules(cube: xr.Dataset) -> str:
    """The fixed rules, in words."""
    rules = {
        "mean_field": rf"depth $\leq {float(cube['fixed_factor']):g}\,\xi_c$",
        "explained_variance": r"$R^2 \geq 0$",
        "saturation_depth": r"depth $\leq$ saturation depth",
    }
    names = cube["score"].values[np.isfinite(cube["fixed_threshold"].values)].tolist()
    return ", ".join(rule for known, rule in rules.items() if any(name.endswith(known) for name in names)) or "none"
