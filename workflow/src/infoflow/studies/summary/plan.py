"""What the summary of a run is made of: experiments with ground truth, claims, and what all figures say. No cube."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from infoflow.files.names import cube_file
from infoflow.jobs.provenance import code_digest
from infoflow.reconstruction.kinds import METHODS
from infoflow.studies.study import Figure, Parameters, Study

PAGE, LINES, FOUND = "results/summary.html", "results/summary.txt", "results/summary.json"
"""What a reader begins with, what the terminal ends with, and the same for programs and for Snakemake's report."""


class Summary(Study):
    """Of all that the default target has; so it stands behind all other studies, and always is chosen."""

    name = "summary"
    FIGURES: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, config: Mapping[str, Any], others: Mapping[str, Study]):
        super().__init__(config, others)
        self._others = others

    def names(self) -> list[str]:
        return []

    def figures(self) -> list[Figure]:
        return []

    def pages(self) -> list[str]:
        return [PAGE, LINES, FOUND] if self._wanted else []

    def inputs(self) -> dict[str, list[str]]:
        """Cubes of experiments with ground truth, captions of all figures, claims."""
        drawn = [f for study in self._wanted for figure in study.figures() for f in figure.files(*study.names())]
        return {
            "cubes": [cube_file(name) for name in self._judged],
            "captions": [f for f in drawn if f.endswith(".json")],
            "claims": [cube_file("claims")] if self._others["claims"] in self._wanted else [],
        }

    @cached_property
    def parameters(self) -> Parameters:
        """Of rule summarize."""
        trainability = self._others["trainability"]
        pages = [
            page for study in self._others.values() if study is not self and study.chosen for page in study.pages()
        ]
        return {
            "title": self.config["run"]["name"],
            "cubes": {name: trainability.mark(name) for name in self._judged},
            "methods": {name: method.title for name, method in METHODS.items()},
            "links": {Path(page).stem: Path(page).name for page in pages} | {"figures": "figures/", "cubes": "cubes/"},
            "code": code_digest("summarize"),
        }

    @property
    def _wanted(self) -> list[Study]:
        """Studies with cubes that the default target has."""
        return [study for study in self._others.values() if study.chosen and study.wanted() and study.names()]

    @property
    def _judged(self) -> list[str]:
        trainability = self._others["trainability"]
        return trainability.judged() if trainability in self._wanted else []
