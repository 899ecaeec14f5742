"""Claims with their verdicts as tables: CSV, and Markdown for the documents."""

import csv
import io
import math
from collections import Counter
from collections.abc import Iterable, Sequence

from infoflow.studies.claims.entries import Evidence
from infoflow.studies.claims.variables import FAILS, NOT_TESTED, THEORY, UNDECIDED, VERDICTS
from infoflow.studies.claims.verdicts import Judged

COLUMNS = (
    "verdict",
    "recorded",
    "id",
    "statement",
    "source",
    "place",
    "cube",
    "config",
    "value",
    "low",
    "high",
    "accepted_low",
    "accepted_high",
    "expected",
    "reading_error",
    "tolerance",
    "why",
    "scope",
    "reason",
)
_HEADS = ("verdict", "claim", "value [interval]", "said", "tolerance", "cube", "scope")


def in_order(judged: Iterable[Judged]) -> list[Judged]:
    """Failures first, then what is undecided, not tested, and holds; as written down within each."""
    return sorted(judged, key=lambda one: VERDICTS.index(one.verdict))


def write_csv(judged: Sequence[Judged], evidence: dict[str, Evidence]) -> str:
    """All claims with all that is known of them."""
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for one in in_order(judged):
        claim = one.claim
        cube, config = made_by(one, evidence)
        writer.writerow(
            {
                "verdict": one.verdict,
                "recorded": claim.verdict,
                "id": claim.id,
                "statement": claim.statement,
                "source": claim.source,
                "place": claim.place,
                "cube": cube,
                "config": config,
                **dict(zip(("value", "low", "high"), map(number, one.found))),
                **dict(zip(("accepted_low", "accepted_high"), map(number, one.accepted))),
                "expected": said(one),
                "reading_error": f"{claim.reading_error:g}",
                "tolerance": f"{claim.tolerance:g}",
                "why": claim.why,
                "scope": claim.reduced or "full",
                "reason": one.reason,
            }
        )
    return file.getvalue()


def write_markdown(judged: Sequence[Judged], evidence: dict[str, Evidence]) -> str:
    """A document: how many there are, changes, what fails or is undecided, and a table per source."""
    lines = [
        "# Claims",
        "",
        "What publications and these documents say, decided from cubes. A claim *holds* if the whole interval of what",
        "is measured lies within what the statement allows, its reading error and tolerance included, *fails* if the",
        "whole interval lies beyond, and is *undecided* if it straddles a bound. *At reduced size*: the evidence is",
        "smaller than what the statement is about. Of quantities with several components the deciding one is shown.",
        "The entries, with the reason of every tolerance, are in `workflow/claims`; `make claims` decides them.",
        "",
        count(judged),
        "",
    ]
    if changes := list_changes(judged):
        lines += ["## Changed verdicts", "", *(f"- {change}" for change in changes), ""]
    first = [one for one in in_order(judged) if one.verdict in (FAILS, UNDECIDED)]
    if first:
        lines += ["## What fails or is undecided", "", *_table(first, evidence), ""]
    for source in dict.fromkeys(one.claim.source for one in judged):
        of_source = [one for one in in_order(judged) if one.claim.source == source]
        lines += [f"## {source}", "", *_table(of_source, evidence), ""]
    return "\n".join(lines).rstrip() + "\n"


def count(judged: Iterable[Judged]) -> str:
    """How many claims have which verdict, in one line."""
    counted = Counter(one.verdict for one in judged)
    numbers = ", ".join(f"{counted[verdict]} {verdict}" for verdict in reversed(VERDICTS) if counted[verdict])
    return f"{sum(counted.values())} claims: {numbers}."


def list_changes(judged: Iterable[Judged]) -> list[str]:
    """A line for every claim whose verdict is another one than is recorded."""
    return [
        f"{one.claim.id}: {one.verdict}, recorded as {one.claim.verdict}: {shown(one) or one.reason}"
        for one in judged
        if one.changed
    ]


def made_by(one: Judged, evidence: dict[str, Evidence]) -> tuple[str, str]:
    """Cube and config of a claim's evidence; empty where there is none."""
    if one.claim.evidence in (None, THEORY):
        return "", ""
    found = evidence[one.claim.evidence]
    return found.cube, " ".join(found.config)


def number(value: float) -> str:
    """With four significant digits, empty if it is not known."""
    if math.isnan(value):
        return ""
    return f"{value:.4g}" if abs(value) < 1e4 or math.isinf(value) else f"{value:.4e}"


def shown(one: Judged) -> str:
    """Value and interval; nothing where they are not known."""
    if one.verdict == NOT_TESTED:
        return ""
    value, low, high = map(number, one.found)
    return value if low == high else f"{value} [{low}, {high}]"


def said(one: Judged) -> str:
    """What is expected, in words; of several components, of the one that is shown."""
    if not one.claim.expected:
        return ""
    ((relation, values),) = one.claim.expected.items()
    if relation == "between":
        return f"{values[0]:g} to {values[1]:g}"
    sign = {"equals": "", "at_least": "≥ ", "at_most": "≤ "}[relation]
    if not isinstance(values, list):
        return f"{sign}{values:g}"
    slack = one.claim.reading_error + one.claim.tolerance
    shown_one = one.accepted[0] + slack if relation != "at_most" else one.accepted[1] - slack
    return f"{sign}{number(shown_one)}, one of {len(values)}"


def _table(judged: Iterable[Judged], evidence: dict[str, Evidence]) -> list[str]:
    rows = [f"| {' | '.join(_HEADS)} |", f"|{'---|' * len(_HEADS)}"]
    for one in judged:
        claim = one.claim
        cube, config = made_by(one, evidence)
        slack = claim.reading_error + claim.tolerance
        cells = (
            one.verdict if one.verdict != NOT_TESTED else f"not tested because {one.reason}",
            f"{claim.statement} ({claim.place})",
            shown(one),
            said(one),
            f"{slack:g}" if claim.expected else "",
            f"`{cube}` of {config}" if cube else "",
            claim.reduced or "",
        )
        rows.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return rows
