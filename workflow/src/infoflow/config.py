"""Configuration: defaults, and refusal of everything that is not meant, before any job is planned.

No heavy imports: every cluster job imports this when it parses the workflow.
"""

import difflib
import itertools
import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match
from jsonschema.validators import extend

from infoflow.errors import InfoflowError
from infoflow.estimators import check_options, output_names
from infoflow.grid import encode, expand_axis
from infoflow.information.plan import networks
from infoflow.overlays import lay_over, places
from infoflow.sizes import count_weights, image_shape, set_sizes, wanted_images, whole_sizes

UNLABELLED = {"white_noise"}
"""Kinds of data sets that can be probed, but not trained on."""

_SIZES = ("train_samples", "test_samples")

DATASET_OPTIONS = {
    "cifar10": ((), ("colour",)),
    "digits": ((), ()),
    "fashion_mnist": ((), ()),
    "image_folder": (("path", *_SIZES), ("size", "colour")),
    "mnist": ((), ()),
    "o3": ((), ("power_spectrum", "threshold", "softness", "shuffled", "train_fraction")),
    "photographs": (_SIZES, ("size", "colour")),
    "white_noise": (("shape", *_SIZES), ()),
}
"""Kinds of data sets (`infoflow.datasets`): the keys that each needs, and those it can have besides the common ones."""

NOT_DATA = ("probe", "train", "architectures")
"""Keys of a data set that say how networks are probed and trained on it, and nothing about its images."""

_COMMON_OPTIONS = ("kind", *_SIZES, *NOT_DATA)

ARCHITECTURE_OPTIONS: dict[str, dict[str, Any]] = {
    "cnn": {"activation": "tanh", "channels": 32},
    "mlp": {"activation": "tanh", "layout": "wide", "width": None, "head": []},
    "resnet": {"activation": "tanh", "channels": 32},
    "resnet_dense": {"activation": "tanh", "head": [400]},
    "vgg16": {"activation": "relu", "unpool": "learned", "weights": None, "weights_sha256": None},
}
"""Kinds of architectures (`infoflow.architectures`): their keys and defaults."""

VGG16_LAYERS = 22
"""Hidden layers of vgg16, all there are."""

METHOD_OPTIONS = {"adam": ("epochs", "batch_size", "learning_rate"), "ridge": ("ridge_penalty", "ridge_samples")}
"""Methods of probing (`infoflow.reconstruction`), and the keys of section `probe` that each of them uses."""


def check_config(config: Mapping[str, Any], schema_path: str | Path) -> dict[str, Any]:
    """The config with all defaults filled in.

    Raises:
        InfoflowError: a key is unknown or missing, or a value out of bounds; the message names the key.
    """
    schema = yaml.safe_load(Path(schema_path).read_text(encoding="utf-8"))
    _check_values(config)
    # An entry switched off with null is not checked and not used.
    config = {**config, "probing_budget": _of_experiments(config)} if "probing_budget" in config else config
    config = {key: _without_null(value) if key in NAMED else value for key, value in config.items()}
    if isinstance(plane := config.get("information_plane"), Mapping):
        named = {key: _without_null(plane[key]) for key in ("estimators", "networks") if key in plane}
        config["information_plane"] = {**plane, **named}
    error = best_match(_Validator(schema).iter_errors(config), key=_depth)
    if error is not None:
        raise InfoflowError(f"config: {_explain(error)}")
    config = _fill(config, schema, schema)
    config["architectures"] = {
        name: ARCHITECTURE_OPTIONS[options["kind"]] | options for name, options in config["architectures"].items()
    }
    _check_datasets(config)
    _check_architectures(config)
    _check_experiments(config)
    _check_ising(config)
    _check_network_entropy(config)
    _check_information_plane(config)
    _check_studies(config)
    _check_probing_budget(config)
    _check_sizes(config)
    _check_images(config)
    return config


