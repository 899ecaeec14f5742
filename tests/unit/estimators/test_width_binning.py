import numpy as np
import pytest

from common import ESTIMATORS
from infoflow.estimators import width_binning


def test_widths_that_are_lost_in_the_values_only_tell_apart_what_differs():
    states = np.array([1e30, 1e30, -1e30, 0, 1e-3, 3e38], np.float32)[:, None]
    found = width_binning.estimate(states[None], np.zeros(6, int), ESTIMATORS["width"], seed=0)[""]
    assert found.input[0] == pytest.approx(np.log2(6) - 4 / 6, abs=1e-12)  # two pairs, two alone
