"""What the axes of cubes are, and the flags that they share."""

import numpy as np

from infoflow.files.conventions import DIVERGED, MISSING, OK

STATUS = {
    "units": "1",
    "flag_values": np.array([OK, DIVERGED, MISSING], np.int8),
    "flag_meanings": "ok diverged missing",
}

AXES: dict[str, dict] = {
    "sigma_w2": {"long_name": "variance of the weights times the fan-in, sigma_w^2", "units": "1"},
    "sigma_b2": {"long_name": "variance of the biases, sigma_b^2", "units": "1"},
    "sigma_w": {"long_name": "square root of sigma_w2", "units": "1"},
    "sigma_b": {"long_name": "square root of sigma_b2", "units": "1"},
    "depth": {"long_name": "depth of the network, as its architecture counts it", "units": "1"},
    "replica": {"long_name": "index of the independent random network", "units": "1"},
    "layer": {"long_name": "hidden layer, counted from 1", "units": "1"},
    "score": {"long_name": "score of trainability, higher meaning more likely trainable", "units": "1"},
}
