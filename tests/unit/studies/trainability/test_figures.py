import importlib
import json
import math
import re
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.collections import QuadMesh

from common import assert_nothing_beyond_the_edges
from infoflow.engine.initialization import COMMON, INDEPENDENT
from infoflow.errors import InfoflowError
from infoflow.figures.chosen import MOST_BIASES
from infoflow.figures.style import STYLE
from infoflow.files.conventions import DIVERGED
from infoflow.files.cubes import write_cube
from infoflow.files.names import decode, encode
from infoflow.files.results import read_result, write_result
from infoflow.studies.trainability.cube import read_trainability
from infoflow.studies.trainability.draw_figure import draw_figure
from infoflow.studies.trainability.experiment import Experiment
from infoflow.studies.trainability.figures import channels as channels_figure
from infoflow.studies.trainability.figures import (
    cost,
    decisions,
    entropy_maps,
    initialization,
    phase_diagram,
    resources,
    roc,
    scaling,
    trainability_map,
)
from infoflow.studies.trainability.figures._shared import (
    beyond_depth,
    farthest,
    select_experiment,
    show_picture,
    shown_biases,
    title,
    variance_within,
)
from infoflow.studies.trainability.plan import OF_LENGTHS, Trainability
from infoflow.studies.trainability.variables import INFERRED
from infoflow.theory.architectures import FEEDFORWARD
from infoflow.verdict.auroc import auroc
from jobs import make_job
from made_up import CNN, PIXELS, RESNET, SAMPLES, TRUTH, VGG16, evaluation, merge, merge_images, training

FIGURES = Trainability.FIGURES
WEIGHTS, BIASES, DEPTHS = (0.5, 1.0, 1.8, 3.0), (0.05, 0.1), (2, 4, 6)


def experiment(weights=WEIGHTS, biases=BIASES, depths=DEPTHS) -> Experiment:
    return Experiment("test", "digits", "mlp", weights, biases, depths, "digits", False, weights[:3])


def draw(name: str, cube, asked: Experiment, probes, outputs) -> None:
    """Run the job that draws a figure."""
    parameters = {"module": f"studies.trainability.figures.{name}", "experiment": vars(asked)}
    draw_figure(make_job(parameters, outputs, {"cube": cube, "probes": list(probes)}, rule="draw_figure"))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cube")

    def write(cube, name):
        write_cube(cube, folder / f"{name}.nc", "merge_cube")

    points = [(w, b) for w in WEIGHTS for b in BIASES]
    evaluations = {encode(w, b, 6): evaluation(k, 6, broken=0 if k == 3 else None) for k, (w, b) in enumerate(points)}
    trainings = {encode(w, b, d): training(0.9 if w > 0.6 and d < 5 else 0.3) for w, b in points for d in DEPTHS}
    write(merge(evaluations, trainings), "cube")
    shrinking = {encode(w, b, d): evaluation(d, d) for w, b in points for d in DEPTHS}
    write(merge(shrinking, trainings, prefix_invariant=False), "shrinking")
    deeper = {encode(w, b, 9): evaluation(1, 9) for w, b in points[:4]}
    write(merge(deeper, {}), "map")
    for architecture, layers in ((CNN, 8), (RESNET, 8), (VGG16, 6)):
        write(merge_images(architecture, layers), architecture["kind"])
    return folder, [write_probe(folder / f"{encode(w, b, 6)}.nc", (PIXELS,)) for w, b in points[:6]]


def write_probe(path, shape, layers=6, channels=((2, 0), (3, 1)), weights="random"):
    """The pictures that `evaluate_kl` keeps, of noise; of single channels those of three images."""
    rng = np.random.default_rng(0)
    pixels = math.prod(shape)
    variables = {
        "pictures": (("r", "l", "s", "p"), rng.integers(-127, 128, (1, layers, SAMPLES, pixels), np.int8), {}),
        "probe_status": (("r", "l"), np.zeros((1, layers), np.int8), {}),
        "inputs": (("s", "p"), rng.integers(0, 128, (SAMPLES, pixels)).astype(np.int8), {}),
        "channel_pictures": (("r", "k", "t", "p"), rng.integers(-127, 128, (1, len(channels), 3, pixels), np.int8), {}),
    }
    attributes = {
        "image_shape": np.array(shape),
        "shown_channels": np.array(channels, np.int32).ravel(),
        "layer_names": ["", *(f"part {l}" for l in range(2, layers + 1))],
        "weights": weights,
    }
    write_result(path, variables, attributes)
    return path


