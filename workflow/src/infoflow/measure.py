"""Measure anew what jobs cost, from the results of finished runs: writes `jobs/costs.json`.

    python -m infoflow.measure RUN...

Every RUN is a directory in which Snakemake was run: results record the CPU seconds and the memory of the job that wrote
them (`cost`), and Snakemake's own notes have the wall seconds of the jobs whose results are pictures and pages. Prices
are non-negative, and make the relative error least; see `infoflow.jobs.costs`.
"""

import argparse
import base64
import csv
import json
import platform
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from infoflow.errors import InfoflowError
from infoflow.jobs.costs import PRICES, Work
from infoflow.jobs.provenance import PACKAGE
from infoflow.plan import KINDS

WORK = {rule: work for kind in KINDS for rule, work in kind.WORK.items()}
_MERGES = ("merge_", "build_", "check_", "recommend", "calibrate_")
"""How rules begin whose results are cubes, which record the cost of all that is in them."""
_LONGEST, _DIGITS = 3600.0, 5
_VARIES, _COVERED, _ROWS = 2.0, 0.95, 16
_AT_LEAST = {"weights": 1.0, "reconstructions": 1.0, "data": 1.0}
"""Of bytes that are surely held, whatever else is."""
Row = tuple[Mapping[str, float], float]
"""Terms, and what was measured."""
_MOST_BYTES = 30.0
"""Price of a byte of memory that is held, at most: what costs more is a constant in disguise."""
_SNAKEMAKE = """
import tempfile
from snakemake.cli import main
with tempfile.TemporaryDirectory() as directory:
    try:
        main(["--snakefile", "{snakefile}", "--directory", directory, "-n", "--quiet", "all", "--", "all_probes"])
    except SystemExit:
        pass
"""
"""A parse of this workflow and a small graph, as on a node."""
_TELL = (
    "import re, sys, time; "
    r"peak = re.search(r'VmHWM:\s+(\d+)', open('/proc/self/status').read())[1]; "
    "print(time.process_time(), int(peak) / 1024, file=sys.stderr)"
)


@dataclass(frozen=True)
class Measured:
    """What a job took.

    Attributes:
        rule: of it.
        work: that it had to do; as much of it as it did before it could stop.
        share: how much of its work that was.
        seconds: of CPUs, or where it recorded none, of the clock.
        memory_mb: largest resident memory; None, where it recorded none.
        disk_mb: of its results.
        parameters: that it had, as JSON, but for the digests of code.
        name: of its result.
    """

    rule: str
    work: Work
    share: float
    seconds: float
    memory_mb: float | None
    disk_mb: float
    parameters: str = "{}"
    name: str = ""


def read_run(directory: Path) -> Iterator[Measured]:
    """What the jobs of a run took.

    Raises:
        InfoflowError: there are no results.
    """
    results = directory / "results"
    if not results.is_dir():
        raise InfoflowError(f"{directory}: there is no results in it; name the directory of a run")
    for path in sorted(results.rglob("*.nc")):
        if (found := _read_result(path)) is not None:
            yield found
    yield from _read_notes(directory)


def _read_result(path: Path) -> Measured | None:
    import netCDF4
    import numpy as np

    with netCDF4.Dataset(path) as file:
        attributes = {name: file.getncattr(name) for name in file.ncattrs()}
        costs = json.loads(attributes.get("cost", "{}"))
        rule = attributes.get("rule") or next((r for r in costs if r.startswith(_MERGES) and costs[r]["jobs"] == 1), "")
        if rule not in costs or costs[rule]["gpu_seconds"]:
            return None
        parameters = json.loads(attributes.get("parameters", "{}"))
        if rule in WORK and not parameters:
            return None
        wildcards = {"point": path.stem, "family": path.stem}
        work, share = WORK[rule](parameters, wildcards) if rule in WORK else Work(), 1.0
        if work.early:
            seconds = np.ma.filled(file["seconds"][:].astype(float), np.nan)
            if np.nansum(seconds) > costs[rule]["wall_seconds"]:  # some were trained by other jobs
                return None
            done = ~np.isnan(np.ma.filled(file["accuracy"][:].astype(float), np.nan))
            depths = file["depth"][:].astype(float) if "depth" in file.variables else np.ones(1)
            done = done.reshape(len(depths), -1).mean(1)
            share = float((done * depths).sum() / depths.sum())
    cost = costs[rule]
    took = cost["cpu_seconds"], cost["peak_memory_mb"], path.stat().st_size / 1e6
    return Measured(rule, work, share, *took, json.dumps(_without_code(parameters), sort_keys=True), path.stem)


