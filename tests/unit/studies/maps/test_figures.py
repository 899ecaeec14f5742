"""Figures of maps, from cubes that are made up."""

import importlib

import matplotlib as mpl
import numpy as np
import pytest

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.collections import QuadMesh
from matplotlib.colors import to_rgba
from matplotlib.contour import ContourSet

from common import assert_nothing_beyond_the_edges
from infoflow.figures.draw_study import draw_study
from infoflow.figures.say import settle
from infoflow.figures.style import STYLE
from infoflow.files.cubes import write_cube
from infoflow.studies.maps.figures import collapse as collapse_figure
from infoflow.studies.maps.figures import map as map_figure
from infoflow.studies.maps.plan import Maps
from jobs import make_job
from made_up_maps import BEFORE, EDGE, MEASURED, PREDICTED, RESNET, SLOPE, WEIGHTS, XI, make_cube, merge

NEVER = dict.fromkeys(WEIGHTS, np.inf)


def broken():
    """The columns of one experiment, some of which are not known to the end or at all."""
    one = make_cube(MEASURED, PREDICTED)
    one["differential_entropy"][1, :, :, 12:] = np.nan
    one["differential_entropy"][3] = np.nan
    return one


def nothing():
    """An experiment of which nothing is known."""
    one = make_cube(MEASURED)
    one["differential_entropy"][:] = np.nan
    return one


def endless():
    """Entropies of -inf."""
    one = make_cube(MEASURED, PREDICTED)
    for name in ("differential_entropy", "theory_differential_entropy"):
        one[name] = one[name].where(one[name] == BEFORE, -np.inf)
    return one


whole = make_cube(MEASURED, PREDICTED)
CUBES = {
    "one": {"a": whole},
    "two": {"a": whole, "b": whole},
    "four": dict.fromkeys("abcd", whole),
    "five": dict.fromkeys("abcde", whole),
    "six": {f"an_experiment_of_a_long_name_{k}": whole for k in range(6)},
    "several bias variances": dict.fromkeys("ab", make_cube(MEASURED, PREDICTED, biases=(0.01, 0.05))),
    "other layers, no theory, no edge": {"a": whole, "b": make_cube(MEASURED, None, 30, architecture=RESNET)},
    "broken": {"a": broken(), "b": whole},
    "nothing known": {"a": nothing()},
    "without end": {"a": endless()},
    "no collapse": {"a": make_cube(NEVER, NEVER)},
    "nothing to draw over it": {"a": make_cube(MEASURED, None, architecture=RESNET)},
    "one column": {"a": make_cube({1.0: 16}, {1.0: 15})},
    "one layer": {"a": make_cube(NEVER, NEVER, layers=1)},
}


def draw(name, cubes, threshold=-12.0):
    module = importlib.import_module(f"infoflow.studies.maps.figures.{name}")
    with plt.rc_context(STYLE):
        figure = module.draw(merge(cubes, threshold))
        settle(figure)
        figure.draw_without_rendering()
    return figure


def meshes(figure) -> list[QuadMesh]:
    """The maps of a figure; the colour bar has one of its own."""
    of_panels = (ax for ax in figure.axes if ax.get_label() != "<colorbar>")
    return [found for ax in of_panels for found in ax.collections if isinstance(found, QuadMesh)]


def labels(figure) -> list[str]:
    (legend,) = figure.legends
    return [text.get_text() for text in legend.get_texts()]


@pytest.mark.parametrize("kind", CUBES)
@pytest.mark.parametrize("name", Maps.FIGURES)
@pytest.mark.filterwarnings("error")
def test_figures_are_drawn_and_nothing_is_cut_off(name, kind, tmp_path):
    figure = draw(name, CUBES[kind])
    figure.savefig(tmp_path / "figure.png")
    assert_nothing_beyond_the_edges(figure)
    titles = [ax.title for ax in figure.axes] + [ax._left_title for ax in figure.axes]
    boxes = [title.get_window_extent() for title in titles if title.get_text()]
    assert not any(a.overlaps(b) for k, a in enumerate(boxes) for b in boxes[:k])
    plt.close(figure)


@pytest.mark.parametrize("name", Maps.FIGURES)
def test_figures_are_drawn_from_the_file_of_the_cube_alone(name, tmp_path):
    write_cube(merge(CUBES["four"]), tmp_path / "cube.nc", "merge_map")
    outputs = [tmp_path / f"figure.{suffix}" for suffix in ("png", "pdf")]
    draw_study(make_job({"module": f"studies.maps.figures.{name}"}, outputs, {"cube": tmp_path / "cube.nc"}))
    assert min(path.stat().st_size for path in outputs) > 5000


