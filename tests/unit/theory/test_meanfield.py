import numpy as np
import pytest

from infoflow.theory import meanfield


def _relu(w: float, b: float) -> float:
    """(w E φ(u₁) φ(u₂) + b)/q* at c = 0.3, by numerical integration; b = 0 where it drops out."""
    z = np.linspace(-8, 8, 1601)
    weight = np.exp(-(z**2) / 2)
    weight /= weight.sum()
    pair = weight @ (np.maximum(z, 0)[:, None] * np.maximum(0.3 * z[:, None] + np.sqrt(0.91) * z, 0)) @ weight
    q = b / (1 - w / 2) if b else 1.0
    return (w * q * pair + b) / (w * q / 2 + b)


RELU = {1.0: _relu(1.0, 0.05), 2.0: _relu(2.0, 0.0), 3.0: _relu(3.0, 0.0)}


def test_the_correlation_map_has_the_fixed_point_and_the_slope_of_the_theory():
    for w in (0.6, 1.5, 2.0, 4.0):
        scales = meanfield.depth_scales(w, 0.05)
        assert meanfield.correlation_map([1.0, scales.c_star], w, 0.05) == pytest.approx([1, scales.c_star], abs=1e-10)
        low, high = meanfield.correlation_map([scales.c_star - 1e-4, scales.c_star], w, 0.05)
        assert (high - low) / 1e-4 == pytest.approx(scales.chi_c, abs=2e-3)
        assert meanfield.slope_at(scales.q_star, w) == pytest.approx(scales.chi_1, rel=1e-12)
    for w, b in ((1.0, 0.05), (2.0, 0.0), (3.0, 0.05)):
        low, middle, high = meanfield.correlation_map([0.3, 0.999, 1.0], w, b, "relu")
        assert high == pytest.approx(1)
        assert low == pytest.approx(RELU[w], abs=1e-4)
        assert (1 - middle) / 1e-3 == pytest.approx(meanfield.depth_scales(w, b, "relu").chi_c, rel=0.03)
    assert meanfield.slope_at(0.7, 1.6, "relu") == 0.8
    with pytest.raises(ValueError, match="correlation"):
        meanfield.correlation_map(0.5, 0.5, 0.0)
