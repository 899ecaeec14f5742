"""Verdicts are by intervals."""

import json

import numpy as np
import pytest
import xarray as xr

from infoflow.errors import InfoflowError
from infoflow.studies.claims.entries import Evidence
from infoflow.studies.claims.intervals import Interval, Untested
from infoflow.studies.claims.quantities.registry import QUANTITIES
from infoflow.studies.claims.variables import FAILS, HOLDS, NOT_TESTED, REDUCED, UNDECIDED
from infoflow.studies.claims.verdicts import accepted, judge

CUBE = xr.Dataset(attrs={"config": json.dumps({"run": {"seed": 0}})})
EVIDENCE = {"mine": Evidence("mine", "cube", ["config/config.yaml"], {"run.seed": 0})}


def decide(claim, found, cubes=(CUBE,)):
    (one,) = judge([claim], EVIDENCE, {"cube": cubes}, {"found": found})
    return one


def test_bounds_are_of_statement_reading_error_and_tolerance(make_claim):
    inf = np.inf
    for expected, bounds in (
        ({"equals": 1}, (0.7, 1.3)),
        ({"at_least": 1}, (0.7, inf)),
        ({"at_most": 1}, (-inf, 1.3)),
        ({"between": [1, 2]}, (0.7, 2.3)),
        ({"equals": [1, 2]}, ([0.7, 1.7], [1.3, 2.3])),
    ):
        for found, bound in zip(accepted(make_claim(expected=expected)), bounds, strict=True):
            np.testing.assert_allclose(found, bound)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.5, 1.5, HOLDS),  # the bounds themselves are within
        (0.5, 0.5, HOLDS),
        (0.49, 1.5, UNDECIDED),
        (0.5, 1.51, UNDECIDED),
        (0.4, 0.5, UNDECIDED),
        (0.4, 0.49, FAILS),
        (1.51, 1.6, FAILS),
        (0.0, 2.0, UNDECIDED),
        (-np.inf, np.inf, UNDECIDED),
    ],
)
def test_an_interval_within_holds_beyond_fails_and_across_a_bound_is_undecided(make_claim, low, high, verdict):
    claim = make_claim(expected={"between": [0.5, 1.5]}, reading_error=0.0, tolerance=0.0)
    one = decide(claim, lambda cube: (0.5, low, high))
    assert one.verdict == verdict
    assert one.changed == (verdict != HOLDS)


def test_the_value_alone_decides_nothing(make_claim):
    assert decide(make_claim(), lambda cube: (1.0, -9.0, 9.0)).verdict == UNDECIDED


def test_all_components_have_to_hold_and_the_worst_is_shown(make_claim):
    claim = make_claim(expected={"at_most": 0.0}, reading_error=0.0, tolerance=0.0)
    values = np.array([-3.0, -1.0, -2.0])
    one = decide(claim, lambda cube: Interval(values, values - 0.5, values + 0.5))
    assert (one.verdict, one.found.value) == (HOLDS, -1.0)
    one = decide(claim, lambda cube: Interval(values, values - 0.5, values + 1.5))
    assert (one.verdict, one.found.value) == (UNDECIDED, -1.0)
    one = decide(claim, lambda cube: Interval(values + 2, values + 1.5, values + 2.5))
    assert (one.verdict, one.found.value) == (FAILS, 1.0)


def test_what_holds_on_smaller_evidence_says_so_and_what_fails_fails(make_claim):
    claim = make_claim(reduced="ten networks", verdict=REDUCED)
    assert decide(claim, lambda cube: (1, 1, 1)).verdict == REDUCED
    assert decide(claim, lambda cube: (3, 3, 3)).verdict == FAILS


@pytest.mark.parametrize(
    ("recorded", "value", "verdict"), [("holds", 3.0, FAILS), ("fails", 1.0, HOLDS), ("undecided", 1.0, HOLDS)]
)
def test_a_verdict_changes_in_either_direction(make_claim, recorded, value, verdict):
    one = decide(make_claim(verdict=recorded), lambda cube: (value, value, value))
    assert (one.verdict, one.changed) == (verdict, True)


def test_without_its_cube_a_claim_is_not_tested_and_has_not_changed(make_claim):
    one = decide(make_claim(), None, cubes=())
    assert (one.verdict, one.changed) == (NOT_TESTED, False)
    assert one.reason == "cube cube is not part of this run; config/config.yaml makes it"


def test_the_cube_of_another_experiment_is_not_judged(make_claim):
    other = xr.Dataset(attrs={"config": json.dumps({"run": {"seed": 1}})})
    one = decide(make_claim(), None, cubes=(other,))
    assert (one.verdict, one.changed) == (NOT_TESTED, False)
    assert one.reason == "cube cube is of another experiment than that of config/config.yaml: run.seed"
    # of several it is the one that fits
    assert decide(make_claim(), lambda cube: (1, 1, 1), cubes=(other, CUBE)).verdict == HOLDS


def test_what_cannot_be_computed_or_is_not_defined_is_not_tested_and_has_changed(make_claim):
    def untested(cube):
        raise Untested("one replica has no error")

    for found, reason in (
        (untested, "one replica has no error"),
        (lambda cube: cube["auroc"], "the cube lacks it"),
        (lambda cube: (np.nan, 0.0, 2.0), "it is not defined here"),
        (lambda cube: (1.0, 0.9, np.array([1.0, np.nan])), "it is not defined here"),
    ):
        one = decide(make_claim(), found)
        assert (one.verdict, one.changed) == (NOT_TESTED, True)
        assert one.reason.startswith(reason)


def test_what_says_why_it_is_not_tested_is_not(make_claim):
    claim = make_claim(not_tested="it is too large", evidence=None, quantity=None, expected={}, verdict=NOT_TESTED)
    one = decide(claim, None)
    assert (one.verdict, one.reason, one.changed) == (NOT_TESTED, "it is too large", False)


def test_a_quantity_that_there_is_none_of_or_other_arguments_are_refused(make_claim):
    with pytest.raises(InfoflowError, match="^a-claim: there is no quantity 'other'"):
        decide(make_claim(quantity="other"), None)
    with pytest.raises(InfoflowError, match="^a-claim: found: .*unexpected keyword"):
        decide(make_claim(arguments={"depth": 1}), lambda cube: (1, 1, 1))


def test_quantities_say_what_they_are():
    for name, function in QUANTITIES.items():
        assert function.__doc__, name
        assert "return" in function.__annotations__, name
