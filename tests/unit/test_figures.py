import math
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest
from test_cubes import PIXELS, SAMPLES, evaluation, merge, training

mpl.use("Agg")

from infoflow import figures
from infoflow.cubes import write_cube
from infoflow.errors import InfoflowError
from infoflow.figures._style import STYLE, cell_edges, colour_limits, phase
from infoflow.figures.draw import draw_figure
from infoflow.grid import Experiment, decode, encode
from infoflow.store import read_result, write_result

WEIGHTS, BIASES, DEPTHS = (0.5, 1.0, 1.8, 3.0), (0.05, 0.1), (2, 4, 6)


def experiment(weights=WEIGHTS, biases=BIASES, depths=DEPTHS) -> Experiment:
    return Experiment("test", "digits", "mlp", weights, biases, depths, "digits", weights[:3])


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cube")
    points = [(w, b) for w in WEIGHTS for b in BIASES]
    evaluations = {encode(w, b, 6): evaluation(k, 6, broken=0 if k == 3 else None) for k, (w, b) in enumerate(points)}
    trainings = {encode(w, b, d): training(0.9 if w > 0.6 and d < 5 else 0.3) for w, b in points for d in DEPTHS}
    write_cube(merge(evaluations, trainings), folder / "cube.nc")
    shrinking = {encode(w, b, d): evaluation(d, d) for w, b in points for d in DEPTHS}
    write_cube(merge(shrinking, trainings, prefix_invariant=False), folder / "shrinking.nc")
    deeper = {encode(w, b, 9): evaluation(1, 9) for w, b in points[:4]}
    ragged = deeper | dict(list(evaluations.items())[4:])
    write_cube(merge(ragged, trainings), folder / "map.nc")
    rng = np.random.default_rng(0)
    probes = []
    for w, b in points[:6]:
        probes.append(folder / f"{encode(w, b, 6)}.nc")
        variables = {
            "pictures": (("r", "l", "s", "p"), rng.integers(-127, 128, (1, 6, SAMPLES, PIXELS)).astype(np.int8), {}),
            "inputs": (("s", "p"), rng.integers(0, 128, (SAMPLES, PIXELS)).astype(np.int8), {}),
        }
        write_result(probes[-1], variables, {"image_shape": np.array([PIXELS])})
    return folder, probes


def write_decisions(path, shape, classes=10, right=4, wrong=4, layers=7):
    """What `explain_decisions` writes, of noise."""
    rng = np.random.default_rng(1)
    labels = rng.integers(0, classes, right + wrong).astype(np.int16)
    predictions = np.stack([labels, labels])
    predictions[:, right:] = (labels[right:] + 1) % classes
    pixels = math.prod(shape)
    variables = {
        "pictures": (("r", "l", "s", "p"), rng.integers(-127, 128, (2, layers, len(labels), pixels), np.int8), {}),
        "inputs": (("s", "p"), rng.integers(0, 128, (len(labels), pixels), np.int8), {}),
        "labels": (("s",), labels, {}),
        "predictions": (("r", "s"), predictions, {}),
        "probabilities": (("r", "s"), rng.random((2, len(labels))), {}),
        "prototypes": (("r", "c", "p"), rng.integers(-127, 128, (2, classes, pixels), np.int8), {}),
        "prototype_predictions": (("r", "c"), rng.integers(0, classes, (2, classes)), {}),
        "prototype_probabilities": (("r", "c"), np.ones((2, classes)), {}),
        "accuracy": (("r",), np.array([0.9, np.nan]), {}),
    }
    write_result(path, variables, {"image_shape": np.array(shape), "hidden_layers": layers - 1})
    return path


def test_a_map_without_truth_is_drawn_from_a_cube_with_truth(files, tmp_path):
    folder, probes = files
    asked = Experiment("map", "digits", "mlp", WEIGHTS[:2], BIASES, (9,), None, WEIGHTS[:1])
    for name in (name for name, needs in figures.FIGURES.items() if not needs.truth):
        draw_figure(name, folder / "map.nc", asked, probes[:2], [tmp_path / f"{name}.png"])


