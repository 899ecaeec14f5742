"""Mean-field theory of residual networks against tables, exact limits, and wide random networks."""

import numpy as np
import pytest

from infoflow.theory import residual
from infoflow.theory.residual import after_tanh, follow_blocks

# σ_w², χ of block 50, and Σ ln χ over 50 blocks, σ_b² = 2e-5: populations of 1e5 samples.
TABLE = [
    (0.01, 0.969, -2.9),
    (0.1, 0.973, -2.7),
    (0.3, 0.974, -1.8),
    (0.5, 0.962, -1.4),
    (0.7, 0.969, -0.6),
    (1.0, 1.015, 1.8),
    (1.5, 1.128, 7.4),
    (2.0, 1.277, 13.2),
    (3.0, 1.565, 23.8),
    (4.0, 1.885, 32.7),
    (6.0, 2.503, 47.1),
]
NORMAL = np.arctanh(after_tanh(0.01)) / 0.1  # quantiles of N(0, 1)


def test_multipliers_of_the_table():
    """x ~ N(0, 0.3²) enters. The populations scatter by 0.003 where χ is about 1, and in proportion to it above."""
    w, chi, product = np.transpose(TABLE)
    found = follow_blocks(0.3 * NORMAL, w, 2e-5, 50)
    assert found.multiplier[:, -1] == pytest.approx(chi, rel=6e-3)
    assert np.log(found.multiplier).sum(-1) == pytest.approx(product, abs=0.1)


def test_slopes_of_successive_blocks_are_correlated():
    """A unit that stays near zero keeps its slope: the Jacobian of many blocks is larger than the product of theirs."""
    found = follow_blocks(0.3 * NORMAL, [0.01, 0.5, 2.0], 2e-5, 50)
    assert (found.log_jacobian[:, -1] > np.log(found.multiplier).sum(-1) + 1.2).all()
    assert found.log_jacobian[:, 0] == pytest.approx(np.log(found.multiplier[:, 0]))


@pytest.mark.parametrize("kind", residual.BRANCHES)
def test_without_branches_tanh_is_iterated(kind):
    """E z² = E x², and the Jacobian is diagonal: the slopes of every unit are multiplied."""
    x, slope = np.linspace(-0.3, 0.9, 60), 1.0
    found = follow_blocks(x, 0.0, 0.0, 50, kind)
    for block in range(50):
        assert found.variance[block] == pytest.approx(np.mean(x**2), rel=1e-6)
        x = np.tanh(x)
        slope = slope * (1 - x**2)
        assert found.multiplier[block] == pytest.approx(np.mean((1 - x**2) ** 2), rel=1e-6)
        assert found.log_jacobian[block] == pytest.approx(np.log(np.mean(slope**2)), abs=1e-5)


def test_without_branches_the_mean_square_decays_as_one_over_depth():
    """x -> x - x³/3: E x² -> 3/(2 l), with corrections of order ln(l)/l."""
    found = follow_blocks([0.6, -0.5], 1e-4, 0.0, 200)
    assert found.variance[-1] == pytest.approx(1.5 / 200, rel=0.03)


@pytest.mark.parametrize("kind", residual.BRANCHES)
@pytest.mark.parametrize("variance", [1e-8, 0.1, 6.0])
def test_finer_nodes_change_nothing(kind, variance, monkeypatch):
    w, b = np.array([0.01, 0.3, 1.0, 6.0]), np.array([[0.0], [2e-5], [0.1]])
    found = follow_blocks(after_tanh(variance), w, b, 50, kind)
    for name, value in (("NODES", 60), ("CUTOFF", 8.0), ("STEP", 0.5), ("STEP_OF_TANH", 0.2)):
        monkeypatch.setattr(residual, name, value)
    finer = follow_blocks(after_tanh(variance), w, b, 50, kind)
    assert found.variance == pytest.approx(finer.variance, rel=1e-5, abs=0)
    assert found.multiplier == pytest.approx(finer.multiplier, rel=1e-5)
    assert found.log_jacobian == pytest.approx(finer.log_jacobian, abs=2e-5)


