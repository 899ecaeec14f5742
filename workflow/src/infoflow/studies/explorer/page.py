"""The page: a template, its style and script, the plotting library, and the data, in one text."""

import html
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def write_page(data: Mapping[str, Any], mark: str) -> str:
    """The page as text. It refers to nothing outside itself, and its policy keeps a browser from loading anything.

    Args:
        data: `title` of the run, and its `experiments`.
        mark: of what it is made with, see `record.mark`.
    """
    from plotly.offline import get_plotlyjs  # its import takes a while

    parts = {
        "TITLE": html.escape(" ".join(data["title"].split())),
        "MARK": mark,
        "STYLE": (HERE / "explorer.css").read_text(encoding="utf-8"),
        "SCRIPT": (HERE / "explorer.js").read_text(encoding="utf-8"),
        "PLOTLY": get_plotlyjs(),
        "DATA": embed(data),
    }
    template = (HERE / "explorer.html").read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], template)  # once: data may look like a name


def embed(data: Mapping[str, Any]) -> str:
    """JSON within an element of a page, which no text in it can end."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")
