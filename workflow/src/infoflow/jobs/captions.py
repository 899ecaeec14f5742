"""What a figure says, in words: a JSON file beside its pictures, for the report and for whoever lists figures.

| key | |
|---|---|
| made_by | mark of the parameters that the figure was drawn with |
| title | what the figure is about, a few words |
| finding | one sentence, the heading of the figure |
| caption | one to four sentences: what is seen, and what is not |
| figure | name of the picture beside the file |

Standard library only: the workflow imports this when it is parsed.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path

KEYS = ("title", "finding", "caption", "figure")


def caption_text(said: Mapping[str, str], made_by: str) -> str:
    """The contents of the file; the mark comes first, where it is found without reading the file."""
    return json.dumps({"made_by": made_by, **{key: said[key] for key in KEYS}}, ensure_ascii=False, indent=1) + "\n"


def read_caption(picture: str | Path) -> dict[str, str]:
    """Title, finding, caption and file name of a figure, of any of its files. Empty texts if none was written."""
    path = Path(picture)
    try:
        found = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = {}
    known = {key: str(found.get(key, "")) for key in KEYS} if isinstance(found, dict) else dict.fromkeys(KEYS, "")
    return known | {"title": known["title"] or figure_title(path), "figure": known["figure"] or path.name}


def figure_title(picture: str | Path) -> str:
    """A few words for a figure, made of its name."""
    return Path(picture).stem.replace("_", " ").capitalize()


def caption_rst(picture: str | Path) -> str:
    """Finding and caption of a figure as reStructuredText, for Snakemake's report."""
    said = read_caption(picture)
    finding, caption = (_plain(said[key]) for key in ("finding", "caption"))
    return "\n\n".join([*([f"**{finding}**"] if finding else []), *([caption] if caption else [])])


def front_page(found: str | Path = "results/summary.json") -> str:
    """What a run found, as reStructuredText for the first page of Snakemake's report; nothing if it was not summed up.

    Args:
        found: the file that rule summarize writes for programs.
    """
    try:
        told = json.loads(Path(found).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        told = None
    if not isinstance(told, dict):
        return ""
    parts = []
    for card in told["cards"]:
        lines = "\n".join(f"- {_plain(line)}" for line in card["sentences"])
        parts.append(f"**{_plain(card['experiment'])}**: {_plain(card['answer'])}\n\n{lines}")
    if counts := {name: n for name, n in told["claims"].items() if n}:
        parts.append("**Claims**: " + ", ".join(f"{name} {n}" for name, n in counts.items()) + ". Those that fail:")
        parts.append("\n".join(f"- {_one_claim(claim)}" for claim in told["failing"]) or "- none")
    return "\n\n".join(parts)


def _one_claim(claim: Mapping[str, str]) -> str:
    measured, expected = (claim[key] for key in ("measured", "expected"))
    return _plain(f"{claim['statement'].rstrip('.')} ({claim['source']}): measured {measured}, expected {expected}")


def _plain(text: str) -> str:
    return re.sub(r"([\\*`|_])", r"\\\1", text)
