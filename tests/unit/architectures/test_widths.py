import math

from infoflow.architectures.widths import hidden_widths

SHRINKING = {"layout": "shrinking", "width": None}


def test_the_shrinking_layout_is_the_published_one():
    # published: ceil(linspace(1024, 10, 20)), input and output included
    widths = hidden_widths(SHRINKING, (32, 32), 10, 18)
    assert [*widths[:2], widths[-1]] == [971, 918, 64]
    for width, depth in ((784, 38), (64, 7), (100, 3)):
        exact = [width + (10 - width) * k / (depth + 1) for k in range(1, depth + 1)]
        assert hidden_widths(SHRINKING | {"width": width}, (28, 28), 10, depth) == [
            math.ceil(round(v, 9)) for v in exact
        ]


def test_the_wide_layout_has_a_width_or_that_of_the_image():
    assert hidden_widths({"layout": "wide", "width": None}, (28, 28), 10, 3) == [784] * 3
    assert hidden_widths({"layout": "wide", "width": 7}, (28, 28), 10, 2) == [7, 7]
