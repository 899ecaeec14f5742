"""Directive `config-reference`: every key of a config, from the schema that every config is checked by."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from infoflow.architectures.kinds import ARCHITECTURES
from infoflow.config.check import SCHEMA

ROOT = Path(__file__).resolve().parents[2]
SECTIONS_OF_OTHERS = {"probe_changes": "probe", "train_changes": "train"}
"""What data sets and architectures change of a section, by its name among the definitions."""
BOUNDS = {"minimum": "≥ {}", "exclusiveMinimum": "> {}", "maximum": "≤ {}", "exclusiveMaximum": "< {}"}
LARGEST = 2**63 - 1


@dataclass(frozen=True)
class Key:
    """A key of a config.

    Attributes:
        path: within its section, like `chain.steps`; `*` stands for the name of an entry.
        values: what it can be, in words.
        default: as in YAML; None where there is none.
        required: whether an entry has to have it.
        about: what it is.
    """

    path: str
    values: str
    default: str | None
    required: bool
    about: str


class Schema:
    """A JSON schema and its definitions."""

    def __init__(self, schema: Mapping[str, Any]):
        self.schema = schema

    @classmethod
    def read(cls, path: Path = ROOT / SCHEMA) -> "Schema":
        return cls(yaml.safe_load(path.read_text(encoding="utf-8")))

    @property
    def sections(self) -> dict[str, Mapping[str, Any]]:
        """By name, as they stand in the file."""
        return {name: self.resolve(entry) for name, entry in self.schema["properties"].items()}

    def resolve(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        """An entry with what it refers to; what it says itself goes first."""
        if "$ref" not in entry:
            return dict(entry)
        name = entry["$ref"].rpartition("/")[2]
        return {**self.resolve(self.schema["$defs"][name]), "definition": name, **entry}

    def keys(self, section: str) -> list[Key]:
        """All keys of a section; of one that is a single value, none."""
        return list(self._keys(self.sections[section], "", ()))

    def _keys(self, schema: Mapping[str, Any], before: str, within: tuple[str, ...]) -> Iterator[Key]:
        required = schema.get("required", ())
        for name, entry in schema.get("properties", {}).items():
            yield from self._key(self.resolve(entry), f"{before}{name}", name in required, within)
        named = schema.get("additionalProperties")
        if isinstance(named, Mapping):
            entry = self.resolve(named)
            if "properties" in entry:
                yield from self._keys(entry, f"{before}*.", within)

    def _key(self, entry: dict[str, Any], path: str, required: bool, within: tuple[str, ...]) -> Iterator[Key]:
        definition = entry.get("definition", "")
        default = None if "default" not in entry else _yaml(entry["default"])
        about = " ".join(entry.get("description", "").split())
        if definition in SECTIONS_OF_OTHERS:
            yield Key(path, f"keys of section `{SECTIONS_OF_OTHERS[definition]}`", default, required, about)
            return
        yield Key(path, self.values(entry), default, required, about)
        if definition in within:  # layers of layers
            return
        inner = (*within, definition) if definition else within
        for part, mark in ((entry, "."), (self.resolve(entry.get("items", {})), "[].")):
            for choice in (part, part.get("else", {})):
                described = any("description" in self.resolve(v) for v in choice.get("properties", {}).values())
                if described or isinstance(choice.get("additionalProperties"), Mapping):
                    yield from self._keys(choice, f"{path}{mark}", inner)

    def values(self, entry: Mapping[str, Any]) -> str:
        """What a key can be, in words."""
        entry = self.resolve(entry)
        if "const" in entry:
            return f"`{_yaml(entry['const'])}`"
        if "enum" in entry:
            return ", ".join(f"`{_yaml(value)}`" for value in entry["enum"])
        if "if" in entry:
            return f"{self.values(entry['then'] | entry['if'])}; or {self.values(entry['else'])}"
        kinds = entry.get("type", "object")
        kinds = [kinds] if isinstance(kinds, str) else list(kinds)
        return " or ".join(self._kind(kind, entry) for kind in kinds)

    def _kind(self, kind: str, entry: Mapping[str, Any]) -> str:
        if kind == "null":
            return "`null`"
        if kind == "boolean":
            return "`true`, `false`"
        if kind == "array":
            first = [self.values(item) for item in entry.get("prefixItems", ())]
            of = "; ".join(first) or (self.values(entry["items"]) if entry.get("items") else "values")
            return f"list of [{of}]{_count(entry.get('minItems'), entry.get('maxItems'))}"
        if kind == "object":
            names = [f"`{name}`" for name in entry.get("properties", {})]
            return f"`{{…}}` of {', '.join(names)}" if 0 < len(names) < 6 else "keys of their own"
        if kind == "string":
            return "text"
        if "multipleOf" in entry:
            kind = f"{kind}, a multiple of {entry['multipleOf']},"
        if "minimum" in entry and "maximum" in entry:
            return f"{kind} from {_number(entry['minimum'])} to {_number(entry['maximum'])}"
        return " ".join([kind, ", ".join(text.format(_number(entry[b])) for b, text in BOUNDS.items() if b in entry)])


def _count(least: int | None, most: int | None) -> str:
    if least is None and most is None:
        return ""
    if least == most:
        return f", {least} of them"
    return (
        f", {f'{least} to {most}' if least and most else f'at least {least}' if least else f'at most {most}'} of them"
    )


def _number(value: float) -> str:
    if value == LARGEST:
        return "2⁶³ − 1"
    text = f"{value:,.0f}" if float(value).is_integer() and abs(value) < 1e15 else f"{value:g}"
    return text.replace("-", "−")


def _yaml(value: Any) -> str:
    """As it stands in a config, on one line."""
    return yaml.safe_dump(value, default_flow_style=True, width=10**6, allow_unicode=True).removesuffix("...\n").strip()


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*")


def write_reference(schema: Schema) -> str:
    """All sections, each with a table of its keys, as Markdown."""
    lines: list[str] = []
    for name, section in schema.sections.items():
        lines += [f"## `{name}`", "", _cell(" ".join(section.get("description", "").split())), ""]
        keys = schema.keys(name)
        if not keys:
            lines += [f"{schema.values(section)}; by default `{_yaml(section.get('default'))}`.", ""]
            continue
        lines += ["| key | values | default | |", "|---|---|---|---|"]
        for key in keys:
            default = "required" if key.required else "" if key.default is None else f"`{key.default}`"
            lines.append(f"| `{key.path}` | {_cell(key.values)} | {_cell(default)} | {_cell(key.about)} |")
        lines.append("")
        if name == "architectures":
            lines += ["Defaults of the kinds:", "", "| kind | |", "|---|---|"]
            lines += [
                f"| `{kind}` | `{_yaml(dict(about.defaults))}` |" for kind, about in sorted(ARCHITECTURES.items())
            ]
            lines.append("")
    return "\n".join(lines)


class ConfigReference(SphinxDirective):
    """A heading and a table per section."""

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(ROOT / SCHEMA))
        return self.parse_text_to_nodes(write_reference(Schema.read()), allow_section_headings=True)


def setup(app: Sphinx) -> dict:
    app.add_directive("config-reference", ConfigReference)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
