"""What a config asks for of the relative entropy through networks: a cube per entry."""

import itertools
import math
from collections.abc import Mapping
from typing import Any, ClassVar

from infoflow.config import settings
from infoflow.config.axes import expand_axis
from infoflow.config.check import check_names
from infoflow.datasets.kinds import check_number, is_labelled, set_sizes
from infoflow.errors import InfoflowError
from infoflow.files.names import dataset_file, decode, encode
from infoflow.jobs.costs import Work
from infoflow.jobs.provenance import code_digest
from infoflow.studies import work
from infoflow.studies.study import OF_NETWORKS, Parameters, Study
from infoflow.studies.work import added

_MOST_POINTS = 200_000


def point_work(parameters: Parameters, wildcards: Mapping[str, str]) -> Work:
    """A training, and densities of the units of every layer for some images."""
    run, data, train = parameters["run"], parameters["data"]["options"], parameters["train"]
    network = work.network_of(parameters, decode(wildcards["point"])[2])
    size, replicas, entropy = work.BYTES[run["precision"]], run["replicas"], parameters["entropy"]
    drawn = entropy["images"] * entropy["samples"] * replicas * (2 if train else 1)
    held = {"states": entropy["images"] * entropy["samples"] * network.widest * replicas * size / work.MEGA}
    measured = {"values": drawn * network.units / work.GIGA}
    if not train:
        return Work(added(measured, work.reading(data)), {**held, "data": work.data_memory(data, size)})
    return Work(
        added(work.training(network, data, train, replicas), measured, work.reading(data)),
        added(held, work.training_memory(network, data, train, replicas, size)),
    )


class NetworkEntropy(Study):
    """Entries of section `network_entropy`."""

    name = "network_entropy"
    FIGURES: ClassVar[Mapping[str, Any]] = dict.fromkeys(
        (
            "network_relative_entropy",
            "network_collapse",
            "network_maps",
            "network_histograms",
            "network_accuracy",
        )
    )
    WORK: ClassVar[Mapping[str, Any]] = {"network_entropy": point_work}

    def __init__(self, config: Mapping[str, Any], others: Mapping[str, Study]):
        super().__init__(config, others)
        self.entries: Mapping[str, Mapping[str, Any]] = config["network_entropy"]
        self._points = {name: self._check(name, entry) for name, entry in self.entries.items()}

    def _check(self, name: str, entry: Mapping[str, Any]) -> list[str]:
        """Names of the points of an entry that makes sense."""
        where = f"network_entropy.{name}"
        check_names(self.config, where, entry)
        kind = self.config["architectures"][entry["architecture"]]["kind"]
        if kind != "mlp":
            raise InfoflowError(f"config: {where}.architecture: kind is {kind}, but it has to be mlp, fully connected")
        if entry["train"] is not None and not is_labelled(self.config, entry["dataset"]):
            raise InfoflowError(f"config: {where}: dataset {entry['dataset']!r} has no labels; set train: null")
        there = set_sizes(self.config["datasets"][entry["dataset"]])[1]
        check_number(f"{where}.images", entry["images"], there, f"the test set of {entry['dataset']} has")
        axes = [expand_axis(f"{where}.{a}", entry[a]) for a in ("sigma_w2", "sigma_b2", "depth")]
        if math.prod(map(len, axes)) > _MOST_POINTS:
            raise InfoflowError(f"config: {where}: more than {_MOST_POINTS} points; choose fewer values")
        return [encode(*point) for point in itertools.product(*axes)]

    def dataset_file(self, name: str) -> str:
        """The data set of an entry."""
        return dataset_file(self.entries[name]["dataset"])

    def point_files(self, name: str) -> list[str]:
        """Results of all points of an entry."""
        return [f"results/network_entropy/{name}/{point}.nc" for point in self._points[name]]

    def point(self, name: str) -> Parameters:
        """Of rule network_entropy."""
        entry = self.entries[name]
        return {
            **self.networks("network_entropy", entry["architecture"]),
            "entropy": {key: entry[key] for key in ("images", "samples")},
            "train": settings.entropy_training(self.config, name),
            "run": self.run(*OF_NETWORKS),
            "data": self.data(entry["dataset"]),
        }

    def merge(self, name: str) -> Parameters:
        """Of rule merge_network_entropy."""
        entry = self.entries[name]
        return {
            "points": self.point(name),
            "dataset": entry["dataset"],
            "code": code_digest("merge_network_entropy"),
            **self.about_run(
                {
                    "datasets": {entry["dataset"]: settings.data_options(self.config, entry["dataset"])},
                    "architectures": {
                        entry["architecture"]: settings.architecture_options(self.config, entry["architecture"])
                    },
                    # with what other sections say of the training: nothing else in them matters
                    "network_entropy": {name: {**entry, "train": settings.entropy_training(self.config, name)}},
                }
            ),
        }

    def names(self) -> list[str]:
        return [f"network_entropy_{name}" for name in self.entries]

    def made_by(self, cube: str) -> Parameters:
        return self.merge(cube.removeprefix("network_entropy_"))
