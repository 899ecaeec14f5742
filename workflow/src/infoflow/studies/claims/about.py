"""What the variables of the cube of the claims are."""

import numpy as np

from infoflow.studies.claims.variables import VERDICTS

_UNTESTED = "NaN where it is not tested"
_FLAGS = {
    "units": "1",
    "flag_values": np.arange(len(VERDICTS), dtype=np.int8),
    "flag_meanings": " ".join(verdict.replace(" ", "_") for verdict in VERDICTS),
}
CUBE: dict[str, dict] = {
    "claim": {"long_name": "id of the claim", "units": "1"},
    "statement": {"long_name": "what is said", "units": "1"},
    "source": {"long_name": "publication or documents that say it", "units": "1"},
    "place": {"long_name": "section, figure or document", "units": "1"},
    "evidence": {"long_name": "cube that it is decided from", "units": "1", "comment": "empty where none is needed"},
    "expected": {"long_name": "what is expected, in words", "units": "1"},
    "scope": {"long_name": "full, or how the evidence is smaller than what the statement is about", "units": "1"},
    "reason": {"long_name": "why it is not tested", "units": "1", "comment": "empty where it is"},
    "verdict": {"long_name": "what this run says", **_FLAGS},
    "recorded_verdict": {"long_name": "verdict that is written down with the claim", **_FLAGS},
    "changed": {
        "long_name": "whether the verdict is another one than is recorded",
        "units": "1",
        "flag_values": np.array([0, 1], np.int8),
        "flag_meanings": "no yes",
        "comment": "no where the evidence is not part of this run",
    },
    **{
        name: {"long_name": title, "units": "1", "comment": f"of several components the one that decides; {_UNTESTED}"}
        for name, title in (
            ("value", "the quantity, in its own units"),
            ("low", "lower end of its interval"),
            ("high", "upper end of its interval"),
        )
    },
    **{
        name: {"long_name": title, "units": "1", "comment": "statement, reading error and tolerance together"}
        for name, title in (("accepted_low", "least value that it allows"), ("accepted_high", "largest value"))
    },
}