def write_decisions(path, shape, classes=10, right=4, wrong=4, layers=7, names=None):
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
    named = {"class_names": names} if names else {}
    write_result(path, variables, {"image_shape": np.array(shape), "hidden_layers": layers - 1, **named})
    return path


def test_resources_are_shown_with_their_numbers(files):
    folder, _ = files
    cube = read_trainability(folder / "cube.nc")

    def shown(cube):
        figure = resources.draw(cube, experiment(), {})
        texts = [t.get_text() for ax in figure.axes for t in [*ax.texts, *ax.get_yticklabels()]]
        plt.close(figure)
        return figure.finding, texts

    heading, texts = shown(cube)
    assert "GPU 10 s; probing : training = 1 : 4 by cascade" in heading
    assert {"probe_cascade (2 jobs)", "merge_cube (1 job)", "3", "12", "2", "8", "500", "900", "800"} <= set(texts)
    on_cpus = {rule: cost | {"gpu_seconds": 0.0} for rule, cost in json.loads(cube.attrs["cost"]).items()}
    heading, texts = shown(cube.assign_attrs(cost=json.dumps(on_cpus)))
    assert "GPU" not in heading
    assert "900" not in texts


def test_a_map_without_truth_is_drawn(files, tmp_path):
    folder, probes = files
    asked = Experiment("map", "digits", "mlp", WEIGHTS[:2], BIASES, (9,), None, False, WEIGHTS[:1])
    for name in (name for name, needs in FIGURES.items() if not needs.truth):
        draw(name, folder / "map.nc", asked, probes[:2], [tmp_path / f"{name}.png"])
        assert (tmp_path / f"{name}.png").stat().st_size > 5000


@pytest.mark.parametrize("name", FIGURES)
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
    needs = FIGURES[name]
    if needs.decisions:
        known = [write_decisions(tmp_path / f"{encode(1.5, 0.05, 6)}.nc", (4, 4))]
        asked = replace(asked, decisions=(1.5, 0.05, 6), images=4)
    draw(name, folder / cube, asked, known if needs.probes or needs.decisions else [], outputs)
    assert all(output.stat().st_size > 5000 for output in outputs)


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("kind", ["cnn", "resnet", "vgg16"])
def test_every_registered_figure_is_drawn_of_every_kind_and_in_colour(files, tmp_path, name, kind):
    """Of the residual network there is no edge and no spread, of vgg16 no theory at all."""
    asked = replace(experiment(biases=(0.05,)), architecture=kind, decisions=(1.5, 0.05, 6), images=2)
    needs = FIGURES[name]
    known = []
    if needs.probes:
        names = [encode(w, 0.05, 6) for w in asked.highlight]
        known = [write_probe(tmp_path / f"{n}.nc", (4, 4, 3), 6 if kind == "vgg16" else 8) for n in names]
    if needs.decisions:
        known = [write_decisions(tmp_path / f"{encode(1.5, 0.05, 6)}.nc", (4, 4, 3))]
    draw(name, files[0] / f"{kind}.nc", asked, known, [tmp_path / f"{name}.png"])
    assert (tmp_path / f"{name}.png").stat().st_size > 5000


@pytest.mark.parametrize(
    ("kind", "label", "said"),
    [
        ("cnn", "deviation of ln $q^l$\n/ its spread", "standard errors"),
        ("resnet", "deviation from\nthe theory", "of the mean-field recursion away from it"),
        ("vgg16", "deviation from\nthe mean", "Nothing is checked: there is no theory"),
    ],
)
def test_the_initialization_check_says_what_it_knows(files, kind, label, said):
    figure = initialization.draw(read_trainability(files[0] / f"{kind}.nc"), experiment(biases=(0.05,)), {})
    assert figure.axes[1].get_ylabel() == label
    assert said in figure.finding


