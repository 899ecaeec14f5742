"""What the variables of the results and of the cube of trainability are."""

import numpy as np

from infoflow.files.about import AXES, STATUS
from infoflow.reconstruction.cases import SATURATION_CASES
from infoflow.studies.trainability.variables import ESTIMATED, INFERRED, NOT_KNOWN, PICTURE_LEVELS
from infoflow.studies.trainability.variables import TRAINED as TRAINED_SOURCE

_PLAIN = {"units": "1"}
_PICTURE = {"units": "1", "scale_factor": 1 / PICTURE_LEVELS}
PROBED: dict[str, dict] = {
    "reconstructions": {"long_name": "reconstructions of the evaluation set by the composed cascades", **_PLAIN},
    "losses": {"long_name": "mean squared error of the reconstruction networks", **_PLAIN},
    "pre_activation_moments": {"long_name": "mean squared pre-activation of the frozen network", **_PLAIN},
    "evaluation_images": {"long_name": "evaluation set", **_PLAIN},
    "channels": {
        "long_name": "reconstructions of the first images of the evaluation set from single channels",
        **_PLAIN,
    },
}
"""Of `probe_cascade` and `probe_ridge`."""

PICTURES: dict[str, dict] = {
    "pictures": {"long_name": "reconstructions of some images, to look at; cut to [-1, 1]", **_PICTURE},
    "inputs": {"long_name": "these images", **_PICTURE},
    "channel_pictures": {
        "long_name": "reconstructions of some images from single channels, contrast stretched",
        **_PICTURE,
    },
}

_UNKNOWN = "NaN where probe_status is not ok"
EVALUATED: dict[str, dict] = {
    "relative_entropy": {
        "long_name": "relative entropy D(input || reconstruction), quantiles over samples",
        "units": "1",
        "comment": f"in nats; {_UNKNOWN}",
    },
    "relative_entropy_mean": {
        "long_name": "relative entropy D(input || reconstruction), mean over samples",
        "units": "1",
        "comment": f"in nats; {_UNKNOWN}",
    },
    "differential_entropy": {
        "long_name": "Gaussian differential entropy per pixel of the shifted, normalised reconstructions",
        "units": "1",
        "comment": f"in nats; -inf where all reconstructions agree exactly in a pixel; {_UNKNOWN}",
    },
    "explained_variance": {
        "long_name": "explained variance R^2 of the input by its reconstruction",
        "units": "1",
        "comment": _UNKNOWN,
    },
    "reconstruction_loss": {
        "long_name": "mean squared error of the layer's own reconstruction, last tenth of the steps",
        "units": "1",
        "comment": _UNKNOWN,
    },
    "pre_activation_variance": {
        "long_name": "mean squared pre-activation of the first evaluation image",
        "units": "1",
        "comment": _UNKNOWN,
    },
    "constant_states": {
        "long_name": "whether the states of the layer are equal for all samples",
        "units": "1",
        "flag_values": np.array([-1, 0, 1], np.int8),
        "flag_meanings": "missing different equal",
        "comment": "to the last digit of their number format; the reconstruction is then the mean of the fit samples, "
        "differential_entropy -inf",
    },
    "saturation_depth": {
        "long_name": "saturation depth",
        "units": "1",
        "comment": "in layers; 0 if never informative, NaN if not saturated within the depth or unknown: "
        "saturation_case; in a cube that of the deepest network of the grid whose layers are all ok",
    },
    "saturation_case": {
        "long_name": "which case the saturation depth is",
        "units": "1",
        "flag_values": np.arange(-1, len(SATURATION_CASES), dtype=np.int8),
        "flag_meanings": " ".join(("missing", *SATURATION_CASES)),
    },
    "probe_status": {
        "long_name": "outcome of the probe",
        "comment": "diverged from the first layer on that has a number that is not finite; what is behind a layer does "
        "not matter to it; missing also in layers beyond the probed depth",
        **STATUS,
    },
}
"""Of the rules whose results are curves, and of the cube; each has those that it can tell."""

