"""The reconstruction cascade of infinitely wide networks: reference values, and networks that approach it.

Digits, pixels within [0, 1]; σ_b² = 0.05, λ = 1e-4 absolute, unless said otherwise.
"""

from typing import NamedTuple

import numpy as np
import pytest
import scipy.linalg
from sklearn.datasets import load_digits

from infoflow.reconstruction.divergence import differential_entropy, explained_variance, relative_entropy
from infoflow.theory.reconstruction import reconstruction_theory, theory_cascade

BIAS, PENALTY, N_FIT = 0.05, 1e-4, 144
EVERY = load_digits().data[:294] / 16
FIT, EVALUATION = EVERY[:N_FIT], EVERY[N_FIT:]

# --- reference values

LAYERS = (1, 2, 5, 10, 15, 20, 30, 40)
INF = np.inf
# (φ, N, σ_w², σ_b²): R², H and D of LAYERS, to the last digit. D is of the lower of the two middle samples of 150.
# Measured by two-dimensional quadrature, for tanh by Gauss-Hermite of 64 nodes a side: 24 are not enough at σ_w² = 3,
# where R² of layer 40 would be 0.334, and touch the last digit at 1.76.
REFERENCE = {
    ("tanh", 784, 0.6, 0.05): (
        (0.9987, 0.9985, 0.9968, 0.9297, 0.4378, -0.0192, -0.0195, -0.0195),
        (-3.947, -3.881, -3.802, -3.792, -4.937, -16.559, -INF, -INF),
        (0.0088, 0.0119, 0.0247, 0.1118, 0.2314, 0.3711, 0.3712, 0.3712),
    ),
    ("tanh", 784, 1.4, 0.05): (
        (0.9982, 0.9971, 0.9945, 0.9912, 0.9882, 0.9850, 0.9763, 0.9591),
        (-3.855, -3.776, -3.732, -3.736, -3.739, -3.737, -3.733, -3.751),
        (0.0153, 0.0227, 0.0340, 0.0430, 0.0477, 0.0500, 0.0591, 0.0780),
    ),
    ("tanh", 784, 1.76, 0.05): (
        (0.9979, 0.9963, 0.9912, 0.9817, 0.9717, 0.9616, 0.9426, 0.9252),
        (-3.832, -3.758, -3.731, -3.744, -3.749, -3.749, -3.763, -3.778),
        (0.0173, 0.0267, 0.0425, 0.0552, 0.0651, 0.0712, 0.0767, 0.0805),
    ),
    ("tanh", 784, 3.0, 0.05): (
        (0.9969, 0.9925, 0.9718, 0.9194, 0.8557, 0.7820, 0.5859, 0.3393),
        (-3.788, -3.737, -3.749, -3.801, -3.899, -4.102, -5.247, -9.730),
        (0.0240, 0.0378, 0.0638, 0.0803, 0.0851, 0.1030, 0.1763, 0.2621),
    ),
    ("tanh", 64, 0.6, 0.05): (
        (0.9983, 0.9967, 0.9694, 0.6332, -0.0111, -0.0195, -0.0195, -0.0195),
        (-3.893, -3.810, -3.743, -4.145, -13.506, -31.190, -INF, -INF),
        (0.0137, 0.0254, 0.0810, 0.1741, 0.3692, 0.3712, 0.3712, 0.3712),
    ),
    ("erf", 784, 1.0, 0.05): (
        (0.9984, 0.9976, 0.9958, 0.9934, 0.9909, 0.9869, 0.9664, 0.9021),
        (-3.881, -3.801, -3.750, -3.745, -3.740, -3.730, -3.734, -3.804),
        (0.0139, 0.0199, 0.0299, 0.0367, 0.0421, 0.0489, 0.0738, 0.1113),
    ),
    ("relu", 784, 1.0, 0.0): (
        (0.9945, 0.9875, 0.9611, 0.7692, -0.0033, -0.0195, -0.0195, -0.0195),
        (-3.811, -3.793, -3.779, -4.044, -12.617, -30.198, -INF, -INF),
        (0.0348, 0.0489, 0.0728, 0.1278, 0.3667, 0.3712, 0.3712, 0.3712),
    ),
    ("relu", 784, 2.0, 0.0): (
        (0.9946, 0.9878, 0.9663, 0.9356, 0.9108, 0.8898, 0.8542, 0.8224),
        (-3.811, -3.793, -3.773, -3.782, -3.804, -3.828, -3.890, -3.971),
        (0.0349, 0.0490, 0.0703, 0.0804, 0.0846, 0.0863, 0.0927, 0.0988),
    ),
}


@pytest.mark.parametrize("point", REFERENCE, ids=str)
def test_it_has_the_reference_values(point):
    activation, width, sigma_w2, sigma_b2 = point
    cascade = theory_cascade(activation, sigma_w2, sigma_b2, [width] * LAYERS[-1], FIT, EVALUATION, PENALTY)
    layers = [layer for number, layer in enumerate(cascade, 1) if number in LAYERS]
    expected = dict(zip(("R²", "H", "D"), REFERENCE[point]))
    divergences = [relative_entropy(EVALUATION, layer) for layer in layers]
    half = 0.51  # of the last digit
    assert [explained_variance(EVALUATION, a) for a in layers] == pytest.approx(expected["R²"], abs=half * 1e-4)
    assert [differential_entropy(a) for a in layers] == pytest.approx(expected["H"], abs=half * 1e-3)
    assert np.quantile(divergences, 0.5, axis=1, method="lower") == pytest.approx(expected["D"], abs=half * 1e-4)
    curves = reconstruction_theory(activation, sigma_w2, sigma_b2, 40, FIT, EVALUATION, PENALTY, width)
    at = np.array(LAYERS) - 1
    assert curves.explained_variance[at] == pytest.approx(expected["R²"], abs=half * 1e-4)
    assert curves.differential_entropy[at] == pytest.approx(expected["H"], abs=half * 1e-3)
    assert curves.relative_entropy[at] == pytest.approx(np.median(divergences, axis=1))


