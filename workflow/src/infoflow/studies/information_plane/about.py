"""What the variables of the results and of the cube of the information plane are."""

from infoflow.files.about import STATUS
from infoflow.studies.information_plane.variables import RECONSTRUCTED
from infoflow.studies.trainability.about import CUBE as TRAINABILITY

_UNKNOWN = "NaN from where a network diverged, and in layers that it does not have"
_NOISE = "estimate; what the estimator adds to T, noise or bins, is in estimator_constants"
_BY_MINI_BATCHES = "over the mini-batches of an epoch, the network held as it is; weights without biases"


def _about(title: str, units: str = "1", comment: str = "") -> dict[str, str]:
    return {"long_name": title, "units": units} | ({"comment": comment} if comment else {})


CUBE: dict[str, dict] = {
    "network": _about("network, by its settings"),
    "estimator": _about("estimator of information, by its name in the config"),
    "estimator_kind": _about("what the estimator does"),
    "estimator_constants": _about("constants of the estimator", comment="JSON"),
    "replica": TRAINABILITY["replica"],
    "epoch": _about("epochs of training", comment="0: the untrained network"),
    "layer": _about("layer, counted from 1: hidden layers, then the output"),
    "activation": _about("activation of the hidden layers"),
    "hidden": _about("widths of the hidden layers", comment="10x32: ten layers of 32 units"),
    "hidden_layers": _about("number of hidden layers"),
    "train_fraction": _about("share of the samples that are trained on"),
    "optimizer": _about("how the weights are changed"),
    "learning_rate": _about("learning rate"),
    "initialization": _about(
        "distribution of the untrained weights", comment="truncated_normal: cut off at two standard deviations"
    ),
    "sigma_w2": TRAINABILITY["sigma_w2"],
    "sigma_b2": TRAINABILITY["sigma_b2"],
    "input_information": _about("mutual information of layer and input, I(X;T)", "bit", f"{_NOISE}; {_UNKNOWN}"),
    "label_information": _about("mutual information of layer and label, I(T;Y)", "bit", f"{_NOISE}; {_UNKNOWN}"),
    "relative_entropy": _about(
        "relative entropy D(input || reconstruction), mean over samples", comment=f"in nats; hidden layers; {_UNKNOWN}"
    ),
    "differential_entropy": TRAINABILITY["differential_entropy"]
    | {"comment": f"in nats; -inf where all reconstructions agree exactly in a pixel; hidden layers; {_UNKNOWN}"},
    "explained_variance": TRAINABILITY["explained_variance"] | {"comment": f"hidden layers; {_UNKNOWN}"},
    "train_accuracy": _about("accuracy on the samples that are trained on"),
    "test_accuracy": _about("accuracy on the other samples", comment="NaN if there are none"),
    "train_loss": _about("mean cross-entropy of the samples that are trained on", comment="in nats"),
    "test_loss": _about("mean cross-entropy of the other samples", comment="in nats; NaN if there are none"),
    "gradient_mean": _about("norm of the mean gradient of the weights into a layer", comment=_BY_MINI_BATCHES),
    "gradient_spread": _about(
        "root of the trace of the covariance of that gradient",
        comment=f"{_BY_MINI_BATCHES}; NaN if there is but one mini-batch",
    ),
    "gradient_snr": _about(
        "gradient_mean over gradient_spread", comment="above 1: drift, below: diffusion; NaN if there is no spread"
    ),
    "weight_norm": _about("Frobenius norm of the weights into a layer"),
    "status": {"long_name": "outcome of the training", **STATUS},
    "layer_width": _about("units of a layer", comment="0: there is no such layer"),
    "train_seconds": _about("seconds of training all replicas", "s"),
    "information_seconds": _about("seconds of estimating information, all replicas and epochs", "s"),
    "reconstruction_seconds": _about("seconds of reconstructing, all replicas and epochs", "s"),
    "input_entropy": _about("entropy of the input, H(X)", "bit", "all samples are equally likely"),
    "label_entropy": _about("entropy of the label, H(Y)", "bit"),
    **{name: TRAINABILITY[name] for name in ("chi_1", "xi_c", "edge_of_chaos")},
}
"""Of the cube."""

_PARTS = "of the training part and of the rest of the samples"
SNAPSHOTS: dict[str, dict] = {
    "epoch": _about("epochs of training", comment="0, the untrained network"),
    "parameters": _about("weights and biases", comment="layer by layer"),
    "accuracy": _about("share classified correctly", comment=_PARTS),
    "loss": _about("mean cross-entropy", comment=f"in nats; {_PARTS}"),
    "gradient_mean": _about("norm of the mean gradient of the weights"),
    "gradient_spread": _about("spread of that gradient over the mini-batches"),
    "weight_norm": _about("Frobenius norm of the weights"),
    "diverged": _about("whether parameters became NaN or infinite"),
}
"""Of `train_snapshots`."""

MEASURED: dict[str, dict] = {
    "input_information": _about("estimated mutual information of a layer and the input, I(X;T)", "bit"),
    "label_information": _about("estimated mutual information of a layer and the label, I(T;Y)", "bit"),
    **{name: _about(f"{name.replace('_', ' ')} of the reconstruction") for name in RECONSTRUCTED},
    "label_counts": _about("samples of a class"),
}
"""Of `measure_information`."""
