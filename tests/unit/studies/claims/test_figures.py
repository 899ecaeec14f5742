"""The table of the claims as a figure."""

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
import matplotlib.pyplot as plt

from common import assert_nothing_beyond_the_edges
from infoflow.figures.style import STYLE
from infoflow.studies.claims.check_claims import build_cube
from infoflow.studies.claims.figures.claims import draw
from infoflow.studies.claims.intervals import Interval
from infoflow.studies.claims.variables import NOT_TESTED, VERDICTS
from infoflow.studies.claims.verdicts import Judged

LONG = "A statement that is as long as statements become when they name all data sets and their numbers, " * 3


def test_all_claims_are_within_the_page_failures_first(make_claim):
    rows = [
        Judged(
            make_claim(id=f"claim-{k}", statement=LONG, evidence=None),
            verdict,
            Interval(*(np.nan,) * 3) if verdict == NOT_TESTED else Interval(1.0, 0.9, 1.1),
            (-np.inf, 1.3),
            f"the reason: {LONG}" if verdict == NOT_TESTED else "",
            True,
        )
        for k, verdict in enumerate(reversed(VERDICTS))
    ]
    with plt.rc_context(STYLE):
        figure = draw(build_cube(rows, {}, {}))
        assert_nothing_beyond_the_edges(figure)
    texts = [text.get_text() for text in figure.axes[0].texts]
    found = [text.split("\n")[0] for text in texts if text.split("\n")[0] in VERDICTS]
    assert found == list(VERDICTS)
    assert "changed" in texts[4]
    plt.close(figure)