def read_config(path: str | Path) -> dict[str, Any]:
    """What a config file says.

    Raises:
        InfoflowError: it cannot be read, or has no keys.
    """
    try:
        read = yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InfoflowError(f"{path}: not a config file ({' '.join(str(error).split())})") from error
    if not isinstance(read, Mapping):
        raise InfoflowError(f"{path}: not a config file (it has no keys)")
    return read


def merge_config(layers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One config of several that are laid over each other, see `infoflow.overlays`; not checked yet.

    Raises:
        InfoflowError: one has no keys, or too many values.
    """
    merged: dict[str, Any] = {}
    for layer in layers:
        _check_values(layer)  # what refers to itself has no end
        merged = lay_over(merged, layer)
    return merged


def studies(config: Mapping[str, Any]) -> dict[str, str]:
    """Studies that are switched on: by name, which is that of the cube and of the directory of the figures, the kind.

    Kinds are those of `figures.STUDIES`.
    """
    known = {} if config["ising"] is None else {"ising_1d": "ising_1d", "ising_2d": "ising_2d"}
    known |= {} if config["information_plane"] is None else {"information_plane": "information_plane"}
    known |= {"leaderboard": "leaderboard"} if len(judged_cubes(config)) > 1 else {}
    named = ("network_entropy", "probing_budget")
    return known | {f"{kind}_{name}": kind for kind in named for name in config[kind]}


def judged_cubes(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(dataset, architecture) of the cubes with ground truth, which predictors of trainability are judged by.

    If there is only one, its figure `cost` has the areas under the ROC curve, and the leaderboard is made on demand.
    """
    return sorted({(e["dataset"], e["architecture"]) for e in config["experiments"].values() if e["truth"]})


def ising_options(config: Mapping[str, Any], section: str) -> dict[str, Any]:
    """A section of `ising` with its couplings expanded, ascending, those that are drawn as curves among them."""
    options = config["ising"][section]
    highlight = [float(k) for k in options.get("highlight", [])]
    couplings = {*expand_axis(f"ising.{section}.couplings", options["couplings"]), *highlight}
    return options | {"couplings": expand_axis(f"ising.{section}.highlight", sorted(couplings))}


def plane_replicas(config: Mapping[str, Any]) -> int:
    """Replicas of the networks of the information plane."""
    return config["information_plane"]["replicas"] or config["run"]["replicas"]


def entropy_points(config: Mapping[str, Any], name: str) -> list[str]:
    """Names of the points of an entry of `network_entropy`."""
    entry = config["network_entropy"][name]
    axes = [expand_axis(f"network_entropy.{name}.{a}", entry[a]) for a in ("sigma_w2", "sigma_b2", "depth")]
    if math.prod(map(len, axes)) > _MOST_VALUES:
        raise InfoflowError(f"config: network_entropy.{name}: more than {_MOST_VALUES} points; choose fewer values")
    return [encode(*point) for point in itertools.product(*axes)]


def entropy_training(config: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    """How the networks of an entry of `network_entropy` are trained; None if they are not."""
    entry = config["network_entropy"][name]
    if entry["train"] is None:
        return None
    known = settings(config, "train", entry["dataset"], entry["architecture"]) | entry["train"]
    return {key: known[key] for key in ("epochs", "batch_size", "learning_rate", "momentum", "readout")}


def budget_options(config: Mapping[str, Any], name: str) -> dict[str, list]:
    """Fractions, samples and widths of an entry of `probing_budget`, ascending, the full probe's last."""
    entry = config["probing_budget"][name]
    experiment = config["experiments"][entry["experiment"]]
    samples = settings(config, "probe", experiment["dataset"], experiment["architecture"])["evaluation_samples"]
    return {
        "fractions": sorted({1.0, *map(float, entry["fractions"])}),
        "samples": sorted({samples, *entry["samples"]}),
        "widths": [*sorted({w for w in entry["widths"] if w is not None}), None],
    }


def settings(config: Mapping[str, Any], section: str, dataset: str, architecture: str) -> dict[str, Any]:
    """A section (`probe`, `train`) with what the data set overrides, the architecture, and the two of them."""
    data, network = config["datasets"][dataset], config["architectures"][architecture]
    both = data.get("architectures", {}).get(architecture, {})
    return config[section] | data.get(section, {}) | network.get(section, {}) | both.get(section, {})


def probe_methods(config: Mapping[str, Any], dataset: str, architecture: str) -> list[str]:
    """Names of the methods that find the reconstruction networks of some probes, the main one first."""
    method = settings(config, "probe", dataset, architecture)["method"]
    return [method] if isinstance(method, str) else list(method)


def probe_options(config: Mapping[str, Any], dataset: str, architecture: str, method: str) -> dict[str, Any]:
    """What a probe by one method depends on."""
    known = settings(config, "probe", dataset, architecture)
    names = (*METHOD_OPTIONS[method], "evaluation_samples", *(["show_channels"] if known["show_channels"] else []))
    return {"method": method} | {name: known[name] for name in names}


def architecture_options(config: Mapping[str, Any], architecture: str) -> dict[str, Any]:
    """What the networks of an architecture depend on."""
    return {k: v for k, v in config["architectures"][architecture].items() if k not in ("probe", "train")}


NAMED = ("datasets", "architectures", "experiments", "network_entropy", "probing_budget")
"""Sections of named entries; one that is null is switched off."""


def _of_experiments(config: Mapping[str, Any]) -> Any:
    """Section `probing_budget` without the entries whose experiment is switched off."""
    entries, experiments = config["probing_budget"], config.get("experiments")
    if not isinstance(entries, Mapping) or not isinstance(experiments, Mapping):
        return entries
    off = [name for name, experiment in experiments.items() if experiment is None]
    return {n: e for n, e in entries.items() if not (isinstance(e, Mapping) and e.get("experiment") in off)}


def _without_null(entries: Any) -> Any:
    if not isinstance(entries, Mapping):
        return entries
    return {name: entry for name, entry in entries.items() if entry is not None}


# Where 3.0 would do for 3, it would be a float that counts layers or epochs.
_Validator = extend(
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    ),
)

_MOST_VALUES, _DEEPEST, _LARGEST_INTEGER = 200_000, 20, 2**63 - 1


def _check_values(config: Any) -> None:
    """Refuse what no key can have, and what is too much to be checked: YAML's references can multiply and loop."""
    if not isinstance(config, Mapping):
        raise InfoflowError("config: top level: it should have keys, like experiments")
    waiting, count = [("", 0, config)], 0
    while waiting:
        path, depth, value = waiting.pop()
        count += 1
        if count > _MOST_VALUES:
            raise InfoflowError(f"config: {path}: more than {_MOST_VALUES} values; give ranges")
        if depth > _DEEPEST:
            raise InfoflowError(f"config: {path}: nested more than {_DEEPEST} levels deep")
        where = path or "top level"
        if isinstance(value, Mapping):
            for key, inner in value.items():
                if problem := _problem(key) if isinstance(key, str) else "is not text":
                    raise InfoflowError(f"config: {where}: the key {_told(key)} {problem}")
                waiting.append((f"{path}.{key}" if path else key, depth + 1, inner))
        elif isinstance(value, list):
            waiting.extend((f"{path}[{index}]", depth + 1, inner) for index, inner in enumerate(value))
        elif problem := _problem(value):
            raise InfoflowError(f"config: {where}: {_told(value)} {problem}")


def _problem(value: Any) -> str | None:
    if isinstance(value, str):
        # They fit neither into a line nor, some of them, into file names and attributes.
        broken = any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in value)
        return "has line breaks or control characters" if broken else None
    if isinstance(value, float):
        return None if math.isfinite(value) else "is not a finite number"
    if isinstance(value, int):
        return None if abs(value) <= _LARGEST_INTEGER else f"is beyond {_LARGEST_INTEGER}"
    return None if value is None else "is neither text, number, boolean nor null"


