"""The page that a reader begins with: answers, claims that fail, every figure with its caption; one file, offline."""

import base64
import html
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from infoflow.studies.summary.findings import Card, Claim, told_counts

WIDTH = 1400
"""Pixels of a picture at most."""
MAIN = "trainability_map"
"""The figure on the card of an experiment."""


@dataclass(frozen=True)
class Drawn:
    """A figure.

    Attributes:
        group: name of the experiment or study, of its folder.
        name: of the figure.
        finding: what it says, in a sentence.
        caption: what is seen.
        picture: PNG file.
    """

    group: str
    name: str
    finding: str
    caption: str
    picture: Path


def write_page(
    title: str,
    cards: Sequence[Card],
    claims: Sequence[Claim],
    counts: Mapping[str, int],
    figures: Sequence[Drawn],
    links: Mapping[str, str],
) -> str:
    """HTML of the page.

    Args:
        title: of the run.
        cards: of experiments with ground truth.
        claims: that fail.
        counts: of all claims by verdict; none if the run has no claims.
        figures: in the order in which a reader meets them.
        links: addresses relative to the page, by what is said of them.
    """
    heads = {figure.group: figure for figure in figures if figure.name == MAIN}
    body = [
        f"<h1>{html.escape(title)}</h1>",
        "<p>Can these networks be trained? What could be read off from them before any training, beside what training "
        "them gave.</p>",
        f"<p>{' · '.join(_link(to, what) for what, to in links.items())}</p>",
        *(_card(card, heads.get(card.experiment)) for card in cards),
        *_claims(claims, counts),
        _contents(figures),
        *_figures(figures),
    ]
    return _PAGE.format(title=html.escape(title), body="\n".join(body))


def _link(to: str, what: str) -> str:
    return f'<a href="{html.escape(to)}">{html.escape(what)}</a>'


def _card(card: Card, figure: Drawn | None) -> str:
    sentences = "".join(f"<p>{html.escape(s)}</p>" for s in card.sentences)
    to = f"#{figure.group}-{figure.name}" if figure else "#figures"
    return (
        f'<section class="card"><h2><a href="{to}">{html.escape(card.experiment)}</a></h2>'
        f"<p><strong>{html.escape(card.answer)}</strong></p>{sentences}{_picture(figure) if figure else ''}</section>"
    )


def _claims(claims: Sequence[Claim], counts: Mapping[str, int]) -> list[str]:
    if not counts:
        return []
    rows = "".join(
        f'<tr><td>{html.escape(c.statement)}</td><td data-head="of">{html.escape(c.source)}</td>'
        f'<td data-head="measured">{html.escape(c.measured)}</td><td data-head="claimed">{html.escape(c.expected)}</td>'
        f'<td data-head="tested on">{html.escape(c.scope)}</td></tr>'
        for c in claims
    )
    table = (
        '<div class="wide"><table><thead><tr><th>claim that fails</th><th>of</th><th>measured</th><th>claimed</th>'
        f"<th>tested on</th></tr></thead><tbody>{rows}</tbody></table></div>"
        if claims
        else "<p>None of them fails.</p>"
    )
    return [
        "<h2>Claims</h2>",
        f"<p>Of what publications and the documents say: {html.escape(told_counts(counts))}.</p>",
        table,
    ]


def _contents(figures: Sequence[Drawn]) -> str:
    groups = " ".join(_link(f"#{group}", group) for group in dict.fromkeys(f.group for f in figures))
    return (
        '<h2 id="figures">Figures</h2><p><label>Search in names, findings and captions '
        '<input type="search" id="search" autocomplete="off"></label> <output id="found"></output></p>'
        f"<nav>{groups}</nav>"
    )


def _figures(figures: Sequence[Drawn]) -> list[str]:
    parts, group = [], None
    for figure in figures:
        if figure.group != group:
            group = figure.group
            parts.append(f'<h3 id="{group}">{html.escape(group)}</h3>')
        name = figure.name.replace("_", " ")
        parts.append(
            f'<figure id="{figure.group}-{figure.name}"><figcaption><strong>{html.escape(figure.finding)}</strong>'
            f"<br>{html.escape(figure.caption)} <small>{html.escape(f'{figure.group}: {name}')}</small></figcaption>"
            f"{_picture(figure)}</figure>"
        )
    return parts


def _picture(figure: Drawn) -> str:
    data, (width, height) = shrink(figure.picture)
    source = f"data:image/webp;base64,{base64.b64encode(data).decode()}"
    what = html.escape(f"{figure.name.replace('_', ' ')} of {figure.group}: {figure.finding}")
    image = f'<img loading="lazy" width="{width}" height="{height}" alt="{what}" src="{source}">'
    return f'<div class="wide">{image}</div>'


def shrink(picture: Path) -> tuple[bytes, tuple[int, int]]:
    """A picture as WebP, at most `WIDTH` pixels wide, and its size."""
    with Image.open(picture) as image:
        small = image.convert("RGB")
        if small.width > WIDTH:
            small = small.resize((WIDTH, round(small.height * WIDTH / small.width)), Image.Resampling.LANCZOS)
        buffer = io.BytesIO()
        small.save(buffer, "WEBP", quality=80, method=2)
        return buffer.getvalue(), small.size


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; }}
h1 {{ line-height: 1.2; }}
img {{ max-width: 100%; height: auto; background: white; display: block; margin-top: .5rem; }}
.card {{ border: 1px solid gray; border-radius: .5rem; padding: 0 1rem 1rem; margin: 1rem 0; }}
figure {{ margin: 0 0 2.5rem; }}
figcaption {{ max-width: 48rem; }}
small {{ opacity: .7; }}
nav a {{ margin-right: .75rem; display: inline-block; }}
.wide {{ overflow-x: auto; }}
table {{ border-collapse: collapse; }}
td, th {{ border-bottom: 1px solid gray; padding: .25rem .5rem; text-align: left; vertical-align: top; }}
input {{ font: inherit; }}
/* on a telephone pictures are moved about rather than shrunk, and a claim is a paragraph */
@media (max-width: 40rem) {{
  .wide img {{ max-width: none; width: max(100%, 44rem); }}
  thead {{ display: none; }}
  tr {{ display: block; border-bottom: 1px solid gray; padding: .5rem 0; }}
  td {{ display: block; border: 0; padding: 0; }}
  td[data-head]::before {{ content: attr(data-head) ": "; opacity: .7; }}
}}
</style></head>
<body>
{body}
<script>
const search = document.getElementById("search"), found = document.getElementById("found");
const figures = [...document.querySelectorAll("figure")];
search.addEventListener("input", () => {{
  const words = search.value.toLowerCase().split(/\\s+/).filter(Boolean);
  let shown = 0;
  for (const figure of figures) {{
    const text = figure.textContent.toLowerCase();
    figure.hidden = !words.every(word => text.includes(word));
    shown += !figure.hidden;
  }}
  for (const head of document.querySelectorAll("h3")) {{
    let next = head.nextElementSibling, some = false;
    for (; next && next.tagName === "FIGURE"; next = next.nextElementSibling) some ||= !next.hidden;
    head.hidden = !some;
  }}
  found.textContent = words.length ? `${{shown}} of ${{figures.length}} figures` : "";
}});
</script>
</body></html>
"""
