"""Families of small networks over grids that straddle the boundary of trainability.

A network has learned if it classifies 70 % of its training set, digits of 8 × 8 pixels or short sequences, within a few
hundred steps. The arm of a case is its optimiser, so that one network can be there with several of them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import product
from typing import Any

import torch
from torch import nn

from infoflow.modules.training import Recipe, Success, parse_optimizer
from infoflow.studies.check_calibration.networks import parts
from infoflow.studies.check_calibration.networks.case import Case
from infoflow.studies.check_calibration.networks.parts import initialise, mlp
from infoflow.studies.check_calibration.networks.tasks import LENGTH, TOKENS

STEPS, BATCH = 400, 64
WIDTH, CHANNELS, TOKEN_WIDTH = 64, 12, 32
"""Of dense layers, convolutions, transformers."""

INITIALISATIONS: dict[str, parts.Draw | None] = {
    "default": None,
    "glorot": parts.glorot,
    "he": parts.he,
    "lecun": parts.lecun,
    "orthogonal": parts.orthogonal,
    "small": parts.normal(0.01),
    "large": parts.variance(16.0),
}
"""By name; `small` and `large` are what people take who do not think of the fan-in."""


def _case(
    family: str, name: str, arm: str, build: Callable[[], nn.Module], facts: Mapping[str, Any], **others: Any
) -> Case:
    """A case of digits, flat or images, unless `others` say otherwise."""
    settings = {"data": "digits_flat", "steps": STEPS, "batch_size": BATCH, "bound": 0.7, **others}
    success = Success(bound=settings["bound"])
    base = Recipe(steps=settings["steps"], batch_size=settings["batch_size"], success=success)
    return Case(f"{family}_{name}", family, arm, build, settings["data"], parse_optimizer(arm, base), facts=facts)


def _dense(
    depth: int,
    activation: Callable[[], nn.Module],
    weights: parts.Draw | None,
    biases: parts.Draw | None = nn.init.zeros_,
    norm: Callable[[int], nn.Module] | None = None,
) -> nn.Module:
    """`depth` hidden layers of 64 inputs, and a readout drawn like them."""
    return initialise(mlp([64, *[WIDTH] * depth, 10], activation, norm=norm), weights, biases)


def _convolutions(depth: int, weights: parts.Draw | None, norm: bool = False) -> nn.Module:
    """3 × 3 convolutions with ReLU, pooled to 4 × 4 pixels behind half of them, and one dense layer of their means."""
    layers: list[nn.Module] = []
    channels = 1
    for k in range(depth):
        layers.append(nn.Conv2d(channels, CHANNELS, 3, padding=1))
        channels = CHANNELS
        layers += [nn.BatchNorm2d(channels)] if norm else []
        layers.append(nn.ReLU())
        if k == (depth - 1) // 2:
            layers.append(nn.MaxPool2d(2))
    return initialise(nn.Sequential(*layers, nn.Flatten(), nn.Linear(16 * channels, 10)), weights)


def _residual_convolutions(blocks: int, weights: parts.Draw | None, factor: float, norm: bool) -> nn.Module:
    """Blocks of two convolutions on a stream of 4 × 4 pixels."""

    def block() -> nn.Module:
        def half() -> list[nn.Module]:
            convolution = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)
            return [nn.BatchNorm2d(CHANNELS), nn.ReLU(), convolution] if norm else [nn.ReLU(), convolution]

        return parts.Residual(nn.Sequential(*half(), *half()), factor=factor)

    stem = [nn.Conv2d(1, CHANNELS, 3, padding=1), nn.MaxPool2d(2)]
    end = [nn.Flatten(), nn.Linear(16 * CHANNELS, 10)]
    return initialise(nn.Sequential(*stem, *(block() for _ in range(blocks)), *end), weights)


def _residual_dense(blocks: int, weights: parts.Draw, factor: float, activation: Callable[[], nn.Module]) -> nn.Module:
    """x + factor · W φ(V x), with a dense layer before and one behind."""

    def block() -> nn.Module:
        return parts.Residual(
            nn.Sequential(nn.Linear(WIDTH, WIDTH), activation(), nn.Linear(WIDTH, WIDTH)), factor=factor
        )

    chain = nn.Sequential(nn.Linear(64, WIDTH), *(block() for _ in range(blocks)), nn.Linear(WIDTH, 10))
    return initialise(chain, weights)


def _attention(task: str, layers: int, pre_norm: bool, gain: float = 1.0, equal: bool = False) -> nn.Module:
    """An encoder of digits, cut into 16 patches, or of sequences; the matrices of its layers times `gain`."""
    if task == "digits":
        embedding, tokens, classes = parts.Patches(1, 2, TOKEN_WIDTH), 16, 10
    else:
        embedding, tokens, classes = nn.Embedding(TOKENS, TOKEN_WIDTH), LENGTH, TOKENS
    network = parts.Transformer(embedding, tokens, TOKEN_WIDTH, layers, classes=classes, pre_norm=pre_norm, equal=equal)
    for p in network.layers.parameters():
        if p.ndim > 1:
            p.data.mul_(gain)
    return network


def _mlp_tanh() -> Iterator[Case]:
    for sigma_w2, depth in product((0.3, 0.6, 0.9, 1.2, 1.76, 2.5, 4.0, 8.0), (4, 10, 20, 32)):
        build = partial(_dense, depth, nn.Tanh, parts.variance(sigma_w2), parts.normal(0.05**0.5))
        facts = {"depth": depth + 1, "width": WIDTH, "sigma_w2": sigma_w2}
        yield _case("mlp_tanh", f"w{sigma_w2:.2f}_d{depth:02d}", "sgd:0.05", build, facts)


def _mlp_initialisations() -> Iterator[Case]:
    activations = {"relu": nn.ReLU, "gelu": nn.GELU, "sigmoid": nn.Sigmoid}
    for (name, activation), (how, weights), depth in product(activations.items(), INITIALISATIONS.items(), (3, 8, 16)):
        build = partial(_dense, depth, activation, weights)
        arm = "adam:1e-3" if (depth == 8) == (how in ("he", "large", "small")) else "sgd:0.1"
        facts = {"depth": depth + 1, "width": WIDTH, "activation": name, "initialisation": how}
        yield _case("mlp", f"{name}_{how}_d{depth:02d}", arm, build, facts)


def _mlp_rates() -> Iterator[Case]:
    arms = (
        *("sgd:0.0001", "sgd:0.01", "sgd:0.3", "sgd:3", "sgd:30", "sgd:0.03,momentum=0.9", "sgd:1,momentum=0.9"),
        *("adam:1e-5", "adam:3e-4", "adam:0.01", "adam:0.1", "adam:1", "adamw:3e-4,warmup=100", "adamw:0.3"),
    )
    for depth, arm in product((2, 6), arms):
        build = partial(_dense, depth, nn.ReLU, parts.he)
        yield _case("mlp_rates", f"d{depth:02d}", arm, build, {"depth": depth + 1, "width": WIDTH})


def _mlp_norm() -> Iterator[Case]:
    norms = {"layer": nn.LayerNorm, "batch": nn.BatchNorm1d}
    arms = ("sgd:0.1", "sgd:30", "adam:1e-3", "adam:0.3")
    for (name, norm), depth, arm in product(norms.items(), (4, 16, 40), arms):
        build = partial(_dense, depth, nn.ReLU, None, norm=norm)
        yield _case("mlp_norm", f"{name}_d{depth:02d}", arm, build, {"depth": depth + 1, "width": WIDTH})


def _cnn() -> Iterator[Case]:
    for how, depth, arm in product(
        ("default", "glorot", "he", "orthogonal", "large"), (4, 8, 14), ("sgd:0.03,momentum=0.9", "adam:1e-3")
    ):
        build = partial(_convolutions, depth, INITIALISATIONS[how])
        facts = {"depth": depth + 1, "width": CHANNELS, "initialisation": how}
        yield _case("cnn", f"{how}_d{depth:02d}", arm, build, facts, data="digits", steps=300, batch_size=32)


def _cnn_norm() -> Iterator[Case]:
    for how, depth, arm in product(
        ("default", "large"), (4, 8, 14), ("sgd:0.1", "sgd:30", "adam:1e-3", "adam:0.3", "sgd:0.0003")
    ):
        build = partial(_convolutions, depth, INITIALISATIONS[how], True)
        facts = {"depth": depth + 1, "width": CHANNELS, "initialisation": how}
        yield _case("cnn_norm", f"{how}_d{depth:02d}", arm, build, facts, data="digits", steps=300, batch_size=32)


def _resnet() -> Iterator[Case]:
    for how, blocks, scaled in product(("default", "he", "large"), (3, 8, 16), ("one", "depth", "tenth")):
        factor = {"one": 1.0, "depth": blocks**-0.5, "tenth": 0.1}[scaled]
        build = partial(_residual_convolutions, blocks, INITIALISATIONS[how], factor, False)
        facts = {"depth": blocks, "width": CHANNELS, "initialisation": how, "branch": factor}
        name = f"{how}_{scaled}_b{blocks:02d}"
        yield _case("resnet", name, "sgd:0.03", build, facts, data="digits", steps=300, batch_size=32)


def _resnet_norm() -> Iterator[Case]:
    for blocks, scaled, arm in product(
        (3, 10), ("one", "depth"), ("sgd:0.1", "sgd:3", "sgd:100", "adam:1e-3", "adam:1")
    ):
        factor = 1.0 if scaled == "one" else blocks**-0.5
        build = partial(_residual_convolutions, blocks, None, factor, True)
        facts = {"depth": blocks, "width": CHANNELS, "branch": factor}
        name = f"{scaled}_b{blocks:02d}"
        yield _case("resnet_norm", name, arm, build, facts, data="digits", steps=300, batch_size=32)


def _mlp_residual() -> Iterator[Case]:
    for sigma_w2, blocks, scaled in product((0.1, 1.0, 2.0, 4.0), (4, 12, 30), ("one", "depth", "tenth")):
        factor = {"one": 1.0, "depth": blocks**-0.5, "tenth": 0.1}[scaled]
        activation = nn.Tanh if blocks == 12 else nn.ReLU
        build = partial(_residual_dense, blocks, parts.variance(sigma_w2), factor, activation)
        facts = {"depth": blocks, "width": WIDTH, "sigma_w2": sigma_w2, "branch": factor}
        yield _case("mlp_residual", f"w{sigma_w2:.2f}_{scaled}_b{blocks:02d}", "sgd:0.03", build, facts)


def _transformers(family: str, pre_norm: bool) -> Iterator[Case]:
    arms = ("adam:1e-3", "adam:0.03", "adamw:3e-3,warmup=100", "sgd:0.1")
    for task, layers, arm in product(("digits", "first_token"), (2, 5, 10), arms):
        build = partial(_attention, task, layers, pre_norm)
        facts = {"depth": layers, "width": TOKEN_WIDTH}
        yield _case(family, f"{task}_l{layers:02d}", arm, build, facts, data=task, steps=300, batch_size=32)
    for layers, gain in product((2, 5, 10), (0.1, 4.0)):
        build = partial(_attention, "digits", layers, pre_norm, gain)
        facts = {"depth": layers, "width": TOKEN_WIDTH, "gain": gain}
        name = f"digits_gain{gain:.1f}_l{layers:02d}"
        yield _case(family, name, "adam:1e-3", build, facts, data="digits", steps=300, batch_size=32)


def _equal_layers() -> Iterator[Case]:
    """As `nn.TransformerEncoder` makes them, which copies one layer."""
    for pre_norm, layers in product((True, False), (2, 5, 10)):
        family = "transformer_pre" if pre_norm else "transformer_post"
        build = partial(_attention, "digits", layers, pre_norm, equal=True)
        facts = {"depth": layers, "width": TOKEN_WIDTH, "equal": True}
        name = f"digits_equal_l{layers:02d}"
        yield _case(family, name, "adam:1e-3", build, facts, data="digits", steps=300, batch_size=32)


def _mlp_images() -> Iterator[Case]:
    """Larger images, of which some are neither scaled nor centred."""
    for data, how, depth in product(
        ("mnist_flat", "mnist_standardised", "fashion_255"), ("default", "he", "small", "large"), (2, 8)
    ):
        build = partial(_image_network, depth, INITIALISATIONS[how])
        facts = {"depth": depth + 1, "width": WIDTH, "initialisation": how}
        yield _case("mlp_images", f"{data}_{how}_d{depth:02d}", "sgd:0.05", build, facts, data=data)


def _image_network(depth: int, weights: parts.Draw | None) -> nn.Module:
    return initialise(mlp([784, *[WIDTH] * depth, 10]), weights)


def _scaled(factor: float) -> Callable[[nn.Module], None]:
    def spoil(layer: nn.Module) -> None:
        layer.weight.data.mul_(factor)

    return spoil


def _shifted(value: float) -> Callable[[nn.Module], None]:
    def spoil(layer: nn.Module) -> None:
        layer.bias.data.fill_(value)

    return spoil


def _equal_units(layer: nn.Module) -> None:
    layer.weight.data.copy_(layer.weight.data[:1].expand_as(layer.weight))


def _half_zero(layer: nn.Module) -> None:
    layer.weight.data[::2] = 0


SPOILINGS: dict[str, Callable[[nn.Module], None]] = {
    "none": lambda layer: None,
    "zero": _scaled(0.0),
    "tiny": _scaled(1e-4),
    "weak": _scaled(0.1),
    "huge": _scaled(100.0),
    "shifted_down": _shifted(-20.0),
    "shifted_little": _shifted(-0.5),
    "equal_units": _equal_units,
    "half_zero": _half_zero,
}
"""What is done to one layer in the middle of a network that trains."""


def _spoiled_network(host: Callable[[], nn.Module], spoil: Callable[[nn.Module], None]) -> nn.Module:
    network = host()
    layers = [part for part in network.modules() if isinstance(part, nn.Linear | nn.Conv2d)]
    with torch.no_grad():
        spoil(layers[len(layers) // 2])
    return network


def _spoiled() -> Iterator[Case]:
    hosts: dict[str, tuple[Callable[[], nn.Module], str, int, int]] = {
        "relu": (partial(_dense, 6, nn.ReLU, parts.he), "digits_flat", 7, WIDTH),
        "tanh": (partial(_dense, 6, nn.Tanh, parts.glorot), "digits_flat", 7, WIDTH),
        "cnn": (partial(_convolutions, 6, parts.he), "digits", 7, CHANNELS),
    }
    for (host, (network, data, depth, width)), (how, spoil) in product(hosts.items(), SPOILINGS.items()):
        build = partial(_spoiled_network, network, spoil)
        facts = {"depth": depth, "width": width, "layer": (depth // 2) + 1, "spoiling": how}
        yield _case("spoiled", f"{host}_{how}", "sgd:0.05", build, facts, data=data, steps=300, batch_size=32)


def _narrow() -> Iterator[Case]:
    for width, depth, activation in product((1, 2, 4, 8), (2, 8), (nn.ReLU, nn.Tanh)):
        build = partial(_narrow_network, width, depth, activation)
        name = f"{activation.__name__.lower()}_n{width}_d{depth:02d}"
        yield _case("narrow", name, "adam:0.01", build, {"depth": depth + 1, "width": width})


def _narrow_network(width: int, depth: int, activation: Callable[[], nn.Module]) -> nn.Module:
    return initialise(mlp([64, *[width] * depth, 10], activation), parts.he)


def _dropout() -> Iterator[Case]:
    for share, depth, arm in product((0.2, 0.5, 0.7, 0.9), (2, 4, 7), ("sgd:0.1", "adam:1e-3")):
        build = partial(_dropping_network, share, depth)
        name = f"p{share:.1f}_d{depth:02d}"
        yield _case("dropout", name, arm, build, {"depth": depth + 1, "width": WIDTH, "dropout": share})


def _dropping_network(share: float, depth: int) -> nn.Module:
    """Dropout behind every hidden layer, and on the inputs."""
    layers: list[nn.Module] = [nn.Dropout(share)]
    units = 64
    for _ in range(depth):
        layers += [nn.Linear(units, WIDTH), nn.ReLU(), nn.Dropout(share)]
        units = WIDTH
    return initialise(nn.Sequential(*layers, nn.Linear(units, 10)), parts.he)


def _planes() -> Iterator[Case]:
    """A disc in a ring: two units a layer cannot enclose it, whatever the depth."""
    for width, depth, activation in product((1, 2, 3, 5, 16), (1, 3, 8), (nn.Tanh, nn.ReLU)):
        build = partial(_plane_network, width, depth, activation)
        name = f"{activation.__name__.lower()}_n{width:02d}_d{depth:02d}"
        facts = {"depth": depth + 1, "width": width}
        yield _case("plane", name, "adam:0.01", build, facts, data="ring", steps=800, bound=0.9)


def _plane_network(width: int, depth: int, activation: Callable[[], nn.Module]) -> nn.Module:
    return initialise(mlp([2, *[width] * depth, 2], activation), parts.glorot)


def _dying() -> Iterator[Case]:
    """A ReLU behind the scores, biases that push them below zero: in some draws, or in all, none is left."""
    for width, shift, arm in product((4, 16, 64), (0.0, -0.5, -1.0, -2.0, -4.0), ("sgd:0.1", "adam:1e-3")):
        build = partial(_dying_network, width, shift)
        name = f"n{width:02d}_b{-shift:.1f}"
        yield _case("dying", name, arm, build, {"depth": 3, "width": width, "shift": shift})


def _dying_network(width: int, shift: float) -> nn.Module:
    network = initialise(mlp([64, width, width, 10], nn.ReLU, last=nn.ReLU), parts.he)
    last = [part for part in network.modules() if isinstance(part, nn.Linear)][-1]
    nn.init.constant_(last.bias, shift)
    return network


MAKERS: Sequence[Callable[[], Iterator[Case]]] = (
    *(_mlp_tanh, _mlp_initialisations, _mlp_rates, _mlp_norm, _mlp_residual, _cnn, _cnn_norm, _resnet, _resnet_norm),
    *(partial(_transformers, "transformer_pre", True), partial(_transformers, "transformer_post", False)),
    *(_equal_layers, _mlp_images, _spoiled, _narrow, _dropout, _planes, _dying),
)

FAMILIES: tuple[Case, ...] = tuple(case for make in MAKERS for case in make())
"""All of them; (name, arm) is unique."""