@pytest.mark.parametrize(("kind", "known"), [("cnn", True), ("resnet", False), ("vgg16", False)])
def test_the_trainability_map_marks_what_there_is(files, kind, known):
    cube = read_trainability(files[0] / f"{kind}.nc")
    with mpl.rc_context(STYLE):
        figure = trainability_map.draw(cube, experiment(biases=(0.05,)), {})
    ax = figure.axes[0]
    labels = ax.get_legend_handles_labels()[1]
    assert ("edge of chaos" in labels) == known
    assert (r"mean field: $6\,\xi_c$" in labels) == (kind != "vgg16")
    assert not any(label.startswith("inferred") for label in labels)
    assert ax.get_ylabel() == ("depth (hidden layers)" if kind == "vgg16" else "depth")
    assert "test accuracy ≥ 0.8 within 4 epochs, sgd at learning rate 0.1" in figure.settings
    share = ax.collections[0].get_array()
    expected = (cube["trainable"].isel(sigma_b2=0) == 1).mean("replica").transpose("depth", "sigma_w2")
    np.testing.assert_array_equal(share, expected)


def test_the_boundary_of_every_column_is_drawn_where_it_is():
    """Columns of which no depth trains, or all, have an arrow at the end instead of a depth."""
    evaluations = {encode(w, 0.05, 6): evaluation(k, 6) for k, w in enumerate(WEIGHTS)}
    limits = dict(zip(WEIGHTS, (0, 4, 6, 4)))
    trainings = {encode(w, 0.05, d): training(0.9 if d <= limits[w] else 0.3) for w in WEIGHTS for d in DEPTHS}
    cube = merge(evaluations, trainings)
    with mpl.rc_context(STYLE):
        ax = trainability_map.draw(cube, experiment(biases=(0.05,)), {}).axes[0]
    lines = {line.get_label(): list(line.get_xdata()) for line in ax.lines}
    assert lines["no depth trains"] == [WEIGHTS[0]]
    assert lines["all depths train"] == [WEIGHTS[2]]
    (bars,) = (c for c in ax.containers if len(c.lines[0].get_xdata()))
    np.testing.assert_array_equal(bars.lines[0].get_xdata(), [WEIGHTS[1], WEIGHTS[3]])
    np.testing.assert_allclose(bars.lines[0].get_ydata(), cube["threshold_depth"].values[[1, 3], 0])


def test_cells_that_were_not_trained_are_marked():
    evaluations = {encode(w, 0.05, 6): evaluation(k, 6) for k, w in enumerate(WEIGHTS)}
    cube = merge(evaluations, TRUTH)
    cube["truth_source"][0, 0, 2] = INFERRED
    with mpl.rc_context(STYLE):
        ax = trainability_map.draw(cube, experiment(biases=(0.05,)), {}).axes[0]
    assert "inferred, not trained; white: not known" in ax.get_legend_handles_labels()[1]


@pytest.mark.parametrize("name", ["reconstructions", "channels"])
def test_of_a_layer_that_diverged_there_is_no_picture(tmp_path, name):
    module = importlib.import_module(f"infoflow.studies.trainability.figures.{name}")
    found = read_result(write_probe(tmp_path / "probe.nc", (4, 4)))
    cube = merge({encode(1.8, 0.05, 6): evaluation(0, 6)}, {})
    counts = []
    for layers in (0, 2):
        found["probe_status"][0, 6 - layers :] = DIVERGED
        figure = module.draw(cube, experiment(), {(1.8, 0.05): found})
        axes = [ax for part in [figure, *figure.subfigs] for ax in part.axes]
        counts.append(np.array([sum(bool(getattr(ax, what)) for ax in set(axes)) for what in ("images", "lines")]))
        plt.close(figure)
    pictures = {"reconstructions": 3, "channels": 2}[name]
    assert (counts[1] - counts[0]).tolist() == [-2 * pictures, 2 * pictures]


