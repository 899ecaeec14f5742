"""What the explorer is made of: the cubes of all experiments, and pictures of their probes. It has no cube itself."""

import hashlib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from infoflow.files.names import cube_file
from infoflow.jobs.provenance import code_digest
from infoflow.predictors.kinds import PREDICTORS
from infoflow.reconstruction.kinds import METHODS
from infoflow.studies.study import Figure, Parameters, Study

PAGE = "results/explorer.html"
_SUFFIXES = (".css", ".html", ".js")
"""Of what the page is made of that is not Python, in the folder of this module."""


class Explorer(Study):
    """One page of all experiments that the config has."""

    name = "explorer"
    FIGURES: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, config: Mapping[str, Any], others: Mapping[str, Study]):
        super().__init__(config, others)
        self._trainability = others["trainability"]

    def names(self) -> list[str]:
        return []

    def figures(self) -> list[Figure]:
        return []

    def pages(self) -> list[str]:
        return [PAGE] if self._trainability.names() else []

    def inputs(self) -> dict[str, list[str]]:
        """Cubes, and the probes with pictures, `probes_<experiment>`."""
        names = self._trainability.names()
        probes = {f"probes_{name}": self._trainability.pictured(name) for name in names}
        return {
            "cubes": [cube_file(name) for name in names],
            **{name: files for name, files in probes.items() if files},
        }

    @cached_property
    def parameters(self) -> Parameters:
        """Of rule explorer: what experiments asked for, what methods and scores are called."""
        trainability = self._trainability
        probed = {m for e in trainability.experiments.values() for m in trainability.methods(e)}
        scored = (self.config["predictors"] or {}).get("names", ())
        # what figures alone show of an experiment is not in it
        unseen = {"highlight": (), "decisions": None, "images": 0}
        return {
            "title": self.config["run"]["name"],
            "experiments": {name: {**vars(e), **unseen} for name, e in trainability.experiments.items()},
            "methods": {m: {"title": METHODS[m].title, "network": METHODS[m].network} for m in sorted(probed)},
            "predictors": {name: PREDICTORS[name].title for name in sorted(scored)},
            "cubes": {name: self._trainability.mark(name) for name in trainability.names()},
            "code": code_digest("explorer"),
            "page": _digest(),
        }


def _digest() -> str:
    """SHA-256 of what the page is made of that is not Python."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.iterdir()):
        if path.suffix in _SUFFIXES:
            digest.update(f"{path.name}\n{path.read_text(encoding='utf-8')}".encode())
    return digest.hexdigest()[:16]
