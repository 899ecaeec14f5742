"""Tables of verdicts."""

import csv
import io

from infoflow.studies.claims.entries import Evidence
from infoflow.studies.claims.intervals import Interval
from infoflow.studies.claims.tables import COLUMNS, count, in_order, list_changes, said, write_csv, write_markdown
from infoflow.studies.claims.variables import FAILS, HOLDS, NOT_TESTED
from infoflow.studies.claims.verdicts import Judged

EVIDENCE = {"mine": Evidence("mine", "cube", ["a.yaml", "b.yaml"], {"run.seed": 0})}
NAN = float("nan")


def judged(make_claim) -> list[Judged]:
    return [
        Judged(make_claim(id="fine"), HOLDS, Interval(1.0, 0.9, 1.1), (0.7, 1.3), "", True),
        Judged(make_claim(id="absent"), NOT_TESTED, Interval(NAN, NAN, NAN), (0.7, 1.3), "there is no | cube", False),
        Judged(make_claim(id="wrong", source="docs"), FAILS, Interval(2.0, 2.0, 2.0), (0.7, 1.3), "", True),
    ]


def test_failures_come_first(make_claim):
    rows = judged(make_claim)
    assert [one.claim.id for one in in_order(rows)] == ["wrong", "absent", "fine"]
    assert count(rows) == "3 claims: 1 holds, 1 not tested, 1 fails."
    assert list_changes(rows) == ["wrong: fails, recorded as holds: 2"]


def test_the_csv_file_has_a_row_for_every_claim(make_claim):
    rows = list(csv.DictReader(io.StringIO(write_csv(judged(make_claim), EVIDENCE))))
    assert tuple(rows[0]) == COLUMNS
    assert [row["id"] for row in rows] == ["wrong", "absent", "fine"]
    assert (rows[2]["low"], rows[2]["high"], rows[2]["cube"], rows[2]["config"]) == (
        "0.9",
        "1.1",
        "cube",
        "a.yaml b.yaml",
    )
    assert (rows[1]["value"], rows[1]["reason"]) == ("", "there is no | cube")


def test_the_document_has_a_table_per_source(make_claim):
    text = write_markdown(judged(make_claim), EVIDENCE)
    assert (
        text.index("## Changed verdicts")
        < text.index("## What fails")
        < text.index("## a paper")
        < text.index("## docs")
    )
    assert "| holds | The quantity is one. (Figure 1) | 1 [0.9, 1.1] | 1 | 0.3 | `cube` of a.yaml b.yaml |  |" in text
    assert "not tested because there is no \\| cube" in text


def test_what_is_said_is_told_in_words(make_claim):
    def told(expected):
        return said(Judged(make_claim(expected=expected), HOLDS, Interval(1, 1, 1), (1.7, 2.3), "", True))

    assert [told(e) for e in ({"at_least": 2}, {"at_most": 0.5}, {"between": [1, 2]}, {"equals": [1, 2]}, {})] == [
        "≥ 2",
        "≤ 0.5",
        "1 to 2",
        "2, one of 2",
        "",
    ]
