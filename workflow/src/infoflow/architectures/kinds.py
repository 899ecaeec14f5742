"""Kinds of architectures: what a config can say of each, and what each cannot do.

Standard library only: every parse of the workflow imports this, and no job does.
"""

import difflib
import keyword
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from infoflow.architectures.layer_lists import (
    TRAINABLE_SLOPE,
    activations_of,
    channels_first,
    check_list,
    count_repeated,
    follow,
)
from infoflow.architectures.published import find_factory, package_of
from infoflow.config.axes import expand_axis
from infoflow.engine.activations.kinds import ACTIVATIONS
from infoflow.errors import InfoflowError

VGG16_LAYERS = 22
"""Hidden layers of vgg16, all there are."""
DRAWN = ("gaussian", "own")
"""Where modules of PyTorch have their weights from, `modular.draw_module`."""
_ARGUMENTS = ("input_shape", "classes", "depth")
"""What every factory is called with."""
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
        modular: whether its networks are modules of PyTorch, see `modular`: of any blocks, without maps that undo them.
    """

    defaults: Mapping[str, Any]
    needed: tuple[str, ...] = ()
    smallest: int | None = None
    channels: tuple[int, ...] = (1, 3)
    weights: Callable[[Mapping[str, Any], tuple[int, ...], int], int] | None = None
    theory: tuple[str, ...] = ()
    modular: bool = False


def _weights_of_mlp(options: Mapping[str, Any], shape: tuple[int, ...], depth: int) -> int:
    pixels = math.prod(shape)
    width = options["width"] or pixels
    deeper = (depth - 1) * width**2
    # widths that fall linearly to a few: the mean of their squares is a third
    return pixels * width + (deeper // 3 if options["layout"] == "shrinking" else deeper)


ARCHITECTURES: dict[str, Kind] = {
    "cnn": Kind({"activation": "tanh", "channels": 32}, smallest=8),
    "layers": Kind({"initialization": "gaussian", "weights": "own"}, needed=("layers",), modular=True),
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
    "module": Kind({"options": {}, "package": None, "weights": "gaussian"}, needed=("factory",), modular=True),
    "resnet": Kind({"activation": "tanh", "channels": 32}, smallest=8),
    "resnet_dense": Kind(
        {"activation": "tanh", "head": [400]}, weights=lambda options, shape, depth: depth * math.prod(shape) ** 2
    ),
    "torchvision": Kind({"weights": "gaussian"}, needed=("model",), smallest=1, modular=True),
    "vgg16": Kind(
        {"activation": "relu", "unpool": "learned", "weights": None, "weights_sha256": None}, smallest=32, channels=(3,)
    ),
}
"""By name, which is that of the module of this package that builds it."""

_FAMILIES = {
    "alexnet": ("",),
    "convnext_": ("base", "large", "small", "tiny"),
    "densenet": ("121", "161", "169", "201"),
    "efficientnet_": ("b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7", "v2_l", "v2_m", "v2_s"),
    "googlenet": ("",),
    "inception_v3": ("",),
    "maxvit_t": ("",),
    "mnasnet": ("0_5", "0_75", "1_0", "1_3"),
    "mobilenet_": ("v2", "v3_large", "v3_small"),
    "regnet_x_": ("16gf", "1_6gf", "32gf", "3_2gf", "400mf", "800mf", "8gf"),
    "regnet_y_": ("128gf", "16gf", "1_6gf", "32gf", "3_2gf", "400mf", "800mf", "8gf"),
    "resnet": ("101", "152", "18", "34", "50"),
    "resnext": ("101_32x8d", "101_64x4d", "50_32x4d"),
    "shufflenet_v2_": ("x0_5", "x1_0", "x1_5", "x2_0"),
    "squeezenet": ("1_0", "1_1"),
    "swin_": ("b", "s", "t", "v2_b", "v2_s", "v2_t"),
    "vgg": ("11", "11_bn", "13", "13_bn", "16", "16_bn", "19", "19_bn"),
    "vit_": ("b_16", "b_32", "h_14", "l_16", "l_32"),
    "wide_resnet": ("101_2", "50_2"),
}
TORCHVISION = tuple(family + one for family, members in _FAMILIES.items() for one in members)
"""Classifiers of torchvision by name, which is not imported to plan."""


def check_architectures(config: Mapping[str, Any]) -> None:
    """Refuse entries with keys that their kind does not have, or without those that it needs.

    Fills in the package that a factory is of, so that another version of it makes other networks.

    Raises:
        InfoflowError: the message names the key.
    """
    for name, options in config["architectures"].items():
        where, kind = f"config: architectures.{name}", options["kind"]
        known = (*ARCHITECTURES[kind].needed, *ARCHITECTURES[kind].defaults)
        for key in options:
            if key not in ("kind", "probe", "train", *known):
                raise InfoflowError(f"{where}.{key}: {kind} has no {key}; its keys: {', '.join(known)}")
        for key in ARCHITECTURES[kind].needed:
            if key not in options:
                raise InfoflowError(f"{where}.{key}: missing, but kind {kind} needs it")
        if ARCHITECTURES[kind].modular and options["weights"] not in DRAWN:
            raise InfoflowError(f"{where}.weights: {options['weights']!r}; of {kind} they are {' or '.join(DRAWN)}")
        match kind:
            case "vgg16" if options["activation"] != "relu":
                raise InfoflowError(f"{where}.activation: that of vgg16 is relu")
            case "layers":
                check_list(options["layers"], f"{where}.layers", (*ACTIVATIONS, TRAINABLE_SLOPE))
                if (repeated := count_repeated(options["layers"])) > 1:
                    raise InfoflowError(f"{where}.layers: {repeated} entries have repeat: depth; leave it to one")
            case "module":
                options["package"] = _check_factory(where, options)
            case "torchvision" if options["model"] not in TORCHVISION:
                close = difflib.get_close_matches(options["model"], TORCHVISION, n=1)
                hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(TORCHVISION)}"
                raise InfoflowError(f"{where}.model: torchvision has no classifier {options['model']!r}; {hint}")


def _check_factory(where: str, options: Mapping[str, Any]) -> str:
    """The package of a factory, which is looked up, but not imported."""
    try:
        there = package_of(find_factory(options["factory"]))
    except InfoflowError as error:
        raise InfoflowError(f"{where}.factory: {error}") from error
    if options["package"] not in (None, there):
        raise InfoflowError(
            f"{where}.package: {options['package']!r}, but there is {there!r}; install what is wanted, or leave it out"
        )
    for key in options["options"]:
        if not key.isidentifier() or keyword.iskeyword(key) or key in _ARGUMENTS:
            raise InfoflowError(
                f"{where}.options.{key}: no name that an option can have; a factory is called with "
                f"({', '.join(_ARGUMENTS)}, **options)"
            )
    return there


def is_prefix_invariant(options: Mapping[str, Any]) -> bool:
    """Whether the first layers are the same for every depth, so that one probe of the deepest network holds all."""
    return options.get("layout") != "shrinking" and not ARCHITECTURES[options["kind"]].modular


def activations(options: Mapping[str, Any]) -> set[str]:
    """Names of all activations that the networks of an architecture may use."""
    if "layers" in options:
        return activations_of(options["layers"]) - {TRAINABLE_SLOPE}
    if ARCHITECTURES[options["kind"]].modular:
        return set()
    # the last layer of a network is linear, and reconstruction networks end with tanh
    return {"linear", "tanh", options["activation"]} if "activation" in options else set(ACTIVATIONS)


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
    where = f"config: experiments.{name}"
    if ARCHITECTURES[options["kind"]].modular:
        _check_modular(name, entry, options, settings)
    if options["kind"] != "vgg16":
        return
    if (deepest := expand_axis(f"experiments.{name}.depth", entry["depth"])[-1]) > VGG16_LAYERS:
        raise InfoflowError(f"{where}.depth: {deepest}, but vgg16 has {VGG16_LAYERS} layers")
    if entry["decisions"] and options["unpool"] == "recorded":
        raise InfoflowError(
            f"{where}.decisions: scores of a class have no maxima to put back to where they were; set unpool: learned"
        )
    if entry["truth"] and settings["readout"] != "logits":
        raise InfoflowError(f"{where}: the scores of vgg16 are linear; set train.readout of the architecture to logits")


def _check_modular(
    name: str, entry: Mapping[str, Any], options: Mapping[str, Any], settings: Mapping[str, Any]
) -> None:
    where, kind = f"config: experiments.{name}", options["kind"]
    fixed = kind == "torchvision" or ("layers" in options and not count_repeated(options["layers"]))
    if fixed and (depths := expand_axis(f"experiments.{name}.depth", entry["depth"])) != [1]:
        why = "no entry of the layers has repeat: depth" if kind == "layers" else "a model is as deep as it is"
        raise InfoflowError(f"{where}.depth: {depths}, but {why}; set depth: [1]")
    if entry["decisions"]:
        raise InfoflowError(f"{where}.decisions: of {kind} there are no maps that undo its layers; set decisions: null")
    if entry["truth"] and settings["readout"] != "logits":
        raise InfoflowError(
            f"{where}: the scores of {kind} are what they are; set train.readout of the architecture to logits"
        )


def check_shapes(options: Mapping[str, Any], name: str, shape: tuple[int, ...], depth: int) -> None:
    """Refuse a list of layers that cannot take images of a shape, at the depth of the network.

    Raises:
        InfoflowError: the message names the key.
    """
    if "layers" in options:
        follow(options["layers"], channels_first(shape), depth, f"config: architectures.{name}.layers")


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