FIRST_IMAGE = {
    "long_name": "first image of the evaluation set, whose pre-activation variance is recorded",
    **_PLAIN,
}

TRAINED: dict[str, dict] = {
    "accuracy": {"long_name": "accuracy on the test set after each epoch", **_PLAIN},
    "loss": {"long_name": "mean training loss of each epoch", **_PLAIN, "comment": "in nats"},
    "status": {"long_name": "outcome at each learning rate; missing: not tried", **STATUS},
    "seconds": {"long_name": "seconds of the training", "units": "s"},
}
"""Of `train_network`."""

SEARCHED: dict[str, dict] = {
    **TRAINED,
    "depth": {"long_name": "depth of the networks", **_PLAIN},
    "order": {"long_name": "number of the training in the search, from 0; -1, not trained", **_PLAIN},
}
"""Of `search_boundary`."""

SCORED: dict[str, dict] = {
    "depth": {"long_name": "depth of the networks", **_PLAIN},
    "score": {"long_name": "score, larger meaning more likely trainable", **_PLAIN},
    "raw": {"long_name": "the quantity as the literature has it", **_PLAIN},
    "seconds": {"long_name": "seconds of scoring all replicas", "units": "s"},
    "memory": {"long_name": "by how much the memory in use grew at most", "units": "byte"},
}
"""Of `score_predictor`."""

EXPLAINED: dict[str, dict] = {
    **PICTURES,
    "labels": {"long_name": "classes of the inputs", **_PLAIN},
    "predictions": {"long_name": "class that the network takes the input for", **_PLAIN},
    "probabilities": {"long_name": "probability of that class, softmax of the scores of the input", **_PLAIN},
    "prototypes": {"long_name": "scores for one class, sent back to the input", **_PICTURE},
    "prototype_predictions": {"long_name": "class that the network takes the prototype for", **_PLAIN},
    "prototype_probabilities": {
        "long_name": "probability of that class, softmax of the scores of the prototype",
        **_PLAIN,
    },
    "targets": {"long_name": "scores that were sent back", **_PLAIN},
    "accuracy": {"long_name": "accuracy on the evaluation set", **_PLAIN},
    "losses": {"long_name": "mean squared error of the reconstruction networks", **_PLAIN},
}
"""Of `explain_decisions`."""