def test_how_many_networks_a_score_is_known_of_is_said():
    evaluations = {encode(w, 0.05, 6): evaluation(k, 6, broken=0 if k == 1 else None) for k, w in enumerate(WEIGHTS)}
    trainings = {encode(w, 0.05, d): training(0.9 if w > 0.6 and d < 5 else 0.3) for w in WEIGHTS for d in DEPTHS}
    figure, ax = plt.subplots()
    cost.draw_auroc(ax, merge(evaluations, trainings))
    assert ax.get_title() == "21 to 24 networks"
    plt.close(figure)


@pytest.mark.parametrize(("kind", "scores"), [("cnn", 6), ("vgg16", 5)])
def test_only_scores_that_are_known_are_compared(files, kind, scores):
    figure, ax = plt.subplots()
    cost.draw_auroc(ax, read_trainability(files[0] / f"{kind}.nc"))
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == list(cost.NAMES.values())[:scores]
    plt.close(figure)


def test_an_experiment_gets_all_layers_of_its_deepest_network(files):
    for kind, beyond in (("cnn", 2), ("vgg16", 0)):
        cube = read_trainability(files[0] / f"{kind}.nc")
        selected = select_experiment(cube, experiment(biases=(0.05,), depths=(2, 4)))
        assert beyond_depth(cube) == beyond
        assert (selected["depth"].values.tolist(), selected.sizes["layer"]) == ([2, 4], 4 + beyond)


@pytest.mark.parametrize(
    ("shape", "layers", "channels", "columns"),
    [((8, 8), 5, [(3, 0)], 6), ((4, 4, 3), 22, [(2, k) for k in range(13)], 23), ((9,), 1, [(1, 2)], 2)],
    ids=["grey", "colour", "vector"],
)
def test_channels_are_drawn_below_all_layers(tmp_path, shape, layers, channels, columns):
    path = write_probe(tmp_path / "probe.nc", shape, layers, channels, weights="own.pth")
    cube = merge({encode(1.8, 0.05, 6): evaluation(0, 6)}, {})
    with mpl.rc_context(STYLE):
        figure = channels_figure.draw(cube, experiment(), {(1.8, 0.05): read_result(path)})
    titles = [ax.get_title() for ax in figure.axes if ax.images]
    block = ["input", "1", *(f"part {l}" for l in range(2, layers + 1))]
    block += [f"{block[layer]}\nchannel {k}" for layer, k in channels]
    assert len(block) == columns + len(channels)
    assert titles == 2 * block
    figure.savefig(tmp_path / "channels.png")


def test_of_the_images_the_first_and_the_one_that_differs_most_are_shown(tmp_path):
    found = read_result(write_probe(tmp_path / "probe.nc", (4, 4)))
    cube = merge({encode(1.8, 0.05, 6): evaluation(0, 6)}, {})
    found["inputs"][:] = 10
    found["inputs"][1, 0], found["inputs"][2] = 20, 90
    found["inputs"][3:] = 127  # of those there are no pictures of single channels
    figure = channels_figure.draw(cube, experiment(), {(1.8, 0.05): found})
    inputs = [ax.images[0].get_array().max() for ax in figure.axes if ax.get_title() == "input"]
    assert inputs == pytest.approx([10 / 127, 90 / 127])
    found["inputs"][:] = 10
    figure = channels_figure.draw(cube, experiment(), {(1.8, 0.05): found})
    assert [ax.get_title() for ax in figure.axes].count("input") == 1


@pytest.mark.parametrize(
    ("weights", "said"), [("random", "the untrained network"), ("some.pth", "the trained network")]
)
def test_a_random_network_is_not_called_trained(tmp_path, weights, said):
    path = write_probe(tmp_path / "probe.nc", (4, 4), weights=weights)
    cube = merge({encode(1.8, 0.05, 6): evaluation(0, 6)}, {})
    figure = channels_figure.draw(cube, experiment(), {(1.8, 0.05): read_result(path)})
    assert said in figure.finding


