"""How much work the steps are that the jobs of several studies are made of.

Every function gives amounts for `jobs.costs.Work`: operations in 10⁹, calls in 10⁶, memory in MB. Standard library
only: every parse of the workflow imports this, and no job does.
"""

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

from infoflow.architectures.sizes import Size, size_of
from infoflow.datasets.kinds import DATASETS, image_shape, set_sizes, whole_sizes
from infoflow.jobs.costs import CALLS

GIGA, MEGA = 1e9, 1e6
BYTES = {"float32": 4, "float64": 8}
CACHE, KEPT = 4 << 20, 1 << 30
"""Bytes: of `engine.parallel`, and of the activations that `reconstruction.walk` keeps."""
PART, FREED = 64 << 20, 32 << 20
"""Bytes: of the parts in which images are worked through, and of what the system's allocator frees at once."""
PIXELS = 1 << 14
"""Of `reconstruction.ridge`."""
UNKNOWN_SHAPE, UNKNOWN_SAMPLES = (28, 28), 60_000
"""Of data sets that are known when they are read."""

Options = Mapping[str, Any]


def shape_of(data: Options) -> tuple[int, ...]:
    """Of an image of a data set, from its options."""
    return image_shape(data) or UNKNOWN_SHAPE


def samples_of(data: Options) -> tuple[int, int]:
    """Images for training and for testing."""
    train, test = set_sizes(data)
    return train or UNKNOWN_SAMPLES, test or UNKNOWN_SAMPLES // 6


def network_of(parameters: Options, depth: int) -> Size:
    """The networks of a job, from its parameters `architecture` and `data`."""
    return size_of(parameters["architecture"], shape_of(parameters["data"]["options"]), depth)


def data_memory(data: Options, itemsize: int = 4) -> float:
    """MB of a whole data set."""
    return sum(samples_of(data)) * math.prod(shape_of(data)) * itemsize / MEGA


def reading(data: Options) -> dict[str, float]:
    """Of a data set that was prepared."""
    return {"read": data_memory(data) / 1000}


def preparing(data: Options) -> dict[str, float]:
    """Of a data set, from its original files."""
    whole = sum(n or m for n, m in zip(whole_sizes(data), samples_of(data)))
    shape = shape_of(data)
    values = 3 * math.prod(shape[:2]) if "colour" in DATASETS[data["kind"]].optional else math.prod(shape)
    return {"original": whole * values / GIGA, "read": data_memory(data) / 1000}


def training(network: Size, data: Options, train: Options, replicas: int, rates: int = 1) -> dict[str, float]:
    """Of a full training by gradient descent, all epochs at all rates."""
    train_samples, test_samples = samples_of(data)
    passes = train["epochs"] * rates * replicas
    steps = train["epochs"] * rates * math.ceil(train_samples / train["batch_size"])
    together = _at_once(network, replicas)
    adaptive = train.get("optimizer", "sgd") not in ("sgd",)
    return {
        "products": 2 * (3 * train_samples + test_samples) * network.products * passes / GIGA,
        "states": (3 * train_samples + test_samples) * network.units * passes / GIGA,
        "updates": (4 if adaptive else 1) * steps * network.weights * replicas / GIGA,
        CALLS: steps * network.depth * math.ceil(replicas / together) / MEGA,
    }