_THEORY = (
    "NaN for architectures that it is not known for, and where the variance has several fixed points; of residual "
    "networks chi_1 is the factor of the mean squared gradient per block, and xi_c the blocks over which it changes by "
    "e, both averaged over all blocks"
)
_OF_COLUMN = "of the trainings of all depths of the column; NaN where nothing was trained"
_UNDEFINED = "NaN, as its interval, if all networks are trainable or none is"
_FLAGS = {"units": "1", "flag_values": np.array([-1, 0, 1], np.int8)}
CUBE: dict[str, dict] = {
    **AXES,
    **EVALUATED,
    "layers": {"long_name": "number of hidden layers of a network of that depth", "units": "1"},
    "epoch": {"long_name": "pass over the training set, counted from 1", "units": "1"},
    "quantile": {"long_name": "quantile over the evaluation samples", "units": "1"},
    "measure": {"long_name": "curve over the layers whose saturation is measured", "units": "1"},
    "probe_seconds": {"long_name": "seconds of the probe of all replicas; NaN where missing", "units": "s"},
    "q_star": {"long_name": "mean-field fixed point of the pre-activation variance", "units": "1", "comment": _THEORY},
    "chi_1": {"long_name": "mean-field slope of the correlation map at c = 1", "units": "1", "comment": _THEORY},
    "c_star": {"long_name": "mean-field fixed point of the correlation", "units": "1", "comment": _THEORY},
    "chi_c": {
        "long_name": "mean-field slope of the correlation map at its fixed point",
        "units": "1",
        "comment": _THEORY,
    },
    "xi_c": {
        "long_name": "mean-field correlation length",
        "units": "1",
        "comment": f"in layers; inf at the edge; {_THEORY}",
    },
    "xi_q": {
        "long_name": "mean-field relaxation length of the variance",
        "units": "1",
        "comment": f"in layers; {_THEORY}",
    },
    "edge_of_chaos": {
        "long_name": "mean-field sigma_w^2 at which chi_1 = 1",
        "units": "1",
        "comment": f"NaN where there is none; {_THEORY}",
    },
    "pre_activation_variance_theory": {
        "long_name": "mean-field recursion of the pre-activation variance of the same image",
        "units": "1",
        "comment": _THEORY,
    },
    "pre_activation_variance_theory_spread": {
        "long_name": "standard deviation of the pre-activation variance at the network's width",
        "units": "1",
        "comment": f"NaN for residual networks; {_THEORY}",
    },
    "pre_activation_variance_theory_log_mean": {
        "long_name": "expected logarithm of the pre-activation variance over its mean-field recursion",
        "units": "1",
        "comment": f"at the network's width; NaN for residual networks; {_THEORY}",
    },
    "pre_activation_variance_theory_log_spread": {
        "long_name": "standard deviation of the logarithm of the pre-activation variance",
        "units": "1",
        "comment": f"between networks of this width; NaN for residual networks; {_THEORY}",
    },
    "pre_activation_variance_theory_mean_spread": {
        "long_name": "standard deviation of the mean of that logarithm over the layers up to this one",
        "units": "1",
        "comment": f"between networks of this width; NaN for residual networks; {_THEORY}",
    },
    "learning_rate": {"long_name": "learning rate of the training, in the order in which they are tried", "units": "1"},
    "accuracy": {
        "long_name": "accuracy on the test set after each epoch",
        "units": "1",
        "comment": "NaN after a replica has stopped (epochs_run), and where train_status is missing",
    },
    "loss": {
        "long_name": "mean training loss of each epoch",
        "units": "1",
        "comment": "cross-entropy in nats; NaN as in accuracy, or where it diverged",
    },
    "train_status": {
        "long_name": "outcome of the training",
        "comment": "missing also at learning rates behind one that succeeded, unless train.stop is never",
        **STATUS,
    },
    "train_seconds": {"long_name": "seconds of training; NaN where missing", "units": "s"},
    "reached_accuracy": {
        "long_name": "best accuracy on the test set that was reached",
        "units": "1",
        "comment": "unless train.stop is never, a training stops at the success accuracy: how good the network would "
        "get is not known; NaN where train_status is missing",
    },
    "winning_rate": {"long_name": "first learning rate that succeeded", "units": "1", "comment": "NaN if none did"},
    "epochs_to_success": {
        "long_name": "epochs until the success accuracy was reached",
        "units": "1",
        "comment": "at winning_rate; NaN if it never was",
    },
    "epochs_run": {"long_name": "epochs until the training stopped", "units": "1"},
    "trainable": {
        "long_name": "whether the success accuracy was reached at one of the learning rates",
        "flag_meanings": "missing not_trainable trainable",
        "comment": "of networks that were not trained, whether it would be: truth_source",
        **_FLAGS,
    },
    "truth_source": {
        "long_name": "where trainable is from",
        "units": "1",
        "flag_values": np.array([NOT_KNOWN, TRAINED_SOURCE, INFERRED], np.int8),
        "flag_meanings": "missing trained inferred",
        "comment": "inferred: train_probability, of other trainings of the column, is beyond 0.9 or 0.1",
    },
    "train_probability": {
        "long_name": "probability that a network can be trained",
        "units": "1",
        "comment": f"posterior mean, logistic in ln depth, {_OF_COLUMN}",
    },
    "train_probability_low": {"long_name": "2.5 % posterior quantile of train_probability", "units": "1"},
    "train_probability_high": {"long_name": "97.5 % posterior quantile of train_probability", "units": "1"},
    "threshold_depth": {
        "long_name": "depth at which half of the networks can be trained",
        "units": "1",
        "comment": f"posterior median, {_OF_COLUMN}; between half a step above the first depth and one below the last",
    },
    "threshold_depth_low": {"long_name": "2.5 % posterior quantile of threshold_depth", "units": "1"},
    "threshold_depth_high": {"long_name": "97.5 % posterior quantile of threshold_depth", "units": "1"},
    "trainable_depth": {
        "long_name": "largest depth of the grid at which at least half of the networks can be trained",
        "units": "1",
        "comment": f"the most probable one; 0 if it is above the first, {_OF_COLUMN}",
    },
    "column_case": {
        "long_name": "where the boundary is",
        "units": "1",
        "flag_values": np.arange(-1, 4, dtype=np.int8),
        "flag_meanings": "missing among_the_depths all_can_be_trained none_can_be_trained not_monotone",
    },
    "prediction_score": {
        "long_name": "score of the last hidden layer",
        "units": "1",
        "comment": "NaN where probe_status of that layer is not ok, where the saturation is unknown, and where there "
        "is no theory; saturation_depth is inf where it has not saturated within the probe",
    },
    "predicted_trainable": {
        "long_name": "predicted label",
        "flag_meanings": "undefined not_trainable trainable",
        "comment": "explained variance >= 0; mean_field = 6 xi_c / depth >= 1; entropies from the threshold with the "
        "best balanced accuracy on all other columns of sigma_w2",
        **_FLAGS,
    },
    "auroc": {
        "long_name": "area under the ROC curve of the score against trainable",
        "units": "1",
        "comment": f"to be read beside that of negative_depth, which needs no network; {_UNDEFINED}",
    },
    "auroc_within_depth": {
        "long_name": "area under the ROC curve of pairs of networks of equal depth",
        "units": "1",
        "comment": f"0.5 for whoever counts layers; {_UNDEFINED}",
    },
    "auroc_gain": {
        "long_name": "auroc above that of the negative depth, of the same networks",
        "units": "1",
        "comment": f"a score whose interval reaches 0 is not shown to be better than counting layers; {_UNDEFINED}",
    },
    "boundary_error": {
        "long_name": "mean |ln(predicted/true largest trainable depth)| of the columns where it is among the depths",
        "units": "1",
        "comment": "thresholds chosen on all other columns",
    },
    "least_boundary_error": {
        "long_name": "mean |ln(predicted/true largest trainable depth)| of all columns",
        "units": "1",
        "comment": "the least that it can be where all depths can be trained or none can",
    },
    **{
        f"{name}_{end}": {
            "long_name": f"{quantile} % bootstrap quantile of {name} over columns and replicas",
            "units": "1",
        }
        for name in ESTIMATED
        for end, quantile in (("low", "2.5"), ("high", "97.5"))
    },
    "auroc_spread": {
        "long_name": "standard deviation of auroc between whole runs with other seeds",
        "units": "1",
        "comment": "estimated from the replicas; NaN of a single one",
    },
    "predicted_depth": {
        "long_name": "predicted largest trainable depth",
        "units": "1",
        "comment": "of the grid of depths, threshold chosen on all other columns; NaN without a threshold",
    },
    "auroc_networks": {
        "long_name": "number of networks that auroc is computed from",
        "units": "1",
        "comment": "those that were trained and have a score; all others are unscored",
    },
    "score_method": {"long_name": "method of probing of the score; empty for others", "units": "1"},
    "score_measure": {"long_name": "what the score measures", "units": "1"},
    "predictor": {"long_name": "predictor that needs no training, see infoflow.predictors", "units": "1"},
    "predictor_raw": {
        "long_name": "what the predictor measures, as the literature has it",
        "units": "1",
        "comment": "NaN where the predictor does not apply",
    },
    "predictor_seconds": {"long_name": "seconds of scoring all replicas; NaN where missing", "units": "s"},
    "predictor_memory": {
        "long_name": "by how much the memory in use grew at most while all replicas were scored",
        "units": "byte",
        "comment": "zero if memory that was held already was enough; NaN where missing, or not told by the system",
    },
}
"""Of the cube; of further methods of probing the same with their name in front."""