@pytest.mark.parametrize(
    ("shape", "drawn"), [((6,), (1, 6)), ((2, 3), (2, 3)), ((2, 3, 1), (2, 3)), ((1, 2, 3), (1, 2, 3))], ids=str
)
def test_pictures_are_shown_as_they_are(shape, drawn):
    figure, ax = plt.subplots()
    show_picture(ax, np.array([-127, -1, 0, 64, 126, 127], np.int8), shape)
    (image,) = ax.images
    assert image.get_array().shape == drawn
    assert np.asarray(image.get_array()).ravel() == pytest.approx([0, 0, 0, 64 / 127, 126 / 127, 1])
    assert image.get_clim() == (0, 1)
    plt.close(figure)


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


def test_decisions_call_classes_by_their_names(tmp_path):
    names = ["cat", "a dog with a long name"]
    found = read_result(write_decisions(tmp_path / "decisions.nc", (4, 4, 5), classes=2, names=names))
    with mpl.rc_context(STYLE):
        figure = decisions.draw(None, replace(experiment(), decisions=(1.5, 0.05, 6), images=3), {(1.5, 0.05): found})
    above, below = (part.axes for part in figure.subfigs)
    assert [ax.get_title() for ax in below if ax.images] == ["cat", "a dog with …"]
    told = [ax.get_ylabel() for ax in above if ax.get_ylabel()]
    assert all(re.match(r"(cat|a dog with …)( |\n)seen as (cat|a dog with …)\n", text) for text in told)
    assert above[0].images[0].get_array().shape == (4, 4)  # five channels are no colour
    figure.savefig(tmp_path / "decisions.png")
    assert_nothing_beyond_the_edges(figure)


def test_maps_end_where_samples_end(files):
    cube = read_trainability(files[0] / "cube.nc")
    with mpl.rc_context(STYLE):
        ax = trainability_map.draw(cube, experiment(), {}).axes[0]
    assert ax.get_xlim() == (WEIGHTS[0], WEIGHTS[-1])
    assert ax.get_ylim() == pytest.approx((DEPTHS[0], DEPTHS[-1]))
    ticks = [*ax.get_xticks(), *ax.get_xticks(minor=True)]
    assert all(np.isclose(ticks, w).any() for w in WEIGHTS)
    plt.close("all")


def test_of_one_weight_variance_there_are_curves_and_no_map(files):
    cube = select_experiment(read_trainability(files[0] / "cube.nc"), experiment(weights=(1.8,)))
    with mpl.rc_context(STYLE):
        figure = entropy_maps.draw(cube, experiment(weights=(1.8,)), {})
    assert not any(isinstance(c, QuadMesh) for ax in figure.axes for c in ax.collections)
    assert [len(ax.get_lines()) >= len(BIASES) for ax in figure.axes] == [True] * 3
    plt.close(figure)


def test_of_many_bias_variances_some_have_panels_and_all_are_in_the_plane():
    biases = tuple(np.linspace(0.01, 0.9, 90))
    asked = experiment(biases=biases)
    assert len(shown_biases(asked)) == MOST_BIASES
    assert "4 of 90 values of σ_b²" in title(merge({encode(1.8, 0.05, 6): evaluation(0, 6)}, {}), asked)


def test_the_plane_tells_what_collapses_from_what_does_not(files):
    cube = read_trainability(files[0] / "cube.nc")
    with mpl.rc_context(STYLE):
        figure = phase_diagram.draw(cube, experiment(), {})
    layers = phase_diagram._collapse(cube)
    for b in BIASES:
        expected, known = entropy_maps.collapse_layers(cube, b)
        found = layers.sel(sigma_b2=b).values
        np.testing.assert_array_equal(np.isnan(found), ~known)
        np.testing.assert_array_equal(found[known & np.isfinite(expected)], expected[known & np.isfinite(expected)])
    assert len([ax for ax in figure.axes if ax.get_title()]) == 3
    plt.close(figure)


def test_an_roc_curve_is_that_of_its_scores():
    scores, labels = np.array([3.0, 2.0, 2.0, 1.0]), np.array([True, True, False, False])
    x, y = roc.roc_curve(scores, labels)
    assert x.tolist() == [0, 0, 0.5, 1]
    assert y.tolist() == [0, 0.5, 1, 1]
    assert np.trapezoid(y, x) == pytest.approx(auroc(scores, labels))


