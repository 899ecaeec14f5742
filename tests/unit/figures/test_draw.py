import matplotlib as mpl
import pytest

mpl.use("Agg")
import matplotlib.pyplot as plt

from infoflow.figures.draw import save
from infoflow.figures.style import STYLE
from infoflow.jobs.record import find_mark, mark
from jobs import make_job


def test_a_figure_is_drawn_in_the_style_of_the_house_to_every_output(tmp_path):
    outputs = [tmp_path / f"deep/a.{suffix}" for suffix in ("png", "pdf")]
    drawn = []

    def draw():
        drawn.append({name: mpl.rcParams[name] for name in STYLE})
        return plt.figure()

    before = mpl.rcParams["font.size"]
    save(make_job({"module": "x"}, outputs), draw)
    assert drawn == [STYLE]
    assert mpl.rcParams["font.size"] == before
    assert plt.get_fignums() == []
    assert [path.read_bytes()[:4] for path in outputs] == [b"\x89PNG", b"%PDF"]
    assert [find_mark(path) for path in outputs] == [mark({"module": "x"})] * 2


def test_a_figure_that_cannot_be_drawn_leaves_nothing(tmp_path):
    def fail():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        save(make_job({}, tmp_path / "a.png"), fail)
    assert list(tmp_path.iterdir()) == []
