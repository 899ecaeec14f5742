"""What a config asks for of trainability: probes, full trainings, predictors, decisions, and a cube per experiment."""

import itertools
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from infoflow.architectures import kinds as architectures
from infoflow.config import settings
from infoflow.config.axes import expand_axis
from infoflow.config.check import check_names
from infoflow.config.overlays import said_by
from infoflow.datasets.kinds import check_number, image_shape, is_labelled, set_sizes
from infoflow.errors import InfoflowError
from infoflow.figures.chosen import MOST_BIASES, evenly
from infoflow.files.names import dataset_file, decode
from infoflow.jobs.memory import memory
from infoflow.jobs.provenance import code_digest
from infoflow.reconstruction.kinds import METHODS
from infoflow.studies.study import OF_NETWORKS, Figure, Parameters, Study, once
from infoflow.studies.trainability.experiment import Experiment, GridPoint
from infoflow.studies.trainability.grid import Grid, columns_of
from infoflow.studies.trainability.work import WORK

logger = logging.getLogger(__name__)

_BYTES = {"float32": 4, "float64": 8}
_OF_FIGURES = ("highlight", "decisions")
"""Keys of an experiment that its cube does not depend on."""
_OF_MODULES = {
    "probe_kernel": "modules.probe",
    "train_network": "modules.ground_truth",
    "search_boundary": "modules.ground_truth",
    "score_predictor": "predictors.modular",
}
"""By rule, the module that the job imports by name for networks that are modules of PyTorch, and for no others."""

OF_LENGTHS = ("mlp", "cnn")
"""Kinds of architectures whose correlations decay over a length: `theory.architectures.FEEDFORWARD`."""


@dataclass(frozen=True)
class Needs:
    """What a figure of an experiment is drawn from, besides the cube."""

    truth: bool = False
    """Only for experiments with ground truth."""
    probes: bool = False
    """The evaluated probes of the highlighted σ_w², and of the σ_b² that have panels, for their pictures."""
    channels: bool = False
    """Only for experiments whose probes show single channels."""
    pre_activations: bool = False
    """Only for experiments whose networks have pre-activations: those of modules of PyTorch are not known."""
    plane: bool = False
    """Only for experiments with several σ_b² and several σ_w²."""
    lengths: bool = False
    """Only for experiments whose networks have fixed points of mean-field theory, and several σ_w²."""
    decisions: bool = False
    """The decisions of a trained network, in place of probes; only for experiments that ask for them."""