def _told(value: Any) -> str:
    """A value of a config, or what it is if it cannot be told: Python refuses to write very large integers."""
    if isinstance(value, str | float):
        return repr(value)
    return hex(value) if isinstance(value, int) else f"of type {type(value).__name__}"


def _depth(error: ValidationError) -> tuple:
    # The deepest error says most about a value that fits none of several alternatives.
    return (-len(error.absolute_path), error.validator not in ("additionalProperties", "required"))


def _explain(error: ValidationError) -> str:
    path = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in error.absolute_path).lstrip(".")
    if "propertyNames" in error.absolute_schema_path:
        longest = error.schema["maxLength"]
        return (
            f"{path}: {error.instance!r} cannot be a name, which becomes part of file names; choose one of letters, "
            f"digits, _ and -, at most {longest}, a letter first"
        )
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        unknown = next(k for k in error.instance if k not in known)
        close = difflib.get_close_matches(str(unknown), list(known), n=1)
        hint = f"did you mean {close[0]}?" if close else f"known keys: {', '.join(known)}"
        return f"{f'{path}.' if path else ''}{unknown}: unknown key; {hint}"
    if error.validator == "oneOf":
        return f"{path}: {dict(error.instance)} needs either num or step"
    if error.validator == "type" and "start" in error.schema.get("properties", {}):
        return f"{path}: {error.instance!r} is neither a list nor {{start, stop, num}} nor {{start, stop, step}}"
    if error.validator == "type" and isinstance(error.instance, str) and (remedy := _remedy(error.instance)):
        return f"{path}: {error.message}; {remedy}"
    return f"{path or 'top level'}: {error.message}"


