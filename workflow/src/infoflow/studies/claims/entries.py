"""The claims and their evidence as they are written down in workflow/claims.

A file per source with its claims, and `evidence.yaml`: which cube of which config shows something, and what has to
stand in the config that is recorded in a cube of that name, so that another experiment is not taken for it.

Standard library, YAML and JSON Schema only: the plan imports this.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from infoflow.errors import InfoflowError
from infoflow.files.own_yaml import read_own_yaml
from infoflow.jobs.provenance import PACKAGE
from infoflow.studies.claims.variables import THEORY

FOLDER = PACKAGE.parents[1] / "claims"
SCHEMA = PACKAGE.parents[1] / "schemas/claims.schema.yaml"
_EVIDENCE = "evidence.yaml"


@dataclass(frozen=True)
class Evidence:
    """A cube that claims are decided from.

    Attributes:
        name: that claims name it by.
        cube: its name.
        config: files that make it, laid over each other.
        conditions: values by their dotted path in the config that the cube records.
    """

    name: str
    cube: str
    config: Sequence[str]
    conditions: Mapping[str, Any]

    def unmet(self, config: Mapping[str, Any]) -> list[str]:
        """Paths whose values in a cube's config are others."""
        return [path for path, value in self.conditions.items() if _at(config, path) != value]


@dataclass(frozen=True)
class Claim:
    """One entry of a file of claims; see the schema.

    Attributes:
        source: publication or documents that say it.
        evidence: name of the evidence, `theory`, or None if the claim is not tested.
        quantity: name of the function that computes it.
        arguments: of the function.
        expected: `equals`, `at_least`, `at_most` or `between`, with a number or one per component.
        reading_error: of the published value.
        tolerance: what the words of the statement leave open, beside it.
        why: of the tolerance.
        reduced: how the evidence is smaller than what the statement is about; None if it is not.
        not_tested: why not; None if it is.
        verdict: that is recorded.
    """

    id: str
    statement: str
    source: str
    place: str
    evidence: str | None
    quantity: str | None
    arguments: Mapping[str, Any]
    expected: Mapping[str, Any]
    reading_error: float
    tolerance: float
    why: str
    reduced: str | None
    not_tested: str | None
    verdict: str


def read_evidence(folder: str | Path = FOLDER) -> dict[str, Evidence]:
    """The evidence, by name.

    Raises:
        InfoflowError: see `read_claims`.
    """
    entries = _read(Path(folder) / _EVIDENCE, "evidence")["evidence"]
    return {
        name: Evidence(name, entry.get("cube", name), entry["config"], entry["conditions"])
        for name, entry in entries.items()
    }


def read_claims(folder: str | Path = FOLDER) -> list[Claim]:
    """All claims, in the order of the files' names.

    Raises:
        InfoflowError: a file is no YAML or against the schema, an id is there twice, or evidence is named that there
            is none of; the message names file and id.
    """
    evidence = read_evidence(folder)
    claims: dict[str, Claim] = {}
    for path in sorted(Path(folder).glob("*.yaml")):
        if path.name == _EVIDENCE:
            continue
        file = _read(path, "claims")
        for entry in file["claims"]:
            claim = _claim(entry, file["source"])
            if claim.id in claims:
                raise InfoflowError(f"{path.name}: {claim.id}: the id is there twice")
            if claim.evidence not in (None, THEORY, *evidence):
                raise InfoflowError(f"{path.name}: {claim.id}: evidence {claim.evidence!r} is not in {_EVIDENCE}")
            claims[claim.id] = claim
    return list(claims.values())


def digest(folder: str | Path = FOLDER) -> str:
    """Of all that is written in the files, whatever their line endings."""
    found = hashlib.sha256()
    for path in sorted(Path(folder).glob("*.yaml")):
        found.update(path.name.encode() + b"\0" + path.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return found.hexdigest()[:16]


def _claim(entry: Mapping[str, Any], source: str) -> Claim:
    quantity = dict(entry.get("quantity", {}))
    return Claim(
        id=entry["id"],
        statement=entry["statement"],
        source=entry.get("source", source),
        place=entry["place"],
        evidence=entry.get("evidence"),
        quantity=quantity.pop("name", None),
        arguments=quantity,
        expected=entry.get("expected", {}),
        reading_error=entry.get("reading_error", 0.0),
        tolerance=entry.get("tolerance", 0.0),
        why=entry.get("why", ""),
        reduced=entry.get("reduced"),
        not_tested=entry.get("not_tested"),
        verdict=entry["verdict"],
    )


def _read(path: Path, kind: str) -> dict[str, Any]:
    """A file that agrees with a part of the schema."""
    try:
        read = read_own_yaml(path)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InfoflowError(f"{path.name}: not a file of claims ({' '.join(str(error).split())})") from error
    schema = read_own_yaml(SCHEMA)
    error = best_match(Draft202012Validator({"$ref": f"#/$defs/{kind}", **schema}).iter_errors(read))
    if error is not None:
        way = list(error.absolute_path)
        if way[:1] == ["claims"] and len(way) > 1 and isinstance(entry := read["claims"][way[1]], dict):
            way = [entry.get("id", f"claim {way[1] + 1}"), *way[2:]]
        raise InfoflowError(f"{path.name}: {'.'.join(map(str, way)) or 'top level'}: {error.message}")
    return read


def _at(config: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path, None if there is none."""
    value: Any = json.loads(json.dumps(config))
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value
