"""Settings in force: what a checked config says of one data set and one architecture."""

from collections.abc import Mapping
from typing import Any

from infoflow.architectures.kinds import has_theory
from infoflow.datasets.kinds import NOT_DATA
from infoflow.errors import InfoflowError
from infoflow.reconstruction.kinds import DEFAULT, METHODS


def settings(config: Mapping[str, Any], section: str, dataset: str, architecture: str) -> dict[str, Any]:
    """A section (`probe`, `train`) with what the data set overrides, the architecture, and the two of them."""
    data, network = config["datasets"][dataset], config["architectures"][architecture]
    both = data.get("architectures", {}).get(architecture, {})
    return config[section] | data.get(section, {}) | network.get(section, {}) | both.get(section, {})


def train_settings(config: Mapping[str, Any], dataset: str, architecture: str) -> dict[str, Any]:
    """Section `train` of a data set and an architecture, what has no effect left out; `learning_rate` is a list."""
    known = settings(config, "train", dataset, architecture)
    rates = known["learning_rate"]
    unused = "momentum" if known["optimizer"] == "adamw" else "weight_decay"
    return {
        **{key: value for key, value in known.items() if key != unused},
        "learning_rate": list(rates) if isinstance(rates, list | tuple) else [rates],
    }


def probe_methods(config: Mapping[str, Any], dataset: str, architecture: str) -> list[str]:
    """Names of the methods of some probes, the main one first."""
    method = settings(config, "probe", dataset, architecture)["method"]
    if method is None:
        known = has_theory(config["architectures"][architecture])
        return [name for name in DEFAULT if known or METHODS[name].network]
    return [method] if isinstance(method, str) else list(method)


def probe_options(config: Mapping[str, Any], dataset: str, architecture: str, method: str) -> dict[str, Any]:
    """What a probe by one method depends on."""
    known = settings(config, "probe", dataset, architecture)
    about = METHODS[method]
    channels = ["show_channels"] if about.plugin and known["show_channels"] else []
    names = (*about.options, "evaluation_samples", *channels)
    return {"method": method} | {name: known[name] for name in names}


def architecture_options(config: Mapping[str, Any], architecture: str) -> dict[str, Any]:
    """What the networks of an architecture depend on."""
    return {k: v for k, v in config["architectures"][architecture].items() if k not in ("probe", "train")}


def data_options(config: Mapping[str, Any], dataset: str) -> dict[str, Any]:
    """What the images of a data set depend on."""
    return {k: v for k, v in config["datasets"][dataset].items() if k not in NOT_DATA}


def entropy_training(config: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    """How the networks of an entry of `network_entropy` are trained; None if they are not."""
    entry = config["network_entropy"][name]
    if entry["train"] is None:
        return None
    known = settings(config, "train", entry["dataset"], entry["architecture"]) | entry["train"]
    if isinstance(known["learning_rate"], list | tuple):
        raise InfoflowError(
            f"config: network_entropy.{name}.train.learning_rate: its networks are trained once; give one number"
        )
    return {key: known[key] for key in ("epochs", "batch_size", "learning_rate", "momentum", "readout")}
