"""The leaderboard as tables, for a spreadsheet and for a paper."""

import csv
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import xarray as xr

from infoflow.files.results import replaced
from infoflow.studies.leaderboard.variables import COUNTS, JUDGED, MEASURES, OVERALL, RANKS


def ranking(board: xr.Dataset) -> list[str]:
    """Scores by their overall AUROC, best first; behind them those without, by the mean over the grids they have."""
    overall = board["auroc"].sel(grid=OVERALL).values
    each = board["auroc"].isel(grid=slice(-1)).values
    covered = np.isfinite(each)
    mean = np.where(covered, each, 0).sum(0) / np.maximum(covered.sum(0), 1)
    names = board["score"].values.tolist()
    keys = [(np.isnan(o), -(m if np.isnan(o) else o), name) for o, m, name in zip(overall, mean, names, strict=True)]
    return [name for *_, name in sorted(keys)]


def write_csv(board: xr.Dataset, path: str | Path) -> None:
    """Write a row per (grid, score), "overall" first, best scores first; empty where there is no value.

    Raises:
        InfoflowError: the file could not be written.
    """
    estimates = [f"{name}{end}" for name in MEASURES for end in ("", "_low", "_high")]
    numbers = [*estimates, *COUNTS, "censored_agreement", "threshold", "threshold_low", "threshold_high"]
    numbers += ["scoring_seconds", "relative_cost", "memory"]
    texts = ["title", "needs", "source", "covered_grids", "formula"]
    with replaced(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["grid", "rank", "score", "two_sided", *numbers, *texts])
        for grid in _overall_first(board):
            for rank, score in enumerate(ranking(board), 1):
                row = board.sel(grid=grid, score=score)
                cells = [_number(row[name].item()) for name in numbers]
                writer.writerow(
                    [grid, rank, score, int(row["two_sided"]), *cells, *(row[name].item() for name in texts)]
                )


def write_latex(board: xr.Dataset, path: str | Path) -> None:
    r"""Write a `tabular` for `\input`, which needs no package but booktabs; one block of rows per grid.

    Intervals of 95 % are sub- and superscripts. Grids where nothing is judged are left out.

    Raises:
        InfoflowError: the file could not be written.
    """
    heads = ["predictor", "needs", "sides", "AUROC", "within depth", r"above $-$depth"]
    heads += [r"Spearman's $\rho$", r"Kendall's $\tau$"]
    heads += [r"$\langle|\ln(d/d_\mathrm{true})|\rangle$", "relative cost"]
    lines = [
        r"% \usepackage{booktabs}",
        rf"\begin{{tabular}}{{lll{'r' * (len(heads) - 3)}}}",
        r"\toprule",
        " & ".join(heads) + r" \\",
    ]
    order = ranking(board)
    for grid in _overall_first(board):
        if board["grid_case"].sel(grid=grid) != JUDGED:
            continue
        lines += [r"\midrule", rf"\multicolumn{{{len(heads)}}}{{l}}{{\emph{{{escape(grid)}}}}} \\"]
        for score in order:
            row = board.sel(grid=grid, score=score)
            if np.isnan(row["auroc"]):
                continue
            cells = [escape(row["title"].item()), escape(row["needs"].item()), "two" if row["two_sided"] else "one"]
            cells += [_with_interval(row, name) for name in (*RANKS, "boundary_error")]
            lines.append(" & ".join([*cells, _cost(row["relative_cost"].item())]) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}", ""]
    with replaced(path) as temporary:
        temporary.write_text("\n".join(lines), encoding="utf-8")


def escape(text: str) -> str:
    """Text as LaTeX sets it, in any font encoding."""
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    special |= {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}"}
    special |= {c: f"\\{c}" for c in "&%$#_{}"}
    return re.sub(r"[\\~^<>|&%$#_{}]", lambda match: special[match[0]], text)


def _overall_first(board: xr.Dataset) -> Iterable[str]:
    *grids, overall = board["grid"].values.tolist()
    return overall, *grids


def _number(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.6g}"


def _with_interval(row: xr.Dataset, name: str) -> str:
    value, low, high = (row[f"{name}{end}"].item() for end in ("", "_low", "_high"))
    if np.isnan(value):
        return "--"
    if np.isnan(low):
        return f"${value:.3f}$"
    below, above = (round(end - value, 3) + 0.0 for end in (low, high))  # no -0
    return f"${value:.3f}_{{{below:+.3f}}}^{{{above:+.3f}}}$"


def _cost(cost: float) -> str:
    if np.isnan(cost):
        return "--"
    if cost == 0:
        return "free"
    mantissa, exponent = f"{cost:.1e}".split("e")
    return rf"${mantissa}\times10^{{{int(exponent)}}}$"
