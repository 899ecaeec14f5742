"""What a config asks for of the probing budget: a cube per entry, each of an experiment with ground truth."""

import math
from collections.abc import Mapping
from typing import Any, ClassVar

from infoflow.architectures.sizes import Size
from infoflow.config import settings
from infoflow.config.check import closest
from infoflow.errors import InfoflowError
from infoflow.files.names import cube_file, dataset_file, decode, encode
from infoflow.jobs.costs import Work
from infoflow.jobs.provenance import code_digest
from infoflow.reconstruction.kinds import METHODS
from infoflow.studies import work
from infoflow.studies.study import OF_NETWORKS, Parameters, Study
from infoflow.studies.trainability.experiment import Experiment


def probe_work(parameters: Parameters, wildcards: Mapping[str, str]) -> Work:
    """Every method of the probe, for every width and every fraction of its steps or samples."""
    run, budget, data = parameters["run"], parameters["budget"], parameters["data"]["options"]
    depth, size = decode(wildcards["point"])[2], work.BYTES[run["precision"]]
    amounts, held = [], {}
    for width in budget["widths"]:
        options = parameters["architecture"] if width is None else {**parameters["architecture"], "width": width}
        network = work.network_of({**parameters, "architecture": options}, depth)
        for method, probe in parameters["probes"].items():
            amounts += [work.added(one, times=sum(budget["fractions"])) for one in _steps(method, network, data, probe)]
            samples = probe["evaluation_samples"]
            amounts += [work.composing(network, samples, 1)] * len(budget["fractions"])
            held = work.inverses_memory(network, data, samples, run["replicas"], size)
    return Work(work.added(*amounts, work.reading(data), times=run["replicas"]), held)


def _steps(method: str, network: Size, data: Mapping[str, Any], probe: Mapping[str, Any]) -> list[dict[str, float]]:
    """What one replica takes, of a method."""
    if method == "kernel":
        return [work.by_kernels(network, probe, 1)]
    if method == "theory":
        return [work.by_theory(network.depth, probe)]
    if method == "ridge":
        return [work.inverting_by_regression(network, data, probe, 1)]
    return [work.inverting_with_adam(network, data, {"epochs": 1, "batch_size": 32, **probe}, 1)]


class ProbingBudget(Study):
    """Entries of section `probing_budget`."""

    name = "probing_budget"
    FIGURES: ClassVar[Mapping[str, Any]] = {"probing_budget": None}
    WORK: ClassVar[Mapping[str, Any]] = {"probe_budget": probe_work}

    def __init__(self, config: Mapping[str, Any], others: Mapping[str, Study]):
        super().__init__(config, others)
        self._trainability = others["trainability"]
        self.entries: Mapping[str, Mapping[str, Any]] = config["probing_budget"]
        for name, entry in self.entries.items():
            self._check(f"config: probing_budget.{name}", entry)

    def _check(self, where: str, entry: Mapping[str, Any]) -> None:
        wanted, known = entry["experiment"], self._trainability.experiments
        if wanted not in known:
            raise InfoflowError(
                f"{where}.experiment: unknown experiment {wanted!r}; {closest(wanted, list(known), 'experiments')}"
            )
        experiment = known[wanted]
        if not experiment.truth:
            raise InfoflowError(
                f"{where}.experiment: {wanted} has no ground truth to judge its probes by; set truth: true"
            )
        architecture = self.config["architectures"][experiment.architecture]
        if architecture["kind"] != "mlp":
            raise InfoflowError(
                f"{where}.experiment: the networks of {wanted} are of kind {architecture['kind']}, but only those of "
                "kind mlp can be made narrower"
            )
        full = self._probe(experiment)["evaluation_samples"]
        if (most := max(entry["samples"], default=0)) > full:
            raise InfoflowError(f"{where}.samples: {most}, but the probe has {full} evaluation_samples; choose fewer")
        for width in entry["widths"]:
            if width is not None and width >= (architecture["width"] or math.inf):
                raise InfoflowError(
                    f"{where}.widths: {width} is not narrower than the {architecture['width']} of the experiment"
                )

    def experiment(self, name: str) -> Experiment:
        """That an entry is about."""
        return self._trainability.experiments[self.entries[name]["experiment"]]

    def dataset_file(self, name: str) -> str:
        """The data set of an entry."""
        return dataset_file(self.experiment(name).dataset)

    def merge_inputs(self, name: str) -> dict[str, Any]:
        """What the cube of an entry is merged from."""
        experiment = self.experiment(name)
        points = {encode(p.sigma_w2, p.sigma_b2, self._trainability.grid.probe_depth(p)) for p in experiment.points()}
        return {
            "points": [f"results/probe_budget/{name}/{point}.nc" for point in sorted(points)],
            "truth": cube_file(experiment.name),
            "dataset": self.dataset_file(name),
        }

    def probe(self, name: str) -> Parameters:
        """Of rule probe_budget."""
        experiment = self.experiment(name)
        methods = self._trainability.methods(experiment)
        cube = experiment.dataset, experiment.architecture
        plugins = [f"reconstruction.{method}" for method in sorted(methods) if METHODS[method].plugin]
        return {
            **self.networks("probe_budget", experiment.architecture, *plugins),
            "probes": {method: settings.probe_options(self.config, *cube, method) for method in methods},
            "budget": self._budget(name),
            "offset": self.config["evaluate"]["offset"],
            "run": self.run(*OF_NETWORKS),
            "data": self.data(experiment.dataset),
        }

    def merge(self, name: str) -> Parameters:
        """Of rule merge_probing_budget."""
        experiment = self.experiment(name)
        truth = self._trainability.merge(experiment.name)
        return {
            "points": self.probe(name),
            "truth": truth,
            "experiment": experiment.name,
            "axes": truth["axes"],
            "code": code_digest("merge_probing_budget"),
            **self.about_run({**truth["config"], "probing_budget": {name: self.entries[name]}}),
        }

    def names(self) -> list[str]:
        return [f"probing_budget_{name}" for name in self.entries]

    def made_by(self, cube: str) -> Parameters:
        return self.merge(cube.removeprefix("probing_budget_"))

    def _budget(self, name: str) -> Parameters:
        """Fractions, samples and widths of an entry, ascending, the full probe's last."""
        entry = self.entries[name]
        full = self._probe(self.experiment(name))["evaluation_samples"]
        return {
            "fractions": sorted({1.0, *map(float, entry["fractions"])}),
            "samples": sorted({full, *entry["samples"]}),
            "widths": [*sorted({w for w in entry["widths"] if w is not None}), None],
        }

    def _probe(self, experiment: Experiment) -> Mapping[str, Any]:
        return settings.settings(self.config, "probe", experiment.dataset, experiment.architecture)
