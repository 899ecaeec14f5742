"""Networks that people have reported not to train, each beside one that does.

Each is rebuilt at a size that trains in seconds to a few minutes, on 2,000 images where the reports have 50,000, so
that accuracies are those of the training set: whether a network learns at all, not how well it generalises. Reduced
besides: channels of VGG16, of the ResNet and of the other convolutional networks by 4 (where the variance of the
weights depends on the fan-in, it is that of the full network), widths of fields on coordinates by 2, blocks of the
vision transformer; rays through a ball stand for photographs of a scene.
"""

import math
from dataclasses import replace

import torch
from torch import nn

from infoflow.modules.training import Recipe, Success, parse_optimizer
from infoflow.studies.check_calibration.networks import parts
from infoflow.studies.check_calibration.networks.case import FAILS, TRAINS, VARIES, Case
from infoflow.studies.check_calibration.networks.parts import initialise, mlp

MANY = 20
"""Seeds of networks of which some learn."""


def _recipe(optimizer: str, batch_size: int, steps: int, success: Success, **others) -> Recipe:
    return parse_optimizer(optimizer, Recipe(batch_size=batch_size, steps=steps, success=success, **others))


def _pair(name: str, family: str, data: str, recipe: Recipe, *arms: dict) -> list[Case]:
    """Cases of one report; an arm has its own entries, and shares the others."""
    shared = {"name": name, "family": family, "data": data, "recipe": recipe}
    return [Case(**{**shared, **arm}) for arm in arms]


def _c01() -> list[Case]:
    """VGG16 with one dense layer and no norm: torch's default weights shrink the signal from layer to layer.

    At this width He's weights learn at a tenth of the rate; at the full rate they soon give the same scores everywhere.
    """
    recipe = _recipe("sgd:0.1,momentum=0.9", 128, 250, Success(bound=0.3))
    slow = replace(recipe, learning_rate=0.01)
    facts = {"depth": 14, "width": 64}

    def he() -> nn.Module:
        return initialise(parts.vgg(8), parts.he)

    default = {"build": lambda: parts.vgg(8), "mechanism": "shrinking", "expected": FAILS}
    return _pair(
        *("c01", "vgg", "cifar10", recipe),
        {"arm": "default", **default, "facts": facts},
        {"arm": "default_slow", **default, "recipe": slow, "facts": facts},
        {"arm": "he", "build": he, "recipe": slow, "expected": TRAINS, "facts": facts},
        {"arm": "he_large_step", "build": he, "mechanism": "step", "facts": facts},
        {"arm": "batch_norm", "build": lambda: parts.vgg(8, norm=True), "expected": TRAINS, "facts": facts},
    )


def _c03() -> list[Case]:
    """VGG16 with two wide dense layers: Glorot's weights halve the variance at every ReLU."""
    recipe = _recipe("sgd:0.01,momentum=0.9", 64, 250, Success(bound=0.3))
    facts = {"depth": 16, "width": 512}

    def build(weights: parts.Draw) -> nn.Module:
        return initialise(parts.vgg(8, (512, 512)), weights)

    return _pair(
        *("c03", "vgg", "cifar10", recipe),
        {
            "arm": "glorot",
            "build": lambda: build(parts.glorot),
            "mechanism": "shrinking",
            "expected": FAILS,
            "facts": facts,
        },
        {"arm": "he", "build": lambda: build(parts.he), "expected": TRAINS, "facts": facts},
    )


