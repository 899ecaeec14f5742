import numpy as np
import xarray as xr

from infoflow.figures.style import (
    ENTROPY_FLOOR,
    cell_edges,
    colour_limits,
    finite_entropy,
    name_point,
    over_replicas,
    phase,
)


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
