"""What a config asks for of maps: a cube per entry, each of several experiments on the same axes."""

from collections.abc import Mapping
from functools import reduce
from typing import Any, ClassVar

from infoflow.architectures.kinds import ARCHITECTURES
from infoflow.config.check import closest
from infoflow.config.overlays import said_by, updated
from infoflow.errors import InfoflowError
from infoflow.files.names import cube_file
from infoflow.jobs.provenance import code_digest
from infoflow.reconstruction.kinds import METHODS
from infoflow.studies.study import Parameters, Study
from infoflow.studies.trainability.experiment import Experiment

_THEORY = "theory"
_AXES = ("sigma_w2", "sigma_b2", "depth")


class Maps(Study):
    """Entries of section `maps`."""

    name = "maps"
    FIGURES: ClassVar[Mapping[str, Any]] = {"map": None, "collapse": None}

    def __init__(self, config: Mapping[str, Any], others: Mapping[str, Study]):
        super().__init__(config, others)
        self._trainability = others["trainability"]
        self.entries: Mapping[str, Mapping[str, Any]] = config["maps"]
        for name, entry in self.entries.items():
            self._check(f"config: maps.{name}.experiments", entry["experiments"])

    def _check(self, where: str, names: list[str]) -> None:
        known = self._trainability.experiments
        for name in names:
            if name not in known:
                raise InfoflowError(
                    f"{where}: unknown experiment {name!r}; {closest(name, list(known), 'experiments')}"
                )
        first, *others = (known[name] for name in names)
        for other in others:
            for axis in _AXES:
                if getattr(other, axis) != getattr(first, axis):
                    raise InfoflowError(
                        f"{where}: {other.name} has other values of {axis} than {first.name}; give both the same, or "
                        "name them in maps of their own"
                    )
        for experiment in (first, *others):
            self._check_methods(where, experiment)

    def _check_methods(self, where: str, experiment: Experiment) -> None:
        """Whether the probes have a measured map, and its theory if there is one."""
        main, *beside = self._trainability.methods(experiment)
        if METHODS[main].network and (_THEORY in beside or not self._has_theory(experiment)):
            return
        key = f"{said_by(self.config, 'probe', 'method', experiment.dataset, experiment.architecture)}.method"
        if METHODS[main].network:
            lacks, wanted = f"without its {_THEORY}", [main, *beside, _THEORY]
        else:
            lacks, wanted = f"by {main} first, which is of no network", [*(beside or ["kernel"]), main]
        raise InfoflowError(f"{where}: {experiment.name} is probed {lacks}; set {key} to [{', '.join(wanted)}]")

    def _has_theory(self, experiment: Experiment) -> bool:
        return ARCHITECTURES[self.config["architectures"][experiment.architecture]["kind"]].theory

    def merge_inputs(self, name: str) -> dict[str, list[str]]:
        """What the cube of an entry is merged from."""
        return {"cubes": [cube_file(experiment) for experiment in self.entries[name]["experiments"]]}

    def merge(self, name: str) -> Parameters:
        """Of rule merge_map."""
        entry = self.entries[name]
        experiments = [self._trainability.experiments[e] for e in entry["experiments"]]
        cubes = {e.name: self._trainability.merge(e.name) for e in experiments}
        return {
            "cubes": cubes,
            # in the order of the config, which is that of the panels
            "experiments": [
                {
                    "name": e.name,
                    "dataset": e.dataset,
                    "architecture": e.architecture,
                    "method": METHODS[self._trainability.methods(e)[0]].title,
                }
                for e in experiments
            ],
            "threshold": entry["threshold"],
            "code": code_digest("merge_map"),
            **self.about_run(
                {**reduce(updated, (made_by["config"] for made_by in cubes.values()), {}), "maps": {name: entry}}
            ),
        }

    def names(self) -> list[str]:
        return [f"map_{name}" for name in self.entries]

    def made_by(self, cube: str) -> Parameters:
        return self.merge(cube.removeprefix("map_"))
