"""What entries, verdicts, cube and figure of the claims agree on."""

HOLDS, REDUCED, FAILS, UNDECIDED, NOT_TESTED = (
    "holds",
    "holds at reduced size",
    "fails",
    "undecided",
    "not tested",
)
VERDICTS = (FAILS, UNDECIDED, NOT_TESTED, REDUCED, HOLDS)
"""In the order in which a reader should meet them; a flag in the cube is the index."""
THEORY = "theory"
"""Evidence of the claims that need no cube: formulas, evaluated."""