def run_network(x, w, b, blocks, kind, rng):
    """Mean z² and ln of the mean squared tangent after every block, of one network: x [width, inputs] -> [blocks] each.

    Every input has a tangent of its own, random and of unit variance.
    """

    def draw(*shape):
        return rng.standard_normal(shape, dtype=np.float32)

    width = len(x)
    tangent = draw(*x.shape)
    variance, growth = [], []
    for _ in range(blocks):
        s, along = x, tangent
        for layer in range(2 if kind == "resnet" else 1):
            weight, bias = np.sqrt(w / width) * draw(width, width), np.sqrt(b) * draw(width, 1)
            s, along = weight @ s + bias, weight @ along
            if layer == 0:  # the second layer of a Gaussian branch is linear
                s = np.tanh(s)
                along = (1 - s**2) * along
        z = x + s
        x = np.tanh(z)
        tangent = (1 - x**2) * (tangent + along)
        variance.append(np.mean(z**2))
        growth.append(np.log(np.mean(tangent**2)))
    return np.array(variance), np.array(growth)


@pytest.mark.parametrize("kind", residual.BRANCHES)
@pytest.mark.parametrize("w", [0.3, 2.0])
def test_theory_against_wide_networks(kind, w):
    """One network of width 2000, 16 independent inputs.

    Among networks, the largest deviation of a variance is 1.5 ± 0.5 %, the logarithm of the squared tangent scatters
    by 0.01 to 0.04; both agree with the theory on average.
    """
    rng = np.random.default_rng(0)
    width, b, blocks = 2000, 0.01, 8
    variance, growth = run_network(np.tanh(rng.standard_normal((width, 16), np.float32)), w, b, blocks, kind, rng)
    theory = follow_blocks(after_tanh(1.0), w, b, blocks, kind)
    assert variance == pytest.approx(theory.variance, rel=0.03)
    assert growth == pytest.approx(theory.log_jacobian, abs=0.12)
    if w < 1:  # the product of the multipliers is far off
        assert growth[-1] > np.log(theory.multiplier).sum() + 0.5


def test_values_after_tanh():
    values = after_tanh([[0.0], [0.2]])
    assert values.shape == (2, 1, 1000)
    assert (values[0] == 0).all()
    u = np.sqrt(0.2) * np.random.default_rng(0).standard_normal(400000)
    assert np.mean(values[1] ** 2) == pytest.approx(np.mean(np.tanh(u) ** 2), rel=5e-3)
    assert np.mean(np.arctanh(values[1]) ** 2) == pytest.approx(0.2)


@pytest.mark.parametrize("kind", residual.BRANCHES)
def test_arguments_broadcast_and_are_checked(kind):
    w, b = np.array([[0.5], [2.0]]), np.array([0.0, 0.01, 0.05])
    values = after_tanh(np.array([0.1, 0.2, 0.4]))
    found = follow_blocks(values, w, b, 4, kind)
    single = follow_blocks(values[1], 2.0, 0.01, 4, kind)
    for name in ("variance", "multiplier", "log_jacobian"):
        assert getattr(found, name).shape == (2, 3, 4)
        # the steps of the sums follow the largest variance among points that are followed together
        assert getattr(found, name)[1, 1] == pytest.approx(getattr(single, name), rel=1e-5)
    assert follow_blocks(-values, w, b, 4, kind).variance == pytest.approx(found.variance)
    assert follow_blocks(np.zeros(5), 0.5, 0.0, 4, kind).multiplier == pytest.approx(
        (1 + (0.25 if kind == "resnet" else 0.5)) * np.ones(4)
    )
    for bad in (-1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="sigma_w2"):
            follow_blocks(values, bad, 0.05, 4, kind)
        with pytest.raises(ValueError, match="variance"):
            after_tanh(bad)
    with pytest.raises(ValueError, match="initial"):
        follow_blocks([np.nan], 1.0, 0.05, 4, kind)
    with pytest.raises(ValueError, match="vgg"):
        follow_blocks(values, 1.0, 0.05, 4, "vgg")
