"""Keys that stand twice in a mapping of a YAML file, where the last one would win without a word."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import yaml

from infoflow.errors import InfoflowError

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def refuse_repeated_keys(paths: Iterable[str | Path]) -> None:
    """Refuse files with a key that stands twice; what is no YAML is left to whoever reads it.

    Raises:
        InfoflowError: the message names the key and both lines.
    """
    for path in paths:
        _refuse(path)


def _refuse(path: str | Path) -> None:
    try:
        tree = yaml.compose(Path(path).read_text(encoding="utf-8"), _LOADER)
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return
    for key, first, again in _repeated(tree, "", set()):
        raise InfoflowError(f"{path}: {key} stands in line {first} and again in line {again}; leave one of them out")


def _repeated(node: yaml.Node | None, where: str, seen: set[int]) -> Iterator[tuple[str, int, int]]:
    """Keys, dotted, with their first and second line. What an alias names again is looked at once."""
    if node is None or id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _repeated(item, where, seen)
    elif isinstance(node, yaml.MappingNode):
        lines: dict[tuple, int] = {}
        for key, value in node.value:
            name, line = (key.tag, str(key.value)), key.start_mark.line + 1
            inner = f"{where}.{key.value}" if where else str(key.value)
            if name in lines:
                yield inner, lines[name], line
            lines[name] = line
            yield from _repeated(value, inner, seen)
