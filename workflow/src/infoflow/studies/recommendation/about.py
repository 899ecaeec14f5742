"""What the variables of recommendations are."""

import numpy as np

from infoflow.files.about import AXES
from infoflow.studies.recommendation.variables import MEASURED, OUTSIDE, UNKNOWN

_RANGE = "NaN where no column does"
CUBE: dict[str, dict] = {
    "experiment": {"long_name": "experiment with ground truth", "units": "1"},
    "depth": AXES["depth"],
    "initialization": {"long_name": "usual initialisation", "units": "1"},
    "range_sigma_b2": {"long_name": "sigma_b^2 of the columns that the ranges are of", "units": "1"},
    **{
        f"{start}sigma_w2_{end}": {
            "long_name": f"{what} sigma_w^2 of the grid at which at least half of the networks {how}train",
            "units": "1",
            "comment": f"{variable} >= 0.5; {_RANGE}",
        }
        for start, how, variable in (("", "", "train_probability"), ("sure_", "surely ", "train_probability_low"))
        for end, what in (("low", "smallest"), ("high", "largest"))
    },
    "best_sigma_w2": {
        "long_name": "sigma_w^2 of the column that trains deepest",
        "units": "1",
        "comment": "of columns that are equal, the one whose deepest networks train in the fewest epochs",
    },
    "best_sigma_b2": {"long_name": "its sigma_b^2", "units": "1"},
    "best_depth": {"long_name": "depth at which half of its networks train", "units": "1"},
    "best_depth_low": {"long_name": "2.5 % quantile of best_depth", "units": "1"},
    "best_depth_high": {"long_name": "97.5 % quantile of best_depth", "units": "1"},
    "deepest_depth": {
        "long_name": "depth of the deepest networks of the grid",
        "units": "1",
        "comment": "a best_depth beyond it is extrapolated",
    },
    "alike_sigma_w2_low": {
        "long_name": "smallest sigma_w^2 whose interval of the depth meets that of the best column",
        "units": "1",
    },
    "alike_sigma_w2_high": {"long_name": "largest such sigma_w^2", "units": "1"},
    "initialization_sigma_w2": {"long_name": "sigma_w^2 of the initialisation", "units": "1"},
    "initialization_sigma_b2": {"long_name": "sigma_b^2 of the initialisation", "units": "1"},
    "at_sigma_b2": {"long_name": "sigma_b^2 of the grid at which it is read off, the closest one", "units": "1"},
    "initialization_depth": {
        "long_name": "depth at which half of its networks train",
        "units": "1",
        "comment": "ln depth interpolated between neighbouring columns; NaN outside of the grid",
    },
    "initialization_depth_low": {"long_name": "2.5 % quantile of it", "units": "1"},
    "initialization_depth_high": {"long_name": "97.5 % quantile of it", "units": "1"},
    "initialization_case": {
        "long_name": "whether the initialisation lies on the grid",
        "units": "1",
        "flag_values": np.array([UNKNOWN, MEASURED, OUTSIDE], np.int8),
        "flag_meanings": "unknown measured outside",
    },
}
