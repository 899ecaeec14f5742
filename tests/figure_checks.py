"""What every figure has to be: whole, readable at the width of a page, and told apart in grey."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from common import assert_nothing_beyond_the_edges

COLUMN = 830 / 96
"""Inches of the column of README, at 96 pixels to the inch."""
SMALLEST = 7.0
"""Points of the smallest letters there."""
APART = 0.12
"""Of lightness, between 0 and 1."""
COVERED = 0.02
"""Share of the plotted points that a legend within the axes may cover."""


def assert_readable(figure: Figure) -> None:
    """That a figure, laid out, can be read in a column of 830 pixels, in grey, and says what it shows."""
    assert figure.finding, "it says nothing"
    assert not figure.finding.endswith(".")
    assert 1 <= figure.caption.count(". ") + figure.caption.endswith(".") <= 4, figure.caption
    assert "$" not in figure.finding + figure.caption, "formulas are no plain text"
    figure.draw_without_rendering()
    assert_nothing_beyond_the_edges(figure)
    _assert_letters(figure)
    _assert_heading(figure)
    _assert_legends(figure)
    _assert_grey(figure)
    _assert_margin(figure)


def _assert_letters(figure: Figure) -> None:
    scale = min(1.0, COLUMN / figure.get_figwidth())
    small = {
        text.get_text(): text.get_fontsize() * scale
        for text in figure.findobj(Text)
        if text.get_visible() and text.get_text().strip() and text.get_fontsize() * scale < SMALLEST
    }
    assert small == {}


def _assert_heading(figure: Figure) -> None:
    """Heading and settings lie over nothing, and not over each other."""
    own = [text for text in {figure._suptitle, *figure.texts} if text and text.get_text().strip()]
    titles = [t for ax in figure.axes for t in (ax.title, ax._left_title, ax._right_title) if t.get_text().strip()]
    boxes = {text: text.get_window_extent().padded(-1) for text in (*own, *titles)}
    pairs = [(one, other) for one in own for other in boxes if one is not other]
    assert [(a.get_text(), b.get_text()) for a, b in pairs if boxes[a].overlaps(boxes[b])] == []


def _assert_legends(figure: Figure) -> None:
    """Legends lie neither over many of the points nor over the names of the axes."""
    labels = [label for ax in figure.axes if ax.get_visible() for label in (ax.xaxis.label, ax.yaxis.label)]
    boxes = {label.get_text(): label.get_window_extent().padded(-1) for label in labels if label.get_text().strip()}
    for legend in [*figure.legends, *(ax.get_legend() for ax in figure.axes if ax.get_legend())]:
        whole = legend.get_window_extent()
        assert [name for name, box in boxes.items() if whole.overlaps(box)] == []
    for ax in figure.axes:
        legend = ax.get_legend()
        points = _points(ax)
        if legend is not None and len(points):
            covered = legend.get_window_extent().contains
            assert np.mean([covered(*point) for point in points]) <= COVERED, ax.get_title()


def _points(ax) -> np.ndarray:
    """Of lines with markers, of scattered symbols and of curves, in pixels, within the axes."""
    found = [line.get_transform().transform(line.get_xydata()) for line in ax.lines if len(line.get_xydata()) > 2]
    found += [c.get_offset_transform().transform(c.get_offsets()) for c in ax.collections if type(c) is PathCollection]
    points = np.concatenate([np.empty((0, 2)), *found])
    inside = ax.bbox
    return np.array([p for p in points if np.isfinite(p).all() and inside.contains(*p)])


def _assert_grey(figure: Figure) -> None:
    """Lines that a legend tells apart differ in lightness, in their style or in their symbols."""
    for legend in [*figure.legends, *(ax.get_legend() for ax in figure.axes if ax.get_legend())]:
        lines = [line for line in legend.get_lines() if line.get_label() and not _of_a_scale(line)]
        for one, other in itertools.combinations(lines, 2):
            shapes = [
                (str(line._unscaled_dash_pattern), line.get_marker(), line.get_fillstyle()) for line in (one, other)
            ]
            faces = [str(line.get_markerfacecolor()) in ("white", "none") for line in (one, other)]
            widths = [line.get_linewidth() for line in (one, other)]
            alike = shapes[0] == shapes[1] and faces[0] == faces[1] and widths[0] == widths[1]
            apart = abs(_lightness(one.get_color()) - _lightness(other.get_color()))
            assert not alike or apart >= APART, (one.get_label(), other.get_label())


def _of_a_scale(line) -> bool:
    """Whether it is one of a sequence of values: neighbours on viridis, in order, are read by their order."""
    scale = plt.get_cmap("viridis")(np.linspace(0, 1, 256))
    return float(np.abs(scale - to_rgba(line.get_color())).max(1).min()) < 0.01


def _lightness(colour) -> float:
    red, green, blue, _ = to_rgba(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _assert_margin(figure: Figure) -> None:
    """In grey, reduced to the width of the column, there is no ink on the border."""
    figure.canvas.draw()
    drawn = Image.fromarray(np.asarray(figure.canvas.buffer_rgba())).convert("L")
    width = min(830, drawn.width)
    grey = np.asarray(drawn.resize((width, round(drawn.height * width / drawn.width)), Image.Resampling.LANCZOS))
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    assert border.min() > 200, "there is ink on the border"
    assert np.ptp(grey) > 100, "there is nothing to see"