# --- map


def test_all_panels_have_one_scale_that_is_cut_at_the_floor():
    bright = make_cube(MEASURED, PREDICTED)
    bright["differential_entropy"] = bright["differential_entropy"] + 2
    figure = draw("map", {"a": whole, "b": bright, "c": whole, "d": whole})
    found = meshes(figure)
    assert len(found) == 4
    assert {mesh.get_clim() for mesh in found} == {(-20, -3)}
    assert all(np.nanmin(mesh.get_array()) == -20 for mesh in found)
    (bar,) = [ax for ax in figure.axes if ax.get_label() == "<colorbar>"]
    assert "cut at −20" in bar.get_ylabel()
    assert bar._colorbar.extend == "both"
    plt.close(figure)
    # a threshold below the floor is on the scale
    figure = draw("map", {"a": whole}, threshold=-25.0)
    assert meshes(figure)[0].get_clim()[0] == -25
    plt.close(figure)


@pytest.mark.parametrize(
    ("panels", "shape"), [(1, (1, 1)), (2, (1, 2)), (3, (1, 3)), (4, (2, 2)), (5, (2, 3)), (6, (2, 3))]
)
def test_panels_are_arranged(panels, shape):
    figure = draw("map", {f"e{k}": whole for k in range(panels)})
    shown = [ax for ax in figure.axes if ax.get_label() != "<colorbar>"]
    assert [ax.get_title().split("\n")[0] for ax in shown] == [f"e{k}" for k in range(panels)]
    assert shown[0].get_subplotspec().get_gridspec().get_geometry() == shape
    # σ_w² below the lowest panel of every column
    assert sum(bool(ax.get_xlabel()) for ax in shown) == min(panels, shape[1])
    plt.close(figure)


def test_a_panel_tells_the_slope_and_shows_what_theory_says():
    figure = draw("map", {"a": whole, "b": make_cube(MEASURED, None, architecture=RESNET)})
    first, second = (ax for ax in figure.axes if ax.get_label() != "<colorbar>")
    assert first.get_title() == f"a\ncollapse: {SLOPE:.3g} $\\xi_c$ (8.05 to 8.95)\ntheory: 8 $\\xi_c$ (8 to 8)"
    assert second.get_title() == "b\ncollapse: no slope\nno theory"
    assert not second.lines
    drawn = {line.get_label(): line for line in first.lines if not line.get_label().startswith("_")}
    assert set(drawn) == {r"$6\,\xi_c$, published rule", r"$\xi_c$", "$H$ = −12 by theory", "edge of chaos"}
    assert set(labels(figure)) == set(drawn)
    assert drawn["edge of chaos"].get_xdata()[0] == EDGE
    at, xi = drawn[r"$\xi_c$"].get_data()
    np.testing.assert_allclose(drawn[r"$6\,\xi_c$, published rule"].get_ydata()[:50], 6 * xi[:50])
    assert (at[0], at[-1]) == (WEIGHTS[0], WEIGHTS[-1])
    # between the last layer above the threshold and the first below it
    (contour,) = [c for c in first.collections if isinstance(c, ContourSet)]
    points = np.concatenate([path.vertices for path in contour.get_paths()])
    for w, layer in ((0.5, 8), (1.0, 16)):
        here = points[np.isclose(points[:, 0], w), 1]
        assert any(layer - 1 < y < layer for y in here), w
    plt.close(figure)


def test_what_is_not_known_is_shown_as_such():
    figure = draw("map", {"a": broken()})
    assert "diverged or missing" in labels(figure)
    plt.close(figure)
    figure = draw("map", {"a": whole})
    assert "diverged or missing" not in labels(figure)
    plt.close(figure)


# --- collapse


def panels(figure):
    """Left and right strip, left and right panel."""
    return figure.axes


def symbols(ax, marker) -> dict[str, np.ndarray]:
    """By face, the positions of the symbols of a panel."""
    found = [line for line in ax.lines if line.get_marker() == marker and line.get_linestyle() == "None"]
    return {
        "open" if to_rgba(line.get_markerfacecolor()) == to_rgba("white") else "filled": line.get_xydata()
        for line in found
        if len(line.get_xdata()) and line.get_label().startswith("_")
    }