class Trainability(Study):
    """Experiments: each is a cube of its own; points that several share are computed once."""

    name = "trainability"
    FIGURES: ClassVar[Mapping[str, Any]] = {
        "overview": Needs(truth=True),
        "entropy_maps": Needs(),
        "trainability_map": Needs(truth=True),
        "boundary": Needs(truth=True),
        "roc": Needs(truth=True),
        "phase_diagram": Needs(plane=True),
        "relative_entropy": Needs(),
        "scaling": Needs(lengths=True),
        "initialization": Needs(pre_activations=True),
        "reconstructions": Needs(probes=True),
        "channels": Needs(probes=True, channels=True),
        "cost": Needs(truth=True),
        "resources": Needs(),
        "decisions": Needs(truth=True, decisions=True),
    }
    WORK = WORK

    def __init__(self, config: Mapping[str, Any], others: Mapping[str, Study]):
        super().__init__(config, others)
        for name, entry in config["experiments"].items():
            _check_experiment(config, name, entry)
        self.grid = Grid(config)

    @property
    def experiments(self) -> Mapping[str, Experiment]:
        """By name."""
        return self.grid.experiments

    def judged(self) -> list[str]:
        """Experiments with ground truth, which predictors of trainability are judged by."""
        return [name for name, e in self.experiments.items() if e.truth]

    def priority(self, wildcards: Mapping[str, str]) -> int:
        """Of a job, by what it is made of: experiments in the order of the config, before the other studies."""
        names = "cube", "experiment", "architecture", "dataset"
        known = {name: wildcards[name] for name in names if name in wildcards}
        if "architecture" in known:
            return self._ranks.get((known.get("dataset"), known["architecture"]), 0)
        return max((self._ranks.get(value, 0) for value in known.values()), default=0)

    @cached_property
    def _ranks(self) -> Mapping[Any, int]:
        """Of experiments and their cubes, of networks on data sets, and of data sets; the first experiment highest."""
        ranks: dict[Any, int] = {}
        for rank, (name, e) in enumerate(reversed(self.experiments.items()), 1):
            used = {e.dataset, e.truth or e.dataset}
            ranks |= dict.fromkeys((name, *used, *((dataset, e.architecture) for dataset in used)), rank)
        return ranks

    # --- files

    @once
    def evaluation_files(self, name: str, method: str) -> list[str]:
        """Evaluated probes of an experiment by one method."""
        return [f"results/{METHODS[method].result}/{p.stem}.nc" for p in self.grid.probes(name)]

    def probed_files(self) -> list[str]:
        """Evaluated probes of all experiments."""
        return [
            f for name, e in self.experiments.items() for m in self.methods(e) for f in self.evaluation_files(name, m)
        ]

    def training_files(self, *names: str) -> list[str]:
        """Full trainings of some experiments, or of all."""
        return [f"results/train_network/{p.stem}.nc" for p in self.grid.trainings(*names)]

    def search_files(self, name: str) -> list[str]:
        """Searches of the boundary of an experiment."""
        return [f"results/search_boundary/{name}/{p.name}.nc" for p in self.grid.searches(name)]

    def searched_files(self) -> list[str]:
        """Those of all experiments."""
        return [f for name in self.experiments for f in self.search_files(name)]

    def search_inputs(self, name: str, point: str) -> dict[str, Any]:
        """What the search of a column reads: data, probes, and networks that others train anyway."""
        experiment = self.experiments[name]
        column = decode(point)[:2]
        known = self._trained.get((experiment.truth, experiment.architecture, *column), ())
        trained = [p for p in known if p.depth in experiment.depth]
        return {
            "dataset": dataset_file(experiment.truth),
            "probe": self._probed(name).get(column, []),
            "trained": [f"results/train_network/{p.stem}.nc" for p in trained],
        }

    @once
    def _probed(self, name: str) -> dict[tuple, list[str]]:
        """Evaluated probes of an experiment by its main method, by column."""
        main, *_ = self.methods(self.experiments[name])
        found: dict[tuple, list[str]] = {}
        for file in self.evaluation_files(name, main):
            found.setdefault(_point_of(file)[:2], []).append(file)
        return found

    @cached_property
    def _trained(self) -> dict[tuple, list[GridPoint]]:
        """The points that are all trained, by column."""
        found: dict[tuple, list[GridPoint]] = {}
        for p in self.grid.trainings():
            found.setdefault((p.dataset, p.architecture, p.sigma_w2, p.sigma_b2), []).append(p)
        return found

    def merge_inputs(self, name: str) -> dict[str, list[str]]:
        """What the cube of an experiment is merged from."""
        experiment = self.experiments[name]
        main, *beside = self.methods(experiment)
        scored = [f"results/score_predictor/{stem}.nc" for stem in self._scored(name)]
        used = {experiment.dataset, experiment.truth or experiment.dataset}
        return {
            "evaluations": self.evaluation_files(name, main),
            **(
                {"searches": self.search_files(name)} if experiment.search else {"trainings": self.training_files(name)}
            ),
            **{method: self.evaluation_files(name, method) for method in beside},
            **({"predictors": scored} if scored else {}),
            "datasets": [dataset_file(dataset) for dataset in sorted(used)],
        }

    # --- parameters

    def networks(self, rule: str, architecture: str, *plugins: str) -> Parameters:
        own = (_OF_MODULES[rule],) if self._is_modular(architecture) else ()
        return super().networks(rule, architecture, *own, *plugins)

    @once
    def probe(self, method: str, dataset: str, architecture: str) -> Parameters:
        """Of the rules that probe."""
        about = METHODS[method]
        plugins = [f"reconstruction.{method}"] if about.plugin else []
        if about.network:
            of = {
                **self.networks(about.script, architecture, *plugins),
                "run": self.run(*OF_NETWORKS),
            }
        else:
            options = settings.architecture_options(self.config, architecture)
            of = {"architecture": options, "code": code_digest(about.script), **self.run("seed")}
        return {
            **of,
            "probe": settings.probe_options(self.config, dataset, architecture, method),
            "data": self.data(dataset),
            **({} if about.evaluation else {"options": self.config["evaluate"]}),
        }

    @once
    def evaluation(self, method: str, dataset: str, architecture: str) -> Parameters:
        """Of the rules whose results are curves.

        With the parameters of the probe: what made a file that was deleted after its evaluation can be known from
        nowhere else.
        """
        if not METHODS[method].evaluation:
            return self.probe(method, dataset, architecture)
        return {
            "options": self.config["evaluate"],
            "probe": self.probe(method, dataset, architecture),
            "code": code_digest("evaluate_kl"),
        }

    @once
    def training(self, dataset: str, architecture: str) -> Parameters:
        """Of rule train_network."""
        return {
            **self.networks("train_network", architecture),
            "train": settings.train_settings(self.config, dataset, architecture),
            "run": self.run(*OF_NETWORKS),
            "data": self.data(dataset),
        }

    @once
    def search(self, name: str) -> Parameters:
        """Of rule search_boundary."""
        experiment = self.experiments[name]
        of = experiment.truth, experiment.architecture
        main, *_ = self.methods(experiment)
        return {
            **self.networks("search_boundary", experiment.architecture),
            "training": self.training(*of),
            "truth": "/".join(of),
            "depths": list(experiment.depth),
            "search": self.config["search"],
            "made_by": self.evaluation(main, experiment.dataset, experiment.architecture),
            "run": self.run(*OF_NETWORKS),
            "data": self.data(experiment.truth),
        }

    @once
    def prediction(self, dataset: str, architecture: str) -> Parameters:
        """Of rule score_predictor, without the depths of the column."""
        plugins = [f"predictors.{name}" for name in self.config["predictors"]["names"]]
        return {
            **self.networks("score_predictor", architecture, *plugins),
            "predictors": self.config["predictors"],
            "run": self.run(*OF_NETWORKS),
            "data": self.data(dataset),
        }

    def prediction_of(self, dataset: str, architecture: str, point: str) -> Parameters:
        """Of one job of rule score_predictor."""
        depths = self._columns[f"{dataset}/{architecture}/{point}"]
        return {"depths": depths, **self.prediction(dataset, architecture)}

    def decisions(self, dataset: str, architecture: str, point: str) -> Parameters:
        """Of one job of rule explain_decisions: as many images as any experiment shows of that network."""
        stem = f"{dataset}/{architecture}/{point}"
        probe = settings.probe_options(self.config, dataset, architecture, "adam")
        shown = [e.images for e in self.experiments.values() if e.explained and e.explained.stem == stem]
        return {
            **self.networks("explain_decisions", architecture, "reconstruction.adam"),
            "train": settings.train_settings(self.config, dataset, architecture),
            "probe": {name: value for name, value in probe.items() if name != "show_channels"},
            "run": self.run(*OF_NETWORKS),
            "data": self.data(dataset),
            "images": max(shown),
        }

    @once
    def merge(self, name: str) -> Parameters:
        """Of rule merge_cube; `made_by` has the parameters of what is merged, by input."""
        experiment = self.experiments[name]
        architecture = experiment.architecture
        main, *beside = self.methods(experiment)
        made_by = {
            part: self.evaluation(method, experiment.dataset, architecture)
            for method, part in [(main, "evaluations"), *zip(beside, beside)]
        }
        train = None
        if experiment.truth:
            train = settings.train_settings(self.config, experiment.truth, architecture)
            truth = self.search(name) if experiment.search else self.training(experiment.truth, architecture)
            made_by["searches" if experiment.search else "trainings"] = truth
            if depths := self._scored(name):
                scored = {stem.rpartition("/")[2]: found for stem, found in depths.items()}
                made_by["predictors"] = self.prediction(experiment.truth, architecture) | {"depths": scored}
        return {
            "made_by": made_by,
            "axes": {axis: list(getattr(experiment, axis)) for axis in ("sigma_w2", "sigma_b2", "depth")},
            "prefix_invariant": architectures.is_prefix_invariant(self.config["architectures"][architecture]),
            "architecture": settings.architecture_options(self.config, architecture),
            "truth": experiment.truth,
            "train": train,
            "run": self.run("seed", "draws"),
            "code": code_digest("merge_cube"),
            **self.about_run(self._config_of(name)),
        }

    def names(self) -> list[str]:
        return list(self.experiments)

    def made_by(self, cube: str) -> Parameters:
        return self.merge(cube)

    def targets(self) -> dict[str, list[str]]:
        return super().targets() | {f"experiment_{name}": [name] for name in self.experiments}

    def figures(self) -> list[Figure]:
        return [self._figure(name, needs) for name, needs in self.FIGURES.items()]

    # --- what figures and pages need

    def pictured(self, name: str) -> list[str]:
        """Evaluated probes of an experiment, a file per column, that have pictures; theory alone has none."""
        experiment = self.experiments[name]
        main, *_ = self.methods(experiment)
        return self._deepest(experiment) if METHODS[main].network else []

    def methods(self, experiment: Experiment) -> list[str]:
        """Methods of the probes of an experiment, the main one first."""
        return settings.probe_methods(self.config, experiment.dataset, experiment.architecture)

    def _figure(self, name: str, needs: Needs) -> Figure:
        of = [
            e.name
            for e in self.experiments.values()
            if (e.truth or not needs.truth)
            and (e.decisions or not needs.decisions)
            and not (needs.pre_activations and self._is_modular(e.architecture))
            and (self._channels(e) or not needs.channels)
            and ((len(e.sigma_w2) > 1 and len(e.sigma_b2) > 1) or not needs.plane)
            and ((len(e.sigma_w2) > 1 and self._has_lengths(e)) or not needs.lengths)
        ]

        def inputs(cube: str) -> dict[str, Any]:
            return {"probes": self._pictures(self.experiments[cube], needs)}

        def more(cube: str) -> Parameters:
            shown = vars(self.experiments[cube])
            # what only the decisions show redraws no other figure
            return {"experiment": dict(shown) if needs.decisions else {**shown, "decisions": None, "images": 0}}

        return self.figure(name, of, inputs, more, script="draw_figure")

    def _has_lengths(self, experiment: Experiment) -> bool:
        return self.config["architectures"][experiment.architecture]["kind"] in OF_LENGTHS

    def _is_modular(self, architecture: str) -> bool:
        kind = self.config["architectures"][architecture]["kind"]
        return architectures.ARCHITECTURES[kind].modular

    def _channels(self, experiment: Experiment) -> Sequence:
        return settings.settings(self.config, "probe", experiment.dataset, experiment.architecture)["show_channels"]

    def _pictures(self, experiment: Experiment, needs: Needs) -> list[str]:
        if needs.decisions:
            return [f"results/explain_decisions/{experiment.explained.stem}.nc"]
        if not needs.probes:
            return []
        shown = {*itertools.product(experiment.highlight, evenly(experiment.sigma_b2, MOST_BIASES))}
        return [f for f in self._deepest(experiment) if _point_of(f)[:2] in shown]

    def _deepest(self, experiment: Experiment) -> list[str]:
        """Probes by the main method of the deepest network of every column."""
        of, last = (experiment.dataset, experiment.architecture), experiment.depth[-1]
        deepest = {(*column, self.grid.probe_depth(GridPoint(*of, *column, last))) for column in columns_of(experiment)}
        files = self.evaluation_files(experiment.name, self.methods(experiment)[0])
        return [f for f in files if _point_of(f) in deepest]

    @cached_property
    def _columns(self) -> dict[str, list[int]]:
        return self.grid.columns() if self.config["predictors"] else {}

    def _scored(self, name: str) -> dict[str, list[int]]:
        """Columns of the judged networks of an experiment, with their depths."""
        experiment = self.experiments[name]
        judged = set(columns_of(experiment)) if experiment.truth else set()
        where = f"{experiment.truth}/{experiment.architecture}/"
        return {
            stem: depths
            for stem, depths in self._columns.items()
            if stem.startswith(where) and decode(stem.removeprefix(where))[:2] in judged
        }

    def _config_of(self, name: str) -> Parameters:
        """The part of the config that a cube comes from: the settings in force, and nothing that only figures show."""
        experiment, entry = self.experiments[name], self.config["experiments"][name]
        network = experiment.architecture
        said = {experiment.dataset: {"probe": self._probe_of(experiment)}}
        if experiment.truth:
            train = settings.settings(self.config, "train", experiment.truth, network)
            said[experiment.truth] = {**said.get(experiment.truth, {}), "train": train}
        return {
            "datasets": {
                dataset: {**settings.data_options(self.config, dataset), "architectures": {network: sections}}
                for dataset, sections in said.items()
            },
            "architectures": {network: settings.architecture_options(self.config, network)},
            "evaluate": self.config["evaluate"],
            **({"predictors": self.config["predictors"]} if experiment.truth else {}),
            **({"search": self.config["search"]} if experiment.search else {}),
            "experiments": {name: {key: value for key, value in entry.items() if key not in _OF_FIGURES}},
        }

    def _probe_of(self, experiment: Experiment) -> Parameters:
        """Section `probe` in force: what the methods of an experiment use of it."""
        cube = experiment.dataset, experiment.architecture
        used = {
            key: value
            for method in self.methods(experiment)
            for key, value in settings.probe_options(self.config, *cube, method).items()
        }
        return {**used, "method": self.methods(experiment)}


