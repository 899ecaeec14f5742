import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infoflow.errors import InfoflowError
from infoflow.grid import POINT, Grid, GridPoint, decode, encode, expand_axis

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


@pytest.mark.parametrize("name", ["w1.76_b0.050000_d050", "w1.760000_b0.050000_d50", "../w1.760000_b0.050000_d050", ""])
def test_other_spellings_are_refused(name):
    with pytest.raises(InfoflowError):
        decode(name)


@pytest.mark.parametrize(
    ("spec", "values"),
    [
        ([3, 1.0], [1.0, 3.0]),
        ({"start": 0.1, "stop": 0.4, "step": 0.1}, [0.1, 0.2, 0.3, 0.4]),
        ({"start": 0.1, "stop": 0.45, "step": 0.1}, [0.1, 0.2, 0.3, 0.4]),
        ({"start": 0, "stop": 1, "num": 4}, [0.0, 0.333333, 0.666667, 1.0]),
        ({"start": 2, "stop": 2, "num": 1}, [2.0]),
    ],
)
def test_axes(spec, values):
    assert expand_axis("sigma_w2", spec) == values


def test_the_published_axes_have_the_published_lengths():
    assert len(expand_axis("sigma_w2", {"start": 0.1, "stop": 6.0, "step": 0.01})) == 591
    assert expand_axis("depth", {"start": 5, "stop": 150, "step": 5}) == list(range(5, 151, 5))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ([], "empty"),
        ([1.0, 1.0], "same file name"),
        ([1.76, 1.7600001], "decimals"),
        ({"start": 0, "stop": 1e-6, "num": 5}, "same file name"),
        ({"start": 2, "stop": 1, "step": 0.1}, "stop"),
        ({"start": 1, "stop": 2, "num": 1}, "num"),
        ({"start": 0, "stop": 1e6, "step": 1e-6}, "more than"),
    ],
)
def test_bad_axes_are_refused_by_name(spec, message):
    with pytest.raises(InfoflowError, match=f"sigma_w2: .*{message}"):
        expand_axis("sigma_w2", spec)


def experiment(**entry) -> dict:
    base = {"dataset": "digits", "architecture": "mlp", "sigma_w2": [1.0, 2.0], "sigma_b2": [0.05], "depth": [5, 10]}
    return base | {"truth": True, "truth_dataset": None, "highlight": None, "decisions": None} | entry


def grid(layout="wide", **experiments) -> Grid:
    return Grid({"experiments": experiments, "architectures": {"mlp": {"kind": "mlp", "layout": layout}}})


def test_one_probe_of_the_deepest_network_serves_all_depths():
    g = grid(a=experiment())
    assert [p.name for p in g.probes()] == ["w1.000000_b0.050000_d010", "w2.000000_b0.050000_d010"]
    assert len(g.trainings()) == 4
    assert g.probe_depth(GridPoint("digits", "mlp", 1.0, 0.05, 5)) == 10


def test_a_shrinking_network_is_probed_at_every_depth():
    assert len(grid("shrinking", a=experiment()).probes()) == 4


def test_experiments_share_their_points():
    g = grid(a=experiment(), b=experiment(sigma_w2=[2.0, 3.0], depth=[20], truth=False))
    assert {(p.sigma_w2, p.depth) for p in g.probes()} == {(1.0, 10), (2.0, 20), (3.0, 20)}
    assert {(p.sigma_w2, p.depth) for p in g.trainings()} == set(itertools.product([1.0, 2.0], [5, 10]))


def test_the_truth_may_come_from_another_data_set():
    g = grid(a=experiment(dataset="white_noise", truth_dataset="mnist"))
    assert {p.dataset for p in g.trainings()} == {"mnist"}
    assert g.truth_dataset(("white_noise", "mlp")) == "mnist"


def test_the_explained_network_is_one_of_the_truth_and_need_not_be_on_the_grid():
    point = {"sigma_w2": 3, "sigma_b2": 0.1, "depth": 7}
    g = grid(
        a=experiment(truth_dataset="mnist", decisions=point | {"images": 4}),
        b=experiment(dataset="mnist", decisions=point | {"images": 6}),
        c=experiment(truth=False),
    )
    a, b, c = g.experiments.values()
    assert a.explained == b.explained == GridPoint("mnist", "mlp", 3.0, 0.1, 7)
    assert c.explained is None
    assert type(a)(**vars(a)) == a
    assert g.explained_images("mnist", "mlp", a.explained.name) == 6
    assert len(g.trainings(a.cube)) == 4
    with pytest.raises(InfoflowError, match="experiments.a.decisions.sigma_w2: .* decimals"):
        grid(a=experiment(decisions=point | {"sigma_w2": 1e-7, "images": 4}))


def test_contradictions_are_refused():
    with pytest.raises(InfoflowError, match="one cube has one ground truth"):
        grid(a=experiment(truth_dataset="x"), b=experiment(truth_dataset="y"))
    with pytest.raises(InfoflowError, match="would share the file"):
        Grid(
            {
                "experiments": {
                    "a": experiment(dataset="a", architecture="b_c"),
                    "b": experiment(dataset="a_b", architecture="c"),
                },
                "architectures": {"b_c": {}, "c": {}},
            }
        )
    with pytest.raises(InfoflowError, match="highlight"):
        grid(a=experiment(highlight=[1.5]))