def _without_code(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {key: _without_code(inner) for key, inner in value.items() if key not in ("code", "made_by", "config")}


def _read_notes(directory: Path) -> Iterator[Measured]:
    """Of jobs that left no NetCDF file, what Snakemake noted."""
    seen: dict[tuple, float] = defaultdict(float)
    for path in sorted((directory / ".snakemake/metadata").glob("**/*")):
        if not path.is_file():
            continue
        name = base64.b64decode("".join(path.relative_to(directory / ".snakemake/metadata").parts).replace("@", ""))
        note = json.loads(path.read_text())
        rule, started, ended = note.get("rule"), note.get("starttime"), note.get("endtime")
        if not rule or not ended or name.endswith(b".nc") or rule in WORK or rule.startswith(_MERGES):
            continue
        if 0 < ended - started < _LONGEST:
            result = directory / name.decode()
            seen[rule, started, ended] += result.stat().st_size / 1e6 if result.is_file() else 0.0
    for (rule, started, ended), disk in seen.items():
        yield Measured(rule, Work(), 1.0, ended - started, None, disk)


def fit(rows: Iterable[Measured], pythons: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    """Prices of rules from what their jobs took.

    Args:
        rows: of jobs.
        pythons: what the kinds of Python take before they begin: `seconds` and `memory_mb`.
    """
    by_rule: dict[str, list[Measured]] = defaultdict(list)
    for row in rows:
        by_rule[row.rule].append(row)
    rules: dict[str, Any] = {}
    borrowed = {r: rows for r, rows in by_rule.items() if any(row.work.priced_as for row in rows)}
    for rule in sorted(by_rule, key=lambda rule: rule in borrowed):
        own = by_rule[rule]
        known = [(row.work.memory, row.memory_mb) for row in own if row.memory_mb is not None]
        heavy = known and min(mb for _, mb in known) >= pythons["torch"]["memory_mb"]
        least = pythons["torch" if heavy else "drawing"]
        clock = own[0].work.priced_as or rule
        if clock != rule and clock in rules:
            start, seconds = rules[clock]["start"], rules[clock]["seconds"]
        else:
            lent = [row for other in borrowed.values() for row in other if row.work.priced_as == rule]
            start, seconds = _prices([(_done(row), row.seconds) for row in [*own, *lent]], least["seconds"])
        memory_start, memory = _above(known, least["memory_mb"]) if known else (1.5 * least["memory_mb"], {})
        ratios = [row.seconds / _sum(start, seconds, _done(row)) for row in own]
        rules[rule] = {
            "jobs": len(own),
            "import": min(start, least["seconds"]),
            "start": start,
            "seconds": seconds,
            "upper": max(1.0, max(ratios)),
            "memory_start": memory_start,
            "memory": memory,
            **_disk(own),
        }
        if own[0].work.early:
            full = [_sum(0.0, seconds, row.work.seconds) for row in own]
            done = sum(f * row.share for f, row in zip(full, own))
            rules[rule]["share"] = done / sum(full) if sum(full) else 1.0
        if clock != rule:
            # its own prices would be those of the trainings that it happened to need
            rules[rule]["seconds"] = {}
    return rules


def _disk(rows: Sequence[Measured]) -> dict[str, float]:
    groups = [({"written": row.work.disk}, max(row.disk_mb, 1e-6)) for row in rows]
    start, prices = _prices(groups, 0.0) if any(row.work.disk for row in rows) else (_mean(d for _, d in groups), {})
    return {"disk_start": start, "disk": prices.get("written", 0.0)}


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found)


def _done(row: Measured) -> dict[str, float]:
    return {term: amount * row.share for term, amount in row.work.seconds.items()}


def _sum(start: float, prices: Mapping[str, float], terms: Mapping[str, float]) -> float:
    return start + sum(price * terms.get(term, 0.0) for term, price in prices.items())


def _prices(rows: Sequence[Row], least: float) -> tuple[float, dict[str, float]]:
    """Start, of at least so much, and prices that make Σ (start + Σ price amount - measured)²/measured² least.

    Of jobs that do the same the mean counts. Where all do, the work is taken as in proportion to its first term.
    """
    import numpy as np
    from scipy.optimize import nnls

    groups = _grouped(rows)
    names = _varying(groups)
    values = np.array([sum(found) / len(found) for found in groups.values()])
    least = min(least, float(values.min()))
    if not names:
        terms, rest = dict(next(iter(groups))), max(0.0, values.mean() - least)
        main = next((name for name, amount in terms.items() if amount), None)
        return (least, {main: rest / terms[main]}) if main else (least + rest, {})
    weighted = _amounts(groups, names) / values[:, None]
    scale = weighted.max(0)
    found = nnls(weighted / scale, 1 - np.minimum(1.0, least / values))[0] / scale
    return least + float(found[0]), _named(names, found[1:])


def _above(rows: Sequence[Row], least: float) -> tuple[float, dict[str, float]]:
    """Start, of at least so much, and prices that make Σ (start + Σ price amount)/measured least, but none too small.

    Where all jobs hold the same, a byte costs a byte.
    """
    import numpy as np
    from scipy.optimize import linprog

    groups = _grouped(rows)
    names = _varying(groups)
    # the last ones differ by chance, and are for the safety factor
    values = np.array([np.quantile(found, _COVERED) for found in groups.values()])
    least = min(least, float(values.min()))
    if not names:
        terms = dict(next(iter(groups)))
        return max(least, values.max() - sum(terms.values())), dict.fromkeys(terms, 1.0)
    amounts = _amounts(groups, names)
    scale = amounts.max(0)
    bounds = [(_AT_LEAST.get(name, 0.0) * s, _MOST_BYTES * s) for name, s in zip(names, scale[1:])]
    needed = np.maximum(values - least, 0.0)
    found = (
        linprog((amounts / scale / values[:, None]).sum(0), -amounts / scale, -needed, bounds=[(0, None), *bounds]).x
        / scale
    )
    return least + float(found[0]), _named(names, found[1:])


def _grouped(rows: Sequence[Row]) -> dict[tuple, list[float]]:
    groups: dict[tuple, list[float]] = defaultdict(list)
    for terms, value in rows:
        groups[tuple(terms.items())].append(value)
    return groups


def _varying(groups: Iterable[tuple]) -> list[str]:
    """Terms that vary by a factor: of the price of others nothing is known."""
    amounts: dict[str, list[float]] = {}
    for key in groups:
        for name, amount in key:
            amounts.setdefault(name, []).append(amount)
    count = len(list(groups))
    least = {name: min(found) if len(found) == count else 0.0 for name, found in amounts.items()}
    return [name for name, found in amounts.items() if max(found) > _VARIES * least[name]]


def _amounts(groups: Iterable[tuple], names: Sequence[str]) -> Any:
    """[group, 1 + term], with a one before them."""
    import numpy as np

    return np.array([[1.0, *(dict(key).get(name, 0.0) for name in names)] for key in groups])


def _named(names: Sequence[str], prices: Iterable[float]) -> dict[str, float]:
    return {name: float(price) for name, price in zip(names, prices, strict=True) if price > 0}


def summarize(rules: dict[str, Any], names: Sequence[str], name: str) -> None:
    """Add what stands for all of some rules, under a name: the mean time, the largest memory."""
    some = [rules[rule] for rule in names]
    if some:
        jobs = sum(rule["jobs"] for rule in some)
        start = sum(rule["start"] * rule["jobs"] for rule in some) / jobs
        rules[name] = {
            "jobs": jobs,
            "import": min(rule["import"] for rule in some),
            "start": start,
            "seconds": {},
            "upper": max(1.0, *(rule["upper"] * rule["start"] / start for rule in some)),
            "memory_start": max(rule["memory_start"] for rule in some),
            "memory": {},
            "disk_start": sum(rule["disk_start"] * rule["jobs"] for rule in some) / jobs,
            "disk": 0.0,
        }


def python_that(code: str) -> dict[str, float]:
    """CPU seconds, and MB at most, of a Python that runs some code and ends."""
    done = subprocess.run([sys.executable, "-c", f"{code}\n{_TELL}"], capture_output=True, text=True)
    if done.returncode:
        raise InfoflowError(f"{code}: {done.stderr.strip().splitlines()[-1]}")
    seconds, peak = done.stderr.split()[-2:]
    return {"seconds": float(seconds), "memory_mb": float(peak)}


def machine() -> str:
    """The processor of this machine, in words."""
    try:
        name = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        name = None
    return f"{name[1] if name else platform.processor() or platform.machine()}, one core"


def rounded(value: Any) -> Any:
    """With few digits, which is all that a measurement has."""
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    return float(f"{value:.{_DIGITS - 1}g}") if isinstance(value, float) else value


def measure(rows: Sequence[Measured]) -> dict[str, Any]:
    """Prices of all rules, and where they are from."""
    pythons = {
        "torch": python_that("import torch, netCDF4"),
        "drawing": python_that("import matplotlib.pyplot, xarray, netCDF4"),
        "snakemake": python_that(_SNAKEMAKE.format(snakefile=PACKAGE.parents[2] / "Snakefile")),
    }
    noted = [row for row in rows if row.memory_mb is None]
    # of jobs whose time is that of a clock, the least of all runs is nearest to what a free core takes
    quickest = {rule: min(row.seconds for row in noted if row.rule == rule) for rule in {row.rule for row in noted}}
    rows = [replace(row, seconds=quickest[row.rule]) if row.memory_mb is None else row for row in rows]
    rules = fit(rows, pythons)
    figures = [rule for rule in rules if rule.startswith("figure_")]
    constant = [rule for rule, about in rules.items() if not about["seconds"] and not about["memory"]]
    summarize(rules, figures, "figure")
    summarize(rules, [rule for rule in constant if rule not in figures] or list(rules), "default")
    return {
        "machine": machine(),
        "date": date.today().isoformat(),
        "pythons": pythons,
        "rules": dict(sorted(rules.items())),
    }


def write_table(rows: Iterable[Measured], path: Path) -> None:
    """One measured job, that in the middle, of every size or of some, of the rules whose jobs have sizes."""
    sizes: dict[tuple, list[Measured]] = defaultdict(list)
    for row in rows:
        if row.rule in WORK and row.rule != "merge_cube":
            sizes[row.rule, tuple(row.work.seconds.items())].append(row)
    by_rule: dict[str, list[Measured]] = defaultdict(list)
    for (rule, _), some in sizes.items():
        by_rule[rule].append(sorted(some, key=lambda row: row.seconds)[len(some) // 2])
    chosen = []
    for some in by_rule.values():
        some.sort(key=lambda row: row.seconds)
        places = {round(k * (len(some) - 1) / (_ROWS - 1)) for k in range(_ROWS)}
        chosen += [some[k] for k in sorted(places)]
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["machine", "rule", "name", "share", "cpu_seconds", "memory_mb", "parameters"])
        for row in sorted(chosen, key=lambda row: (row.rule, row.seconds)):
            measured = f"{row.share:.4g}", f"{row.seconds:.3g}", f"{row.memory_mb:.0f}"
            table.writerow([machine(), row.rule, row.name, *measured, row.parameters])


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status."""
    parser = argparse.ArgumentParser(prog="python -m infoflow.measure", description=__doc__.split("\n")[0])
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="directory that has a results")
    parser.add_argument("--output", type=Path, default=PRICES, help="file to write (default: that of the package)")
    parser.add_argument("--table", type=Path, help="file to write with one measured job of every size")
    options = parser.parse_args(arguments)
    try:
        rows = [row for directory in options.runs for row in read_run(directory)]
        if not rows:
            raise InfoflowError("nothing that records what it cost; name the directories of finished runs")
        found = rounded(measure(rows))
    except InfoflowError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if options.table:
        write_table(rows, options.table)
    options.output.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{options.output}: prices of {len(found['rules'])} rules, {found['machine']}, {found['date']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
