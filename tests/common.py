"""Paths, configs and small examples that the tests share."""

import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType, ModuleType

import numpy as np
import yaml

from infoflow.architectures import kinds as architectures
from infoflow.config.check import merge_config
from infoflow.estimators import kinds as estimators
from infoflow.reconstruction.kinds import METHODS

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"


def plugins(package: ModuleType, *others: str) -> list[str]:
    """Names of the plug-ins of a family: the modules of its package but the table of kinds and some others."""
    found = {path.stem for path in Path(package.__file__).parent.glob("*.py")}
    return sorted(name for name in found - {"kinds", *others} if not name.startswith("_"))


def load_config(name: str = "config") -> dict:
    return yaml.safe_load((ROOT / f"config/{name}.yaml").read_text())


def changed_config(**changes) -> dict:
    """The demonstration with changes like experiments__digits__depth=[5]."""
    config = merge_config([load_config()])  # what shares an anchor is changed one by one
    for path, value in changes.items():
        *way, last = path.split("__")
        entry = config
        for key in way:
            entry = entry.setdefault(key, {})
        entry[last] = value
    return config


ARCHITECTURES = {
    "mlp": {"kind": "mlp", "layout": "wide", "width": 14, "activation": "tanh"},
    "mlp pixels": {"kind": "mlp", "layout": "wide", "activation": "tanh"},
    "mlp shrinking": {"kind": "mlp", "layout": "shrinking", "width": 20, "activation": "tanh", "head": [5]},
    "cnn": {"kind": "cnn", "channels": 3, "activation": "tanh"},
    "resnet": {"kind": "resnet", "channels": 3, "activation": "tanh"},
    "resnet_dense": {"kind": "resnet_dense", "activation": "tanh", "head": [6]},
}
ARCHITECTURES |= {
    kind: {"kind": kind, **about.defaults}
    for kind, about in architectures.ARCHITECTURES.items()
    if kind not in ARCHITECTURES and (about.smallest or 0) <= 8 and 1 in about.channels and not about.modular
}
"""Small examples of the architectures for grey images of 8 × 8 pixels; of a kind without one of its own, its defaults.

A test sees to it that every kind is there.
"""
BRANCH = [{"conv": 4}, {"norm": "batch"}, {"activation": "relu"}, {"conv": 4}]
MODULAR = {
    "layers": {
        "kind": "layers",
        "weights": "own",
        "initialization": "gaussian",
        "layers": [
            {"conv": 4, "stride": 2},
            {"repeat": "depth", "layers": [{"residual": BRANCH}, {"activation": "relu"}]},
        ],
    },
    "dense": {
        "kind": "layers",
        "weights": "gaussian",
        "initialization": "gaussian",
        "layers": [{"layers": [{"dense": 12}, {"activation": "tanh"}], "repeat": "depth"}],
    },
    "torchvision": {"kind": "torchvision", "model": "squeezenet1_1", "weights": "gaussian"},
}
"""Likewise those that are modules of PyTorch; the last one for larger images."""

PROBES = {
    "adam": {"method": "adam", "epochs": 2, "batch_size": 16, "learning_rate": 1e-2},
    "ridge": {"method": "ridge", "ridge_penalty": 1e-4, "ridge_samples": 30},
}
_DEFAULTS = yaml.safe_load(SCHEMA.read_text())["$defs"]["probe"]["properties"]
PROBES |= {
    method: {"method": method, **{option: _DEFAULTS[option]["default"] for option in about.options}}
    for method, about in METHODS.items()
    if method not in PROBES and about.plugin
}
"""Short examples of the methods of finding reconstruction networks; of one without any of its own, its defaults."""

ESTIMATORS = {
    "range": {"kind": "range_binning", "bins": 30, "low": -1, "high": 1},
    "layer": {"kind": "layer_range_binning", "bins": 30},
    "width": {"kind": "width_binning", "width": 0.07},
    "kernels": {"kind": "kernel_density", "noise_variance": 1e-3},
    "neighbours": {"kind": "nearest_neighbours", "neighbours": 3, "noise_variance": 1e-3, "draws": 8},
}
ESTIMATORS |= {
    kind: {"kind": kind, **about.options}
    for kind, about in estimators.ESTIMATORS.items()
    if kind not in [options["kind"] for options in ESTIMATORS.values()]
}
"""One estimator of information of every kind."""


def hidden_states(count: int, samples: int, units: int, seed: int = 0, gain: float = 2.0) -> np.ndarray:
    """States like those of tanh layers, of so many networks: float32 [count, samples, units]."""
    x = np.random.default_rng([seed, count, samples, units]).normal(size=(count, samples, units))
    return np.tanh(gain * x).astype(np.float32)


def assert_nothing_beyond_the_edges(figure) -> None:
    """That no text of a matplotlib figure is cut off; a hundredth of an inch for rounding."""
    box = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    assert min(box.x0, box.y0) >= -0.01
    assert box.x1 <= width + 0.01
    assert box.y1 <= height + 0.01


def noisy_copies(path: Path, count: int) -> Iterator[None]:
    """Overwrite a file, `count` times, with 1 to 512 bytes of noise anywhere; at the end it is what it was."""
    whole = path.read_bytes()
    for seed in range(count):
        generator = random.Random(seed)
        start = generator.randrange(len(whole))
        noise = generator.randbytes(generator.randint(1, 512))[: len(whole) - start]
        path.write_bytes(whole[:start] + noise + whole[start + len(noise) :])
        yield
    path.write_bytes(whole)


def one_experiment(dataset: dict, experiment: Mapping = MappingProxyType({}), **others) -> dict:
    """A config of one experiment, `own`: two layers of an mlp on a data set `own`; `others` are laid over it."""
    entry = {"dataset": "own", "architecture": "mlp", "sigma_w2": [1.0], "sigma_b2": [0.0], "depth": [2]}
    config = {"datasets": {"own": dataset}, "experiments": {"own": {**entry, **experiment}}}
    return merge_config([config, others])


def modular_experiment(options: Mapping, experiment: Mapping = MappingProxyType({}), **others) -> dict:
    """Likewise of an architecture `own` on the digits."""
    dataset = {"kind": "digits", "probe": {"evaluation_samples": 50}}
    entry = {"architecture": "own", "depth": [1]} | dict(experiment)
    return one_experiment(dataset, entry, architectures={"own": dict(options)}, **others)
