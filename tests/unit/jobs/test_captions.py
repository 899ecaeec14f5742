import json

from infoflow.jobs.captions import caption_rst, caption_text, read_caption
from infoflow.jobs.record import find_mark, mark

SAID = {"title": "Cost", "finding": "σ_w² decides", "caption": "Bars: 95 %. *|x|* is not shown.", "figure": "cost.png"}


def test_what_a_figure_says_is_read_beside_any_of_its_files(tmp_path):
    (tmp_path / "cost.json").write_text(caption_text(SAID, mark({"a": 1})))
    assert read_caption(tmp_path / "cost.png") == read_caption(tmp_path / "cost.json") == SAID
    assert find_mark(tmp_path / "cost.json") == mark({"a": 1})


def test_a_figure_that_says_nothing_has_its_name(tmp_path):
    for contents in (None, "", "[]", "null"):
        if contents is not None:
            (tmp_path / "entropy_maps.json").write_text(contents)
        empty = {"title": "Entropy maps", "finding": "", "caption": "", "figure": "entropy_maps.png"}
        assert read_caption(tmp_path / "entropy_maps.png") == empty
        assert caption_rst(tmp_path / "entropy_maps.png") == ""


def test_in_a_report_no_letter_is_taken_for_markup(tmp_path):
    (tmp_path / "cost.json").write_text(json.dumps(SAID))
    text = "**σ\\_w² decides**\n\nBars: 95 %. \\*\\|x\\|\\* is not shown."
    assert caption_rst(tmp_path / "cost.pdf") == text