_EXPONENT = re.compile(r"([-+]?[0-9]+)(\.[0-9]*)?[eE]([-+]?)([0-9]+)")


def with_point(number: str) -> str:
    """`2.0e-5` of `2e-5`: an exponent is one to YAML only after a point, and with a sign."""
    if not (found := _EXPONENT.fullmatch(number)):
        return number
    whole, decimals, sign, exponent = found.groups()
    return f"{whole}{decimals or '.0'}e{sign or '+'}{exponent}"


def _remedy(text: str) -> str | None:
    """How to write what is text, but looks as if it was meant as something else."""
    if (written := with_point(text)) != text:
        return f"YAML takes it for text; write {written}"
    if re.fullmatch(r"[-+]?[0-9.]+(e[-+][0-9]+)?|true|false|null", text):
        return "write it without quotation marks, and in a file for --configfile: of nested values --config makes text"
    return None


def _fill(value: Any, schema: Mapping[str, Any], root: Mapping[str, Any]) -> Any:
    """A copy of the value with the defaults of its schema."""
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rsplit("/", 1)[-1]]
    if not isinstance(value, Mapping):
        return value
    filled = dict(value)
    for name, inner in schema.get("properties", {}).items():
        if name not in filled and "default" in inner:
            filled[name] = inner["default"]
        if name in filled:
            filled[name] = _fill(filled[name], inner, root)
    if isinstance(other := schema.get("additionalProperties"), Mapping):
        for name in value:
            filled[name] = _fill(filled[name], other, root)
    return filled


def _check_datasets(config: Mapping[str, Any]) -> None:
    for name, dataset in config["datasets"].items():
        required, optional = DATASET_OPTIONS[dataset["kind"]]
        for key in required:
            if key not in dataset:
                raise InfoflowError(f"config: datasets.{name}.{key}: {dataset['kind']} needs it")
        for other in dataset.get("architectures", {}):
            _check_names(config, f"datasets.{name}.architectures", {"architecture": other})
        for key in dataset:
            if key not in (*_COMMON_OPTIONS, *required, *optional):
                *others, last = [k for k, (must, may) in DATASET_OPTIONS.items() if key in (*must, *may)]
                having = f"{', '.join(others)} and {last} have" if others else f"{last} has"
                raise InfoflowError(f"config: datasets.{name}.{key}: only {having} a {key} to choose")


