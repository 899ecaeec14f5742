"""What recommendations are read off from: the cubes of all experiments with ground truth."""

from collections.abc import Mapping
from functools import reduce
from typing import Any, ClassVar

from infoflow.config.overlays import updated
from infoflow.files.names import cube_file
from infoflow.jobs.provenance import code_digest
from infoflow.studies.study import Parameters, Study


class Recommendation(Study):
    """A card per experiment with ground truth; of one experiment alone made on demand."""

    name = "recommendation"
    FIGURES: ClassVar[Mapping[str, Any]] = {"recommendation": None}

    def __init__(self, config: Mapping[str, Any], others: Mapping[str, Study]):
        super().__init__(config, others)
        self._trainability = others["trainability"]
        self.judged: list[str] = self._trainability.judged()

    def inputs(self) -> dict[str, list[str]]:
        """Cubes of the experiments."""
        return {"cubes": [cube_file(name) for name in self.judged]}

    def names(self) -> list[str]:
        return ["recommendation"] if self.judged else []

    def made_by(self, cube: str) -> Parameters:
        """Of rule recommend."""
        cubes = {name: self._trainability.merge(name) for name in self.judged}
        return {
            "cubes": cubes,
            "code": code_digest("recommend"),
            **self.about_run(reduce(updated, (made_by["config"] for made_by in cubes.values()), {})),
        }

    def wanted(self) -> bool:
        """Whether the default target has it."""
        return len(self.judged) > 1
