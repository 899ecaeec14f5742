import numpy as np
import pytest
from scipy.special import expit

from infoflow.verdict.threshold import LAPSE, depth_grid

DEPTHS = (5, 10, 15, 20, 30, 40)


def counts(**trained):
    """Networks that could be trained and that were, from `d10="++-"`."""
    good, all_ = np.zeros((2, len(DEPTHS)), int)
    for name, outcome in trained.items():
        d = DEPTHS.index(int(name[1:]))
        good[d], all_[d] = outcome.count("+"), len(outcome)
    return good, all_


def fit(**trained):
    return depth_grid(DEPTHS).fit(*counts(**trained))


def test_the_posterior_is_that_of_bayes():
    """Compared with a plain product over trainings, at some thresholds and widths."""
    grid = depth_grid(DEPTHS)
    found = fit(d10="+", d20="+-", d30="-")
    m, s = grid.log_thresholds[:, None], grid.widths[None]
    product = np.exp(-0.5 * (np.log(s / 0.08) / 0.7) ** 2) * np.ones_like(m)
    for depth, good in ((10, True), (20, True), (20, False), (30, False)):
        p = LAPSE + (1 - 2 * LAPSE) * expit((m - np.log(depth)) / s)
        product = product * (p if good else 1 - p)
    np.testing.assert_allclose(found.weights, product / product.sum(), rtol=1e-9)


def test_a_threshold_lies_between_what_trains_and_what_does_not():
    found = fit(d5="++", d10="++", d15="+++", d20="---", d30="--")
    low, middle, high = found.quantiles(0.025, 0.5, 0.975)
    assert 14 < low < middle < high < 21
    assert found.of_counts.argmax() == 3
    assert found.of_counts.sum() == pytest.approx(1)
    assert (np.diff(found.probability) < 0).all()
    low, high = found.probability_quantiles(0.025, 0.975)
    assert ((low < found.probability) & (found.probability < high)).all()


def test_few_trainings_leave_a_doubt_and_more_of_them_less():
    widths = [np.diff(np.log(fit(d15="+" * n, d20="-" * n).quantiles(0.025, 0.975)))[0] for n in (1, 3, 10)]
    assert widths[0] > widths[1] > widths[2] > 0.1
    assert fit(d15="+", d20="-").of_counts[3] < 0.9


def test_columns_without_a_boundary_are_told():
    assert fit(**{f"d{d}": "+++" for d in DEPTHS}).of_counts.argmax() == len(DEPTHS)
    assert fit(**{f"d{d}": "---" for d in DEPTHS}).of_counts.argmax() == 0
    # one training that went wrong does not make a boundary
    assert fit(d5="+++", d10="++-", d15="+++", d20="+++", d30="---").of_counts.argmax() == 4


def test_gains_are_the_mutual_information_of_outcome_and_count():
    posterior = fit(d10="+", d30="-")
    grid = posterior.grid
    gains = posterior.gains()
    for d, curve in enumerate(grid.curves):
        joint = np.zeros((len(DEPTHS) + 1, 2))
        for m, count in enumerate(grid.counts):
            p = (posterior.weights[m] * curve[m]).sum()
            joint[count] += p, posterior.weights[m].sum() - p
        outer = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
        some = joint > 0
        assert gains[d] == pytest.approx((joint[some] * np.log(joint[some] / outer[some])).sum(), abs=1e-9)
    assert np.argmax(gains) in (2, 3), "between what trains and what does not there is most to learn"


def test_a_single_depth_has_a_threshold_above_or_below():
    grid = depth_grid([10])
    assert grid.fit(np.array([3]), np.array([3])).of_counts.argmax() == 1
    assert grid.fit(np.array([0]), np.array([3])).of_counts.argmax() == 0


def test_intervals_hold_the_truth_as_often_as_they_say():
    """500 columns drawn from the prior, of which three networks per depth are trained: 95 % within 3 % (3 σ)."""
    rng = np.random.default_rng(0)
    grid = depth_grid(DEPTHS)
    weights = np.exp(grid.prior - grid.prior.max())
    weights /= weights.sum()
    held = []
    for _ in range(500):
        m, s = np.unravel_index(rng.choice(weights.size, p=weights.ravel()), weights.shape)
        good = rng.binomial(3, grid.curves[:, m, s])
        low, high = grid.fit(good, np.full(len(DEPTHS), 3)).quantiles(0.025, 0.975)
        held.append(low <= np.exp(grid.log_thresholds[m]) <= high)
    assert np.mean(held) == pytest.approx(0.95, abs=0.03)
