"""What is written in workflow/claims, and what is refused."""

import shutil

import pytest
import yaml

from infoflow.errors import InfoflowError
from infoflow.studies.claims.entries import FOLDER, Evidence, digest, read_claims, read_evidence
from infoflow.studies.claims.quantities.registry import QUANTITIES
from infoflow.studies.claims.variables import NOT_TESTED, THEORY, VERDICTS

GOOD = {
    "id": "one",
    "statement": "A thing is one.",
    "place": "Figure 1",
    "evidence": "mine",
    "quantity": {"name": "auroc", "score": "snip"},
    "expected": {"equals": 1.0},
    "why": "Nothing is left open.",
    "verdict": "holds",
}
EVIDENCE = {"mine": {"config": ["config/config.yaml"], "conditions": {"run.seed": 0}}}


@pytest.fixture
def folder(tmp_path):
    """A function: a folder with some claims."""

    def write(*claims: dict, evidence: dict = EVIDENCE):
        (tmp_path / "mine.yaml").write_text(yaml.safe_dump({"source": "a paper", "claims": list(claims)}))
        (tmp_path / "evidence.yaml").write_text(yaml.safe_dump({"evidence": evidence}))
        return tmp_path

    return write


def test_all_entries_are_claims_of_registered_quantities():
    claims = read_claims()
    assert len(claims) == len({claim.id for claim in claims}) > 60
    assert {claim.quantity for claim in claims if claim.quantity} == set(QUANTITIES)
    for claim in claims:
        assert claim.statement.endswith("."), claim.id
        assert claim.verdict in VERDICTS
        assert (claim.not_tested is None) or claim.verdict == NOT_TESTED
        assert claim.reading_error + claim.tolerance >= 0


def test_all_evidence_is_used_and_has_its_conditions():
    evidence = read_evidence()
    assert {claim.evidence for claim in read_claims()} - {None, THEORY} == set(evidence)
    assert all(one.conditions and one.config for one in evidence.values())


def test_an_entry_has_the_source_of_its_file_or_its_own(folder):
    of_file, own = read_claims(folder(GOOD, GOOD | {"id": "two", "source": "docs"}))
    assert (of_file.source, own.source) == ("a paper", "docs")
    assert (of_file.quantity, of_file.arguments, of_file.tolerance) == ("auroc", {"score": "snip"}, 0)


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        ([GOOD | {"expectation": 1}], "mine.yaml: one: .*'expectation' was unexpected"),
        ([{k: v for k, v in GOOD.items() if k != "why"}], "mine.yaml: one: 'why' is a required property"),
        ([{k: v for k, v in GOOD.items() if k != "id"}], "mine.yaml: claim 1: 'id' is a required property"),
        ([GOOD | {"verdict": "true"}], "mine.yaml: one.verdict: 'true' is not one of"),
        ([GOOD | {"tolerance": -1}], "mine.yaml: one.tolerance: -1 is less than the minimum"),
        ([GOOD | {"expected": {"equals": 1, "at_most": 2}}], "mine.yaml: one.expected: .* too many properties"),
        ([GOOD | {"not_tested": "it is too large"}], "mine.yaml: one"),
        ([GOOD, GOOD], "mine.yaml: one: the id is there twice"),
        ([GOOD | {"evidence": "yours"}], "mine.yaml: one: evidence 'yours' is not in evidence.yaml"),
    ],
    ids=["key", "lacks", "nameless", "verdict", "negative", "two", "both", "twice", "evidence"],
)
def test_a_wrong_entry_is_refused_in_one_line_with_file_and_id(folder, claims, message):
    with pytest.raises(InfoflowError, match=message) as caught:
        read_claims(folder(*claims))
    assert "\n" not in str(caught.value)


def test_what_is_no_yaml_is_refused(folder):
    path = folder(GOOD)
    (path / "mine.yaml").write_text("claims: [")
    with pytest.raises(InfoflowError, match=r"^mine.yaml: not a file of claims"):
        read_claims(path)


def test_conditions_compare_the_config_of_a_cube():
    evidence = Evidence("mine", "cube", ["a.yaml"], {"experiments.a.depth": [1, 2], "run.seed": 0})
    assert evidence.unmet({"experiments": {"a": {"depth": [1, 2]}}, "run": {"seed": 0}}) == []
    assert evidence.unmet({"experiments": {"a": {"depth": [1]}}, "run": {"seed": 0}}) == ["experiments.a.depth"]
    assert evidence.unmet({"experiments": None}) == ["experiments.a.depth", "run.seed"]


def test_the_digest_is_of_what_is_written(tmp_path):
    shutil.copytree(FOLDER, tmp_path / "claims")
    path = tmp_path / "claims/own.yaml"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert digest(tmp_path / "claims") == digest()
    path.write_text(path.read_text(encoding="utf-8") + "# more\n", encoding="utf-8")
    assert digest(tmp_path / "claims") != digest()
