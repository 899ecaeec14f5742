"""Pages of the book, and what is written in them."""

import re
import sys
from collections.abc import Iterator
from functools import cache

from common import ROOT

sys.path.append(str(ROOT / "docs/_ext"))  # the book's own directives

PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "config/README.md",
    "profiles/README.md",
    *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")),
    *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "tests/benchmarks").glob("*.md")),
)
_FENCE = re.compile(r"^(?P<ticks>`{3,})(?P<language>[^\n`]*)\n(?P<text>.*?)^(?P=ticks)$", re.DOTALL | re.MULTILINE)


@cache
def read_page(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def all_blocks(page: str) -> Iterator[tuple[str, str]]:
    """Language and text of the blocks of code of a page."""
    for found in _FENCE.finditer(read_page(page)):
        yield found["language"].strip(), found["text"]


def blocks(page: str, language: str) -> list[str]:
    """Those of a language."""
    return [text for of, text in all_blocks(page) if of == language]


def run_block(text: str, page: str, names: dict | None = None) -> dict:
    """Run a block of Python; the names that it leaves behind."""
    names = {} if names is None else names
    exec(compile(text, page, "exec"), names)
    return names


def unwrapped(page: str) -> str:
    """A page with one space for every run of spaces and line breaks, so that sentences can be looked for."""
    return " ".join(read_page(page).split())


def sections(page: str) -> dict[str, str]:
    """Text below each heading of the second level, by its title without backticks."""
    _, *parts = re.split(r"^## (.*)\n", read_page(page), flags=re.MULTILINE)
    return {title.strip("`"): text for title, text in zip(parts[::2], parts[1::2], strict=True)}


def table_rows(text: str) -> Iterator[list[list[str]]]:
    """The tables of a text, each a list of rows of cells, the headings first."""
    rows: list[list[str]] = []
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            if set(line) - set("|- :"):
                rows.append(cells)
        elif rows:
            yield rows
            rows = []