@pytest.mark.parametrize("name", figures.FIGURES)
@pytest.mark.parametrize(
    ("cube", "asked"),
    [
        ("cube.nc", experiment()),
        ("shrinking.nc", experiment()),
        ("cube.nc", experiment(weights=(1.8,), biases=(0.05,), depths=(6,))),
    ],
    ids=["all", "shrinking", "one point"],
)
def test_every_registered_figure_is_drawn(files, tmp_path, name, cube, asked):
    folder, probes = files
    outputs = [tmp_path / f"{name}.png", tmp_path / f"{name}.pdf"]
    known = [p for p in probes if decode(p.stem)[0] in asked.sigma_w2 and decode(p.stem)[1] in asked.sigma_b2]
    needs = figures.FIGURES[name]
    if needs.decisions:
        known = [write_decisions(tmp_path / f"{encode(1.5, 0.05, 6)}.nc", (4, 4))]
        asked = replace(asked, decisions=(1.5, 0.05, 6), images=4)
    draw_figure(name, folder / cube, asked, known if needs.probes or needs.decisions else [], outputs)
    assert all(output.stat().st_size > 5000 for output in outputs)


@pytest.mark.parametrize(
    ("contents", "rows", "prototypes"),
    [
        ({"shape": (5, 6)}, 6, 10),
        ({"shape": (8, 8, 3), "layers": 30}, 6, 10),
        ({"shape": (9,), "right": 0, "wrong": 2, "layers": 2, "classes": 2}, 2, 2),
        ({"shape": (4, 4), "wrong": 0, "classes": 23}, 3, 23),
    ],
    ids=["grey", "colour", "no image", "all right"],
)
def test_decisions_are_drawn_whatever_there_is(tmp_path, contents, rows, prototypes):
    from infoflow.figures import decisions

    found = read_result(write_decisions(tmp_path / "decisions.nc", **contents))
    asked = replace(experiment(), decisions=(1.5, 0.05, 6), images=3)
    with mpl.rc_context(STYLE):
        figure = decisions.draw(None, asked, {(1.5, 0.05): found})
    above, below = (part.axes for part in figure.subfigs)
    layers = len(above) // rows - 1
    assert len(above) == rows * (layers + 1)
    assert above[layers - 1].get_title() == f"layer {found.attributes['hidden_layers']}"
    assert above[layers].get_title() == "scores"
    marked = sum("wrong" in ax.get_ylabel() for ax in above)
    assert marked == min(3, len(found["labels"]) - contents.get("right", 4))
    assert sum(bool(ax.images) for ax in below) == prototypes
    figure.savefig(tmp_path / "decisions.png")
    # no text beyond the edges
    box = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    assert box.x0 >= 0
    assert box.y0 >= 0
    assert box.x1 <= width
    assert box.y1 <= height


def test_every_registered_figure_has_its_caption_and_module():
    from common import ROOT

    modules = {p.stem for p in (ROOT / "workflow/src/infoflow/figures").glob("*.py")} - {"__init__", "_style", "draw"}
    captions = {p.stem for p in (ROOT / "workflow/report").glob("*.rst")} - {"workflow"}
    assert modules == captions == set(figures.FIGURES)


def test_a_damaged_probe_is_refused_by_name(files, tmp_path):
    folder, probes = files
    (tmp_path / probes[0].name).write_bytes(b"noise")
    with pytest.raises(InfoflowError, match=probes[0].name):
        draw_figure("reconstructions", folder / "cube.nc", experiment(), [tmp_path / probes[0].name], [])


def test_cells_meet_halfway_and_cover_the_ends():
    assert cell_edges([1.0, 2.0, 4.0]).tolist() == [0.5, 1.5, 3.0, 5.0]
    assert cell_edges([3.0]).tolist() == [2.5, 3.5]


def test_colour_limits_are_safe():
    assert colour_limits(np.array([np.nan, -np.inf, 1.0, 2.0]), 0, 100) == (1.0, 2.0)
    low, high = colour_limits(np.full(4, 3.0))
    assert low < 3 < high
    assert colour_limits(np.array([np.nan])) == (0.0, 1.0)


def test_phases():
    assert [phase(w, 1.76, [1.0, 1.76, 3.0]) for w in (1.0, 1.76, 3.0)] == ["ordered", "critical", "chaotic"]
    # the closest value is not critical if it is not close
    assert phase(1.0, 1.76, [1.0, 4.0]) == "ordered"
