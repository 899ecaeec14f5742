"""What the variables of the results and of the cube of the probing budget are."""

import numpy as np

from infoflow.files.conventions import POINT
from infoflow.studies.trainability.about import CUBE as TRAINABILITY

PROBED: dict[str, dict] = {
    "width": {"long_name": "units of every hidden layer; the last one is the experiment's own", "units": "1"},
    "layer_score": {
        "long_name": "score of a hidden layer",
        "units": "1",
        "comment": "entropies in nats; NaN from the layer on whose reconstruction or loss is not finite, and with the "
        "most samples after fewer steps in narrower networks, which are not computed",
    },
    "fit_seconds": {"long_name": "seconds of drawing the networks and of finding their inverses", "units": "s"},
    "compose_seconds": {"long_name": "seconds of reconstructing the evaluation samples from all layers", "units": "s"},
    "evaluate_seconds": {"long_name": "seconds of the scores of all layers", "units": "s"},
    "steps": {
        "long_name": "steps of the optimiser",
        "units": "1",
        "comment": "1 for a method that solves equations",
    },
    "training_images": {"long_name": "training images that the inverses are found with", "units": "1"},
}
"""Of `probe_budget`."""

_NOT_COMPUTED = "NaN with the most samples after fewer steps in narrower networks, which are not computed"
_UNDEFINED = f"NaN if all networks are trainable or none is; {_NOT_COMPUTED}"
_INTERVAL = f"columns and replicas drawn; {_UNDEFINED}"
_CHOICE = (
    "the cheapest of many settings that seem good enough: its cost is rather too low than too high; see the interval"
)
CUBE: dict[str, dict] = {
    **{
        name: TRAINABILITY[name]
        for name in (*POINT, "sigma_w", "sigma_b", "replica", "score", "trainable", "train_seconds")
    },
    "probe_method": {"long_name": "method that finds the reconstruction networks", "units": "1"},
    **{name: PROBED[name] for name in ("width", "steps", "training_images")},
    "fraction": {
        "long_name": "fraction of the steps of the probe, or of its images without steps",
        "units": "1",
    },
    "samples": {"long_name": "evaluation samples", "units": "1"},
    "criterion": {
        "long_name": "when a setting is sufficient",
        "units": "1",
        "comment": "estimate: auroc_loss is at most the tolerance; confident: auroc_loss_high is",
    },
    "prediction_score": {
        "long_name": "score of the last hidden layer",
        "units": "1",
        "comment": f"NaN where a reconstruction or a loss of the network's own layers is not finite; {_NOT_COMPUTED}",
    },
    "networks": {"long_name": "number of networks that auroc is computed from", "units": "1"},
    "auroc": {
        "long_name": "area under the ROC curve of the score against trainable",
        "units": "1",
        "comment": _UNDEFINED,
    },
    "auroc_low": {"long_name": "2.5 % bootstrap quantile of auroc", "units": "1", "comment": _INTERVAL},
    "auroc_high": {"long_name": "97.5 % bootstrap quantile of auroc", "units": "1", "comment": _INTERVAL},
    "auroc_loss": {
        "long_name": "auroc of the full probe of the same method less auroc",
        "units": "1",
        "comment": _UNDEFINED,
    },
    "auroc_loss_low": {
        "long_name": "2.5 % bootstrap quantile of auroc_loss",
        "units": "1",
        "comment": f"both on the same resample; {_INTERVAL}",
    },
    "auroc_loss_high": {
        "long_name": "97.5 % bootstrap quantile of auroc_loss",
        "units": "1",
        "comment": f"both on the same resample; {_INTERVAL}",
    },
    "sufficient_share": {
        "long_name": "share of the resamples in which auroc_loss is at most the tolerance",
        "units": "1",
        "comment": _UNDEFINED,
    },
    "sufficient": {
        "long_name": "whether the setting keeps the area under the ROC curve of the full probe",
        "units": "1",
        "flag_values": np.array([-1, 0, 1], np.int8),
        "flag_meanings": "undefined no yes",
        "comment": "by the criterion; and of as many networks as the full probe",
    },
    "fit_seconds": {"long_name": "seconds of drawing networks and finding their inverses, all columns", "units": "s"},
    "compose_seconds": {
        "long_name": "seconds of reconstructing the evaluation samples, all columns",
        "units": "s",
        "comment": _NOT_COMPUTED,
    },
    "evaluate_seconds": {
        "long_name": "seconds of the scores of all layers, all columns",
        "units": "s",
        "comment": _NOT_COMPUTED,
    },
    "cost_seconds": {
        "long_name": "seconds of probing and scoring all columns and replicas",
        "units": "s",
        "comment": _NOT_COMPUTED,
    },
    "relative_cost": {
        "long_name": "cost_seconds over those of the full probe of the same method",
        "units": "1",
        "comment": _NOT_COMPUTED,
    },
    "training_cost": {
        "long_name": "cost_seconds over the seconds of fully training all networks",
        "units": "1",
        "comment": f"NaN where no seconds of training are known; {_NOT_COMPUTED}",
    },
    "cheapest_width": {
        "long_name": "width of the cheapest sufficient setting",
        "units": "1",
        "comment": f"0 if undefined; {_CHOICE}",
    },
    "cheapest_fraction": {
        "long_name": "fraction of the cheapest sufficient setting",
        "units": "1",
        "comment": f"NaN if undefined; {_CHOICE}",
    },
    "cheapest_samples": {
        "long_name": "samples of the cheapest sufficient setting",
        "units": "1",
        "comment": f"0 if undefined; {_CHOICE}",
    },
    "cheapest_relative_cost": {
        "long_name": "relative cost of the cheapest sufficient setting",
        "units": "1",
        "comment": f"NaN if undefined; {_CHOICE}",
    },
    "cheapest_relative_cost_low": {
        "long_name": "2.5 % bootstrap quantile of the cost of the setting that is the cheapest sufficient one",
        "units": "1",
        "comment": "that of each resample by its own estimate; NaN if undefined, and for the criterion confident",
    },
    "cheapest_relative_cost_high": {
        "long_name": "97.5 % bootstrap quantile of the cost of the setting that is the cheapest sufficient one",
        "units": "1",
        "comment": "that of each resample by its own estimate; NaN if undefined, and for the criterion confident",
    },
}
"""Of the cube."""
