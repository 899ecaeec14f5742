"""Networks that are modules of PyTorch, one per replica: kinds `layers`, `module` and `torchvision`.

They have no maps of the engine, and no inverses of these: states are captured as a module runs, `modules.capture`.
Inputs are images [channel, row, column] or vectors.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn

from infoflow.architectures.layer_lists import channels_first
from infoflow.engine.initialization import COMMON, Ensemble, generator
from infoflow.errors import InfoflowError

GAUSSIAN, OWN = "gaussian", "own"
"""Where the weights of an untrained network come from, see `draw_module`."""


@dataclass(frozen=True)
class Modular:
    """What is the same of all replicas.

    Attributes:
        name: of the kind and of what it is, for messages.
        make: a new module, whose random numbers are torch's own.
        image_shape: of an input as data sets have it: [row, column], [row, column, channel] or [unit].
        classes: number of scores that it gives.
        weights: GAUSSIAN or OWN.
        colour: whether it takes three channels, and grey levels three times.
    """

    name: str
    make: Callable[[], nn.Module]
    image_shape: tuple[int, ...]
    classes: int
    weights: str
    colour: bool = False

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of an input of the module."""
        shape = channels_first(self.image_shape)
        return (3, *shape[1:]) if self.colour and shape[0] == 1 else shape

    def inputs(self, images: torch.Tensor) -> torch.Tensor:
        """Images [M, *image_shape] as the module takes them, [M, *input_shape], without a copy."""
        if len(self.image_shape) > 1:
            images = images.movedim(-1, 1) if len(self.image_shape) == 3 else images[:, None]
        return images.expand(len(images), *self.input_shape)


def draw_module(network: Modular, ensemble: Ensemble, replica: int, **to) -> nn.Module:
    """A replica before training.

    First the module is made, with its own initialisation. Then either (`gaussian`) its matrices are drawn anew as
    N(0, σ_w²/fan_in), and their biases as N(0, σ_b²), or (`own`) the matrices are multiplied by σ_w, the biases by σ_b.
    Matrices are all parameters with `weight` in their name and two axes or more, fan_in the size of one of their rows;
    biases those with `bias` in their name in modules that have a matrix. All else is left as it was made: gains and
    biases of normalisations, slopes, positions, tokens.

    Args:
        to: dtype and device.

    Raises:
        InfoflowError: the module cannot be made, has no matrix, or does not take the images or give the scores.
    """
    with seeded(stream_of(ensemble, "module", replica)):
        module = _make(network)
    matrices, biases = find_parameters(module)
    if not matrices:
        raise InfoflowError(f"{network.name}: has no matrix of weights, a parameter named weight with two axes or more")
    with torch.no_grad():
        for name, p in (matrices | biases).items():
            scale = math.sqrt(ensemble.sigma_w2 if name in matrices else ensemble.sigma_b2)
            if network.weights == GAUSSIAN:
                stream = stream_of(ensemble, "module weights", name, replica)
                fan_in = p[0].numel() if name in matrices else 1
                p.copy_(torch.randn(p.shape, generator=stream) / math.sqrt(fan_in))
            p.mul_(scale)
    _try(network, module)
    return module.to(**to)


def stream_of(ensemble: Ensemble, purpose: str, *labels: str | int) -> torch.Generator:
    """Random numbers of a network, as independent of those at other (σ_w², σ_b²) as `Ensemble.draws` says."""
    of = () if ensemble.draws == COMMON else (f"w{float(ensemble.sigma_w2)!r}", f"b{float(ensemble.sigma_b2)!r}")
    return generator(ensemble.seed, purpose, *labels, *of)


def find_parameters(module: nn.Module) -> tuple[dict[str, nn.Parameter], dict[str, nn.Parameter]]:
    """Matrices of weights, and their biases, by name; see `draw_module`."""
    matrices, biases = {}, {}
    for prefix, part in module.named_modules():
        own = {f"{prefix}.{name}".lstrip("."): p for name, p in part.named_parameters(recurse=False)}
        found = {name: p for name, p in own.items() if p.ndim > 1 and "weight" in name.rpartition(".")[2]}
        matrices |= found
        if found:
            biases |= {name: p for name, p in own.items() if "bias" in name.rpartition(".")[2]}
    return matrices, biases


@contextmanager
def seeded(stream: torch.Generator, device: torch.device | None = None) -> Iterator[None]:
    """Torch's own random state, of the CPU and of a device, seeded from a stream, and afterwards as it was."""
    seed = int(torch.randint(2**62, (), generator=stream))
    cuda = device is not None and device.type == "cuda"
    with torch.random.fork_rng([device] if cuda else []):
        torch.random.default_generator.manual_seed(seed)
        if cuda:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield


def _make(network: Modular) -> nn.Module:
    try:
        module = network.make()
    except InfoflowError:
        raise
    except Exception as error:  # the code of others
        raise InfoflowError(f"{network.name}: cannot be made: {_say(error)}") from error
    if not isinstance(module, nn.Module):
        raise InfoflowError(f"{network.name}: gives a {type(module).__name__}, not a torch.nn.Module")
    return module


@torch.no_grad()
def _try(network: Modular, module: nn.Module) -> None:
    """Whether it takes the images and gives the scores; two of them, without changing what it keeps."""
    shape = " x ".join(map(str, network.input_shape))
    modes = {part: part.training for part in module.modules()}
    try:
        scores = module.eval()(torch.zeros(2, *network.input_shape))
    except Exception as error:
        raise InfoflowError(f"{network.name}: does not take images of {shape}: {_say(error)}") from error
    finally:
        for part, mode in modes.items():
            part.training = mode
    given = tuple(scores.shape) if isinstance(scores, torch.Tensor) else type(scores).__name__
    if given != (2, network.classes):
        raise InfoflowError(
            f"{network.name}: of two images {shape} it gives {given}, not scores (2, {network.classes})"
        )


def _say(error: Exception) -> str:
    return f"{type(error).__name__}, {' '.join(str(error).split())}"