def _check_architectures(config: Mapping[str, Any]) -> None:
    for name, options in config["architectures"].items():
        known = ARCHITECTURE_OPTIONS[options["kind"]]
        for key in options:
            if key not in ("kind", "probe", "train", *known):
                raise InfoflowError(
                    f"config: architectures.{name}.{key}: {options['kind']} has no {key}; its keys: {', '.join(known)}"
                )
        if options["kind"] == "vgg16" and options["activation"] != "relu":
            raise InfoflowError(f"config: architectures.{name}.activation: that of vgg16 is relu")


def _check_experiments(config: Mapping[str, Any]) -> None:
    if not config["experiments"]:
        raise InfoflowError("config: experiments: there is none; name at least one")
    for name, experiment in config["experiments"].items():
        _check_names(config, f"experiments.{name}", experiment)
        _check_cube(config, name, experiment)
        truth = experiment["truth_dataset"] or experiment["dataset"]
        if experiment["truth"] and config["datasets"][truth]["kind"] in UNLABELLED:
            raise InfoflowError(
                f"config: experiments.{name}: dataset {truth!r} has no labels to train on; "
                "set truth: false, or truth_dataset to a data set with labels"
            )
        if experiment["truth"] and config["architectures"][experiment["architecture"]].get("weights"):
            raise InfoflowError(
                f"config: experiments.{name}: architecture {experiment['architecture']!r} has weights of its own, of "
                "which full training from random weights says nothing; set truth: false"
            )
        architecture = config["architectures"][experiment["architecture"]]
        if architecture["kind"] == "vgg16":
            _check_vgg16(config, name, experiment, architecture)
        if experiment["decisions"] and not experiment["truth"]:
            raise InfoflowError(
                f"config: experiments.{name}.decisions: they are those of a trained network; "
                "set truth: true, or decisions: null"
            )


def _check_names(config: Mapping[str, Any], where: str, entry: Mapping[str, Any]) -> None:
    for key, table in (("dataset", "datasets"), ("truth_dataset", "datasets"), ("architecture", "architectures")):
        wanted = entry.get(key)
        if wanted is not None and wanted not in config[table]:
            close = difflib.get_close_matches(wanted, list(config[table]), n=1)
            hint = f"did you mean {close[0]}?" if close else f"{table}: {', '.join(config[table])}"
            raise InfoflowError(f"config: {where}.{key}: unknown {key} {wanted!r}; {hint}")


def _check_network_entropy(config: Mapping[str, Any]) -> None:
    for name, entry in config["network_entropy"].items():
        where = f"network_entropy.{name}"
        _check_names(config, where, entry)
        entropy_points(config, name)
        if (kind := config["architectures"][entry["architecture"]]["kind"]) != "mlp":
            raise InfoflowError(f"config: {where}.architecture: kind is {kind}, but it has to be mlp, fully connected")
        if entry["train"] is not None and config["datasets"][entry["dataset"]]["kind"] in UNLABELLED:
            raise InfoflowError(f"config: {where}: dataset {entry['dataset']!r} has no labels; set train: null")


def _check_probing_budget(config: Mapping[str, Any]) -> None:
    for name, entry in config["probing_budget"].items():
        where = f"config: probing_budget.{name}"
        if (wanted := entry["experiment"]) not in config["experiments"]:
            close = difflib.get_close_matches(wanted, list(config["experiments"]), n=1)
            hint = f"did you mean {close[0]}?" if close else f"experiments: {', '.join(config['experiments'])}"
            raise InfoflowError(f"{where}.experiment: unknown experiment {wanted!r}; {hint}")
        experiment = config["experiments"][wanted]
        if not experiment["truth"]:
            raise InfoflowError(
                f"{where}.experiment: {wanted} has no ground truth to judge its probes by; set truth: true"
            )
        architecture = config["architectures"][experiment["architecture"]]
        if architecture["kind"] != "mlp":
            raise InfoflowError(
                f"{where}.experiment: the networks of {wanted} are of kind {architecture['kind']}, but only those of "
                "kind mlp can be made narrower"
            )
        most = budget_options(config, name)["samples"][-1]
        full = settings(config, "probe", experiment["dataset"], experiment["architecture"])["evaluation_samples"]
        if most > full:
            raise InfoflowError(f"{where}.samples: {most}, but the probe has {full} evaluation_samples; choose fewer")
        for width in entry["widths"]:
            if width is not None and width >= (architecture["width"] or math.inf):
                raise InfoflowError(
                    f"{where}.widths: {width} is not narrower than the {architecture['width']} of the experiment"
                )