def _at_once(network: Size, replicas: int) -> int:
    """Replicas that are trained side by side on a CPU: see `engine.training`."""
    return max(1, min(replicas, CACHE // max(1, 4 * network.weights // max(1, network.depth))))


def training_memory(network: Size, data: Options, train: Options, replicas: int, itemsize: int) -> dict[str, float]:
    """Of weights with their moments, of the states of a batch, and of the images, tested in parts."""
    optimizer = train.get("optimizer", "sgd")
    copies = 1 + (2 if optimizer != "sgd" else bool(train.get("momentum")))
    tested = samples_of(data)[1] * network.widest * replicas * itemsize
    return {
        "weights": copies * network.weights * _at_once(network, replicas) * itemsize / MEGA,
        "states": 2 * train["batch_size"] * network.units * replicas * itemsize / MEGA,
        "tested": min(tested, PART) / MEGA,
        "data": data_memory(data, itemsize),
        "fragments": fragments(network, replicas, itemsize),
    }


def fragments(network: Size, replicas: int, itemsize: int) -> float:
    """MB of the weights of a layer; what is as small as that is not always given back when it is freed."""
    largest = max((layer.weights for layer in network.layers), default=0)
    return min(replicas * largest * itemsize, FREED) / MEGA


def drawing(network: Size, replicas: int) -> dict[str, float]:
    """Of random weights."""
    return {"drawn": network.weights * replicas / GIGA}


def inverting_with_adam(network: Size, data: Options, probe: Options, replicas: int) -> dict[str, float]:
    """Of the reconstruction networks of all layers, by Adam."""
    samples, epochs = samples_of(data)[0], probe["epochs"]
    steps = epochs * math.ceil(samples / probe["batch_size"])
    calls = 0
    for layer in network.layers:
        together = max(1, min(CACHE // max(1, 16 * layer.weights), KEPT // (4 * samples * max(1, layer.outputs))))
        calls += math.ceil(layer.repeated * replicas / together)
    return {
        "products": 6 * samples * epochs * network.products * replicas / GIGA,
        "states": samples * epochs * network.units * replicas / GIGA,
        "updates": steps * network.weights * replicas / GIGA,
        CALLS: steps * calls / MEGA,
        **drawing(network, 2 * replicas),
    }


def inverting_by_regression(network: Size, data: Options, probe: Options, replicas: int) -> dict[str, float]:
    """Of the reconstruction networks of all layers, by ridge regression."""
    there = samples_of(data)[0]
    samples = min(there, probe.get("ridge_samples") or there)
    products = factors = 0.0
    for layer in network.layers:
        if not layer.weights:
            continue
        number = min(samples * layer.places, PIXELS) if layer.places > 1 else samples
        around, targets = layer.around, layer.inputs / layer.places
        small = min(number, around)
        products += layer.repeated * 2 * number * small * (around + targets + small)
        factors += layer.repeated * (small**3 / 3 + 2 * small**2 * targets)
    forward = 2 * samples * network.products
    return {
        "products": replicas * (products + forward) / GIGA,
        "factors": replicas * factors / GIGA,
        **drawing(network, replicas),
    }


def composing(network: Size, samples: int, replicas: int) -> dict[str, float]:
    """Of the cascades of the inverses of all layers, on some images."""
    passed, above = 0.0, 0
    for layer in network.layers:
        n = layer.repeated
        passed += layer.weights * layer.places * (n * above + n * (n + 1) / 2)
        above += n
    return {"composed": 2 * replicas * samples * passed / GIGA}


def reconstructions_memory(network: Size, samples: int, replicas: int) -> float:
    """MB of the reconstructions from all layers, in the type that they are kept in."""
    return replicas * network.depth * samples * network.pixels * 4 / MEGA


def inverses_memory(network: Size, data: Options, samples: int, replicas: int, itemsize: int) -> dict[str, float]:
    """Of a probe that finds reconstruction networks."""
    kept = min(2 * replicas * samples_of(data)[0] * network.widest * itemsize, 2 * KEPT)
    passed = replicas * network.depth * samples
    return {
        "data": data_memory(data, itemsize),
        "weights": 2 * replicas * network.weights * itemsize / MEGA,
        "solved": max(
            min(PIXELS, layer.around) * (layer.around + min(layer.inputs, PIXELS)) for layer in network.layers
        )
        * 8
        / MEGA,
        "convolved": min(
            max(passed * 9 * layer.outputs * (layer.places > 1) for layer in network.layers) * itemsize, PART
        )
        / MEGA,
        "fragments": fragments(network, replicas, itemsize),
        "kept": kept / MEGA,
        "reconstructions": reconstructions_memory(network, samples, replicas),
        "passing": replicas * network.depth * samples * network.widest * itemsize / MEGA,
    }


def by_kernels(network: Size, probe: Options, replicas: int) -> dict[str, float]:
    """Of the kernel cascade."""
    fit, evaluated = probe["kernel_samples"], probe["evaluation_samples"]
    both, short = fit + evaluated, min(fit, network.pixels)
    return {
        "products": 2 * replicas * both * network.products / GIGA,
        "grams": 2 * replicas * both * fit * network.units / GIGA,
        "factors": replicas * network.depth * (fit**3 / 3 + 2 * fit**2 * short + 2 * both * fit * short) / GIGA,
        "measured": replicas * network.depth * evaluated * network.pixels / GIGA,
        "layers": replicas * network.depth / MEGA,
        **drawing(network, replicas),
    }


def kernels_memory(network: Size, probe: Options, pictures: int, replicas: int, itemsize: int) -> dict[str, float]:
    """Of the kernel cascade, which keeps two layers at a time."""
    fit, evaluated = probe["kernel_samples"], probe["evaluation_samples"]
    largest = max((layer.weights for layer in network.layers), default=0)
    return {
        "states": replicas * (fit + evaluated) * network.widest * itemsize / MEGA,
        "grams": replicas * (fit + evaluated) * fit * 8 / MEGA,
        "layer": replicas * largest * itemsize / MEGA,
        # one after the other, but not all of what is freed is given back
        "drawn": replicas * network.weights * itemsize / MEGA,
        "parts": min(2 * replicas * (fit + evaluated) * network.widest * itemsize, 2 * PART) / MEGA,
        "images": replicas * (fit + evaluated) * network.pixels * 8 / MEGA,
        "pictures": replicas * network.depth * pictures * network.pixels * 4 / MEGA,
    }


def by_theory(depth: int, probe: Options) -> dict[str, float]:
    """Of the theory of the kernel cascade."""
    fit, evaluated = probe["kernel_samples"], probe["evaluation_samples"]
    return {
        "products": depth * 2 * (fit + evaluated) * fit * (fit + 64) / GIGA,
        "factors": depth * 7 * fit**3 / 3 / GIGA,
        "elements": depth * (fit + evaluated) * fit / GIGA,
    }


def added(*amounts: Mapping[str, float], times: float = 1) -> dict[str, float]:
    """Amounts of several steps, term by term."""
    total: Counter[str] = Counter()
    for one in amounts:
        for term, amount in one.items():
            total[term] += amount * times
    return dict(total)
