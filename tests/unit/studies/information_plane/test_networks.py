"""Names of networks."""

import re

from infoflow.files.names import NETWORK
from infoflow.studies.information_plane.networks import TrainedNetwork, name_widths


def test_equal_widths_are_counted():
    assert name_widths([10, 7, 7, 7, 5]) == "10-3x7-5"
    assert name_widths([10, 7, 5]) == "10-7-5"


def test_a_name_says_every_setting_and_is_one_for_files(tanh, deeper):
    assert tanh.name == "tanh_4-3_f0.8_adam0.01_gaussian_w1.5_b0.05"
    assert deeper.name == "relu_4-2x3_f0.5_sgd0.1_truncated_w1.0_b0.0"
    for network in (tanh, deeper):
        assert re.fullmatch(NETWORK, network.name)


def test_the_options_make_the_network_again(deeper):
    options = deeper.options()
    assert options["hidden"] == [4, 3, 3]
    assert TrainedNetwork(**options | {"hidden": tuple(options["hidden"])}) == deeper
