"""All that a config asks for, by study; the only list of studies.

Standard library, YAML and JSON Schema only: every parse of the workflow imports this, and no job does.
"""

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from infoflow.archive.source import source_digest
from infoflow.config.check import SCHEMA, check_config, closest
from infoflow.datasets.kinds import DATASETS
from infoflow.errors import InfoflowError
from infoflow.files.names import cube_file
from infoflow.jobs.costs import Work
from infoflow.jobs.provenance import code_digest
from infoflow.studies.check_calibration.plan import CheckCalibration
from infoflow.studies.claims.plan import Claims
from infoflow.studies.explorer.plan import Explorer
from infoflow.studies.information_plane.plan import InformationPlane
from infoflow.studies.ising.plan import Ising
from infoflow.studies.leaderboard.plan import Leaderboard
from infoflow.studies.maps.plan import Maps
from infoflow.studies.network_entropy.plan import NetworkEntropy
from infoflow.studies.probing_budget.plan import ProbingBudget
from infoflow.studies.recommendation.plan import Recommendation
from infoflow.studies.study import Figure, Parameters, Study
from infoflow.studies.summary.plan import Summary
from infoflow.studies.trainability.plan import Trainability

KINDS: tuple[type[Study], ...] = (
    Trainability,
    Maps,
    Ising,
    NetworkEntropy,
    ProbingBudget,
    InformationPlane,
    Leaderboard,
    Recommendation,
    CheckCalibration,
    Claims,
    Explorer,
    Summary,
)
"""A study stands behind those that it looks at."""


class Plan:
    """What the workflow has to make of a config.

    Args:
        config: as the user wrote it.
        root: directory of the workflow's source.

    Raises:
        InfoflowError: the config asks for what cannot be done; the message names the key.
    """

    def __init__(self, config: Mapping[str, Any], root: str | Path):
        self.config = in_order(check_config(config, Path(root) / SCHEMA))
        self.of: dict[str, Study] = {}
        chosen = self.config["run"]["studies"]
        names = [kind.name for kind in KINDS]
        for name in chosen or ():
            if name not in names:
                raise InfoflowError(f"config: run.studies: unknown study {name!r}; {closest(name, names, 'studies')}")
        for kind in KINDS:
            study = kind(self.config, self.of)
            study.chosen = chosen is None or kind.name in chosen or kind is Summary
            self.of[kind.name] = study
        self._check()

    @cached_property
    def cubes(self) -> dict[str, Parameters]:
        """By the name of a cube, the parameters that it is made with."""
        return {name: made_by for study in self.of.values() for name, made_by in study.cubes().items()}

    @cached_property
    def figures(self) -> list[Figure]:
        """Of all studies, in the order in which a reader meets them."""
        return [figure for study in self.of.values() for figure in study.figures()]

    @cached_property
    def targets(self) -> dict[str, list[str]]:
        """By the name of a rule, the names of its cubes."""
        return {name: cubes for study in self.of.values() for name, cubes in study.targets().items() if cubes}

    def wanted(self) -> list[str]:
        """Names of the cubes that the default target has."""
        return [name for study in self.of.values() if study.chosen and study.wanted() for name in study.names()]

    def files(self, *cubes: str) -> list[str]:
        """Cubes and their figures."""
        return [*map(cube_file, cubes), *(f for figure in self.figures for f in figure.files(*cubes))]

    def figure_files(self) -> list[str]:
        """Figures of the cubes that the default target has."""
        return [f for f in self.files(*self.wanted()) if f.startswith("results/figures/")]

    def pages(self) -> list[str]:
        """Pages of several cubes that the default target has."""
        return [file for study in self.of.values() if study.chosen for file in study.pages()]

    @cached_property
    def work(self) -> dict[str, Callable[[Parameters, Mapping[str, str]], Work]]:
        """By rule, the work of a job from its parameters and wildcards."""
        return {rule: work for study in self.of.values() for rule, work in study.WORK.items()}

    def archive(self, root: str | Path) -> Parameters:
        """Of rule archive."""
        datasets = self._datasets()
        sources = {name: DATASETS[self.config["datasets"][name]["kind"]].source for name in datasets}
        return {
            "config": self.config,
            "made_by": {name: self.cubes[name] for name in self.wanted()},
            "data": {name: dict(zip(("what", "address", "licence"), source)) for name, source in sources.items()},
            "began": [f"results/logs/prepare_dataset/{name}.log" for name in datasets],
            "code": code_digest("archive"),
            "source": source_digest(root),
        }

    def _datasets(self) -> list[str]:
        """Names of the data sets of the cubes that the default target has."""
        return sorted({name for cube in self.wanted() for name in self.cubes[cube]["config"].get("datasets", ())})

    def _check(self) -> None:
        """Refuse what has no cube, or two cubes of one name, which is that of a file and a folder."""
        seen: dict[str, str] = {}
        for study in self.of.values():
            for name in study.names():
                if name in seen:
                    raise InfoflowError(
                        f"config: {name} is the name of a cube of {seen[name]} and of {study.name}; rename the "
                        "experiment or entry"
                    )
                seen[name] = study.name
        if not self.wanted() and not self.pages():
            raise InfoflowError("config: nothing to do; name an experiment in experiments, or another study")


def in_order(value: Any) -> Any:
    """With sorted keys: the order in which they are written has to mean nothing, and Snakemake compares texts."""
    return {k: in_order(v) for k, v in sorted(value.items())} if isinstance(value, dict) else value
