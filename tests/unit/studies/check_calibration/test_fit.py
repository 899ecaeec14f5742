"""The rule of the verdict: fitted to the table that is there, and tested on families that it has not seen."""

import json
from dataclasses import replace

import numpy as np
import pytest

from infoflow.modules.verdict import FIRST_STEPS, WITH, Rule, read_rule
from infoflow.modules.verdict import RULE as STORED
from infoflow.modules.verdict import WITHOUT as ALONE
from infoflow.studies.check_calibration.calibrate_check import judge
from infoflow.studies.check_calibration.figures.check_calibration import draw
from infoflow.studies.check_calibration.fit import fit, held_out, held_out_all, interval, make_rules, other_draws
from infoflow.studies.check_calibration.fit import tests as judge_scores
from infoflow.studies.check_calibration.table import Table, read_table, write_table
from infoflow.studies.check_calibration.variables import CEILING, RULE, WITHOUT
from infoflow.verdict.auroc import auroc


@pytest.fixture(scope="module")
def table() -> Table:
    return read_table()


def made_up(number: int = 300) -> Table:
    """Two defects, of which one tells, in three families."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(number, 2))
    return Table(
        networks=np.array([f"n{k // 2}" for k in range(number)]),
        families=np.array(["a", "b", "c"])[np.arange(number) // 2 % 3],
        seeds=np.arange(number) % 2,
        learned=features[:, 0] + 0.3 * rng.normal(size=number) < 0,
        baselines={n: rng.normal(size=number) for n in ("depth", "parameters", "gradient_ratio")},
        names=("tells", "does_not"),
        features=features,
    )


def test_the_rules_of_the_package_are_those_of_its_table(table):
    all_stored, all_made = json.loads(STORED.read_text()), make_rules(table)
    assert set(all_stored) == set(all_made) == {WITH, ALONE}
    assert set(all_made[WITH]["features"]) - set(all_made[ALONE]["features"]) == set(FIRST_STEPS)
    assert all_made[WITH]["features"] == list(table.names)
    for name, made in all_made.items():
        stored = all_stored[name]
        assert stored["features"] == made["features"]
        np.testing.assert_allclose(stored["coefficients"], made["coefficients"], atol=0.02, rtol=0.02)
        assert stored["about"]["networks"] == len(table)
        np.testing.assert_allclose(stored["about"]["held_out_auroc"], made["about"]["held_out_auroc"], atol=0.005)


def test_the_table_is_of_many_networks_of_many_families(table):
    assert len(np.unique(table.networks)) >= 300
    assert len(np.unique(table.families)) >= 8
    assert 1 / 3 < table.learned.mean() < 2 / 3
    assert np.isfinite(table.features).all()


def test_the_rule_beats_every_baseline_on_families_that_it_has_not_seen(table):
    found = judge_scores(table, held_out_all(table))
    (value, low, _), alone, ceiling = (found.pop(n) for n in (RULE, WITHOUT, CEILING))
    assert value >= 0.93
    assert 0.9 <= alone[0] < low
    assert value < ceiling[0]
    assert all(low > high and alone[1] > high for _, _, high in found.values())


def test_other_draws_are_not_the_draw_itself():
    table = made_up(8)
    table = replace(table, learned=np.array([1, 0, 1, 1, 0, 0, 1, 0], bool))
    np.testing.assert_array_equal(other_draws(table), [0, 1, 1, 1, 0, 0, 0, 1])
    one = replace(table, networks=np.arange(8).astype(str))
    np.testing.assert_array_equal(other_draws(one), 0.5)


def test_what_tells_is_found():
    table = made_up()
    coefficients, _ = fit(table, np.arange(len(table)))
    assert coefficients[0] < coefficients[1] / 1.5 < 0
    odds = held_out(table)
    assert auroc(odds, table.learned) > 0.95
    low, high = interval(odds, table)
    assert low < auroc(odds, table.learned) < high
    nothing = replace(table, learned=np.random.default_rng(1).random(len(table)) < 0.5)
    low, high = interval(held_out(nothing), nothing)
    assert low < 0.5 < high


def test_a_defect_can_only_lower_the_odds():
    table = made_up()
    wrong = replace(table, learned=~table.learned)
    coefficients, _ = fit(wrong, np.arange(len(wrong)))
    assert (coefficients <= 0).all()


def test_a_family_is_judged_by_the_others_alone():
    table = made_up()
    other = replace(table, learned=np.where(table.families == "a", ~table.learned, table.learned))
    own = table.families == "a"
    np.testing.assert_array_equal(held_out(table)[own], held_out(other)[own])


def test_a_table_is_read_as_it_was_written(tmp_path):
    table = made_up()
    write_table(table, tmp_path / "a.csv")
    again = read_table(tmp_path / "a.csv")
    np.testing.assert_allclose(again.features, table.features, rtol=1e-3)
    assert again.networks.tolist() == table.networks.tolist()
    assert again.learned.tolist() == table.learned.tolist()


def test_the_figure_shows_all(table):
    figure = draw(judge(table))
    assert len(figure.axes) == 3
    assert [t.get_text() for t in figure.axes[2].get_yticklabels()] == [
        f.replace("_", " ") for f in np.unique(table.families)
    ]


def test_a_verdict_is_uncertain_where_the_fits_disagree():
    rule = Rule(("u",), np.array([[2.0], [-2.0], [2.0]]), np.zeros(3), {})
    assert rule.judge([{"u": 1.0}]).answer == "uncertain"
    rule = Rule(("u",), np.array([[2.0], [2.0], [1.9]]), np.zeros(3), {})
    assert rule.judge([{"u": 1.0}] * 3).answer == "trainable"
    assert rule.judge([{"u": -1.0}] * 3).answer == "not trainable"
    assert read_rule().about["version"] >= 1
