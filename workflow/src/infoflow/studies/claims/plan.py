"""What the claims are decided from: those cubes of a run that a claim's evidence names."""

from collections.abc import Mapping
from typing import Any, ClassVar

from infoflow.files.names import cube_file
from infoflow.jobs.provenance import code_digest
from infoflow.jobs.record import mark
from infoflow.studies.claims.entries import digest, read_evidence
from infoflow.studies.study import Parameters, Study


class Claims(Study):
    """A cube, if the run has any evidence: an experiment of one's own is none, whatever its name is."""

    name = "claims"
    FIGURES: ClassVar[Mapping[str, Any]] = {"claims": None}

    def __init__(self, config: Mapping[str, Any], others: Mapping[str, Study]):
        super().__init__(config, others)
        made_by = {name: study.made_by for study in others.values() for name in study.names()}
        self.evidence: dict[str, Parameters] = {}
        for one in read_evidence().values():
            if one.cube in made_by and one.cube not in self.evidence:
                parameters = made_by[one.cube](one.cube)
                if not one.unmet(parameters["config"]):
                    self.evidence[one.cube] = parameters

    def inputs(self) -> dict[str, list[str]]:
        """Cubes that claims are decided from."""
        return {"cubes": [cube_file(name) for name in sorted(self.evidence)]}

    def names(self) -> list[str]:
        return ["claims"] if self.evidence else []

    def made_by(self, cube: str) -> Parameters:
        """Of rule check_claims."""
        return {
            "cubes": {name: mark(made_by) for name, made_by in sorted(self.evidence.items())},
            "claims": digest(),
            "code": code_digest("check_claims"),
            **self.about_run({}),
        }