def _point_of(path: str) -> tuple[float, float, int]:
    """(σ_w², σ_b², depth) of a result."""
    return decode(path.rpartition("/")[2].removesuffix(".nc"))


def _check_experiment(config: Mapping[str, Any], name: str, entry: Mapping[str, Any]) -> None:
    where = f"config: experiments.{name}"
    check_names(config, f"experiments.{name}", entry)
    truth = entry["truth_dataset"] or entry["dataset"]
    architecture = config["architectures"][entry["architecture"]]
    if entry["truth"] and not is_labelled(config, truth):
        raise InfoflowError(
            f"{where}: dataset {truth!r} has no labels to train on; set truth: false, or truth_dataset to a data set "
            "with labels"
        )
    modular = architectures.ARCHITECTURES[architecture["kind"]].modular
    if entry["truth"] and architecture.get("weights") and not modular:
        raise InfoflowError(
            f"{where}: architecture {entry['architecture']!r} has weights of its own, of which full training from "
            "random weights says nothing; set truth: false"
        )
    if entry["decisions"] and not entry["truth"]:
        raise InfoflowError(
            f"{where}.decisions: they are those of a trained network; set truth: true, or decisions: null"
        )
    _check_methods(config, where, entry["dataset"], entry["architecture"])
    train = settings.settings(config, "train", truth, entry["architecture"])
    architectures.check_experiment(name, entry, architecture, train)
    _check_sizes(config, entry, truth)
    used = {
        "dataset": entry["dataset"],
        **({"truth_dataset": truth} if entry["truth"] and truth != entry["dataset"] else {}),
    }
    for key, dataset in used.items():
        if (shape := image_shape(config["datasets"][dataset])) is not None:
            _check_images(config, f"experiments.{name}", entry, f"{where}.{key}: {dataset}", shape)


