"""What the page and the closing lines say, of cubes whose boundaries are known."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import xarray as xr
from PIL import Image

from infoflow.errors import InfoflowError
from infoflow.files.names import encode
from infoflow.jobs.job import Job
from infoflow.studies.claims.variables import FAILS, HOLDS, VERDICTS
from infoflow.summary.findings import closing_lines, failing, read_card
from infoflow.summary.page import WIDTH, Drawn, write_page
from infoflow.summary.summarize import summarize
from made_up import evaluation, merge, training

WEIGHTS, DEPTHS = (0.5, 1.0, 1.8, 3.0), (2, 4, 6)


def cube_of(limits) -> xr.Dataset:
    """With networks that train down to a depth of every σ_w²."""
    evaluations = {encode(w, 0.05, 6): evaluation(k, 6) for k, w in enumerate(WEIGHTS)}
    trainings = {
        encode(w, 0.05, d): training(0.9 if d <= limit else 0.3) for w, limit in zip(WEIGHTS, limits) for d in DEPTHS
    }
    return merge(evaluations, trainings)


@pytest.fixture(scope="module")
def cube():
    return cube_of((0, 4, 6, 4))


@pytest.fixture(scope="module")
def claims():
    """Of which one fails, with an interval, and two hold."""
    of = ("claim",)
    numbers = {"value": [0.5, 1.0, 2.0], "low": [0.25, 1.0, 2.0], "high": [0.75, 1.0, 2.0]}
    texts = {name: [f"{name} <{k}>" for k in range(3)] for name in ("statement", "source", "expected", "scope")}
    verdict = [VERDICTS.index(v) for v in (FAILS, HOLDS, HOLDS)]
    return xr.Dataset({name: (of, v) for name, v in {**numbers, **texts, "verdict": verdict}.items()})


def drawn(folder, group="digits", name="trainability_map", size=(30, 20)):
    path = folder / f"{group}_{name}.png"
    Image.new("RGB", size, "red").save(path)
    return Drawn(group, name, f"finding of {name}", f"caption of {name} & <more>", path)


def test_a_card_has_the_best_column_the_prediction_with_its_baseline_and_the_cost(cube):
    card = read_card("digits", cube)
    assert card.answer.startswith("Take σ_w² = 1.8 (σ_b² = 0.05)")
    boundary, prediction, cost = card.sentences
    assert "σ_w² = 0.5" in boundary
    assert "at σ_w² = 3" in boundary
    assert f"Truth: {int((cube['trainable'] >= 0).sum())} networks, all trained" in boundary
    score = cube.sel(score="differential_entropy")
    for name in ("auroc", "auroc_within_depth"):
        numbers = [float(score[f"{name}{end}"]) for end in ("", "_low", "_high")]
        assert "{:.3f} [{:.3f}, {:.3f}]".format(*numbers) in prediction
    assert f"counting layers, {float(cube['auroc'].sel(score='negative_depth')):.3f}" in prediction
    assert f"{float(cube['train_seconds'].sum()):.0f} s of training" in cost


@pytest.mark.parametrize(("limits", "told"), [((6,) * 4, "at every depth of the grid, to 6"), ((0,) * 4, "none of")])
def test_what_cannot_be_told_is_not_told(limits, told):
    card = read_card("a", cube_of(limits))
    assert told in f"{card.answer} {card.sentences[0]}"
    assert card.sentences[1] == "Prediction: nothing to tell apart; all networks can be trained, or none."


def test_claims_that_fail_with_what_was_measured(claims):
    found, counts = failing(claims)
    assert [(c.statement, c.measured) for c in found] == [("statement <0>", "0.5 [0.25, 0.75]")]
    assert {verdict: n for verdict, n in counts.items() if n} == {FAILS: 1, HOLDS: 2}


def test_the_terminal_ends_with_a_few_lines(cube, claims):
    card = read_card("digits", cube)
    lines = closing_lines([card], failing(claims)[1], "page.html", "figures")
    assert lines[:3] == [f"digits: {told}" for told in (card.answer, *card.sentences[:2])]
    assert lines[-2:] == ["claims: fails 1, holds 2", "to read: page.html; figures: figures"]
    assert len(lines) == 5
    assert closing_lines([], {}, "page.html", "figures") == ["to read: page.html; figures: figures"]


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


def test_the_page_is_whole_and_needs_no_other_file(cube, claims, tmp_path):
    figures = [drawn(tmp_path), drawn(tmp_path, "ising_1d", "flow", (3 * WIDTH, 30))]
    text = write_page("a <run>", [read_card("digits", cube)], *failing(claims), figures, {"numbers": "cubes/"})
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


def test_without_claims_there_is_no_word_of_them(cube, tmp_path):
    text = write_page("a", [], [], {}, [drawn(tmp_path)], {})
    assert "Claims" not in text


def test_the_job_writes_both_or_says_what_is_wrong(tmp_path):
    picture = drawn(tmp_path).picture
    caption = picture.with_suffix(".json")
    caption.write_text(json.dumps({"finding": "it is red", "caption": "Red."}))
    outputs = [str(tmp_path / "page.html"), str(tmp_path / "lines.txt")]
    job = Job("summarize", {"title": "a", "cubes": {}, "links": {}}, {"captions": [str(caption)]}, outputs)
    summarize(job)
    assert "it is red" in (tmp_path / "page.html").read_text()
    assert (tmp_path / "lines.txt").read_text().endswith("figures: results/figures\n")
    bad = Job("summarize", job.parameters, {"cubes": [str(tmp_path / "none.nc")]}, outputs)
    with pytest.raises(InfoflowError, match="none.nc"):
        summarize(bad)
    assert np.isin(["page.html", "lines.txt"], [p.name for p in tmp_path.iterdir()]).all()
