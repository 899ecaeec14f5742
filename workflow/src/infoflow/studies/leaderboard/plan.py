"""What the leaderboard is built from: the cubes of all experiments with ground truth."""

from collections.abc import Mapping
from functools import reduce
from typing import Any, ClassVar

from infoflow.config.overlays import updated
from infoflow.files.names import cube_file
from infoflow.jobs.provenance import code_digest
from infoflow.predictors.kinds import PREDICTORS
from infoflow.reconstruction.kinds import METHODS
from infoflow.studies.study import Figure, Parameters, Study

FREE = ("negative_depth", "mean_field")
"""The score that every cube has, whatever predictors the config names."""


class Leaderboard(Study):
    """Of one experiment alone it is made on demand: its figure `cost` has the areas under the ROC curve."""

    name = "leaderboard"
    FIGURES: ClassVar[Mapping[str, Any]] = {
        "leaderboard": None,
        "leaderboard_boundary": None,
        "comparison": None,
    }

    def __init__(self, config: Mapping[str, Any], others: Mapping[str, Study]):
        super().__init__(config, others)
        self._trainability = others["trainability"]
        self.judged: list[str] = self._trainability.judged()

    def merge_inputs(self) -> dict[str, Any]:
        """What it is built from."""
        return {"cubes": [cube_file(name) for name in self.judged]}

    def merge(self) -> Parameters:
        """Of rule build_leaderboard."""
        cubes = {name: self._trainability.merge(name) for name in self.judged}
        # of the tables what is on the board: a new entry builds none anew
        scored = {*FREE, *(self.config["predictors"] or {}).get("names", ())}
        probed = {m for name in self.judged for m in self._trainability.methods(self._trainability.experiments[name])}
        return {
            "cubes": cubes,
            "predictors": {name: vars(about) for name, about in PREDICTORS.items() if name in scored},
            "methods": {name: method.about() for name, method in METHODS.items() if name in probed},
            **self.run("seed"),
            "code": code_digest("build_leaderboard"),
            **self.about_run(reduce(updated, (made_by["config"] for made_by in cubes.values()), {})),
        }

    def names(self) -> list[str]:
        return ["leaderboard"] if self.judged else []

    def made_by(self, cube: str) -> Parameters:
        return self.merge()

    def figures(self) -> list[Figure]:
        return super().figures() if self.judged else []

    def wanted(self) -> bool:
        """Whether the default target has it."""
        return len(self.judged) > 1