def test_every_column_that_collapses_is_a_symbol():
    figure = draw("collapse", {"a": whole})
    _, _, left, right = panels(figure)
    found = symbols(left, "o")
    assert found["filled"].tolist() == [[1, 9], [2, 16]]
    assert found["open"].tolist() == [[XI[3.0], 20]]
    found = symbols(right, "o")
    assert found["filled"].tolist() == [[0.5, 9], [1.0, 8]]
    np.testing.assert_allclose(found["open"], [[3.0, 20 / XI[3.0]]])
    theory = [line for line in left.lines if line.get_linewidth() == 1 and len(line.get_xdata())]
    known = [line.get_xydata()[np.isfinite(line.get_ydata().astype(float))] for line in theory]
    assert np.concatenate(known).tolist() == [[1, 8], [2, 16]]
    plt.close(figure)


def test_columns_that_do_not_collapse_are_shown_above():
    figure = draw("collapse", {"a": whole, "b": broken()})
    strip, right_strip, *_ = panels(figure)
    beyond = {line.get_ydata()[0]: line.get_xdata() for line in right_strip.lines if line.get_marker() == "^"}
    assert {row: x.tolist() for row, x in beyond.items()} == {0: [1.5, 2.0], 1: [1.5]}
    (unknown,) = [line for line in right_strip.lines if line.get_marker() == "x" and len(line.get_xdata())]
    assert unknown.get_xydata().tolist() == [[1.0, 1], [2.0, 1]]
    (unknown,) = [line for line in strip.lines if line.get_marker() == "x" and len(line.get_xdata())]
    assert unknown.get_xdata().tolist() == [XI[1.0], XI[2.0]]
    assert strip.get_title(loc="left") == "▲ no collapse within the depth (3); × diverged or missing (2)"
    plt.close(figure)


def test_near_the_edge_the_correlation_length_has_no_end_but_the_axis_has():
    near = make_cube(MEASURED)
    near["xi_c"][3] = 5000.0
    near["xi_c"][2] = np.inf
    figure = draw("collapse", {"a": near})
    strip, right_strip, *_ = panels(figure)
    (further,) = [line for line in strip.lines if line.get_marker() == ">" and len(line.get_xdata())]
    assert further.get_xydata().tolist() == [[12, 0]] * 2  # 6 ξ_c is three times the depth
    assert strip.get_xlim()[1] < 20
    assert strip.get_title(loc="left") == r"▲ no collapse within the depth (2); ▶ larger $\xi_c$"
    (shown,) = [line for line in right_strip.lines if line.get_marker() == "^"]
    assert shown.get_xdata().tolist() == [1.5, 2.0]
    plt.close(figure)


def test_the_published_lines_and_the_slopes_are_told():
    figure = draw("collapse", {"a": whole, "b": make_cube(MEASURED, None, architecture=RESNET)})
    *_, left, right = panels(figure)
    said = labels(figure)
    assert said[0] == (
        f"a: {SLOPE:.3g} $\\xi_c$ (8.05 to 8.95), theory 8 $\\xi_c$ (8 to 8); 2 columns, 1 more beyond the depth"
    )
    assert said[1] == r"b: mean-field theory knows no $\xi_c$"
    for factor, what in ((8.5, "where the published map collapses"), (6, "published rule of trainability")):
        assert rf"${factor:g}\,\xi_c$, {what}" in said
        lines = [line.get_xydata() for line in left.lines if line.get_color() == "crimson" and len(line.get_xdata())]
        assert any(np.allclose(line[:, 1], factor * line[:, 0]) for line in lines)
        assert any(list(line.get_ydata()) == [factor] * 2 for line in right.lines)
    assert "H$ < −12" in figure.settings
    assert "5 to 95 % of its columns" in figure.settings
    assert f"collapses after {SLOPE:.3g} ξ_c (a)" in figure.finding
    plt.close(figure)


def test_curves_are_told_apart_without_colour():
    assert len(set(collapse_figure.MARKERS)) == 6
    figure = draw("collapse", CUBES["six"])
    handles = figure.legends[0].legend_handles[:6]
    assert len({(line.get_marker(), str(line.get_linestyle())) for line in handles}) == 6
    plt.close(figure)


def test_the_rule_is_of_the_cube_and_the_curve_of_theory():
    at, xi = map_figure.correlation_length(merge({"a": whole}), "a", 0.05)
    assert len(at) == len(xi) > 100
    assert np.argmax(xi) == np.argmin(abs(at - EDGE))
    at, xi = map_figure.correlation_length(merge({"a": make_cube(MEASURED, architecture=RESNET)}), "a", 0.05)
    assert at.tolist() == list(WEIGHTS)
    assert np.isnan(xi).all()
