"""What the variables of the calibration are."""

CUBE: dict[str, dict] = {
    "network": {"long_name": "network: name, arm of its training and seed", "units": "1"},
    "family": {"long_name": "family of the network", "units": "1"},
    "feature": {"long_name": "feature of the rule, see infoflow.modules.verdict.features", "units": "1"},
    "score": {
        "long_name": "rule, a baseline that needs none, or other draws of the same network, trained",
        "units": "1",
    },
    "baseline_name": {"long_name": "baseline", "units": "1"},
    "bound": {"long_name": "end of the 95 % interval over networks", "units": "1"},
    "learned": {"long_name": "whether the network learned when it was trained", "units": "1"},
    "features": {"long_name": "features of the untrained network, its optimiser and its budget", "units": "1"},
    "held_out_probability": {
        "long_name": "probability of learning by a rule fitted to all other families",
        "units": "1",
    },
    "held_out_probability_without_first_steps": {
        "long_name": "the same by a rule in features of the initialisation alone",
        "units": "1",
    },
    "other_draws": {"long_name": "share of the other draws of the network that learned when trained", "units": "1"},
    "baseline": {"long_name": "baseline, higher for what is more likely to learn", "units": "1"},
    "auroc": {"long_name": "probability that a network that learned scores above one that did not", "units": "1"},
    "auroc_interval": {"long_name": "95 % interval of it, over networks", "units": "1"},
    "coefficient": {"long_name": "coefficient of a feature in the rule that is fitted to all networks", "units": "1"},
}