def _check_information_plane(config: Mapping[str, Any]) -> None:
    plane = config["information_plane"]
    if plane is None:
        return
    where = "config: information_plane"
    _check_names(config, "information_plane", plane)
    if config["datasets"][plane["dataset"]]["kind"] in UNLABELLED:
        raise InfoflowError(f"{where}.dataset: {plane['dataset']!r} has no labels to train on")
    networks(plane)
    if not plane["estimators"]:
        raise InfoflowError(f"{where}.estimators: there is none; name at least one")
    for name, entry in plane["estimators"].items():
        check_options(entry["kind"], entry, f"{where}.estimators.{name}")
    output_names(plane["estimators"])


def _check_cube(config: Mapping[str, Any], name: str, experiment: Mapping[str, Any]) -> None:
    # Snakemake reads the names off the file's, so that no others may give the same.
    parts = experiment["dataset"], experiment["architecture"]
    file = "_".join(parts)
    for cut in (k for k, c in enumerate(file) if c == "_"):
        other = file[:cut], file[cut + 1 :]
        if other != parts and other[0] in config["datasets"] and other[1] in config["architectures"]:
            raise InfoflowError(
                f"config: experiments.{name}: dataset {parts[0]} with architecture {parts[1]} would share the file "
                f"{file}.nc with dataset {other[0]} and architecture {other[1]}; rename one"
            )


def _check_studies(config: Mapping[str, Any]) -> None:
    names = {*config["experiments"], *(f"{e['dataset']}_{e['architecture']}" for e in config["experiments"].values())}
    for name in sorted(names & studies(config).keys()):
        raise InfoflowError(
            f"config: experiments: {name} is the name of a study; rename the experiment or its data set"
        )


def _check_ising(config: Mapping[str, Any]) -> None:
    if config["ising"] is None:
        return
    for section in config["ising"]:
        ising_options(config, section)
    chain = config["ising"]["chain"]
    if chain["spins"] is not None and chain["spins"] % 2 ** chain["steps"]:
        raise InfoflowError(
            f"config: ising.chain.spins: a ring of {chain['spins']} cannot be decimated {chain['steps']} times; "
            f"{2 ** chain['steps']} must divide it"
        )


def _check_vgg16(
    config: Mapping[str, Any], name: str, experiment: Mapping[str, Any], architecture: Mapping[str, Any]
) -> None:
    where = f"config: experiments.{name}"
    if (deepest := expand_axis(f"experiments.{name}.depth", experiment["depth"])[-1]) > VGG16_LAYERS:
        raise InfoflowError(f"{where}.depth: {deepest}, but vgg16 has {VGG16_LAYERS} layers")
    if experiment["decisions"] and architecture["unpool"] == "recorded":
        raise InfoflowError(
            f"{where}.decisions: scores of a class have no maxima to put back to where they were; set unpool: learned"
        )
    truth = experiment["truth_dataset"] or experiment["dataset"]
    if experiment["truth"] and settings(config, "train", truth, experiment["architecture"])["readout"] != "logits":
        raise InfoflowError(f"{where}: the scores of vgg16 are linear; set train.readout of the architecture to logits")


