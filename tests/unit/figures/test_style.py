import numpy as np
import xarray as xr
from matplotlib.colors import to_rgba

from infoflow.figures.chosen import evenly
from infoflow.figures.style import (
    CATEGORIES,
    ENTROPY_FLOOR,
    NORMS,
    R2_COLOURS,
    cell_edges,
    finite_entropy,
    name_point,
    over_replicas,
    phase,
)


def lightness(colour) -> float:
    red, green, blue, _ = to_rgba(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_cells_meet_halfway_and_end_at_their_samples():
    assert cell_edges([1.0, 2.0, 4.0]).tolist() == [1.0, 1.5, 3.0, 4.0]
    assert cell_edges([1.0, 2.0]).tolist() == [1.0, 1.5, 2.0]
    assert cell_edges([3.0]).tolist() == [2.5, 3.5]


def test_the_variance_has_other_colours_below_zero_and_grows_lighter_throughout():
    shades = [lightness(R2_COLOURS(x)) for x in np.linspace(0, 1, 50)]
    assert np.diff(shades).min() > -0.02
    below, above = (to_rgba(R2_COLOURS(x)) for x in (0.45, 0.55))
    assert below[0] > below[2]
    assert above[0] < above[2]
    assert NORMS["explained_variance"][1](0.0) == 0.5


def test_categories_are_told_apart_in_grey_or_by_their_shapes():
    for k, one in enumerate(CATEGORIES):
        for other in CATEGORIES[:k]:
            assert one["marker"] != other["marker"]
            assert one["linestyle"] != other["linestyle"]


def test_some_items_are_spread_over_all():
    assert evenly(range(90), 4) == [0, 30, 59, 89]
    assert evenly([1, 2], 4) == [1, 2]


def test_phases():
    assert [phase(w, 1.76, [1.0, 1.76, 3.0]) for w in (1.0, 1.76, 3.0)] == ["ordered", "critical", "chaotic"]
    # the closest value is not critical if it is not close
    assert phase(1.0, 1.76, [1.0, 4.0]) == "ordered"
    assert name_point(1.0, 1.76, [1.0, 4.0]).endswith("= 1 (ordered)")
    # without an edge there is none
    assert name_point(1.0, np.nan, [1.0, 4.0]).endswith("= 1")


def test_a_single_replica_has_no_spread():
    values = xr.DataArray([[1.0, 2.0], [3.0, 6.0]], dims=("replica", "layer"))
    mean, deviation = over_replicas(values)
    assert (mean.values.tolist(), deviation.values.tolist()) == ([2.0, 4.0], [2**0.5, 8**0.5])
    mean, deviation = over_replicas(values[:1])
    assert (mean.values.tolist(), deviation.values.tolist()) == ([1.0, 2.0], [0.0, 0.0])


def test_an_entropy_without_bound_is_drawn_at_the_floor():
    drawn = finite_entropy(xr.DataArray([-np.inf, ENTROPY_FLOOR - 1, 0.5, np.nan]))
    np.testing.assert_array_equal(drawn, [ENTROPY_FLOOR, ENTROPY_FLOOR, 0.5, np.nan])