# --- networks of growing width

DEPTH, NOMINAL, SIGMA_W2 = 12, 1024, (0.6, 1.76)
SEEDS = {512: 24, 1024: 24, 4096: 8}
"""Networks of each width: 40 seconds on one core. At 256 the terms beyond 1/N² are seen."""
SEEN = FIT.std(axis=0) > 0.05
"""Pixels that are not black in nearly all images."""


class Measured(NamedTuple):
    """Of the reconstructions of a layer: R², H, and the mean logarithm of the spread of the pixels that are seen."""

    explained: float
    entropy: float
    log_spread: float


def measure(reconstructions: np.ndarray) -> Measured:
    return Measured(
        float(explained_variance(EVALUATION, reconstructions)),
        float(differential_entropy(reconstructions)),
        float(np.log(reconstructions[:, SEEN].std(axis=0, ddof=1)).mean()),
    )


def reconstruct_network(width: int, seed: int) -> dict[float, np.ndarray]:
    """Reconstructions from layer DEPTH of a tanh network of float32, by σ_w²; weights differ by the factor σ_w only.

    The noise is λ N/NOMINAL: then the theory is the same at every width, as it knows N/λ only, and what is left is of
    order 1/N. (At a given λ a wider network is more finely resolved, and the correction is not a number over N.)
    """
    stream = np.random.default_rng([20, width, seed])
    noise = N_FIT * PENALTY * width / NOMINAL * np.eye(N_FIT)
    states = dict.fromkeys(SIGMA_W2, EVERY.astype(np.float32))
    left = dict.fromkeys(SIGMA_W2, FIT - FIT.mean(0))
    found = {}
    for layer in range(DEPTH):
        fan_in = EVERY.shape[1] if layer == 0 else width
        weight = stream.standard_normal((fan_in, width), dtype=np.float32)
        bias = stream.standard_normal(width, dtype=np.float32)
        for w in SIGMA_W2:
            states[w] = np.tanh(np.float32(np.sqrt(w / fan_in)) * (states[w] @ weight) + np.float32(BIAS**0.5) * bias)
            centred = states[w].astype(float)
            centred -= centred[:N_FIT].mean(0)
            gram = centred @ centred[:N_FIT].T
            inverse = scipy.linalg.solve(gram[:N_FIT] + noise, left[w], assume_a="pos")
            left[w], found[w] = gram[:N_FIT] @ inverse, FIT.mean(0) + gram[N_FIT:] @ inverse
    return found


@pytest.fixture(scope="module")
def gaps():
    """Network minus theory, by σ_w² and width: [networks, quantities of Measured]."""
    theory = {}
    for w in SIGMA_W2:
        *_, last = theory_cascade("tanh", w, BIAS, [NOMINAL] * DEPTH, FIT, EVALUATION, PENALTY)
        theory[w] = measure(last)
    found = {w: {} for w in SIGMA_W2}
    for width, count in SEEDS.items():
        networks = [reconstruct_network(width, seed) for seed in range(count)]
        for w in SIGMA_W2:
            found[w][width] = np.array([measure(network[w]) for network in networks]) - theory[w]
    return found


def extrapolate(gaps: dict[int, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """a of a + b/N + c/N² through three widths, and its standard error over the networks."""
    widths = np.array(list(gaps))
    share = np.linalg.inv(np.vander(1 / widths, increasing=True))[0]
    mean = np.array([gap.mean(0) for gap in gaps.values()])
    error = np.array([gap.std(0, ddof=1) / np.sqrt(len(gap)) for gap in gaps.values()])
    return share @ mean, np.sqrt(share**2 @ error**2)


@pytest.mark.parametrize("w", SIGMA_W2)
def test_networks_approach_it_like_one_over_the_width(gaps, w):
    limit, error = extrapolate(gaps[w])
    explained, spread = Measured._fields.index("explained"), Measured._fields.index("log_spread")
    for k in (explained, spread):
        assert abs(limit[k]) < 3 * error[k]
        assert error[k] < 0.01
    loss = {width: -gap[:, explained].mean() for width, gap in gaps[w].items()}
    # what is extrapolated is large against the errors
    assert loss[512] > 0.05
    assert loss[512] / loss[1024] == pytest.approx(2, rel=0.2)
    assert loss[1024] / loss[4096] == pytest.approx(4, rel=0.3)


def test_the_entropy_approaches_it_where_the_darkest_pixel_is_not_noise(gaps):
    """H is of images shifted to their minimum, which is not a smooth function of the noise of many dark pixels.

    At σ_w² = 0.6 the images are blurred, and their minimum is that of a blurred image. At 1.76 the reconstructions of
    the theory have hardly anything below zero; those of networks do, by an amount that falls more slowly than 1/N, and
    pixels that are black in all images get their spread from that alone.
    """
    limit, error = extrapolate(gaps[0.6])
    k = Measured._fields.index("entropy")
    assert abs(limit[k]) < 3 * error[k]
    assert error[k] < 0.02
    assert abs(gaps[1.76][4096][:, k].mean()) < 0.1
    assert gaps[1.76][4096][:, k].mean() < 0.8 * gaps[1.76][1024][:, k].mean()
