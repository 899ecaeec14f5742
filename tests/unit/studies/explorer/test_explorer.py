"""The page of made-up experiments; in a browser: tests/browser."""

import base64
import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from infoflow.jobs.record import find_mark
from infoflow.studies.explorer.data import CURVES, OF_TRUTH, pack, shown_arrays, unpack
from infoflow.studies.explorer.page import HERE, embed, write_page
from infoflow.studies.explorer.pictures import encode_pictures, picture_png, take_some
from infoflow.studies.trainability.pictures import as_picture
from infoflow.verdict.auroc import best_threshold
from made_up_explorer import ASKED, BIASES, DEPTHS, METHODS, TITLE, WEIGHTS, make_page


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The page as text, its data, the cubes."""
    path, cubes = make_page(tmp_path_factory.mktemp("explorer"))
    text = path.read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    return path, text, json.loads(found[1]), cubes


def of(data, name):
    (found,) = [one for one in data["experiments"] if one["name"] == name]
    return found


def test_every_value_is_that_of_the_cube_to_the_last_digit(made):
    _, _, data, cubes = made
    for name, cube in cubes.items():
        arrays = of(data, name)["arrays"]
        assert set(arrays) == set(shown_arrays(cube, METHODS, name == "judged"))
        for variable, packed in arrays.items():
            expected = cube[variable]
            if "quantile" in expected.dims:
                expected = expected.sel(quantile=0.5)
            if variable.startswith("theory_"):
                expected = expected.isel(replica=[0])
            assert packed["dims"] == list(expected.dims), variable
            assert np.array_equal(unpack(packed), expected.values, equal_nan=expected.dtype.kind == "f"), variable


def test_what_is_missing_or_infinite_stays_so(made):
    arrays = of(made[2], "judged")["arrays"]
    assert np.isnan(unpack(arrays["differential_entropy"])[1, 1, 0]).all()
    assert (unpack(arrays["differential_entropy"])[-1, 0, :, 3:] == -np.inf).all()
    assert (unpack(arrays["trainable"])[-1, -1, -1] == -1).all()
    assert np.isnan(unpack(arrays["reached_accuracy"])[-1, -1, -1]).all()
    grasp = [s["name"] for s in of(made[2], "judged")["scores"]].index("grasp")
    assert np.isnan(unpack(arrays["prediction_score"])[..., grasp]).all()
    assert np.isnan(unpack(arrays["auroc"])[grasp])


def test_an_experiment_says_what_it_is(made):
    judged, probed = of(made[2], "judged"), of(made[2], "probed")
    assert judged["axes"]["sigma_w2"] == list(WEIGHTS)
    assert judged["axes"]["sigma_b2"] == list(BIASES)
    assert judged["axes"]["depth"] == list(DEPTHS)
    assert judged["axes"]["learning_rate"] == [0.1, 0.01]
    assert [m["prefix"] for m in judged["methods"]] == ["", "theory_", "adam_"]
    assert "test accuracy ≥ 0.8" in judged["truth"]
    assert probed["truth"] is None
    assert probed["scores"] == []
    assert set(probed["arrays"]) == {"edge_of_chaos", "xi_c", *CURVES}
    assert set(OF_TRUTH) <= set(judged["arrays"])


def test_scores_have_a_name_and_the_best_threshold_of_all_networks(made):
    _, _, data, cubes = made
    cube, scores = cubes["judged"], {s["name"]: s for s in of(data, "judged")["scores"]}
    assert list(scores) == cube["score"].values.tolist()
    titles = [s["title"] for s in scores.values()]
    assert len(set(titles)) == len(titles)
    assert scores["adam_explained_variance"]["title"] == "R², Adam cascade"
    assert scores["snip"]["title"] == "SNIP"
    assert (scores["explained_variance"]["fixed"], scores["snip"]["fixed"]) == (0.0, None)
    assert scores["grasp"]["best"] is None
    values, labels = cube["prediction_score"].sel(score="snip").values.astype(float), cube["trainable"].values
    assert scores["snip"]["best"] == best_threshold(values[labels >= 0], labels[labels >= 0] == 1)


def test_the_page_is_one_file_that_loads_nothing_and_bears_its_mark(made):
    path, text, *_ = made
    assert path.stat().st_size < 5_600_000  # of which the library is 4.8 MB
    assert find_mark(path)
    assert not re.search(r"\{\{\w+\}\}", text.replace(text[text.index("<script>") : text.rindex("<script>")], ""))
    assert not re.search(r"<(link|iframe|script[^>]* src|img)\b", text[: text.index("<script type")])
    assert "default-src 'none'" in text


def test_no_text_of_a_config_becomes_part_of_the_page(made):
    _, text, data, _ = made
    assert data["title"] == TITLE
    assert "<title>Explorer: a run &lt;b&gt;&amp;&lt;/b&gt; &lt;/script&gt; of &lt;experiments&gt;</title>" in text
    assert text.count("a run <b>") == 0
    assert "<" not in embed({"title": "</script><script>alert(1)</script>"})
    assert "{{STYLE}} {{SCRIPT}}" in write_page({"title": "{{STYLE}} {{SCRIPT}}", "experiments": []}, "x")


def test_numbers_of_no_known_format_are_refused(made):
    cube = made[3]["judged"]
    with pytest.raises(KeyError):
        pack(cube["score"])


def test_the_script_is_small_and_has_no_address():
    text = (HERE / "explorer.js").read_text(encoding="utf-8")
    assert len(text.splitlines()) < 650
    assert "http" not in text


# --- pictures


def test_pictures_are_of_the_columns_that_have_them(made):
    pictures = of(made[2], "judged")["pictures"]
    assert [(w, b) for w, b, _ in pictures] == [(w, BIASES[0]) for w in WEIGHTS]
    for w, _, found in pictures:
        assert found["layers"] == [1, 2, 3, 4, 5, 6]
        assert len(found["rows"]) == 3
        assert [png is None for png in found["rows"][0]] == [False] * 3 + [w > 2] * 4
    assert of(made[2], "probed")["pictures"] == []


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 1), (4, 4, 3), (12,)], ids=str)
def test_a_picture_is_what_was_reconstructed(shape):
    values = np.random.default_rng(0).random(np.prod(shape))
    with Image.open(io.BytesIO(base64.b64decode(picture_png(as_picture(values), shape)))) as picture:
        found = np.asarray(picture)
    assert found.shape == {1: (1, 12), 2: (8, 8), 3: shape if shape[-1] == 3 else (8, 8)}[len(shape)]
    assert abs(found.ravel() / 255 - values).max() < 0.007


def test_of_too_many_pictures_some_images_and_then_some_columns_are_left_out():
    one = {"layers": [1], "rows": [["x" * 10, None], ["x" * 10, "x" * 10], ["x" * 10] * 2]}
    found = {(float(w), 0.0): one for w in range(8)}
    assert [len(p["rows"]) for _, _, p in take_some(found, 400)] == [3] * 8
    assert [len(p["rows"]) for _, _, p in take_some(found, 399)] == [1] * 8
    assert [w for w, _, _ in take_some(found, 45)] == [0, 2, 4, 6]
    assert take_some(found, 5) == []
    assert take_some({(1.0, 0.0): None}, 5) == []


def test_a_probe_without_pictures_has_none(made):
    class Bare:
        variables = ("probe_status",)

    assert encode_pictures(Bare(), 3) is None
    assert ASKED["probed"].truth is None