def test_curves_pass_their_level_between_samples():
    x, y = np.array([1.0, 4.0, 16.0]), np.array([1.0, 0.75, 0.25])
    assert scaling.passed(x, y, 0.5) == pytest.approx(8.0)
    assert np.isnan(scaling.passed(x, y, 0.1))
    assert np.isnan(scaling.passed(x, y, 2.0))  # from the first sample on: nobody knows where


def test_theory_of_samples_alone_is_no_curve(files):
    cube = read_trainability(files[0] / "resnet.nc")
    with mpl.rc_context(STYLE):
        ax = trainability_map.draw(cube, experiment(biases=(0.05,)), {}).axes[0]
    (line,) = [line for line in ax.lines if line.get_label() == r"mean field: $6\,\xi_c$"]
    assert line.get_linestyle() == "None"
    assert len(line.get_xdata()) == len(WEIGHTS)
    plt.close("all")


def test_pictures_that_differ_most_are_shown():
    inputs = np.array([[0, 0], [1, 0], [9, 9], [9, 8], [0, 0]], np.int8)
    assert farthest(inputs, 3) == [0, 2, 1]
    assert farthest(inputs[[0, 4]], 3) == [0]
    flat = np.array([1.0, 1.0, 3.0, 3.0])
    assert variance_within(flat, flat, (2, 2)) == 1
    assert variance_within(flat, np.full(4, 2.0), (2, 2)) == 0
    assert np.isnan(variance_within(np.ones(4), flat, (2, 2)))


def test_what_plans_knows_whose_correlations_have_lengths():
    assert OF_LENGTHS == FEEDFORWARD


def test_a_damaged_probe_is_refused_by_name(files, tmp_path):
    folder, probes = files
    (tmp_path / probes[0].name).write_bytes(b"noise")
    with pytest.raises(InfoflowError, match=probes[0].name):
        draw("reconstructions", folder / "cube.nc", experiment(), [tmp_path / probes[0].name], [])


def test_where_no_network_trains_none_trains_deepest(files):
    cube = read_trainability(files[0] / "cube.nc").copy(deep=True)
    cube["trainable"][:] = 0
    with mpl.rc_context(STYLE):
        figure = trainability_map.draw(cube, experiment(), {})
    assert figure.finding == "No network was trained, or none could be"
    plt.close(figure)


def test_the_plane_has_all_bias_variances_and_says_so():
    asked = experiment(biases=tuple(np.linspace(0.01, 0.9, 90)))
    cube = merge({encode(1.8, 0.05, 6): evaluation(0, 6)}, {})
    assert "values of σ_b²" not in title(cube, asked, all_biases=True)


def test_of_one_depth_the_axis_has_that_one(files):
    cube = read_trainability(files[0] / "cube.nc").isel(depth=[0])
    figure, ax = plt.subplots()
    cost.draw_seconds(ax, cube)
    assert [label.get_text() for label in ax.get_xticklabels()] == [str(DEPTHS[0])]
    plt.close(figure)


def test_draws_that_all_weight_variances_have_in_common_are_told():
    cube = merge({encode(1.8, 0.05, 6): evaluation(0, 6)}, {})
    told = {draws: title(cube.assign_attrs(draws=draws), experiment()) for draws in (INDEPENDENT, COMMON)}
    assert [draws for draws, line in told.items() if "of the same draws for all σ_w²" in line] == [COMMON]


def test_a_score_that_is_the_same_for_all_networks_is_said_to_tie(files):
    cube = read_trainability(files[0] / "cnn.nc").copy(deep=True)
    constant = cube["score"] == "differential_entropy"
    for name in ("auroc", "auroc_low", "auroc_high"):
        cube[name] = cube[name].where(~constant, 0.5)
    figure, ax = plt.subplots()
    cost.draw_auroc(ax, cube)
    ties = [text.xy[1] for text in ax.texts if text.get_text() == "all tie"]
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert [names[list(ax.get_yticks()).index(y)] for y in ties] == ["differential entropy $H$"]
    plt.close(figure)
