import numpy as np
import pytest

from infoflow.verdict.auroc import auroc
from infoflow.verdict.resampling import draw_resamples, resampled_auroc


def test_resampled_areas_are_those_of_the_drawn_networks():
    rng = np.random.default_rng(3)
    scores = rng.integers(0, 4, (7, 2)).astype(float)  # with ties
    scores[0, 0], scores[1, 1], scores[2, 0] = np.nan, np.inf, -np.inf
    labels = rng.integers(-1, 2, (7, 2))
    rows, columns = draw_resamples(7, 2, np.random.default_rng(4), 20)
    found = resampled_auroc(scores, labels, rows, columns)
    generator = np.random.default_rng(4)
    for value in found:
        drawn = np.ix_(generator.integers(7, size=7), generator.integers(2, size=2))
        known = (labels[drawn] >= 0) & ~np.isnan(scores[drawn])
        assert value == pytest.approx(auroc(scores[drawn][known], labels[drawn][known] == 1), nan_ok=True)
    assert np.isfinite(found).any()