def _check_methods(config: Mapping[str, Any], where: str, dataset: str, architecture: str) -> None:
    """Whether the methods of probing suit the networks."""
    options = config["architectures"][architecture]
    main, *beside = settings.probe_methods(config, dataset, architecture)
    modular = architectures.ARCHITECTURES[options["kind"]].modular
    for method in (main, *beside):
        if modular and method != "kernel":
            raise InfoflowError(
                f"{where}: probe.method {method}: of architecture {architecture}, of kind {options['kind']}, there are "
                "neither maps that undo its layers nor a theory; set probe.method to kernel"
            )
        if not METHODS[method].network and not architectures.has_theory(options):
            what = " ".join(["kind", options["kind"], *([options["activation"]] if "activation" in options else [])])
            known = architectures.ARCHITECTURES["mlp"].theory
            raise InfoflowError(
                f"{where}: probe.method {method}: there is none of architecture {architecture}, of {what}, but only of "
                f"kind mlp with activation {', '.join(known)}; leave it out"
            )
    if settings.settings(config, "probe", dataset, architecture)["show_channels"] and not METHODS[main].plugin:
        known = " or ".join(name for name, about in METHODS.items() if about.plugin)
        raise InfoflowError(
            f"{where}: probe.show_channels: the {METHODS[main].title} knows nothing of channels; set probe.method of "
            f"architecture {architecture} to {known}, or show_channels to []"
        )


