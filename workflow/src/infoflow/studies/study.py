"""What a study tells the workflow: its cubes, its figures, and the parameters of its rules.

Standard library only: every parse of the workflow imports the plans, and no job does.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, ClassVar

from infoflow.architectures.kinds import activations
from infoflow.config import settings
from infoflow.files.names import cube_file
from infoflow.jobs.costs import Work
from infoflow.jobs.provenance import code_digest
from infoflow.jobs.record import mark

Parameters = dict[str, Any]
"""All that a result depends on: recorded in it, and compared by whoever reads it."""

OF_NETWORKS = ("seed", "replicas", "draws", "precision")
"""Settings of the run that results of networks depend on."""

SUFFIXES = ("png", "pdf", "json")
"""Of the files of a figure; the last one holds what it says (`jobs.captions`)."""


def once(method: Callable) -> Callable:
    """A method that is asked the same for thousands of jobs: answers are kept, and must not be changed."""

    @wraps(method)
    def asked(self: Any, *of: Any) -> Any:
        known = self.__dict__.setdefault("_answers", {})
        key = method.__qualname__, of
        if key not in known:
            known[key] = method(self, *of)
        return known[key]

    return asked


@dataclass(frozen=True)
class Figure:
    """A figure, drawn of some cubes.

    Attributes:
        name: of its module, caption and files.
        script: that draws it.
        of: names of the cubes; the figures of a cube lie in a folder of that name.
        inputs: files by name, of one cube.
        parameters: of the rule that draws it, of one cube.
    """

    name: str
    script: str
    of: Sequence[str]
    inputs: Callable[[str], dict[str, Any]]
    parameters: Callable[[str], Parameters]

    def files(self, *cubes: str) -> list[str]:
        """Pictures of it and what it says, of those cubes among some that it is drawn of."""
        chosen = [name for name in self.of if name in cubes]
        return [f"results/figures/{name}/{self.name}.{suffix}" for name in chosen for suffix in SUFFIXES]


class Study:
    """A plan: what a config asks for of one kind of study.

    Args:
        config: a config that went through `check.check_config`.
        others: the studies before it, by name.

    Raises:
        InfoflowError: the config asks for what the study cannot do.
    """

    name: ClassVar[str]
    """Of the folder, and of the study in `run.studies`."""
    FIGURES: ClassVar[Mapping[str, Any]]
    """Names of the figures, in the order in which a reader meets them, with what they need."""

    WORK: ClassVar[Mapping[str, Callable[[Parameters, Mapping[str, str]], Work]]] = {}
    """By rule, the work of a job from its parameters and wildcards: see `jobs.costs`. Jobs whose work is alike, for
    another σ_w² or σ_b², have to give the same. Of rules that are not here every job is expected to take the same."""

    chosen: bool = True
    """Whether `run.studies` has it."""

    def __init__(self, config: Mapping[str, Any], others: Mapping[str, "Study"]):
        self.config = config
        self._marks: dict[str, str] = {}

    def names(self) -> list[str]:
        """Of the cubes, which are those of the folders of their figures, too."""
        raise NotImplementedError

    def made_by(self, cube: str) -> Parameters:
        """The parameters that a cube is made with."""
        raise NotImplementedError

    def cubes(self) -> dict[str, Parameters]:
        """By the name of a cube, the parameters that it is made with."""
        return {name: self.made_by(name) for name in self.names()}

    def figures(self) -> list[Figure]:
        """All figures; by default each of all cubes, and of nothing but a cube."""
        return [self.figure(name, self.names()) for name in self.FIGURES]

    def wanted(self) -> bool:
        """Whether the default target has its cubes."""
        return True

    def pages(self) -> list[str]:
        """Files that show several cubes at once; by default none."""
        return []

    def targets(self) -> dict[str, list[str]]:
        """By the name of a rule, the cubes that it makes with their figures."""
        return {f"study_{self.name}": self.names()}

    def figure(
        self,
        name: str,
        of: Sequence[str],
        inputs: Callable[[str], dict[str, Any]] = lambda cube: {},
        more: Callable[[str], Parameters] = lambda cube: {},
        script: str = "draw_study",
    ) -> Figure:
        """A figure of some cubes, with what it is drawn from besides."""
        module = f"studies.{self.name}.figures.{name}"

        def parameters(cube: str) -> Parameters:
            drawn_from = {"cube": self.mark(cube), "code": code_digest(script, module)}
            return {"module": module, **more(cube), **drawn_from}

        return Figure(name, script, of, lambda cube: {"cube": cube_file(cube), **inputs(cube)}, parameters)

    def mark(self, cube: str) -> str:
        """Of the parameters that a cube is made with: what is drawn from it depends on nothing else."""
        if cube not in self._marks:
            self._marks[cube] = mark(self.made_by(cube))
        return self._marks[cube]

    # --- what the plans of several studies are made of

    def run(self, *names: str) -> Parameters:
        """Some of the settings of the run."""
        return {name: self.config["run"][name] for name in names}

    @once
    def data(self, dataset: str) -> Parameters:
        """Of rule prepare_dataset; whoever reads a data set checks that it was made with these."""
        return {
            "options": settings.data_options(self.config, dataset),
            "seed": self.config["run"]["seed"],
            "code": code_digest("prepare_dataset", f"datasets.{self.config['datasets'][dataset]['kind']}"),
        }

    @once
    def networks(self, rule: str, architecture: str, *plugins: str) -> Parameters:
        """What the networks of an architecture depend on, and the code of a rule that computes with them."""
        options = settings.architecture_options(self.config, architecture)
        modules = (
            f"architectures.{options['kind']}",
            *(f"engine.activations.{a}" for a in sorted(activations(options))),
        )
        return {"architecture": options, "code": code_digest(rule, *modules, *plugins)}

    def about_run(self, cube_config: Parameters) -> Parameters:
        """What a cube says of the run that it is part of: its title, and the part of the config that it comes from."""
        run = self.run("name", *OF_NETWORKS)
        return {"title": run["name"], "config": {"run": run, **cube_config}}