def _check_sizes(config: Mapping[str, Any]) -> None:
    """What takes images of a data set against how many there are, where the config tells."""
    for name, dataset in config["datasets"].items():
        for key, there in zip(_SIZES, whole_sizes(dataset)):
            if there == 0:
                raise InfoflowError(f"config: datasets.{name}.train_fraction: it leaves no pattern for {key}")
            _check_number(f"datasets.{name}.{key}", dataset.get(key), there, f"{dataset['kind']} has")
    sizes = {name: set_sizes(dataset) for name, dataset in config["datasets"].items()}
    for experiment in config["experiments"].values():
        network, truth = experiment["architecture"], experiment["truth_dataset"] or experiment["dataset"]
        for dataset in (experiment["dataset"], *([truth] if experiment["decisions"] else [])):
            number = settings(config, "probe", dataset, network)["evaluation_samples"]
            path = _said(config, "probe", "evaluation_samples", dataset, network)
            own = f"datasets.{dataset}.{path}" if path.startswith("probe.") else path
            _check_number(path, number, sizes[dataset][1], f"the test set of {dataset} has", own)
        if experiment["truth"] and config["predictors"]:
            number = config["predictors"]["batch_size"]
            _check_number("predictors.batch_size", number, sizes[truth][0], f"the training set of {truth} has")
    for name, entry in config["network_entropy"].items():
        there = sizes[entry["dataset"]][1]
        path = f"network_entropy.{name}.images"
        _check_number(path, entry["images"], there, f"the test set of {entry['dataset']} has")
    if (plane := config["information_plane"]) and None not in sizes[plane["dataset"]]:
        there = sum(sizes[plane["dataset"]])
        _check_number("information_plane.samples", plane["samples"], there, f"{plane['dataset']} has")


def _check_number(path: str, number: int | None, there: int | None, having: str, own: str | None = None) -> None:
    if number is not None and there is not None and number > there:
        raise InfoflowError(
            f"config: {path}: {number}, but {having} only {there} images; set {own or path} to at most {there}"
        )


def _said(config: Mapping[str, Any], section: str, key: str, dataset: str, architecture: str) -> str:
    """Where a checked config says a value of `settings`."""
    *_, place = (p for p in places(config, section) if p.holds_for(dataset, architecture) and key in p.values)
    return f"{place.path}.{key}"


LARGEST_WEIGHTS = 300e9
"""Bytes of the weights of a network and its replicas. A job runs on one device, and none has more memory, while the
reconstruction networks, or what training adds, take as much again."""


def _check_images(config: Mapping[str, Any]) -> None:
    """Whether the networks can take the images, and their weights fit into a memory."""
    for name, experiment in config["experiments"].items():
        used = {"dataset": experiment["dataset"]}
        if experiment["truth"] and experiment["truth_dataset"]:
            used["truth_dataset"] = experiment["truth_dataset"]
        for key, dataset in used.items():
            if (shape := image_shape(config["datasets"][dataset])) is not None:
                _check_shape(config, f"config: experiments.{name}", key, dataset, shape, experiment)


def _check_shape(
    config: Mapping[str, Any],
    where: str,
    key: str,
    dataset: str,
    shape: tuple[int, ...],
    experiment: Mapping[str, Any],
) -> None:
    network = experiment["architecture"]
    options, run = config["architectures"][network], config["run"]
    given = f"{dataset} has images of {' x '.join(map(str, shape))}"
    if wanted := wanted_images(options["kind"], shape):
        raise InfoflowError(
            f"{where}.{key}: {given}, but architecture {network}, {options['kind']}, needs {wanted}; choose another "
            "data set or architecture"
        )
    depth = expand_axis(f"{where.removeprefix('config: ')}.depth", experiment["depth"])[-1]
    size = count_weights(options, shape, depth) * run["replicas"] * {"float32": 4, "float64": 8}[run["precision"]]
    if size > LARGEST_WEIGHTS:
        raise InfoflowError(
            f"{where}.{key}: {given}, so that the weights of architecture {network}, depth {depth}, take "
            f"{size / 1e9:,.0f} GB for {run['replicas']} replicas, more than any device has; choose smaller images, or "
            "mlp with a smaller width"
        )
