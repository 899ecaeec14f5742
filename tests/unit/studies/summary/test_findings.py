"""What is said of cubes whose boundaries are known."""

import pytest

from infoflow.reconstruction.kinds import METHODS
from infoflow.studies.claims.variables import FAILS, HOLDS
from infoflow.studies.summary.findings import closing_lines, failing, read_card
from made_up_summary import claims, cube_of

TITLES = {name: method.title for name, method in METHODS.items()}


@pytest.fixture(scope="module")
def cube():
    return cube_of((0, 4, 6, 4))


def test_a_card_has_the_best_column_the_prediction_with_its_baseline_and_the_cost(cube):
    card = read_card("digits", cube, TITLES)
    assert card.answer.startswith("Take σ_w² = 1.8 (σ_b² = 0.05)")
    boundary, prediction, cost = card.sentences
    assert "σ_w² = 0.5" in boundary
    assert "at σ_w² = 3" in boundary
    assert f"Truth: {int((cube['trainable'] >= 0).sum())} networks, all trained" in boundary
    score = cube.sel(score="differential_entropy")
    for name in ("auroc", "auroc_within_depth"):
        numbers = [float(score[f"{name}{end}"]) for end in ("", "_low", "_high")]
        assert "{:.3f} [{:.3f}, {:.3f}]".format(*numbers) in prediction
    assert f"counting layers, {float(cube['auroc'].sel(score='negative_depth')):.3f}" in prediction
    assert f"{float(cube['train_seconds'].sum()):.0f} s of training" in cost


@pytest.mark.parametrize(("limits", "told"), [((6,) * 4, "at every depth of the grid, to 6"), ((0,) * 4, "none of")])
def test_what_cannot_be_told_is_not_told(limits, told):
    card = read_card("a", cube_of(limits), TITLES)
    assert told in f"{card.answer} {card.sentences[0]}"
    assert card.sentences[1] == "Prediction: nothing to tell apart; all networks can be trained, or none."


def test_claims_that_fail_with_what_was_measured():
    found, counts = failing(claims())
    assert [(c.statement, c.measured) for c in found] == [("statement <0>", "0.5 [0.25, 0.75]")]
    assert {verdict: n for verdict, n in counts.items() if n} == {FAILS: 1, HOLDS: 2}


def test_the_terminal_ends_with_a_few_lines(cube):
    card = read_card("digits", cube, TITLES)
    lines = closing_lines([card], failing(claims())[1], "page.html", "figures")
    assert lines[:3] == [f"digits: {told}" for told in (card.answer, *card.sentences[:2])]
    assert lines[-2:] == ["claims: fails 1, holds 2", "to read: page.html; figures: figures"]
    assert len(lines) == 5
    assert closing_lines([], {}, "page.html", "figures") == ["to read: page.html; figures: figures"]
