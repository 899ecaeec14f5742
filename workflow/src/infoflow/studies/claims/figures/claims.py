"""The table of all claims, failures first."""

import textwrap

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from infoflow.figures.say import FINDING
from infoflow.studies.claims.variables import FAILS, HOLDS, NOT_TESTED, REDUCED, UNDECIDED, VERDICTS

COLOURS = {FAILS: "#c23b22", UNDECIDED: "#e3a72f", NOT_TESTED: "0.6", REDUCED: "#7fb069", HOLDS: "#2e7d4f"}
WIDTH, LINE, MARGIN = 13.0, 0.15, 0.7
"""Inches: of the page, of a line of text, and above and below the table."""
COLUMNS = {"verdict": 0.01, "statement": 0.11, "value": 0.66, "expected": 0.82}
"""Where the columns begin, as a share of the width."""
LONGEST = {"statement": 150, "value": 34, "reason": 84, "expected": 38}
"""Letters of a line; a reason has the columns of value and expectation."""


def draw(cube: xr.Dataset) -> Figure:
    """One row per claim: verdict, statement and place, value with its interval, what is expected."""
    verdicts = [VERDICTS[flag] for flag in cube["verdict"].values]
    rows = [_row(cube.isel(claim=k), verdict) for k, verdict in enumerate(verdicts)]
    heights = [max(len(lines) for lines in row.values()) + 0.5 for row in rows]
    total = sum(heights) + 2
    figure = plt.figure(figsize=(WIDTH, total * LINE + 2 * MARGIN), layout="none")
    ax = figure.add_axes((0, MARGIN / (total * LINE + 2 * MARGIN), 1, total * LINE / (total * LINE + 2 * MARGIN)))
    ax.set(xlim=(0, 1), ylim=(total, 0))
    ax.axis("off")
    heads = ("verdict", "claim", "value [interval]", "expected")
    for (_, x), head in zip(COLUMNS.items(), heads):
        ax.text(x, 0.3, head, va="top", weight="bold", fontsize=8)
    y = 2.0
    for k, (row, height) in enumerate(zip(rows, heights)):
        if k % 2:
            ax.axhspan(y - 0.25, y + height - 0.25, color="0.96", linewidth=0)
        for name, lines in row.items():
            colour = COLOURS[verdicts[k]] if name == "verdict" else "black"
            ax.text(COLUMNS[name], y, "\n".join(lines), va="top", fontsize=7, color=colour, linespacing=1.25)
        y += height
    counts = ", ".join(f"{verdicts.count(v)} {v}" for v in reversed(VERDICTS) if v in verdicts)
    figure.finding = f"Of {len(verdicts)} claims {counts.replace(', ', ' and ') if counts.count(',') == 1 else counts}"
    figure.caption = (
        "What publications and the documents of this workflow say, decided from the cubes of this run; failures come "
        "first. A claim holds if the whole interval of what was measured lies within what the statement allows, fails "
        "if it lies beyond, and is undecided if it straddles a bound. Not tested: the cube is not part of this run."
    )
    at = 1 - 0.3 * MARGIN / (total * LINE + 2 * MARGIN)
    figure.suptitle(figure.finding, x=0.01, y=at, ha="left", va="top", fontsize=FINDING)  # a table: no layout
    return figure


def _row(one: xr.Dataset, verdict: str) -> dict[str, list[str]]:
    """Lines of text by column."""
    claim = f"{one['statement'].values} ({one['source'].values}; {one['place'].values})"
    mark = [verdict, *(["changed"] if int(one["changed"]) else [])]
    row = {"verdict": mark, "statement": textwrap.wrap(claim, LONGEST["statement"])}
    if verdict == NOT_TESTED:
        return row | {"value": textwrap.wrap(str(one["reason"].values), LONGEST["reason"])}
    return row | {
        "value": textwrap.wrap(_interval(one), LONGEST["value"]),
        "expected": textwrap.wrap(f"{one['expected'].values} (accepted {_accepted(one)})", LONGEST["expected"]),
    }


def _interval(one: xr.Dataset) -> str:
    value, low, high = (f"{float(one[name]):.4g}" for name in ("value", "low", "high"))
    return value if low == high else f"{value} [{low}, {high}]"


def _accepted(one: xr.Dataset) -> str:
    low, high = float(one["accepted_low"]), float(one["accepted_high"])
    if np.isinf(low):
        return f"≤ {high:.4g}"
    return f"≥ {low:.4g}" if np.isinf(high) else f"{low:.4g} to {high:.4g}"
