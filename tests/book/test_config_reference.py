"""The reference of all keys, and that the guide to configs knows the same keys and defaults."""

import re

import pytest
import yaml

from book_pages import sections, table_rows
from common import SCHEMA

pytest.importorskip("sphinx")
from config_reference import Schema, write_reference

SECTIONS = sections("config/README.md")
GUIDE = "config/README.md"


@pytest.fixture(scope="module")
def schema() -> Schema:
    return Schema.read(SCHEMA)


def words(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_every_key_of_the_schema_is_in_the_reference(schema):
    """However deep it is nested: all names under `properties` anywhere in the schema."""
    names = set()

    def walk(value) -> None:
        if isinstance(value, dict):
            names.update(value.get("properties", {}) if isinstance(value.get("properties", {}), dict) else ())
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    walk(yaml.safe_load(SCHEMA.read_text()))
    text = write_reference(schema)
    assert len(names) > 100
    assert {name for name in names if not re.search(rf"[`.]{name}`", text)} == set()


def test_values_are_said_in_words():
    made = Schema(
        {
            "properties": {
                "a": {
                    "properties": {
                        "n": {"type": ["integer", "null"], "minimum": 1, "maximum": 10**6, "default": None},
                        "x": {"$ref": "#/$defs/share", "default": 0.5, "description": "A share."},
                        "y": {"type": "array", "items": {"enum": ["p", "q"]}, "minItems": 1},
                    },
                    "required": ["x"],
                }
            },
            "$defs": {"share": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}},
        }
    )
    n, x, y = made.keys("a")
    assert (n.path, n.values, n.default) == ("n", "integer from 1 to 1,000,000 or `null`", "null")
    assert (x.values, x.default, x.required, x.about) == ("number > 0, < 1", "0.5", True, "A share.")
    assert y.values == "list of [`p`, `q`], at least 1 of them"


def guide_rows(section: str) -> list[tuple[list[str], list[str]]]:
    """Keys and defaults of the tables of keys of a section of the guide."""
    found = []
    for heading, *rows in table_rows(SECTIONS[section]):
        if heading[0] == "key":
            at = heading.index("default")
            found += [(words(row[0]), row[at]) for row in rows]
    return found


def test_the_guide_has_all_sections_and_all_keys_of_each(schema):
    missing = []
    for name in schema.sections:
        if name not in SECTIONS:
            missing.append(name)
            continue
        known = set(re.findall(r"`([\w.]+)(?:: [^`]*)?`", SECTIONS[name]))
        own = {key.path.removeprefix("*.") for key in schema.keys(name) if "[]" not in key.path}
        heads = {path.split(".")[0] for path in known if "." in path}
        own = {path for path in own if "*" not in path and path not in heads}
        missing += [f"{name}: {path}" for path in own if path not in known and path.rpartition(".")[2] not in known]
    assert missing == []


def test_keys_and_defaults_of_the_guide_are_those_of_the_schema(schema):
    wrong, compared = [], 0
    for name in schema.sections.keys() & SECTIONS.keys():
        keys = {}
        for key in schema.keys(name):
            keys.setdefault(re.sub(r"^(networks\.)?\*\.", "", key.path), []).append(key)
            keys.setdefault(key.path.rpartition("*.")[2], []).append(key)
        for names, default in guide_rows(name):
            said = words(default) or [word for word in re.split(r", ", default) if re.fullmatch(r"[−\d.e-]+", word)]
            for n, path in enumerate(names):
                if path not in keys:
                    wrong.append(f"{name}: {path} is no key")
                    continue
                given = [yaml.safe_load(key.default) for key in keys[path] if key.default is not None]
                if given and len(said) == len(names):
                    compared += 1
                    value = yaml.safe_load(re.sub(r"^1e-", "1.0e-", said[n].replace("−", "-")))
                    if value not in given:
                        wrong.append(f"{name}: {path} is {given} by default, not {said[n]}")
    assert wrong == []
    assert compared > 60
