"""What is read off from a cube whose boundaries are known."""

import csv
import re

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from infoflow.figures.style import STYLE
from infoflow.files.names import encode
from infoflow.studies.recommendation.figures.recommendation import draw
from infoflow.studies.recommendation.initializations import INITIALIZATIONS
from infoflow.studies.recommendation.recommend import read_off, write_table
from infoflow.studies.recommendation.variables import MEASURED, OUTSIDE
from made_up import evaluation, merge, training

WEIGHTS, DEPTHS = (0.5, 1.0, 1.8, 3.0), (2, 4, 6)
LIMITS = dict(zip(WEIGHTS, (0, 4, 6, 4)))


@pytest.fixture(scope="module")
def cube():
    evaluations = {encode(w, 0.05, 6): evaluation(k, 6) for k, w in enumerate(WEIGHTS)}
    trainings = {encode(w, 0.05, d): training(0.9 if d <= LIMITS[w] else 0.3) for w in WEIGHTS for d in DEPTHS}
    return merge(evaluations, trainings)


def test_the_best_column_and_the_ranges_are_those_of_the_boundaries(cube):
    found = read_off({"a": cube}).sel(experiment="a")
    assert (float(found["best_sigma_w2"]), float(found["best_sigma_b2"])) == (1.8, 0.05)
    assert found["best_depth_low"] < found["best_depth"] < found["best_depth_high"]
    assert found["sigma_w2_low"].values.tolist() == [1.0, 1.0, 1.8]
    assert found["sigma_w2_high"].values.tolist() == [3.0, 3.0, 1.8]


def test_a_depth_beyond_the_grid_is_not_told_as_a_number(cube):
    found = read_off({"all of it": cube, "half of it": cube.sel(sigma_w2=[0.5, 1.0, 3.0])})
    with mpl.rc_context(STYLE):
        figure = draw(found)
    cards = [ax.get_title() for ax in figure.axes[:2]]
    plt.close(figure)
    assert "more than depth 6" in cards[0]
    assert re.search(r"depth 5 \[\d, \d\]", cards[1])


def test_initialisations_are_read_off_between_columns_and_not_beyond_them(cube):
    found = read_off({"a": cube}).sel(experiment="a")
    depth, case = (found[f"initialization_{name}"].to_series() for name in ("depth", "case"))
    assert case.to_dict() == dict.fromkeys(INITIALIZATIONS, MEASURED) | {"pytorch_default": OUTSIDE}
    assert np.isnan(depth["pytorch_default"])
    threshold = np.log(cube["threshold_depth"].values[:, 0])
    assert depth["glorot"] == depth["orthogonal"] == pytest.approx(np.exp(threshold[1]))
    assert depth["he"] == pytest.approx(np.exp(threshold[2] + (threshold[3] - threshold[2]) * 0.2 / 1.2))


def test_the_table_has_every_answer(cube, tmp_path):
    write_table(read_off({"a": cube}), tmp_path / "a.csv")
    rows = {row["question"]: row for row in csv.DictReader((tmp_path / "a.csv").open())}
    assert rows["best: depth"]["sigma_w2"] == "1.8"
    assert (rows["trains at depth 6: sigma_w2"]["low"], rows["trains at depth 6: sigma_w2"]["high"]) == ("1.8", "1.8")
    assert rows["PyTorch default: depth"]["value"] == ""
    assert {f"{one.title}: depth" for one in INITIALIZATIONS.values()} <= set(rows)