def _check_sizes(config: Mapping[str, Any], entry: Mapping[str, Any], truth: str) -> None:
    """What takes images of a data set against how many there are, where the config tells."""
    network = entry["architecture"]
    sizes = {name: set_sizes(config["datasets"][name]) for name in {entry["dataset"], truth}}
    methods = settings.probe_methods(config, entry["dataset"], network)
    fitted = any("kernel_samples" in METHODS[method].options for method in methods)
    for dataset, key, part in (
        (entry["dataset"], "evaluation_samples", "test"),
        *([(truth, "evaluation_samples", "test")] if entry["decisions"] else []),
        *([(entry["dataset"], "kernel_samples", "training")] if fitted else []),
    ):
        number = settings.settings(config, "probe", dataset, network)[key]
        path = f"{said_by(config, 'probe', key, dataset, network)}.{key}"
        own = f"datasets.{dataset}.{path}" if path.startswith("probe.") else path  # others may have more
        check_number(path, number, sizes[dataset][part == "test"], f"the {part} set of {dataset} has", own)
    if entry["truth"] and config["predictors"]:
        number = config["predictors"]["batch_size"]
        check_number("predictors.batch_size", number, sizes[truth][0], f"the training set of {truth} has")


def _check_images(
    config: Mapping[str, Any], where: str, entry: Mapping[str, Any], who: str, shape: tuple[int, ...]
) -> None:
    """Whether the networks can take images of a shape, and their weights fit into a memory."""
    network, run = entry["architecture"], config["run"]
    options = config["architectures"][network]
    given = f"{who} has images of {' x '.join(map(str, shape))}"
    if wanted := architectures.wanted_images(options["kind"], shape):
        raise InfoflowError(
            f"{given}, but architecture {network}, {options['kind']}, needs {wanted}; choose another data set or "
            "architecture"
        )
    depth = expand_axis(f"{where}.depth", entry["depth"])[-1]
    architectures.check_shapes(options, network, shape, depth)
    size = architectures.count_weights(options, shape, depth) * run["replicas"] * _BYTES[run["precision"]]
    if size > architectures.LARGEST_WEIGHTS:
        raise InfoflowError(
            f"{given}, so that the weights of architecture {network}, depth {depth}, take {size / 1e9:,.0f} GB for "
            f"{run['replicas']} replicas, more than any device has; choose smaller images, or mlp with a smaller width"
        )
    here = memory()
    if here is not None and size > here:
        logger.warning(
            "%s, so that the weights of architecture %s, depth %d, take %.0f GB for %d replicas, and a job twice that; "
            "this machine has %.0f GB: choose smaller images, or mlp with a smaller width, unless jobs run elsewhere",
            *(given, network, depth, size / 1e9, run["replicas"], here / 1e9),
        )
