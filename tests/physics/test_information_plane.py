"""The information plane of 12-10-7-5-4-3-2 against physics.md D5, a single run: twelve replicas, means and spreads.

Networks differ much from seed to seed, so a number of one run is compared with the spread of the replicas.
"""

from pathlib import Path

import numpy as np
import pytest
import torch

from infoflow.datasets.images import load_images
from infoflow.engine.initialization import COMMON
from infoflow.studies.information_plane.measures import estimate_information
from infoflow.studies.information_plane.training import train_networks

REPLICAS = 12
AT = [0, 10, 39, 874, 2999]
ESTIMATORS = {
    "binning": {"kind": "range_binning", "bins": 30, "low": -1.0, "high": 1.0},
    "range": {"kind": "layer_range_binning", "bins": 30},
    "kernel": {"kind": "kernel_density", "noise_variance": 1e-3},
}
NAMES = ["binning", "range", "kernel_upper", "kernel_lower"]
SPREADS = 3.0
"""Spreads of the replicas that the single run may be from their mean; the mean itself is known to 0.3 of them."""
ROUNDING = 0.05
"""Bits, of printed values; and of spreads that are zero."""


class Runs:
    """All replicas with one activation."""

    def __init__(self, activation: str):
        images = load_images({"kind": "o3"}, Path(), 0)
        inputs = torch.from_numpy(np.concatenate([images.train_images, images.test_images])).float()
        labels = torch.from_numpy(np.concatenate([images.train_labels, images.test_labels]))
        network = {
            "activation": activation,
            "hidden": [10, 7, 5, 4, 3],
            "train_fraction": 0.8,
            "optimizer": "adam",
            "learning_rate": 4e-4,
            "initialization": "truncated_normal",
            "sigma_w2": 1.0,
            "sigma_b2": 0.0,
        }
        plane = {"epochs": AT[-1], "batch_size": 512, "shuffled": True, "replicas": REPLICAS, "draws": COMMON}
        self.found = train_networks(inputs, labels, 2, network, plane, at=AT, seed=0)
        parameters = torch.from_numpy(self.found.parameters).flatten(0, 1)
        widths = [12, *network["hidden"], 2]
        information = estimate_information(inputs, labels.numpy(), parameters, widths, activation, ESTIMATORS, 0)
        shape = (len(NAMES), REPLICAS, len(AT), len(widths) - 1)
        self.input, self.label = information.input.reshape(shape), information.label.reshape(shape)

    def of_input(self, estimator: str, epoch: int, layer: int) -> np.ndarray:
        return self.input[NAMES.index(estimator), :, AT.index(epoch), layer - 1]

    def of_label(self, estimator: str, epoch: int, layer: int) -> np.ndarray:
        return self.label[NAMES.index(estimator), :, AT.index(epoch), layer - 1]


@pytest.fixture(scope="module")
def tanh():
    return Runs("tanh")


@pytest.fixture(scope="module")
def relu():
    return Runs("relu")


def assert_typical(reference: float, replicas: np.ndarray) -> None:
    mean, spread = replicas.mean(), replicas.std(ddof=1)
    assert abs(reference - mean) <= SPREADS * spread + ROUNDING, f"{reference}, but {mean:.2f} ± {spread:.2f}"


BINNED = {
    0: [12.0, 12.0, 11.77, 9.98, 6.15, 0],
    39: [12.0, 12.0, 11.91, 10.48, 7.14, 3.72],
    874: [12.0, 11.99, 11.78, 8.63, 4.69, 1.81],
    2999: [11.99, 11.95, 11.69, 7.53, 2.68, 1.20],
}
"""I(X;T) of tanh by binning, layers 1 to 5 and output."""
BINNED_LABEL = {
    0: [0.999, 0.999, 0.908, 0.397, 0.072, 0],
    39: [0.999, 0.999, 0.987, 0.812, 0.603, 0.563],
    2999: [0.999, 0.999, 0.997, 0.995, 0.981, 0.954],
}


@pytest.mark.parametrize("epoch", BINNED)
def test_input_information_by_binning(tanh, epoch):
    for layer, reference in enumerate(BINNED[epoch], start=1):
        assert_typical(reference, tanh.of_input("binning", epoch, layer))


