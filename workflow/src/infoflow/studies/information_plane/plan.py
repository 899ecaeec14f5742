"""What a config asks for of the information plane: networks that are trained once and measured once, in one cube."""

import itertools
import math
from collections.abc import Mapping
from typing import Any, ClassVar

from infoflow.architectures.sizes import Layer, Size
from infoflow.config import settings
from infoflow.config.axes import expand_axis
from infoflow.config.check import check_names
from infoflow.datasets.kinds import check_number, is_labelled, set_sizes
from infoflow.errors import InfoflowError
from infoflow.estimators.kinds import check_options, output_names
from infoflow.files.names import dataset_file
from infoflow.jobs.costs import Work
from infoflow.jobs.provenance import code_digest
from infoflow.studies import work
from infoflow.studies.information_plane.networks import AXES, TrainedNetwork
from infoflow.studies.study import Parameters, Study

_LONGEST_NAME = 200
_MOST_NETWORKS = 10_000
_IN_PAIRS = ("kernel_density", "nearest_neighbours")
"""Estimators that compare every sample with every other."""


def training_work(parameters: Parameters, wildcards: Mapping[str, str]) -> Work:
    """All epochs of all replicas."""
    plane, network, data = parameters["plane"], _size(parameters), parameters["data"]["options"]
    train = {**plane, "optimizer": parameters["network"]["optimizer"]}
    size = work.BYTES[parameters["run"]["precision"]]
    return Work(
        work.added(work.training(network, data, train, plane["replicas"]), work.reading(data)),
        work.training_memory(network, data, train, plane["replicas"], size),
    )


def measuring_work(parameters: Parameters, wildcards: Mapping[str, str]) -> Work:
    """Every estimator, of every layer, replica and snapshot."""
    plane, trained, network = parameters["plane"], parameters["trained"]["plane"], _size(parameters)
    data = parameters["data"]["options"]
    samples = plane["samples"] or sum(work.samples_of(data))
    measured = trained["replicas"] * trained["snapshots"] * network.depth
    kinds = [entry for entry in plane["estimators"].values() if entry["kind"] in _IN_PAIRS]
    passes = sum(entry.get("draws", 1) for entry in kinds)
    fitted = min(samples, plane["ridge_samples"] or samples)
    return Work(
        {
            "pairs": measured * passes * samples**2 / work.GIGA,
            "samples": measured * len(plane["estimators"]) * samples / work.GIGA,
            "fits": trained["replicas"] * trained["snapshots"] * fitted * network.weights / work.GIGA,
            **work.reading(data),
        },
        {"pairs": samples**2 * 8 / work.MEGA, "states": samples * network.units * 4 / work.MEGA},
    )


def _size(parameters: Parameters) -> Size:
    """Of a network, which has the layers that its name says."""
    widths = [math.prod(work.shape_of(parameters["data"]["options"])), *parameters["network"]["hidden"]]
    return Size(tuple(Layer(a, b, a * b, around=b) for a, b in itertools.pairwise(widths)))


