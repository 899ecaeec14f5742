"""Claims that are made up."""

import dataclasses

import pytest

from infoflow.studies.claims.entries import Claim


@pytest.fixture(scope="session")
def make_claim():
    """A function: a claim on the quantity `found`, of which some attributes are others."""
    claim = Claim(
        id="a-claim",
        statement="The quantity is one.",
        source="a paper",
        place="Figure 1",
        evidence="mine",
        quantity="found",
        arguments={},
        expected={"equals": 1.0},
        reading_error=0.1,
        tolerance=0.2,
        why="It is made up.",
        reduced=None,
        not_tested=None,
        verdict="holds",
    )
    return lambda **changes: dataclasses.replace(claim, **changes)
