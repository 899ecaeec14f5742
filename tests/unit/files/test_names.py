import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infoflow.errors import InfoflowError
from infoflow.files.names import (
    COUPLING,
    POINT,
    cube_file,
    dataset_file,
    decode,
    encode,
    encode_coupling,
    fixed_point,
    joined,
)

micro = st.integers(0, 10**9).map(lambda k: k / 10**6)
depths = st.integers(1, 10**5)


@given(micro, micro, depths)
def test_the_codec_is_a_round_trip(w, b, depth):
    name = encode(w, b, depth)
    assert decode(name) == (w, b, depth)
    assert re.fullmatch(POINT, name)


@given(st.text(max_size=40))
def test_decoding_refuses_what_is_not_a_name(text):
    try:
        values = decode(text)
    except InfoflowError:
        return
    assert encode(*values) == text


def test_names_are_fixed_point():
    assert encode(1.76, 2e-5, 50) == "w1.760000_b0.000020_d050"
    assert encode(10, 0, 1000) == "w10.000000_b0.000000_d1000"


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), 1e-7, 0.1 + 0.2])
def test_values_without_a_name_of_their_own_are_refused(value):
    with pytest.raises(InfoflowError, match="sigma_w2"):
        encode(value, 0.05, 1)


@pytest.mark.parametrize("depth", [-1, 0, 10**6])
def test_depths_without_a_name_are_refused(depth):
    with pytest.raises(InfoflowError, match=f"depth: {depth} is not within 1 and 999999"):
        encode(1.0, 0.05, depth)


@pytest.mark.parametrize("name", ["w1.76_b0.050000_d050", "w1.760000_b0.050000_d50", "../w1.760000_b0.050000_d050", ""])
def test_other_spellings_are_refused(name):
    with pytest.raises(InfoflowError):
        decode(name)


@given(st.integers(0, 99 * 10**6).map(lambda k: k / 10**6))
def test_a_coupling_is_found_in_its_name(coupling):
    name = encode_coupling(coupling)
    assert re.fullmatch(COUPLING, name)
    assert float(name[1:]) == coupling


def test_values_of_axes_are_named_by_the_axis_when_they_are_refused():
    assert fixed_point("couplings", -0.0) == "0.000000"
    for value, why in ((1e-7, "more than 6 decimals"), (2e6, "more than 1000000"), (-1.0, "zero or positive")):
        with pytest.raises(InfoflowError, match=f"^couplings: {value} .*{why}"):
            fixed_point("couplings", value)
    with pytest.raises(InfoflowError, match="^coupling: 1e-07 has more than"):
        encode_coupling(1e-7)


def test_where_files_lie():
    assert dataset_file("digits") == "results/prepare_dataset/digits.nc"
    assert cube_file("digits") == "results/cubes/digits.nc"
    assert [joined("kernel", output) for output in ("", "upper")] == ["kernel", "kernel_upper"]
