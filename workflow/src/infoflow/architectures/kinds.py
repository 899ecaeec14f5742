"""Kinds of architectures: what a config can say of each, and what each cannot do.

Standard library only: every parse of the workflow imports this, and no job does.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from infoflow.config.axes import expand_axis
from infoflow.errors import InfoflowError

VGG16_LAYERS = 22
"""Hidden layers of vgg16, all there are."""
LARGEST_WEIGHTS = 300e9
"""Bytes of the weights of a network and its replicas. A job runs on one device, and none has more memory, while the
reconstruction networks, or what training adds, take as much again."""


@dataclass(frozen=True)
class Kind:
    """What is known of a kind.

    Attributes:
        defaults: its keys, and their values where a config says nothing.
        needed: keys without a default.
        smallest: rows and columns of an image, at least; None, images of any shape.
        channels: numbers of channels that it can take.
        weights: about how many weights the hidden layers of its networks have, from the options, the shape of an image
            and the depth; None, so few that they fit anywhere.
        theory: activations for which there is a theory of their kernel cascade, `theory.reconstruction`.
    """

    defaults: Mapping[str, Any]
    needed: tuple[str, ...] = ()
    smallest: int | None = None
    channels: tuple[int, ...] = (1, 3)
    weights: Callable[[Mapping[str, Any], tuple[int, ...], int], int] | None = None
    theory: tuple[str, ...] = ()


def _weights_of_mlp(options: Mapping[str, Any], shape: tuple[int, ...], depth: int) -> int:
    pixels = math.prod(shape)
    width = options["width"] or pixels
    deeper = (depth - 1) * width**2
    # widths that fall linearly to a few: the mean of their squares is a third
    return pixels * width + (deeper // 3 if options["layout"] == "shrinking" else deeper)


ARCHITECTURES: dict[str, Kind] = {
    "cnn": Kind({"activation": "tanh", "channels": 32}, smallest=8),
    "mlp": Kind(
        {"activation": "tanh", "layout": "wide", "width": None, "head": []},
        weights=_weights_of_mlp,
        theory=(
            "erf",
            "gelu",
            "leaky_relu",
            "linear",
            "relu",
            "sigmoid",
            "silu",
            "sine",
            "softplus",
            "tanh",
            "tanhshrink",
        ),
    ),
    "resnet": Kind({"activation": "tanh", "channels": 32}, smallest=8),
    "resnet_dense": Kind(
        {"activation": "tanh", "head": [400]}, weights=lambda options, shape, depth: depth * math.prod(shape) ** 2
    ),
    "vgg16": Kind(
        {"activation": "relu", "unpool": "learned", "weights": None, "weights_sha256": None}, smallest=32, channels=(3,)
    ),
}
"""By name, which is that of the module of this package that builds it."""


def check_architectures(config: Mapping[str, Any]) -> None:
    """Refuse entries with keys that their kind does not have.

    Raises:
        InfoflowError: the message names the key.
    """
    for name, options in config["architectures"].items():
        known = ARCHITECTURES[options["kind"]].defaults
        for key in options:
            if key not in ("kind", "probe", "train", *known):
                raise InfoflowError(
                    f"config: architectures.{name}.{key}: {options['kind']} has no {key}; its keys: {', '.join(known)}"
                )
        if options["kind"] == "vgg16" and options["activation"] != "relu":
            raise InfoflowError(f"config: architectures.{name}.activation: that of vgg16 is relu")


def has_theory(options: Mapping[str, Any]) -> bool:
    """Whether there is a theory of the kernel cascade of an architecture, an entry of the config."""
    return options.get("activation") in ARCHITECTURES[options["kind"]].theory


def check_experiment(
    name: str, entry: Mapping[str, Any], options: Mapping[str, Any], settings: Mapping[str, Any]
) -> None:
    """Refuse what the architecture of an experiment cannot do.

    Args:
        name, entry: of the experiment.
        options: of its architecture.
        settings: section `train` for it.

    Raises:
        InfoflowError: the message names the key.
    """
    if options["kind"] != "vgg16":
        return
    where = f"config: experiments.{name}"
    if (deepest := expand_axis(f"experiments.{name}.depth", entry["depth"])[-1]) > VGG16_LAYERS:
        raise InfoflowError(f"{where}.depth: {deepest}, but vgg16 has {VGG16_LAYERS} layers")
    if entry["decisions"] and options["unpool"] == "recorded":
        raise InfoflowError(
            f"{where}.decisions: scores of a class have no maxima to put back to where they were; set unpool: learned"
        )
    if entry["truth"] and settings["readout"] != "logits":
        raise InfoflowError(f"{where}: the scores of vgg16 are linear; set train.readout of the architecture to logits")


def wanted_images(kind: str, shape: tuple[int, ...]) -> str | None:
    """The images that a kind of architecture needs, in words, if those of this shape do not suit it."""
    about = ARCHITECTURES[kind]
    if about.smallest is None:
        return None
    channels = shape[2] if len(shape) == 3 else 1
    if len(shape) in (2, 3) and min(shape[:2]) >= about.smallest and channels in about.channels:
        return None
    return f"{'' if 1 in about.channels else 'colour '}images of at least {about.smallest} x {about.smallest} pixels"


def count_weights(options: Mapping[str, Any], shape: tuple[int, ...], depth: int) -> int:
    """About how many weights the hidden layers of a network have; 0 where it is of bounded size."""
    count = ARCHITECTURES[options["kind"]].weights
    return count(options, shape, depth) if count else 0
