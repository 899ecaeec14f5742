"""How Sphinx builds the book: `make docs`. The source is the repository itself, so that links between its pages are
the same here and there; the pages are those of `include_patterns`, the order is that of docs/index.md."""

import re
import sys
from pathlib import Path

from sphinx.application import Sphinx

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent / "workflow/src")]

import infoflow  # noqa: E402

project, author = "infoflow", "The infoflow developers"
copyright = f"2026, {author}"
version = release = infoflow.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",
    "config_reference",
    "flowchart",
    "modules",
]
root_doc = "docs/index"
include_patterns = [
    "docs/**",
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "config/README.md",
    "profiles/README.md",
    "tests/benchmarks/*.md",
]
exclude_patterns = [".*", "results", "workflow", "data", "**/__pycache__"]

myst_heading_anchors = 4
myst_fence_as_directive = ["math", "mermaid"]  # GitHub's names for them

default_role = "code"
autodoc_default_options = {"members": True, "member-order": "bysource", "show-inheritance": True, "no-value": True}
autodoc_typehints_format = "short"
napoleon_use_ivar = True
maximum_signature_line_length = 90
python_use_unqualified_type_names = True
toc_object_entries = False
add_module_names = False
suppress_warnings = ["ref.python"]  # of types that several modules have under one name

html_theme = "furo"
html_title = "infoflow"
html_static_path = ["_static"]
html_css_files = ["book.css"]
html_extra_path = ["_root"]
html_copy_source = False


def _inline_formulas(app: Sphinx, page: str, source: list[str]) -> None:
    """$`...`$, as GitHub has them within a line."""
    source[0] = re.sub(r"\$(`[^`\n]+`)\$", r"{math}\1", source[0])


def setup(app: Sphinx) -> None:
    app.connect("source-read", _inline_formulas)
