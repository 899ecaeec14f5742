"""What the variables of the cube of a map are."""

from typing import Any

import numpy as np

from infoflow.studies.maps.variables import BEYOND_DEPTH, COLLAPSED, TAILS, UNKNOWN
from infoflow.studies.trainability.about import CUBE as TRAINABILITY

_FITTED = "columns (sigma_w2, sigma_b2) below the edge of chaos that collapse within the depth"
_TOO_FEW = "NaN without such columns"
_LOW, _HIGH = TAILS
_MEAN = "mean over the replicas whose probe is ok; NaN where none is, and beyond the layers of the experiment"
_MEASURED: dict[str, dict[str, Any]] = {
    "differential_entropy": {
        "long_name": "Gaussian differential entropy per pixel of the shifted, normalised reconstructions",
        "units": "1",
        "comment": f"in nats; {_MEAN}; -inf where all reconstructions of a replica agree exactly in a pixel",
    },
    "explained_variance": {
        "long_name": "explained variance R^2 of the input by its reconstruction",
        "units": "1",
        "comment": _MEAN,
    },
    "collapse_layer": {
        "long_name": "first layer whose differential_entropy is below the threshold",
        "units": "1",
        "comment": "NaN where there is none: collapse_case",
    },
    "collapse_case": {
        "long_name": "whether the column collapses within the depth",
        "units": "1",
        "flag_values": np.array([COLLAPSED, BEYOND_DEPTH, UNKNOWN], np.int8),
        "flag_meanings": "collapsed beyond_depth unknown",
        "comment": "beyond_depth: censored, in some deeper layer or never; unknown: not before its last known layer, "
        "behind which the probe diverged or is missing",
    },
    "collapse_slope": {
        "long_name": "slope of collapse_layer against xi_c, least squares through the origin",
        "units": "1",
        "comment": f"of the {_FITTED}; those that collapse beyond the depth are left out: beyond_columns; {_TOO_FEW}",
    },
    "collapse_ratio": {
        "long_name": "median of collapse_layer/xi_c",
        "units": "1",
        "comment": f"over the {_FITTED}; {_TOO_FEW}",
    },
    "collapse_ratio_low": {
        "long_name": f"{_LOW} % quantile of collapse_layer/xi_c",
        "units": "1",
        "comment": f"over the {_FITTED}; no error of the slope; {_TOO_FEW}",
    },
    "collapse_ratio_high": {
        "long_name": f"{_HIGH} % quantile of collapse_layer/xi_c",
        "units": "1",
        "comment": f"over the {_FITTED}; no error of the slope; {_TOO_FEW}",
    },
    "fitted_columns": {"long_name": f"number of {_FITTED}", "units": "1"},
    "beyond_columns": {
        "long_name": "number of columns below the edge of chaos that do not collapse within the depth",
        "units": "1",
    },
}
CUBE: dict[str, dict[str, Any]] = {
    **{name: TRAINABILITY[name] for name in ("sigma_w2", "sigma_b2", "sigma_w", "sigma_b", "layer")},
    **{name: TRAINABILITY[name] for name in ("xi_c", "edge_of_chaos")},
    "experiment": {"long_name": "experiment that the map is of", "units": "1"},
    "dataset": {"long_name": "data set of the experiment", "units": "1"},
    "architecture": {"long_name": "architecture of the experiment", "units": "1"},
    "method": {"long_name": "method of probing of the experiment", "units": "1"},
    "layers": {"long_name": "number of hidden layers of the experiment's networks", "units": "1"},
    "replicas": {"long_name": "number of independent random networks of every column", "units": "1"},
    "threshold": {
        "long_name": "differential entropy below which a layer counts as collapsed",
        "units": "1",
        "comment": "in nats",
    },
    "published_collapse": {
        "long_name": "collapse_layer/xi_c in the map of the published implementation, MNIST",
        "units": "1",
    },
    "published_rule": {
        "long_name": "depth/xi_c up to which networks are trainable by the published rule",
        "units": "1",
    },
    **_MEASURED,
    **{
        f"theory_{name}": {
            **known,
            "long_name": f"{known['long_name']}, theory of infinite width",
            "comment": "; ".join(
                [*([known["comment"]] if "comment" in known else []), "without theory of the architecture NaN, unknown"]
            ),
        }
        for name, known in _MEASURED.items()
    },
}