def _network_in_network(divided: int = 8) -> nn.Module:
    """Weights of the variance that N(0, 0.05²) has in the full network; ReLU behind the ten scores, too."""
    plan = [(5, 192), (1, 160), (1, 96), "max", (5, 192), (1, 192), (1, 192), "avg", (3, 192), (1, 192), (1, 10)]
    layers: list[nn.Module] = []
    full = channels = 3
    for entry in plan:
        if entry in ("max", "avg"):
            layers.append((nn.MaxPool2d if entry == "max" else nn.AvgPool2d)(3, 2, 1))
            continue
        size, wide = entry
        convolution = nn.Conv2d(channels, wide if wide == 10 else wide // divided, size, padding=size // 2)
        nn.init.normal_(convolution.weight, std=0.05 * math.sqrt(full / channels))
        nn.init.zeros_(convolution.bias)
        full, channels = wide, convolution.out_channels
        layers += [convolution, nn.ReLU()]
    return nn.Sequential(*layers, parts.Mean(2, 3))


def _c09() -> list[Case]:
    """Network in network with ReLU behind the scores: some of the ten are dead from the beginning, all can die."""
    recipe = _recipe("sgd:0.07,momentum=0.9", 32, 700, Success(bound=0.22))
    facts = {"depth": 9, "width": 24}
    return _pair(
        *("c09", "cnn", "cifar10_16", recipe),
        {
            "arm": "relu_scores",
            "build": _network_in_network,
            "mechanism": "dead output",
            "expected": VARIES,
            "seeds": 12,
            "facts": facts,
        },
    )


def _c10() -> list[Case]:
    """A convolutional network whose last hidden layer has two units: with ReLU both can die."""

    def build(activation: type[nn.Module]) -> nn.Module:
        return nn.Sequential(
            *(nn.Conv2d(1, 8, 5), activation(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 5), activation(), nn.MaxPool2d(2)),
            *mlp([256, 256, 256, 2, 10], activation),
        )

    recipe = _recipe("adam:0.01", 256, 300, Success(bound=0.5))
    shared = {"seeds": MANY, "facts": {"depth": 6, "width": 256, "narrowest": 2}}
    relu = {"build": lambda: build(nn.ReLU), "mechanism": "dead units", "expected": VARIES, **shared}
    return _pair(
        *("c10", "cnn", "mnist_standardised", recipe),
        {"arm": "relu", **relu},
        {"arm": "relu_slower", **relu, "recipe": replace(recipe, learning_rate=0.005)},
        {"arm": "prelu", "build": lambda: build(nn.PReLU), "expected": TRAINS, **shared},
    )


def _c11() -> list[Case]:
    """Weights and biases of variance 1, and a step as for sigmoid units: the first one kills the ReLU outputs."""

    def build() -> nn.Module:
        return initialise(mlp([784, 30, 10], last=nn.ReLU), parts.normal(1.0), parts.normal(1.0))

    recipe = _recipe("sgd:3.0", 10, 20_000, Success(bound=0.6), loss=parts.half_squared)
    facts = {"depth": 2, "width": 30}
    return _pair(
        *("c11", "mlp", "mnist_zero_one", recipe),
        {"arm": "large_step", "build": build, "mechanism": "step", "expected": FAILS, "seeds": 10, "facts": facts},
        {
            "arm": "small",
            "build": lambda: parts.scale(build(), 0.1),
            "recipe": replace(recipe, learning_rate=0.01),
            "expected": TRAINS,
            "seeds": 10,
            "facts": facts,
        },
    )


def _c12() -> list[Case]:
    """Weights of variance 1 under Adam: huge scores behind a ReLU, whose loss is soon the harmless looking ln 10.

    With He's weights and that ReLU some classes are lost from the beginning, up to four of ten, and the others learned.
    """

    def build(weights: parts.Draw, biases: parts.Draw) -> nn.Module:
        return initialise(mlp([784, 256, 256, 10], last=nn.ReLU), weights, biases)

    recipe = _recipe("adam:0.001", 64, 500, Success(bound=0.5))
    facts = {"depth": 3, "width": 256}
    return _pair(
        *("c12", "mlp", "mnist_flat", recipe),
        {
            "arm": "normal",
            "build": lambda: build(parts.normal(1.0), parts.normal(1.0)),
            "mechanism": "exploding",
            "expected": FAILS,
            "seeds": 10,
            "facts": facts,
        },
        {
            "arm": "he",
            "build": lambda: build(parts.he, nn.init.zeros_),
            "expected": TRAINS,
            "seeds": 10,
            "facts": facts,
        },
    )


def _c13() -> list[Case]:
    """Weights of N(0, 0.01²), whatever the width: nothing is left behind the third layer."""

    def build(weights: parts.Draw) -> nn.Module:
        return initialise(mlp([784, *[100] * 5, 2], nn.Tanh), weights)

    recipe = _recipe("sgd:0.1", 32, 2000, Success(bound=0.75))
    facts = {"depth": 6, "width": 100}
    return _pair(
        *("c13", "mlp", "mnist_parity", recipe),
        {
            "arm": "normal",
            "build": lambda: build(parts.normal(0.01)),
            "mechanism": "shrinking",
            "expected": FAILS,
            "facts": facts,
        },
        {"arm": "glorot", "build": lambda: build(parts.glorot), "expected": TRAINS, "facts": facts},
    )


def _c14() -> list[Case]:
    """Weights of N(0, 0.2²) in layers of 100 units: each doubles the variance, until the step is beyond stability.

    That was reported of five layers; with cross-entropy from scores, as here, it takes some eight to ten.
    """

    def build(weights: parts.Draw, hidden: int) -> nn.Module:
        return initialise(mlp([784, *[100] * hidden, 10], bias=False), weights)

    recipe = _recipe("sgd:0.01", 32, 2000, Success(bound=0.6))
    return _pair(
        *("c14", "mlp", "mnist_standardised", recipe),
        *(
            {
                "arm": f"normal_{hidden}",
                "build": lambda hidden=hidden: build(parts.normal(0.2), hidden),
                "mechanism": "exploding" if hidden > 6 else None,
                "expected": {1: TRAINS, 6: TRAINS, 8: VARIES, 10: FAILS}[hidden],
                "seeds": 10,
                "facts": {"depth": hidden + 1, "width": 100},
            }
            for hidden in (1, 6, 8, 10)
        ),
        *(
            {
                "arm": f"he_{hidden}",
                "build": lambda hidden=hidden: build(parts.he, hidden),
                "expected": TRAINS,
                "seeds": 5,
                "facts": {"depth": hidden + 1, "width": 100},
            }
            for hidden in (6, 20)
        ),
    )


def _c15() -> list[Case]:
    """Sigmoid units, squared error, one sample a step: three hidden layers learn, but far beyond the budget of one."""

    def build(hidden: int) -> nn.Module:
        def draw(w: torch.Tensor) -> None:
            nn.init.normal_(w, std=len(w) ** -0.5)

        return initialise(mlp([784, *[200] * hidden, 10], nn.Sigmoid, last=nn.Sigmoid, bias=False), draw)

    recipe = _recipe("sgd:0.2", 1, 1200, Success(bound=0.8), loss=parts.half_squared)
    return _pair(
        *("c15", "mlp", "mnist_100", recipe),
        {
            "arm": "deep",
            "build": lambda: build(3),
            "mechanism": "slow",
            "expected": FAILS,
            "facts": {"depth": 4, "width": 200},
        },
        {"arm": "shallow", "build": lambda: build(1), "expected": TRAINS, "facts": {"depth": 2, "width": 200}},
        {
            "arm": "deep_longer",
            "build": lambda: build(3),
            "data": "mnist_2000",
            "recipe": replace(recipe, steps=20_000, evaluations=40),
            "expected": TRAINS,
            "facts": {"depth": 4, "width": 200},
        },
    )


def _c16() -> list[Case]:
    """Dropout of one half before every layer: its noise hides the signal; the initialisation is innocent."""

    def build(dropout: float) -> nn.Module:
        return initialise(mlp([3072, 600, 200, 100, 100, 10], dropout=dropout), parts.glorot)

    recipe = _recipe("sgd:0.01", 64, 600, Success(bound=0.3))
    facts = {"depth": 5, "width": 100}
    return _pair(
        *("c16", "mlp", "cifar10", recipe),
        {"arm": "dropout", "build": lambda: build(0.5), "mechanism": "noise", "expected": FAILS, "facts": facts},
        {"arm": "without", "build": lambda: build(0.0), "expected": TRAINS, "facts": facts},
    )


def _c17() -> list[Case]:
    """Sigmoid units with weights of U(±0.1): behind a second hidden layer the output is constant."""

    def build(hidden: int) -> nn.Module:
        return initialise(
            mlp([11, *[20] * hidden, 5], nn.Sigmoid, last=nn.Sigmoid), parts.uniform(0.1), parts.uniform(0.1)
        )

    recipe = _recipe("sgd:0.1", 1, 5000, Success(bound=0.6), loss=parts.half_squared)
    return _pair(
        *("c17", "mlp", "table", recipe),
        {
            "arm": "two_layers",
            "build": lambda: build(2),
            "mechanism": "shrinking",
            "expected": FAILS,
            "seeds": 5,
            "facts": {"depth": 3, "width": 20},
        },
        {
            "arm": "one_layer",
            "build": lambda: build(1),
            "expected": TRAINS,
            "seeds": 5,
            "facts": {"depth": 2, "width": 20},
        },
    )


def _c19() -> list[Case]:
    """A disc in a ring cannot be cut out by layers of two units, however many.

    Three units can do it, and for most draws Adam finds out how; of as many layers of six it always does.
    """

    def arm(width: int, **others) -> dict:
        return {
            "arm": f"width_{width}",
            "build": lambda: initialise(mlp([2, *[width] * 15, 2], nn.Tanh), parts.glorot),
            "seeds": 10,
            "facts": {"depth": 16, "width": width},
            **others,
        }

    recipe = _recipe("adam:0.005", 100, 4000, Success(bound=0.99))
    return _pair(
        *("c19", "mlp", "ring", recipe),
        arm(2, mechanism="capacity", expected=FAILS),
        arm(3),
        arm(6, expected=TRAINS),
    )


def _c20() -> list[Case]:
    """Grey levels from 0 to 255 as they are.

    Adam overcomes them: accuracy rises as fast as with scaled levels; only the loss, of scores in the hundreds, stays
    worse than that of a constant for the whole budget. So it is the loss that tells.
    """

    def build() -> nn.Module:
        return initialise(mlp([784, 128, 128, 10]), parts.glorot)

    recipe = _recipe("adam:0.001", 32, 100, Success("loss", 0.4))
    facts = {"depth": 3, "width": 128}
    return _pair(
        *("c20", "mlp", "fashion_255", recipe),
        {
            "arm": "levels_255",
            "build": build,
            "mechanism": "input scale",
            "expected": FAILS,
            "seeds": 5,
            "facts": facts,
        },
        {"arm": "scaled", "build": build, "data": "fashion", "expected": TRAINS, "seeds": 5, "facts": facts},
    )


def _c21() -> list[Case]:
    """Seven points of a line, four hidden units, and a ReLU behind the output, which is dead more often than not.

    Without that ReLU the hidden units can be dead still.
    """

    def build(last: type[nn.Module]) -> nn.Module:
        return initialise(mlp([1, 4, 2, 1], last=last), parts.glorot)

    recipe = _recipe("adam:0.001", 7, 8000, Success("loss", 0.5, "initial"), loss="mse")
    facts = {"depth": 3, "width": 4, "narrowest": 1}
    return _pair(
        *("c21", "mlp", "line", recipe),
        {
            "arm": "relu_output",
            "build": lambda: build(nn.ReLU),
            "mechanism": "dead output",
            "expected": VARIES,
            "seeds": 2 * MANY,
            "facts": facts,
        },
        {
            "arm": "linear_output",
            "build": lambda: build(nn.Identity),
            "mechanism": "dead units",
            "expected": VARIES,
            "seeds": MANY,
            "facts": facts,
        },
    )


def _c23() -> list[Case]:
    """A pre-activation ResNet without the norm before the pooling: the sum of all branches is large for the step.

    It overflows within 21 to 30 steps of a budget that is thousands in the report.
    """
    recipe = _recipe("sgd:0.1,momentum=0.9", 64, 256, Success(bound=0.35))
    facts = {"depth": 18, "width": 256}
    return _pair(
        *("c23", "resnet", "cifar10_16", recipe),
        {
            "arm": "without_last_norm",
            "build": lambda: parts.preactivation_resnet(32, last_norm=False),
            "mechanism": "step",
            "expected": FAILS,
            "facts": facts,
        },
        {"arm": "with_it", "build": lambda: parts.preactivation_resnet(32), "expected": TRAINS, "facts": facts},
    )


def _c28() -> list[Case]:
    """A deep vision transformer, norms behind the sums, torch's default weights, a large step from the first one on."""

    def build(layers: int, pre_norm: bool) -> nn.Module:
        return parts.Transformer(parts.Patches(1, 7, 128), 16, 128, layers, pre_norm=pre_norm)

    recipe = _recipe("adamw:1e-3", 16, 100, Success(bound=0.4))
    return _pair(
        *("c28", "transformer", "mnist_standardised", recipe),
        {
            "arm": "default_12",
            "build": lambda: build(12, False),
            "mechanism": "step",
            "expected": FAILS,
            "facts": {"depth": 12, "width": 128},
        },
        {
            "arm": "truncated_4",
            "build": lambda: parts.truncated(build(4, False)),
            "recipe": parse_optimizer("adamw:3e-4,warmup=50", replace(recipe, steps=200)),
            "expected": TRAINS,
            "facts": {"depth": 4, "width": 128},
        },
    )


def _c29() -> list[Case]:
    """A field of density: its ReLU is dead everywhere for about half of the seeds, and space stays empty."""
    recipe = _recipe("adam:5e-4", 64, 300, Success("loss", 0.3), loss="mse")
    facts = {"depth": 9, "width": 128, "narrowest": 1}
    return _pair(
        *("c29", "field", "opacity", recipe),
        {
            "arm": "relu",
            "build": lambda: parts.Rays(128, 8, nn.ReLU, 0.125),
            "mechanism": "dead output",
            "expected": VARIES,
            "seeds": 10,
            "facts": facts,
        },
        {
            "arm": "softplus",
            "build": lambda: parts.Rays(128, 8, nn.Softplus, 0.125),
            "expected": TRAINS,
            "seeds": 5,
            "facts": facts,
        },
    )


def _c30() -> list[Case]:
    """Sines of coordinates: the first layer has to spread over the frequencies of the image, neither less nor more.

    With too low ones the image is learned three times later, which is beyond the budget; with coordinates that count
    pixels it is noise between the pixels that were seen.
    """

    def build(first: float) -> nn.Module:
        """`first`: half of the width of the distribution of the first layer's weights, times the fan-in of 2."""
        network = mlp([2, 128, 128, 128, 1], parts.Sine)[1:]
        for part in network:
            if isinstance(part, nn.Linear):
                fan_in = part.in_features
                bound = first / 2 if fan_in == 2 else math.sqrt(6 / fan_in) / 30
                nn.init.uniform_(part.weight, -bound, bound)
        return network

    recipe = _recipe("adam:1e-4", 2048, 250, Success("loss", 0.025), loss="mse")
    facts = {"depth": 4, "width": 128}
    return _pair(
        *("c30", "field", "photograph", recipe),
        {
            "arm": "general_rule",
            "build": lambda: build(2 * math.sqrt(3) / 30),
            "mechanism": "input scale",
            "expected": FAILS,
            "facts": facts,
        },
        {
            "arm": "unscaled",
            "build": lambda: build(1.0),
            "data": "photograph_unscaled",
            "mechanism": "input scale",
            "expected": FAILS,
            "facts": facts,
        },
        {"arm": "as_published", "build": lambda: build(1.0), "expected": TRAINS, "facts": facts},
    )


def _c33() -> list[Case]:
    """A U-Net whose mask is a ReLU: where it is dead in every pixel, Dice's loss has no gradient."""
    recipe = _recipe("adam:1e-3", 16, 200, Success("loss", 0.6, "initial"), loss=parts.dice)
    facts = {"depth": 11, "width": 8, "narrowest": 1}
    return _pair(
        *("c33", "unet", "blobs", recipe),
        {
            "arm": "relu_mask",
            "build": lambda: parts.UNet(8),
            "mechanism": "dead output",
            "expected": VARIES,
            "seeds": MANY,
            "facts": facts,
        },
    )


CASES: tuple[Case, ...] = tuple(
    case
    for make in (
        *(_c01, _c03, _c09, _c10, _c11, _c12, _c13, _c14, _c15, _c16),
        *(_c17, _c19, _c20, _c21, _c23, _c28, _c29, _c30, _c33),
    )
    for case in make()
)
"""All of them; (name, arm) is unique."""
