import numpy as np
import pytest

from common import hidden_states
from infoflow.estimators import kernel_density


def plain_kernels(t, y, variance):
    """physics.md D3 c in float64, with all pairs: (upper, lower), each (input, label), in bits."""
    t = t.astype(np.float64)
    square = ((t[:, None] - t) ** 2).sum(-1)
    d = t.shape[1]

    def bounds(square):
        noise = d / 2 * (np.log(2 * np.pi * variance) + 1)
        upper = noise - np.log(np.exp(-square / (2 * variance)).mean(1)).mean()
        lower = (
            d / 2 * (np.log(2 * np.pi * 4 * variance) + 1)
            + d / 2 * np.log(0.25)
            - np.log(np.exp(-square / (8 * variance)).mean(1)).mean()
        )
        return np.array([upper, lower]) - noise

    total = bounds(square)
    given_label = sum((y == c).mean() * bounds(square[np.ix_(y == c, y == c)]) for c in np.unique(y))
    return np.stack([total, total - given_label], 1) / np.log(2)


@pytest.mark.parametrize(
    ("samples", "units", "classes", "variance", "gain"),
    [
        (300, 1, 2, 1e-3, 1),
        (501, 2, 2, 1e-3, 5),
        (400, 3, 10, 0.1, 1),
        (257, 4, 3, 1e-2, 1),
        (130, 12, 2, 0.1, 0.1),
        (200, 7, 200, 1e-2, 0.5),
        (64, 784, 3, 0.1, 0.1),
        (1, 2, 1, 0.1, 1),
    ],
)
def test_kernel_density_is_the_plain_double_sum(samples, units, classes, variance, gain):
    """To 2e-5 bit: the kernel in float32, and what is cut off."""
    states = hidden_states(1, samples, units, gain=gain)
    labels = np.arange(samples) % classes
    found = kernel_density.estimate(states, labels, {"noise_variance": variance}, seed=0)
    for name, (x, y) in zip(("upper", "lower"), plain_kernels(states[0], labels, variance)):
        assert (found[name].input[0], found[name].label[0]) == pytest.approx((x, y), abs=2e-5)


# Places of states, and how many of each of two classes are there; found by minimising over both. Noise variance 1.
BELOW_ZERO = (
    "1.23 -2.12 -0.32 1.03 0.3 -3.13 1.65 -0.39 0.49 -0.36 -0.06 2.24 "
    "-1.02 -0.38 1.11 1.19 -1.62 -0.53 0.36 3.29 -1.68 -0.55 0.06 -1.99",
    "2 0 1 2 0 3 93 2 2 0 459 0",
    "0 11 0 0 10 0 0 0 408 1 0 6",
)
CROSSED = (
    "-0.38 -1.86 1.09 1.65 -3.36 0.77 3.86 6.81 0.16 -1.99 2.83 -0.16 "
    "0.56 1.78 -0.1 -2.23 -1.84 0.9 2.65 -1.73 4.04 -1.11 -2.53 -0.56",
    "0 28 10 1 30 0 1 2 2 0 423 1",
    "32 0 423 1 0 2 30 1 0 2 10 0",
)


def placed(places, *numbers):
    """States [1, N, 2] and labels."""
    x = np.array(places.split(), np.float32).reshape(-1, 2)
    counts = np.array([n.split() for n in numbers], int)
    return np.concatenate([np.repeat(x, c, axis=0) for c in counts])[None], np.repeat([0, 1], counts.sum(1))


def test_the_kernels_can_be_below_zero_for_the_label_which_is_cut_off():
    states, labels = placed(*BELOW_ZERO)
    assert -1e-3 < plain_kernels(states[0], labels, 1.0)[0, 1] < -4e-4
    assert kernel_density.estimate(states, labels, {"noise_variance": 1.0}, seed=0)["upper"].label[0] == 0


def test_the_lower_kernels_can_be_above_the_upper_ones_for_the_label():
    states, labels = placed(*CROSSED)
    found = kernel_density.estimate(states, labels, {"noise_variance": 1.0}, seed=0)
    assert 0.01 < found["lower"].label[0] - found["upper"].label[0] < 0.02
    assert found["lower"].input[0] < found["upper"].input[0]
