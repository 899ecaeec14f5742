import numpy as np

from common import ESTIMATORS, hidden_states
from infoflow.estimators import layer_range_binning


def test_bins_of_the_layer_do_not_depend_on_scale_or_on_the_other_networks():
    states = hidden_states(1, 500, 3)
    labels = np.arange(500) % 2
    options = ESTIMATORS["layer"]
    # powers of two and a shift that float32 takes without rounding, for the edges move along exactly
    batch = np.concatenate([states, 1024 * states, states / 4096])
    found = layer_range_binning.estimate(batch, labels, options, seed=0)[""]
    np.testing.assert_allclose(found.input, found.input[0], atol=1e-12)
    assert found.input[0] > 8
