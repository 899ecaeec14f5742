"""The leaderboard as tables."""

import csv
import math
import re

import pytest

from infoflow.studies.leaderboard.tables import escape, ranking, write_csv, write_latex
from made_up_board import KNOWN, build, make_cube, noisy


def value(board, name, grid, score=None) -> float:
    part = board[name].sel(grid=grid)
    return float(part if score is None else part.sel(score=score))


TABLES = {"a_b": make_cube(scores={"snip": noisy(3), "fisher": None}), "c_d": make_cube(scores={"snip": noisy(2)})}


def test_the_csv_has_the_numbers_of_the_cube(tmp_path):
    board = build(TABLES)
    write_csv(board, tmp_path / "out/l.csv")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["l.csv"]
    with (tmp_path / "out/l.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["grid"] for row in rows] == [g for g in ("overall", "a_b", "c_d") for _ in range(4)]
    assert [row["score"] for row in rows] == ranking(board) * 3
    assert [row["rank"] for row in rows] == ["1", "2", "3", "4"] * 3
    for row in rows:
        for name in ("auroc", "auroc_low", "kendall_high", "boundary_error", "relative_cost", "networks", "threshold"):
            expected = value(board, name, row["grid"], row["score"])
            assert row[name] == "" if math.isnan(expected) else float(row[name]) == pytest.approx(expected, rel=1e-5)
        assert row["title"] == KNOWN[row["score"]]["title"]
        assert bool(int(row["two_sided"])) == KNOWN[row["score"]]["two_sided"]
    before = (tmp_path / "out/l.csv").read_bytes()
    write_csv(build(TABLES), tmp_path / "out/l.csv")
    assert (tmp_path / "out/l.csv").read_bytes() == before


def test_the_latex_table_is_balanced(tmp_path):
    board = build(TABLES | {"e_f": make_cube(truth=False)})
    write_latex(board, tmp_path / "l.tex")
    text = (tmp_path / "l.tex").read_text()
    assert text.isascii()
    lines = text.splitlines()
    columns = len(re.search(r"\\begin{tabular}{([lr]+)}", text)[1])
    assert lines.count(r"\toprule") == lines.count(r"\bottomrule") == text.count(r"\end{tabular}") == 1
    assert lines.count(r"\midrule") == 3
    depth = 0
    for before, brace in re.findall(r"(\\?)([{}])", text):
        depth += 0 if before else (1 if brace == "{" else -1)
        assert depth >= 0
    assert depth == 0
    assert all(line.count("$") % 2 == 0 for line in lines)
    rows = [line for line in lines if line.endswith(r" \\") and "multicolumn" not in line]
    assert all(len(re.split(r"(?<!\\)&", row)) == columns for row in rows)
    # 3 overall, which fisher is not known of; 4 and 3 on the grids; the heads
    assert len(rows) == 1 + 3 + 4 + 3
    assert re.findall(r"\\emph{(.*?)} ?}", text) == ["overall", r"a\_b", r"c\_d"]
    first = [row.split(" & ") for row in rows[1:4]]
    named = [KNOWN[score]["title"] for score in ranking(board)[:3]]
    assert [row[0] for row in first] == named
    assert [row[2] for row in first] == ["two", "two", "one"]
    snip = first[2]
    found = [float(n) for n in re.fullmatch(r"\$([\d.]+)_{(-[\d.]+)}\^{(\+[\d.]+)}\$", snip[3]).groups()]
    auroc = value(board, "auroc", "overall", "snip")
    assert found[0] == pytest.approx(auroc, abs=6e-4)
    assert auroc + found[2] == pytest.approx(value(board, "auroc_high", "overall", "snip"), abs=6e-4)
    assert snip[-1] == r"$5.0\times10^{-2}$ \\"
    assert "free" in " ".join(row[-1] for row in first)


def test_text_is_escaped():
    assert escape(r"a_b & 5 % of $x^2$ {#} ~ \ <|>") == (
        r"a\_b \& 5 \% of \$x\textasciicircum{}2\$ \{\#\} \textasciitilde{} \textbackslash{} "
        r"\textless{}\textbar{}\textgreater{}"
    )
