"""The book is built without a warning, from what is here, and what it says of the code is complete."""

import inspect
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import infoflow
from book_pages import PAGES
from common import ROOT
from infoflow.engine.maps.map import Map
from runs import made_once

pytest.importorskip("sphinx")
from modules import public_modules, to_rst
from sphinx.util.inventory import InventoryFile

LOADED = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src", "video": "src"}
"""Elements that a browser loads something for, and where it says what."""


def build(root: Path) -> None:
    command = ["-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", "-d", str(root / "trees"), "-c", "docs", "."]
    blocked = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}  # no way to the net
    done = subprocess.run(
        [sys.executable, *command, str(root / "html")],
        cwd=ROOT,
        env={**os.environ, **blocked, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def book(tmp_path_factory) -> Path:
    return made_once(tmp_path_factory, "book", build) / "html"


class Page(HTMLParser):
    """What a page loads, where its links go, and what can be gone to in it."""

    def __init__(self, path: Path):
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.places: set[str] = {""}
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        given = {name: value or "" for name, value in attrs}
        self.places |= {given[name] for name in ("id", "name") if name in given}
        if tag in LOADED and LOADED[tag] in given and given.get("rel") not in ("index", "search", "next", "prev"):
            self.loads.append(given[LOADED[tag]])
        if tag == "a" and "href" in given:
            self.links.append(given["href"])


@pytest.fixture(scope="session")
def pages(book) -> dict[Path, Page]:
    return {path: Page(path) for path in book.rglob("*.html") if "_static" not in path.parts}


def test_every_page_is_in_the_book(book):
    for page in PAGES:
        assert (book / page).with_suffix(".html").is_file(), page
    assert 'url=docs/index.html"' in (book / "index.html").read_text()


def test_nothing_is_loaded_from_elsewhere(book, pages):
    assert len(pages) > len(PAGES)
    assert any("mathjax" in src for page in pages.values() for src in page.loads)
    for path, page in pages.items():
        for src in page.loads:
            assert not urlsplit(src).netloc, f"{path}: {src}"
            place = path.parent / unquote(urlsplit(src).path)
            assert src.startswith(("data:", "#")) or place.is_file(), f"{path}: {src}"
    for style in book.rglob("*.css"):
        assert not re.search(r"url\(\s*['\"]?(https?:)?//|@import\s+['\"]?(https?:)?//", style.read_text()), style


def test_every_link_within_the_book_leads_somewhere(book, pages):
    count = 0
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert target.exists(), f"{path}: {link}"
            if target in pages:
                assert unquote(parts.fragment) in pages[target].places, f"{path}: {link}"
                count += 1
    assert count > 1000


def test_formulas_and_flow_charts_are_drawn(book):
    physics = (book / "docs/physics.html").read_text()
    assert physics.count('class="math notranslate') > 50
    assert "```" not in physics
    assert (book / "docs/method.html").read_text().count("<svg") >= 2


EXPLAINED = {Map: "infoflow.engine.maps."}
"""A protocol, whose members its own docstring explains, and where the classes are that have them."""


def public(module) -> dict[str, object]:
    """Names at the top of a module for use elsewhere, and those of their methods that no base class explains."""
    found = {}
    explained = [
        set(dir(protocol)) | set(protocol.__annotations__)
        for protocol, place in EXPLAINED.items()
        if module.__name__.startswith(place)
    ]
    for name, thing in vars(module).items():
        own = getattr(thing, "__module__", None) == module.__name__
        if name.startswith("_") or not own or not (inspect.isfunction(thing) or inspect.isclass(thing)):
            continue
        found[name] = thing
        for inner, method in vars(thing).items() if inspect.isclass(thing) else ():
            inherited = any(hasattr(base, inner) for base in thing.__mro__[1:]) or any(inner in e for e in explained)
            callable_ = inspect.isfunction(method) or isinstance(method, property | classmethod | staticmethod)
            if callable_ and not inner.startswith("_") and not inherited:
                found[f"{name}.{inner}"] = method
    return found


def test_the_reference_has_every_public_name(book):
    with (book / "objects.inv").open("rb") as file:
        inventory = InventoryFile.load(file, "", lambda base, place: place)
    names = {name for kind, entries in inventory.items() if kind.startswith("py:") for name in entries}
    modules = public_modules()
    assert len(modules) > 150
    silent = []
    for name in modules:
        module = import_module(name)
        assert name in names, f"{name} is in no page of docs/reference"
        assert module.__doc__, name
        for what, thing in public(module).items():
            if not inspect.getdoc(thing):
                silent.append(f"{name}.{what}")
            else:
                assert f"{name}.{what}" in names, f"{name}.{what}"
    assert silent == []
    assert {f"infoflow.{name}" for name in infoflow.PUBLIC} <= names


@pytest.mark.parametrize(
    ("markdown", "rst"),
    [
        (["E|x|² of a * b, not `a * b`"], ["E\\|x\\|² of a \\* b, not `a * b`"]),
        (["of theory_ and x_l"], ["of theory\\_ and x_l"]),
        (
            ["| a | |", "|---|---|", "| b | c |"],
            ["", ".. list-table::", "   :header-rows: 1", "", "   * - a", "     - ", "   * - b", "     - c", ""],
        ),
        (["Run it:", "", "    a * b"], ["Run it:", "", "::", "", "    a * b"]),
        (["Args:", "", "    a: b"], ["Args:", "", "    a: b"]),
    ],
)
def test_docstrings_are_put_into_the_markup_of_sphinx(markdown, rst):
    assert [line for line in to_rst(markdown) if line.strip()] == [line for line in rst if line.strip()]