class InformationPlane(Study):
    """Section `information_plane`."""

    name = "information_plane"
    FIGURES: ClassVar[Mapping[str, Any]] = dict.fromkeys(
        (
            "information_snapshots",
            "information_trajectories",
            "information_training_fraction",
            "gradient_phases",
            "information_depth",
            "information_estimators",
            "information_reconstruction",
        )
    )
    WORK: ClassVar[Mapping[str, Any]] = {"train_snapshots": training_work, "measure_information": measuring_work}

    def __init__(self, config: Mapping[str, Any], others: Mapping[str, Study]):
        super().__init__(config, others)
        self.active = config["information_plane"] is not None
        self.networks_by_name: dict[str, TrainedNetwork] = {}
        if not self.active:
            return
        self._plane = plane = config["information_plane"]
        where = "config: information_plane"
        check_names(config, "information_plane", plane)
        if not is_labelled(config, plane["dataset"]):
            raise InfoflowError(f"{where}.dataset: {plane['dataset']!r} has no labels to train on")
        sizes = set_sizes(config["datasets"][plane["dataset"]])
        there = None if None in sizes else sum(sizes)
        check_number("information_plane.samples", plane["samples"], there, f"{plane['dataset']} has")
        self.networks_by_name = expand_networks(plane["networks"])
        if not plane["estimators"]:
            raise InfoflowError(f"{where}.estimators: there is none; name at least one")
        for name, entry in plane["estimators"].items():
            check_options(entry["kind"], entry, f"{where}.estimators.{name}")
        output_names(plane["estimators"])

    @property
    def dataset_file(self) -> str:
        """The data set of all networks."""
        return dataset_file(self._plane["dataset"])

    def merge_inputs(self) -> dict[str, Any]:
        """What the cube is merged from."""
        return {
            "trained": [f"results/train_snapshots/{name}.nc" for name in self.networks_by_name],
            "measured": [f"results/measure_information/{name}.nc" for name in self.networks_by_name],
            "dataset": self.dataset_file,
        }

    def training(self, name: str) -> Parameters:
        """Of rule train_snapshots."""
        return {
            **self._common(name),
            "plane": self._options("samples", "epochs", "snapshots", "batch_size", "shuffled")
            | {"replicas": self._plane["replicas"] or self.config["run"]["replicas"], **self.run("draws")},
            "code": code_digest("train_snapshots", self._activation(name)),
        }

    def measure(self, name: str) -> Parameters:
        """Of rule measure_information."""
        estimators = sorted({f"estimators.{e['kind']}" for e in self._plane["estimators"].values()})
        plugins = ("reconstruction.ridge", "engine.activations.linear", self._activation(name))
        return {
            **self._common(name),
            "plane": self._options("samples", "estimators", "ridge_penalty", "ridge_samples"),
            "trained": self.training(name),
            "code": code_digest("measure_information", *plugins, *estimators),
        }

    def merge(self) -> Parameters:
        """Of rule merge_information_plane."""
        dataset = self._plane["dataset"]
        return {
            "networks": {name: self.measure(name) for name in self.networks_by_name},
            "order": list(self.networks_by_name),
            "estimators": self._plane["estimators"],
            "outputs": output_names(self._plane["estimators"]),
            "dataset": dataset,
            "batch_size": self._plane["batch_size"],
            "code": code_digest("merge_information_plane"),
            **self.about_run(
                {"datasets": {dataset: settings.data_options(self.config, dataset)}, "information_plane": self._plane}
            ),
        }

    def names(self) -> list[str]:
        return ["information_plane"] if self.active else []

    def made_by(self, cube: str) -> Parameters:
        return self.merge()

    def _common(self, name: str) -> Parameters:
        return {
            "network": self.networks_by_name[name].options(),
            "run": self.run("seed", "precision"),
            "data": self.data(self._plane["dataset"]),
        }

    def _activation(self, name: str) -> str:
        return f"engine.activations.{self.networks_by_name[name].activation}"

    def _options(self, *names: str) -> Parameters:
        return {name: self._plane[name] for name in names}


def expand_networks(entries: Mapping[str, Mapping[str, Any]]) -> dict[str, TrainedNetwork]:
    """All networks of `information_plane.networks`, by name, in the order of the config; each once.

    Raises:
        InfoflowError: there is none, or there are too many, or a name is too long for a file.
    """
    found: dict[str, TrainedNetwork] = {}
    for entry, axes in entries.items():
        where = f"config: information_plane.networks.{entry}"
        variances = {
            a: expand_axis(f"information_plane.networks.{entry}.{a}", axes[a]) for a in ("sigma_w2", "sigma_b2")
        }
        values = [(axes | variances)[axis] for axis in AXES]
        if len(found) + math.prod(map(len, values)) > _MOST_NETWORKS:
            raise InfoflowError(f"{where}: more than {_MOST_NETWORKS} networks; choose fewer values")
        for combination in itertools.product(*values):
            chosen = dict(zip(AXES, combination))
            chosen = {k: float(v) if isinstance(v, int) else v for k, v in chosen.items()}
            network = TrainedNetwork(**chosen | {"hidden": tuple(chosen["hidden"])})
            if len(network.name) > _LONGEST_NAME:
                raise InfoflowError(f"{where}.hidden: too many different widths for a file name; choose fewer")
            found[network.name] = network
    if not found:
        raise InfoflowError(
            "config: information_plane.networks: there is none; name one, or set information_plane: null"
        )
    return found
