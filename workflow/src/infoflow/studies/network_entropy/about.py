"""What the variables of the results and of the cube of the relative entropy through networks are."""

import numpy as np

from infoflow.files.about import STATUS
from infoflow.studies.network_entropy.variables import ABSENT, DIFFERS, SAME
from infoflow.studies.trainability.about import CUBE as TRAINABILITY

_UNKNOWN = "NaN where status is not ok, and in layers that a network does not have"
MEASURED: dict[str, dict] = {
    "relative_entropy": {
        "long_name": "D_m between the pre-activations of layer 1 and of layer m + 1, as published",
        "units": "1",
        "comment": "in nats; not a true relative entropy: q is evaluated on variables pushed forward, so that it is "
        "negative where the variance falls with the layer; zero in layer 1; no measure of distance in layers whose "
        f"layer_width differs from that of layer 1; {_UNKNOWN}",
    },
    "sampling_error": {
        "long_name": "standard error of relative_entropy from the finite number of samples",
        "units": "1",
        "comment": f"in nats; the spread over networks is larger, about sqrt(width / 2); zero in layer 1; {_UNKNOWN}",
    },
    "gaussian_divergence": {
        "long_name": "true relative entropy of the Gaussians of layer 1 and of the layer, both of layer 1's width",
        "units": "1",
        "comment": f"in nats; a true relative entropy, never negative; {_UNKNOWN}",
    },
    "pre_activation_mean": {
        "long_name": "mean of the pre-activations across neurons, of one image",
        "units": "1",
        "comment": _UNKNOWN,
    },
    "pre_activation_variance": {
        "long_name": "variance of the pre-activations across neurons, of one image, about their mean",
        "units": "1",
        "comment": _UNKNOWN,
    },
    "excess_kurtosis": {
        "long_name": "excess kurtosis of the pre-activations across neurons, of one image",
        "units": "1",
        "comment": f"zero for a Gaussian; {_UNKNOWN}",
    },
    "histogram": {
        "long_name": "probability density of (z - mean)/standard deviation of the pre-activations, of all images",
        "units": "1",
        "comment": f"what lies beyond the bins is counted, but not shown; {_UNKNOWN}",
    },
    "mean_square_input": {"long_name": "mean square of the pixels of the image", "units": "1"},
    "layer_width": {"long_name": "number of neurons of the layer", "units": "1"},
    "status": {
        "long_name": "outcome for the network",
        **STATUS,
        "comment": "missing: not asked for; diverged: parameters or results that are not finite",
    },
    "accuracy": {
        "long_name": "accuracy of the trained network on the test set, after its last epoch",
        "units": "1",
        "comment": "NaN where the trained network is missing or diverged before an epoch ended",
    },
}
"""Of `network_entropy`."""

_NO_THEORY = "NaN for activations that there is no theory for, and where the variance has several fixed points"
_OF_WIDTH = f"in layers whose width differs from that of layer 1, and where there are none; {_NO_THEORY}"
CUBE: dict[str, dict] = {
    **{name: TRAINABILITY[name] for name in ("sigma_w2", "sigma_b2", "sigma_w", "sigma_b", "depth", "replica")},
    **{name: TRAINABILITY[name] | {"comment": _NO_THEORY} for name in ("q_star", "chi_1", "c_star", "chi_c")},
    "xi_c": TRAINABILITY["xi_c"] | {"comment": f"in layers; inf at the edge; {_NO_THEORY}"},
    "xi_q": TRAINABILITY["xi_q"] | {"comment": f"in layers; {_NO_THEORY}"},
    "edge_of_chaos": TRAINABILITY["edge_of_chaos"] | {"comment": _NO_THEORY},
    "xi_published": {
        "long_name": "1/|ln chi_1| with q* from a linear interpolation of V(q), as published",
        "units": "1",
        "comment": f"in layers; that of gradients beyond the edge of chaos, where xi_c differs; {_NO_THEORY}",
    },
    "network": {"long_name": "whether the network is as it was drawn, or trained", "units": "1"},
    "image": {"long_name": "image, in the fixed order of evaluation", "units": "1"},
    "layer": {"long_name": "layer, counted from 1: hidden layers, then those of the readout head; m + 1", "units": "1"},
    "bin": {"long_name": "centre of the bin, in standard deviations from the mean", "units": "1"},
    **MEASURED,
    "layer_width": MEASURED["layer_width"] | {"comment": "0: there is no such layer"},
    "layer_case": {
        "long_name": "whether the layer has as many neurons as layer 1",
        "units": "1",
        "flag_values": np.array([SAME, DIFFERS, ABSENT], np.int8),
        "flag_meanings": "same differs absent",
        "comment": "where they differ, relative_entropy is no measure of distance",
    },
    "hidden_layers": {"long_name": "number of hidden layers", "units": "1"},
    "closed_form": {
        "long_name": "D_m of a network of infinite width, (N/2) ln(q^l/q^1), N the width of layer 1",
        "units": "1",
        "comment": f"in nats; mean-field recursion of the image's own mean square; NaN {_OF_WIDTH}",
    },
    "asymptote": {
        "long_name": "(N/2) ln(q*/q^1), N the width of layer 1",
        "units": "1",
        "comment": f"in nats; negative for images so bright that q^1 > q*; NaN {_OF_WIDTH}",
    },
    "collapse": {
        "long_name": "relative_entropy over asymptote, each averaged over replicas and images",
        "units": "1",
        "comment": "against scaled_layer networks of all variances come close to each other; without meaning where the "
        f"mean asymptote is close to zero; NaN {_OF_WIDTH}, and where no network is ok",
    },
    "scaled_layer": {"long_name": "m/xi_q", "units": "1", "comment": _NO_THEORY},
    "entropy_seconds": {"long_name": "seconds of measuring all replicas and images; NaN where missing", "units": "s"},
    "train_seconds": {
        "long_name": "seconds of training all replicas; NaN where missing",
        "units": "s",
        "comment": "zero without training",
    },
}
"""Of the cube."""
