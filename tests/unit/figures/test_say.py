import itertools

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import pytest

from common import assert_nothing_beyond_the_edges
from infoflow.figures.say import FINDING, SETTINGS, interval, listed, say, settle, typeset
from infoflow.figures.style import STYLE


@pytest.mark.parametrize("width", [4, 9.8])
@pytest.mark.parametrize("settings", ["", "mnist, mlp, 3 replicas, σ_b² = 0.05; " * 4])
def test_the_heading_fits_and_the_settings_are_smaller(width, settings):
    with plt.rc_context(STYLE):
        figure, ax = plt.subplots(figsize=(width, 3))
        ax.set_title("a panel")
        say(figure, "H of σ_w² = 1.76 " + "tells which networks train " * 4, "A caption.", settings)
        settle(figure)
        figure.draw_without_rendering()
        assert_nothing_beyond_the_edges(figure)
        heading = figure._suptitle
        below = [text for text in figure.texts if text is not heading]
        assert [t.get_fontsize() for t in below] == ([SETTINGS] if settings else [])
        assert heading.get_fontsize() == FINDING
        boxes = [t.get_window_extent() for t in (heading, *below, ax.title)]
        assert all(upper.y0 >= lower.y1 - 1 for upper, lower in itertools.pairwise(boxes))
        plt.close(figure)


def test_numbers_are_said_with_their_interval():
    assert interval(0.5, 0.25, 0.75, 2) == "0.50 [0.25, 0.75]"
    assert interval(-0.5, float("nan"), 1.0) == "−0.500"
    assert [listed(parts) for parts in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]
    assert typeset("ξ_c of σ_w²") == r"$\xi_c$ of $\sigma_w^2$"
