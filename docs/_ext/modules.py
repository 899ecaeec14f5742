"""Directive `modules`: the reference of all public modules of folders of the package, found as they are.

A module that is added is in the reference without an edit of the book. Docstrings of this project are Markdown: code in
single backticks, tables with bars, indented blocks. Sphinx reads reStructuredText, so they are put into that.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import infoflow

PACKAGE = Path(infoflow.__file__).parent
LEFT_OUT = re.compile(r"studies\.\w+\.figures|studies\.claims\.quantities")
"""One function per module, `draw` of a figure or what a claim is about: what they do is said by their captions."""
SECTION = re.compile(r"(Args|Attributes|Raises|Returns|Yields|Example|Examples|Note):$")
SPAN = re.compile(r"(`[^`]+`)")


def public_modules(folder: str = "") -> list[str]:
    """Full names of the modules of a folder, at any depth, or of the module of that name.

    Args:
        folder: within the package, like `engine` or `plan`; by default the whole package.
    """
    place = PACKAGE / folder
    found = []
    for path in sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]:
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        name = ".".join(parts)
        if parts and not any(part.startswith("_") for part in parts) and not LEFT_OUT.match(name):
            found.append(f"infoflow.{name}")
    return sorted(found)


class Modules(SphinxDirective):
    """A heading per module, and under it what is public in it. Arguments: folders and modules of the package."""

    required_arguments, optional_arguments = 1, 100

    def run(self) -> list[nodes.Node]:
        lines = []
        for name in (name for folder in self.arguments for name in public_modules(folder)):
            lines += [
                f"## `{name.removeprefix('infoflow.')}`",
                "",
                "```{eval-rst}",
                f".. automodule:: {name}",
                "```",
                "",
            ]
        return self.parse_text_to_nodes("\n".join(lines), allow_section_headings=True)


def to_rst(lines: list[str]) -> list[str]:
    """A docstring in Markdown as reStructuredText."""
    return list(_blocks("\n".join(_escaped(part) for part in _paragraphs(lines)).split("\n")))


def _paragraphs(lines: list[str]) -> Iterator[str]:
    """Runs of lines between empty ones, which a span of code does not cross."""
    run: list[str] = []
    for line in [*lines, ""]:
        run.append(line)
        if not line.strip():
            yield "\n".join(run)
            run = []


def _escaped(text: str) -> str:
    """Without markup but code: `*`, bars but those of a table, and `_` at the end of a word are characters."""
    parts = SPAN.split(text)
    for n, part in enumerate(parts):
        if n % 2 == 0:
            part = re.sub(r"[\\*]", r"\\\g<0>", part)
            part = re.sub(r"(?<=\w)_(?!\w)", r"\\_", part)
            parts[n] = part if _table(text) else re.sub(r"\|", r"\\|", part)
    return "".join(parts)


def _table(text: str) -> bool:
    return any(re.match(r"\s*\|.*\|\s*$", line) for line in text.split("\n"))


def _blocks(lines: list[str]) -> Iterator[str]:
    """Tables with bars as `list-table`, indented blocks after a paragraph as code."""
    n, before = 0, ""
    while n < len(lines):
        line = lines[n]
        indent = line[: len(line) - len(line.lstrip())]
        if re.match(r"\s*\|.*\|\s*$", line):
            rows = []
            while n < len(lines) and re.match(r"\s*\|.*\|\s*$", lines[n]):
                rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", lines[n].strip())[1:-1]])
                n += 1
            yield from ("", f"{indent}.. list-table::", f"{indent}   :header-rows: 1", "")
            for row in rows[:1] + rows[2:]:
                row[len(rows[0]) - 1 :] = [" \\| ".join(row[len(rows[0]) - 1 :])]  # bars within the last cell
                yield from (f"{indent}   {'* -' if k == 0 else '  -'} {cell}" for k, cell in enumerate(row))
            yield ""
            continue
        new_block = n > 0 and not lines[n - 1].strip()
        if new_block and len(indent) >= 4 and before and before == before.lstrip() and not SECTION.match(before):
            yield from ("::", "")
            while n < len(lines) and (not lines[n].strip() or lines[n].startswith("    ")):
                yield re.sub(r"\\(.)", r"\1", lines[n])
                n += 1
            continue
        yield line
        before = line if line.strip() else before
        n += 1


def _docstring(app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    if name.startswith("infoflow"):
        lines[:] = to_rst(lines)
        if what in ("attribute", "data", "property"):  # what is before a colon would be taken for a type
            lines.insert(0, "\\ ")


def _signature(app, what, name, thing, options, signature: str | None, returns: str | None):
    # of a dataclass, where a default is made anew for every instance
    return signature and signature.replace("<factory>", "..."), returns


def setup(app: Sphinx) -> dict:
    app.add_directive("modules", Modules)
    app.connect("autodoc-process-signature", _signature)
    app.connect("autodoc-process-docstring", _docstring, priority=400)  # before napoleon, which writes markup
    return {"parallel_read_safe": True, "parallel_write_safe": True}
