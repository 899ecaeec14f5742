"""The page as a browser and a reader see it."""

import re
from html.parser import HTMLParser

from infoflow.reconstruction.kinds import METHODS
from infoflow.studies.summary.findings import failing, read_card
from infoflow.studies.summary.page import WIDTH, write_page
from made_up_summary import claims, cube_of, drawn

TITLES = {name: method.title for name, method in METHODS.items()}


class Page(HTMLParser):
    """What a page refers to, and whether its tags are closed."""

    def __init__(self, text: str):
        super().__init__()
        self.open, self.references, self.ids = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.references += [attrs[name] for name in ("src", "href") if name in attrs]
        self.ids += [attrs["id"]] if "id" in attrs else []
        if tag not in ("meta", "img", "input", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_whole_and_needs_no_other_file(tmp_path):
    figures = [drawn(tmp_path), drawn(tmp_path, "ising_1d", "flow", (3 * WIDTH, 30))]
    text = write_page(
        "a <run>",
        [read_card("digits", cube_of((0, 4, 6, 4)), TITLES)],
        *failing(claims()),
        figures,
        {"numbers": "cubes/"},
    )
    page = Page(text)
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    inside = [r[1:] for r in page.references if r.startswith("#")]
    assert {*inside} <= {*page.ids}
    others = [r for r in page.references if not r.startswith(("#", "data:image/webp;base64,"))]
    assert others == ["cubes/"]
    assert "<title>a &lt;run&gt;</title>" in text
    assert "caption of flow &amp; &lt;more&gt;" in text
    assert "statement &lt;0&gt;" in text
    widths = [int(w) for w in re.findall(r'<img [^>]*width="(\d+)"', text)]
    assert widths == [30, 30, WIDTH]  # on the card, and below


def test_without_claims_there_is_no_word_of_them(tmp_path):
    text = write_page("a", [], [], {}, [drawn(tmp_path)], {})
    assert "Claims" not in text
