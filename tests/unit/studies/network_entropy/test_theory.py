"""D_m of wide networks in closed form."""

import math

import numpy as np
import pytest

from infoflow.studies.network_entropy.theory import asymptote, closed_form, interpolated_correlation_length
from infoflow.theory import meanfield


def test_the_interpolated_length_is_the_published_one():
    assert interpolated_correlation_length(1.5, 0.05) == pytest.approx(15.889792, abs=1e-6)
    exact = meanfield.depth_scales(1.5, 0.05).xi_c
    assert interpolated_correlation_length(1.5, 0.05) == pytest.approx(exact, rel=0.01)
    assert interpolated_correlation_length(1.5, 0.05, step=1e-3) == pytest.approx(exact, rel=1e-5)
    assert interpolated_correlation_length(0.5, 0.0) == pytest.approx(1 / math.log(2))  # q* = 0
    with pytest.raises(ValueError, match="relu"):
        interpolated_correlation_length(1.0, 0.05, "relu")


def test_the_closed_form_goes_from_zero_to_its_asymptote():
    first = np.array([0.1, 0.3, 3.0])
    curve = closed_form(first, 2.0, 0.05, 100, 60)
    assert curve.shape == (3, 60)
    assert (curve[:, 0] == 0).all()
    assert curve[:, -1] == pytest.approx(asymptote(first, 2.0, 0.05, 100), abs=1e-9)
    assert (np.diff(curve[:2]) > -1e-12).all()
    assert curve[2, -1] < 0
