import pytest

from infoflow.config.axes import expand_axis
from infoflow.errors import InfoflowError


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


def test_values_of_a_variance_are_floats_and_those_of_a_depth_integers():
    assert [type(v) for v in expand_axis("sigma_w2", [1, 2])] == [float, float]
    assert [type(v) for v in expand_axis("experiments.a.depth", {"start": 1, "stop": 3, "num": 3})] == [int] * 3
    assert str(expand_axis("sigma_b2", [-0.0])) == "[0.0]"


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


def test_depths_that_are_not_whole_are_refused():
    with pytest.raises(InfoflowError, match=r"^experiments.a.depth: .*'num': 4.* not whole numbers"):
        expand_axis("experiments.a.depth", {"start": 1, "stop": 2, "num": 4})
