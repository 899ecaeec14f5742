"""The code of the book that needs no run of the workflow; the rest is run by workflow/test_book.py."""

import tomllib

import pytest
import yaml

from book_pages import PAGES, blocks, run_block
from common import SCHEMA, load_config
from infoflow.config.check import check_config, merge_config

PYTHON = {
    "docs/start.md": "here",
    "docs/check.md": "unit/modules/test_check.py",
    "docs/own_grid.md": "workflow/test_book.py",
    "README.md": "workflow/test_book.py",
    "docs/method.md": "workflow/test_book.py",
    "docs/results.md": "workflow/test_book.py",
    "CONTRIBUTING.md": "workflow/test_extending.py",
}
"""Pages with Python, and the tests that run it."""
OVER = {"docs/method.md": "config"}
"""Configs that are laid over another one; all others stand alone."""


def test_all_python_is_run_somewhere():
    assert {page for page in PAGES if blocks(page, "python")} == set(PYTHON)


def test_the_first_answer(capsys):
    """The page shows what is printed, but for the numbers, which depend on the machine."""
    (code,) = blocks("docs/start.md", "python")
    report = run_block(code, "docs/start.md")["report"]
    assert report.verdict.answer == "not trainable"
    (shown,) = blocks("docs/start.md", "text")
    printed = capsys.readouterr().out
    for line in shown.splitlines():
        assert line.split(":")[0].split(" at ")[0] in printed


def config_blocks() -> list[tuple[str, int]]:
    pages = [page for page in PAGES if page != "CONTRIBUTING.md"]
    return [(page, n) for page in pages for n in range(len(blocks(page, "yaml")))]


@pytest.fixture
def package(tmp_path, monkeypatch) -> None:
    """The package of config/README.md, as if it were installed."""
    (text,) = blocks("config/README.md", "toml")
    folder = tmp_path / "acme_nets-1.2.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: acme_nets\nVersion: 1.2\n")
    ((group, names),) = tomllib.loads(text)["project"]["entry-points"].items()
    lines = [f"{name} = {place}" for name, place in names.items()]
    (folder / "entry_points.txt").write_text("\n".join([f"[{group}]", *lines]))
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize(("page", "n"), config_blocks())
def test_a_config_is_one_that_is_accepted(page, n):
    """Pieces are laid over what they are pieces of: README's second one over its first, config/README's over all."""
    config = yaml.safe_load(blocks(page, "yaml")[n])
    below = []
    if page == "README.md" and n:
        below = [yaml.safe_load(blocks(page, "yaml")[0])]
    elif (page == "config/README.md" and not n) or page in OVER:
        below = [load_config(OVER.get(page, "config"))]
    checked = check_config(merge_config([*below, config]), SCHEMA)
    assert set(config) <= set(checked)
