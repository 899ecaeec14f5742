import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from infoflow.estimators import range_binning


@given(
    st.lists(st.floats(-3, 3, width=32), min_size=1, max_size=50),
    st.integers(2, 40),
    st.floats(-2, 0),
    st.floats(0.01, 2),
)
def test_bins_are_those_of_digitize(values, bins, low, width):
    edges = np.linspace(low, low + width, bins)
    t = np.array([*values, *edges], np.float32)[:, None]
    out = np.empty(t.shape, np.int64)
    range_binning.bins_of(t, edges, out)
    np.testing.assert_array_equal(out, np.digitize(t.astype(np.float64), edges))


def test_bins_beyond_the_range_are_bins_of_their_own():
    t = np.array([-5, -1.01, -1, 0.999, 1, 3e38], np.float32)[:, None]
    out = np.empty(t.shape, np.int64)
    range_binning.bins_of(t, np.linspace(-1, 1, 30), out)
    assert out[:, 0].tolist() == [0, 0, 1, 29, 30, 30]
