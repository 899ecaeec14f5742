import pytest

from figure_checks import assert_readable
from infoflow.figures import draw


@pytest.fixture(autouse=True)
def readable_figures(monkeypatch):
    """Whatever a job draws is read as a reader of README would."""
    settle = draw.settle

    def settle_and_read(figure):
        settle(figure)
        assert_readable(figure)

    monkeypatch.setattr(draw, "settle", settle_and_read)