@pytest.mark.parametrize("epoch", BINNED_LABEL)
def test_label_information_by_binning(tanh, epoch):
    for layer, reference in enumerate(BINNED_LABEL[epoch], start=1):
        mean, spread = (f(tanh.of_label("binning", epoch, layer)) for f in (np.mean, lambda v: v.std(ddof=1)))
        assert abs(reference - mean) <= SPREADS * spread + 0.002


@pytest.mark.parametrize(("epoch", "references"), [(0, (12.0, 11.51, 5.43)), (2999, (11.97, 11.42, 2.30))])
def test_kernel_density_of_tanh(tanh, epoch, references):
    for layer, reference in zip((1, 3, 5), references):
        assert_typical(reference, tanh.of_input("kernel_upper", epoch, layer))


@pytest.mark.parametrize(("epoch", "references"), [(0, (12.0, 6.66, 1.88)), (2999, (12.0, 11.38, 9.67))])
def test_kernel_density_of_relu(relu, epoch, references):
    for layer, reference in zip((1, 3, 5), references):
        assert_typical(reference, relu.of_input("kernel_upper", epoch, layer))


@pytest.mark.parametrize(
    ("layer", "references"), [(4, {0: 7.27, 10: 6.26, 2999: 8.75}), (5, {0: 4.27, 874: 5.07, 2999: 4.06})]
)
def test_bins_over_the_range_of_the_layer_of_relu(relu, layer, references):
    for epoch, reference in references.items():
        assert_typical(reference, relu.of_input("range", epoch, layer))


def standard_errors(change: np.ndarray) -> float:
    return float(change.mean() / (change.std(ddof=1) / np.sqrt(len(change))))


def test_tanh_first_fits_then_compresses_under_binning(tanh):
    for layer in (5, 6):
        fitting = tanh.of_input("binning", 39, layer) - tanh.of_input("binning", 0, layer)
        compression = tanh.of_input("binning", 2999, layer) - tanh.of_input("binning", 39, layer)
        assert standard_errors(fitting) > 3
        assert standard_errors(compression) < -3
        assert compression.mean() < -1.5


def test_relu_does_not_compress_under_kernel_density(relu):
    """Hidden layers; the output, a softmax, saturates whatever the hidden layers are."""
    for name in ("kernel_upper", "kernel_lower"):
        for layer in range(1, 6):
            means = [relu.of_input(name, epoch, layer).mean() for epoch in AT]
            assert np.diff(means).min() > -0.02, f"layer {layer}: {means}"
        for layer in (3, 4, 5):
            assert standard_errors(relu.of_input(name, 2999, layer) - relu.of_input(name, 0, layer)) > 3


def test_accuracies(tanh, relu):
    for runs, trained, rest in ((tanh, 1.0, 0.968), (relu, 0.983, 0.927)):
        for part, reference in ((0, trained), (1, rest)):
            accuracy = runs.found.accuracy[:, -1, part]
            assert abs(reference - accuracy.mean()) <= SPREADS * accuracy.std(ddof=1)


def signal_to_noise(runs: Runs) -> np.ndarray:
    """Of layer 1, median over the replicas at every epoch; a ReLU network that is dead has no gradient."""
    mean, spread = runs.found.gradient_mean[:, :, 0], runs.found.gradient_spread[:, :, 0]
    return np.nanmedian(mean / np.where(spread > 0, spread, np.nan), axis=0)


def test_gradients_drift_and_then_diffuse(tanh, relu):
    """Of layer 1 the ratio falls below one about epochs 10 to 39 for tanh; it falls below one for ReLU as well."""
    for runs in (tanh, relu):
        assert signal_to_noise(runs)[0] > 1.5
        assert signal_to_noise(runs)[-1] < 1
    assert signal_to_noise(tanh)[AT.index(10)] > 0.9
    assert signal_to_noise(tanh)[AT.index(39)] < 0.9
    assert_typical(0.32, (tanh.found.gradient_spread / tanh.found.weight_norm)[:, -1, 0])
