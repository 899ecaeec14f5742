import json

from infoflow.jobs.captions import caption_rst, caption_text, front_page, read_caption
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


def test_the_report_begins_with_what_was_found(tmp_path):
    card = {"experiment": "my_grid", "answer": "Take σ_w² = 2.", "sentences": ["Half of 9.", "Cost: 1 : 4."]}
    claim = {"statement": "All *train*.", "source": "docs", "measured": "0.1", "expected": "1", "scope": ""}
    said = {"made_by": "", "title": "t", "cards": [card], "claims": {"fails": 1, "undecided": 0}, "failing": [claim]}
    (tmp_path / "summary.json").write_text(json.dumps(said))
    cards, claims = front_page(tmp_path / "summary.json").split("\n\n**Claims**")
    assert cards == "**my\\_grid**: Take σ\\_w² = 2.\n\n- Half of 9.\n- Cost: 1 : 4."
    assert claims == ": fails 1. Those that fail:\n\n- All \\*train\\* (docs): measured 0.1, expected 1"


def test_a_report_of_what_was_not_summed_up_begins_without(tmp_path):
    assert front_page(tmp_path / "summary.json") == ""
    for contents in ("", "[]"):
        (tmp_path / "summary.json").write_text(contents)
        assert front_page(tmp_path / "summary.json") == ""
